//! Following the journal, one bounded step after the other.

use super::fifo::{FANOUT, HOPS_LEAST, Jump, LEVELS, Move, Name, Posted, Queues, net_of_level};
use super::index::{self, Followed};
use crate::books::JournalHead;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::store::row::Row;
use crate::store::{Connection, Result, journal};
use protocol::Timestamp;
use std::collections::BTreeSet;

/// Entries followed in one step, that is in one transaction of the index.
pub const STEP_ENTRIES: u32 = 4096;

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Newest journal entry it knows.
    pub height: u64,
    /// Entries that are written and that it does not know yet.
    pub behind: u64,
}

/// One step. The journal's chain is checked on the way; an index that followed another journal, such
/// as one that was replaced by an older copy, begins again.
pub(super) async fn step(index: &mut Connection, books: &mut Connection) -> Result<Stand> {
    let newest = journal::head(books).await?.height;
    let mut change = sqlx::Connection::begin_with(index, "BEGIN IMMEDIATE").await?;
    let mut before = index::followed(&mut change).await?;
    if !is_of(&before.head, books).await? {
        tracing::warn!(
            height = before.head.height,
            "another journal: coins are followed anew"
        );
        index::clear(&mut change).await?;
        before = index::followed(&mut change).await?;
    }
    let (head, entries) = read(books, before.head).await?;
    let height = head.height;
    if !entries.is_empty() {
        post(&mut change, &before, head, &entries).await?;
    }
    // A crash here: the step was not made, and is made again from the same place.
    here(CrashPoint::Traced);
    change.commit().await?;
    Ok(Stand {
        height,
        behind: newest.saturating_sub(height),
    })
}

/// Whether the journal went by this head.
async fn is_of(head: &JournalHead, books: &mut Connection) -> Result<bool> {
    if head.height == 0 {
        return Ok(true);
    }
    let root: Option<(Vec<u8>,)> = sqlx::query_as("SELECT root FROM entry WHERE height = $1")
        .bind(head.height as i64)
        .fetch_optional(books)
        .await?;
    Ok(root.is_some_and(|(root,)| root == head.root.as_bytes()))
}

/// The next entries, and the journal's head after them.
async fn read(books: &mut Connection, mut head: JournalHead) -> Result<(JournalHead, Vec<Posted>)> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT height, bytes, root FROM entry WHERE height > $1 ORDER BY height LIMIT $2",
    )
    .bind(head.height as i64)
    .bind(STEP_ENTRIES)
    .fetch_all(books)
    .await?;
    let mut entries = Vec::with_capacity(rows.len());
    for (height, bytes, root) in rows {
        let row = Row {
            table: "entry",
            key: &height,
        };
        head = head.after(&bytes);
        if head.height != row.count(height)? || head.root != row.digest(&root)? {
            return Err(Damage::new("entry", height, "does not hash to its root").into());
        }
        let entry = Posted::read(&bytes).filter(|entry| entry.height == head.height);
        entries.push(entry.ok_or_else(|| row.damaged("no entry"))?);
    }
    Ok((head, entries))
}

pub(super) async fn post(
    index: &mut Connection,
    before: &Followed,
    head: JournalHead,
    entries: &[Posted],
) -> Result<()> {
    let wanted: BTreeSet<Name> = entries.iter().flat_map(Queues::wanted).collect();
    let wanted: Vec<Name> = wanted.into_iter().collect();
    let mut queues = Queues::new(before.newest_account, before.newest_move);
    for (name, account) in index::accounts(index, &wanted).await? {
        queues.put(name, account);
    }
    let (mut moves, mut paid) = (Vec::new(), Vec::new());
    for entry in entries {
        let mut between = Vec::new();
        queues
            .post(entry, &mut moves, &mut between)
            .map_err(|_| Damage::new("entry", entry.height, "moves more than can be counted"))?;
        let dated = |paid| -> (Timestamp, _) { (entry.at, paid) };
        paid.extend(between.into_iter().map(dated));
    }
    let accounts: Vec<_> = queues.accounts().collect();
    let followed = Followed {
        head,
        newest_move: queues.newest_move(),
        newest_account: queues.newest_account(),
    };
    index::write(index, &accounts, &moves, &paid, &followed).await?;
    shorten(index, before.newest_move, followed.newest_move).await
}

/// Jumps over every block that is full now and was not before.
async fn shorten(index: &mut Connection, before: u64, now: u64) -> Result<()> {
    for level in 1..=LEVELS {
        let block = FANOUT.saturating_pow(level);
        let full = |moves: u64| moves.checked_div(block).unwrap_or(0);
        for number in full(before)..full(now) {
            let first = number.saturating_mul(block).saturating_add(1);
            let last = number.saturating_add(1).saturating_mul(block);
            let moves = index::moves(index, first, last).await?;
            let moves: Vec<Jump> = moves.iter().map(Move::jump).collect();
            let mut jumps = net_of_level(level, FANOUT, &moves);
            // Longer than a line can say is no harm: the moves themselves lead there as well.
            jumps.retain(|jump| jump.hops >= HOPS_LEAST && i64::try_from(jump.coins).is_ok());
            index::write_jumps(index, level, &jumps).await?;
        }
    }
    Ok(())
}
