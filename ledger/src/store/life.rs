//! What happened to codes, and where things stand.

use super::row::Row;
use super::{Connection, Result};
use crate::chain;
use crate::crash::{CrashPoint, here};
use protocol::chain::{Act, ActKind, Named};
use protocol::{Code, Digest, GridCode, Timestamp};

/// One step in the life of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifeStep {
    /// What happened.
    pub act: ActKind,
    /// The place, the owner or the successor that has to do with it.
    pub other: Option<Named>,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Keeps a step, here and in the code chain.
pub(crate) async fn insert(
    connection: &mut Connection,
    code: &Code,
    step: &LifeStep,
) -> Result<()> {
    insert_signed(connection, code, step, Signed::default()).await
}

/// Hashes of what was signed about a step.
#[derive(Clone, Copy, Default)]
pub(crate) struct Signed {
    /// Of a pass, or whatever else says it.
    pub said: Option<Digest>,
    /// Of a certificate, DER.
    pub certificate: Option<Digest>,
}

impl From<Option<Digest>> for Signed {
    fn from(said: Option<Digest>) -> Self {
        Self {
            said,
            certificate: None,
        }
    }
}

/// The same, with the hash of what was signed about it.
pub(crate) async fn insert_signed(
    connection: &mut Connection,
    code: &Code,
    step: &LifeStep,
    signed: impl Into<Signed>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO life (code, act, other, reason, made_by, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(step.act as i64)
    .bind(step.other.as_ref().map(Named::as_bytes))
    .bind(step.reason.as_str())
    .bind(step.by.as_str())
    .bind(i64::from(step.at.0))
    .execute(&mut *connection)
    .await?;
    // A crash here leaves neither step nor leaf: a life never says what the chain does not.
    here(CrashPoint::StepKept);
    let signed = signed.into();
    let act = Act {
        other: step.other,
        signed: signed.said,
        certificate: signed.certificate,
        ..Act::new(step.act, *code, step.at)
    };
    chain::append(connection, &act).await.map(drop)
}

/// A thing that enrolled by itself is at work from the first moment. Its leaves in the code chain are
/// for whoever knows its credentials.
pub(crate) async fn begin(
    connection: &mut Connection,
    code: &Code,
    sequence: u64,
    now: Timestamp,
) -> Result<()> {
    for act in [ActKind::Issued, ActKind::Activated] {
        sqlx::query(
            "INSERT INTO life (code, act, reason, made_by, at)
             SELECT $1, $2, '', made_by, $3 FROM reservation WHERE sequence = $4",
        )
        .bind(code.as_bytes().as_slice())
        .bind(act as i64)
        .bind(i64::from(now.0))
        .bind(sequence as i64)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

type StepColumns = (i64, Option<Vec<u8>>, String, String, i64);

pub(crate) const STEPS: &str = "SELECT act, other, reason, made_by, at FROM life WHERE code = $1
     ORDER BY number DESC LIMIT $2";

/// The newest steps in the life of a code, the newest first.
pub(crate) async fn steps(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<LifeStep>> {
    let rows: Vec<StepColumns> = sqlx::query_as(STEPS)
        .bind(code.as_bytes().as_slice())
        .bind(most)
        .fetch_all(connection)
        .await?;
    let row = Row {
        table: "life of",
        key: code,
    };
    rows.into_iter()
        .map(|(act, other, reason, by, at)| {
            let act = u8::try_from(act).ok().and_then(ActKind::from_number);
            let named = |bytes: Vec<u8>| Named::from_slice(&bytes);
            Ok(LifeStep {
                act: act.ok_or_else(|| row.damaged("no act"))?,
                other: other
                    .map(|bytes| named(bytes).ok_or_else(|| row.damaged("no code")))
                    .transpose()?,
                reason,
                by,
                at: row.time(at)?,
            })
        })
        .collect()
}

/// That a thing stands, or stood, at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which thing.
    pub code: Code,
    /// Where.
    pub place: GridCode,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none while it still does.
    pub until: Option<Timestamp>,
}

type Columns = (i64, Vec<u8>, Vec<u8>, i64, Option<i64>);

fn binding_from((number, code, place, since, until): Columns) -> Result<Binding> {
    let row = Row {
        table: "binding",
        key: &number,
    };
    Ok(Binding {
        code: row.code(&code)?,
        place: row.grid(&place)?,
        since: row.time(since)?,
        until: until.map(|until| row.time(until)).transpose()?,
    })
}

pub(crate) const PLACES: &str = "SELECT number, code, place, since, until FROM binding
     WHERE code = $1 ORDER BY number DESC LIMIT $2";
pub(crate) const THINGS: &str = "SELECT number, code, place, since, until FROM binding
     WHERE place = $1 ORDER BY number DESC LIMIT $2";

/// Where a thing stood, the newest place first.
pub(crate) async fn places(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<Binding>> {
    let rows: Vec<Columns> = sqlx::query_as(PLACES)
        .bind(code.as_bytes().as_slice())
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(binding_from).collect()
}

/// What stood at a place, the newest first.
pub(crate) async fn things_at(
    connection: &mut Connection,
    place: &GridCode,
    most: u32,
) -> Result<Vec<Binding>> {
    let rows: Vec<Columns> = sqlx::query_as(THINGS)
        .bind(place.as_bytes().as_slice())
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(binding_from).collect()
}

/// From now on a thing stands at a place.
pub(crate) async fn bind(
    connection: &mut Connection,
    code: &Code,
    place: &GridCode,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO binding (code, place, since) VALUES ($1, $2, $3)")
        .bind(code.as_bytes().as_slice())
        .bind(place.as_bytes().as_slice())
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// From now on a thing stands nowhere.
pub(crate) async fn unbind(connection: &mut Connection, code: &Code, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE binding SET until = $2 WHERE code = $1 AND until IS NULL")
        .bind(code.as_bytes().as_slice())
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether anything is held for a code: free, reserved, or as a deposit.
pub(crate) async fn holds(connection: &mut Connection, code: &Code) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM account WHERE owner = $1 AND kind IN (1, 2, 4) AND balance <> 0 LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}
