//! What a thing has said and its gateway has not taken yet, in a folder of bounded size.
//!
//! ```text
//! <number>.log   segments, each called by the number of its first entry:
//!                length u32 | keep u8 | topic length u16 | topic | payload | CRC-32    (little-endian)
//! taken          number of the first entry that is not taken; how many were dropped
//! lock           held while the folder is open
//! ```
//!
//! An entry is synchronised before [`Kept::push`] returns. That it was taken is written for several at
//! a time, so after a crash the newest of them may be said twice, never not at all. What a power cut
//! leaves half written at the end is cut off; entries behind damage in the middle count as dropped.

use crate::durable;
use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The longest payload, as the doors take it.
pub const PAYLOAD_BYTES_MAX: usize = 100 * 1024;
/// The longest topic below the own code.
pub const TOPIC_BYTES_MAX: usize = 512;
/// The smallest bound: eight of the largest entries.
pub const FOLDER_BYTES_MIN: u64 = 8 * (FRAME_BYTES_MAX as u64);
/// Into so many segments the bound is divided; the oldest of them is what is dropped at once.
const SEGMENTS: u64 = 8;
const HEAD_BYTES: usize = 4 + 1 + 2;
const CRC_BYTES: usize = 4;
const FRAME_BYTES_MAX: usize = HEAD_BYTES + TOPIC_BYTES_MAX + PAYLOAD_BYTES_MAX + CRC_BYTES;
const MODE: u32 = 0o600;
const TAKEN: &str = "taken";

/// What becomes of a new entry when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest eighth goes, and is counted.
    DropOldest,
    /// It is refused.
    Refuse,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all segments together, [`FOLDER_BYTES_MIN`] at least.
    pub bytes_max: u64,
    /// What becomes of a new entry when there is no room.
    pub when_full: WhenFull,
}

impl Default for Bounds {
    /// 16 MiB: a hundred thousand values and more. The newest are worth most.
    fn default() -> Self {
        Self {
            bytes_max: 16 << 20,
            when_full: WhenFull::DropOldest,
        }
    }
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1 over the life of the folder.
    pub number: u64,
    /// Below the own code, such as `t/room`.
    pub topic: String,
    /// Whether the gateway keeps it as the newest value.
    pub keep: bool,
    /// What was said.
    pub payload: Vec<u8>,
}

/// Why something is not kept.
#[derive(Debug)]
pub enum KeepError {
    /// Another process, or another part of this one, has the folder open.
    InUse,
    /// No room, and nothing is dropped for it.
    Full,
    /// A topic or payload beyond the bounds, or no topic.
    Unfit,
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("the folder is in use by another process"),
            Self::Full => f.write_str("the folder is full; the gateway has to be reached first"),
            Self::Unfit => f.write_str("no topic, or a topic or payload that is too long"),
            Self::Io(error) => write!(f, "it cannot be kept: {error}"),
        }
    }
}

impl std::error::Error for KeepError {}

impl From<io::Error> for KeepError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Segment {
    first: u64,
    /// Where each entry begins; then where the last one ends.
    offsets: Vec<u64>,
}

impl Segment {
    fn next(&self) -> u64 {
        self.first + self.offsets.len() as u64 - 1
    }

    fn bytes(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }
}

/// The folder.
pub struct Kept {
    folder: PathBuf,
    bounds: Bounds,
    segments: VecDeque<Segment>,
    /// The first number that is not taken.
    head: u64,
    next: u64,
    dropped: u64,
    _lock: File,
}

impl Kept {
    /// Opens the folder, or makes it.
    pub fn open(folder: &Path, bounds: Bounds) -> Result<Self, KeepError> {
        fs::create_dir_all(folder)?;
        let lock = durable::with_mode(MODE)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(KeepError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (head, dropped) = taken(folder)?;
        let mut kept = Self {
            folder: folder.to_owned(),
            bounds,
            segments: VecDeque::new(),
            head,
            next: head,
            dropped,
            _lock: lock,
        };
        kept.scan()?;
        Ok(kept)
    }

    /// Keeps something; durable when it returns its number.
    pub fn push(&mut self, topic: &str, keep: bool, payload: &[u8]) -> Result<u64, KeepError> {
        let fits = !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX;
        if !fits || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(KeepError::Unfit);
        }
        let frame = frame(topic, keep, payload);
        self.make_room(frame.len() as u64)?;
        let per_segment = self.bytes_max() / SEGMENTS;
        let is_full = |segment: &Segment| segment.bytes() + frame.len() as u64 > per_segment;
        if self.segments.back().is_none_or(is_full) {
            self.begin()?;
        }
        self.append(&frame)?;
        let number = self.next;
        self.next += 1;
        Ok(number)
    }

    /// The oldest entries that are not taken, so many at most.
    pub fn oldest(&self, most: usize) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for segment in self.segments.iter().filter(|one| one.next() > self.head) {
            let skip = usize::try_from(self.head.saturating_sub(segment.first)).unwrap_or(0);
            let (Some(from), left) = (segment.offsets.get(skip), most - entries.len()) else {
                continue;
            };
            let last = skip.saturating_add(left).min(segment.offsets.len() - 1);
            let until = segment.offsets.get(last).copied().unwrap_or(*from);
            let mut file = File::open(self.path(segment.first))?;
            file.seek(SeekFrom::Start(*from))?;
            let mut bytes = Vec::new();
            file.take(until - from).read_to_end(&mut bytes)?;
            let mut rest = bytes.as_slice();
            let mut number = segment.first + skip as u64;
            while let Some((mut entry, len)) = read_frame(rest) {
                entry.number = number;
                number += 1;
                entries.push(entry);
                rest = rest.get(len..).unwrap_or_default();
            }
            if entries.len() >= most {
                break;
            }
        }
        Ok(entries)
    }

    /// Everything below this number was taken.
    pub fn taken_below(&mut self, number: u64) -> io::Result<()> {
        if number <= self.head {
            return Ok(());
        }
        let number = number.min(self.next);
        // What damage has swallowed was passed over, and nobody took it.
        let between = |one: &Segment| {
            one.next()
                .min(number)
                .saturating_sub(one.first.max(self.head))
        };
        let taken: u64 = self.segments.iter().map(between).sum();
        self.dropped += (number - self.head).saturating_sub(taken);
        self.head = number;
        // A crash before this: the same is said once more. After it: segments that nobody needs are
        // removed when the folder is opened.
        self.write_taken()?;
        while let Some(first) = (self.segments.front()).filter(|one| one.next() <= self.head) {
            durable::remove(&self.path(first.first))?;
            self.segments.pop_front();
        }
        Ok(())
    }

    /// How many are not taken.
    pub fn waiting(&self) -> u64 {
        let left = |one: &Segment| one.next().saturating_sub(one.first.max(self.head));
        self.segments.iter().map(left).sum()
    }

    /// How many were dropped in the life of the folder.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn bytes_max(&self) -> u64 {
        self.bounds.bytes_max.max(FOLDER_BYTES_MIN)
    }

    fn path(&self, first: u64) -> PathBuf {
        self.folder.join(format!("{first:020}.log"))
    }

    fn write_taken(&self) -> io::Result<()> {
        let line = format!("1 {} {}\n", self.head, self.dropped);
        durable::write(&self.folder.join(TAKEN), line.as_bytes(), MODE)
    }

    fn make_room(&mut self, wanted: u64) -> Result<(), KeepError> {
        loop {
            let bytes: u64 = self.segments.iter().map(Segment::bytes).sum();
            if bytes + wanted <= self.bytes_max() {
                return Ok(());
            }
            let Some(oldest) = self.segments.front() else {
                return Ok(());
            };
            if self.bounds.when_full == WhenFull::Refuse {
                return Err(KeepError::Full);
            }
            let next = oldest.next();
            // A crash before this line keeps them; after it, what is missing counts as dropped.
            durable::remove(&self.path(oldest.first))?;
            self.segments.pop_front();
            self.skip_to(next);
            self.write_taken()?;
        }
    }

    fn skip_to(&mut self, number: u64) {
        if number > self.head {
            self.dropped += number - self.head;
            self.head = number;
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        // Its name is durable before anything is in it.
        durable::write(&self.path(self.next), &[], MODE)?;
        self.segments.push_back(Segment {
            first: self.next,
            offsets: vec![0],
        });
        Ok(())
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        let Some(first) = self.segments.back().map(|one| one.first) else {
            return Ok(());
        };
        let path = self.path(first);
        let Some(segment) = self.segments.back_mut() else {
            return Ok(());
        };
        let end = segment.bytes();
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.seek(SeekFrom::Start(end))?;
        // On a full disk a part of it may be there: the next one is written over it, and whoever
        // opens the folder cuts it off.
        file.write_all(frame)?;
        file.set_len(end + frame.len() as u64)?;
        file.sync_data()?;
        segment.offsets.push(end + frame.len() as u64);
        Ok(())
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut firsts = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
            firsts.extend(number.and_then(|digits| digits.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        for first in firsts {
            // A crash while the oldest were dropped.
            if self.segments.is_empty() {
                self.skip_to(first);
            }
            let path = self.path(first);
            let bytes = fs::read(&path)?;
            let mut offsets = vec![0];
            let mut rest = bytes.as_slice();
            while let Some((_, len)) = read_frame(rest) {
                offsets.push(offsets.last().copied().unwrap_or(0) + len as u64);
                rest = rest.get(len..).unwrap_or_default();
            }
            let segment = Segment { first, offsets };
            if !rest.is_empty() {
                let file = OpenOptions::new().write(true).open(&path)?;
                file.set_len(segment.bytes())?;
                file.sync_data()?;
            }
            self.next = self.next.max(segment.next());
            match segment.next() <= self.head {
                true => durable::remove(&path)?,
                false => self.segments.push_back(segment),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("folder", &self.folder)
            .field("waiting", &self.waiting())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// The first number that is not taken, and how many were dropped.
fn taken(folder: &Path) -> io::Result<(u64, u64)> {
    let text = match fs::read_to_string(folder.join(TAKEN)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((1, 0)),
        text => text?,
    };
    let mut words = text.trim_end().split(' ');
    let numbers = match (words.next(), words.next(), words.next()) {
        (Some("1"), Some(head), Some(dropped)) => head.parse().ok().zip(dropped.parse().ok()),
        _ => None,
    };
    numbers.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "`taken` is damaged"))
}

fn frame(topic: &str, keep: bool, payload: &[u8]) -> Vec<u8> {
    let len = HEAD_BYTES + topic.len() + payload.len() + CRC_BYTES;
    let mut frame = Vec::with_capacity(len);
    // Both lengths are bounded far below what these hold.
    frame.extend((u32::try_from(len).unwrap_or(u32::MAX)).to_le_bytes());
    frame.push(u8::from(keep));
    frame.extend((u16::try_from(topic.len()).unwrap_or(u16::MAX)).to_le_bytes());
    frame.extend(topic.as_bytes());
    frame.extend(payload);
    frame.extend(checksum(&frame).to_le_bytes());
    frame
}

/// The first frame and its length; without its number, which its place says.
fn read_frame(bytes: &[u8]) -> Option<(Entry, usize)> {
    let len = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    if !(HEAD_BYTES + CRC_BYTES..=FRAME_BYTES_MAX).contains(&len) {
        return None;
    }
    let (body, crc) = bytes.get(..len)?.split_last_chunk::<CRC_BYTES>()?;
    if checksum(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let topic_len = usize::from(u16::from_le_bytes([*body.get(5)?, *body.get(6)?]));
    let (topic, payload) = body.get(HEAD_BYTES..)?.split_at_checked(topic_len)?;
    let entry = Entry {
        number: 0,
        topic: std::str::from_utf8(topic).ok()?.to_owned(),
        keep: body.get(4) == Some(&1),
        payload: payload.to_vec(),
    };
    Some((entry, len))
}

fn checksum(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}
