//! Registered places.

use super::row::Row;
use super::{Connection, Result};
use crate::z_order::z_order;
use protocol::{Code, GridCode, Timestamp};

/// A registered place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridRow {
    /// Where and when.
    pub code: GridCode,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Code,
    /// Who issued it.
    pub by: String,
    /// When.
    pub issued: Timestamp,
}

pub(crate) type GridColumns = (i64, Vec<u8>, String, Vec<u8>, String, i64);

pub(crate) fn grid_from(columns: GridColumns) -> Result<GridRow> {
    let (number, code, name, owner, by, issued) = columns;
    let row = Row {
        table: "grid",
        key: &number,
    };
    Ok(GridRow {
        code: row.grid(&code)?,
        name,
        owner: row.code(&owner)?,
        by,
        issued: row.time(issued)?,
    })
}

/// The place with this code.
pub(crate) async fn grid(connection: &mut Connection, code: &GridCode) -> Result<Option<GridRow>> {
    let columns: Option<GridColumns> = sqlx::query_as(
        "SELECT number, code, name, owner, made_by, issued FROM grid WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    columns.map(grid_from).transpose()
}

/// Writes a place.
pub(crate) async fn insert_grid(connection: &mut Connection, grid: &GridRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO grid (code, name, owner, made_by, issued, z) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(grid.code.as_bytes().as_slice())
    .bind(grid.name.as_str())
    .bind(grid.owner.as_bytes().as_slice())
    .bind(grid.by.as_str())
    .bind(i64::from(grid.issued.0))
    .bind(z_order(grid.code.corner()))
    .execute(connection)
    .await?;
    Ok(())
}
