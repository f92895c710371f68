//! Float warrants, and what was taken of them.

use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::objects::FloatWarrant;
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Odometer, Timestamp};

/// The newest warrant of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Warrant {
    /// The reading at which it was asked for.
    pub base: Odometer,
    pub limit: Odometer,
    pub issued: Timestamp,
    pub expires: Timestamp,
}

/// The newest warrant for a gateway, its epoch and a currency.
pub(crate) async fn warrant(
    connection: &mut Connection,
    gateway: &Code,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Option<Warrant>> {
    let row: Option<(i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT base, upto, issued, expires FROM warrant
         WHERE gateway = $1 AND gateway_epoch = $2 AND currency = $3",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((base, limit, issued, expires)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "warrant",
        key: currency,
    };
    Ok(Some(Warrant {
        base: row.odometer(base)?,
        limit: row.odometer(limit)?,
        issued: row.time(issued)?,
        expires: row.time(expires)?,
    }))
}

/// Keeps a warrant instead of the one before.
pub(crate) async fn set_warrant(
    connection: &mut Connection,
    warrant: &FloatWarrant,
    base: Odometer,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO warrant (gateway, gateway_epoch, currency, base, upto, issued, expires, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (gateway, gateway_epoch, currency) DO UPDATE SET base = excluded.base,
           upto = excluded.upto, issued = excluded.issued, expires = excluded.expires,
           bytes = excluded.bytes",
    )
    .bind(warrant.gateway.as_bytes().as_slice())
    .bind(i64::from(warrant.gateway_epoch.0))
    .bind(warrant.currency.as_bytes().as_slice())
    .bind(base.as_i64())
    .bind(warrant.limit.as_i64())
    .bind(i64::from(warrant.issued.0))
    .bind(i64::from(warrant.expires.0))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// The signed warrants of one gateway epoch.
pub(crate) async fn warrants(
    connection: &mut Connection,
    gateway: &Code,
    epoch: KeyEpoch,
) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT bytes FROM warrant WHERE gateway = $1 AND gateway_epoch = $2 ORDER BY currency",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(bytes,)| bytes).collect())
}

/// The reading and time at which more was asked for.
pub(crate) async fn asked(
    connection: &mut Connection,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Option<(Odometer, Timestamp)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT reading, at FROM float_asked WHERE gateway_epoch = $1 AND currency = $2",
    )
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((reading, at)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "float_asked",
        key: currency,
    };
    Ok(Some((row.odometer(reading)?, row.time(at)?)))
}

/// Keeps [`asked`].
pub(crate) async fn set_asked(
    connection: &mut Connection,
    epoch: KeyEpoch,
    currency: &Currency,
    reading: Odometer,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO float_asked (gateway_epoch, currency, reading, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (gateway_epoch, currency)
         DO UPDATE SET reading = excluded.reading, at = excluded.at",
    )
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .bind(reading.as_i64())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What a purse took of the warrant that runs to `limit`.
pub(crate) async fn used(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
    epoch: KeyEpoch,
    limit: Odometer,
) -> Result<AmountMinor> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT used FROM float_used
         WHERE code = $1 AND currency = $2 AND gateway_epoch = $3 AND upto = $4",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(limit.as_i64())
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "float_used",
        key: code,
    };
    Ok(key.amount(row.map_or(0, |(used,)| used))?)
}

/// Keeps [`used`].
pub(crate) async fn set_used(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
    epoch: KeyEpoch,
    limit: Odometer,
    used: AmountMinor,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO float_used (code, currency, gateway_epoch, upto, used)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (code, currency) DO UPDATE SET gateway_epoch = excluded.gateway_epoch,
           upto = excluded.upto, used = excluded.used",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(limit.as_i64())
    .bind(used.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}
