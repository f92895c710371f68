//! Ways to carry wallet messages: directly to another thing, through a gateway, or by hand.
//!
//! A link only carries bytes. What a message means, and that repeating it changes nothing, is the
//! purse's business; so every link may lose, repeat and reorder.

mod base45;
#[cfg(feature = "std")]
pub mod file;
pub mod frames;
#[cfg(feature = "std")]
pub mod mqtt;
pub mod neighbours;
pub mod serial;
#[cfg(feature = "std")]
pub mod udp;

#[cfg(feature = "std")]
use std::time::Duration;

/// Waiting times that double, up to a bound.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackOff {
    next: Duration,
    most: Duration,
}

#[cfg(feature = "std")]
impl BackOff {
    pub(crate) const fn new(first: Duration, most: Duration) -> Self {
        Self { next: first, most }
    }

    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next.min(self.most);
        self.next = wait.saturating_mul(2);
        wait
    }
}
