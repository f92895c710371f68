//! The newest payload of each retained topic, in memory, within bounds.

use super::{Filter, Topic};
use bytes::Bytes;
use protocol::Code;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Retained topics one branch may have.
pub const RETAINED_TOPICS_MAX: usize = 64;
/// Bytes of retained payloads one branch may have.
pub const RETAINED_BRANCH_BYTES_MAX: usize = 256 * 1024;
/// Bytes of retained payloads in all branches together.
pub const RETAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a topic costs besides its payload, so that empty-handed topics are not free.
const TOPIC_COST_BYTES: usize = 128;

/// All retained payloads.
#[derive(Debug, Default)]
pub struct Retained {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    branches: HashMap<Code, Branch>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Branch {
    /// By the leaf's text: the order in which a subscriber gets them.
    kept: BTreeMap<String, (Topic, Bytes)>,
    bytes: usize,
}

/// The branch or the house has no room for another retained payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Retained {
    /// Keeps `payload` as the newest of `topic`; an empty one clears it.
    pub fn keep(&self, topic: &Topic, payload: &Bytes) -> Result<(), NoRoom> {
        let leaf = topic.leaf.to_string();
        let mut state = self.state();
        let State { branches, bytes } = &mut *state;
        if payload.is_empty() {
            if let Some(branch) = branches.get_mut(&topic.code) {
                *bytes -= branch.forget(&leaf);
                if branch.kept.is_empty() {
                    branches.remove(&topic.code);
                }
            }
            return Ok(());
        }
        let there = branches.get(&topic.code);
        let old = there.map_or(0, |branch| branch.cost(&leaf));
        let branch_bytes = there.map_or(0, |branch| branch.bytes) - old + cost(payload);
        let topics = there.map_or(0, |branch| branch.kept.len()) + usize::from(old == 0);
        if branch_bytes > RETAINED_BRANCH_BYTES_MAX
            || topics > RETAINED_TOPICS_MAX
            || *bytes - old + cost(payload) > RETAINED_BYTES_MAX
        {
            return Err(NoRoom);
        }
        *bytes = *bytes - old + cost(payload);
        let branch = branches.entry(topic.code).or_default();
        branch.bytes = branch_bytes;
        // A copy of its own: the payload may be a slice of a much larger read buffer.
        let payload = Bytes::copy_from_slice(payload);
        branch.kept.insert(leaf, (topic.clone(), payload));
        Ok(())
    }

    /// The newest payload of a topic.
    pub fn get(&self, topic: &Topic) -> Option<Bytes> {
        let state = self.state();
        let branch = state.branches.get(&topic.code)?;
        let (_, payload) = branch.kept.get(&topic.leaf.to_string())?;
        Some(payload.clone())
    }

    /// Every retained payload a filter takes.
    pub fn matching(&self, filter: &Filter) -> Vec<(Topic, Bytes)> {
        let state = self.state();
        let Some(branch) = state.branches.get(&filter.code) else {
            return Vec::new();
        };
        let taken = branch
            .kept
            .values()
            .filter(|(topic, _)| filter.takes(topic));
        taken.cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Branch {
    fn cost(&self, leaf: &str) -> usize {
        self.kept.get(leaf).map_or(0, |(_, payload)| cost(payload))
    }

    /// Returns the bytes that are free now.
    fn forget(&mut self, leaf: &str) -> usize {
        let freed = self
            .kept
            .remove(leaf)
            .map_or(0, |(_, payload)| cost(&payload));
        self.bytes -= freed;
        freed
    }
}

fn cost(payload: &Bytes) -> usize {
    TOPIC_COST_BYTES + payload.len()
}
