//! What a world of several gateways came to.

use super::super::Sum;
use std::collections::BTreeMap;

/// Counts of everything that has to happen, or the world proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Happenings.
    pub steps: u64,
    /// Counts by what was counted.
    pub counts: BTreeMap<&'static str, u64>,
    /// Refusals, by their word.
    pub refusals: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn refused(&mut self, word: &'static str) {
        *self.refusals.entry(word).or_default() += 1;
    }

    /// How often something happened.
    pub fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }
}

impl Sum for Tally {
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        for (word, count) in &other.refusals {
            *self.refusals.entry(word).or_default() += count;
        }
    }

    fn steps(&self) -> u64 {
        self.steps
    }
}
