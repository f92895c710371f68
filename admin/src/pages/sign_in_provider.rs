//! Signing in by a provider: there, and back.

use super::frame::{Frame, page};
use super::welcome;
use crate::door::oidc::{Journey, STALE, Sso, SsoError, Vouched};
use crate::door::secret::{self, Secret};
use crate::door::{Jar, Visitor};
use crate::language::{Reader, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use ledger::people::{Admission, Arrival, NotAdmitted};
use serde::Deserialize;
use std::sync::Arc;

/// Of what a provider says, in log and trail.
const WHY_CHARS_MAX: usize = 300;

#[derive(Template)]
#[template(path = "sign_in_provider.html")]
struct SignedIn {
    frame: Frame,
}

fn sso(portal: &Portal) -> Result<Arc<Sso>, Refusal> {
    let none = Refusal::NotFound(say(
        "This portal signs nobody in by a provider; use name and password.",
    ));
    portal.sso.clone().ok_or(none)
}

/// Sends the browser to the provider.
pub async fn begin(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    set_out(&portal, &visitor, None).await
}

/// As [`begin`], with an invitation in hand.
pub async fn welcome(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(link): Path<String>,
) -> Result<Response, Refusal> {
    let (link, _) = welcome::find(&portal, &visitor, &link).await?;
    set_out(&portal, &visitor, Some(link)).await
}

async fn set_out(
    portal: &Portal,
    visitor: &Visitor,
    link: Option<Secret>,
) -> Result<Response, Refusal> {
    let sso = sso(portal)?;
    let journey = Journey(Secret::draw(&*portal.random));
    let address = sso.way_there(&journey, visitor.now).await;
    let address = address.map_err(|error| noted(&error))?;
    let mut answer = Redirect::to(address.as_str()).into_response();
    let jar = Jar { tls: portal.tls() };
    if let Some(cookie) = jar.keep_journey(&journey.0, link.as_ref()) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// What the provider sends back by the browser.
#[derive(Deserialize)]
pub struct Answer {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Back from the provider. The journey ends here, whatever comes of it.
pub async fn back(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Response {
    let came = arrive(&portal, &visitor, &headers, answer).await;
    let mut response = came.unwrap_or_else(Refusal::into_response);
    let jar = Jar { tls: portal.tls() };
    if let Some(cookie) = jar.forget_journey() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn arrive(
    portal: &Portal,
    visitor: &Visitor,
    headers: &HeaderMap,
    answer: Answer,
) -> Result<Response, Refusal> {
    let sso = sso(portal)?;
    let jar = Jar { tls: portal.tls() };
    let stale = || Refusal::Unfit(STALE);
    // Without its cookie an answer is somebody else's: it would sign this browser in as them.
    let (secret, link) = jar.journey(headers).ok_or_else(stale)?;
    let journey = Journey(secret);
    let state = answer.state.unwrap_or_default();
    if !secret::same(&state, &journey.state()) {
        return Err(stale());
    }
    let from_it = sso.is_from_it(answer.iss.as_deref(), visitor.now).await;
    if !from_it.map_err(|error| noted(&error))? {
        return Err(stale());
    }
    if let Some(error) = answer.error {
        let why: String = error.chars().take(WHY_CHARS_MAX).collect();
        tracing::info!(why, "the provider signed nobody in");
        return Err(Refusal::Elsewhere(say(
            "Your provider of sign-ins sent you back without signing you in, because you or it said no. \
             Begin again, or ask whoever runs the provider.",
        )));
    }
    let code = answer.code.ok_or_else(stale)?;
    // Every answer makes this house ask the provider: a stranger does that a few times.
    let tried = portal.throttle(|t| t.attempt_from(&visitor.origin, visitor.now));
    tried.map_err(|wait| Refusal::Wait(wait.seconds))?;
    let vouched = match sso.redeem(&journey, code, visitor.now).await {
        Ok(vouched) => vouched,
        Err(error) => {
            refused(portal, visitor, &error.to_string()).await?;
            return Err(noted(&error));
        }
    };
    portal.throttle(|t| t.succeeded_from(&visitor.origin));
    let admission = sso.settings.admission(link.map(|link| link.hash()));
    let session = Secret::draw(&*portal.random);
    let came = Came {
        vouched,
        admission,
        session: &session,
        replaces: jar.session(headers),
    };
    admit(portal, visitor, &sso, came).await?;
    // This address is used up: another language leads home.
    let reader = Reader {
        path: Some("/".to_owned()),
        ..visitor.reader.clone()
    };
    let frame = Frame::public(portal, &reader);
    let page = page(&reader, &SignedIn { frame });
    let mut page = jar.under(&session, page?);
    // The session's cookie comes along only from a page of this house, and this one came from the
    // provider: so it is a page, which goes on by itself, and no redirect.
    let on = HeaderValue::from_static("0; url=/");
    page.headers_mut().insert(header::REFRESH, on);
    Ok(page)
}

/// Somebody at the door.
struct Came<'a> {
    vouched: Vouched,
    admission: Admission,
    session: &'a Secret,
    replaces: Option<Secret>,
}

async fn admit(
    portal: &Portal,
    visitor: &Visitor,
    sso: &Sso,
    came: Came<'_>,
) -> Result<(), Refusal> {
    let Vouched {
        subject,
        name,
        roles,
    } = &came.vouched;
    let arrival = Arrival {
        issuer: &sso.settings.issuer,
        subject,
        name,
        roles: *roles,
        admission: came.admission,
        session: came.session.hash(),
        replaces: came.replaces.map(|old| old.hash()),
    };
    let arrived = portal.people.arrive(arrival, &visitor.origin, visitor.now);
    let sentence = match arrived.await {
        Ok(()) => return Ok(()),
        Err(NotAdmitted::Store(error)) => return Err(error.into()),
        Err(NotAdmitted::Unknown) => say(
            "Your provider knows you, and this portal does not yet. Ask an owner for an invitation, open \
             its link and sign in from there.",
        ),
        Err(NotAdmitted::LinkGone) => say(
            "Your provider knows you, but the invitation was used or has expired. Ask an owner for a new \
             one.",
        ),
        Err(NotAdmitted::Closed) => {
            say("An owner of this portal closed your account; only an owner can open it again.")
        }
        Err(NotAdmitted::NoRole) => say(
            "Your provider gives you no role in this portal. Whoever runs it can, or an owner of this \
             portal.",
        ),
        Err(NotAdmitted::Name) => say(
            "The name that your provider gives cannot be used here, or a hundred people have it. Have it \
             changed there.",
        ),
    };
    refused(portal, visitor, &format!("{subject:?}: {sentence}")).await?;
    Err(Refusal::NotAdmitted(sentence))
}

async fn refused(portal: &Portal, visitor: &Visitor, why: &str) -> Result<(), Refusal> {
    let about: String = format!("by a provider, {why}")
        .chars()
        .take(WHY_CHARS_MAX)
        .collect();
    let act = visitor.act("sign-in refused", &about);
    Ok(portal.people.record(&act, visitor.now).await?)
}

fn noted(error: &SsoError) -> Refusal {
    let why: String = error.to_string().chars().take(WHY_CHARS_MAX).collect();
    tracing::warn!(why, "sign-in by the provider failed");
    error.refusal()
}
