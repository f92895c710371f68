//! The branches that a session watches: its own, and those of others that it may read.

use crate::tree::{Event, Watch};
use protocol::Code;
use std::{future::poll_fn, sync::Arc, task::Poll};

/// One watch for each branch, as many as there are subscriptions at most.
#[derive(Debug, Default)]
pub(super) struct Watches(Vec<(Code, Watch)>);

impl Watches {
    pub(super) fn has(&self, branch: Code) -> bool {
        self.0.iter().any(|(watched, _)| *watched == branch)
    }

    pub(super) fn add(&mut self, branch: Code, watch: Watch) {
        self.0.push((branch, watch));
    }

    /// Ends the watches of all other branches.
    pub(super) fn keep(&mut self, wanted: impl Fn(Code) -> bool) {
        self.0.retain(|(branch, _)| wanted(*branch));
    }

    /// Events that were dropped because the client was too slow, since last asked.
    pub(super) fn take_missed(&self) -> u64 {
        self.0.iter().map(|(_, watch)| watch.take_missed()).sum()
    }

    /// The next event of any branch; `None` when the fan-out is gone. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Arc<Event>> {
        poll_fn(|context| {
            for at in 0..self.0.len() {
                if let Some((_, watch)) = self.0.get_mut(at)
                    && let Poll::Ready(event) = watch.poll_next(context)
                {
                    self.after(at);
                    return Poll::Ready(event);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// The next event, if one waits.
    pub(super) fn try_next(&mut self) -> Option<Arc<Event>> {
        let next = |watch: &mut (Code, Watch)| watch.1.try_next();
        let (at, event) = (self.0.iter_mut().enumerate())
            .find_map(|(at, watch)| next(watch).map(|event| (at, event)))?;
        self.after(at);
        Some(event)
    }

    /// A branch with much to say comes last next time.
    fn after(&mut self, at: usize) {
        let len = self.0.len();
        self.0.rotate_left((at + 1) % len.max(1));
    }
}
