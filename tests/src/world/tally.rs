//! What a world, or many of them, came to.

use super::Sum;
use std::collections::BTreeMap;

/// How one kind of attack fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attack {
    /// How often it was tried.
    pub tried: u64,
    /// How often it was refused, found out, or gained nothing.
    pub stopped: u64,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Happenings.
    pub steps: u64,
    /// Payments that a payee took.
    pub payments: u64,
    /// Of these, streams.
    pub streams: u64,
    /// Of these, payments that stand on covers.
    pub covered: u64,
    /// Payments that waited for a cover.
    pub waited: u64,
    /// Messages that a gateway decided about.
    pub handed_in: u64,
    /// Messages that never arrived.
    pub lost: u64,
    /// How often everything was handed in to copies of the books in two orders.
    pub orders: u64,
    /// Messages that were shown again on purpose.
    pub again: u64,
    /// How often a thing lost its power.
    pub power_cuts: u64,
    /// How often a gateway fell down.
    pub gateway_falls: u64,
    /// Journals that were lost or set back.
    pub lost_journals: u64,
    /// Dead things whose money went to another code.
    pub recoveries: u64,
    /// Payments that things told each other of.
    pub told: u64,
    /// Forks that things found out about by being told.
    pub found_between: u64,
    /// Claims that a person decided about.
    pub decisions: u64,
    /// Payments under allowances with an area that a payee took.
    pub in_areas: u64,
    /// Payments that were refused for their place.
    pub outside: u64,
    /// What closings set free before its time.
    pub released: u64,
    /// Voids and closings that a gateway took.
    pub given_up: u64,
    /// Fraud cases that were found.
    pub frauds: u64,
    /// Refusals, by their word.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Attacks, by the adversary's name.
    pub attacks: BTreeMap<&'static str, Attack>,
}

impl Tally {
    pub(crate) fn tried(&mut self, name: &'static str) {
        self.attacks.entry(name).or_default().tried += 1;
    }

    pub(crate) fn stopped(&mut self, name: &'static str) {
        self.attacks.entry(name).or_default().stopped += 1;
    }

    pub(crate) fn refused(&mut self, word: &'static str) {
        *self.refusals.entry(word).or_default() += 1;
    }
}

impl Sum for Tally {
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.payments += other.payments;
        self.streams += other.streams;
        self.covered += other.covered;
        self.waited += other.waited;
        self.handed_in += other.handed_in;
        self.lost += other.lost;
        self.again += other.again;
        self.orders += other.orders;
        self.power_cuts += other.power_cuts;
        self.gateway_falls += other.gateway_falls;
        self.lost_journals += other.lost_journals;
        self.recoveries += other.recoveries;
        self.told += other.told;
        self.found_between += other.found_between;
        self.decisions += other.decisions;
        self.in_areas += other.in_areas;
        self.outside += other.outside;
        self.released += other.released;
        self.given_up += other.given_up;
        self.frauds += other.frauds;
        for (word, count) in &other.refusals {
            *self.refusals.entry(word).or_default() += count;
        }
        for (name, attack) in &other.attacks {
            let sum = self.attacks.entry(name).or_default();
            sum.tried += attack.tried;
            sum.stopped += attack.stopped;
        }
    }

    fn steps(&self) -> u64 {
        self.steps
    }
}
