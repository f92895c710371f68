//! Somebody's own account: their second step at sign-in.

use super::frame::{Frame, page_with};
use crate::door::password::PasswordError;
use crate::door::secret::Secret;
use crate::door::{Jar, Sent, Visitor, totp};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use ledger::people::{Person, RECOVERY_CODES, SecondStep};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    /// Who says who they are, where they have no password here.
    provider: Option<String>,
    second_step: Option<SecondStep>,
    required: bool,
    owes: bool,
    /// Shown once, on the page that answers the form.
    fresh: Option<[String; RECOVERY_CODES]>,
    problem: Option<Say>,
    done: Option<Say>,
}

/// What an answer says beside how the account stands.
#[derive(Default)]
pub struct Told {
    /// New recovery codes.
    pub fresh: Option<[String; RECOVERY_CODES]>,
    /// Why it was not done.
    pub problem: Option<(Refusal, Say)>,
    /// What was done.
    pub done: Option<Say>,
}

#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// What every change asks for.
#[derive(Deserialize)]
pub struct Password {
    /// Of whoever is signed in.
    pub password: String,
}

/// Whoever is there; the guard has seen to it that somebody is.
pub fn person(visitor: &Visitor) -> Result<&Person, Refusal> {
    visitor.person.as_ref().ok_or(Refusal::SignIn)
}

/// The page, with what there is to say.
pub async fn answer(portal: &Portal, visitor: &Visitor, told: Told) -> Result<Response, Refusal> {
    let person = person(visitor)?;
    let status = told.problem.as_ref().map(|(refusal, _)| refusal.status());
    let second_step = portal.people.second_step(person.id).await?;
    let rule = portal.people.second_step_rule().await?;
    let page = Account {
        frame: Frame::new(portal, Some(visitor), "/account"),
        owes: person.owes_second_step && second_step.is_none(),
        required: rule.meets(person.roles),
        provider: person.provider.clone(),
        second_step,
        fresh: told.fresh,
        problem: told.problem.map(|(_, sentence)| sentence),
        done: told.done,
    };
    page_with(&visitor.reader, status.unwrap_or_default(), &page)
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(query): Query<Done>,
) -> Result<Response, Refusal> {
    let done = match query.done.as_deref() {
        Some("recovery") => Some(say(
            "You came in by a recovery code, which is used up. Get your app again, or set up another \
             one.",
        )),
        Some("removed") => Some(say(
            "Your second step is off. Other sessions were signed out.",
        )),
        _ => None,
    };
    let told = Told {
        done,
        ..Told::default()
    };
    answer(&portal, &visitor, told).await
}

/// Whether it is really them: an open session is not enough to change how the account is opened.
pub async fn is_their_password(
    portal: &Portal,
    visitor: &Visitor,
    password: String,
) -> Result<Result<(), Told>, Refusal> {
    let name = &person(visitor)?.name;
    let problem = |refusal: Refusal, sentence| {
        portal.counters.refused((&refusal).into());
        Ok(Err(Told {
            problem: Some((refusal, sentence)),
            ..Told::default()
        }))
    };
    if let Err(wait) = portal.throttle(|t| t.attempt(name, &visitor.origin, visitor.now)) {
        let refusal = Refusal::Wait(wait.seconds);
        let sentence = say("Too many tries. {next}").put("next", refusal.sentence());
        return problem(refusal, sentence);
    }
    let known = portal.people.by_name(name).await?;
    let phc = known.map(|(_, phc)| phc);
    match portal.passwords().check(password, phc).await {
        Ok(true) => {
            portal.throttle(|t| t.succeeded(name, &visitor.origin));
            Ok(Ok(()))
        }
        Ok(false) => {
            let act = visitor.act("password refused", "on the account's page");
            portal.people.record(&act, visitor.now).await?;
            let sentence = say("This is not your password; nothing was changed.");
            problem(Refusal::Unfit(sentence.clone()), sentence)
        }
        Err(error @ PasswordError::Busy) => Err(Refusal::Busy(error.sentence())),
        Err(_) => Err(Refusal::Broken),
    }
}

/// New recovery codes in place of the old ones.
pub async fn renew(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Password>,
) -> Result<Response, Refusal> {
    if let Err(told) = is_their_password(&portal, &visitor, form.password).await? {
        return answer(&portal, &visitor, told).await;
    }
    let (codes, hashes) = totp::draw_recovery(&*portal.random);
    let act = visitor.act("recovery codes made", "");
    let id = person(&visitor)?.id;
    let renewed = portal.people.renew_recovery(id, &hashes, &act, visitor.now);
    if !renewed.await? {
        return Err(Refusal::Unfit(say("Set up the second step first.")));
    }
    let told = Told {
        fresh: Some(codes),
        ..Told::default()
    };
    answer(&portal, &visitor, told).await
}

/// Takes the second step away, where no role takes one. Other sessions end, and this one gets another
/// secret.
pub async fn remove(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Password>,
) -> Result<Response, Refusal> {
    let person = person(&visitor)?;
    if portal.people.second_step_rule().await?.meets(person.roles) {
        let sentence = say("A role of yours takes a second step; an owner can change that.");
        return Err(Refusal::Unfit(sentence));
    }
    if let Err(told) = is_their_password(&portal, &visitor, form.password).await? {
        return answer(&portal, &visitor, told).await;
    }
    let session = Secret::draw(&*portal.random);
    let act = visitor.act("second step removed", "by its person");
    let fresh = Some(session.hash());
    let removed = portal
        .people
        .remove_second_step(person.id, fresh, &act, visitor.now);
    if !removed.await? {
        return Err(Refusal::Unfit(say("There is no second step to take away.")));
    }
    let jar = Jar { tls: portal.tls() };
    Ok(jar.under(&session, Redirect::to("/account?done=removed")))
}
