//! Registered things and their states.

use super::life::{self, LifeStep};
use super::row::Row;
use super::{Connection, Result};
use crate::crash::{CrashPoint, here};
use protocol::chain::ActKind;
use protocol::{AssuranceClass, Code, KeyEpoch, Kind, PublicKey, Timestamp};

/// Whether a code may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThingState {
    /// As usual.
    Active,
    /// No new allowances and no redemption, until a person decides. What was signed still settles.
    Frozen,
    /// Withdrawn for good.
    Revoked,
    /// Not in use yet: it waits to be activated.
    Issued,
    /// Came to its end in peace, and holds nothing.
    Retired,
    /// Another code has taken over from it.
    Superseded,
}

impl ThingState {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::Issued,
        Self::Active,
        Self::Frozen,
        Self::Revoked,
        Self::Retired,
        Self::Superseded,
    ];

    /// Whether the code may never be used again.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Revoked | Self::Retired | Self::Superseded)
    }

    pub(crate) const fn column(self) -> i64 {
        match self {
            Self::Active => 0,
            Self::Frozen => 1,
            Self::Revoked => 2,
            Self::Issued => 3,
            Self::Retired => 4,
            Self::Superseded => 5,
        }
    }

    pub(crate) fn from_column(column: i64) -> Option<Self> {
        match column {
            0 => Some(Self::Active),
            1 => Some(Self::Frozen),
            2 => Some(Self::Revoked),
            3 => Some(Self::Issued),
            4 => Some(Self::Retired),
            5 => Some(Self::Superseded),
            _ => None,
        }
    }

    /// The word people use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Revoked => "revoked",
            Self::Issued => "issued",
            Self::Retired => "retired",
            Self::Superseded => "superseded",
        }
    }
}

/// A registered thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Its number at this station.
    pub sequence: u64,
    /// Its name in the world.
    pub code: Code,
    /// What it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// Which product it is one of; may be empty.
    pub product: String,
    /// SubjectPublicKeyInfo DER of its transport key.
    pub transport_spki: Vec<u8>,
    /// What it signs payments, receipts and renewals with.
    pub wallet_key: PublicKey,
    /// How well that key is kept.
    pub class: AssuranceClass,
    /// Which life of that key this is.
    pub key_epoch: KeyEpoch,
    /// Certificate DER.
    pub certificate: Vec<u8>,
    /// Whole signed pass.
    pub pass: Vec<u8>,
    /// When its number was reserved; stands in certificate and pass.
    pub issued: Timestamp,
    /// When it came into the registry.
    pub registered: Timestamp,
    /// Whether it may be used.
    pub state: ThingState,
}

pub(crate) type ThingColumns = (
    i64,
    Vec<u8>,
    i64,
    String,
    String,
    Vec<u8>,
    i64,
    Vec<u8>,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    i64,
);

/// The columns of [`ThingColumns`], to be followed by a condition.
macro_rules! select_thing {
    ($($rest:literal),+) => {
        concat!(
            "SELECT sequence, code, kind, name, product, transport_spki, wallet_algorithm, \
             wallet_key, class, key_epoch, certificate, pass, issued, registered, state FROM thing "
            $(, $rest)+
        )
    };
}
pub(crate) use select_thing;

pub(crate) fn thing_from(columns: ThingColumns) -> Result<Thing> {
    let (
        sequence,
        code,
        kind,
        name,
        product,
        transport_spki,
        algorithm,
        key,
        class,
        key_epoch,
        certificate,
        pass,
        issued,
        registered,
        state,
    ) = columns;
    let row = Row {
        table: "thing",
        key: &sequence,
    };
    Ok(Thing {
        sequence: row.count(sequence)?,
        code: row.code(&code)?,
        kind: row.kind(kind)?,
        name,
        product,
        transport_spki,
        wallet_key: row.public_key(algorithm, &key)?,
        class: row.class(class)?,
        key_epoch: row.key_epoch(key_epoch)?,
        certificate,
        pass,
        issued: row.time(issued)?,
        registered: row.time(registered)?,
        state: ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
    })
}

/// The thing with this code.
pub(crate) async fn thing(connection: &mut Connection, code: &Code) -> Result<Option<Thing>> {
    let columns: Option<ThingColumns> = sqlx::query_as(select_thing!("WHERE code = $1"))
        .bind(code.as_bytes().as_slice())
        .fetch_optional(&mut *connection)
        .await?;
    match columns {
        Some(columns) => thing_from(columns).map(Some),
        None => guest(connection, code).await,
    }
}

/// A thing that another station enrolled: no number here, no certificate, and its code for a name.
async fn guest(connection: &mut Connection, code: &Code) -> Result<Option<Thing>> {
    let columns: Option<ThingColumns> = sqlx::query_as(
        "SELECT 0, code, 0, '', '', x'', wallet_algorithm, wallet_key, class, key_epoch, x'', pass,
           registered, registered, state FROM guest WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some(mut columns) = columns else {
        return Ok(None);
    };
    columns.2 = code.kind() as i64;
    columns.3 = code.to_string();
    thing_from(columns).map(Some)
}

/// The thing with this number at the station.
pub(crate) async fn thing_by_sequence(
    connection: &mut Connection,
    sequence: u64,
) -> Result<Option<Thing>> {
    let columns: Option<ThingColumns> = sqlx::query_as(select_thing!("WHERE sequence = $1"))
        .bind(sequence as i64)
        .fetch_optional(connection)
        .await?;
    columns.map(thing_from).transpose()
}

/// Only what the wallet wants to know about a code: state, key epoch, class.
pub(crate) async fn holder(
    connection: &mut Connection,
    code: &Code,
) -> Result<Option<(ThingState, KeyEpoch, AssuranceClass)>> {
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("SELECT state, key_epoch, class FROM thing WHERE code = $1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(&mut *connection)
            .await?;
    let row = match row {
        Some(row) => Some(row),
        // Enrolled by another station and at home here, or known to the centre.
        None => {
            sqlx::query_as("SELECT state, key_epoch, class FROM guest WHERE code = $1")
                .bind(code.as_bytes().as_slice())
                .fetch_optional(connection)
                .await?
        }
    };
    let Some((state, key_epoch, class)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "thing",
        key: code,
    };
    Ok(Some((
        ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
        row.key_epoch(key_epoch)?,
        row.class(class)?,
    )))
}

/// Changes the state and keeps who did it and why.
pub(crate) async fn set_state(
    connection: &mut Connection,
    code: &Code,
    state: ThingState,
    why: (&str, &str),
    now: Timestamp,
) -> Result<()> {
    let act = match state {
        ThingState::Issued => ActKind::Issued,
        ThingState::Active => ActKind::Resumed,
        ThingState::Frozen => ActKind::Suspended,
        ThingState::Revoked => ActKind::Revoked,
        ThingState::Retired => ActKind::Retired,
        ThingState::Superseded => ActKind::Superseded,
    };
    set_state_by(connection, code, (state, act), why, now).await
}

/// The same, by an act that is not the usual one.
pub(crate) async fn set_state_by(
    connection: &mut Connection,
    code: &Code,
    (state, act): (ThingState, ActKind),
    (reason, by): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    write_state(connection, code, state).await?;
    // Row, life and leaf are of one transaction: after a crash here the code stands as it stood.
    here(CrashPoint::StateWritten);
    let step = LifeStep {
        act,
        other: None,
        reason: reason.to_owned(),
        by: by.to_owned(),
        at: now,
    };
    life::insert(connection, code, &step).await
}

/// Changes the state; who and why is somebody else's to keep.
pub(crate) async fn write_state(
    connection: &mut Connection,
    code: &Code,
    state: ThingState,
) -> Result<()> {
    for sql in [
        "UPDATE thing SET state = $2 WHERE code = $1",
        "UPDATE guest SET state = $2 WHERE code = $1",
        "UPDATE item SET state = $2 WHERE code = $1",
    ] {
        sqlx::query(sql)
            .bind(code.as_bytes().as_slice())
            .bind(state.column())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Keeps whether a wallet key contradicts itself.
pub(crate) async fn set_forked(
    connection: &mut Connection,
    code: &Code,
    forked: bool,
) -> Result<()> {
    for sql in [
        "UPDATE thing SET forked = $2 WHERE code = $1",
        "UPDATE guest SET forked = $2 WHERE code = $1",
    ] {
        sqlx::query(sql)
            .bind(code.as_bytes().as_slice())
            .bind(forked)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether the current wallet key contradicts itself.
pub(crate) async fn is_forked(connection: &mut Connection, code: &Code) -> Result<bool> {
    let row: Option<(bool,)> = sqlx::query_as(
        "SELECT forked FROM thing WHERE code = $1
         UNION ALL SELECT forked FROM guest WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some_and(|(forked,)| forked))
}

/// Begins another life of the same key.
pub(crate) async fn set_key_epoch(
    connection: &mut Connection,
    code: &Code,
    key_epoch: KeyEpoch,
) -> Result<()> {
    for sql in [
        "UPDATE thing SET key_epoch = $2 WHERE code = $1",
        "UPDATE guest SET key_epoch = $2 WHERE code = $1",
    ] {
        sqlx::query(sql)
            .bind(code.as_bytes().as_slice())
            .bind(i64::from(key_epoch.0))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
