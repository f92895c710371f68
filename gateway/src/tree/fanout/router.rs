//! The fan-out on rumqttd's router.

use super::{Event, Fanout, TooManyWatched, Watch};
use futures_util::future::BoxFuture;
use protocol::Code;
use std::sync::Arc;

/// Watches of the branches on routers of rumqttd.
#[derive(Debug, Default)]
pub struct RouterFanout {
    within: super::MemoryFanout,
}

impl Fanout for RouterFanout {
    fn publish(&self, event: Arc<Event>) -> BoxFuture<'_, ()> {
        self.within.publish(event)
    }

    fn watch(&self, code: Code) -> BoxFuture<'_, Result<Watch, TooManyWatched>> {
        self.within.watch(code)
    }
}
