//! Which payments stand on which, and payments that wait to be covered.

use super::row::Row;
use super::{Connection, Result};
use crate::rules::settle::Fate;
use protocol::{AmountMinor, Digest, Odometer, Status};

/// Keeps which payments lift this one above its limit.
pub(crate) async fn insert(
    connection: &mut Connection,
    payment: &Digest,
    covers: &[(Digest, u32)],
) -> Result<()> {
    for (cover, units) in covers {
        sqlx::query("INSERT INTO cover (payment, cover, units) VALUES ($1, $2, $3)")
            .bind(payment.as_bytes().as_slice())
            .bind(cover.as_bytes().as_slice())
            .bind(i64::from(*units))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn pairs(
    connection: &mut Connection,
    sql: &'static str,
    id: &Digest,
) -> Result<Vec<(Digest, u32)>> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(sql)
        .bind(id.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    let row = Row {
        table: "cover of",
        key: id,
    };
    rows.into_iter()
        .map(|(id, units)| Ok((row.digest(&id)?, row.units(units)?)))
        .collect()
}

/// The covers of a payment as it signed them, ascending; at most as many as an evidence holds.
pub(crate) async fn of(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Vec<(Digest, u32)>> {
    let sql = "SELECT cover, units FROM cover WHERE payment = $1 ORDER BY cover";
    pairs(connection, sql, payment).await
}

/// The payment that counts most of this one among its covers, with the units it counts.
pub(crate) async fn used(
    connection: &mut Connection,
    cover: &Digest,
) -> Result<Option<(Digest, u32)>> {
    let sql = "SELECT payment, units FROM cover WHERE cover = $1 ORDER BY units DESC LIMIT 1";
    Ok(pairs(connection, sql, cover).await?.pop())
}

/// Payments that stand on this one, were claimed and are not paid in full, those with lower readings
/// first. What nobody has claimed waits for money through its payer's allowance instead.
pub(crate) async fn short_above(
    connection: &mut Connection,
    cover: &Digest,
    most: u32,
) -> Result<Vec<Digest>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT payment.id FROM cover JOIN payment ON payment.id = cover.payment
         WHERE cover.cover = $1 AND payment.missing > 0 AND payment.claimed IS NOT NULL
         ORDER BY payment.odometer LIMIT $2",
    )
    .bind(cover.as_bytes().as_slice())
    .bind(most)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "cover of",
        key: cover,
    };
    rows.into_iter().map(|(id,)| Ok(row.digest(&id)?)).collect()
}

/// A payment that waits for covers.
pub(crate) struct Uncovered {
    pub id: Digest,
    /// Up to where it is funded.
    pub from: Odometer,
    pub missing: AmountMinor,
}

/// Payments under an allowance that wait to be covered, and whose funding ends below a reading.
pub(crate) async fn waiting(
    connection: &mut Connection,
    allowance: &Digest,
    reach: Odometer,
    most: u32,
) -> Result<Vec<Uncovered>> {
    let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(
        "SELECT id, odometer - amount + funded, missing FROM payment
         WHERE allowance = $1 AND missing > 0 AND outcome IN ($2, $3)
           AND odometer - amount + funded < $4 ORDER BY odometer LIMIT $5",
    )
    .bind(allowance.as_bytes().as_slice())
    .bind(Status::InTransit as i64)
    .bind(Fate::Waiting.status() as i64)
    .bind(reach.as_i64())
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, from, missing)| {
            let row = Row {
                table: "payment",
                key: &id,
            };
            Ok(Uncovered {
                id: row.digest(&id)?,
                from: row.odometer(from)?,
                missing: row.amount(missing)?,
            })
        })
        .collect()
}

/// Whether anything under an allowance waits to be covered.
pub(crate) async fn waits(connection: &mut Connection, allowance: &Digest) -> Result<bool> {
    let highest = Odometer::new(protocol::units::AMOUNT_MAX).unwrap_or_default();
    let first = waiting(connection, allowance, highest, 1).await?;
    Ok(!first.is_empty())
}

/// The waiting payments of this allowance are to be looked at.
pub(crate) async fn look_at(connection: &mut Connection, allowance: &Digest) -> Result<()> {
    sqlx::query("INSERT INTO credited (allowance) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(allowance.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// An allowance whose waiting payments are to be looked at.
pub(crate) async fn to_look_at(connection: &mut Connection) -> Result<Option<Digest>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT allowance FROM credited LIMIT 1")
        .fetch_optional(connection)
        .await?;
    let Some((id,)) = row else { return Ok(None) };
    let row = Row {
        table: "credited",
        key: &id,
    };
    Ok(Some(row.digest(&id)?))
}

/// They were looked at.
pub(crate) async fn looked_at(connection: &mut Connection, allowance: &Digest) -> Result<()> {
    sqlx::query("DELETE FROM credited WHERE allowance = $1")
        .bind(allowance.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
