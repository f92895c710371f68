//! Leaves and checkpoints of the code chain.

use super::places::{GridColumns, GridRow, grid_from};
use super::row::Row;
use super::things::{Thing, ThingColumns, select_thing, thing_from};
use super::{Connection, Result};
use protocol::Timestamp;
use protocol::chain::merkle::Head;
use protocol::chain::{ACT_MAX, Act, ActKind, Named};

/// A leaf with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAct {
    /// Its index in the log, from 0.
    pub index: u64,
    /// What was done.
    pub act: Act,
}

/// The newest signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub head: Head,
    /// The note with the gateway's own signature.
    pub note: String,
}

/// Number of leaves.
pub(crate) async fn size(connection: &mut Connection) -> Result<u64> {
    let (newest,): (Option<i64>,) = sqlx::query_as("SELECT max(number) FROM chain_leaf")
        .fetch_one(connection)
        .await?;
    let row = Row {
        table: "chain_leaf",
        key: &newest,
    };
    Ok(row.count(newest.map_or(0, |newest| newest.saturating_add(1)))?)
}

/// Writes the next leaf; gives its index.
pub(crate) async fn append(connection: &mut Connection, act: &Act) -> Result<u64> {
    let mut leaf = [0; ACT_MAX];
    let len = act.write(&mut leaf).unwrap_or(0);
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO chain_leaf (number, code, bytes)
         VALUES ((SELECT coalesce(max(number), -1) + 1 FROM chain_leaf), $1, $2)
         RETURNING number",
    )
    .bind(act.of.as_bytes())
    .bind(leaf.get(..len).unwrap_or_default())
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}

/// Leaves in one statement.
const LEAVES_STEP: usize = 200;

/// Writes the next leaves, in their order.
pub(crate) async fn append_all(connection: &mut Connection, acts: &[Act]) -> Result<()> {
    let mut number = size(connection).await?;
    for acts in acts.chunks(LEAVES_STEP) {
        let mut query = sqlx::QueryBuilder::new("INSERT INTO chain_leaf (number, code, bytes) ");
        query.push_values((number..).zip(acts), |mut row, (number, act)| {
            let mut leaf = [0; ACT_MAX];
            let len = act.write(&mut leaf).unwrap_or(0);
            row.push_bind(number as i64)
                .push_bind(act.of.as_bytes().to_vec())
                .push_bind(leaf.get(..len).unwrap_or_default().to_vec());
        });
        query.build().execute(&mut *connection).await?;
        number += acts.len() as u64;
    }
    Ok(())
}

/// Leaves as they are hashed, from `first` on, `most` at once; a gap or a second one is a damage.
pub(crate) async fn leaves(
    connection: &mut Connection,
    first: u64,
    most: u32,
) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, bytes FROM chain_leaf WHERE number >= $1 ORDER BY number LIMIT $2",
    )
    .bind(i64::try_from(first).unwrap_or(i64::MAX))
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    let mut leaves = Vec::with_capacity(rows.len());
    for (wanted, (number, bytes)) in (first..).zip(rows) {
        let row = Row {
            table: "chain_leaf",
            key: &number,
        };
        if row.count(number)? != wanted {
            return Err(row.damaged("follows on a gap").into());
        }
        leaves.push(bytes);
    }
    Ok(leaves)
}

/// What was done to one code, the oldest first.
pub(crate) async fn acts_of(
    connection: &mut Connection,
    of: &Named,
    most: u32,
) -> Result<Vec<LoggedAct>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, bytes FROM chain_leaf WHERE code = $1 ORDER BY number LIMIT $2",
    )
    .bind(of.as_bytes())
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    let read = |(number, bytes): (i64, Vec<u8>)| {
        let row = Row {
            table: "chain_leaf",
            key: &number,
        };
        let act = Act::read(&bytes).map_err(|_| row.damaged("no act"))?;
        let index = row.count(number)?;
        Ok(LoggedAct { index, act })
    };
    rows.into_iter().map(read).collect()
}

/// The newest checkpoint that was signed here.
pub(crate) async fn checkpoint(connection: &mut Connection) -> Result<Option<Signed>> {
    let columns: Option<(i64, Vec<u8>, String)> =
        sqlx::query_as("SELECT size, root, note FROM chain_checkpoint")
            .fetch_optional(connection)
            .await?;
    let Some((size, root, note)) = columns else {
        return Ok(None);
    };
    let row = Row {
        table: "chain_checkpoint",
        key: &size,
    };
    let head = Head {
        size: row.count(size)?,
        root: row.digest(&root)?,
    };
    Ok(Some(Signed { head, note }))
}

/// Keeps a checkpoint instead of the one before.
pub(crate) async fn set_checkpoint(
    connection: &mut Connection,
    signed: &Signed,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO chain_checkpoint (id, size, root, note, at) VALUES (1, $1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root,
           note = excluded.note, at = excluded.at",
    )
    .bind(signed.head.size as i64)
    .bind(signed.head.root.as_bytes().as_slice())
    .bind(signed.note.as_str())
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What witnesses signed below the checkpoint of this size, one line each without its newline.
pub(crate) async fn cosignatures(
    connection: &mut Connection,
    size: u64,
    most: u32,
) -> Result<Vec<String>> {
    let lines: Vec<(String,)> = sqlx::query_as(
        "SELECT line FROM chain_cosignature WHERE size = $1 ORDER BY witness LIMIT $2",
    )
    .bind(i64::try_from(size).unwrap_or(-1))
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    Ok(lines.into_iter().map(|(line,)| line).collect())
}

/// The next things after a number of this station.
pub(crate) async fn things_after(
    connection: &mut Connection,
    after: u64,
    most: u32,
) -> Result<Vec<Thing>> {
    let rows: Vec<ThingColumns> = sqlx::query_as(select_thing!(
        "WHERE sequence > $1 ORDER BY sequence LIMIT $2"
    ))
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(thing_from).collect()
}

/// The next places after a number, each with its number.
pub(crate) async fn places_after(
    connection: &mut Connection,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, GridRow)>> {
    let rows: Vec<GridColumns> = sqlx::query_as(
        "SELECT number, code, name, owner, made_by, issued FROM grid
         WHERE number > $1 ORDER BY number LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    let numbered = |columns: GridColumns| Ok((columns.0, grid_from(columns)?));
    rows.into_iter().map(numbered).collect()
}

type StepColumns = (i64, Vec<u8>, i64, Option<Vec<u8>>, i64);

/// The next steps in the lives of codes after a number, each with its number.
pub(crate) async fn steps_after(
    connection: &mut Connection,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, Act)>> {
    let rows: Vec<StepColumns> = sqlx::query_as(
        "SELECT number, code, act, other, at FROM life WHERE number > $1 ORDER BY number LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(most))
    .fetch_all(connection)
    .await?;
    let read = |(number, code, act, other, at): StepColumns| {
        let row = Row {
            table: "life",
            key: &number,
        };
        let named = |bytes: Vec<u8>| Named::from_slice(&bytes);
        let kind = u8::try_from(act).ok().and_then(ActKind::from_number);
        let kind = kind.ok_or_else(|| row.damaged("no act"))?;
        let other = other
            .map(|bytes| named(bytes).ok_or_else(|| row.damaged("no code")))
            .transpose()?;
        let act = Act::new(kind, row.code(&code)?, row.time(at)?);
        Ok((number, Act { other, ..act }))
    };
    rows.into_iter().map(read).collect()
}

/// Keeps what a witness signed: `(its key, size of the checkpoint, its line)`.
pub(crate) async fn keep_cosignature(
    connection: &mut Connection,
    (witness, size, line): (&str, u64, &str),
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO chain_cosignature (witness, size, line, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (witness) DO UPDATE SET size = excluded.size, line = excluded.line,
           at = excluded.at",
    )
    .bind(witness)
    .bind(size as i64)
    .bind(line)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// The size of what a witness signed last.
pub(crate) async fn cosigned_size(connection: &mut Connection, witness: &str) -> Result<u64> {
    let size: Option<(i64,)> =
        sqlx::query_as("SELECT size FROM chain_cosignature WHERE witness = $1")
            .bind(witness)
            .fetch_optional(connection)
            .await?;
    let row = Row {
        table: "chain_cosignature",
        key: &witness,
    };
    Ok(row.count(size.map_or(0, |(size,)| size))?)
}

/// The newest checkpoint of another log that was cosigned here.
pub(crate) async fn witnessed(connection: &mut Connection, origin: &str) -> Result<Option<Signed>> {
    let columns: Option<(i64, Vec<u8>, String)> =
        sqlx::query_as("SELECT size, root, note FROM chain_witnessed WHERE origin = $1")
            .bind(origin)
            .fetch_optional(connection)
            .await?;
    let Some((size, root, note)) = columns else {
        return Ok(None);
    };
    let row = Row {
        table: "chain_witnessed",
        key: &origin,
    };
    let head = Head {
        size: row.count(size)?,
        root: row.digest(&root)?,
    };
    Ok(Some(Signed { head, note }))
}

/// Keeps [`witnessed`].
pub(crate) async fn set_witnessed(
    connection: &mut Connection,
    origin: &str,
    seen: &Signed,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO chain_witnessed (origin, size, root, note) VALUES ($1, $2, $3, $4)
         ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root,
           note = excluded.note",
    )
    .bind(origin)
    .bind(seen.head.size as i64)
    .bind(seen.head.root.as_bytes().as_slice())
    .bind(seen.note.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Logs that were ever cosigned here.
pub(crate) async fn origins(connection: &mut Connection, most: u32) -> Result<Vec<String>> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT origin FROM chain_witnessed ORDER BY origin LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(origin,)| origin).collect())
}

/// Keeps two checkpoints of one size, once.
pub(crate) async fn keep_fork(
    connection: &mut Connection,
    origin: &str,
    stands: &Signed,
    other: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO chain_fork (origin, size, stands, other, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(origin)
    .bind(stands.head.size as i64)
    .bind(stands.note.as_str())
    .bind(other)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// All that were kept.
pub(crate) async fn forks(connection: &mut Connection, most: u32) -> Result<Vec<[String; 2]>> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT stands, other FROM chain_fork ORDER BY origin, size LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(connection)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(stands, other)| [stands, other])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::code::{FINGERPRINT_BYTES, IssuedBy};
    use protocol::{Code, Kind};

    #[tokio::test]
    async fn leaves_written_at_once_stand_as_those_written_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let (mut connection, _readers) = crate::store::open(&path).await.unwrap();
        let by = IssuedBy {
            issuer: 7,
            station: 2,
        };
        let acts: Vec<Act> = (1..=2 * LEAVES_STEP as u64 + 1)
            .map(|sequence| {
                let print = [9; FINGERPRINT_BYTES];
                let code = Code::assemble(Kind::PassiveItem, by, sequence, &print).unwrap();
                Act::new(ActKind::Issued, code, Timestamp(1_800_000_000))
            })
            .collect();
        append(&mut connection, &acts[0]).await.unwrap();
        append_all(&mut connection, &acts).await.unwrap();
        let index = append(&mut connection, &acts[0]).await.unwrap();
        assert_eq!(index, acts.len() as u64 + 1);
        let leaves = leaves(&mut connection, 0, 1_000).await.unwrap();
        assert_eq!(leaves.len(), acts.len() + 2);
        for (leaf, act) in leaves[1..].iter().zip(&acts) {
            assert_eq!(Act::read(leaf).unwrap(), *act);
        }
    }
}
