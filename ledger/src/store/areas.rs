//! Sets of places that allowances are good at.

use super::row::Row;
use super::{Connection, Result};
use protocol::{AssuranceClass, Code, GridCode, Reference, Timestamp};

/// An area as people defined it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaRow {
    /// How allowances name it.
    pub reference: Reference,
    /// Whole signed object.
    pub bytes: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// Registered places that lie in it.
    pub places: u64,
    /// Who defined it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

type Columns = (Vec<u8>, Vec<u8>, String, i64, String, i64);

fn area_from((reference, bytes, name, places, by, at): Columns) -> Result<AreaRow> {
    let row = Row {
        table: "area",
        key: &name,
    };
    Ok(AreaRow {
        reference: row.reference(&reference)?,
        bytes,
        places: row.count(places)?,
        by,
        at: row.time(at)?,
        name,
    })
}

/// All areas; there are few.
pub(crate) async fn areas(connection: &mut Connection, most: u32) -> Result<Vec<AreaRow>> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT reference, bytes, name, places, made_by, at FROM area ORDER BY reference LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(area_from).collect()
}

/// Keeps an area.
pub(crate) async fn insert(connection: &mut Connection, area: &AreaRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO area (reference, bytes, name, places, made_by, at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(area.reference.as_bytes().as_slice())
    .bind(area.bytes.as_slice())
    .bind(area.name.as_str())
    .bind(area.places as i64)
    .bind(area.by.as_str())
    .bind(i64::from(area.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// One more place lies in an area.
pub(crate) async fn count_place(connection: &mut Connection, area: &Reference) -> Result<()> {
    sqlx::query("UPDATE area SET places = places + 1 WHERE reference = $1")
        .bind(area.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The next registered places after a number, with their numbers.
pub(crate) async fn grids_after(
    connection: &mut Connection,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, GridCode)>> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT number, code FROM grid WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(after)
            .bind(most)
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(number, code)| {
            let row = Row {
                table: "grid",
                key: &number,
            };
            Ok((number, row.grid(&code)?))
        })
        .collect()
}

/// Where the next allowances of a thing are good, by its own area or that of its class; `None` for
/// anywhere.
pub(crate) async fn area_of(connection: &mut Connection, code: &Code) -> Result<Option<Reference>> {
    let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as(
        "SELECT coalesce(thing.area, class_area.area)
         FROM thing LEFT JOIN class_area ON class_area.class = thing.class WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let key = Row {
        table: "thing",
        key: code,
    };
    let area = row.and_then(|(area,)| area);
    Ok(area.map(|area| key.reference(&area)).transpose()?)
}

/// Keeps [`area_of`].
pub(crate) async fn set_area(
    connection: &mut Connection,
    code: &Code,
    area: Option<&Reference>,
) -> Result<()> {
    sqlx::query("UPDATE thing SET area = $2 WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .bind(area.map(|area| area.as_bytes().as_slice()))
        .execute(connection)
        .await?;
    Ok(())
}

/// The areas of classes, by class.
pub(crate) async fn class_areas(connection: &mut Connection) -> Result<[Option<Reference>; 3]> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT class, area FROM class_area")
        .fetch_all(connection)
        .await?;
    let mut areas = [None; 3];
    for (class, area) in rows {
        let row = Row {
            table: "class_area",
            key: &class,
        };
        let class = row.class(class)?;
        if let Some(place) = areas.get_mut(class as usize) {
            *place = Some(row.reference(&area)?);
        }
    }
    Ok(areas)
}

/// Keeps [`class_areas`].
pub(crate) async fn set_class_area(
    connection: &mut Connection,
    class: AssuranceClass,
    area: Option<&Reference>,
) -> Result<()> {
    sqlx::query("DELETE FROM class_area WHERE class = $1")
        .bind(class as i64)
        .execute(&mut *connection)
        .await?;
    let Some(area) = area else {
        return Ok(());
    };
    sqlx::query("INSERT INTO class_area (class, area) VALUES ($1, $2)")
        .bind(class as i64)
        .bind(area.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
