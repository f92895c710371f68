//! Messages that wait for a code until it acknowledges them.

use super::{Connection, Result};
use crate::bounds::{INBOX_BYTES_MOST, INBOX_ENTRIES_MOST, INBOX_READ_MOST};
use protocol::Code;

/// One waiting message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its number in this inbox: 1, 2, 3, ..., never used twice.
    pub number: u64,
    /// A whole wallet message.
    pub bytes: Vec<u8>,
}

/// Puts a message in; `false` when there is no room for it.
pub(crate) async fn push(connection: &mut Connection, code: &Code, message: &[u8]) -> Result<bool> {
    // The bounds stand in the statement: no room, no row back.
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO inbox_head (code, newest, entries, octets) VALUES ($1, 1, 1, $2)
         ON CONFLICT (code) DO UPDATE SET newest = inbox_head.newest + 1,
           entries = inbox_head.entries + 1, octets = inbox_head.octets + excluded.octets
         WHERE inbox_head.entries < $3 AND inbox_head.octets + excluded.octets <= $4
         RETURNING newest",
    )
    .bind(code.as_bytes().as_slice())
    .bind(message.len() as i64)
    .bind(INBOX_ENTRIES_MOST as i64)
    .bind(INBOX_BYTES_MOST as i64)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((number,)) = row else {
        return Ok(false);
    };
    sqlx::query("INSERT INTO inbox (code, number, bytes) VALUES ($1, $2, $3)")
        .bind(code.as_bytes().as_slice())
        .bind(number)
        .bind(message)
        .execute(connection)
        .await?;
    Ok(true)
}

/// Takes out what begins like this: all older messages of a kind of which only the newest counts.
pub(crate) async fn remove_like(
    connection: &mut Connection,
    code: &Code,
    beginning: &[u8],
) -> Result<()> {
    let (entries, octets): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM inbox
         WHERE code = $1 AND substr(bytes, 1, length($2)) = $2",
    )
    .bind(code.as_bytes().as_slice())
    .bind(beginning)
    .fetch_one(&mut *connection)
    .await?;
    if entries == 0 {
        return Ok(());
    }
    sqlx::query("DELETE FROM inbox WHERE code = $1 AND substr(bytes, 1, length($2)) = $2")
        .bind(code.as_bytes().as_slice())
        .bind(beginning)
        .execute(&mut *connection)
        .await?;
    shrink(connection, code, (entries, octets)).await
}

/// Whether so much more would leave half of the inbox to money.
pub(crate) async fn is_half_empty(
    connection: &mut Connection,
    code: &Code,
    (entries, octets): (u64, u64),
) -> Result<bool> {
    let row: Option<(i64, i64)> =
        sqlx::query_as("SELECT entries, octets FROM inbox_head WHERE code = $1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    let (waiting, waiting_octets) = row.unwrap_or_default();
    Ok(
        waiting.unsigned_abs().saturating_add(entries) <= INBOX_ENTRIES_MOST / 2
            && waiting_octets.unsigned_abs().saturating_add(octets) <= INBOX_BYTES_MOST / 2,
    )
}

/// Messages after `after`, oldest first.
pub(crate) async fn read(
    connection: &mut Connection,
    code: &Code,
    after: u64,
    most: u32,
) -> Result<Vec<InboxEntry>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, bytes FROM inbox WHERE code = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .bind(most.min(INBOX_READ_MOST))
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(number, bytes)| InboxEntry {
            number: number.unsigned_abs(),
            bytes,
        })
        .collect())
}

/// Removes what was taken.
pub(crate) async fn remove(connection: &mut Connection, code: &Code, up_to: u64) -> Result<()> {
    let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
    let (entries, octets): (i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM inbox WHERE code = $1 AND number <= $2",
    )
    .bind(code.as_bytes().as_slice())
    .bind(up_to)
    .fetch_one(&mut *connection)
    .await?;
    if entries == 0 {
        return Ok(());
    }
    sqlx::query("DELETE FROM inbox WHERE code = $1 AND number <= $2")
        .bind(code.as_bytes().as_slice())
        .bind(up_to)
        .execute(&mut *connection)
        .await?;
    shrink(connection, code, (entries, octets)).await
}

async fn shrink(
    connection: &mut Connection,
    code: &Code,
    (entries, octets): (i64, i64),
) -> Result<()> {
    sqlx::query(
        "UPDATE inbox_head SET entries = entries - $2, octets = octets - $3 WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(entries)
    .bind(octets)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Kind;
    use protocol::code::IssuedBy;

    #[tokio::test]
    async fn an_inbox_is_bounded_in_bytes_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let (mut connection, _readers) = crate::store::open(&path).await.unwrap();
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let code = Code::derive(Kind::Device, by, 1, b"").unwrap();
        let half = vec![0; INBOX_BYTES_MOST as usize / 2];
        for (message, fits) in [
            (half.as_slice(), true),
            (&half, true),
            (b"x", false),
            (b"", true),
        ] {
            assert_eq!(push(&mut connection, &code, message).await.unwrap(), fits);
        }
        remove(&mut connection, &code, 1).await.unwrap();
        assert!(push(&mut connection, &code, b"x").await.unwrap());
        let numbers: Vec<_> = read(&mut connection, &code, 0, 9).await.unwrap();
        let numbers: Vec<_> = numbers.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [2, 3, 4]);
    }
}
