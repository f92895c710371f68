//! What payers ask back: the list, the part of a payment's page that shows one request, and the
//! answer. The money itself goes back by a payment, which no operator makes.

use super::frame::{Frame, page};
use super::parts::{Names, Party, Pill, exponents, page_after};
use crate::deeds::money as deeds;
use crate::door::{Sent, Visitor};
use crate::language::{below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::RefundRow;
use ledger::views::{Cursor, Page, PaymentQuery, PaymentRow};
use serde::Deserialize;

/// Payments back that are offered to choose from, the newest first.
const OFFERED_MAX: u32 = 20;

struct Line {
    row: RefundRow,
    payer: Party,
    asked: String,
    state: Pill,
}

#[derive(Template)]
#[template(path = "refunds.html")]
struct Refunds {
    frame: Frame,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// What a link may bring along.
#[derive(Deserialize)]
pub struct Asked {
    after: Option<String>,
}

/// The list.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let listing = portal
        .ledger
        .refunds(&page_after(asked.after.as_deref()))
        .await?;
    let codes = listing.rows.iter().map(|row| row.payer).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |row: RefundRow| Line {
        payer: names.party(row.payer),
        asked: show::time(row.at),
        state: state(&row),
        row,
    };
    page(
        &visitor.reader,
        &Refunds {
            frame: Frame::new(&portal, Some(&visitor), "/payments"),
            lines: listing.rows.into_iter().map(line).collect(),
            next: listing.next,
        },
    )
}

fn state(row: &RefundRow) -> Pill {
    let (class, word) = match &row.decision {
        None => ("info", say("waiting")),
        Some(decision) if decision.paid_back.is_some() => ("good", say("paid back")),
        Some(_) => ("warn", say("declined")),
    };
    Pill { class, word }
}

/// A payment that may be the one back.
pub struct Back {
    pub(super) id: String,
    pub(super) text: String,
}

/// What a payment's page shows of a request about it.
pub struct Shown {
    pub(super) row: RefundRow,
    pub(super) state: Pill,
    pub(super) asked: String,
    pub(super) decided: Option<(String, String)>,
    pub(super) paid_back: Option<String>,
    pub(super) answer: String,
    /// What went the other way, to choose from while nobody has decided.
    pub(super) offered: Vec<Back>,
}

/// The request about this payment.
pub async fn of_payment(portal: &Portal, paid: &PaymentRow) -> Result<Option<Shown>, Refusal> {
    let Some(row) = portal.ledger.refund_of(&paid.id).await? else {
        return Ok(None);
    };
    let mut offered = Vec::new();
    if row.decision.is_none() {
        let query = PaymentQuery {
            payer: Some(paid.payee),
            payee: Some(paid.payer),
        };
        let exponents = exponents(&portal.ledger).await?;
        let first = Page::first(OFFERED_MAX);
        let mut back = portal.ledger.payments(&query, &first).await?.rows;
        back.retain(|back| back.currency == paid.currency);
        offered.extend(back.iter().map(|back| Back {
            id: back.id.to_string(),
            text: format!(
                "{} {}, {}",
                exponents.money(back.amount.get(), &back.currency),
                show::time(back.recorded),
                show::short_id(&back.id)
            ),
        }));
    }
    let decision = row.decision.clone();
    Ok(Some(Shown {
        state: state(&row),
        asked: show::time(row.at),
        paid_back: decision
            .as_ref()
            .and_then(|decision| decision.paid_back)
            .map(|id| id.to_string()),
        answer: decision
            .as_ref()
            .map(|decision| decision.words.clone())
            .unwrap_or_default(),
        decided: decision.map(|decision| (decision.by, show::time(decision.at))),
        offered,
        row,
    }))
}

/// An answer as a form sends it.
#[derive(Deserialize)]
pub struct AnswerForm {
    verdict: String,
    #[serde(default)]
    paid_back: String,
    words: String,
}

/// Somebody answers.
pub async fn answer(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(number): Path<String>,
    Sent(form): Sent<AnswerForm>,
) -> Result<Response, Refusal> {
    const UNKNOWN: Refusal = Refusal::NotFound(say("There is no such request."));
    let number = number.parse().map_err(|_| UNKNOWN)?;
    let paid_back = match form.verdict.as_str() {
        "paid" => Some(show::parse_id(&form.paid_back).ok_or(Refusal::Unfit(say(
            "Choose the payment that brought the money back. Where there is none yet, whoever was paid pays it back first.",
        )))?),
        "decline" => None,
        _ => return Err(Refusal::Unfit(say("Say that it was paid back, or decline it."))),
    };
    let answer = (paid_back, form.words.as_str());
    let row = deeds::answer_refund(&portal, &visitor.actor(), number, answer).await?;
    Ok(Redirect::to(&format!("/payments/{}", row.payment)).into_response())
}
