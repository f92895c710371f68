//! Credits that left these books, that came in, and the ways they take.

use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::objects::Credit;
use protocol::{AmountMinor, Code, Currency, Digest, Status, Timestamp};

/// What was sent so far for a subject.
pub(crate) async fn sent(
    connection: &mut Connection,
    subject: &Digest,
    payee: &Code,
    currency: &Currency,
) -> Result<AmountMinor> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT amount FROM credit_out WHERE subject = $1 AND payee = $2 AND currency = $3",
    )
    .bind(subject.as_bytes().as_slice())
    .bind(payee.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "credit_out",
        key: subject,
    };
    Ok(key.amount(row.map_or(0, |(amount,)| amount))?)
}

/// Keeps the newest credit for a subject.
pub(crate) async fn keep_sent(
    connection: &mut Connection,
    credit: &Credit,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO credit_out (subject, payee, currency, amount, bytes)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject, payee, currency)
         DO UPDATE SET amount = excluded.amount, bytes = excluded.bytes",
    )
    .bind(credit.subject.as_bytes().as_slice())
    .bind(credit.payee.as_bytes().as_slice())
    .bind(credit.currency.as_bytes().as_slice())
    .bind(credit.amount.as_i64())
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a step that came in; `false` when it was here before.
pub(crate) async fn take(
    connection: &mut Connection,
    credit: &Credit,
    more: AmountMinor,
    bytes: &[u8],
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO credit_in (subject, payee, currency, upto, amount, bytes)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(credit.subject.as_bytes().as_slice())
    .bind(credit.payee.as_bytes().as_slice())
    .bind(credit.currency.as_bytes().as_slice())
    .bind(credit.amount.as_i64())
    .bind(more.as_i64())
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a credit whose payee nobody has announced yet.
pub(crate) async fn wait(connection: &mut Connection, payee: &Code, letter: &[u8]) -> Result<()> {
    sqlx::query("INSERT INTO credit_waiting (payee, letter) VALUES ($1, $2)")
        .bind(payee.as_bytes().as_slice())
        .bind(letter)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes out what waited for a code.
pub(crate) async fn waited(connection: &mut Connection, payee: &Code) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, letter FROM credit_waiting WHERE payee = $1 ORDER BY number",
    )
    .bind(payee.as_bytes().as_slice())
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM credit_waiting WHERE payee = $1")
        .bind(payee.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(rows.into_iter().map(|(_, letter)| letter).collect())
}

/// Remembers which letter carries a credit on.
pub(crate) async fn went(
    connection: &mut Connection,
    origin: &Code,
    height: u64,
    peer: &Code,
    number: u64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO credit_way (origin, height, peer, number) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(origin.as_bytes().as_slice())
    .bind(i64::try_from(height).unwrap_or(i64::MAX))
    .bind(peer.as_bytes().as_slice())
    .bind(number as i64)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the ways of credits that a peer has taken.
pub(crate) async fn arrived(connection: &mut Connection, peer: &Code, up_to: u64) -> Result<()> {
    sqlx::query("DELETE FROM credit_way WHERE peer = $1 AND number <= $2")
        .bind(peer.as_bytes().as_slice())
        .bind(i64::try_from(up_to).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
    Ok(())
}

/// The lowest height of a gateway's journal with a credit that is still on its way.
pub(crate) async fn lowest_way(connection: &mut Connection, origin: &Code) -> Result<Option<u64>> {
    let (height,): (Option<i64>,) =
        sqlx::query_as("SELECT min(height) FROM credit_way WHERE origin = $1")
            .bind(origin.as_bytes().as_slice())
            .fetch_one(connection)
            .await?;
    Ok(height.map(i64::unsigned_abs))
}

/// A redemption of a purse at home elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    pub key: String,
    pub code: Code,
    pub currency: Currency,
    pub amount: AmountMinor,
    pub by: String,
    /// 0 asked, 1 paid, else a refusal's status.
    pub outcome: i64,
}

/// The withdrawal with this name.
pub(crate) async fn withdrawal(
    connection: &mut Connection,
    subject: &Digest,
) -> Result<Option<Withdrawal>> {
    type Columns = (String, Vec<u8>, Vec<u8>, i64, String, i64);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT key, code, currency, amount, made_by, outcome FROM withdrawal WHERE subject = $1",
    )
    .bind(subject.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((key, code, currency, amount, by, outcome)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "withdrawal",
        key: subject,
    };
    Ok(Some(Withdrawal {
        code: row.code(&code)?,
        currency: row.currency(&currency)?,
        amount: row.amount(amount)?,
        key,
        by,
        outcome,
    }))
}

/// Keeps a withdrawal that is asked for.
pub(crate) async fn keep_withdrawal(
    connection: &mut Connection,
    subject: &Digest,
    asked: &Withdrawal,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO withdrawal (subject, key, code, currency, amount, made_by, at, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
    )
    .bind(subject.as_bytes().as_slice())
    .bind(asked.key.as_str())
    .bind(asked.code.as_bytes().as_slice())
    .bind(asked.currency.as_bytes().as_slice())
    .bind(asked.amount.as_i64())
    .bind(asked.by.as_str())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What became of a withdrawal: paid, or refused for this reason.
pub(crate) async fn withdrawn(
    connection: &mut Connection,
    subject: &Digest,
    outcome: std::result::Result<(), Status>,
) -> Result<()> {
    let outcome = match outcome {
        Ok(()) => 1,
        Err(status) => status as i64,
    };
    sqlx::query("UPDATE withdrawal SET outcome = $2 WHERE subject = $1 AND outcome = 0")
        .bind(subject.as_bytes().as_slice())
        .bind(outcome)
        .execute(connection)
        .await?;
    Ok(())
}

/// Sums over these books, per currency: sent away or put aside, taken in, gone on without a home,
/// paid of that since.
pub(crate) async fn sums(connection: &mut Connection) -> Result<Vec<(Currency, [i64; 4])>> {
    let rows: Vec<(Vec<u8>, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT currency, sum(gone), sum(come), sum(freed), sum(paid) FROM (
           SELECT currency, amount AS gone, 0 AS come, 0 AS freed, 0 AS paid FROM credit_out
           UNION ALL SELECT currency, amount, 0, 0, 0 FROM put_aside
           UNION ALL SELECT currency, 0, amount, 0, 0 FROM credit_in
           UNION ALL SELECT currency, -absorbed, 0, amount - absorbed, 0 FROM released
           UNION ALL SELECT currency, 0, 0, 0, paid FROM debt)
         GROUP BY currency ORDER BY currency",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(currency, gone, come, freed, paid)| {
            let row = Row {
                table: "credit_out",
                key: &currency,
            };
            Ok((row.currency(&currency)?, [gone, come, freed, paid]))
        })
        .collect()
}
