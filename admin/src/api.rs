//! What programs call, with a bearer token. JSON in, JSON out; amounts are in minor units.

pub mod claims;
pub mod trace;

use crate::door::{Caller, Told};
use crate::enrolment::{LIFE_MAX_S, Wanted, make};
use crate::pages::acts::step;
use crate::pages::money::currency_value;
use crate::pages::parts::ISSUED_KINDS;
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use ledger::LoadOrder;
use ledger::views::Page;
use protocol::code::base32;
use protocol::{AmountMinor, Code, Currency};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Fraud cases listed by one call.
const FRAUDS_MAX: u32 = 50;
/// Secrets made by one call.
const SECRETS_MAX: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsOrder {
    count: u32,
    kind: String,
    life_s: u32,
}

#[derive(Serialize)]
pub struct Secrets {
    secrets: Vec<String>,
    expires: u32,
}

/// Makes one-time enrolment secrets.
pub async fn secrets(
    State(portal): State<Shared>,
    caller: Caller,
    Told(order): Told<SecretsOrder>,
) -> Result<Json<Secrets>, Refusal> {
    let kind = ISSUED_KINDS
        .into_iter()
        .find(|kind| kind.word() == order.kind)
        .ok_or_else(|| Refusal::Unfit("kind: device, module, person or service".to_owned()))?;
    if !(1..=SECRETS_MAX).contains(&order.count) {
        return Err(Refusal::Unfit("count: 1 to 1000".to_owned()));
    }
    if !(1..=LIFE_MAX_S).contains(&order.life_s) {
        return Err(Refusal::Unfit(
            "life_s: 1 to 7776000 seconds, 90 days".to_owned(),
        ));
    }
    let wanted = Wanted {
        count: order.count,
        kind,
        life_s: order.life_s,
    };
    let made = make(&portal, &wanted, &caller.name, &caller.origin, caller.now).await?;
    Ok(Json(Secrets {
        secrets: made.secrets,
        expires: made.expires.0,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    code: String,
    act: String,
    reason: String,
}

/// Activates, suspends, resumes, revokes or retires a code. The same again changes nothing.
pub async fn live(
    State(portal): State<Shared>,
    caller: Caller,
    Told(order): Told<Live>,
) -> Result<Json<Value>, Refusal> {
    let code: Code = order.code.parse().map_err(|error: base32::TextError| {
        Refusal::Unfit(format!("code: {}", error.sentence()))
    })?;
    let (act, done) = step(
        &portal,
        &code,
        &order.act,
        &order.reason,
        (&caller.name, caller.now),
    )
    .await?;
    let outcome = if done.is_ok() { "done" } else { "refused" };
    let about = format!("{code} {}: {} ({outcome})", act.word(), order.reason);
    let record = caller.act("code changed", &about);
    portal.people.record(&record, caller.now).await?;
    done?;
    Ok(Json(json!({ "code": code.to_string(), "act": act.word() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    code: String,
    currency: String,
    amount_minor: u64,
    key: String,
}

/// Loads a purse. The same key with the same order answers the same and moves money once.
pub async fn loads(
    State(portal): State<Shared>,
    caller: Caller,
    Told(load): Told<Load>,
) -> Result<Json<Value>, Refusal> {
    let code: Code = load.code.parse().map_err(|error: base32::TextError| {
        Refusal::Unfit(format!("code: {}", error.sentence()))
    })?;
    let currency = read_currency(&load.currency, portal.station.issuer)
        .ok_or_else(|| Refusal::Unfit("currency: such as USD or 1.USD".to_owned()))?;
    let amount = AmountMinor::new(load.amount_minor)
        .ok_or_else(|| Refusal::Unfit("amount_minor: at most 2^63 - 1".to_owned()))?;
    let order = LoadOrder {
        code,
        currency,
        amount,
        key: load.key,
        by: caller.name.clone(),
    };
    let about = format!(
        "{amount} of {}, {code}, key {}",
        currency_value(&currency),
        order.key
    );
    let loaded = portal.ledger.load(order, caller.now).await;
    let outcome = match &loaded {
        Ok(_) => "done",
        Err(status) => status.word(),
    };
    let about = format!("{about} ({outcome})");
    let act = caller.act("money loaded", &about);
    portal.people.record(&act, caller.now).await?;
    let loaded = loaded?;
    Ok(Json(json!({
        "number": loaded.number,
        "code": loaded.order.code.to_string(),
        "currency": currency_value(&loaded.order.currency),
        "amount_minor": loaded.order.amount.get(),
        "key": loaded.order.key,
        "time": loaded.at.0,
        "journal_height": loaded.head.height,
        "journal_root": loaded.head.root.to_string(),
    })))
}

/// `USD` of this issuer, or `7.USD` of another one.
fn read_currency(text: &str, own: u32) -> Option<Currency> {
    let (issuer, name) = match text.split_once('.') {
        Some((issuer, name)) => (issuer.parse().ok()?, name),
        None => (own, text),
    };
    Currency::new(issuer, name.as_bytes().try_into().ok()?)
}

/// Whether money is conserved, per currency.
pub async fn conservation(
    State(portal): State<Shared>,
    _caller: Caller,
) -> Result<Json<Value>, Refusal> {
    let rows = portal.ledger.conservation().await?;
    let holds = rows.iter().all(|row| row.holds);
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "currency": currency_value(&row.currency),
                "issued_minus_redeemed": row.issued_minus_redeemed,
                "accounts_sum": row.accounts_sum,
                "purses": row.purses,
                "in_transit": row.in_transit,
                "funds": row.funds,
                "others": row.others,
                "holds": row.holds,
            })
        })
        .collect();
    Ok(Json(json!({ "holds": holds, "currencies": rows })))
}

/// Counts of payments and what waits.
pub async fn summary(
    State(portal): State<Shared>,
    _caller: Caller,
) -> Result<Json<Value>, Refusal> {
    let counts = portal.ledger.overview().await?;
    Ok(Json(json!({
        "payments": counts.payments,
        "in_transit": counts.in_transit,
        "fraud_cases": counts.fraud_cases,
        "inbox_entries": counts.inbox_entries,
        "journal_height": counts.journal.height,
        "journal_root": counts.journal.root.to_string(),
    })))
}

/// The newest fraud cases, newest first; each has its proof at `/api/v1/frauds/{id}/proof`.
pub async fn frauds(State(portal): State<Shared>, _caller: Caller) -> Result<Json<Value>, Refusal> {
    let listing = portal.ledger.fraud_cases(&Page::first(FRAUDS_MAX)).await?;
    let frauds: Vec<Value> = listing
        .rows
        .iter()
        .map(|case| {
            json!({
                "id": case.id.0,
                "code": case.code.to_string(),
                "stands": case.stands.to_string(),
                "claim": case.claim.to_string(),
                "time": case.at.0,
            })
        })
        .collect();
    let accused = portal
        .ledger
        .accusation_cases(&Page::first(FRAUDS_MAX))
        .await?;
    let accused: Vec<Value> = accused
        .rows
        .iter()
        .map(|case| {
            json!({
                "id": case.number,
                "code": case.code.to_string(),
                "charge": case.charge.sentence(),
                "payment": case.subject.to_string(),
                "time": case.at.0,
            })
        })
        .collect();
    Ok(Json(json!({ "frauds": frauds, "accusations": accused })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_of_this_issuer_need_no_number() {
        let usd = Currency::new(1, *b"USD");
        assert_eq!(read_currency("USD", 1), usd);
        assert_eq!(read_currency("1.USD", 7), usd);
        for text in [
            "",
            "US",
            "usd",
            "1.",
            ".USD",
            "x.USD",
            "16777216.USD",
            "1.USD.2",
        ] {
            assert_eq!(read_currency(text, 1), None, "{text}");
        }
    }
}
