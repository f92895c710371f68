//! Notes about payments that were claimed in time.

use super::{Connection, Result};
use protocol::{Digest, Timestamp};

/// The note about a payment, if one was signed.
pub(crate) async fn note(connection: &mut Connection, payment: &Digest) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT bytes FROM claim_note WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Keeps a note.
pub(crate) async fn insert(
    connection: &mut Connection,
    payment: &Digest,
    note: &[u8],
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO claim_note (payment, bytes, at) VALUES ($1, $2, $3)")
        .bind(payment.as_bytes().as_slice())
        .bind(note)
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}
