//! The fan-out without threads: deterministic, for tests and simulation.

use super::{Event, Fanout, Feed, TooManyWatched, Watch};
use futures_util::future::BoxFuture;
use protocol::Code;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Watches one [`MemoryFanout`] keeps at most.
pub const WATCHES_MAX: usize = 16 * 1024;

/// A map from branches to channels.
#[derive(Debug, Default)]
pub struct MemoryFanout {
    watched: Mutex<HashMap<Code, Vec<Feed>>>,
}

impl Fanout for MemoryFanout {
    fn publish(&self, event: Arc<Event>) -> BoxFuture<'_, ()> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let code = event.topic.code;
        if let Some(feeds) = watched.get_mut(&code) {
            feeds.retain(|feed| feed.give(Arc::clone(&event)));
            if feeds.is_empty() {
                watched.remove(&code);
            }
        }
        Box::pin(std::future::ready(()))
    }

    fn watch(&self, code: Code) -> BoxFuture<'_, Result<Watch, TooManyWatched>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let there: usize = watched.values().map(Vec::len).sum();
        if there >= WATCHES_MAX {
            return Box::pin(std::future::ready(Err(TooManyWatched)));
        }
        let (feed, watch) = Watch::new();
        watched.entry(code).or_default().push(feed);
        Box::pin(std::future::ready(Ok(watch)))
    }
}
