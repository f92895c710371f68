//! Copies of journals at the centre, and watermarks: how far everything is final everywhere.
//!
//! ```text
//! block = epoch 4, height before the first entry 8, letters written so far 8,
//!         then each entry: its length 2 and its canonical bytes; all numbers big-endian
//! ```

use super::letter::Letter;
use super::store::{copies, credits, peers};
use super::{keys, post, rules};
use crate::bounds::COPY_MOST;
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::writer::{Command, Desk, Failure};
use protocol::objects::Watermark;
use protocol::{Code, Currency, Status, Timestamp};

/// Part of a journal on its way to the centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Of which gateway epoch.
    pub epoch: protocol::KeyEpoch,
    /// Height before its first entry.
    pub after: u64,
    /// Letters that its gateway had written to the centre by then.
    pub letters: u64,
    /// Canonical entries.
    pub entries: Vec<Vec<u8>>,
}

impl Block {
    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = self.epoch.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.after.to_be_bytes());
        bytes.extend_from_slice(&self.letters.to_be_bytes());
        for entry in &self.entries {
            // An entry has at most 255 lines of 42 bytes.
            bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        bytes
    }

    /// Reads exactly one block.
    pub fn read(bytes: &[u8]) -> Result<Self, Status> {
        read(bytes).ok_or(Status::Malformed)
    }
}

fn read(bytes: &[u8]) -> Option<Block> {
    let (epoch, rest) = bytes.split_first_chunk()?;
    let (after, rest) = rest.split_first_chunk()?;
    let (letters, mut rest) = rest.split_first_chunk()?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        if entries.len() >= COPY_MOST as usize {
            return None;
        }
        let (len, tail) = rest.split_first_chunk()?;
        let (entry, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        entries.push(entry.to_vec());
        rest = tail;
    }
    Some(Block {
        epoch: protocol::KeyEpoch(u32::from_be_bytes(*epoch)),
        after: u64::from_be_bytes(*after),
        letters: u64::from_be_bytes(*letters),
        entries,
    })
}

/// What each account gained.
type Changes<'b> = Vec<(&'b [u8], i64)>;

/// The lines of a canonical entry: its height, its currency, and what each account gained.
pub(crate) fn lines(entry: &[u8]) -> Option<(u64, Currency, Changes<'_>)> {
    let (height, rest) = entry.split_first_chunk()?;
    // Time 4, kind 1, subject 32.
    let (currency, rest) = rest.get(37..)?.split_first_chunk()?;
    let (count, mut rest) = rest.split_first()?;
    let mut lines = Vec::with_capacity(usize::from(*count));
    for _ in 0..*count {
        let (len, tail) = rest.split_first()?;
        let (account, tail) = tail.split_at_checked(usize::from(*len))?;
        let (change, tail) = tail.split_first_chunk()?;
        lines.push((account, i64::from_be_bytes(*change)));
        rest = tail;
    }
    rest.is_empty().then_some(())?;
    let currency = Currency::from_bytes(*currency)?;
    Some((u64::from_be_bytes(*height), currency, lines))
}

pub(crate) struct TakeBlock {
    pub from: Code,
    pub block: Block,
}

impl Command for TakeBlock {
    /// The height up to which the journal is copied.
    type Answer = u64;

    async fn execute(&self, desk: &mut Desk) -> Result<u64, Failure> {
        let (from, block) = (&self.from, &self.block);
        let connection = &mut desk.connection;
        let peer = peers::peer(connection, from).await?;
        if peer.is_none_or(|peer| !peer.linked || peer.terms.is_none()) {
            return Err(Status::UnknownGateway.into());
        }
        let mut copy = copies::copy(connection, from).await?;
        if block.epoch < copy.epoch {
            return Ok(copy.head.height);
        }
        if block.epoch > copy.epoch {
            // A new life of its books: what it does not remember did not happen.
            let known = copies::head_at(connection, from, block.after).await?;
            let Some(known) = known else {
                return Ok(copy.head.height);
            };
            self.rewind(desk, known.height).await?;
            copy.epoch = block.epoch;
            copy.head = known;
            copy.settled = copy.settled.min(known.height);
            copy.letters = 0;
        }
        for (height, entry) in (block.after.saturating_add(1)..).zip(&block.entries) {
            if height != copy.head.height.saturating_add(1) {
                continue;
            }
            let (stated, currency, changes) = lines(entry).ok_or(Status::Malformed)?;
            if stated != height {
                return Err(Status::Malformed.into());
            }
            copy.head = copy.head.after(entry);
            let connection = &mut desk.connection;
            copies::keep_entry(connection, from, &copy.head, entry).await?;
            for (account, change) in changes {
                copies::change(connection, from, &currency, account, change).await?;
            }
        }
        if copy.head.height == block.after.saturating_add(block.entries.len() as u64) {
            copy.letters = block.letters;
        }
        copies::set_copy(&mut desk.connection, from, &copy).await?;
        // A crash here: the copy ends where it did, and the block comes again.
        here(CrashPoint::EntriesCopied);
        Ok(copy.head.height)
    }
}

impl TakeBlock {
    async fn rewind(&self, desk: &mut Desk, height: u64) -> Result<(), Failure> {
        let connection = &mut desk.connection;
        while let Some(entry) = copies::take_above(connection, &self.from, height).await? {
            let damaged = || Damage::new("copied_entry", self.from, "does not read");
            let (_, currency, changes) = lines(&entry).ok_or_else(damaged)?;
            for (account, change) in changes {
                let change = change.checked_neg().ok_or_else(damaged)?;
                copies::change(connection, &self.from, &currency, account, change).await?;
            }
        }
        Ok(())
    }
}

/// At the centre: tells every gateway what time it is and how far its journal is final, when the
/// word before has reached it.
pub(crate) async fn mark(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    for peer in peers::peers(&mut desk.connection).await? {
        if !peer.linked {
            continue;
        }
        let connection = &mut desk.connection;
        let mut copy = copies::copy(connection, &peer.code).await?;
        if copy.letters == 0 || (copy.epoch == peer.epoch && peer.heard >= copy.letters) {
            copy.settled = copy.head.height;
        }
        let waiting = credits::lowest_way(connection, &peer.code).await?;
        let height = rules::final_height(copy.settled, waiting).max(copy.marked);
        // Heights of different epochs are not compared.
        let height = height.min(copy.head.height);
        let on_its_way = copy.mark_letter > peer.taken;
        if on_its_way || (copy.marked_at, copy.marked) == (now, height) {
            continue;
        }
        let watermark = Watermark {
            centre: desk.bearings.gateway,
            gateway: peer.code,
            gateway_epoch: copy.epoch,
            height,
            time: now,
        };
        let (bytes, _) = desk.seal(&watermark)?;
        let letter = Letter::Watermark { watermark: &bytes };
        let (_, number) = post::send(desk, &peer.code, &letter).await?;
        copy.marked = height;
        copy.marked_at = now;
        copy.mark_letter = number;
        copies::set_copy(&mut desk.connection, &peer.code, &copy).await?;
        here(CrashPoint::WatermarkSigned);
    }
    Ok(())
}

/// At a gateway: what the centre says is final, and what time it is there.
pub(crate) async fn marked(desk: &mut Desk, signed: &[u8]) -> Result<(), Failure> {
    let mark = keys::by_centre::<Watermark>(desk, signed, |mark| mark.centre).await?;
    let mark = mark.get();
    if mark.gateway != desk.bearings.gateway {
        return Err(Status::NotForYou.into());
    }
    let connection = &mut desk.connection;
    peers::touched(connection, &mark.centre, mark.time).await?;
    copies::set_watermark(connection, mark.gateway_epoch, mark.height, signed).await?;
    Ok(())
}
