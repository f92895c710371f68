//! A journal on NOR flash, as microcontrollers and their SPI chips have it.
//!
//! The area is a ring of slots that is written in one direction only, so every sector wears alike.
//!
//! ```text
//! slot     head | data | zeros | CRC-32                     (256 bytes, written in one go, little-endian)
//! head     position u32 | before u32 | record u32 | sectors u16 | length u16 | forgets u8 | part u8
//! entry    one slot or several: numbers of records it forgets, u32 each || the record
//! ```
//!
//! - A position counts slots from the first one ever written; its place is the position modulo the
//!   slots of the ring. The number of a record is the position of its first entry.
//! - Every word is written once between two erasures, with zeros where there is nothing to say, so
//!   flash with error-correcting codes is served as well as flash that is written byte by byte.
//! - An entry counts when all its slots do. A slot that was half written is skipped for good.
//!   `before` names the whole entry before, so a record that was acknowledged and is damaged is
//!   missed when the journal is opened, unless it is the very newest: that one looks half written.
//! - Forgetting costs nothing: the numbers wait in memory and ride with the next append. Until then
//!   a power cut undoes it, which the journal's contract allows.
//! - When room gets scarce, what is still wanted in the oldest sector is written once more at the
//!   head, and the journal begins one sector later; each slot says where. The sector is erased when
//!   the head comes to it.
//!
//! What is written is read back before it is acknowledged; a slot that reads otherwise is given up
//! and the entry written once more. The journal holds [`MARGIN_ENTRIES`] of the longest records in
//! reserve, for power cuts in the middle of making room.

mod live;
mod open;
mod slot;
#[cfg(test)]
mod tests;

pub use open::OpenError;
pub use slot::SLOT_BYTES;

use crate::journal::{Journal, JournalFailed, RECORD_MAX, RecordId};
use core::num::NonZeroU32;
use embedded_storage::nor_flash::NorFlash;
use live::{Kept, Live};
use slot::{Bytes, DATA_BYTES, Head, NUMBER_BYTES, Slot, compose, data, slots_for};

/// Records forgotten between two appends; more of them take a slot of their own.
pub const FORGETS_MAX: usize = 32;
/// The most sectors of one journal.
pub const SECTORS_MAX: u32 = 1 << 15;
/// So many of the longest records may be cut off half written while room is being made, one cut
/// after the other, before the journal is full for good.
pub const MARGIN_ENTRIES: u32 = 4;
/// How often an entry is written that does not read back as it was written.
const ATTEMPTS: usize = 3;
/// Slots of the longest entry.
const ENTRY_SLOTS_MAX: u32 = slots_for(RECORD_MAX, FORGETS_MAX);
/// The most slots of one journal.
const SLOTS_MAX: u32 = 1 << 23;
/// About the last position that is given out; at one slot a second, in 135 years.
const POSITION_MAX: u32 = u32::MAX - 4 * SLOTS_MAX;

/// A journal on flash that holds at most `RECORDS` records at a time: 12 bytes of memory each.
///
/// Give it flash that nothing else writes to; [`FlashJournal::format`] once in the thing's life,
/// [`FlashJournal::open`] ever after. A blank area opens as an empty journal.
#[derive(Debug)]
pub struct FlashJournal<F, const RECORDS: usize> {
    flash: F,
    ring: Ring,
    live: Live<RECORDS>,
    /// Where the next slot goes.
    head: u32,
    /// Where the journal begins: the first slot of a sector.
    tail: u32,
    /// Where it begins according to the newest slot.
    noted_tail: u32,
    /// The newest whole entry, 0 if there is none.
    before: u32,
    forgets: [u32; FORGETS_MAX],
    forgets_len: usize,
    broken: bool,
}

/// The shape of the area.
#[derive(Clone, Copy, Debug)]
struct Ring {
    slots: NonZeroU32,
    sector_slots: NonZeroU32,
}

impl Ring {
    /// The sector of a position, counted like positions.
    fn sector(&self, position: u32) -> u32 {
        position / self.sector_slots
    }

    fn begins_sector(&self, position: u32) -> bool {
        position % self.sector_slots == 0
    }

    /// Where the sector after the one of this position begins.
    fn next_sector(&self, position: u32) -> u32 {
        (self.sector(position) + 1) * self.sector_slots.get()
    }

    /// The byte at which the slot of this position begins.
    fn offset(&self, position: u32) -> u32 {
        position % self.slots * SLOT_BYTES as u32
    }

    /// Slots kept free so that room can always be made.
    fn reserve(&self) -> u32 {
        self.sector_slots.get() + ENTRY_SLOTS_MAX * (1 + MARGIN_ENTRIES) + 1
    }

    /// Slots that records may take. Where old sectors are given up and new ones begun, parts of
    /// both stay unused.
    fn capacity(&self) -> u32 {
        let unused = self.reserve() + 2 * self.sector_slots.get();
        self.slots.get().saturating_sub(unused)
    }
}

/// What an entry says besides what it forgets.
#[derive(Clone, Copy)]
enum Content<'r> {
    Nothing,
    New(&'r [u8]),
    /// A record once more, farther ahead.
    Again(Kept),
}

impl<F: NorFlash, const RECORDS: usize> FlashJournal<F, RECORDS> {
    /// The flash, when the journal is not needed any more.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// How many records it holds.
    pub fn records(&self) -> usize {
        self.live.all().len()
    }

    /// Makes durable what is forgotten.
    #[cfg(test)]
    pub(crate) fn write_forgets(&mut self) -> Result<(), JournalFailed> {
        self.write(Content::Nothing).map(|_| ())
    }

    /// Slots that can be written before the head meets the tail.
    fn free(&self) -> u32 {
        (self.tail + self.ring.slots.get()).saturating_sub(self.head)
    }

    fn broken<T>(&mut self) -> Result<T, JournalFailed> {
        self.broken = true;
        Err(JournalFailed::Broken)
    }

    fn usable(&self) -> Result<(), JournalFailed> {
        match self.broken {
            true => Err(JournalFailed::Broken),
            false => Ok(()),
        }
    }

    /// Makes room and writes one entry with all that waits to be forgotten.
    fn write(&mut self, content: Content<'_>) -> Result<u32, JournalFailed> {
        let len = match content {
            Content::New(record) => record.len(),
            _ => 0,
        };
        let slots = slots_for(len, self.forgets_len);
        self.make_room(slots)?;
        let at = self.write_entry(content)?;
        self.forgets_len = 0;
        Ok(at)
    }

    /// Gives up the oldest sectors until `slots` fit. `Full` before anything is written if they
    /// never will.
    fn make_room(&mut self, slots: u32) -> Result<(), JournalFailed> {
        if self.head > POSITION_MAX || self.live.slots() + slots > self.ring.capacity() {
            return Err(JournalFailed::Full);
        }
        let wanted = slots + self.ring.reserve();
        let sectors = self.ring.slots.get() / self.ring.sector_slots;
        // Twice around everything is as dense as it gets.
        for _ in 0..2 * sectors {
            if self.free() >= wanted {
                return Ok(());
            }
            self.give_up_oldest_sector()?;
        }
        Err(JournalFailed::Full)
    }

    /// A cut in here leaves some records twice, with one number: the later one counts. The sector
    /// is not touched before a slot is written which says that the journal begins behind it.
    fn give_up_oldest_sector(&mut self) -> Result<(), JournalFailed> {
        let end = self.ring.next_sector(self.tail);
        if end > self.head {
            return Err(JournalFailed::Full);
        }
        for _ in 0..RECORDS {
            let wanted = self.live.all().iter().find(|kept| kept.at < end).copied();
            let Some(wanted) = wanted else { break };
            // Only cuts without number in the middle of this can bring it so far.
            if self.free() <= wanted.slots() {
                return self.broken();
            }
            self.write_entry(Content::Again(wanted))?;
        }
        self.tail = end;
        Ok(())
    }

    /// Writes an entry, more than once if it does not read back; returns its position.
    fn write_entry(&mut self, content: Content<'_>) -> Result<u32, JournalFailed> {
        for _ in 0..ATTEMPTS {
            let at = self.head;
            let Ok(true) = self.write_slots(at, content) else {
                if self.broken {
                    break;
                }
                continue;
            };
            // From here on the entry is durable, whatever becomes of the power.
            self.before = at;
            let head = self.head_of(at, content);
            let kept = Kept {
                record: head.record,
                at,
                len: head.len,
                forgets: head.forgets,
            };
            if kept.record != 0 && !self.live.put(kept) {
                break;
            }
            return Ok(at);
        }
        self.broken()
    }

    /// The head of an entry's first slot.
    fn head_of(&self, at: u32, content: Content<'_>) -> Head {
        let (record, len, forgets) = match content {
            Content::Nothing => (0, 0, self.forgets_len),
            Content::New(record) => (at, record.len(), self.forgets_len),
            Content::Again(kept) => (kept.record, usize::from(kept.len), 0),
        };
        Head {
            position: at,
            before: self.before,
            record,
            sectors: 0,
            len: len as u16,
            forgets: forgets as u8,
            part: 0,
        }
    }

    /// False when what is read back differs.
    fn write_slots(&mut self, at: u32, content: Content<'_>) -> Result<bool, JournalFailed> {
        let first = self.head_of(at, content);
        for part in 0..first.slots() {
            if self.free() == 0 {
                return self.broken();
            }
            self.enter_sector()?;
            let position = self.head;
            let behind = self.ring.sector(position) - self.ring.sector(self.tail);
            let head = Head {
                position,
                sectors: behind as u16,
                part: part as u8,
                ..first
            };
            let bytes = compose(&head, |data| self.fill(&head, content, data))?;
            if self
                .flash
                .write(self.ring.offset(position), &bytes)
                .is_err()
            {
                return self.broken();
            }
            self.head += 1;
            self.noted_tail = self.tail;
            // A cut before this leaves a slot that may well be whole, and its entry is then found
            // although nobody was told: that is allowed, the reverse is not.
            let mut read = [0; SLOT_BYTES];
            let reread = self.flash.read(self.ring.offset(position), &mut read);
            if reread.is_err() || read != bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases the sector at whose first slot the head stands, however blank it looks: a cut may
    /// have been in the middle of erasing it. Nothing in it is read any more.
    fn enter_sector(&mut self) -> Result<(), JournalFailed> {
        if !self.ring.begins_sector(self.head) {
            return Ok(());
        }
        if self.head >= self.noted_tail + self.ring.slots.get() {
            return self.broken();
        }
        let from = self.ring.offset(self.head);
        let erased = self.flash.erase(from, from + F::ERASE_SIZE as u32);
        if erased.is_err() || !self.is_blank(self.head) {
            return self.broken();
        }
        Ok(())
    }

    /// Whether the sector that begins here is erased.
    fn is_blank(&mut self, begin: u32) -> bool {
        let slots = begin..begin + self.ring.sector_slots.get();
        slots.into_iter().all(|at| self.slot(at).1 == Slot::Blank)
    }

    /// The entry's bytes of one slot.
    fn fill(
        &mut self,
        head: &Head,
        content: Content<'_>,
        data: &mut [u8; DATA_BYTES],
    ) -> Result<(), JournalFailed> {
        let numbers = usize::from(head.forgets) * NUMBER_BYTES;
        let begin = (usize::from(head.part) * DATA_BYTES).saturating_sub(numbers);
        let mut rest = &mut data[..];
        if head.part == 0 {
            let Some((listed, after)) = rest.split_at_mut_checked(numbers) else {
                return self.broken();
            };
            let waiting = self.forgets.get(..self.forgets_len).unwrap_or_default();
            for (to, number) in listed.chunks_exact_mut(NUMBER_BYTES).zip(waiting) {
                to.copy_from_slice(&number.to_le_bytes());
            }
            rest = after;
        }
        let len = usize::from(head.len).saturating_sub(begin).min(rest.len());
        let to = rest.get_mut(..len).unwrap_or_default();
        match content {
            Content::Nothing => Ok(()),
            Content::New(record) => {
                let from = record.get(begin..).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                Ok(())
            }
            Content::Again(kept) => self.copy(&kept, begin, to),
        }
    }

    /// Copies a record's bytes from `begin` on.
    fn copy(&mut self, kept: &Kept, begin: usize, out: &mut [u8]) -> Result<(), JournalFailed> {
        let mut at = usize::from(kept.forgets) * NUMBER_BYTES + begin;
        let mut rest = out;
        while !rest.is_empty() {
            let position = kept.at + (at / DATA_BYTES) as u32;
            let (bytes, slot) = self.slot(position);
            let is_its = |head: &Head| (head.record, head.len) == (kept.record, kept.len);
            match slot {
                Slot::Whole(head) if is_its(&head) && head.position == position => {}
                _ => return self.broken(),
            }
            let from = data(&bytes).get(at % DATA_BYTES..).unwrap_or_default();
            let len = from.len().min(rest.len());
            let Some((now, later)) = rest.split_at_mut_checked(len) else {
                return self.broken();
            };
            now.copy_from_slice(from.get(..len).unwrap_or_default());
            (rest, at) = (later, at + len);
        }
        Ok(())
    }

    /// What cannot be read, as after a cut on flash with error-correcting codes, is torn.
    fn slot(&mut self, position: u32) -> (Bytes, Slot) {
        let mut bytes = [0; SLOT_BYTES];
        match self.flash.read(self.ring.offset(position), &mut bytes) {
            Ok(()) => {
                let slot = Slot::of(&bytes);
                (bytes, slot)
            }
            Err(_) => (bytes, Slot::Torn),
        }
    }
}

impl<F: NorFlash, const RECORDS: usize> Journal for FlashJournal<F, RECORDS> {
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed> {
        self.usable()?;
        if record.len() > RECORD_MAX || self.live.places_left() == 0 {
            return Err(JournalFailed::Full);
        }
        let at = self.write(Content::New(record))?;
        Ok(RecordId(at.into()))
    }

    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed> {
        self.usable()?;
        let number = u32::try_from(id.0).ok();
        let Some(kept) = number.and_then(|number| self.live.find(number)) else {
            return self.broken();
        };
        let len = usize::from(kept.len);
        let Some(out) = out.get_mut(..len) else {
            return self.broken();
        };
        self.copy(&kept, 0, out)?;
        Ok(len)
    }

    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed> {
        self.usable()?;
        if self.forgets_len == FORGETS_MAX {
            self.write(Content::Nothing)?;
        }
        let Ok(number) = u32::try_from(id.0) else {
            return Ok(());
        };
        if self.live.remove(number)
            && let Some(place) = self.forgets.get_mut(self.forgets_len)
        {
            *place = number;
            self.forgets_len += 1;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        let slots = self.ring.capacity().saturating_sub(self.live.slots());
        let records = slots / ENTRY_SLOTS_MAX;
        self.live.places_left().min(records as usize)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed> {
        self.usable()?;
        let mut record = [0; RECORD_MAX];
        for at in 0..self.live.all().len() {
            let Some(kept) = self.live.all().get(at).copied() else {
                break;
            };
            let out = record.get_mut(..usize::from(kept.len)).unwrap_or_default();
            self.copy(&kept, 0, out)?;
            visit(RecordId(kept.record.into()), out);
        }
        Ok(())
    }
}
