//! Devices that ask for a code and are not known: they wait until somebody accepts or rejects them.

use super::{Diary, row};
use crate::crash::{CrashPoint, here};
use crate::error::Error;
use protocol::{Code, Digest, Timestamp};

/// Devices that wait at once.
pub const ASKERS_MAX: u32 = 1_000;
/// Of these, from one network address.
pub const ASKERS_PER_ADDRESS: u32 = 50;
/// Who has not asked again for so long waits no more.
pub const ASKER_LIFE_S: u32 = 7 * 86_400;
/// Decisions that are remembered.
pub const DECIDED_MAX: u32 = 10_000;
/// When somebody asks again sooner, it is not written down.
const ASKED_STEP_S: u32 = 10;

/// What a device showed. Only the keys are proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// SHA-256 of its request.
    pub id: Digest,
    /// PKCS#10, DER.
    pub request: Vec<u8>,
    /// SHA-256 of its transport key (SubjectPublicKeyInfo).
    pub fingerprint: Digest,
    /// What it calls itself.
    pub product: String,
    /// Where it asked from.
    pub address: String,
}

/// How a device stands that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has decided.
    Waiting,
    /// It has a code.
    Accepted(Code),
    /// It gets none, and why.
    Rejected(String),
    /// There is no room for another who waits.
    Full,
}

/// A device in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskerRow {
    /// What it showed.
    pub asker: Asker,
    /// When it first asked.
    pub first: Timestamp,
    /// When it last asked, about.
    pub last: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// Who decided, and when.
    pub decided: Option<(String, Timestamp)>,
}

/// What somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was given this code.
    Accepted(Code),
    /// It gets none, because.
    Rejected(String),
}

const WAITING: i64 = 0;
const ACCEPTED: i64 = 1;
const REJECTED: i64 = 2;

type Columns = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
    String,
    i64,
    i64,
    i64,
    String,
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>,
);

macro_rules! select_asker {
    ($rest:literal) => {
        concat!(
            "SELECT id, request, fingerprint, product, address, first, last, state, reason, code,
               decided_by, decided FROM asker ",
            $rest
        )
    };
}

fn asker(columns: Columns) -> Result<AskerRow, Error> {
    let (id, request, fingerprint, product, address, first, last, state, reason, code, by, decided) =
        columns;
    let row = row("asker");
    let decided = decided.map(|at| row.time(at)).transpose()?;
    Ok(AskerRow {
        asker: Asker {
            id: row.digest(&id)?,
            request,
            fingerprint: row.digest(&fingerprint)?,
            product,
            address,
        },
        first: row.time(first)?,
        last: row.time(last)?,
        standing: match (state, code) {
            (WAITING, _) => Standing::Waiting,
            (ACCEPTED, Some(code)) => Standing::Accepted(row.code(&code)?),
            (REJECTED, _) => Standing::Rejected(reason),
            _ => return Err(row.damaged("no such state").into()),
        },
        decided: by.zip(decided),
    })
}

impl Diary {
    /// Somebody asks. The same request again stands as it stood; a new one waits, while there is
    /// room. A crash before the commit: it asks again.
    pub async fn ask(&self, asker: &Asker, now: Timestamp) -> Result<Standing, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let known: Option<Columns> = sqlx::query_as(select_asker!("WHERE id = $1"))
            .bind(asker.id.as_bytes().as_slice())
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(known) = known {
            let known = self::asker(known)?;
            if known.last.plus_s(ASKED_STEP_S) < now {
                sqlx::query("UPDATE asker SET last = $1, address = $2 WHERE id = $3")
                    .bind(now.0)
                    .bind(asker.address.as_str())
                    .bind(asker.id.as_bytes().as_slice())
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
            }
            return Ok(known.standing);
        }
        sqlx::query("DELETE FROM asker WHERE state = $1 AND last < $2")
            .bind(WAITING)
            .bind(now.minus_s(ASKER_LIFE_S).0)
            .execute(&mut *tx)
            .await?;
        let kept = sqlx::query(
            "INSERT INTO asker (id, request, fingerprint, product, address, first, last, state)
             SELECT $1, $2, $3, $4, $5, $6, $6, $7
             WHERE (SELECT count(*) FROM asker WHERE state = $7) < $8
               AND (SELECT count(*) FROM asker WHERE state = $7 AND address = $5) < $9",
        )
        .bind(asker.id.as_bytes().as_slice())
        .bind(asker.request.as_slice())
        .bind(asker.fingerprint.as_bytes().as_slice())
        .bind(asker.product.as_str())
        .bind(asker.address.as_str())
        .bind(now.0)
        .bind(WAITING)
        .bind(ASKERS_MAX)
        .bind(ASKERS_PER_ADDRESS)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        here(CrashPoint::AskerWritten);
        tx.commit().await?;
        Ok(match kept {
            0 => Standing::Full,
            _ => Standing::Waiting,
        })
    }

    /// The device of that request.
    pub async fn asker(&self, id: &Digest) -> Result<Option<AskerRow>, Error> {
        let found: Option<Columns> = sqlx::query_as(select_asker!("WHERE id = $1"))
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await?;
        found.map(asker).transpose()
    }

    /// Who waits, those first who waited longest; at most [`ASKERS_MAX`].
    pub async fn askers(&self) -> Result<Vec<AskerRow>, Error> {
        let rows: Vec<Columns> =
            sqlx::query_as(select_asker!("WHERE state = 0 ORDER BY first, id LIMIT $1"))
                .bind(ASKERS_MAX)
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(asker).collect()
    }

    /// What was decided lately.
    pub async fn decided(&self, most: u32) -> Result<Vec<AskerRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(select_asker!(
            "WHERE state > 0 ORDER BY decided DESC, id LIMIT $1"
        ))
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(asker).collect()
    }

    /// How many wait, and since when.
    pub async fn waiting(&self) -> Result<(u64, Option<Timestamp>), Error> {
        let (count, oldest): (i64, Option<i64>) =
            sqlx::query_as("SELECT count(*), min(first) FROM asker WHERE state = 0")
                .fetch_one(&self.pool)
                .await?;
        let row = row("asker");
        Ok((
            row.count(count)?,
            oldest.map(|at| row.time(at)).transpose()?,
        ))
    }

    /// Writes down what was decided; false when there is nobody of that request, or it was decided
    /// otherwise before. The same again changes nothing. A rejection can be followed by an
    /// acceptance, never the other way round: the device may have its code. A crash before the commit:
    /// it waits as before, and the code that was issued for it is its code when somebody accepts it
    /// again, because the same request gets the same code.
    pub async fn decide(
        &self,
        id: &Digest,
        verdict: &Verdict,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (state, reason, code) = match verdict {
            Verdict::Accepted(code) => (ACCEPTED, "", Some(code.as_bytes().to_vec())),
            Verdict::Rejected(reason) => (REJECTED, reason.as_str(), None),
        };
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let decided = sqlx::query(
            "UPDATE asker SET state = $1, reason = $2, code = $3, decided_by = $4, decided = $5
             WHERE id = $6 AND (state = 0 OR state = 2)",
        )
        .bind(state)
        .bind(reason)
        .bind(code)
        .bind(by)
        .bind(now.0)
        .bind(id.as_bytes().as_slice())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        here(CrashPoint::AskerDecided);
        sqlx::query(
            "DELETE FROM asker WHERE id IN (SELECT id FROM asker WHERE state > 0
               ORDER BY decided DESC LIMIT -1 OFFSET $1)",
        )
        .bind(DECIDED_MAX)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(decided > 0)
    }
}
