//! Fraud cases and accusations, each with a proof that anybody can judge.

use super::list::{List, Of};
use super::operation::{Call, File, Files, Nothing, Shown};
use super::words::{CodeText, IdText, Limit};
use crate::pages::frauds;
use crate::refusal::Refusal;
use ledger::views::{AccusationRow, FraudSummary};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A page of a list without filters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// What `next` said in the page before.
    pub cursor: Option<String>,
    pub limit: Option<Limit>,
}

/// Which case.
#[derive(Deserialize, IntoParams)]
pub struct OfNumber {
    /// The `id` of the list.
    pub number: i64,
}

/// Signed objects.
pub struct Cbor;

impl Files for Cbor {
    const KINDS: &'static [&'static str] = &["application/cbor"];
}

/// Two payments that contradict each other.
#[derive(Serialize, ToSchema)]
pub struct FraudCase {
    id: i64,
    /// Whose purse.
    code: CodeText,
    /// The payment that stands.
    stands: IdText,
    /// The one that contradicts it.
    claim: IdText,
    time: u32,
}

impl From<FraudSummary> for FraudCase {
    fn from(case: FraudSummary) -> Self {
        Self {
            id: case.id.0,
            code: CodeText(case.code),
            stands: IdText(case.stands),
            claim: IdText(case.claim),
            time: case.at.0,
        }
    }
}

/// Fraud cases, the newest first.
pub async fn list(call: Call, _: Nothing, asked: Pages) -> Result<Shown<List<FraudCase>>, Refusal> {
    let of = Of("frauds", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.fraud_cases(&page).await?;
    Ok(Shown(of.shown(listing, FraudCase::from)))
}

/// A proof against somebody that was brought by others.
#[derive(Serialize, ToSchema)]
pub struct AccusationCase {
    id: i64,
    /// Against whom.
    code: CodeText,
    /// What it says.
    charge: String,
    payment: IdText,
    time: u32,
}

impl From<AccusationRow> for AccusationCase {
    fn from(case: AccusationRow) -> Self {
        Self {
            id: case.number,
            code: CodeText(case.code),
            charge: case.charge.sentence().to_owned(),
            payment: IdText(case.subject),
            time: case.at.0,
        }
    }
}

/// Accusations, the newest first.
pub async fn accusations(
    call: Call,
    _: Nothing,
    asked: Pages,
) -> Result<Shown<List<AccusationCase>>, Refusal> {
    let of = Of("accusations", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.accusation_cases(&page).await?;
    Ok(Shown(of.shown(listing, AccusationCase::from)))
}

/// The proof of a fraud case.
pub async fn proof(call: Call, of: OfNumber, _: Nothing) -> Result<File<Cbor>, Refusal> {
    Ok(frauds::fraud_file(&call.portal, of.number).await?.into())
}

/// The proof of an accusation.
pub async fn accusation(call: Call, of: OfNumber, _: Nothing) -> Result<File<Cbor>, Refusal> {
    Ok(frauds::accusation_file(&call.portal, of.number)
        .await?
        .into())
}
