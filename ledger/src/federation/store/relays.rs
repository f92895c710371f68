//! What was handed in here and is settled elsewhere, and payments that were only seen.

use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::objects::Payment;
use protocol::rules::Spent;
use protocol::{Code, Digest, KeyEpoch, Sequence, Timestamp};

/// The newest word on a message that was relayed: ours, then the arbiter's.
pub(crate) async fn answer(connection: &mut Connection, hash: &Digest) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT answer FROM relay WHERE hash = $1")
        .bind(hash.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(answer,)| answer))
}

/// Keeps a relayed message with our own word on it.
pub(crate) async fn keep(
    connection: &mut Connection,
    hash: &Digest,
    payment: &Digest,
    bringer: Option<Code>,
    (note, answer): (&[u8], &[u8]),
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO relay (hash, payment, bringer, at, note, answer, final)
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
    )
    .bind(hash.as_bytes().as_slice())
    .bind(payment.as_bytes().as_slice())
    .bind(bringer.as_ref().map(|code| code.as_bytes().as_slice()))
    .bind(i64::from(now.0))
    .bind(note)
    .bind(answer)
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers that a payment settled here stands on this one, which is settled elsewhere; `false`
/// when that was known. Its own identifier stands where that of a relayed message would.
pub(crate) async fn wait_for(
    connection: &mut Connection,
    cover: &Digest,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO relay (hash, payment, at, note, answer, final)
         VALUES ($1, $1, $2, x'', x'', 0) ON CONFLICT DO NOTHING",
    )
    .bind(cover.as_bytes().as_slice())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The arbiter's word replaces ours; gives who brought the payment here. What stands on it waits on
/// while more may come of it.
pub(crate) async fn answered(
    connection: &mut Connection,
    payment: &Digest,
    (answer, last): (&[u8], bool),
) -> Result<Vec<Code>> {
    sqlx::query("UPDATE relay SET answer = $2, final = $3 OR hash <> payment WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .bind(answer)
        .bind(last)
        .execute(&mut *connection)
        .await?;
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT DISTINCT bringer FROM relay WHERE payment = $1 AND bringer IS NOT NULL",
    )
    .bind(payment.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "relay of",
        key: payment,
    };
    rows.into_iter()
        .map(|(code,)| Ok(row.code(&code)?))
        .collect()
}

/// How many relayed messages have no word of their arbiter yet.
pub(crate) async fn unanswered(connection: &mut Connection) -> Result<u64> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM relay WHERE final = 0")
        .fetch_one(connection)
        .await?;
    Ok(count.unsigned_abs())
}

/// Remembers which gateway wants to hear of a payment.
pub(crate) async fn asked_from(
    connection: &mut Connection,
    payment: &Digest,
    peer: &Code,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO asked_from (payment, peer, told) VALUES ($1, $2, 0)
         ON CONFLICT (payment, peer) DO UPDATE SET told = 0",
    )
    .bind(payment.as_bytes().as_slice())
    .bind(peer.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// All of them are being told.
pub(crate) async fn told(connection: &mut Connection, payment: &Digest) -> Result<()> {
    sqlx::query("UPDATE asked_from SET told = 1 WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether this one was told since it last asked.
pub(crate) async fn was_told(
    connection: &mut Connection,
    payment: &Digest,
    peer: &Code,
) -> Result<bool> {
    let row: Option<(bool,)> =
        sqlx::query_as("SELECT told FROM asked_from WHERE payment = $1 AND peer = $2")
            .bind(payment.as_bytes().as_slice())
            .bind(peer.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some_and(|(told,)| told))
}

/// Which gateways want to hear of a payment.
pub(crate) async fn askers(connection: &mut Connection, payment: &Digest) -> Result<Vec<Code>> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT peer FROM asked_from WHERE payment = $1 ORDER BY peer")
            .bind(payment.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
    let row = Row {
        table: "asked_from",
        key: payment,
    };
    rows.into_iter()
        .map(|(code,)| Ok(row.code(&code)?))
        .collect()
}

/// Keeps a payment under another gateway's allowance; `false` when it was here before.
pub(crate) async fn show(
    connection: &mut Connection,
    id: &Digest,
    payment: &Payment,
    (allowance, bytes): (&[u8], &[u8]),
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO shown (id, payer, key_epoch, sequence, previous, currency, amount, odometer,
           allowance, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT DO NOTHING",
    )
    .bind(id.as_bytes().as_slice())
    .bind(payment.payer.as_bytes().as_slice())
    .bind(i64::from(payment.key_epoch.0))
    .bind(i64::from(payment.sequence.0))
    .bind(payment.previous.as_bytes().as_slice())
    .bind(payment.currency.as_bytes().as_slice())
    .bind(payment.amount.as_i64())
    .bind(payment.odometer.as_i64())
    .bind(allowance)
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A payment that could contradict another, with its evidence.
pub(crate) struct Neighbour {
    pub spent: Spent,
    pub allowance: Vec<u8>,
    pub payment: Vec<u8>,
}

/// The payments of a purse next to this one, whoever settles them: the one with its number, and in
/// its currency the ones before and after.
pub(crate) async fn neighbours(
    connection: &mut Connection,
    spent: &Spent,
) -> Result<Vec<Neighbour>> {
    type Columns = (Vec<u8>, i64, Vec<u8>, i64, i64, Vec<u8>, Vec<u8>);
    let rows: Vec<Columns> = sqlx::query_as(
        "WITH seen AS (
           SELECT id, sequence, currency, amount, odometer, allowance, bytes FROM shown
             WHERE payer = $1 AND key_epoch = $2
           UNION ALL
           SELECT payment.id, sequence, payment.currency, amount, odometer, allowance.bytes,
               payment.bytes
             FROM payment JOIN allowance ON allowance.id = payment.allowance
             WHERE payer = $1 AND payment.key_epoch = $2 AND lost = 0)
         SELECT * FROM seen WHERE sequence = $3
         UNION ALL
         SELECT * FROM (SELECT * FROM seen WHERE currency = $4 AND sequence < $3
           ORDER BY sequence DESC LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT * FROM seen WHERE currency = $4 AND sequence > $3
           ORDER BY sequence LIMIT 1)",
    )
    .bind(spent.payer.as_bytes().as_slice())
    .bind(i64::from(spent.key_epoch.0))
    .bind(i64::from(spent.sequence.0))
    .bind(spent.currency.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "shown of",
        key: &spent.payer,
    };
    rows.into_iter()
        .map(
            |(id, sequence, currency, amount, odometer, allowance, payment)| {
                let to = row.odometer(odometer)?;
                let amount = row.amount(amount)?;
                Ok(Neighbour {
                    spent: Spent {
                        id: row.digest(&id)?,
                        payer: spent.payer,
                        key_epoch: spent.key_epoch,
                        currency: row.currency(&currency)?,
                        sequence: row.sequence(sequence)?,
                        from: to
                            .before(amount)
                            .ok_or_else(|| row.damaged("amount above odometer"))?,
                        to,
                    },
                    allowance,
                    payment,
                })
            },
        )
        .collect()
}

/// Links of payments that were only seen, after a number.
pub(crate) async fn links_after(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
    after: Sequence,
    most: u32,
) -> Result<Vec<crate::rules::links::Link>> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, previous, id FROM shown
         WHERE payer = $1 AND key_epoch = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(i64::from(after.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "shown of",
        key: code,
    };
    rows.into_iter()
        .map(|(sequence, previous, id)| {
            Ok(crate::rules::links::Link {
                sequence: row.sequence(sequence)?,
                previous: row.reference(&previous)?,
                reference: row.digest(&id)?.reference(),
            })
        })
        .collect()
}

/// The payment against which this one is an open claim.
pub(crate) async fn stands_against(
    connection: &mut Connection,
    claim: &Digest,
) -> Result<Option<Digest>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT stands FROM fraud WHERE claim = $1")
        .bind(claim.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "fraud",
        key: claim,
    };
    row.map(|(stands,)| Ok(key.digest(&stands)?)).transpose()
}
