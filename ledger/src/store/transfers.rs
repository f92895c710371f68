//! What an owner gave and another took, as both signed it.

use super::row::Row;
use super::{Connection, Result};
use protocol::chain::ActKind;
use protocol::{Code, Digest, Timestamp};

/// A thing that changed hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// Identifier of the transfer.
    pub id: Digest,
    /// The thing.
    pub code: Code,
    /// Who gave it.
    pub from: Code,
    /// Who took it.
    pub to: Code,
    /// Counts the owners of the thing.
    pub number: u32,
    /// The message that both signed: transfer and acceptance.
    pub signed: Vec<u8>,
    /// When it came into the registry.
    pub at: Timestamp,
}

type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, i64, Vec<u8>, i64);

/// The transfer with this identifier, if it was carried out.
pub(crate) async fn by_id(connection: &mut Connection, id: &Digest) -> Result<Option<HandedOver>> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, code, giver, taker, number, signed, at FROM transfer WHERE id = $1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((stored, code, from, to, number, signed, at)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "transfer",
        key: id,
    };
    Ok(Some(HandedOver {
        id: row.digest(&stored)?,
        code: row.code(&code)?,
        from: row.code(&from)?,
        to: row.code(&to)?,
        number: u32::try_from(number).map_err(|_| row.damaged("no number"))?,
        signed,
        at: row.time(at)?,
    }))
}

/// Keeps a transfer.
pub(crate) async fn insert(connection: &mut Connection, given: &HandedOver) -> Result<()> {
    sqlx::query(
        "INSERT INTO transfer (id, code, giver, taker, number, signed, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(given.id.as_bytes().as_slice())
    .bind(given.code.as_bytes().as_slice())
    .bind(given.from.as_bytes().as_slice())
    .bind(given.to.as_bytes().as_slice())
    .bind(i64::from(given.number))
    .bind(given.signed.as_slice())
    .bind(i64::from(given.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// How often an owner of a thing was named.
pub(crate) async fn owners(connection: &mut Connection, code: &Code) -> Result<u32> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM life WHERE code = $1 AND act = $2")
        .bind(code.as_bytes().as_slice())
        .bind(ActKind::Transferred as i64)
        .fetch_one(connection)
        .await?;
    let row = Row {
        table: "life of",
        key: code,
    };
    Ok(u32::try_from(count).map_err(|_| row.damaged("too many owners"))?)
}
