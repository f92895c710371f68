//! Fraud cases and their proofs.

use super::{Listing, Page};
use crate::commands::FraudId;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use protocol::rules::Contradiction;
use protocol::rules::proof::Charge;
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

pub(super) const CASE: &str =
    "SELECT number, code, stands, claim, how, at FROM fraud WHERE number = $1";

/// A contradiction that is not two payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccusationRow {
    /// Its number.
    pub number: i64,
    /// Whose key contradicts itself.
    pub code: Code,
    /// How.
    pub charge: Charge,
    /// The payment it is about.
    pub subject: Digest,
    /// When it was found.
    pub at: Timestamp,
}

type Accused = (i64, Vec<u8>, i64, Vec<u8>, i64);

fn accused_from((number, code, charge, subject, at): Accused) -> Result<AccusationRow, Error> {
    let row = Row {
        table: "accusation",
        key: &number,
    };
    let charge = u8::try_from(charge).ok().and_then(Charge::from_number);
    Ok(AccusationRow {
        number,
        code: row.code(&code)?,
        charge: charge.ok_or_else(|| row.damaged("no charge"))?,
        subject: row.digest(&subject)?,
        at: row.time(at)?,
    })
}

pub(super) const ACCUSATIONS: &str = "SELECT number, code, charge, subject, at FROM accusation
     WHERE number < $1 ORDER BY number DESC LIMIT $2";

impl Ledger {
    /// Contradictions that are not two payments, the newest first.
    pub async fn accusation_cases(&self, page: &Page) -> Result<Listing<AccusationRow>, Error> {
        let rows: Vec<Accused> = sqlx::query_as(ACCUSATIONS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, accused_from)
    }

    /// The proof of an accusation: a whole message that convinces anybody who knows the root.
    pub async fn accusation_proof(&self, number: i64) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("SELECT proof FROM accusation WHERE number = $1")
                .bind(number)
                .fetch_optional(&mut *self.reader().await?)
                .await?;
        Ok(row.map(|(proof,)| proof))
    }

    /// Fraud cases, the newest first.
    pub async fn fraud_cases(&self, page: &Page) -> Result<Listing<FraudSummary>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(CASES)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, fraud_from)
    }

    /// One fraud case.
    pub async fn fraud_case(&self, id: FraudId) -> Result<Option<FraudSummary>, Error> {
        let row: Option<Columns> = sqlx::query_as(CASE)
            .bind(id.0)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(fraud_from).transpose()
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
