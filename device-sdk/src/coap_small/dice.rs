//! A small generator for jitter, message ids and tokens.

use core::time::Duration;

/// SplitMix64; its seed comes from outside.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Equal seeds give equal sequences.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 1,000 and 1,500: a waiting time in thousandths (ACK_RANDOM_FACTOR, RFC 7252, 4.8).
    pub fn thousandths(&mut self) -> u32 {
        1_000 + u32::try_from(self.roll() % 501).unwrap_or_default()
    }

    /// `base` times something between 1 and 1.5.
    pub fn jitter(&mut self, base: Duration) -> Duration {
        base / 1_000 * self.thousandths()
    }
}
