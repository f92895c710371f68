//! What people decided about claims.

use super::row::Row;
use super::{Connection, Result};
use crate::rules::waterfall::{Given, Sources};
use protocol::{AmountMinor, Code, Currency, Digest, Timestamp};

/// A person decides who bears what a fork left short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimOrder {
    /// The payment that moved no money, or not enough.
    pub payment: Digest,
    /// The caller's idempotency key.
    pub key: String,
    /// Who decides.
    pub by: String,
}

/// A claim that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its number.
    pub number: u64,
    /// The order; its payment is the branch that the fork left without money.
    pub order: ClaimOrder,
    /// Whose key forked.
    pub forker: Code,
    /// The allowance under which the fork was signed.
    pub allowance: Digest,
    /// In which currency.
    pub currency: Currency,
    /// How much the fork left short.
    pub missing: AmountMinor,
    /// What was paid of it, by source. The payees bear the rest.
    pub given: Given,
    /// When.
    pub at: Timestamp,
}

pub(crate) type DecidedColumns = (
    i64,
    String,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    i64,
    i64,
    i64,
    String,
    i64,
);

macro_rules! select_decided {
    ($rest:literal) => {
        concat!(
            "SELECT number, key, claim, allowance, forker, currency, missing, purse, deposit, \
             bond, guarantee, made_by, at FROM decision ",
            $rest
        )
    };
}
pub(crate) use select_decided;

pub(crate) fn decided_from(columns: DecidedColumns) -> Result<Decided> {
    let (
        number,
        key,
        claim,
        allowance,
        forker,
        currency,
        missing,
        purse,
        deposit,
        bond,
        guarantee,
        by,
        at,
    ) = columns;
    let row = Row {
        table: "decision",
        key: &number,
    };
    Ok(Decided {
        number: row.count(number)?,
        order: ClaimOrder {
            payment: row.digest(&claim)?,
            key,
            by,
        },
        forker: row.code(&forker)?,
        allowance: row.digest(&allowance)?,
        currency: row.currency(&currency)?,
        missing: row.amount(missing)?,
        given: Sources {
            purse: row.amount(purse)?,
            deposit: row.amount(deposit)?,
            bond: row.amount(bond)?,
            guarantee: row.amount(guarantee)?,
        },
        at: row.time(at)?,
    })
}

/// The decision with this key, if it was taken.
pub(crate) async fn by_key(connection: &mut Connection, key: &str) -> Result<Option<Decided>> {
    let columns: Option<DecidedColumns> = sqlx::query_as(select_decided!("WHERE key = $1"))
        .bind(key)
        .fetch_optional(connection)
        .await?;
    columns.map(decided_from).transpose()
}

/// Decisions about a claim, the oldest first.
pub(crate) async fn about(connection: &mut Connection, claim: &Digest) -> Result<Vec<Decided>> {
    let columns: Vec<DecidedColumns> =
        sqlx::query_as(select_decided!("WHERE claim = $1 ORDER BY number"))
            .bind(claim.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
    columns.into_iter().map(decided_from).collect()
}

/// Keeps a decision; gives its number.
pub(crate) async fn insert(
    connection: &mut Connection,
    decided: &Decided,
    height: u64,
) -> Result<u64> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO decision (key, claim, allowance, forker, currency, missing, purse, deposit,
           bond, guarantee, made_by, at, height)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING number",
    )
    .bind(decided.order.key.as_str())
    .bind(decided.order.payment.as_bytes().as_slice())
    .bind(decided.allowance.as_bytes().as_slice())
    .bind(decided.forker.as_bytes().as_slice())
    .bind(decided.currency.as_bytes().as_slice())
    .bind(decided.missing.as_i64())
    .bind(decided.given.purse.as_i64())
    .bind(decided.given.deposit.as_i64())
    .bind(decided.given.bond.as_i64())
    .bind(decided.given.guarantee.as_i64())
    .bind(decided.order.by.as_str())
    .bind(i64::from(decided.at.0))
    .bind(height as i64)
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}

/// Keeps what one payee got by a decision.
pub(crate) async fn insert_compensation(
    connection: &mut Connection,
    (decision, allowance): (u64, &Digest),
    (payment, payee, owner): (&Digest, &Code, Option<Code>),
    (amount, guarantee): (AmountMinor, AmountMinor),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO compensation (decision, payment, payee, owner, allowance, amount, guarantee)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(decision as i64)
    .bind(payment.as_bytes().as_slice())
    .bind(payee.as_bytes().as_slice())
    .bind(owner.as_ref().map(|owner| owner.as_bytes().as_slice()))
    .bind(allowance.as_bytes().as_slice())
    .bind(amount.as_i64())
    .bind(guarantee.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

async fn sum(
    connection: &mut Connection,
    sql: &'static str,
    key: &Digest,
    owner: Option<&Code>,
) -> Result<AmountMinor> {
    let (sum,): (i64,) = sqlx::query_as(sql)
        .bind(key.as_bytes().as_slice())
        .bind(owner.map(|owner| owner.as_bytes().as_slice()))
        .fetch_one(connection)
        .await?;
    let row = Row {
        table: "compensation",
        key,
    };
    Ok(row.amount(sum)?)
}

/// What the guarantees have paid for an allowance.
pub(crate) async fn guaranteed(
    connection: &mut Connection,
    allowance: &Digest,
) -> Result<AmountMinor> {
    let sql = "SELECT coalesce(sum(guarantee), 0) FROM compensation
         WHERE allowance = $1 AND $2 IS NULL";
    sum(connection, sql, allowance, None).await
}

/// What an owner has already had by an allowance: settled to its codes, or paid by decisions.
pub(crate) async fn had(
    connection: &mut Connection,
    allowance: &Digest,
    payer: (&Code, i64),
    owner: &Code,
) -> Result<AmountMinor> {
    let paid = "SELECT coalesce(sum(amount), 0) FROM compensation
         WHERE allowance = $1 AND owner = $2";
    let paid = sum(connection, paid, allowance, Some(owner)).await?;
    let (settled,): (i64,) = sqlx::query_as(
        "SELECT coalesce(sum(payment.amount), 0) FROM payment
           JOIN thing ON thing.code = payment.payee
         WHERE payment.payer = $1 AND payment.key_epoch = $2 AND payment.lost = 0
           AND payment.allowance = $3 AND payment.outcome = 2 AND thing.owner = $4",
    )
    .bind(payer.0.as_bytes().as_slice())
    .bind(payer.1)
    .bind(allowance.as_bytes().as_slice())
    .bind(owner.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    let row = Row {
        table: "payment under",
        key: allowance,
    };
    let settled = row.amount(settled)?;
    Ok(paid.checked_add(settled).unwrap_or(paid))
}

/// What decisions have given for one payment.
pub(crate) async fn given_for(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<AmountMinor> {
    let sql = "SELECT coalesce(sum(amount), 0) FROM compensation WHERE payment = $1 AND $2 IS NULL";
    sum(connection, sql, payment, None).await
}
