//! What others call codes.

use super::row::Row;
use super::{Connection, Result};
use protocol::{Code, Timestamp};

pub(crate) const BY_NAME: &str = "SELECT code FROM alias WHERE name = $1";
pub(crate) const OF_CODE: &str = "SELECT name FROM alias WHERE code = $1 ORDER BY name LIMIT $2";

/// Whom a name stands for.
pub(crate) async fn by_name(connection: &mut Connection, name: &str) -> Result<Option<Code>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(BY_NAME)
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let Some((code,)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "alias",
        key: &name,
    };
    Ok(Some(row.code(&code)?))
}

/// The names of a code.
pub(crate) async fn of_code(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = sqlx::query_as(OF_CODE)
        .bind(code.as_bytes().as_slice())
        .bind(most)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Keeps a name that nobody has.
pub(crate) async fn insert(
    connection: &mut Connection,
    name: &str,
    code: &Code,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO alias (name, code, made_by, at) VALUES ($1, $2, $3, $4)")
        .bind(name)
        .bind(code.as_bytes().as_slice())
        .bind(by)
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a name away.
pub(crate) async fn remove(connection: &mut Connection, name: &str) -> Result<()> {
    sqlx::query("DELETE FROM alias WHERE name = $1")
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}
