//! Fraud cases and their proofs.

use super::{Listing, Page};
use crate::commands::FraudId;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use protocol::rules::Contradiction;
use protocol::{Code, Digest, Timestamp};

/// A fraud case as lists show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FraudSummary {
    /// Its number.
    pub id: FraudId,
    /// Whose key forked.
    pub code: Code,
    /// The payment that was recorded first and stands.
    pub stands: Digest,
    /// The payment that contradicts it and moved no money.
    pub claim: Digest,
    /// How.
    pub how: Contradiction,
    /// When it was found.
    pub at: Timestamp,
}

type Columns = (i64, Vec<u8>, Vec<u8>, Vec<u8>, i64, i64);

fn fraud_from((number, code, stands, claim, how, at): Columns) -> Result<FraudSummary, Error> {
    let row = Row {
        table: "fraud",
        key: &number,
    };
    Ok(FraudSummary {
        id: FraudId(number),
        code: row.code(&code)?,
        stands: row.digest(&stands)?,
        claim: row.digest(&claim)?,
        how: match how {
            0 => Contradiction::SameSequence,
            1 => Contradiction::Overlap,
            _ => return Err(row.damaged("no contradiction").into()),
        },
        at: row.time(at)?,
    })
}

pub(super) const CASES: &str = "SELECT number, code, stands, claim, how, at FROM fraud
     WHERE number < $1 ORDER BY number DESC LIMIT $2";

impl Ledger {
    /// Fraud cases, the newest first.
    pub async fn fraud_cases(&self, page: &Page) -> Result<Listing<FraudSummary>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(CASES)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, fraud_from)
    }

    /// The proof of a case: a whole Proof message that convinces anybody who knows the root.
    pub async fn fraud_proof(&self, id: FraudId) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT proof FROM fraud WHERE number = $1")
            .bind(id.0)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        Ok(row.map(|(proof,)| proof))
    }
}
