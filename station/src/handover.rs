//! Closing a piece of the journal and handing it over as a manifest.
//!
//! The line that closes it is durable first; the file follows, and is made again with the same bytes
//! when a crash came in between.

use crate::journal::{Journal, JournalError};
use crate::panel::Station;
use issuer::journal::Line;
use issuer::manifest::{header, trailer};
use issuer::replay::{Happened, Piece, Replay};
use protocol::{Digest, Timestamp};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no manifest.
#[derive(Debug)]
pub enum HandoverError {
    /// The journal.
    Journal(JournalError),
    /// A file could not be written.
    Io(io::Error),
    /// The station's key did not sign.
    Key(issuer::IssueError),
    /// There is nothing to hand over.
    Nothing,
}

impl fmt::Display for HandoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::Nothing => f.write_str("nothing was made since the last manifest"),
        }
    }
}

impl std::error::Error for HandoverError {}

impl From<JournalError> for HandoverError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<io::Error> for HandoverError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A closed piece and where it lies in the journal's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedPiece {
    /// What it comes to.
    pub piece: Piece,
    /// First byte.
    pub from: u64,
    /// Behind its last.
    pub to: u64,
}

impl Station {
    /// The state of a station that never did anything.
    pub fn fresh(&self) -> Replay {
        let first = self.authority.quota().map_or(1, |quota| quota.first);
        Replay::new(self.grant.network, Digest::default(), first, 1)
    }

    /// Closes what was made since the last manifest.
    pub fn close(&self, journal: &mut Journal<File>, now: Timestamp) -> Result<(), HandoverError> {
        if !journal.state().has_something() {
            return Err(HandoverError::Nothing);
        }
        journal.append(vec![Line::Manifest {
            number: journal.state().next_manifest(),
            time: now,
        }])?;
        Ok(())
    }

    /// All closed pieces of a journal, the oldest first.
    pub fn pieces(&self, journal: &Path) -> Result<Vec<ClosedPiece>, HandoverError> {
        let mut from = BufReader::new(File::open(journal)?);
        let mut replay = self.fresh();
        let (mut pieces, mut begins, mut at) = (Vec::new(), 0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            at += from.read_until(b'\n', &mut line)? as u64;
            if line.pop() != Some(b'\n') {
                return Ok(pieces);
            }
            let happened = replay.read(&line).map_err(JournalError::Step)?;
            if let Happened::Closed(piece) = happened {
                pieces.push(ClosedPiece {
                    piece,
                    from: begins,
                    to: at,
                });
                begins = at;
            }
        }
    }

    /// Writes the manifest of a closed piece into `folder`; the same piece gives the same file.
    pub fn write_manifest(
        &self,
        journal: &Path,
        closed: &ClosedPiece,
        folder: &Path,
    ) -> Result<PathBuf, HandoverError> {
        let name = format!("{:06}.manifest", closed.piece.number);
        let (path, partial) = (folder.join(&name), folder.join(name + ".partial"));
        let end = trailer(&self.authority, &closed.piece).map_err(HandoverError::Key)?;
        let mut lines = File::open(journal)?;
        lines.seek(SeekFrom::Start(closed.from))?;
        let mut lines = lines.take(closed.to - closed.from);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&partial)?;
        let mut out = BufWriter::new(file);
        out.write_all(header(&self.authority.code()).as_bytes())?;
        io::copy(&mut lines, &mut out)?;
        out.write_all(end.as_bytes())?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        File::open(folder)?.sync_all()?;
        Ok(path)
    }
}
