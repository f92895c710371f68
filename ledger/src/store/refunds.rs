//! What payers ask back, and what operators answered.

use super::row::Row;
use super::{Connection, Result};
use protocol::{Code, Digest, Timestamp};

/// What an operator decided about a request for money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundDecision {
    /// The payment that brought the money back; none: it was declined.
    pub paid_back: Option<Digest>,
    /// What there is to say about it; nothing, perhaps.
    pub words: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A payer's request for its money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// Its number.
    pub number: u64,
    /// Its identifier.
    pub id: Digest,
    /// Which payment.
    pub payment: Digest,
    /// Who paid, and asks.
    pub payer: Code,
    /// Why.
    pub words: String,
    /// When it came.
    pub at: Timestamp,
    /// What was decided.
    pub decision: Option<RefundDecision>,
}

pub(crate) type RefundColumns = (
    i64,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
);

macro_rules! select_refund {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, payment, payer, words, at, decided, decided_by, paid_back, answer \
             FROM refund ",
            $rest
        )
    };
}
pub(crate) use select_refund;

pub(crate) fn refund_from(columns: RefundColumns) -> Result<RefundRow> {
    let (number, id, payment, payer, words, at, decided, by, paid_back, answer) = columns;
    let row = Row {
        table: "refund",
        key: &number,
    };
    let decision = match (decided, by) {
        (Some(decided), Some(by)) => Some(RefundDecision {
            paid_back: paid_back.map(|id| row.digest(&id)).transpose()?,
            words: answer.unwrap_or_default(),
            by,
            at: row.time(decided)?,
        }),
        _ => None,
    };
    Ok(RefundRow {
        number: row.count(number)?,
        id: row.digest(&id)?,
        payment: row.digest(&payment)?,
        payer: row.code(&payer)?,
        words,
        at: row.time(at)?,
        decision,
    })
}

/// The request about this payment.
pub(crate) async fn of_payment(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<RefundRow>> {
    let row: Option<RefundColumns> = sqlx::query_as(select_refund!("WHERE payment = $1"))
        .bind(payment.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(refund_from).transpose()
}

/// The request with this number.
pub(crate) async fn by_number(
    connection: &mut Connection,
    number: u64,
) -> Result<Option<RefundRow>> {
    let row: Option<RefundColumns> = sqlx::query_as(select_refund!("WHERE number = $1"))
        .bind(i64::try_from(number).unwrap_or(-1))
        .fetch_optional(connection)
        .await?;
    row.map(refund_from).transpose()
}

/// Keeps a request that nobody has decided; its number is the table's.
pub(crate) async fn insert(
    connection: &mut Connection,
    asked: &RefundRow,
    signed: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO refund (id, payment, payer, words, signed, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(asked.id.as_bytes().as_slice())
    .bind(asked.payment.as_bytes().as_slice())
    .bind(asked.payer.as_bytes().as_slice())
    .bind(asked.words.as_str())
    .bind(signed)
    .bind(i64::from(asked.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what was decided.
pub(crate) async fn decide(
    connection: &mut Connection,
    number: u64,
    decision: &RefundDecision,
) -> Result<()> {
    sqlx::query(
        "UPDATE refund SET decided = $2, decided_by = $3, paid_back = $4, answer = $5 \
         WHERE number = $1",
    )
    .bind(i64::try_from(number).unwrap_or(-1))
    .bind(i64::from(decision.at.0))
    .bind(decision.by.as_str())
    .bind(decision.paid_back.map(|id| id.as_bytes().to_vec()))
    .bind(decision.words.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Who paid whom, in which currency, by the payment with this identifier.
pub(crate) async fn sides(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<(Code, Code, Vec<u8>)>> {
    let found: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT payer, payee, currency FROM payment WHERE id = $1")
            .bind(payment.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    let row = Row {
        table: "payment",
        key: payment,
    };
    found
        .map(|(payer, payee, currency)| Ok((row.code(&payer)?, row.code(&payee)?, currency)))
        .transpose()
}
