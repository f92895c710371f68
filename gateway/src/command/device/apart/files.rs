//! Messages as files in a folder that is carried.

use super::typed::Typed;
use crate::house::Failure;
use device_sdk::links::file::{Carried, CarryError, Part};
use indicatif::ProgressBar;
use protocol::Reference;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks into the folder.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// A folder, and what was seen in it.
pub struct Files {
    carried: Carried,
    /// Read and done with.
    done: BTreeSet<(Part, Reference)>,
}

impl Files {
    /// Nothing is read yet.
    pub fn new(carried: Carried) -> Self {
        Self {
            carried,
            done: BTreeSet::new(),
        }
    }

    /// Writes a message, and says what to do with it.
    pub fn put(
        &self,
        part: Part,
        about: Reference,
        message: &[u8],
        what_to_do: &str,
    ) -> Result<(), Failure> {
        let path = self.carried.put(part, about, message)?;
        eprintln!("written: {}\n{what_to_do}", path.display());
        Ok(())
    }

    /// A message, if it is there now.
    pub fn take(&self, part: Part, about: Reference) -> Option<Vec<u8>> {
        // A file that is being copied, or a stick that is being pulled out: the next look tells.
        self.carried.take(part, about).ok().flatten()
    }

    /// What is there of a kind now and was not done with.
    pub fn there(&self, part: Part) -> Result<Vec<(Reference, Vec<u8>)>, CarryError> {
        let listed = self.carried.list(part)?.into_iter();
        let waiting = listed.filter(|about| !self.done.contains(&(part, *about)));
        Ok(waiting
            .filter_map(|about| Some((about, self.take(part, about)?)))
            .collect())
    }

    /// Where a message of this kind would be.
    pub fn path(&self, part: Part, about: Reference) -> String {
        self.carried.path(part, about).display().to_string()
    }

    /// Does not show it again.
    pub fn done_with(&mut self, part: Part, about: Reference) {
        self.done.insert((part, about));
    }

    /// Looks again and again until there is something, or the time is over; one look at least.
    pub async fn wait<T>(
        &self,
        what_for: &str,
        until: Option<Instant>,
        mut look: impl FnMut(&Self) -> Result<Option<T>, Failure>,
    ) -> Result<Option<T>, Failure> {
        let spinner = ProgressBar::new_spinner().with_message(format!("waiting for {what_for}"));
        spinner.enable_steady_tick(LOOK_AGAIN);
        let found = loop {
            if let Some(found) = look(self)? {
                break Some(found);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break None;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        spinner.finish_and_clear();
        Ok(found)
    }

    /// Asks the person at the keyboard.
    pub async fn confirms(&self, question: &str) -> bool {
        eprintln!("{question} [yes/no]");
        let answer = Typed::start().next().await.unwrap_or_default();
        ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str())
    }
}
