//! What forks left short, and what people decided about it.

use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, IdText};
use crate::deeds::money as deeds;
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::views::ClaimRow;
use ledger::{ClaimOrder, Decided};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A payment that is short.
#[derive(Serialize, ToSchema)]
pub struct Claim {
    payment: IdText,
    payer: CodeText,
    payee: CodeText,
    currency: String,
    amount_minor: u64,
    missing_minor: u64,
    /// What became of the payment, such as open_claim or guaranteed.
    outcome: &'static str,
    /// When its payee claimed it.
    claimed: Option<u32>,
}

impl From<ClaimRow> for Claim {
    fn from(claim: ClaimRow) -> Self {
        Self {
            payment: IdText(claim.payment),
            payer: CodeText(claim.payer),
            payee: CodeText(claim.payee),
            currency: currency_value(&claim.currency),
            amount_minor: claim.amount.get(),
            missing_minor: claim.missing.get(),
            outcome: claim.fate.status().word(),
            claimed: claim.claimed.map(|at| at.0),
        }
    }
}

/// What a person decided.
#[derive(Serialize, ToSchema)]
pub struct Decision {
    number: u64,
    payment: IdText,
    forker: CodeText,
    currency: String,
    missing_minor: u64,
    /// Paid out of the forker's purse.
    purse_minor: u64,
    deposit_minor: u64,
    bond_minor: u64,
    guarantee_minor: u64,
    by: String,
    time: u32,
}

impl From<Decided> for Decision {
    fn from(decided: Decided) -> Self {
        Self {
            number: decided.number,
            payment: IdText(decided.order.payment),
            forker: CodeText(decided.forker),
            currency: currency_value(&decided.currency),
            missing_minor: decided.missing.get(),
            purse_minor: decided.given.purse.get(),
            deposit_minor: decided.given.deposit.get(),
            bond_minor: decided.given.bond.get(),
            guarantee_minor: decided.given.guarantee.get(),
            by: decided.order.by,
            time: decided.at.0,
        }
    }
}

/// Payments that are short, the newest first.
pub async fn list(call: Call, _: Nothing, asked: Pages) -> Result<Shown<List<Claim>>, Refusal> {
    let of = Of("claims", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.claims(&page).await?;
    Ok(Shown(of.shown(listing, Claim::from)))
}

/// What was decided, the newest first.
pub async fn decisions(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<Decision>>, Refusal> {
    let of = Of("decisions", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.decided(&page).await?;
    Ok(Shown(of.shown(listing, Decision::from)))
}

/// A claim that is to be decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionWish {
    payment: IdText,
    /// Yours: the same key with the same payment pays once, for ever.
    #[schema(min_length = 1, max_length = 64)]
    key: String,
}

/// Decides a claim.
pub async fn decide(
    call: Call,
    _: Nothing,
    Told(wish): Told<DecisionWish>,
) -> Result<Shown<Decision>, Refusal> {
    let order = ClaimOrder {
        payment: wish.payment.0,
        key: wish.key,
        by: call.actor.name.clone(),
    };
    let decided = deeds::decide(&call.portal, &call.actor, order).await?;
    Ok(Shown(decided.into()))
}
