//! Manifests that are being taken, or were lately. One at a time: each is read and checked whole.

use crate::desk::DeskRefusal;
use crate::door::Spooled;
use crate::language::say;
use crate::refusal::Refusal;
use crate::station_desk::{ManifestTaken, Progress};
use protocol::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The file of the one that is being taken, in the folder where they wait.
pub const SPOOLED: &str = "manifest";
/// How many are remembered; the registry keeps those that were taken.
const REMEMBERED_MAX: usize = 8;

/// One manifest that somebody sent.
#[derive(Clone, Debug)]
pub struct Import {
    /// Counts up from the start of the process.
    pub number: u64,
    /// Who sent it.
    pub by: String,
    /// When it had come in whole.
    pub at: Timestamp,
    /// Its length.
    pub bytes: u64,
    /// How far it was read.
    pub progress: Arc<Progress>,
    /// What became of it, or why it was not taken; nothing while it is being read.
    pub outcome: Option<Result<ManifestTaken, DeskRefusal>>,
}

/// The one turn there is.
pub type Turn = OwnedSemaphorePermit;

/// A manifest that came in whole. The next one comes in when this value is gone, and its file.
#[derive(Debug)]
pub struct Arrived {
    /// Where it lies.
    pub file: Spooled,
    // Given back after the file is gone.
    _turn: Turn,
}

impl Arrived {
    /// The file came in, in this turn.
    pub const fn new(file: Spooled, turn: Turn) -> Self {
        Self { file, _turn: turn }
    }
}

/// All of them.
#[derive(Debug)]
pub struct Imports {
    turn: Arc<Semaphore>,
    newest: Mutex<VecDeque<Import>>,
}

impl Default for Imports {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            newest: Mutex::default(),
        }
    }
}

impl Imports {
    /// Takes the turn, before the first byte comes in.
    pub fn turn(&self) -> Result<Turn, Refusal> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        turn.map_err(|_| {
            Refusal::Busy(say(
                "Another manifest is being taken; one at a time. Look at Manifests and try again.",
            ))
        })
    }

    /// A manifest came in and is going to be read. Its number.
    pub fn begin(&self, by: &str, at: Timestamp, progress: Arc<Progress>, bytes: u64) -> u64 {
        let mut newest = self.lock();
        let number = newest.front().map_or(1, |import| import.number + 1);
        newest.truncate(REMEMBERED_MAX - 1);
        newest.push_front(Import {
            number,
            by: by.to_owned(),
            at,
            bytes,
            progress,
            outcome: None,
        });
        number
    }

    /// What became of it.
    pub fn end(&self, number: u64, outcome: Result<ManifestTaken, DeskRefusal>) {
        let mut newest = self.lock();
        if let Some(import) = newest.iter_mut().find(|import| import.number == number) {
            import.outcome = Some(outcome);
        }
    }

    /// The newest first.
    pub fn newest(&self) -> Vec<Import> {
        self.lock().iter().cloned().collect()
    }

    /// A poisoned lock is taken over: what is shown is all it holds.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Import>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_only_the_newest_are_remembered() {
        let imports = Imports::default();
        let turn = imports.turn().unwrap();
        assert!(matches!(imports.turn(), Err(Refusal::Busy(_))));
        drop(turn);
        assert!(imports.turn().is_ok());
        for expected in 1..=20 {
            let progress = Arc::new(Progress::new(1));
            assert_eq!(imports.begin("ada", Timestamp(7), progress, 1), expected);
        }
        let no = || Err(DeskRefusal::Request("no".to_owned()));
        imports.end(20, no());
        imports.end(1, no());
        let newest = imports.newest();
        assert_eq!(newest.len(), REMEMBERED_MAX);
        assert_eq!(newest[0].outcome, Some(no()));
        assert!(newest[1..].iter().all(|import| import.outcome.is_none()));
    }
}
