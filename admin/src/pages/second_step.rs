//! Setting up a second step: what an app scans, and the code that proves it did.

use super::account::{self, Password, Told, is_their_password, person};
use super::frame::{Frame, page_with};
use crate::counters::Refused;
use crate::door::secret::Secret;
use crate::door::{Jar, Sent, Visitor, totp};
use crate::draw::Qr;
use crate::language::{Say, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::people::{Confirmation, Person, SharedSecret};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "second_step.html")]
struct SecondStepPage {
    frame: Frame,
    qr: Qr,
    spelled_out: String,
    problem: Option<Say>,
}

#[derive(Deserialize)]
pub struct Typed {
    code: String,
}

fn form(
    portal: &Portal,
    visitor: &Visitor,
    shared: &SharedSecret,
    problem: Option<(StatusCode, Say)>,
) -> Result<Response, Refusal> {
    let name = &person(visitor)?.name;
    let address = totp::address(shared, portal.network.as_str(), name);
    let status = problem.as_ref().map(|(status, _)| *status);
    let page = SecondStepPage {
        frame: Frame::new(portal, Some(visitor), "/account"),
        qr: Qr::draw_bytes(address).ok_or(Refusal::Broken)?,
        spelled_out: totp::spelled_out(shared),
        problem: problem.map(|(_, sentence)| sentence),
    };
    page_with(&visitor.reader, status.unwrap_or_default(), &page)
}

/// Shows a new secret to whoever knows the password.
pub async fn offer(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(sent): Sent<Password>,
) -> Result<Response, Refusal> {
    if let Err(told) = is_their_password(&portal, &visitor, sent.password).await? {
        return account::answer(&portal, &visitor, told).await;
    }
    let shared = totp::draw(&*portal.random);
    let id = person(&visitor)?.id;
    portal
        .people
        .offer_second_step(id, &shared, visitor.now)
        .await?;
    form(&portal, &visitor, &shared, None)
}

/// A code of the new secret makes it count. The session goes on under another secret, every other one
/// of this person ends, and the recovery codes are shown, here and never again.
pub async fn confirm(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(typed): Sent<Typed>,
) -> Result<Response, Refusal> {
    let gone = Refusal::Unfit(say(
        "There is nothing to confirm any more; set the second step up again.",
    ));
    let person = person(&visitor)?;
    let offered = portal.people.second_step_offer(person.id, visitor.now);
    let shared = offered.await?.ok_or(gone.clone())?;
    if let Err(wait) = portal.throttle(|t| t.attempt_code(&person.name, visitor.now)) {
        let refusal = Refusal::Wait(wait.seconds);
        portal.counters.refused((&refusal).into());
        let problem = say("Too many tries. {next}").put("next", refusal.sentence());
        return form(
            &portal,
            &visitor,
            &shared,
            Some((refusal.status(), problem)),
        );
    }
    let Some(step) = totp::matching_step(&shared, &typed.code, visitor.now) else {
        portal.counters.refused(Refused::Code);
        let problem = say(
            "This code is not right; type the one that your app shows now. The clock of your phone \
             may be a minute off.",
        );
        let problem = Some((StatusCode::UNPROCESSABLE_ENTITY, problem));
        return form(&portal, &visitor, &shared, problem);
    };
    portal.throttle(|t| t.succeeded_code(&person.name));
    let (codes, hashes) = totp::draw_recovery(&*portal.random);
    let session = Secret::draw(&*portal.random);
    let new = Confirmation {
        secret: &shared,
        step,
        recovery: &hashes,
        session: session.hash(),
    };
    let act = visitor.act("second step set up", "");
    let confirmed = portal
        .people
        .confirm_second_step(person.id, new, &act, visitor.now);
    if !confirmed.await? {
        return Err(gone);
    }
    let told = Told {
        fresh: Some(codes),
        done: Some(say(
            "The second step is on. Your other sessions were signed out.",
        )),
        ..Told::default()
    };
    // What the page says next belongs to the session that has just begun.
    let visitor = Visitor {
        person: Some(Person {
            owes_second_step: false,
            second_step: true,
            ..person.clone()
        }),
        session: Some(session.hash()),
        form_token: session.form_token(),
        ..visitor.clone()
    };
    let jar = Jar { tls: portal.tls() };
    let page = account::answer(&portal, &visitor, told).await?;
    Ok(jar.under(&session, page))
}
