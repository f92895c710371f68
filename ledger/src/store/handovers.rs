//! Who has been told of the gateway's present key.

use super::{Connection, Result};
use protocol::{Code, Timestamp};

/// The number in its inbox at which a code was told of the key that took over then.
pub(crate) async fn told_at(
    connection: &mut Connection,
    code: &Code,
    since: Timestamp,
) -> Result<Option<u64>> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT number FROM handover_told WHERE code = $1 AND since = $2")
            .bind(code.as_bytes().as_slice())
            .bind(i64::from(since.0))
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(number,)| number.unsigned_abs()))
}

/// It has been: by the newest message in its inbox.
pub(crate) async fn set_told(
    connection: &mut Connection,
    code: &Code,
    since: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO handover_told (code, since, number)
         SELECT code, $2, newest FROM inbox_head WHERE code = $1
         ON CONFLICT (code) DO UPDATE SET since = excluded.since, number = excluded.number",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(since.0))
    .execute(connection)
    .await?;
    Ok(())
}
