//! A one-time link becomes an account.

use super::frame::{Frame, page, page_with};
use super::sign_in;
use crate::door::password::PasswordError;
use crate::door::secret::Secret;
use crate::door::{Sent, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ledger::people::{NewPerson, Refused, Roles};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    frame: Frame,
    link: String,
    roles: Roles,
    name: String,
    problem: Option<Say>,
    /// By whom one may sign in instead.
    provider: Option<String>,
}

#[derive(Deserialize)]
pub struct Choice {
    name: String,
    password: String,
    again: String,
}

const GONE: Refusal = Refusal::NotFound(say(
    "This link was used or has expired. Ask an owner of the portal for a new one; for the first \
     account, restart the gateway and use the link it prints.",
));

/// The secret of a link that can still be used, and the roles it would give.
pub async fn find(
    portal: &Portal,
    visitor: &Visitor,
    link: &str,
) -> Result<(Secret, Roles), Refusal> {
    let secret = Secret::presented(link).ok_or(GONE)?;
    let roles = portal.people.link(secret.hash(), visitor.now).await?;
    Ok((secret, roles.ok_or(GONE)?))
}

/// The form.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(link): Path<String>,
) -> Result<Response, Refusal> {
    let (secret, roles) = find(&portal, &visitor, &link).await?;
    page(
        &visitor.reader,
        &Welcome {
            frame: Frame::new(&portal, Some(&visitor), ""),
            link: secret.reveal().to_owned(),
            roles,
            name: String::new(),
            problem: None,
            provider: portal.provider_name(),
        },
    )
}

/// Makes the account and signs it in.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(link): Path<String>,
    Sent(choice): Sent<Choice>,
) -> Result<Response, Refusal> {
    // The link is looked up first: no stranger makes this house compute a hash.
    let (secret, roles) = find(&portal, &visitor, &link).await?;
    let again = |problem: Say| {
        let form = Welcome {
            frame: Frame::new(&portal, Some(&visitor), ""),
            link: secret.reveal().to_owned(),
            roles,
            name: choice.name.clone(),
            problem: Some(problem),
            provider: portal.provider_name(),
        };
        page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &form)
    };
    if choice.password != choice.again {
        return again(say("The two passwords differ."));
    }
    let mut salt = [0; 16];
    (portal.random)(&mut salt);
    let phc = match portal.passwords().hash(choice.password.clone(), salt).await {
        Ok(phc) => phc,
        Err(error @ (PasswordError::Short | PasswordError::Long)) => {
            return again(error.sentence());
        }
        Err(error) => return Err(Refusal::Busy(error.sentence())),
    };
    let new = NewPerson {
        name: &choice.name,
        password: &phc,
    };
    let made = portal
        .people
        .use_link(secret.hash(), new, &visitor.origin, visitor.now)
        .await;
    match made {
        Ok(person) => sign_in::begin(&portal, &visitor, &headers, &person).await,
        Err(Refused::NameUnfit) => {
            again(say("Choose a name of 1 to 64 characters that can be seen."))
        }
        Err(Refused::NameTaken) => again(say("Somebody has that name; choose another one.")),
        Err(Refused::LinkGone | Refused::Unknown | Refused::LastOwner) => Err(GONE),
        Err(Refused::Store(error)) => Err(error.into()),
    }
}
