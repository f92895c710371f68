//! One station: its quota, what it was told to make, and the numbers it gave up.

use super::frame::{Frame, page};
use super::parts::{attachment, read_code};
use super::stations::{Granted, granted};
use crate::deeds::codes::reason;
use crate::door::{Sent, Visitor};
use crate::language::{Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::{ISSUES, REGISTERS};
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::{Dismissal, OrderRow, StationRow};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "station.html")]
struct StationPage {
    frame: Frame,
    done: bool,
    may_order: bool,
    may_dismiss: bool,
    row: StationRow,
    granted: Granted,
    left: u64,
    orders: Vec<OrderRow>,
    scrapped: Vec<(u64, String)>,
}

#[derive(Deserialize)]
pub struct After {
    done: Option<String>,
}

async fn find(portal: &Portal, text: &str) -> Result<StationRow, Refusal> {
    let code = read_code(text)?;
    let row = portal.ledger.station(&code).await?;
    row.ok_or(Refusal::NotFound(say("No such station is admitted here.")))
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(query): Query<After>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let granted = granted(&row, &portal.network, visitor.now).ok_or(Refusal::Broken)?;
    let frame = Frame::new(&portal, Some(&visitor), "/stations");
    page(
        &visitor.reader,
        &StationPage {
            may_order: frame.may(ISSUES) && row.dismissed.is_none(),
            may_dismiss: frame.may(REGISTERS) && row.dismissed.is_none(),
            frame,
            done: query.done.as_deref() == Some("admitted"),
            left: granted.left(&row),
            orders: portal.ledger.orders_of(&granted.code).await?,
            scrapped: portal.ledger.scrapped(&granted.code).await?,
            granted,
            row,
        },
    )
}

#[derive(Deserialize)]
pub struct DismissForm {
    reason: String,
}

/// Takes nothing more from the station.
pub async fn dismiss(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<DismissForm>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let (code, _) = row.granted.ok_or(Refusal::Broken)?;
    let dismissal = Dismissal {
        at: visitor.now,
        reason: reason(&form.reason)?.to_owned(),
        by: visitor.name().to_owned(),
    };
    let about = format!("{code}: {}", dismissal.reason);
    let dismissed = portal.ledger.dismiss_station(code, dismissal).await;
    dismissed?;
    let act = visitor.act("station dismissed", &about);
    portal.people.record(&act, visitor.now).await?;
    Ok(Redirect::to(&format!("/stations/{code}")).into_response())
}

/// What the station is given, as a file. All of it is public.
pub async fn grant(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let (_, text) = row.granted.ok_or(Refusal::Broken)?;
    Ok(attachment("text/plain; charset=utf-8", "grant.txt", text))
}
