//! Codes, reservations, one-time secrets, grid codes, currencies.

use super::row::Row;
use super::{Connection, Result};
use protocol::{AssuranceClass, Code, Currency, GridCode, KeyEpoch, Kind, PublicKey, Timestamp};

/// Whether a code may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThingState {
    /// As usual.
    Active,
    /// No new allowances and no redemption, until a person decides. What was signed still settles.
    Frozen,
    /// For good.
    Revoked,
}

impl ThingState {
    pub(crate) const fn column(self) -> i64 {
        match self {
            Self::Active => 0,
            Self::Frozen => 1,
            Self::Revoked => 2,
        }
    }

    fn from_column(column: i64) -> Option<Self> {
        match column {
            0 => Some(Self::Active),
            1 => Some(Self::Frozen),
            2 => Some(Self::Revoked),
            _ => None,
        }
    }

    /// The word people use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Revoked => "revoked",
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
    ($rest:literal) => {
        concat!(
            "SELECT sequence, code, kind, name, product, transport_spki, wallet_algorithm, \
             wallet_key, class, key_epoch, certificate, pass, issued, registered, state FROM thing ",
            $rest
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
        .fetch_optional(connection)
        .await?;
    columns.map(thing_from).transpose()
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
            .fetch_optional(connection)
            .await?;
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

/// What is written about a thing once its credentials are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewThing {
    /// The number reserved for it.
    pub sequence: u64,
    /// Its code, made from that number.
    pub code: Code,
    /// What it is.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// Which product it is one of; may be empty.
    pub product: String,
    /// SubjectPublicKeyInfo DER of its transport key.
    pub transport_spki: Vec<u8>,
    /// What it signs payments with.
    pub wallet_key: PublicKey,
    /// How well that key is kept.
    pub class: AssuranceClass,
    /// Certificate DER.
    pub certificate: Vec<u8>,
    /// Whole signed pass.
    pub pass: Vec<u8>,
}

/// Writes a thing in its first life, active.
pub(crate) async fn insert_thing(
    connection: &mut Connection,
    thing: &NewThing,
    issued: Timestamp,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO thing (sequence, code, kind, name, name_key, product, transport_spki,
           wallet_algorithm, wallet_key, class, key_epoch, certificate, pass, issued,
           registered, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, 0)",
    )
    .bind(thing.sequence as i64)
    .bind(thing.code.as_bytes().as_slice())
    .bind(thing.kind as i64)
    .bind(thing.name.as_str())
    .bind(thing.name.to_lowercase())
    .bind(thing.product.as_str())
    .bind(thing.transport_spki.as_slice())
    .bind(i64::from(thing.wallet_key.algorithm().cose()))
    .bind(thing.wallet_key.as_bytes())
    .bind(thing.class as i64)
    .bind(thing.certificate.as_slice())
    .bind(thing.pass.as_slice())
    .bind(i64::from(issued.0))
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes the state and keeps who did it and why.
pub(crate) async fn set_state(
    connection: &mut Connection,
    code: &Code,
    state: ThingState,
    (reason, by): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE thing SET state = $2 WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .bind(state.column())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO thing_state (code, state, reason, made_by, at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(state.column())
    .bind(reason)
    .bind(by)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// One change of a thing's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Into which state.
    pub state: ThingState,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The newest changes of a thing's state, newest first.
pub(crate) async fn state_changes(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<StateChange>> {
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "SELECT state, reason, made_by, at FROM thing_state WHERE code = $1
         ORDER BY number DESC LIMIT $2",
    )
    .bind(code.as_bytes().as_slice())
    .bind(most)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "thing_state of",
        key: code,
    };
    rows.into_iter()
        .map(|(state, reason, by, at)| {
            Ok(StateChange {
                state: ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
                reason,
                by,
                at: row.time(at)?,
            })
        })
        .collect()
}

/// A one-time secret, as it is kept.
pub(crate) struct Secret {
    pub kind: Kind,
    pub expires: Timestamp,
    pub used_by: Option<[u8; 32]>,
}

/// Keeps a secret; one that is there already stays as it is.
pub(crate) async fn insert_secret(
    connection: &mut Connection,
    hash: &[u8; 32],
    kind: Kind,
    expires: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO secret (hash, kind, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(hash.as_slice())
    .bind(kind as i64)
    .bind(i64::from(expires.0))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn secret(connection: &mut Connection, hash: &[u8; 32]) -> Result<Option<Secret>> {
    let row: Option<(i64, i64, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT kind, expires, used_by FROM secret WHERE hash = $1")
            .bind(hash.as_slice())
            .fetch_optional(connection)
            .await?;
    let Some((kind, expires, used_by)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "secret",
        key: &"(hidden)",
    };
    Ok(Some(Secret {
        kind: row.kind(kind)?,
        expires: row.time(expires)?,
        used_by: used_by.map(|hash| row.hash(&hash)).transpose()?,
    }))
}

/// Spends a secret on a request.
pub(crate) async fn spend_secret(
    connection: &mut Connection,
    hash: &[u8; 32],
    request: &[u8; 32],
) -> Result<()> {
    sqlx::query("UPDATE secret SET used_by = $2 WHERE hash = $1")
        .bind(hash.as_slice())
        .bind(request.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// A number that is kept for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The number.
    pub sequence: u64,
    /// Serial number of the certificate.
    pub serial: [u8; 16],
    /// When; it stands in certificate and pass, so that signing again gives the same bytes.
    pub issued: Timestamp,
    /// The kind it was reserved for.
    pub kind: Kind,
    /// The name it was reserved for.
    pub name: String,
    /// The thing, when everything has been signed already.
    pub done: Option<Thing>,
}

type ReservationColumns = (i64, Vec<u8>, i64, i64, String);

async fn reservation_from(
    connection: &mut Connection,
    columns: Option<ReservationColumns>,
) -> Result<Option<Reservation>> {
    let Some((sequence, serial, issued, kind, name)) = columns else {
        return Ok(None);
    };
    let row = Row {
        table: "reservation",
        key: &sequence,
    };
    let sequence = row.count(sequence)?;
    Ok(Some(Reservation {
        sequence,
        serial: row.serial(&serial)?,
        issued: row.time(issued)?,
        kind: row.kind(kind)?,
        name,
        done: thing_by_sequence(connection, sequence).await?,
    }))
}

/// The reservation of a request.
pub(crate) async fn reservation(
    connection: &mut Connection,
    request_hash: &[u8; 32],
) -> Result<Option<Reservation>> {
    let columns = sqlx::query_as(
        "SELECT sequence, serial, issued, kind, name FROM reservation WHERE request_hash = $1",
    )
    .bind(request_hash.as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    reservation_from(connection, columns).await
}

/// The reservation with this number.
pub(crate) async fn reservation_by_sequence(
    connection: &mut Connection,
    sequence: u64,
) -> Result<Option<Reservation>> {
    let columns = sqlx::query_as(
        "SELECT sequence, serial, issued, kind, name FROM reservation WHERE sequence = $1",
    )
    .bind(i64::try_from(sequence).unwrap_or(-1))
    .fetch_optional(&mut *connection)
    .await?;
    reservation_from(connection, columns).await
}

/// What is asked of the registry before anything is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRequest {
    /// SHA-256 of the one-time secret; none when a person accepted the request.
    pub secret_hash: Option<[u8; 32]>,
    /// SHA-256 of the whole PKCS#10 request.
    pub request_hash: [u8; 32],
    /// What it shall be.
    pub kind: Kind,
    /// What people shall call it.
    pub name: String,
    /// Who accepted it.
    pub by: String,
    /// Random serial number for the certificate, used if the request is new.
    pub serial: [u8; 16],
}

/// Reserves the next number.
pub(crate) async fn insert_reservation(
    connection: &mut Connection,
    request: &IssueRequest,
    now: Timestamp,
) -> Result<u64> {
    // Rows are never deleted, so the next number was never used before.
    let (sequence,): (i64,) = sqlx::query_as(
        "INSERT INTO reservation (sequence, request_hash, kind, name, made_by, serial, issued)
         VALUES ((SELECT coalesce(max(sequence), 0) + 1 FROM reservation), $1, $2, $3, $4, $5, $6)
         RETURNING sequence",
    )
    .bind(request.request_hash.as_slice())
    .bind(request.kind as i64)
    .bind(request.name.as_str())
    .bind(request.by.as_str())
    .bind(request.serial.as_slice())
    .bind(i64::from(now.0))
    .fetch_one(connection)
    .await?;
    Ok(sequence.unsigned_abs())
}

/// A registered place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridRow {
    /// Where and when.
    pub code: GridCode,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Code,
    /// Who issued it.
    pub by: String,
    /// When.
    pub issued: Timestamp,
}

pub(crate) type GridColumns = (i64, Vec<u8>, String, Vec<u8>, String, i64);

pub(crate) fn grid_from(columns: GridColumns) -> Result<GridRow> {
    let (number, code, name, owner, by, issued) = columns;
    let row = Row {
        table: "grid",
        key: &number,
    };
    Ok(GridRow {
        code: row.grid(&code)?,
        name,
        owner: row.code(&owner)?,
        by,
        issued: row.time(issued)?,
    })
}

/// The place with this code.
pub(crate) async fn grid(connection: &mut Connection, code: &GridCode) -> Result<Option<GridRow>> {
    let columns: Option<GridColumns> = sqlx::query_as(
        "SELECT number, code, name, owner, made_by, issued FROM grid WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    columns.map(grid_from).transpose()
}

/// Writes a place.
pub(crate) async fn insert_grid(connection: &mut Connection, grid: &GridRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO grid (code, name, owner, made_by, issued) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(grid.code.as_bytes().as_slice())
    .bind(grid.name.as_str())
    .bind(grid.owner.as_bytes().as_slice())
    .bind(grid.by.as_str())
    .bind(i64::from(grid.issued.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// A declared currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyRow {
    /// Issuer and letters.
    pub currency: Currency,
    /// Digits behind the point.
    pub exponent: u8,
    /// What people call it.
    pub name: String,
}

/// All currencies, or the one asked for.
pub(crate) async fn currencies(
    connection: &mut Connection,
    only: Option<&Currency>,
) -> Result<Vec<CurrencyRow>> {
    let rows: Vec<(Vec<u8>, i64, String)> = sqlx::query_as(
        "SELECT currency, exponent, name FROM currency
         WHERE $1 IS NULL OR currency = $1 ORDER BY currency LIMIT 1000",
    )
    .bind(only.map(|currency| currency.as_bytes().as_slice()))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(currency, exponent, name)| {
            let row = Row {
                table: "currency",
                key: &name,
            };
            let (currency, exponent) = (row.currency(&currency)?, row.exponent(exponent)?);
            Ok(CurrencyRow {
                currency,
                exponent,
                name,
            })
        })
        .collect()
}

/// Writes a currency.
pub(crate) async fn insert_currency(
    connection: &mut Connection,
    currency: &CurrencyRow,
) -> Result<()> {
    sqlx::query("INSERT INTO currency (currency, exponent, name) VALUES ($1, $2, $3)")
        .bind(currency.currency.as_bytes().as_slice())
        .bind(i64::from(currency.exponent))
        .bind(currency.name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
