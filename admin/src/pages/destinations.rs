//! Where letters about alerts go.

use super::frame::{Frame, page};
use crate::alerts::shown_address;
use crate::deeds::alerts::{self as deeds, DestinationWish, MadeDestination, Way};
use crate::door::{Sent, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::DECIDES;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::alerts::{Destination, DestinationId};
use serde::Deserialize;

/// What the address of a webhook looks like.
const EXAMPLE: &str = "https://hooks.example.com/onecode";

#[derive(Template)]
#[template(path = "destinations.html")]
struct Destinations {
    frame: Frame,
    destinations: Vec<Destination>,
    /// Shown once, on the page that answers the form.
    fresh: Option<MadeDestination>,
    has_mail: bool,
    decides: bool,
    done: Option<Say>,
}

async fn answer(
    portal: &Portal,
    visitor: &Visitor,
    fresh: Option<MadeDestination>,
    done: Option<Say>,
) -> Result<Response, Refusal> {
    let frame = Frame::new(portal, Some(visitor), "/alerts");
    page(
        &visitor.reader,
        &Destinations {
            destinations: portal.alerts.destinations().await?,
            has_mail: portal.post.courier().has_mail(),
            decides: frame.may(DECIDES),
            frame,
            fresh,
            done,
        },
    )
}

#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(query): Query<Done>,
) -> Result<Response, Refusal> {
    let done = match query.done.as_deref() {
        Some("tried") => Some(say(
            "A letter is on its way; under Alerts stands what comes of it.",
        )),
        Some("removed") => Some(say("The destination was taken away.")),
        _ => None,
    };
    answer(&portal, &visitor, None, done).await
}

impl Destinations {
    fn shown(&self, destination: &Destination) -> String {
        shown_address(&destination.address)
    }
}

/// What was typed.
#[derive(Deserialize)]
pub struct Wish {
    name: String,
    way: String,
    address: String,
}

/// Makes a destination. This answer is the only place where the secret of a webhook ever stands.
pub async fn submit(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<Wish>,
) -> Result<Response, Refusal> {
    let wish = DestinationWish {
        name: &form.name,
        way: match form.way.as_str() {
            "webhook" => Way::Webhook,
            "mail" => Way::Mail,
            _ => return Err(Refusal::Unfit(say("Choose a way: webhook or mail."))),
        },
        address: &form.address,
    };
    let made = deeds::add_destination(&portal, &visitor.actor(), wish, &*portal.random).await?;
    answer(&portal, &visitor, Some(made), None).await
}

fn read(id: &str) -> Result<DestinationId, Refusal> {
    let unknown = |()| {
        Refusal::NotFound(say(
            "There is no such destination; it was taken away, or never was.",
        ))
    };
    id.parse().map_err(unknown)
}

/// Sends a letter that tries the way there.
pub async fn trial(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = read(&id)?;
    deeds::try_destination(&portal, &visitor.actor(), id, &*portal.random).await?;
    Ok(Redirect::to("/alerts/destinations?done=tried").into_response())
}

/// Takes a destination away.
pub async fn remove(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    deeds::remove_destination(&portal, &visitor.actor(), read(&id)?).await?;
    Ok(Redirect::to("/alerts/destinations?done=removed").into_response())
}
