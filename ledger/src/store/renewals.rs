//! Credentials that take the place of others, for the same keys.

use super::things::{Thing, ThingColumns, select_thing, thing_from};
use super::{Connection, Result};
use protocol::{Code, Timestamp};

/// What a code shows from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredentials {
    /// Whose.
    pub code: Code,
    /// The certificate that they were made to follow, DER.
    pub before: Vec<u8>,
    /// When that one ends.
    pub before_ends: Timestamp,
    /// Certificate DER.
    pub certificate: Vec<u8>,
    /// Whole signed pass.
    pub pass: Vec<u8>,
}

/// Writes new credentials, and keeps the certificate before them until it ends.
pub(crate) async fn replace_credentials(
    connection: &mut Connection,
    new: &NewCredentials,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("DELETE FROM former_certificate WHERE code = $1 AND ends <= $2")
        .bind(new.code.as_bytes().as_slice())
        .bind(i64::from(now.0))
        .execute(&mut *connection)
        .await?;
    if new.before_ends > now {
        sqlx::query(
            "INSERT OR REPLACE INTO former_certificate (code, ends, certificate)
             VALUES ($1, $2, $3)",
        )
        .bind(new.code.as_bytes().as_slice())
        .bind(i64::from(new.before_ends.0))
        .bind(new.before.as_slice())
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("UPDATE thing SET certificate = $2, pass = $3 WHERE code = $1")
        .bind(new.code.as_bytes().as_slice())
        .bind(new.certificate.as_slice())
        .bind(new.pass.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The thing that a request of this SHA-256 was answered with.
pub(crate) async fn thing_of_request(
    connection: &mut Connection,
    request_hash: &[u8; 32],
) -> Result<Option<Thing>> {
    let columns: Option<ThingColumns> = sqlx::query_as(select_thing!(
        "WHERE sequence = (SELECT sequence FROM reservation WHERE request_hash = $1)"
    ))
    .bind(request_hash.as_slice())
    .fetch_optional(connection)
    .await?;
    columns.map(thing_from).transpose()
}
