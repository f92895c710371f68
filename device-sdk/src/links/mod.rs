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

/// Waiting times that double, up to a bound, each shortened by up to a half so that many who lost one
/// gateway do not come back in step.
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
        wait.mul_f64(1.0 - f64::from(jitter()) / f64::from(u32::MAX) / 2.0)
    }
}

/// Randomness that nothing secret rests on.
#[cfg(feature = "std")]
fn jitter() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    let drawn = RandomState::new().hash_one(std::time::Instant::now());
    u32::try_from(drawn >> u32::BITS).unwrap_or_default()
}
