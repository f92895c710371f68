//! The newest event of each retained topic, in memory, within bounds.

use super::{Event, Filter, Topic};
use bytes::Bytes;
use protocol::{Code, Timestamp};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Retained topics one branch may have.
pub const RETAINED_TOPICS_MAX: usize = 64;
/// Bytes of retained payloads one branch may have.
pub const RETAINED_BRANCH_BYTES_MAX: usize = 256 * 1024;
/// Bytes of retained payloads in all branches together.
pub const RETAINED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a topic costs besides its payload, so that empty-handed topics are not free.
const TOPIC_COST_BYTES: usize = 256;

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
    kept: BTreeMap<String, Arc<Event>>,
    bytes: usize,
}

/// The branch or the house has no room for another retained payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Retained {
    /// Keeps an event as the newest of its topic; one without payload clears it.
    pub fn keep(&self, event: &Event) -> Result<(), NoRoom> {
        let leaf = event.topic.leaf.to_string();
        let mut state = self.state();
        let State { branches, bytes } = &mut *state;
        let code = event.topic.code;
        if event.payload.is_empty() {
            if let Some(branch) = branches.get_mut(&code) {
                *bytes -= branch.forget(&leaf);
                if branch.kept.is_empty() {
                    branches.remove(&code);
                }
            }
            return Ok(());
        }
        let (there, new) = (branches.get(&code), cost(event));
        let old = there.map_or(0, |branch| branch.cost(&leaf));
        let branch_bytes = there.map_or(0, |branch| branch.bytes) - old + new;
        let topics = there.map_or(0, |branch| branch.kept.len()) + usize::from(old == 0);
        if branch_bytes > RETAINED_BRANCH_BYTES_MAX
            || topics > RETAINED_TOPICS_MAX
            || *bytes - old + new > RETAINED_BYTES_MAX
        {
            return Err(NoRoom);
        }
        *bytes = *bytes - old + new;
        let branch = branches.entry(code).or_default();
        branch.bytes = branch_bytes;
        // Copies of its own: the payload may be a slice of a much larger read buffer.
        let mut event = event.clone();
        event.payload = Bytes::copy_from_slice(&event.payload);
        event.extras.0 = Bytes::copy_from_slice(&event.extras.0);
        branch.kept.insert(leaf, Arc::new(event));
        Ok(())
    }

    /// The newest event of a topic, unless its time is over.
    pub fn get(&self, topic: &Topic, now: Timestamp) -> Option<Arc<Event>> {
        let state = self.state();
        let branch = state.branches.get(&topic.code)?;
        let event = branch.kept.get(&topic.leaf.to_string())?;
        event.is_current(now).then(|| Arc::clone(event))
    }

    /// Every retained event a filter takes.
    pub fn matching(&self, filter: &Filter, now: Timestamp) -> Vec<Arc<Event>> {
        let state = self.state();
        let Some(branch) = state.branches.get(&filter.code) else {
            return Vec::new();
        };
        let taken = branch
            .kept
            .values()
            .filter(|event| event.is_current(now) && filter.takes(&event.topic));
        taken.cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Branch {
    fn cost(&self, leaf: &str) -> usize {
        self.kept.get(leaf).map_or(0, |event| cost(event))
    }

    /// Returns the bytes that are free now.
    fn forget(&mut self, leaf: &str) -> usize {
        let freed = self.kept.remove(leaf).map_or(0, |event| cost(&event));
        self.bytes -= freed;
        freed
    }
}

fn cost(event: &Event) -> usize {
    TOPIC_COST_BYTES + event.payload.len() + event.extras.0.len()
}
