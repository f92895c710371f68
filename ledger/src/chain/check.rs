//! The monitor: books and tiles must say the same.

use super::files::{Files, Growth, Tile};
use super::{publish, ranges};
use crate::bounds::SCAN_STEP;
use crate::error::Error;
use crate::store::chain::{Signed, checkpoint, leaves, size};
use crate::store::{Connection, Pool};
use protocol::chain::{Checkpoint, Note};
use std::{fmt, io};

/// How books and tiles differ.
#[derive(Debug)]
pub enum Mismatch {
    /// The books could not be read.
    Books(Error),
    /// A file could not be read.
    File(String, io::Error),
    /// A file does not say what the books say.
    Tile(String),
    /// The books have fewer leaves than they signed for.
    Short,
    /// The leaves do not have the root that was signed.
    Root,
    /// The checkpoint file is of a longer log, or of another one, than the books signed.
    Checkpoint,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Books(error) => error.fmt(f),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Tile(path) => write!(f, "{path} does not hold what stands in the books"),
            Self::Short => f.write_str("the books have fewer leaves than their checkpoint says"),
            Self::Root => f.write_str("the leaves in the books do not have the root that was signed"),
            Self::Checkpoint => f.write_str(
                "the checkpoint file is not the one that the books signed: the books are older, or it was changed",
            ),
        }
    }
}

impl std::error::Error for Mismatch {}

impl From<Error> for Mismatch {
    fn from(error: Error) -> Self {
        Self::Books(error)
    }
}

/// Compares every leaf in the books with every tile of the newest checkpoint. Where there
/// is no checkpoint file the tiles are made again from the books, which must have the root that was
/// signed.
pub(crate) async fn check(
    connection: &mut Connection,
    readers: &Pool,
    files: &Files,
) -> Result<Growth, Mismatch> {
    let signed = checkpoint(connection).await?;
    let shown = read(files)?;
    let Some(signed) = signed else {
        return match shown {
            None => Ok(Growth::default()),
            Some(_) => Err(Mismatch::Checkpoint),
        };
    };
    if size(connection).await? < signed.head.size {
        return Err(Mismatch::Short);
    }
    let mut growth = Growth::default();
    // The checkpoint is written last: without it the tiles are not whole, and are made again.
    let is_there = shown.is_some();
    ranges::compare(readers, files, signed.head.size, is_there, &mut growth).await?;
    while growth.edge.size() < signed.head.size {
        let first = growth.edge.size();
        let left = u32::try_from(signed.head.size - first).unwrap_or(u32::MAX);
        let step = leaves(connection, first, left.min(SCAN_STEP)).await?;
        if step.is_empty() {
            return Err(Mismatch::Short);
        }
        let mut full = Vec::new();
        for leaf in &step {
            growth.push(leaf, |tile| full.push(tile));
        }
        agree(files, &full, is_there)?;
    }
    let partial = growth.partial();
    if is_there {
        agree(files, &partial, is_there)?;
    }
    if growth.edge.head() != signed.head {
        return Err(Mismatch::Root);
    }
    agree(files, &partial, is_there)?;
    let note = publish::whole_note(connection, &signed).await?;
    stands(files, &signed, &note, shown.as_deref())?;
    Ok(growth)
}

fn read(files: &Files) -> Result<Option<String>, Mismatch> {
    let cannot = |error| Mismatch::File("checkpoint".to_owned(), error);
    files.checkpoint().map_err(cannot)
}

/// Compares tiles with their files, or makes the files where there are none.
pub(super) fn agree(files: &Files, tiles: &[Tile], is_there: bool) -> Result<(), Mismatch> {
    if !is_there {
        let cannot = |error| Mismatch::File(files.0.display().to_string(), error);
        return files.put_tiles(tiles).map_err(cannot);
    }
    for (path, content) in tiles {
        let stands = files.tile(path);
        let stands = stands.map_err(|error| Mismatch::File(path.to_string(), error))?;
        if stands != *content {
            return Err(Mismatch::Tile(path.to_string()));
        }
    }
    Ok(())
}

/// The file may be behind the books, when the process died between the two; then it is written
/// again. It is never ahead.
fn stands(files: &Files, signed: &Signed, note: &str, shown: Option<&str>) -> Result<(), Mismatch> {
    if shown == Some(note) {
        return Ok(());
    }
    let shown = match shown {
        None => None,
        Some(note) => {
            let note = Note::read(note).map_err(|_| Mismatch::Checkpoint)?;
            let read = Checkpoint::read(note.text()).ok_or(Mismatch::Checkpoint)?;
            Some(read.head)
        }
    };
    match shown {
        Some(head) if head.size >= signed.head.size && head != signed.head => {
            Err(Mismatch::Checkpoint)
        }
        Some(_) | None => {
            let cannot = |error| Mismatch::File("checkpoint".to_owned(), error);
            files.set_checkpoint(note).map_err(cannot)
        }
    }
}
