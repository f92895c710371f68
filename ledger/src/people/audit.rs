//! Who did what, when and from where, each row chained to the one before it.
//!
//! The chain shows any change inside the trail. Rows cut off its end leave no gap, so whoever
//! audits keeps the newest chain value elsewhere.

use super::{Error, People};
use crate::crash::{CrashPoint, here};
use protocol::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::{Sqlite, Transaction};

/// Something somebody did or tried.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Name of the person or label of the token.
    pub who: &'a str,
    /// A few words, the same for every act of one sort.
    pub what: &'a str,
    /// Which code, payment or account, and the outcome where it was refused.
    pub about: &'a str,
    /// Network address it came from.
    pub origin: &'a str,
}

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Counts up by one.
    pub number: i64,
    /// When.
    pub time: Timestamp,
    /// See [`Act`].
    pub who: String,
    /// See [`Act`].
    pub what: String,
    /// See [`Act`].
    pub about: String,
    /// See [`Act`].
    pub origin: String,
    /// SHA-256 over the chain value before and this row.
    pub chain: Digest,
}

/// What came of walking the whole trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditCheck {
    /// Every row stands as it was written.
    Whole {
        /// How many rows.
        rows: i64,
        /// The newest chain value.
        tip: Digest,
    },
    /// The first row that does not.
    Broken {
        /// Its number, or the number that is missing.
        number: i64,
    },
}

type Row = (i64, u32, String, String, String, String, Vec<u8>);

/// Rows read at once while walking.
const STEP: u32 = 512;

fn chain(before: &Digest, number: i64, time: Timestamp, act: &Act<'_>) -> Digest {
    let mut hash = Sha256::new();
    hash.update(before.0);
    hash.update(number.to_be_bytes());
    hash.update(time.0.to_be_bytes());
    for text in [act.who, act.what, act.about, act.origin] {
        // The length in front keeps one text from running into the next.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    Digest(hash.finalize().into())
}

/// Appends within the transaction of the act itself: a crash before the commit leaves neither.
pub(super) async fn append(
    tx: &mut Transaction<'_, Sqlite>,
    act: &Act<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let newest: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT number, chain FROM audit ORDER BY number DESC LIMIT 1")
            .fetch_optional(&mut **tx)
            .await?;
    let (number, before) = newest.unwrap_or_default();
    let number = number + 1;
    let before = Digest::from_slice(&before).unwrap_or_default();
    sqlx::query(
        "INSERT INTO audit (number, time, who, what, about, origin, chain)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(number)
    .bind(now.0)
    .bind(act.who)
    .bind(act.what)
    .bind(act.about)
    .bind(act.origin)
    .bind(chain(&before, number, now, act).0.as_slice())
    .execute(&mut **tx)
    .await?;
    here(CrashPoint::TrailWritten);
    Ok(())
}

impl People {
    /// Records an act whose effect stands elsewhere. A crash between the two leaves an effect that the
    /// trail misses, or, where it is recorded first, an act that came to nothing; never half a row.
    pub async fn record(&self, act: &Act<'_>, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        append(&mut tx, act, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Rows older than `before`, newest first.
    pub async fn audit(&self, before: Option<i64>, most: u32) -> Result<Vec<AuditRow>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, time, who, what, about, origin, chain FROM audit
             WHERE number < $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(row).collect())
    }

    /// Rows after a number, the oldest first.
    pub async fn audit_after(&self, after: i64, most: u32) -> Result<Vec<AuditRow>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, time, who, what, about, origin, chain FROM audit
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(row).collect())
    }

    /// Walks the whole trail.
    pub async fn check_audit(&self) -> Result<AuditCheck, Error> {
        let (mut rows, mut tip) = (0, Digest::default());
        loop {
            let step = self.audit_after(rows, STEP).await?;
            if step.is_empty() {
                return Ok(AuditCheck::Whole { rows, tip });
            }
            for row in step {
                let act = Act {
                    who: &row.who,
                    what: &row.what,
                    about: &row.about,
                    origin: &row.origin,
                };
                let number = rows + 1;
                if row.number != number || row.chain != chain(&tip, number, row.time, &act) {
                    return Ok(AuditCheck::Broken { number });
                }
                (rows, tip) = (number, row.chain);
            }
        }
    }
}

fn row((number, time, who, what, about, origin, chain): Row) -> AuditRow {
    AuditRow {
        number,
        time: Timestamp(time),
        who,
        what,
        about,
        origin,
        chain: Digest::from_slice(&chain).unwrap_or_default(),
    }
}
