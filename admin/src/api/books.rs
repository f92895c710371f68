//! The books at a glance.

use super::operation::{Call, Nothing, Shown};
use super::words::IdText;
use crate::pages::money::currency_value;
use crate::refusal::Refusal;
use ledger::views::Conservation;
use serde::Serialize;
use utoipa::ToSchema;

/// The sums of one currency.
#[derive(Serialize, ToSchema)]
pub struct CurrencyBooks {
    currency: String,
    /// What the issuer put in minus what was redeemed.
    issued_minus_redeemed: i64,
    /// The sum over every account that is not the issuer's.
    accounts_sum: i64,
    purses: i64,
    in_transit: i64,
    /// What stands behind forks.
    funds: i64,
    others: i64,
    /// Whether both sides are equal.
    holds: bool,
}

impl From<&Conservation> for CurrencyBooks {
    fn from(row: &Conservation) -> Self {
        Self {
            currency: currency_value(&row.currency),
            issued_minus_redeemed: row.issued_minus_redeemed,
            accounts_sum: row.accounts_sum,
            purses: row.purses,
            in_transit: row.in_transit,
            funds: row.funds,
            others: row.others,
            holds: row.holds,
        }
    }
}

/// Whether money is conserved.
#[derive(Serialize, ToSchema)]
pub struct Books {
    /// In every currency.
    holds: bool,
    currencies: Vec<CurrencyBooks>,
}

/// Whether money is conserved, per currency.
pub async fn conservation(call: Call, _: Nothing, _: Nothing) -> Result<Shown<Books>, Refusal> {
    let rows = call.portal.ledger.conservation().await?;
    Ok(Shown(Books {
        holds: rows.iter().all(|row| row.holds),
        currencies: rows.iter().map(CurrencyBooks::from).collect(),
    }))
}

/// Counts of payments and what waits.
#[derive(Serialize, ToSchema)]
pub struct Summary {
    payments: u64,
    in_transit: u64,
    fraud_cases: u64,
    inbox_entries: u64,
    /// Newest entry of the journal.
    journal_height: u64,
    /// The chain over all entries; keep it elsewhere, now and then.
    journal_root: IdText,
}

/// Counts of payments and what waits.
pub async fn summary(call: Call, _: Nothing, _: Nothing) -> Result<Shown<Summary>, Refusal> {
    let counts = call.portal.ledger.overview().await?;
    Ok(Shown(Summary {
        payments: counts.payments,
        in_transit: counts.in_transit,
        fraud_cases: counts.fraud_cases,
        inbox_entries: counts.inbox_entries,
        journal_height: counts.journal.height,
        journal_root: IdText(counts.journal.root),
    }))
}
