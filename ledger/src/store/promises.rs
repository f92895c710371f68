//! What purses declared they would not do.

use super::coverage::Purse;
use super::row::Row;
use super::{Connection, Result};
use crate::evidence::Owned;
use protocol::objects::{Closing, Void};
use protocol::rules::Spent;
use protocol::rules::proof::Charge;
use protocol::{Code, Digest, KeyEpoch, Sequence, Timestamp};

/// Whether this very object is on record.
pub(crate) async fn is_known(connection: &mut Connection, id: &Digest) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM void WHERE id = $1 UNION ALL SELECT 1 FROM closing WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// How many voids one key epoch has on record.
pub(crate) async fn voids(connection: &mut Connection, void: &Void) -> Result<u64> {
    let (count,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM void WHERE code = $1 AND key_epoch = $2")
            .bind(void.code.as_bytes().as_slice())
            .bind(i64::from(void.key_epoch.0))
            .fetch_one(connection)
            .await?;
    Ok(count.unsigned_abs())
}

/// Keeps a void.
pub(crate) async fn insert_void(
    connection: &mut Connection,
    void: &Owned<Void>,
    now: Timestamp,
) -> Result<()> {
    let said = void.get();
    sqlx::query(
        "INSERT INTO void (id, code, key_epoch, first, last, bytes, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(void.id().as_bytes().as_slice())
    .bind(said.code.as_bytes().as_slice())
    .bind(i64::from(said.key_epoch.0))
    .bind(i64::from(said.first.0))
    .bind(i64::from(said.last.0))
    .bind(void.bytes())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a closing of an allowance.
pub(crate) async fn insert_closing(
    connection: &mut Connection,
    closing: &Owned<Closing>,
    allowance: &Digest,
    now: Timestamp,
) -> Result<()> {
    let said = closing.get();
    sqlx::query(
        "INSERT INTO closing (id, code, key_epoch, currency, allowance, sequence, odometer, bytes,
           at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(closing.id().as_bytes().as_slice())
    .bind(said.code.as_bytes().as_slice())
    .bind(i64::from(said.key_epoch.0))
    .bind(said.currency.as_bytes().as_slice())
    .bind(allowance.as_bytes().as_slice())
    .bind(i64::from(said.sequence.0))
    .bind(said.odometer.as_i64())
    .bind(closing.bytes())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What a payment under this allowance breaks, as a charge with the signed object.
pub(crate) async fn broken_by(
    connection: &mut Connection,
    spent: &Spent,
    allowance: &Digest,
) -> Result<Option<(Charge, Vec<u8>)>> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT $6, bytes FROM void
           WHERE code = $1 AND key_epoch = $2 AND first <= $3 AND last >= $3
         UNION ALL
         SELECT $7, bytes FROM closing
           WHERE allowance = $4 AND (sequence < $3 OR odometer < $5)
         LIMIT 1",
    )
    .bind(spent.payer.as_bytes().as_slice())
    .bind(i64::from(spent.key_epoch.0))
    .bind(i64::from(spent.sequence.0))
    .bind(allowance.as_bytes().as_slice())
    .bind(spent.to.as_i64())
    .bind(Charge::Void as i64)
    .bind(Charge::Closing as i64)
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|(charge, bytes)| {
        let charge = Charge::from_number(u8::try_from(charge).ok()?)?;
        Some((charge, bytes))
    }))
}

/// A recorded payment under a number that is declared void.
pub(crate) async fn inside(connection: &mut Connection, void: &Void) -> Result<Option<Digest>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT id FROM payment WHERE payer = $1 AND key_epoch = $2
           AND sequence BETWEEN $3 AND $4 AND lost = 0 ORDER BY sequence LIMIT 1",
    )
    .bind(void.code.as_bytes().as_slice())
    .bind(i64::from(void.key_epoch.0))
    .bind(i64::from(void.first.0))
    .bind(i64::from(void.last.0))
    .fetch_optional(connection)
    .await?;
    id(row, &void.code)
}

/// The newest recorded payment under an allowance, whose numbers lie in this range, that goes
/// beyond its closing.
pub(crate) async fn beyond(
    connection: &mut Connection,
    closing: &Closing,
    allowance: &Digest,
    (first, last): (Sequence, Sequence),
) -> Result<Option<Digest>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT id FROM payment WHERE payer = $1 AND key_epoch = $2 AND currency = $3
           AND sequence BETWEEN $4 AND $5 AND lost = 0 AND allowance = $6
           AND (sequence > $7 OR odometer > $8) ORDER BY sequence DESC LIMIT 1",
    )
    .bind(closing.code.as_bytes().as_slice())
    .bind(i64::from(closing.key_epoch.0))
    .bind(closing.currency.as_bytes().as_slice())
    .bind(i64::from(first.0))
    .bind(i64::from(last.0))
    .bind(allowance.as_bytes().as_slice())
    .bind(i64::from(closing.sequence.0))
    .bind(closing.odometer.as_i64())
    .fetch_optional(connection)
    .await?;
    id(row, &closing.code)
}

/// The newest allowance of a purse.
pub(crate) async fn newest_allowance(
    connection: &mut Connection,
    purse: &Purse,
) -> Result<Option<Digest>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT id FROM allowance WHERE code = $1 AND key_epoch = $2 AND currency = $3
         ORDER BY number DESC LIMIT 1",
    )
    .bind(purse.code.as_bytes().as_slice())
    .bind(i64::from(purse.key_epoch.0))
    .bind(purse.currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    id(row, &purse.code)
}

fn id(row: Option<(Vec<u8>,)>, code: &Code) -> Result<Option<Digest>> {
    let key = Row {
        table: "row of",
        key: code,
    };
    Ok(row.map(|(id,)| key.digest(&id)).transpose()?)
}

/// Which life of a key a declaration may speak of.
pub(crate) const fn may_declare(declared: KeyEpoch, current: KeyEpoch) -> bool {
    declared.0 >= 1 && declared.0 <= current.0
}
