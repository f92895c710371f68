//! Whether a request comes from where it says (RFC 9175, 2): a value that only whoever reads there
//! can bring back. It is made from address and time, so nothing is kept for those who do not.

use crate::coap::limits::ECHO_WINDOW;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Instant;

/// What is brought back.
pub(super) type Value = [u8; 8];

/// Makes and knows the values of one endpoint. Another endpoint, also this one after a restart,
/// takes none of them.
pub(super) struct Echo {
    secret: [u8; 16],
    began: Instant,
}

impl Echo {
    pub(super) const fn new(secret: [u8; 16], now: Instant) -> Self {
        Self { secret, began: now }
    }

    /// What this peer has to bring back.
    pub(super) fn value(&self, peer: &impl Hash, now: Instant) -> Value {
        self.of(peer, self.window(now))
    }

    /// Whether the peer was told this not long ago.
    pub(super) fn is_fresh(&self, peer: &impl Hash, value: &[u8], now: Instant) -> bool {
        let window = self.window(now);
        let windows = [window, window.saturating_sub(1)];
        windows.iter().any(|at| self.of(peer, *at) == value)
    }

    fn window(&self, now: Instant) -> u64 {
        now.duration_since(self.began).as_secs() / ECHO_WINDOW.as_secs()
    }

    fn of(&self, peer: &impl Hash, window: u64) -> Value {
        let mut absorbed = Absorbed(Sha256::new());
        absorbed.write(&self.secret);
        absorbed.write(&window.to_be_bytes());
        peer.hash(&mut absorbed);
        absorbed.finish().to_be_bytes()
    }
}

/// Takes what a key is hashed by into a hash that nobody can foretell.
struct Absorbed(Sha256);

impl Hasher for Absorbed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        let first = digest.first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(first)
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_good_for_one_peer_one_endpoint_and_not_for_long() {
        let now = Instant::now();
        let echo = Echo::new([1; 16], now);
        let value = echo.value(&7, now);
        assert!(echo.is_fresh(&7, &value, now));
        assert!(echo.is_fresh(&7, &value, now + ECHO_WINDOW));
        assert!(!echo.is_fresh(&7, &value, now + ECHO_WINDOW * 2));
        assert!(!echo.is_fresh(&8, &value, now));
        assert!(!echo.is_fresh(&7, &value[..7], now));
        assert!(!echo.is_fresh(&7, &[], now));
        let after_a_restart = Echo::new([2; 16], now);
        assert!(!after_a_restart.is_fresh(&7, &value, now));
    }
}
