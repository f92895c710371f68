//! A journal in one append-only file.
//!
//! ```text
//! header:  "OCJ1" | next number u64 | CRC-32
//! frame:   length u16 | kind u8 | number u64 | record | CRC-32     (little-endian; kind 1 append, 2 forget)
//! ```
//!
//! An append is synchronised before it returns. A forget is not: it reaches the disk with the next
//! append at the latest, and until then a power cut merely undoes it, which is as if the power had
//! gone a little earlier. What a cut leaves half written at the end is cut off when the file is
//! opened; damage anywhere else is an error, because it may be money.

use crate::durable::{self, beside, with_mode};
use crate::journal::{Journal, JournalFailed, RECORD_MAX, RecordId};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"OCJ1";
const HEADER_BYTES: usize = 16;
/// Frame bytes before and after the record.
const HEAD_BYTES: usize = 11;
const CRC_BYTES: usize = 4;
const FRAME_MAX: usize = HEAD_BYTES + RECORD_MAX + CRC_BYTES;
/// What a purse remembers is nobody else's business.
const MODE: u32 = 0o600;
const APPEND: u8 = 1;
const FORGET: u8 = 2;
/// Forgets that may wait for the next append before they are synchronised by themselves.
const UNSYNCED_FORGETS_MAX: usize = 64;
/// The most that can be half written when the power goes.
const TAIL_BYTES_MAX: usize = UNSYNCED_FORGETS_MAX * (HEAD_BYTES + CRC_BYTES) + FRAME_MAX;
/// Below this much waste the file is left alone.
const WASTE_BYTES_MIN: u64 = 64 * 1024;

/// Why a file cannot be opened as a journal.
#[derive(Debug)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    InUse,
    /// It is no journal, or one of another version.
    NotAJournal,
    /// It is damaged at this byte, and not by a power cut.
    Damaged {
        /// Where the first damaged frame begins.
        at: u64,
    },
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("the journal is in use by another process"),
            Self::NotAJournal => f.write_str("the file is no journal of this version"),
            Self::Damaged { at } => write!(f, "the journal is damaged at byte {at}"),
            Self::Io(error) => write!(f, "the journal cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where a record lies in the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    len: usize,
}

impl Place {
    fn frame_bytes(&self) -> u64 {
        (HEAD_BYTES + self.len + CRC_BYTES) as u64
    }
}

/// A journal in a file.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    /// Held for as long as the journal is open; the file itself is replaced by compaction.
    _lock: File,
    live: BTreeMap<RecordId, Place>,
    live_bytes: u64,
    next: u64,
    end: u64,
    unsynced_forgets: usize,
    broken: bool,
}

impl FileJournal {
    /// Opens the journal at `path`, or begins one. Beside it lies a lock file of the same name with
    /// `.lock` appended; a second opener gets [`OpenError::InUse`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        // Left by a compaction that never finished.
        match fs::remove_file(beside(path, "new")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if !path.try_exists()? {
            write_anew(path, 1, &[])?;
        }
        let mut file = with_mode(MODE).read(true).write(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let contents = Contents::read(&bytes)?;
        if contents.end < bytes.len() {
            file.set_len(contents.end as u64)?;
        }
        // What was read may not have reached the disk yet when its writer was killed.
        file.sync_all()?;
        Ok(Self {
            path: path.to_owned(),
            file,
            _lock: lock,
            live_bytes: contents.live.values().map(Place::frame_bytes).sum(),
            live: contents.live,
            next: contents.next,
            end: contents.end as u64,
            unsynced_forgets: 0,
            broken: false,
        })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    fn write(&mut self, frame: &[u8], sync: bool) -> Result<(), JournalFailed> {
        if self.broken {
            return Err(JournalFailed::Broken);
        }
        let written = self
            .file
            .seek(SeekFrom::Start(self.end))
            .and_then(|_| self.file.write_all(frame))
            .and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                self.end += frame.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.take_back(&error)),
        }
    }

    /// Only if the disk was full and the attempt could be undone is it certain that nothing is
    /// there.
    fn take_back(&mut self, error: &io::Error) -> JournalFailed {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let undone = || {
            self.file.set_len(self.end)?;
            self.file.sync_all()
        };
        if full && undone().is_ok() {
            return JournalFailed::Full;
        }
        self.broken = true;
        JournalFailed::Broken
    }

    /// Writes what is alive into a new file and puts it in the place of the old one. A cut before
    /// the rename leaves the old file, after it the new one; both say the same.
    fn compact(&mut self) -> Result<(), JournalFailed> {
        let wasted = self.end - HEADER_BYTES as u64 - self.live_bytes;
        if wasted < WASTE_BYTES_MIN || wasted < self.live_bytes {
            return Ok(());
        }
        let compacted = self.rewritten();
        match compacted {
            Ok((file, live, end)) => {
                (self.file, self.live, self.end) = (file, live, end);
                self.unsynced_forgets = 0;
                Ok(())
            }
            Err(_) => {
                self.broken = true;
                Err(JournalFailed::Broken)
            }
        }
    }

    fn rewritten(&mut self) -> io::Result<(File, BTreeMap<RecordId, Place>, u64)> {
        let (mut frames, mut live) = (Vec::new(), BTreeMap::new());
        for (id, place) in &self.live {
            let mut record = vec![0; place.len];
            self.file.seek(SeekFrom::Start(place.offset))?;
            self.file.read_exact(&mut record)?;
            let offset = (HEADER_BYTES + frames.len() + HEAD_BYTES) as u64;
            let len = place.len;
            live.insert(*id, Place { offset, len });
            frames.extend(frame(APPEND, *id, &record));
        }
        write_anew(&self.path, self.next, &frames)?;
        let file = with_mode(MODE).read(true).write(true).open(&self.path)?;
        Ok((file, live, (HEADER_BYTES + frames.len()) as u64))
    }
}

impl Journal for FileJournal {
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed> {
        if record.len() > RECORD_MAX {
            return Err(JournalFailed::Full);
        }
        let id = RecordId(self.next);
        let place = Place {
            offset: self.end + HEAD_BYTES as u64,
            len: record.len(),
        };
        self.write(&frame(APPEND, id, record), true)?;
        self.next += 1;
        self.unsynced_forgets = 0;
        self.live.insert(id, place);
        self.live_bytes += place.frame_bytes();
        Ok(id)
    }

    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed> {
        let place = self.live.get(&id).ok_or(JournalFailed::Broken)?;
        let out = out.get_mut(..place.len).ok_or(JournalFailed::Broken)?;
        self.file
            .seek(SeekFrom::Start(place.offset))
            .and_then(|_| self.file.read_exact(out))
            .map_err(|_| JournalFailed::Broken)?;
        Ok(place.len)
    }

    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed> {
        let Some(place) = self.live.get(&id).copied() else {
            return Ok(());
        };
        let sync = self.unsynced_forgets + 1 >= UNSYNCED_FORGETS_MAX;
        self.write(&frame(FORGET, id, &[]), sync)?;
        self.unsynced_forgets = if sync { 0 } else { self.unsynced_forgets + 1 };
        self.live.remove(&id);
        self.live_bytes -= place.frame_bytes();
        self.compact()
    }

    fn room(&self) -> usize {
        usize::MAX
    }

    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed> {
        let ids: Vec<RecordId> = self.live.keys().copied().collect();
        let mut record = [0; RECORD_MAX];
        for id in ids {
            let len = self.read(id, &mut record)?;
            visit(id, record.get(..len).unwrap_or_default());
        }
        Ok(())
    }
}

/// What the bytes of a file say.
struct Contents {
    live: BTreeMap<RecordId, Place>,
    next: u64,
    end: usize,
}

impl Contents {
    fn read(bytes: &[u8]) -> Result<Self, OpenError> {
        let header = bytes.first_chunk().ok_or(OpenError::NotAJournal)?;
        let mut contents = Self {
            live: BTreeMap::new(),
            next: read_header(header).ok_or(OpenError::NotAJournal)?,
            end: HEADER_BYTES,
        };
        while let Some(rest) = bytes.get(contents.end..).filter(|rest| !rest.is_empty()) {
            let taken = match Frame::read(rest) {
                Some(frame) => contents.take(&frame),
                None => None,
            };
            match taken {
                Some(len) => contents.end += len,
                // Only the last append and the forgets before it can be unfinished.
                None if rest.len() <= TAIL_BYTES_MAX => break,
                None => {
                    return Err(OpenError::Damaged {
                        at: contents.end as u64,
                    });
                }
            }
        }
        Ok(contents)
    }

    /// The frame's length; `None` when it makes no sense here.
    fn take(&mut self, frame: &Frame<'_>) -> Option<usize> {
        let len = frame.record.len();
        match frame.kind {
            APPEND => {
                if self
                    .live
                    .last_key_value()
                    .is_some_and(|(id, _)| *id >= frame.id)
                {
                    return None;
                }
                let offset = (self.end + HEAD_BYTES) as u64;
                self.next = self.next.max(frame.id.0.checked_add(1)?);
                self.live.insert(frame.id, Place { offset, len });
            }
            FORGET => {
                self.live.remove(&frame.id);
            }
            _ => return None,
        }
        Some(HEAD_BYTES + len + CRC_BYTES)
    }
}

struct Frame<'b> {
    kind: u8,
    id: RecordId,
    record: &'b [u8],
}

impl<'b> Frame<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk()?;
        let len = usize::from(u16::from_le_bytes(*len));
        let (kind, rest) = rest.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (record, rest) = rest.split_at_checked(len)?;
        let (crc, _) = rest.split_first_chunk()?;
        let summed = bytes.get(..HEAD_BYTES + len)?;
        (u32::from_le_bytes(*crc) == crc32(summed) && len <= RECORD_MAX).then_some(Self {
            kind: *kind,
            id: RecordId(u64::from_le_bytes(*id)),
            record,
        })
    }
}

fn frame(kind: u8, id: RecordId, record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + record.len() + CRC_BYTES);
    // Records are at most RECORD_MAX bytes long.
    bytes.extend((record.len() as u16).to_le_bytes());
    bytes.push(kind);
    bytes.extend(id.0.to_le_bytes());
    bytes.extend(record);
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes
}

fn header(next: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(next.to_le_bytes());
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes
}

fn read_header(bytes: &[u8; HEADER_BYTES]) -> Option<u64> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let (next, rest) = rest.split_first_chunk()?;
    let next = u64::from_le_bytes(*next);
    (*magic == MAGIC && header(next).ends_with(rest)).then_some(next)
}

fn crc32(bytes: &[u8]) -> u32 {
    static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = with_mode(MODE)
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, "lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Writes a whole journal and puts it in the place of `path`.
fn write_anew(path: &Path, next: u64, frames: &[u8]) -> io::Result<()> {
    let mut bytes = header(next);
    bytes.extend(frames);
    durable::write(path, &bytes, MODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(journal: &mut FileJournal) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        let mut see = |id: RecordId, bytes: &[u8]| all.push((id.0, bytes.to_vec()));
        journal.scan(&mut see).unwrap();
        all
    }

    #[test]
    fn records_outlive_the_journal_and_forgotten_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purse");
        let mut journal = FileJournal::open(&path).unwrap();
        let ids = [&b"one"[..], b"", b"three"].map(|record| journal.append(record).unwrap());
        journal.forget(ids[1]).unwrap();
        let mut out = [0; RECORD_MAX];
        assert_eq!(journal.read(ids[2], &mut out), Ok(5));
        drop(journal);
        let mut journal = FileJournal::open(&path).unwrap();
        let left = vec![(1, b"one".to_vec()), (3, b"three".to_vec())];
        assert_eq!(records(&mut journal), left);
        assert_eq!(journal.append(b"four"), Ok(RecordId(4)));
        assert_eq!(
            journal.append(&[0; RECORD_MAX + 1]),
            Err(JournalFailed::Full)
        );
    }

    #[test]
    fn a_cut_at_any_byte_of_the_last_append_loses_at_most_that_append() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purse");
        let mut journal = FileJournal::open(&path).unwrap();
        let first = journal.append(&[1; 100]).unwrap();
        let whole = journal.append(&[2; 100]).unwrap();
        let before = journal.end as usize;
        journal.forget(first).unwrap();
        journal.append(&[3; 300]).unwrap();
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        for len in before..bytes.len() {
            for garbage in [0, 40] {
                let mut torn = bytes[..len].to_vec();
                torn.extend(vec![0; garbage]);
                fs::write(&path, &torn).unwrap();
                let mut journal = FileJournal::open(&path).unwrap();
                let left = records(&mut journal);
                assert!(left.contains(&(whole.0, vec![2; 100])), "cut at {len}");
                assert!(!left.iter().any(|(_, record)| record[0] == 3));
                // And it can be written again.
                let again = journal.append(b"again").unwrap();
                drop(journal);
                let mut journal = FileJournal::open(&path).unwrap();
                assert_eq!(records(&mut journal).last().unwrap().0, again.0);
            }
        }
    }

    #[test]
    fn damage_before_the_end_is_an_error_and_not_a_loss() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purse");
        let mut journal = FileJournal::open(&path).unwrap();
        for _ in 0..4 {
            journal.append(&[7; RECORD_MAX]).unwrap();
        }
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER_BYTES + HEAD_BYTES] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let damaged = FileJournal::open(&path);
        assert!(matches!(damaged, Err(OpenError::Damaged { at: 16 })));
        bytes[0] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            FileJournal::open(&path),
            Err(OpenError::NotAJournal)
        ));
    }

    #[test]
    fn one_journal_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purse");
        let journal = FileJournal::open(&path).unwrap();
        assert!(matches!(FileJournal::open(&path), Err(OpenError::InUse)));
        drop(journal);
        FileJournal::open(&path).unwrap();
    }

    #[test]
    fn the_file_stays_small_and_numbers_are_never_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("purse");
        let mut journal = FileJournal::open(&path).unwrap();
        let kept = journal.append(b"kept").unwrap();
        let mut newest = kept;
        for _ in 0..400 {
            newest = journal.append(&[9; 1_000]).unwrap();
            journal.forget(newest).unwrap();
            assert!(fs::metadata(&path).unwrap().len() < 2 * WASTE_BYTES_MIN);
        }
        assert_eq!(records(&mut journal), vec![(kept.0, b"kept".to_vec())]);
        fs::write(beside(&path, "new"), b"an unfinished compaction").unwrap();
        drop(journal);
        let mut journal = FileJournal::open(&path).unwrap();
        assert_eq!(journal.len(), 1);
        assert!(journal.append(b"next").unwrap() > newest);
    }
}
