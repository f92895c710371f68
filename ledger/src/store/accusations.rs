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
