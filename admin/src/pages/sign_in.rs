//! Signing in and out.

use super::frame::{Frame, page, page_with};
use super::sign_in_code;
use crate::counters::Refused;
use crate::door::password::PasswordError;
use crate::door::secret::Secret;
use crate::door::{Jar, Sent, Visitor};
use crate::language::{Say, Words as _, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::people::{Act, Person};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    name: String,
    problem: Option<Say>,
    /// By whom one may sign in instead.
    provider: Option<String>,
}

#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
}

/// The form.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    if visitor.person.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    page(
        &visitor.reader,
        &SignIn {
            frame: Frame::new(&portal, Some(&visitor), ""),
            name: String::new(),
            problem: None,
            provider: portal.provider_name(),
        },
    )
}

/// Whoever is refused learns nothing but that: name and password are never told apart, neither in
/// words nor in time.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Sent(form): Sent<Credentials>,
) -> Result<Response, Refusal> {
    let name = form.name.trim().to_owned();
    let tried = portal.throttle(|t| t.attempt(&name, &visitor.origin, visitor.now));
    if let Err(wait) = tried {
        return refused(&portal, &visitor, name, Refusal::Wait(wait.seconds));
    }
    let known = portal.people.by_name(&name).await?;
    let phc = known.as_ref().map(|(_, phc)| phc.clone());
    let right = match portal.passwords().check(form.password, phc).await {
        Ok(right) => right,
        Err(error @ PasswordError::Busy) => return Err(Refusal::Busy(error.sentence())),
        Err(_) => return Err(Refusal::Broken),
    };
    match known {
        Some((person, _)) if right && person.active => {
            portal.throttle(|t| t.succeeded(&name, &visitor.origin));
            match person.second_step {
                true => sign_in_code::ask(&portal, &visitor, &headers, &person).await,
                false => begin(&portal, &visitor, &headers, &person).await,
            }
        }
        _ => {
            let about = format!("as {name:?}");
            let act = visitor.act("sign-in refused", &about);
            portal.people.record(&act, visitor.now).await?;
            refused(&portal, &visitor, name, Refusal::SignIn)
        }
    }
}

/// Ends the session, here and in the books.
pub async fn sign_out(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let jar = Jar { tls: portal.tls() };
    if let Some(secret) = jar.session(&headers) {
        portal.people.end_session(secret.hash()).await?;
        let act = visitor.act("signed out", "");
        portal.people.record(&act, visitor.now).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(cookie) = jar.forget_session() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Begins a session under a secret that did not exist before, so that nobody can have planted it.
pub async fn begin(
    portal: &Portal,
    visitor: &Visitor,
    headers: &HeaderMap,
    person: &Person,
) -> Result<Response, Refusal> {
    let jar = Jar { tls: portal.tls() };
    let secret = Secret::draw(&*portal.random);
    let act = Act {
        who: &person.name,
        what: "signed in",
        about: "",
        origin: &visitor.origin,
    };
    let replaces = jar.session(headers).map(|old| old.hash());
    portal
        .people
        .begin_session(secret.hash(), person.id, replaces, &act, visitor.now)
        .await?;
    Ok(jar.under(&secret, Redirect::to("/")))
}

fn refused(
    portal: &Portal,
    visitor: &Visitor,
    name: String,
    refusal: Refusal,
) -> Result<Response, Refusal> {
    let (reason, problem) = match &refusal {
        Refusal::SignIn => (
            Refused::Password,
            say("The name or the password is not right."),
        ),
        other => (
            other.into(),
            say("Too many tries. {next}").put("next", other.sentence()),
        ),
    };
    portal.counters.refused(reason);
    form(portal, visitor, name, refusal.status(), problem)
}

/// The form once more, for who was on the way in.
pub fn again(
    portal: &Portal,
    visitor: &Visitor,
    status: StatusCode,
    problem: Say,
) -> Result<Response, Refusal> {
    form(portal, visitor, String::new(), status, problem)
}

fn form(
    portal: &Portal,
    visitor: &Visitor,
    name: String,
    status: StatusCode,
    problem: Say,
) -> Result<Response, Refusal> {
    let form = SignIn {
        frame: Frame::new(portal, Some(visitor), ""),
        name,
        problem: Some(problem),
        provider: portal.provider_name(),
    };
    page_with(&visitor.reader, status, &form)
}
