//! Other gateways, and the letters that wait for them.

use crate::federation::terms::Terms;
use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::{Code, KeyEpoch, Timestamp};

/// Another gateway.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub code: Code,
    /// Its pass, checked when it came.
    pub pass: Vec<u8>,
    /// Whether letters go there without another gateway between.
    pub linked: bool,
    /// It has taken the letters up to this one.
    pub taken: u64,
    /// Its epoch, as far as letters came.
    pub epoch: KeyEpoch,
    /// Its letters in that epoch, as far as they came.
    pub heard: u64,
    /// Its clock, as far as it said.
    pub touched: Timestamp,
    /// What was agreed with it.
    pub terms: Option<Terms>,
}

type Columns = (Vec<u8>, Vec<u8>, bool, i64, i64, i64, i64, Option<Vec<u8>>);

/// The columns of [`Peer`], to be followed by a condition.
macro_rules! select_peer {
    ($rest:literal) => {
        concat!(
            "SELECT code, pass, linked, taken, peer_epoch, heard, touched, terms FROM peer ",
            $rest
        )
    };
}

fn peer_from(columns: Columns) -> Result<Peer> {
    let (code, pass, linked, taken, epoch, heard, touched, terms) = columns;
    let row = Row {
        table: "peer",
        key: &code,
    };
    Ok(Peer {
        code: row.code(&code)?,
        pass,
        linked,
        taken: row.count(taken)?,
        epoch: row.key_epoch(epoch)?,
        heard: row.count(heard)?,
        touched: row.time(touched)?,
        terms: terms
            .map(|terms| Terms::read(&terms).ok_or_else(|| row.damaged("no terms")))
            .transpose()?,
    })
}

/// The peer with this code.
pub(crate) async fn peer(connection: &mut Connection, code: &Code) -> Result<Option<Peer>> {
    let columns: Option<Columns> = sqlx::query_as(select_peer!("WHERE code = $1"))
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    columns.map(peer_from).transpose()
}

/// All of them, in the order of their codes.
pub(crate) async fn peers(connection: &mut Connection) -> Result<Vec<Peer>> {
    let rows: Vec<Columns> = sqlx::query_as(select_peer!("ORDER BY code"))
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(peer_from).collect()
}

/// Keeps a peer, or a newer pass and newer terms of one.
pub(crate) async fn keep(
    connection: &mut Connection,
    code: &Code,
    pass: &[u8],
    linked: bool,
    terms: Option<&Terms>,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO peer (code, pass, linked, written, taken, peer_epoch, heard, touched, terms)
         VALUES ($1, $2, $3, 0, 0, 0, 0, 0, $4)
         ON CONFLICT (code) DO UPDATE SET pass = excluded.pass,
           linked = max(peer.linked, excluded.linked), terms = coalesce(excluded.terms, peer.terms)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(pass)
    .bind(i64::from(linked))
    .bind(terms.map(Terms::bytes))
    .execute(connection)
    .await?;
    Ok(())
}

/// Appends a letter; its number, or `None` when `most` wait already.
pub(crate) async fn push(
    connection: &mut Connection,
    to: &Code,
    bytes: &[u8],
    most: u64,
) -> Result<Option<u64>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "UPDATE peer SET written = written + 1
         WHERE code = $1 AND linked = 1 AND written - taken < $2 RETURNING written",
    )
    .bind(to.as_bytes().as_slice())
    .bind(most as i64)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((number,)) = row else {
        return Ok(None);
    };
    sqlx::query("INSERT INTO letter (peer, number, bytes) VALUES ($1, $2, $3)")
        .bind(to.as_bytes().as_slice())
        .bind(number)
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(Some(number.unsigned_abs()))
}

/// Letters that wait for a peer after `after`, oldest first.
pub(crate) async fn letters(
    connection: &mut Connection,
    to: &Code,
    after: u64,
    most: u32,
) -> Result<Vec<(u64, Vec<u8>)>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, bytes FROM letter WHERE peer = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(to.as_bytes().as_slice())
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .bind(most)
    .fetch_all(connection)
    .await?;
    let unsigned = |(number, bytes): (i64, _)| (number.unsigned_abs(), bytes);
    Ok(rows.into_iter().map(unsigned).collect())
}

/// Puts another letter in the place of one that waits.
pub(crate) async fn replace(
    connection: &mut Connection,
    to: &Code,
    number: u64,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query("UPDATE letter SET bytes = $3 WHERE peer = $1 AND number = $2")
        .bind(to.as_bytes().as_slice())
        .bind(number as i64)
        .bind(bytes)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many letters were written to a peer in this epoch.
pub(crate) async fn written(connection: &mut Connection, to: &Code) -> Result<u64> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT written FROM peer WHERE code = $1")
        .bind(to.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or(0, |(written,)| written.unsigned_abs()))
}

/// The peer has taken everything up to this letter.
pub(crate) async fn taken(connection: &mut Connection, by: &Code, up_to: u64) -> Result<()> {
    let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
    sqlx::query("UPDATE peer SET taken = max(taken, min($2, written)) WHERE code = $1")
        .bind(by.as_bytes().as_slice())
        .bind(up_to)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM letter WHERE peer = $1 AND number <= $2")
        .bind(by.as_bytes().as_slice())
        .bind(up_to)
        .execute(connection)
        .await?;
    Ok(())
}

/// How far its letters came.
pub(crate) async fn heard(
    connection: &mut Connection,
    from: &Code,
    epoch: KeyEpoch,
    number: u64,
    refused: bool,
) -> Result<()> {
    sqlx::query(
        "UPDATE peer SET peer_epoch = $2, heard = $3, refused = refused + $4 WHERE code = $1",
    )
    .bind(from.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(number as i64)
    .bind(i64::from(refused))
    .execute(connection)
    .await?;
    Ok(())
}

/// What time it was there.
pub(crate) async fn touched(
    connection: &mut Connection,
    peer: &Code,
    time: Timestamp,
) -> Result<()> {
    sqlx::query("UPDATE peer SET touched = max(touched, $2) WHERE code = $1")
        .bind(peer.as_bytes().as_slice())
        .bind(i64::from(time.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Letters that made no sense and were passed over, of all peers.
pub(crate) async fn refused(connection: &mut Connection) -> Result<u64> {
    let (refused,): (i64,) = sqlx::query_as("SELECT coalesce(sum(refused), 0) FROM peer")
        .fetch_one(connection)
        .await?;
    Ok(refused.unsigned_abs())
}

/// A new epoch of ours begins: what still waits is numbered anew from 1.
pub(crate) async fn renumber(connection: &mut Connection) -> Result<()> {
    let rows: Vec<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT peer, number FROM letter ORDER BY peer, number")
            .fetch_all(&mut *connection)
            .await?;
    let (mut last, mut count) = (Vec::new(), 0i64);
    for (peer, number) in rows {
        if peer != last {
            (last, count) = (peer.clone(), 0);
        }
        count += 1;
        // Numbers only fall, in ascending order: the new one is free or its own.
        sqlx::query("UPDATE letter SET number = $3 WHERE peer = $1 AND number = $2")
            .bind(peer)
            .bind(number)
            .bind(count)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "UPDATE peer SET taken = 0,
           written = (SELECT count(*) FROM letter WHERE letter.peer = peer.code)",
    )
    .execute(&mut *connection)
    .await?;
    for sql in [
        // Their letters have other numbers now: what was on its way counts as long as any waits.
        "UPDATE credit_way SET number = (SELECT written FROM peer WHERE peer.code = credit_way.peer)",
        "UPDATE copy SET mark_letter = 0",
    ] {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(())
}
