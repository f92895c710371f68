//! How the link stands, for metrics and for whoever looks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts of one process.
#[derive(Debug, Default)]
pub struct State {
    /// Connected now.
    pub online: AtomicBool,
    /// Connections ever made.
    pub connected: AtomicU64,
    /// Messages that the other side acknowledged.
    pub acknowledged: AtomicU64,
    /// Messages that came from above and found their place.
    pub brought: AtomicU64,
    /// Messages from above without a place here.
    pub misplaced: AtomicU64,
}

impl State {
    pub(super) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
        self.online.store(true, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.online.store(false, Ordering::Relaxed);
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
