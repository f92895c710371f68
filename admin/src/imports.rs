//! Manifests that are being taken, or were lately. One at a time: each is read and checked whole.

use crate::station_desk::{ManifestTaken, Progress};
use protocol::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    pub outcome: Option<Result<ManifestTaken, String>>,
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
    /// Takes the one turn there is, before the first byte comes in; `None` while another has it.
    pub fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turn).try_acquire_owned().ok()
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
    pub fn end(&self, number: u64, outcome: Result<ManifestTaken, String>) {
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
        assert!(imports.turn().is_none());
        drop(turn);
        assert!(imports.turn().is_some());
        for expected in 1..=20 {
            let progress = Arc::new(Progress::new(1));
            assert_eq!(imports.begin("ada", Timestamp(7), progress, 1), expected);
        }
        imports.end(20, Err("no".to_owned()));
        imports.end(1, Err("forgotten".to_owned()));
        let newest = imports.newest();
        assert_eq!(newest.len(), REMEMBERED_MAX);
        assert_eq!(newest[0].outcome, Some(Err("no".to_owned())));
        assert!(newest[1..].iter().all(|import| import.outcome.is_none()));
    }
}
