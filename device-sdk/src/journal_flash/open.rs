//! From flash back to the journal, wherever the power was cut.

use super::live::{Kept, Live};
use super::slot::{Head, NUMBER_BYTES, SLOT_BYTES, Slot, data};
use super::{FORGETS_MAX, FlashJournal, Ring, SECTORS_MAX, SLOTS_MAX};
use core::fmt;
use core::num::NonZeroU32;
use embedded_storage::nor_flash::NorFlash;

/// Why flash cannot be opened as a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The area is no whole number of sectors, a sector no whole number of slots, or there are too
    /// few or too many of them.
    Shape,
    /// Something else is written there; [`FlashJournal::format`] makes room for a journal.
    NotAJournal,
    /// An entry that was acknowledged is damaged or gone, and not by a power cut.
    Damaged {
        /// Its position, in slots since the first.
        position: u32,
    },
    /// It holds more records than this journal's type has room for.
    TooMany,
    /// The flash refused.
    Flash,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("the flash area has no shape for a journal"),
            Self::NotAJournal => f.write_str("the flash area holds something else: format it"),
            Self::Damaged { position } => write!(f, "entry {position} of the journal is damaged"),
            Self::TooMany => f.write_str("the journal holds more records than there is room for"),
            Self::Flash => f.write_str("the flash failed"),
        }
    }
}

impl core::error::Error for OpenError {}

/// An entry whose slots are being read one by one.
struct Reading {
    first: Head,
    last: Head,
    forgets: [u32; FORGETS_MAX],
}

impl<F: NorFlash, const RECORDS: usize> FlashJournal<F, RECORDS> {
    /// Slots of one sector. That a word fits into slots is checked when this is compiled.
    const SECTOR_SLOTS: NonZeroU32 = {
        assert!(
            SLOT_BYTES.is_multiple_of(F::WRITE_SIZE),
            "words up to a slot"
        );
        assert!(
            SLOT_BYTES.is_multiple_of(F::READ_SIZE),
            "words up to a slot"
        );
        assert!(F::ERASE_SIZE.is_multiple_of(SLOT_BYTES), "sectors of slots");
        match NonZeroU32::new((F::ERASE_SIZE / SLOT_BYTES) as u32) {
            Some(slots) => slots,
            None => panic!("sectors of slots"),
        }
    };

    /// Erases the whole area. Whoever does this to a purse that has paid must open it in doubt.
    pub fn format(flash: &mut F) -> Result<(), OpenError> {
        let end = u32::try_from(flash.capacity()).map_err(|_| OpenError::Shape)?;
        flash.erase(0, end).map_err(|_| OpenError::Flash)
    }

    /// Opens the journal, or begins one where nothing was ever written. All of the area is read
    /// once.
    pub fn open(flash: F) -> Result<Self, OpenError> {
        let ring = Ring::of::<F>(flash.capacity(), Self::SECTOR_SLOTS)?;
        let mut journal = Self {
            flash,
            ring,
            live: Live::new(),
            head: ring.slots.get(),
            tail: ring.slots.get(),
            noted_tail: ring.slots.get(),
            before: 0,
            forgets: [0; FORGETS_MAX],
            forgets_len: 0,
            broken: false,
        };
        match journal.newest()? {
            Some(newest) => {
                let begin = ring
                    .sector(newest.position)
                    .checked_sub(newest.sectors.into());
                let begin = begin.ok_or(OpenError::NotAJournal)?;
                journal.tail = begin * ring.sector_slots.get();
                journal.noted_tail = journal.tail;
                journal.head = journal.end(newest.position);
                journal.read_entries(newest.position)?;
            }
            None => journal.check_unused()?,
        }
        Ok(journal)
    }

    /// The whole slot that was written last.
    fn newest(&mut self) -> Result<Option<Head>, OpenError> {
        let mut newest: Option<Head> = None;
        for place in 0..self.ring.slots.get() {
            let Slot::Whole(head) = self.slot(place).1 else {
                continue;
            };
            if head.position % self.ring.slots != place || head.position < self.ring.slots.get() {
                return Err(OpenError::NotAJournal);
            }
            if newest.is_none_or(|newest| newest.position < head.position) {
                newest = Some(head);
            }
        }
        Ok(newest)
    }

    /// A journal of which no slot is whole got no farther than its first sector.
    fn check_unused(&mut self) -> Result<(), OpenError> {
        let first = self.ring.sector_slots.get();
        let mut later = first..self.ring.slots.get();
        match later.all(|place| self.slot(place).1 == Slot::Blank) {
            true => Ok(()),
            false => Err(OpenError::NotAJournal),
        }
    }

    /// Where writing goes on: behind the last slot of this sector that anything was written to, and
    /// one farther, because writing may have begun there without a trace.
    fn end(&mut self, newest: u32) -> u32 {
        let next_sector = self.ring.next_sector(newest);
        let mut last = newest;
        for position in newest + 1..next_sector {
            if self.slot(position).1 != Slot::Blank {
                last = position;
            }
        }
        next_sector.min(last + 2)
    }

    fn read_entries(&mut self, newest: u32) -> Result<(), OpenError> {
        let mut reading: Option<Reading> = None;
        let mut one_earlier = 0;
        for position in self.tail..=newest {
            let (bytes, slot) = self.slot(position);
            let Slot::Whole(head) = slot else {
                reading = None;
                continue;
            };
            // Of the round before: its sector was about to be erased.
            if head.position != position {
                return Err(OpenError::Damaged { position });
            }
            reading = match reading.take() {
                _ if head.part == 0 => Some(Reading::begin(head, data(&bytes))),
                Some(begun) if begun.last.goes_on_with(&head) => Some(Reading {
                    last: head,
                    ..begun
                }),
                _ => None,
            };
            let is_whole = |entry: &mut Reading| u32::from(entry.last.part) + 1 == head.slots();
            if let Some(entry) = reading.take_if(is_whole) {
                self.take(&entry, one_earlier)?;
                one_earlier = entry.first.before;
            }
        }
        Ok(())
    }

    /// `one_earlier` is the entry before the newest one taken so far.
    fn take(&mut self, entry: &Reading, one_earlier: u32) -> Result<(), OpenError> {
        let head = entry.first;
        // The newest one did not read well when this one was written, and was given up.
        if head.before == one_earlier && self.before > one_earlier {
            self.live.remove(self.before);
            self.before = one_earlier;
        }
        // Entries before the tail are not read, and one of them is named by the first that is.
        if head.before != self.before && head.before >= self.tail {
            let position = head.before;
            return Err(OpenError::Damaged { position });
        }
        self.before = head.position;
        for number in entry.forgets.iter().take(head.forgets.into()) {
            self.live.remove(*number);
        }
        let kept = Kept {
            record: head.record,
            at: head.position,
            len: head.len,
            forgets: head.forgets,
        };
        if kept.record != 0 && !self.live.put(kept) {
            return Err(OpenError::TooMany);
        }
        Ok(())
    }
}

impl Reading {
    fn begin(first: Head, data: &[u8]) -> Self {
        let mut forgets = [0; FORGETS_MAX];
        for (number, bytes) in forgets.iter_mut().zip(data.chunks_exact(NUMBER_BYTES)) {
            *number = bytes.first_chunk().copied().map_or(0, u32::from_le_bytes);
        }
        Self {
            first,
            last: first,
            forgets,
        }
    }
}

impl Ring {
    fn of<F: NorFlash>(capacity_bytes: usize, sector_slots: NonZeroU32) -> Result<Self, OpenError> {
        let sectors = u32::try_from(capacity_bytes / F::ERASE_SIZE).unwrap_or(u32::MAX);
        if !capacity_bytes.is_multiple_of(F::ERASE_SIZE) || sectors > SECTORS_MAX {
            return Err(OpenError::Shape);
        }
        let slots = sectors.checked_mul(sector_slots.get());
        let slots = slots.filter(|slots| *slots <= SLOTS_MAX);
        let ring = Self {
            slots: slots.and_then(NonZeroU32::new).ok_or(OpenError::Shape)?,
            sector_slots,
        };
        match ring.capacity() {
            0 => Err(OpenError::Shape),
            _ => Ok(ring),
        }
    }
}
