//! Allowances that were given, the gateway's counters, and what the next allowance stands on.

use super::row::Row;
use super::{Connection, Result};
use crate::evidence::Owned;
use crate::rules::links::Links;
use protocol::objects::{Allowance, Renewal};
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Timestamp};

/// Bytes of an allowance that stands in the books.
pub(crate) async fn allowance(connection: &mut Connection, id: &Digest) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT bytes FROM allowance WHERE id = $1")
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Keeps an allowance and binds the request to it.
pub(crate) async fn insert_allowance(
    connection: &mut Connection,
    id: &Digest,
    allowance: &Allowance,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO allowance (id, code, key_epoch, currency, expires, bytes)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.as_bytes().as_slice())
    .bind(allowance.code.as_bytes().as_slice())
    .bind(i64::from(allowance.key_epoch.0))
    .bind(allowance.currency.as_bytes().as_slice())
    .bind(i64::from(allowance.expires.0))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// The allowance that answered this very request.
pub(crate) async fn answered_renewal(
    connection: &mut Connection,
    id: &Digest,
) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT allowance.bytes FROM renewal
         JOIN allowance ON allowance.id = renewal.allowance WHERE renewal.id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Binds a request to its answer.
pub(crate) async fn insert_renewal(
    connection: &mut Connection,
    renewal: &Owned<Renewal>,
    allowance: &Digest,
) -> Result<()> {
    sqlx::query("INSERT INTO renewal (id, code, bytes, allowance) VALUES ($1, $2, $3, $4)")
        .bind(renewal.id().as_bytes().as_slice())
        .bind(renewal.get().code.as_bytes().as_slice())
        .bind(renewal.bytes())
        .bind(allowance.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts one more allowance of this gateway epoch.
pub(crate) async fn count_allowance(connection: &mut Connection, epoch: KeyEpoch) -> Result<u64> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO gateway_count (gateway_epoch, number) VALUES ($1, 1)
         ON CONFLICT (gateway_epoch) DO UPDATE SET number = gateway_count.number + 1
         RETURNING number",
    )
    .bind(i64::from(epoch.0))
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}

/// What this gateway granted so far in an epoch and currency.
pub(crate) async fn issued_total(
    connection: &mut Connection,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Odometer> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT issued_total FROM gateway_total WHERE gateway_epoch = $1 AND currency = $2",
    )
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "gateway_total",
        key: currency,
    };
    Ok(key.odometer(row.map_or(0, |(total,)| total))?)
}

/// Keeps [`issued_total`].
pub(crate) async fn set_issued_total(
    connection: &mut Connection,
    epoch: KeyEpoch,
    currency: &Currency,
    total: Odometer,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO gateway_total (gateway_epoch, currency, issued_total) VALUES ($1, $2, $3)
         ON CONFLICT (gateway_epoch, currency) DO UPDATE SET issued_total = excluded.issued_total",
    )
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .bind(total.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

/// How far the links of a purse were unbroken when it last renewed.
pub(crate) async fn links(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
) -> Result<Links> {
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT sequence, head FROM linked WHERE code = $1 AND key_epoch = $2")
            .bind(code.as_bytes().as_slice())
            .bind(i64::from(epoch.0))
            .fetch_optional(connection)
            .await?;
    let Some((sequence, head)) = row else {
        return Ok(Links::default());
    };
    let row = Row {
        table: "linked",
        key: code,
    };
    Ok(Links {
        sequence: row.sequence(sequence)?,
        head: row.reference(&head)?,
    })
}

/// Keeps [`links`].
pub(crate) async fn set_links(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
    links: &Links,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO linked (code, key_epoch, sequence, head) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code, key_epoch) DO UPDATE SET sequence = excluded.sequence,
           head = excluded.head",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(i64::from(links.sequence.0))
    .bind(links.head.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Seconds of a day, counted in UTC.
const DAY_S: u32 = 86_400;

/// What renewals of this day have set aside for a purse.
pub(crate) async fn granted_on(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
    now: Timestamp,
) -> Result<AmountMinor> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT amount FROM granted_day WHERE code = $1 AND currency = $2 AND day = $3",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(now.0 / DAY_S))
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "granted_day",
        key: code,
    };
    Ok(key.amount(row.map_or(0, |(amount,)| amount))?)
}

/// Keeps [`granted_on`].
pub(crate) async fn set_granted_on(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
    now: Timestamp,
    amount: AmountMinor,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO granted_day (code, currency, day, amount) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code, currency) DO UPDATE SET day = excluded.day, amount = excluded.amount",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(now.0 / DAY_S))
    .bind(amount.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

/// When the newest renewal of a code was asked for that was answered.
pub(crate) async fn newest_asked(
    connection: &mut Connection,
    code: &Code,
) -> Result<Option<Timestamp>> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT time FROM asked WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "asked",
        key: code,
    };
    Ok(row.map(|(time,)| key.time(time)).transpose()?)
}

/// Keeps [`newest_asked`], which never falls.
pub(crate) async fn set_newest_asked(
    connection: &mut Connection,
    code: &Code,
    time: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO asked (code, time) VALUES ($1, $2)
         ON CONFLICT (code) DO UPDATE SET time = max(asked.time, excluded.time)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(time.0))
    .execute(connection)
    .await?;
    Ok(())
}
