//! Makes tiles of new leaves, signs a checkpoint over them, and shows both.

use super::check::{self, Mismatch};
use super::files::{Files, Growth};
use super::folder_beside;
use crate::bounds::{COSIGNATURES_MOST, PUBLISH_MOST, SCAN_STEP};
use crate::crash::{CrashPoint, here};
use crate::error::{Damage, Error};
use crate::handle::Ledger;
use crate::store::chain::{self, Signed};
use crate::store::{self, Connection, Pool};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::merkle::Head;
use protocol::chain::{Checkpoint, NoteKey, Origin, SignatureKind, write_signature};
use protocol::{Signer, Status, Timestamp};
use std::fmt::Write;
use std::path::Path;
use std::{fmt, io};

/// Why the log was not published. What was signed and shown before stands.
#[derive(Debug)]
pub enum PublishError {
    /// The books could not be read.
    Books(Error),
    /// The checkpoint was not signed.
    Refused(Status),
    /// The files could not be written.
    Files(io::Error),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Books(error) => error.fmt(f),
            Self::Refused(status) => write!(f, "no checkpoint: {status}"),
            Self::Files(error) => write!(f, "the tiles cannot be written: {error}"),
        }
    }
}

impl std::error::Error for PublishError {}

impl From<Error> for PublishError {
    fn from(error: Error) -> Self {
        Self::Books(error)
    }
}

/// What stands in the files, and where to go on.
pub(crate) struct Publisher {
    pub files: Files,
    growth: Growth,
}

impl Publisher {
    /// Compares books and files.
    pub async fn open(
        connection: &mut Connection,
        readers: &Pool,
        books: &Path,
    ) -> Result<Self, Mismatch> {
        let files = Files(folder_beside(books));
        let growth = check::check(connection, readers, &files).await?;
        Ok(Self { files, growth })
    }

    /// Takes in the next leaves, at most [`PUBLISH_MOST`]; gives the newest head.
    pub async fn step(&mut self, ledger: &Ledger, now: Timestamp) -> Result<Head, PublishError> {
        let before = self.growth.edge.head();
        let mut growth = self.growth.clone();
        let mut tiles = Vec::new();
        while growth.edge.size() - before.size < PUBLISH_MOST {
            let mut reader = ledger.reader().await?;
            let step = chain::leaves(&mut reader, growth.edge.size(), SCAN_STEP).await?;
            if step.is_empty() {
                break;
            }
            for leaf in &step {
                growth.push(leaf, |tile| tiles.push(tile));
            }
        }
        let head = growth.edge.head();
        if head == before {
            return Ok(head);
        }
        let full: Vec<_> = tiles.iter().map(|(path, _)| *path).collect();
        tiles.extend(growth.partial());
        let files = self.files.clone();
        blocking(move || files.put_tiles(&tiles)).await?;
        // A crash here: tiles nobody signed for; they are written again with the same content.
        here(CrashPoint::TilesWritten);
        let note = ledger.submit(SignCheckpoint { head, now }).await;
        let note = note.map_err(PublishError::Refused)?;
        // A crash here: signed and not shown; opening the books shows it.
        here(CrashPoint::CheckpointKept);
        self.growth = growth;
        let files = self.files.clone();
        blocking(move || {
            files.set_checkpoint(&note)?;
            full.iter().try_for_each(|path| files.drop_partial(path))
        })
        .await?;
        Ok(head)
    }
}

/// Works on files where nobody waits.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, PublishError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)
        .flatten()
        .map_err(PublishError::Files)
}

/// Signs a head and keeps it, before anybody sees it.
struct SignCheckpoint {
    head: Head,
    now: Timestamp,
}

impl Command for SignCheckpoint {
    type Answer = String;

    /// Nothing shorter than what was signed is ever signed, nor another root of the same size.
    async fn execute(&self, desk: &mut Desk) -> Result<String, Failure> {
        let connection = &mut desk.connection;
        if let Some(before) = chain::checkpoint(connection).await? {
            if before.head == self.head {
                return Ok(before.note);
            }
            if before.head.size >= self.head.size {
                return Err(Damage::new("chain_checkpoint", self.head.size, "is behind").into());
            }
        }
        if chain::size(connection).await? < self.head.size {
            return Err(Damage::new("chain_leaf", self.head.size, "not there").into());
        }
        let note = signed_note(desk, self.head, self.now).ok_or(Status::Busy)?;
        let signed = Signed {
            head: self.head,
            note,
        };
        chain::set_checkpoint(&mut desk.connection, &signed, self.now).await?;
        Ok(signed.note)
    }
}

/// While the key before this one counts, whoever knows only that one finds its line as well.
fn signed_note(desk: &Desk, head: Head, now: Timestamp) -> Option<String> {
    let origin = Origin {
        network: desk.bearings.network,
        gateway: desk.bearings.gateway,
    };
    let origin = origin.to_string();
    let text = Checkpoint {
        origin: &origin,
        head,
    };
    let text = text.to_string();
    let mut note = format!("{text}\n");
    for signer in signers(desk, now) {
        let key = NoteKey::new(&origin, SignatureKind::Log, &signer.public_key())?;
        write_signature(&text, &key, 0, signer, &mut note).ok()?;
    }
    Some(note)
}

/// The present key, and the one before it while it counts.
pub(super) fn signers(
    desk: &Desk,
    now: Timestamp,
) -> impl Iterator<Item = &(dyn Signer + Send + Sync)> {
    let former = desk.bearings.former_keys.signer(now);
    std::iter::once(desk.bearings.signer.as_ref()).chain(former)
}

/// The checkpoint with what witnesses signed about it.
pub(super) async fn whole_note(
    connection: &mut Connection,
    signed: &Signed,
) -> store::Result<String> {
    let mut note = signed.note.clone();
    for line in chain::cosignatures(connection, signed.head.size, COSIGNATURES_MOST).await? {
        // Writing to a string does not fail.
        let _ = writeln!(note, "{line}");
    }
    Ok(note)
}
