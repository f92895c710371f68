//! How often a token may call.

use ledger::people::TokenId;
use protocol::Timestamp;
use std::collections::HashMap;

/// Calls a second that a token may make for as long as it likes.
pub const CALLS_PER_S: u32 = 100;
/// Calls it may make at once, after a pause.
pub const CALLS_AT_ONCE: u32 = 1_000;
/// Tokens remembered at once.
const TOKENS_MAX: usize = 4_096;

/// How long to wait before the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At least this long.
    pub seconds: u32,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    calls: u32,
    at: Timestamp,
}

impl Left {
    fn at(self, now: Timestamp) -> u32 {
        let since_s = now.0.saturating_sub(self.at.0);
        let more = since_s.saturating_mul(CALLS_PER_S);
        self.calls.saturating_add(more).min(CALLS_AT_ONCE)
    }
}

/// What each token has left.
#[derive(Debug, Default)]
pub struct Rates {
    left: HashMap<TokenId, Left>,
}

impl Rates {
    /// Takes one call of a token's.
    pub fn take(&mut self, token: TokenId, now: Timestamp) -> Result<(), Wait> {
        if self.left.len() >= TOKENS_MAX && !self.left.contains_key(&token) {
            // Whoever has all of its calls needs no memory; if nobody has, all begin anew.
            self.left.retain(|_, left| left.at(now) < CALLS_AT_ONCE);
            if self.left.len() >= TOKENS_MAX {
                self.left.clear();
            }
        }
        let full = Left {
            calls: CALLS_AT_ONCE,
            at: now,
        };
        let left = self.left.entry(token).or_insert(full);
        let calls = left.at(now).checked_sub(1).ok_or(Wait { seconds: 1 })?;
        *left = Left { calls, at: now };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_so_many_calls_at_once_and_then_so_many_a_second() {
        let mut rates = Rates::default();
        let (one, other, now) = (TokenId(1), TokenId(2), Timestamp(100));
        for _ in 0..CALLS_AT_ONCE {
            assert_eq!(rates.take(one, now), Ok(()));
        }
        assert_eq!(rates.take(one, now), Err(Wait { seconds: 1 }));
        assert_eq!(rates.take(other, now), Ok(()));
        let next = now.plus_s(1);
        let taken = (0..2 * CALLS_PER_S).filter(|_| rates.take(one, next).is_ok());
        assert_eq!(taken.count(), CALLS_PER_S as usize);
        assert_eq!(rates.take(one, now), Err(Wait { seconds: 1 }), "clock back");
    }

    #[test]
    fn the_table_of_rates_is_bounded() {
        let mut rates = Rates::default();
        for id in 0..10_000 {
            rates.take(TokenId(id), Timestamp(id as u32)).unwrap();
            assert!(rates.left.len() <= TOKENS_MAX);
        }
    }
}
