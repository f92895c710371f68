//! The list of payments.

use super::frame::{Frame, page};
use super::parts::{Names, Party, PaymentLine, exponents, page_after, payment_lines, read_code};
use crate::door::Visitor;
use crate::language::{Words as _, below, filters};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ledger::views::{Cursor, PaymentQuery};
use protocol::Code;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Filter {
    #[serde(default)]
    payer: String,
    #[serde(default)]
    payee: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "payments.html")]
struct Payments {
    frame: Frame,
    payer: Option<Party>,
    payee: Option<Party>,
    lines: Vec<PaymentLine>,
    next: Option<Cursor>,
}

fn side(portal: &Portal, text: &str) -> Result<Option<Code>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Err(error) = text.parse::<Code>() {
        portal.counters.mistyped(error);
    }
    read_code(text).map(Some)
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(filter): Query<Filter>,
) -> Result<Response, Refusal> {
    let query = PaymentQuery {
        payer: side(&portal, &filter.payer)?,
        payee: side(&portal, &filter.payee)?,
    };
    let page_of = page_after(filter.after.as_deref());
    let listing = portal.ledger.payments(&query, &page_of).await?;
    let codes = query.payer.into_iter().chain(query.payee).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let exponents = exponents(&portal.ledger).await?;
    page(
        &visitor.reader,
        &Payments {
            frame: Frame::new(&portal, Some(&visitor), "/payments"),
            payer: query.payer.map(|code| names.party(code)),
            payee: query.payee.map(|code| names.party(code)),
            lines: payment_lines(&portal, &exponents, listing.rows).await?,
            next: listing.next,
        },
    )
}

impl Payments {
    fn text(side: &Option<Party>) -> String {
        side.as_ref()
            .map(|party| party.code.to_string())
            .unwrap_or_default()
    }
}
