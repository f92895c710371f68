//! Payments as they were handed in, what could contradict them, and fraud cases.

use super::row::Row;
use super::{Connection, Result};
use crate::evidence::{Evidence, Owned, Released};
use crate::rules::links::Link;
use crate::rules::settle::{Fate, Flow, cost};
use protocol::objects::{Payment, Receipt};
use protocol::rules::{Contradiction, Spent};
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Network, Odometer, Sequence, Status, Timestamp,
    cose,
};

/// A recorded payment with its answers.
pub(crate) struct Standing {
    pub fate: Fate,
    /// Whole signed receipt.
    pub receipt: Option<Vec<u8>>,
    pub transit_statement: Option<Vec<u8>>,
    pub statement: Option<Vec<u8>>,
    /// Of a stream: units that reached the payee.
    pub posted: u32,
    /// Of a stream: the newest value.
    pub shown: Option<Released>,
    /// What has left the payer for it.
    pub funded: AmountMinor,
}

/// Reads an outcome column.
pub(crate) fn fate(row: &Row<'_>, column: i64) -> Result<Fate> {
    let fate = u8::try_from(column)
        .ok()
        .and_then(Status::from_number)
        .and_then(Fate::from_status);
    Ok(fate.ok_or_else(|| row.damaged("no outcome"))?)
}

/// The payment, if it was handed in before.
pub(crate) async fn standing(connection: &mut Connection, id: &Digest) -> Result<Option<Standing>> {
    type Blob = Option<Vec<u8>>;
    type Columns = (i64, Blob, Blob, Blob, Option<i64>, Option<i64>, Blob, i64);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT outcome, receipt, transit_statement, statement, units, shown, shown_value, funded
         FROM payment WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((column, receipt, transit_statement, statement, units, shown, value, funded)) = row
    else {
        return Ok(None);
    };
    let row = Row {
        table: "payment",
        key: id,
    };
    let shown = match (shown, value) {
        (Some(units), Some(value)) => {
            let (units, value) = (row.units(units)?, row.digest(&value)?);
            Some(Released::recorded(*id, units, value))
        }
        _ => None,
    };
    Ok(Some(Standing {
        fate: fate(&row, column)?,
        receipt,
        transit_statement,
        statement,
        posted: row.units(units.unwrap_or(0))?,
        shown,
        funded: row.amount(funded)?,
    }))
}

/// The payments that could contradict this one, see [`crate::rules::settle::Case::neighbours`].
pub(crate) async fn neighbours(connection: &mut Connection, spent: &Spent) -> Result<Vec<Spent>> {
    type Columns = (Vec<u8>, i64, Vec<u8>, i64, i64);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, sequence, currency, amount, odometer FROM payment
           WHERE payer = $1 AND key_epoch = $2 AND sequence = $3 AND lost = 0
         UNION ALL
         SELECT * FROM (SELECT id, sequence, currency, amount, odometer FROM payment
           WHERE payer = $1 AND key_epoch = $2 AND currency = $4 AND sequence < $3 AND lost = 0
           ORDER BY sequence DESC LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT id, sequence, currency, amount, odometer FROM payment
           WHERE payer = $1 AND key_epoch = $2 AND currency = $4 AND sequence > $3 AND lost = 0
           ORDER BY sequence LIMIT 1)",
    )
    .bind(spent.payer.as_bytes().as_slice())
    .bind(i64::from(spent.key_epoch.0))
    .bind(i64::from(spent.sequence.0))
    .bind(spent.currency.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, sequence, currency, amount, odometer)| {
            let row = Row {
                table: "payment of",
                key: &spent.payer,
            };
            let to = row.odometer(odometer)?;
            Ok(Spent {
                id: row.digest(&id)?,
                payer: spent.payer,
                key_epoch: spent.key_epoch,
                currency: row.currency(&currency)?,
                sequence: row.sequence(sequence)?,
                from: to
                    .before(row.amount(amount)?)
                    .ok_or_else(|| row.damaged("amount above odometer"))?,
                to,
            })
        })
        .collect()
}

/// Records a payment for the first time, without answers; the columns of [`advance`] come later.
pub(crate) async fn insert_payment(
    connection: &mut Connection,
    evidence: &Evidence,
    fate: Fate,
    now: Timestamp,
) -> Result<()> {
    let payment = evidence.payment();
    let p: &Payment = payment.get();
    sqlx::query(
        "INSERT INTO payment (id, payer, key_epoch, sequence, payee, currency, amount, odometer,
           previous, allowance, bytes, outcome, recorded, lost, reference)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(payment.id().as_bytes().as_slice())
    .bind(p.payer.as_bytes().as_slice())
    .bind(i64::from(p.key_epoch.0))
    .bind(i64::from(p.sequence.0))
    .bind(p.payee.as_bytes().as_slice())
    .bind(p.currency.as_bytes().as_slice())
    .bind(p.amount.as_i64())
    .bind(p.odometer.as_i64())
    .bind(p.previous.as_bytes().as_slice())
    .bind(evidence.allowance().id().as_bytes().as_slice())
    .bind(payment.bytes())
    .bind(fate.status() as i64)
    .bind(i64::from(now.0))
    .bind(fate == Fate::OpenClaim)
    .bind(p.reference.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// How a payment stands now.
pub(crate) struct Progress<'a> {
    pub fate: Fate,
    pub receipt: Option<&'a Owned<Receipt>>,
    /// What stays in transit.
    pub waits: AmountMinor,
    /// When that may go back.
    pub settle_by: Timestamp,
    pub units: Option<u32>,
    pub shown: Option<&'a Released>,
    /// What has left the payer.
    pub funded: AmountMinor,
    /// What has yet to be covered.
    pub missing: AmountMinor,
    /// Its payee has spoken, or asked for it.
    pub claimed: bool,
    pub now: Timestamp,
}

/// Writes how a payment stands now. What it showed before stays where nothing is newer.
pub(crate) async fn advance(
    connection: &mut Connection,
    id: &Digest,
    progress: &Progress<'_>,
) -> Result<()> {
    let settled = progress.fate == Fate::Settled;
    let pending = matches!(progress.fate, Fate::InTransit | Fate::Waiting);
    sqlx::query(
        "UPDATE payment SET outcome = $2, receipt = coalesce($3, receipt), settled = $4,
           waiting = $5, due = $6, units = $7, shown = coalesce($8, shown),
           shown_value = coalesce($9, shown_value), funded = $10, missing = $11,
           claimed = coalesce(claimed, $12) WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(progress.fate.status() as i64)
    .bind(progress.receipt.map(Owned::bytes))
    .bind(settled.then_some(i64::from(progress.now.0)))
    .bind(progress.waits.as_i64())
    .bind(pending.then_some(i64::from(progress.settle_by.0)))
    .bind(progress.units.map(i64::from))
    .bind(progress.shown.map(|shown| i64::from(shown.units())))
    .bind(
        progress
            .shown
            .map(|shown| shown.value().as_bytes().as_slice()),
    )
    .bind(progress.funded.as_i64())
    .bind(progress.missing.as_i64())
    .bind(progress.claimed.then_some(i64::from(progress.now.0)))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a receipt that moves nothing.
pub(crate) async fn attach(
    connection: &mut Connection,
    id: &Digest,
    receipt: &Owned<Receipt>,
) -> Result<()> {
    sqlx::query("UPDATE payment SET receipt = $2 WHERE id = $1")
        .bind(id.as_bytes().as_slice())
        .bind(receipt.bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a receipt that contradicts the one that stands; the first such one is enough.
pub(crate) async fn keep_contrary(
    connection: &mut Connection,
    id: &Digest,
    receipt: &Owned<Receipt>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO contrary_receipt (payment, bytes, at) VALUES ($1, $2, $3)
         ON CONFLICT (payment) DO NOTHING",
    )
    .bind(id.as_bytes().as_slice())
    .bind(receipt.bytes())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) const OVERDUE: &str = "
    SELECT id FROM payment WHERE due <= $1
      AND NOT (missing > 0 AND coalesce(claimed <= due, 0) AND EXISTS (
        WITH RECURSIVE beneath (id) AS (
          SELECT cover FROM cover WHERE cover.payment = payment.id
          UNION SELECT cover.cover FROM beneath JOIN cover ON cover.payment = beneath.id)
        SELECT 1 FROM beneath JOIN relay ON relay.payment = beneath.id WHERE relay.final = 0))
    ORDER BY due, number LIMIT $2";

/// The payments that wait for their payee or their covers and were due at `last` or before, the
/// longest overdue first. What was claimed in time stays open until every payment beneath it has
/// its last word, wherever that is settled.
pub(crate) async fn overdue(
    connection: &mut Connection,
    last: Timestamp,
    most: u32,
) -> Result<Vec<Digest>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(OVERDUE)
        .bind(i64::from(last.0))
        .bind(most)
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|(id,)| {
            let row = Row {
                table: "payment",
                key: &id,
            };
            Ok(row.digest(&id)?)
        })
        .collect()
}

/// A recorded payment as its money stands.
pub(crate) struct Flowing {
    pub id: Digest,
    pub payment: Payment,
    /// Whole identifier.
    pub allowance: Digest,
    pub fate: Fate,
    /// Of a stream: units that are the payee's.
    pub units: Option<u32>,
    pub funded: AmountMinor,
    pub missing: AmountMinor,
    /// When its payee's word first came in.
    pub claimed: Option<Timestamp>,
}

impl Flowing {
    /// What it has taken and given.
    pub(crate) fn flow(&self) -> std::result::Result<Flow, Status> {
        let taken = matches!(self.fate, Fate::Settled | Fate::Waiting | Fate::Guaranteed);
        let owed = match (self.payment.stream, self.units) {
            (Some(stream), units) => cost(Some(&stream), units.unwrap_or(0))?,
            (None, _) if taken => self.payment.amount,
            (None, _) => AmountMinor::ZERO,
        };
        Ok(Flow {
            amount: self.payment.amount,
            owed,
            funded: self.funded,
            closed: self.fate != Fate::InTransit,
        })
    }
}

/// Reads a payment as its money stands.
pub(crate) async fn flowing(
    connection: &mut Connection,
    id: &Digest,
    network: &Network,
) -> Result<Option<Flowing>> {
    type Columns = (Vec<u8>, Vec<u8>, i64, Option<i64>, i64, i64, Option<i64>);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT bytes, allowance, outcome, units, funded, missing, claimed
         FROM payment WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((bytes, allowance, outcome, units, funded, missing, claimed)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "payment",
        key: id,
    };
    let sealed = cose::open::<Payment>(&bytes, network);
    Ok(Some(Flowing {
        id: *id,
        payment: *sealed.map_err(|_| row.damaged("holds no payment"))?.peek(),
        allowance: row.digest(&allowance)?,
        fate: fate(&row, outcome)?,
        units: units.map(|units| row.units(units)).transpose()?,
        funded: row.amount(funded)?,
        missing: row.amount(missing)?,
        claimed: claimed.map(|at| row.time(at)).transpose()?,
    }))
}

/// Writes what a decision about a claim has made of a payment.
pub(crate) async fn compensate(
    connection: &mut Connection,
    id: &Digest,
    fate: Fate,
    missing: AmountMinor,
) -> Result<()> {
    sqlx::query("UPDATE payment SET outcome = $2, missing = $3 WHERE id = $1")
        .bind(id.as_bytes().as_slice())
        .bind(fate.status() as i64)
        .bind(missing.as_i64())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps what is answered about a payment: to the payer alone while it is in transit, to everybody
/// once it is final.
pub(crate) async fn keep_statement(
    connection: &mut Connection,
    id: &Digest,
    fate: Fate,
    statement: &[u8],
) -> Result<()> {
    let sql = match fate {
        Fate::InTransit => "UPDATE payment SET transit_statement = $2 WHERE id = $1",
        _ => "UPDATE payment SET statement = $2 WHERE id = $1",
    };
    sqlx::query(sql)
        .bind(id.as_bytes().as_slice())
        .bind(statement)
        .execute(connection)
        .await?;
    Ok(())
}

/// The payer could not be told by its inbox: asking again gets it the final statement.
pub(crate) async fn forget_transit_statement(
    connection: &mut Connection,
    id: &Digest,
) -> Result<()> {
    sqlx::query("UPDATE payment SET transit_statement = NULL WHERE id = $1")
        .bind(id.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Bytes of a recorded payment and of its allowance.
pub(crate) async fn evidence_bytes(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    Ok(sqlx::query_as(
        "SELECT allowance.bytes, payment.bytes FROM payment
         JOIN allowance ON allowance.id = payment.allowance WHERE payment.id = $1",
    )
    .bind(payment.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?)
}

/// The next payments of a purse after `after`, at most `most`, in the order of their numbers.
pub(crate) async fn links_after(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
    after: Sequence,
    most: u32,
) -> Result<Vec<Link>> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, previous, id FROM payment
         WHERE payer = $1 AND key_epoch = $2 AND sequence > $3 AND lost = 0
         ORDER BY sequence LIMIT $4",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(i64::from(after.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "payment of",
        key: code,
    };
    rows.into_iter()
        .map(|(sequence, previous, id)| {
            Ok(Link {
                sequence: row.sequence(sequence)?,
                previous: row.reference(&previous)?,
                reference: row.digest(&id)?.reference(),
            })
        })
        .collect()
}

/// The odometer of a purse after its newest payment in a currency.
pub(crate) async fn odometer(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Odometer> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT odometer FROM payment
         WHERE payer = $1 AND key_epoch = $2 AND currency = $3 AND lost = 0
         ORDER BY sequence DESC LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "payment of",
        key: code,
    };
    Ok(key.odometer(row.map_or(0, |(odometer,)| odometer))?)
}

/// Keeps a fraud proof; gives its number.
pub(crate) async fn insert_fraud(
    connection: &mut Connection,
    code: &Code,
    payments: (&Digest, &Digest),
    how: Contradiction,
    proof: &[u8],
    now: Timestamp,
) -> Result<i64> {
    let how = match how {
        Contradiction::SameSequence => 0,
        Contradiction::Overlap => 1,
    };
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO fraud (code, stands, claim, how, at, proof) VALUES ($1, $2, $3, $4, $5, $6)
         RETURNING number",
    )
    .bind(code.as_bytes().as_slice())
    .bind(payments.0.as_bytes().as_slice())
    .bind(payments.1.as_bytes().as_slice())
    .bind(how)
    .bind(i64::from(now.0))
    .bind(proof)
    .fetch_one(connection)
    .await?;
    Ok(number)
}

/// The number of the fraud case that a claim opened.
pub(crate) async fn fraud_of(connection: &mut Connection, claim: &Digest) -> Result<Option<i64>> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT number FROM fraud WHERE claim = $1")
        .bind(claim.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(number,)| number))
}
