//! Payers who ask for their money back. The money itself goes back by a payment, which no operator
//! makes.

use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, IdText};
use crate::deeds::money as deeds;
use crate::refusal::Refusal;
use ledger::RefundRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A request for money back.
#[derive(Serialize, ToSchema)]
pub struct RefundShown {
    number: u64,
    /// waiting, paid_back or declined.
    state: &'static str,
    payment: IdText,
    payer: CodeText,
    /// Why, in the payer's signed words.
    words: String,
    time: u32,
    /// The payment that brought the money back.
    paid_back: Option<IdText>,
    /// What the payer was told.
    answer: Option<String>,
    decided_by: Option<String>,
    decided: Option<u32>,
}

impl From<RefundRow> for RefundShown {
    fn from(row: RefundRow) -> Self {
        let decision = row.decision;
        let paid_back = decision.as_ref().and_then(|decision| decision.paid_back);
        Self {
            number: row.number,
            state: match (&decision, paid_back) {
                (None, _) => "waiting",
                (Some(_), Some(_)) => "paid_back",
                (Some(_), None) => "declined",
            },
            payment: IdText(row.payment),
            payer: CodeText(row.payer),
            words: row.words,
            time: row.at.0,
            paid_back: paid_back.map(IdText),
            answer: decision.as_ref().map(|decision| decision.words.clone()),
            decided: decision.as_ref().map(|decision| decision.at.0),
            decided_by: decision.map(|decision| decision.by),
        }
    }
}

/// Requests, the newest first.
pub async fn list(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<RefundShown>>, Refusal> {
    let of = Of("refunds", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.refunds(&page).await?;
    Ok(Shown(of.shown(listing, RefundShown::from)))
}

/// Which request.
#[derive(Deserialize, IntoParams)]
pub struct OfRefund {
    /// Its number.
    number: u64,
}

/// What the payer is answered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundWish {
    /// The payment that brought the money back; null: it is declined, and the words say why.
    paid_back: Option<IdText>,
    /// Up to 160 bytes, which the payer reads.
    #[serde(default)]
    #[schema(max_length = 160)]
    words: String,
}

/// Answers a request. The same answer again changes nothing.
pub async fn answer(
    call: Call,
    of: OfRefund,
    Told(wish): Told<RefundWish>,
) -> Result<Shown<RefundShown>, Refusal> {
    let answer = (wish.paid_back.map(|id| id.0), wish.words.as_str());
    let row = deeds::answer_refund(&call.portal, &call.actor, of.number, answer).await?;
    Ok(Shown(RefundShown::from(row)))
}
