//! What waits, and how far others are behind.

use crate::bounds::COSIGNATURES_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::chain;
use crate::store::row::Row;
use protocol::Timestamp;

/// How the log of the code chain stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStanding {
    /// Leaves in the books.
    pub leaves: u64,
    /// Of these, under the newest checkpoint.
    pub published: u64,
    /// When that was signed; none before the first.
    pub signed: Option<Timestamp>,
    /// Everybody who ever cosigned it.
    pub witnesses: Vec<WitnessStanding>,
}

/// How far a witness has cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessStanding {
    /// Its verifier key.
    pub key: String,
    /// The size of the checkpoint it cosigned last.
    pub size: u64,
    /// When.
    pub at: Timestamp,
}

const OLDEST_DUE: &str =
    "SELECT due, recorded FROM payment WHERE due IS NOT NULL ORDER BY due LIMIT 1";

impl Ledger {
    /// Of the payments that wait for their payee or their covers, the one whose deadline comes
    /// first: `(deadline, when it was handed in)`.
    pub async fn next_due(&self) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let found: Option<(i64, i64)> = sqlx::query_as(OLDEST_DUE)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        let Some((due, recorded)) = found else {
            return Ok(None);
        };
        let row = Row {
            table: "payment",
            key: &due,
        };
        Ok(Some((row.time(due)?, row.time(recorded)?)))
    }

    /// The log and its witnesses.
    pub async fn log_standing(&self) -> Result<LogStanding, Error> {
        let mut reader = self.reader().await?;
        let signed: Option<(i64, i64)> = sqlx::query_as("SELECT size, at FROM chain_checkpoint")
            .fetch_optional(&mut *reader)
            .await?;
        let seen: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT witness, size, at FROM chain_cosignature LIMIT $1")
                .bind(i64::from(COSIGNATURES_MOST))
                .fetch_all(&mut *reader)
                .await?;
        let row = Row {
            table: "chain_cosignature",
            key: &"",
        };
        let witness = |(key, size, at)| {
            Ok(WitnessStanding {
                key,
                size: row.count(size)?,
                at: row.time(at)?,
            })
        };
        let (published, signed) = signed.unzip();
        Ok(LogStanding {
            leaves: chain::size(&mut reader).await?,
            published: row.count(published.unwrap_or(0))?,
            signed: signed.map(|at| row.time(at)).transpose()?,
            witnesses: seen
                .into_iter()
                .map(witness)
                .collect::<Result<_, Error>>()?,
        })
    }
}
