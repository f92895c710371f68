//! Where exactly places are, as their owners and this gateway signed it.

use super::row::Row;
use super::{Connection, Result};
use protocol::{Digest, GridCode, Timestamp};

/// A record of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPlace {
    /// Identifier of the survey.
    pub id: Digest,
    /// The place.
    pub place: GridCode,
    /// The message with survey, record and passes.
    pub signed: Vec<u8>,
    /// When it came into the registry.
    pub at: Timestamp,
}

type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, i64);

fn record_from((id, place, signed, at): Columns) -> Result<RecordedPlace> {
    let row = Row {
        table: "place_record",
        key: &id,
    };
    Ok(RecordedPlace {
        id: row.digest(&id)?,
        place: row.grid(&place)?,
        signed,
        at: row.time(at)?,
    })
}

pub(crate) const NEWEST: &str = "SELECT id, place, signed, at FROM place_record
     WHERE place = $1 ORDER BY number DESC LIMIT 1";

/// The newest record of a place.
pub(crate) async fn newest(
    connection: &mut Connection,
    place: &GridCode,
) -> Result<Option<RecordedPlace>> {
    let row: Option<Columns> = sqlx::query_as(NEWEST)
        .bind(place.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(record_from).transpose()
}

/// The record of a survey.
pub(crate) async fn by_id(
    connection: &mut Connection,
    id: &Digest,
) -> Result<Option<RecordedPlace>> {
    let row: Option<Columns> =
        sqlx::query_as("SELECT id, place, signed, at FROM place_record WHERE id = $1")
            .bind(id.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    row.map(record_from).transpose()
}

/// Keeps a record.
pub(crate) async fn insert(connection: &mut Connection, record: &RecordedPlace) -> Result<()> {
    sqlx::query("INSERT INTO place_record (id, place, signed, at) VALUES ($1, $2, $3, $4)")
        .bind(record.id.as_bytes().as_slice())
        .bind(record.place.as_bytes().as_slice())
        .bind(record.signed.as_slice())
        .bind(i64::from(record.at.0))
        .execute(connection)
        .await?;
    Ok(())
}
