//! What the reserves of purses stand for, and what lifts an allowance.

use super::row::Row;
use super::{Connection, Result};
use crate::rules::coverage::{Coverage, Stretch};
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Reference, Timestamp};

/// Whose reserve: one account in the books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purse {
    pub code: Code,
    pub key_epoch: KeyEpoch,
    pub currency: Currency,
}

type Columns = (i64, i64, i64, i64);

fn stretch_from(code: &Code, (first, last, expires, held): Columns) -> Result<Stretch> {
    let row = Row {
        table: "stretch of",
        key: code,
    };
    Ok(Stretch {
        first: row.odometer(first)?,
        last: row.odometer(last)?,
        expires: row.time(expires)?,
        held: row.amount(held)?,
    })
}

/// What the reserve stands for above `from` and not wholly above `to`.
pub(crate) async fn between(
    connection: &mut Connection,
    purse: &Purse,
    from: Odometer,
    to: Odometer,
) -> Result<Coverage> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT first, last, expires, held FROM stretch
         WHERE code = $1 AND key_epoch = $2 AND currency = $3 AND last > $4 AND first < $5
         ORDER BY last",
    )
    .bind(purse.code.as_bytes().as_slice())
    .bind(i64::from(purse.key_epoch.0))
    .bind(purse.currency.as_bytes().as_slice())
    .bind(from.as_i64())
    .bind(to.as_i64())
    .fetch_all(connection)
    .await?;
    let stretches = rows.into_iter().map(|row| stretch_from(&purse.code, row));
    Ok(Coverage::new(stretches.collect::<Result<_>>()?))
}

/// Everything the reserve stands for from a reading on.
pub(crate) async fn above(
    connection: &mut Connection,
    purse: &Purse,
    from: Odometer,
) -> Result<Coverage> {
    let end = Odometer::new(protocol::units::AMOUNT_MAX).unwrap_or_default();
    between(connection, purse, from, end).await
}

/// Writes what has changed between two states of one part of a reserve.
pub(crate) async fn save(
    connection: &mut Connection,
    purse: &Purse,
    before: &Coverage,
    after: &Coverage,
) -> Result<()> {
    for gone in before.stretches() {
        if after.stretches().iter().any(|s| s.last == gone.last) {
            continue;
        }
        sqlx::query(
            "DELETE FROM stretch WHERE code = $1 AND key_epoch = $2 AND currency = $3 AND last = $4",
        )
        .bind(purse.code.as_bytes().as_slice())
        .bind(i64::from(purse.key_epoch.0))
        .bind(purse.currency.as_bytes().as_slice())
        .bind(gone.last.as_i64())
        .execute(&mut *connection)
        .await?;
    }
    for stretch in after.stretches() {
        if before.stretches().contains(stretch) {
            continue;
        }
        sqlx::query(
            "INSERT INTO stretch (code, key_epoch, currency, first, last, expires, held)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (code, key_epoch, currency, last) DO UPDATE SET first = excluded.first,
               expires = excluded.expires, held = excluded.held",
        )
        .bind(purse.code.as_bytes().as_slice())
        .bind(i64::from(purse.key_epoch.0))
        .bind(purse.currency.as_bytes().as_slice())
        .bind(stretch.first.as_i64())
        .bind(stretch.last.as_i64())
        .bind(i64::from(stretch.expires.0))
        .bind(stretch.held.as_i64())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The key epochs of a purse in which something expired at `last` or before.
pub(crate) async fn lapsed_epochs(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
    last: Timestamp,
) -> Result<Vec<KeyEpoch>> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT DISTINCT key_epoch FROM stretch
         WHERE code = $1 AND currency = $2 AND expires <= $3 ORDER BY key_epoch",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(last.0))
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "stretch of",
        key: code,
    };
    rows.into_iter()
        .map(|(epoch,)| Ok(row.key_epoch(epoch)?))
        .collect()
}

/// An allowance of these books and what was settled that names it.
pub(crate) struct Lifted {
    pub id: Digest,
    pub bytes: Vec<u8>,
    pub credits: AmountMinor,
}

/// What was settled that names an allowance; `None` when it does not stand in these books.
pub(crate) async fn credits(
    connection: &mut Connection,
    allowance: &Digest,
) -> Result<Option<AmountMinor>> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT credits FROM allowance WHERE id = $1")
        .bind(allowance.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "allowance",
        key: allowance,
    };
    Ok(row.map(|(credits,)| key.amount(credits)).transpose()?)
}

/// The allowance behind a reference that a payment to `code` makes. Whoever could make two behind
/// one would have broken SHA-256 at 16 bytes; the older one counts.
pub(crate) async fn named(
    connection: &mut Connection,
    code: &Code,
    reference: &Reference,
) -> Result<Option<Lifted>> {
    let (mut low, mut high) = (reference.as_bytes().to_vec(), reference.as_bytes().to_vec());
    low.extend([0; 16]);
    high.extend([u8::MAX; 16]);
    let row: Option<(Vec<u8>, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT id, bytes, credits FROM allowance WHERE id BETWEEN $1 AND $2 AND code = $3
         ORDER BY id LIMIT 1",
    )
    .bind(low)
    .bind(high)
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((id, bytes, credits)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "allowance of",
        key: code,
    };
    Ok(Some(Lifted {
        id: row.digest(&id)?,
        bytes,
        credits: row.amount(credits)?,
    }))
}

/// Keeps [`credits`].
pub(crate) async fn set_credits(
    connection: &mut Connection,
    allowance: &Digest,
    credits: AmountMinor,
) -> Result<()> {
    sqlx::query("UPDATE allowance SET credits = $2 WHERE id = $1")
        .bind(allowance.as_bytes().as_slice())
        .bind(credits.as_i64())
        .execute(connection)
        .await?;
    Ok(())
}
