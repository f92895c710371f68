//! What the wallet desk refused, by status.

use protocol::{Fault, Status};
use std::sync::atomic::{AtomicU64, Ordering};

/// Refusals since the start, in the order of [`Status::ALL`].
#[derive(Debug)]
pub struct Meters(Vec<AtomicU64>);

impl Default for Meters {
    fn default() -> Self {
        Self(Status::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl Meters {
    /// One more with this status.
    pub fn count(&self, status: Status) {
        let known = Status::ALL
            .iter()
            .zip(&self.0)
            .find(|(known, _)| **known == status);
        if let Some((_, count)) = known {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every status that is somebody's fault, with its count.
    pub fn refused(&self) -> impl Iterator<Item = (Status, u64)> {
        let counts = Status::ALL.iter().zip(&self.0);
        counts
            .filter(|(status, _)| status.fault() != Fault::None)
            .map(|(status, count)| (*status, count.load(Ordering::Relaxed)))
    }
}
