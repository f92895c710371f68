//! The second step at sign-in: a code of an app, or a recovery code.

use super::frame::{Frame, page, page_with};
use crate::counters::Refused;
use crate::door::secret::Secret;
use crate::door::{Jar, Sent, Visitor, totp};
use crate::language::{Say, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::people::{Act, Halfway, Person, Proof};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct SignInCode {
    frame: Frame,
    problem: Option<Say>,
}

#[derive(Deserialize)]
pub struct Typed {
    code: String,
}

/// The password was right: nobody is signed in yet, and what comes next has a secret of its own. It
/// stands in the session's cookie, where no session is found by it.
pub async fn ask(
    portal: &Portal,
    visitor: &Visitor,
    headers: &HeaderMap,
    person: &Person,
) -> Result<Response, Refusal> {
    let jar = Jar { tls: portal.tls() };
    let secret = Secret::draw(&*portal.random);
    let replaces = jar.session(headers).map(|old| old.hash());
    portal
        .people
        .begin_halfway(secret.hash(), person.id, replaces, visitor.now)
        .await?;
    Ok(jar.under(&secret, Redirect::to("/sign-in/code")))
}

async fn waiting(
    portal: &Portal,
    visitor: &Visitor,
    headers: &HeaderMap,
) -> Result<Option<(Secret, Halfway)>, Refusal> {
    let jar = Jar { tls: portal.tls() };
    let Some(secret) = jar.session(headers) else {
        return Ok(None);
    };
    let halfway = portal.people.halfway(secret.hash(), visitor.now).await?;
    Ok(halfway.map(|halfway| (secret, halfway)))
}

/// The form.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    match waiting(&portal, &visitor, &headers).await? {
        Some(_) => page(
            &visitor.reader,
            &SignInCode {
                frame: Frame::new(&portal, Some(&visitor), ""),
                problem: None,
            },
        ),
        None => over(&portal, &visitor),
    }
}

/// Nothing waits for a code any more: the password comes first.
fn over(portal: &Portal, visitor: &Visitor) -> Result<Response, Refusal> {
    match visitor.person {
        Some(_) => Ok(Redirect::to("/").into_response()),
        None => {
            let sentence = say(
                "This sign-in took too long or had too many tries. Begin again with your name.",
            );
            super::sign_in::again(portal, visitor, StatusCode::UNAUTHORIZED, sentence)
        }
    }
}

/// Takes a code once and begins a session under a secret that did not exist before.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Sent(typed): Sent<Typed>,
) -> Result<Response, Refusal> {
    let Some((secret, halfway)) = waiting(&portal, &visitor, &headers).await? else {
        return over(&portal, &visitor);
    };
    let person = &halfway.person;
    if let Err(wait) = portal.throttle(|t| t.attempt_code(&person.name, visitor.now)) {
        let refusal = Refusal::Wait(wait.seconds);
        let next = refusal.sentence();
        portal.counters.refused((&refusal).into());
        let problem = say("Too many tries. {next}").put("next", next);
        return again(&portal, &visitor, refusal.status(), problem);
    }
    if !portal.people.try_halfway(secret.hash()).await? {
        return over(&portal, &visitor);
    }
    let step = totp::matching_step(&halfway.secret, &typed.code, visitor.now).map(Proof::Step);
    let proof = step.or_else(|| totp::recovery_hash(&typed.code).map(Proof::Recovery));
    let (about, next) = match proof {
        Some(Proof::Recovery(_)) => ("with a recovery code", "/account?done=recovery"),
        _ => ("with a code", "/"),
    };
    let session = Secret::draw(&*portal.random);
    let act = Act {
        who: &person.name,
        what: "signed in",
        about,
        origin: &visitor.origin,
    };
    let people = &portal.people;
    let right = match proof {
        Some(proof) => {
            let (halfway, fresh) = (secret.hash(), session.hash());
            let done = people.finish_halfway(halfway, proof, fresh, &act, visitor.now);
            done.await?
        }
        None => false,
    };
    if right {
        portal.throttle(|t| t.succeeded_code(&person.name));
        let jar = Jar { tls: portal.tls() };
        return Ok(jar.under(&session, Redirect::to(next)));
    }
    let about = format!("as {:?}, whose password was right", person.name);
    let act = visitor.act("code refused", &about);
    people.record(&act, visitor.now).await?;
    portal.counters.refused(Refused::Code);
    let problem = say(
        "This code is not right, or was used before. Wait for the next one; the clock of your phone \
         may be a minute off.",
    );
    again(&portal, &visitor, StatusCode::UNAUTHORIZED, problem)
}

fn again(
    portal: &Portal,
    visitor: &Visitor,
    status: StatusCode,
    problem: Say,
) -> Result<Response, Refusal> {
    let form = SignInCode {
        frame: Frame::new(portal, Some(visitor), ""),
        problem: Some(problem),
    };
    page_with(&visitor.reader, status, &form)
}
