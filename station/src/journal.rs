//! The journal in its file: what was appended is durable before anything follows from it.
//!
//! A crash in the middle of an append leaves the beginning of a line, or of several. A last line
//! without its end never counted and is cut off; every other fault is damage, and then the station
//! does not start.

use issuer::journal::{LINE_BYTES_MAX, Line};
use issuer::replay::{Happened, Replay, StepFault};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where the bytes of a journal go.
pub trait Storage {
    /// Appends; durable when it returns.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// An open journal.
pub struct Journal<S> {
    storage: S,
    replay: Replay,
    length: u64,
    piece_starts: u64,
    is_broken: bool,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub enum JournalError {
    /// The disk failed. Nothing may follow; begin again from what is on it.
    Io(io::Error),
    /// A line before the last is damaged.
    Damaged {
        /// Counted from 1.
        line: u64,
        /// How.
        fault: StepFault,
    },
    /// What was to be appended is no next step; nothing was.
    Step(StepFault),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(
                f,
                "the journal cannot be written: {error}; check the disk, then run again"
            ),
            Self::Damaged { line, fault } => write!(
                f,
                "line {line} of the journal is damaged: {fault}. Restore it from a copy; without it this station must not go on, or numbers would be used twice"
            ),
            Self::Step(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for JournalError {}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Storage for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }
}

impl Journal<File> {
    /// Opens or makes the journal at `path`, of a station that begins at `fresh`.
    pub fn open(path: &Path, fresh: Replay) -> Result<Self, JournalError> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        if is_new {
            sync_folder(path)?;
        }
        let read = read(&mut BufReader::new(&file), fresh)?;
        if file.metadata()?.len() != read.length {
            file.set_len(read.length)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(read.length))?;
        Ok(read.with(file))
    }
}

/// Makes a new name in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let parent = match parent.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => parent,
    };
    File::open(parent)?.sync_all()
}

/// Reads the lines that count; the length is theirs.
pub fn read(from: &mut impl BufRead, fresh: Replay) -> Result<Journal<()>, JournalError> {
    let mut journal = Journal {
        storage: (),
        replay: fresh,
        length: 0,
        piece_starts: 0,
        is_broken: false,
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let got = io::Read::take(&mut *from, most).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            // Nothing, the beginning of a line, or zeros where a disk had made room: no step.
            if got as u64 == most {
                let fault = StepFault::Line(issuer::journal::LineFault::Length);
                return Err(JournalError::Damaged {
                    line: number,
                    fault,
                });
            }
            break;
        }
        let damaged = |fault| JournalError::Damaged {
            line: number,
            fault,
        };
        let happened = journal.replay.read(&line).map_err(damaged)?;
        journal.length += got as u64;
        journal.moved(&happened);
    }
    Ok(journal)
}

impl Journal<()> {
    /// The same with somewhere to append to.
    pub fn with<S: Storage>(self, storage: S) -> Journal<S> {
        Journal {
            storage,
            replay: self.replay,
            length: self.length,
            piece_starts: self.piece_starts,
            is_broken: self.is_broken,
        }
    }
}

impl<S> Journal<S> {
    /// What it comes to.
    pub fn state(&self) -> &Replay {
        &self.replay
    }

    /// Where in the file the lines since the last manifest begin, and where they end.
    pub fn piece(&self) -> (u64, u64) {
        (self.piece_starts, self.length)
    }

    /// The next manifest's lines begin behind this one.
    fn moved(&mut self, happened: &Happened) {
        if matches!(happened, Happened::Closed(_)) {
            self.piece_starts = self.length;
        }
    }
}

impl<S: Storage> Journal<S> {
    /// Appends steps, all with one wait for the disk. After an error of the disk the journal takes
    /// nothing more: what is on the disk then is found out by opening it again.
    pub fn append(&mut self, lines: Vec<Line>) -> Result<Vec<Happened>, JournalError> {
        if self.is_broken {
            return Err(io::Error::other("an earlier write failed").into());
        }
        let mut bytes = Vec::new();
        let mut after = Vec::new();
        let mut replay = self.replay.clone();
        for line in lines {
            let happened = replay.write(line, &mut bytes);
            after.push(happened.map_err(JournalError::Step)?);
        }
        if let Err(error) = self.storage.append(&bytes) {
            self.is_broken = true;
            return Err(error.into());
        }
        self.replay = replay;
        self.length += bytes.len() as u64;
        for happened in &after {
            self.moved(happened);
        }
        Ok(after)
    }
}
