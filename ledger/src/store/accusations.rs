//! Contradictions that are not two payments.

use super::{Connection, Result};
use protocol::rules::proof::Charge;
use protocol::{Code, Digest, Timestamp};

/// Keeps a proof; `false` when the same charge about the same payment is on record.
pub(crate) async fn insert(
    connection: &mut Connection,
    code: &Code,
    charge: Charge,
    subject: &Digest,
    proof: &[u8],
    now: Timestamp,
) -> Result<bool> {
    let kept = sqlx::query(
        "INSERT INTO accusation (code, charge, subject, at, proof) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (code, charge, subject) DO NOTHING",
    )
    .bind(code.as_bytes().as_slice())
    .bind(charge as i64)
    .bind(subject.as_bytes().as_slice())
    .bind(i64::from(now.0))
    .bind(proof)
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// How many proofs are kept against a code.
pub(crate) async fn count(connection: &mut Connection, code: &Code) -> Result<u64> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM accusation WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_one(connection)
        .await?;
    Ok(count.unsigned_abs())
}

/// Whether a code stands accused about this payment.
pub(crate) async fn stands(
    connection: &mut Connection,
    code: &Code,
    subject: &Digest,
) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM accusation WHERE code = $1 AND subject = $2 AND charge IN ($3, $4, $5) LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(subject.as_bytes().as_slice())
    .bind(Charge::DeclinedCover as i64)
    .bind(Charge::FewerUnits as i64)
    .bind(Charge::Closing as i64)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}
