//! How fast a session may send.

use std::time::Duration;
use tokio::time::Instant;

/// A bucket that fills with time and is emptied by packets.
#[derive(Debug)]
pub(super) struct Pace {
    per_s: u32,
    left: u32,
    filled: Instant,
    resume_at: Option<Instant>,
}

impl Pace {
    /// How long a session rests that has emptied its bucket.
    const REST: Duration = Duration::from_millis(20);

    pub(super) fn new(per_s: u32, now: Instant) -> Self {
        Self {
            per_s,
            left: per_s,
            filled: now,
            resume_at: None,
        }
    }

    /// Takes one; true when the session has to rest now.
    pub(super) fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return false;
        }
        let now = Instant::now();
        self.fill(now);
        if self.left > 0 {
            return false;
        }
        self.resume_at = Some(now + Self::REST);
        true
    }

    fn fill(&mut self, now: Instant) {
        let passed_us = now.duration_since(self.filled).as_micros();
        let more = passed_us * u128::from(self.per_s) / 1_000_000;
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(self.per_s);
            self.filled = now;
        }
    }

    /// Whether the session rests; ends the rest when its time has come.
    pub(super) fn is_resting(&mut self) -> bool {
        if let Some(at) = self.resume_at {
            let now = Instant::now();
            if at > now {
                return true;
            }
            self.resume_at = None;
            self.fill(now);
        }
        false
    }

    /// When the rest ends.
    pub(super) fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }
}
