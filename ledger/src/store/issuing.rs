//! One-time secrets, reserved numbers, and the things that come of them.

use super::row::Row;
use super::things::{Thing, thing_by_sequence};
use super::{Connection, Result};
use protocol::code::STATION_SEQUENCE_END;
use protocol::{AssuranceClass, Code, KeyEpoch, Kind, PublicKey, Timestamp};

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

/// The first number that a gateway issues in this epoch. A later epoch is called by the time at
/// which it began, and no gateway issues sixteen codes in every second of its life: so whatever was
/// issued and forgotten lies below.
const fn first_number(epoch: KeyEpoch) -> i64 {
    match epoch.0 {
        0 | 1 => 1,
        later => (later as i64) << 4,
    }
}

/// Reserves the next number.
pub(crate) async fn insert_reservation(
    connection: &mut Connection,
    request: &IssueRequest,
    epoch: KeyEpoch,
    now: Timestamp,
) -> Result<u64> {
    // Rows are never deleted, so the next number was never used before.
    let (sequence,): (i64,) = sqlx::query_as(
        "INSERT INTO reservation (sequence, request_hash, kind, name, made_by, serial, issued)
         VALUES ((SELECT max(coalesce(max(sequence), 0) + 1, $8)
             FROM reservation WHERE sequence < $7),
           $1, $2, $3, $4, $5, $6)
         RETURNING sequence",
    )
    .bind(request.request_hash.as_slice())
    .bind(request.kind as i64)
    .bind(request.name.as_str())
    .bind(request.by.as_str())
    .bind(request.serial.as_slice())
    .bind(i64::from(now.0))
    // What stations made stands behind this gateway's own numbers.
    .bind(STATION_SEQUENCE_END as i64)
    .bind(first_number(epoch))
    .fetch_one(connection)
    .await?;
    Ok(sequence.unsigned_abs())
}
