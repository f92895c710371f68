//! What forks left short, and what people decided about it.

use super::{Listing, Page};
use crate::error::Error;
use crate::handle::Ledger;
use crate::rules::settle::Fate;
use crate::store::decisions::{Decided, DecidedColumns, decided_from, select_decided};
use crate::store::payments::fate;
use crate::store::row::Row;
use protocol::{AmountMinor, Code, Currency, Digest, Timestamp};

/// A payment that moved no money because it contradicts another, or less than it should because
/// what covers it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// Its number in the books.
    pub number: u64,
    /// Its identifier.
    pub payment: Digest,
    /// Who paid.
    pub payer: Code,
    /// Who is short.
    pub payee: Code,
    /// In which currency.
    pub currency: Currency,
    /// All of the payment.
    pub amount: AmountMinor,
    /// What has yet to be covered; nothing where the payment itself is the losing branch.
    pub missing: AmountMinor,
    /// What became of it.
    pub fate: Fate,
    /// When its payee first claimed it.
    pub claimed: Option<Timestamp>,
    /// When it was first handed in.
    pub recorded: Timestamp,
}

type Columns = (
    i64,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    i64,
    Option<i64>,
    i64,
);

fn claim_from(columns: Columns) -> Result<ClaimRow, Error> {
    let (number, id, payer, payee, currency, amount, missing, outcome, claimed, recorded) = columns;
    let row = Row {
        table: "payment",
        key: &number,
    };
    Ok(ClaimRow {
        number: row.count(number)?,
        payment: row.digest(&id)?,
        payer: row.code(&payer)?,
        payee: row.code(&payee)?,
        currency: row.currency(&currency)?,
        amount: row.amount(amount)?,
        missing: row.amount(missing)?,
        fate: fate(&row, outcome)?,
        claimed: claimed.map(|at| row.time(at)).transpose()?,
        recorded: row.time(recorded)?,
    })
}

pub(super) const CLAIMS: &str = "SELECT number, id, payer, payee, currency, amount, missing,
       outcome, claimed, recorded FROM payment
     WHERE (lost = 1 OR missing > 0) AND number < $1 ORDER BY number DESC LIMIT $2";
pub(super) const DECISIONS: &str =
    select_decided!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

impl Ledger {
    /// What is short, or was until it was decided; the newest first.
    pub async fn claims(&self, page: &Page) -> Result<Listing<ClaimRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(CLAIMS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, claim_from)
    }

    /// What people decided, the newest first.
    pub async fn decided(&self, page: &Page) -> Result<Listing<Decided>, Error> {
        let rows: Vec<DecidedColumns> = sqlx::query_as(DECISIONS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, decided_from)
    }
}
