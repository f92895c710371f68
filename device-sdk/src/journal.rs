//! Where a purse remembers.

/// Names one record for as long as it lives, across restarts and compaction. Later records have
/// larger numbers, and no number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// The longest record a purse writes: a payment taken, with the covers it stands on and its receipt.
pub const RECORD_MAX: usize = protocol::covers::COVERED_MAX + protocol::cose::SIGNED_MAX + 5;
/// The longest record without covers: three signed objects.
pub const SMALL_RECORD_MAX: usize = 3 * (protocol::cose::SIGNED_MAX + 2) + 1;

/// Why the journal did not do as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalFailed {
    /// No room; certainly nothing was written.
    Full,
    /// The medium failed; nobody knows whether the record is there. The purse stops until it is
    /// opened again.
    Broken,
}

/// An append-only store of small records, on flash, in a file or in memory.
///
/// A purse keeps its promises only if its journal keeps these:
///
/// - when `append` returns a number, the record survives a power cut;
/// - a record that was only half written when the power went is never shown again;
/// - a forgotten record may reappear after a cut only if nothing was appended after it was
///   forgotten.
pub trait Journal {
    /// Stores `record` (at most [`RECORD_MAX`] bytes) durably.
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed>;

    /// Copies a record into `out`, which has room for it; returns its length. Asked only for
    /// records that are still there.
    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed>;

    /// The record is of no use any more; its space may be taken.
    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed>;

    /// How many more records of [`RECORD_MAX`] bytes it certainly takes, with nothing forgotten.
    /// New work is refused while few are left, so that what ends old work always has room. A store
    /// that cannot know, such as a file on a shared disk, says `usize::MAX`; when its `append` then
    /// finds no room in the middle of something, the purse stops until it is opened again.
    fn room(&self) -> usize;

    /// Shows every record that is not forgotten, oldest first.
    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed>;
}

impl<T: Journal + ?Sized> Journal for &mut T {
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed> {
        (**self).append(record)
    }

    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed> {
        (**self).read(id, out)
    }

    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed> {
        (**self).forget(id)
    }

    fn room(&self) -> usize {
        (**self).room()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed> {
        (**self).scan(visit)
    }
}
