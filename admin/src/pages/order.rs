//! One order: the file that goes to the station, and the codes that came back.

use super::frame::{Frame, page};
use super::parts::{self, Pill, ROWS};
use crate::batch::{self, BatchFile};
use crate::door::Visitor;
use crate::evidence::class;
use crate::labels::{self, FORMS};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use issuer::Role;
use issuer::order::{SignedOrder, has_keys, short};
use ledger::views::BatchCode;
use ledger::{OrderRow, StationRow};
use protocol::Code;
use protocol::cose::open;
use protocol::objects::WorkOrder;
use serde::Deserialize;

struct Line {
    made: BatchCode,
    state: Pill,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    done: bool,
    issues: bool,
    row: OrderRow,
    order: WorkOrder,
    station: Option<StationRow>,
    class: Say,
    parts: u32,
    first: bool,
    lines: Vec<Line>,
    next: Option<Code>,
}

impl OrderPage {
    fn life(&self) -> Say {
        show::duration(u64::from(self.order.life_s))
    }
}

#[derive(Deserialize)]
pub struct Which {
    done: Option<String>,
    after: Option<String>,
}

/// The order of an address.
pub async fn find(portal: &Portal, text: &str) -> Result<(OrderRow, WorkOrder), Refusal> {
    const NONE: Refusal = Refusal::NotFound(say("No such order was given here."));
    let id = super::acts::read_reference(text).ok_or(NONE)?;
    let row = portal.ledger.order(&id).await?.ok_or(NONE)?;
    let order = open::<WorkOrder>(&row.bytes, &portal.network);
    let order = *order.map_err(|_| Refusal::Broken)?.peek();
    Ok((row, order))
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(query): Query<Which>,
) -> Result<Response, Refusal> {
    let (row, order) = find(&portal, &text).await?;
    let after: Option<Code> = query.after.and_then(|code| code.parse().ok());
    let keys = has_keys(order.kind);
    let part = portal
        .ledger
        .batch(&row.id, keys, after.as_ref(), ROWS)
        .await?;
    let line = |made: BatchCode| Line {
        state: parts::state(made.state),
        made,
    };
    let frame = Frame::new(&portal, Some(&visitor), "/orders");
    page(
        &visitor.reader,
        &OrderPage {
            issues: frame.may(ISSUES),
            frame,
            done: query.done.as_deref() == Some("ordered"),
            station: portal.ledger.station(&row.station).await?,
            class: class(order.class as u8),
            parts: batch::parts(row.made),
            first: after.is_none(),
            lines: part.codes.into_iter().map(line).collect(),
            next: part.next,
            row,
            order,
        },
    )
}

/// The signed order, as it goes to the station.
pub async fn file(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    order_file(&portal, &text).await
}

/// The signed order as a file.
pub async fn order_file(portal: &Portal, text: &str) -> Result<Response, Refusal> {
    let (row, _) = find(portal, text).await?;
    let cards = portal.desk.authorities();
    let gateway = cards.iter().find(|card| card.role == Role::Gateway);
    let signed = SignedOrder {
        order: row.bytes,
        pass: gateway.ok_or(Refusal::Broken)?.pass.clone(),
    };
    let name = format!("order-{}.txt", short(&row.id));
    Ok(parts::attachment(
        "text/plain; charset=utf-8",
        &name,
        signed.text(),
    ))
}

/// The codes as a table for other programs.
pub async fn codes(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let (row, order) = find(&portal, &text).await?;
    Ok(batch::file(portal, row, order, BatchFile::Codes))
}

/// The inclusion proof of every code.
pub async fn proofs(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let (row, order) = find(&portal, &text).await?;
    batch::is_proved(&portal, &row, &order).await?;
    Ok(batch::file(portal, row, order, BatchFile::Proofs))
}

/// Labels of the batch, a part at a time.
pub async fn labels(
    State(portal): State<Shared>,
    Path(text): Path<String>,
    Query(asked): Query<labels::Asked>,
) -> Result<Response, Refusal> {
    let (row, order) = find(&portal, &text).await?;
    let part = asked.part();
    label_part(&portal, &row, &order, part, &asked.on, asked.signed()).await
}

/// Labels of one part of a batch as a file.
pub async fn label_part(
    portal: &Portal,
    row: &OrderRow,
    order: &WorkOrder,
    part: u32,
    on: &str,
    signed: bool,
) -> Result<Response, Refusal> {
    let codes = batch::part(portal, row, order, part).await?;
    let name = format!("labels-{}-{part}", short(&row.id));
    let words = (row.product.as_str(), row.batch.as_str());
    labels::file(portal, codes, words, on, signed, &name).await
}
