//! Links between parties: they drop, repeat, reorder, delay, and fall apart into groups that do not
//! hear each other.

use super::chance::Chance;
use std::collections::BTreeMap;

/// Somebody who sends and hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Party {
    /// The thing with this number.
    Thing(usize),
    /// The gateway with this number.
    Gateway(usize),
}

/// How bad the links are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quality {
    /// Times in a thousand that a message is lost.
    pub(crate) loses: u32,
    /// Times in a thousand that it comes twice.
    pub(crate) repeats: u32,
    /// Longest way; the shortest takes nothing, so messages overtake each other.
    pub(crate) delay_ms: u64,
    /// Times in a thousand that a change of weather cuts the world into groups.
    pub(crate) parts: u32,
}

impl Quality {
    /// Nothing is lost and nothing is late.
    pub(crate) const PERFECT: Self = Self {
        loses: 0,
        repeats: 0,
        delay_ms: 5,
        parts: 0,
    };
}

/// All links of a world.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) quality: Quality,
    chance: Chance,
    groups: BTreeMap<Party, u64>,
}

impl Links {
    pub(crate) fn new(quality: Quality, chance: Chance) -> Self {
        Self {
            quality,
            chance,
            groups: BTreeMap::new(),
        }
    }

    /// When each copy of one message arrives, in milliseconds from now.
    pub(crate) fn carry(&mut self, from: Party, to: Party) -> Vec<u64> {
        if !self.joined(from, to) || self.chance.per_mille(self.quality.loses) {
            return Vec::new();
        }
        let mut arrivals = vec![self.chance.between(0, self.quality.delay_ms)];
        while arrivals.len() < 4 && self.chance.per_mille(self.quality.repeats) {
            // A repetition may come long after.
            arrivals.push(self.chance.between(0, self.quality.delay_ms * 20));
        }
        arrivals
    }

    pub(crate) fn joined(&self, a: Party, b: Party) -> bool {
        let group = |party| self.groups.get(party).copied().unwrap_or(0);
        group(&a) == group(&b)
    }

    /// The weather changes: everybody together, or apart in two or three groups. Says which.
    pub(crate) fn weather(&mut self, parties: &[Party]) -> u64 {
        self.groups.clear();
        if !self.chance.per_mille(self.quality.parts) {
            return 1;
        }
        let groups = self.chance.between(2, 3);
        for party in parties {
            self.groups.insert(*party, self.chance.below(groups));
        }
        groups
    }

    /// From now on everything is well.
    pub(crate) fn heal(&mut self) {
        self.groups.clear();
        self.quality = Quality::PERFECT;
    }
}
