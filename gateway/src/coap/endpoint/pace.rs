//! How many requests somebody may send in a while.

use std::time::Instant;

/// A bucket that fills with time and is emptied by requests.
#[derive(Debug)]
pub(super) struct Pace {
    per_s: u32,
    burst: u32,
    left: u32,
    filled: Instant,
}

impl Pace {
    pub(super) const fn new(per_s: u32, burst: u32, now: Instant) -> Self {
        Self {
            per_s,
            burst,
            left: burst,
            filled: now,
        }
    }

    /// Takes one; false when there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed_us = now.duration_since(self.filled).as_micros();
        let more = passed_us * u128::from(self.per_s) / 1_000_000;
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(self.burst);
            self.filled = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let mut now = Instant::now();
        let mut pace = Pace::new(10, 30, now);
        let taken = |pace: &mut Pace, now| (0..100).filter(|_| pace.take(now)).count();
        assert_eq!(taken(&mut pace, now), 30);
        now += Duration::from_millis(99);
        assert_eq!(taken(&mut pace, now), 0);
        now += Duration::from_millis(1);
        assert_eq!(taken(&mut pace, now), 1);
        now += Duration::from_secs(3_600);
        assert_eq!(taken(&mut pace, now), 30);
    }
}
