//! What forks left short, and the money that stands behind them.

use super::read_currency;
use crate::door::{Caller, Told};
use crate::pages::money::currency_value;
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use ledger::views::{ClaimRow, Page};
use ledger::{ClaimOrder, Decided, Fund, FundOrder, Way};
use protocol::{AmountMinor, Digest};
use serde::Deserialize;
use serde_json::{Value, json};

/// Claims listed by one call.
const CLAIMS_MAX: u32 = 50;
/// Bytes of a payment's identifier, in hex.
const ID_CHARS: usize = 64;

/// The newest payments that are short, and what people decided about them.
pub async fn list(State(portal): State<Shared>, _caller: Caller) -> Result<Json<Value>, Refusal> {
    let page = Page::first(CLAIMS_MAX);
    let claims = portal.ledger.claims(&page).await?.rows;
    let claims: Vec<Value> = claims.iter().map(claim_value).collect();
    let decided = portal.ledger.decided(&page).await?.rows;
    let decided: Vec<Value> = decided.iter().map(decided_value).collect();
    Ok(Json(json!({ "claims": claims, "decisions": decided })))
}

fn claim_value(claim: &ClaimRow) -> Value {
    json!({
        "payment": claim.payment.to_string(),
        "payer": claim.payer.to_string(),
        "payee": claim.payee.to_string(),
        "currency": currency_value(&claim.currency),
        "amount_minor": claim.amount.get(),
        "missing_minor": claim.missing.get(),
        "outcome": claim.fate.status().word(),
        "claimed": claim.claimed.map(|at| at.0),
    })
}

fn decided_value(decided: &Decided) -> Value {
    json!({
        "number": decided.number,
        "payment": decided.order.payment.to_string(),
        "forker": decided.forker.to_string(),
        "currency": currency_value(&decided.currency),
        "missing_minor": decided.missing.get(),
        "purse_minor": decided.given.purse.get(),
        "deposit_minor": decided.given.deposit.get(),
        "bond_minor": decided.given.bond.get(),
        "guarantee_minor": decided.given.guarantee.get(),
        "by": decided.order.by,
        "time": decided.at.0,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    payment: String,
    key: String,
}

/// A person decides a claim: what stands behind the forker is paid out, down to the guarantees. The
/// same key with the same payment answers the same and pays once.
pub async fn decide(
    State(portal): State<Shared>,
    caller: Caller,
    Told(decision): Told<Decision>,
) -> Result<Json<Value>, Refusal> {
    let payment = read_id(&decision.payment)
        .ok_or_else(|| Refusal::Unfit("payment: 64 hexadecimal digits".to_owned()))?;
    let order = ClaimOrder {
        payment,
        key: decision.key,
        by: caller.name.clone(),
    };
    let about = format!("{payment}, key {}", order.key);
    let decided = portal.ledger.decide_claim(order, caller.now).await;
    let outcome = decided
        .as_ref()
        .map_or_else(|status| status.word(), |_| "done");
    let about = format!("{about} ({outcome})");
    let act = caller.act("claim decided", &about);
    portal.people.record(&act, caller.now).await?;
    Ok(Json(decided_value(&decided?)))
}

fn read_id(text: &str) -> Option<Digest> {
    if text.len() != ID_CHARS || !text.is_ascii() {
        return None;
    }
    let mut id = [0; 32];
    for (byte, place) in id.iter_mut().zip((0..ID_CHARS).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(Digest(id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FundWish {
    /// `deposit`, `bond` or `guarantee`.
    fund: String,
    /// Whose deposit.
    code: Option<String>,
    /// `in` or `out`.
    way: String,
    currency: String,
    amount_minor: u64,
    key: String,
}

/// Puts money behind forks, or takes it out.
pub async fn fund(
    State(portal): State<Shared>,
    caller: Caller,
    Told(wish): Told<FundWish>,
) -> Result<Json<Value>, Refusal> {
    let unfit = |what: &str| Refusal::Unfit(what.to_owned());
    let code = wish.code.as_deref().and_then(|code| code.parse().ok());
    let fund = match (wish.fund.as_str(), code) {
        ("deposit", Some(code)) => Fund::Deposit(code),
        ("bond", None) => Fund::Bond,
        ("guarantee", None) => Fund::Guarantee,
        _ => return Err(unfit("fund: deposit with a code, bond or guarantee")),
    };
    let way = match wish.way.as_str() {
        "in" => Way::Load,
        "out" => Way::Redeem,
        _ => return Err(unfit("way: in or out")),
    };
    let currency = read_currency(&wish.currency, portal.station.issuer);
    let order = FundOrder {
        fund,
        currency: currency.ok_or_else(|| unfit("currency: such as USD or 1.USD"))?,
        amount: AmountMinor::new(wish.amount_minor)
            .ok_or_else(|| unfit("amount_minor: at most 2^63 - 1"))?,
        key: wish.key,
        by: caller.name.clone(),
    };
    let about = format!(
        "{} {}, {:?}, key {}",
        wish.way, order.amount, fund, order.key
    );
    let done = portal.ledger.fund(order, way, caller.now).await;
    let outcome = done
        .as_ref()
        .map_or_else(|status| status.word(), |_| "done");
    let about = format!("{about} ({outcome})");
    let act = caller.act("fund moved", &about);
    portal.people.record(&act, caller.now).await?;
    let done = done?;
    Ok(Json(json!({
        "number": done.number,
        "time": done.at.0,
        "journal_height": done.head.height,
        "journal_root": done.head.root.to_string(),
    })))
}
