//! How often somebody may ask: a token its calls, a neighbourhood of addresses the public pages.

use protocol::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Calls a second that a token may make for as long as it likes.
const CALLS_PER_S: u32 = 100;
/// Calls it may make at once, after a pause.
const CALLS_AT_ONCE: u32 = 1_000;
/// Public pages a second for one neighbourhood: a hall full of phones behind one address.
const SCANS_PER_S: u32 = 10;
/// Public pages at once, after a pause.
const SCANS_AT_ONCE: u32 = 120;
/// Who is remembered at once.
const KEYS_MAX: usize = 4_096;

/// What tokens have called lately.
pub type Calls<Token> = Rates<Token, CALLS_PER_S, CALLS_AT_ONCE>;
/// What strangers have looked up lately.
pub type Scans = Rates<Neighbourhood, SCANS_PER_S, SCANS_AT_ONCE>;

/// Addresses that are taken for one: an IPv4 address, or the 64 bits that one IPv6 line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Neighbourhood {
    /// One address.
    V4([u8; 4]),
    /// A network of them.
    V6([u8; 8]),
    /// Whoever does not say.
    Unknown,
}

impl From<Option<IpAddr>> for Neighbourhood {
    fn from(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
            None => Self::Unknown,
        }
    }
}

/// How long to wait before the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At least this long.
    pub seconds: u32,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    times: u32,
    at: Timestamp,
}

/// What each has left: so many times at once, and then so many a second.
#[derive(Debug)]
pub struct Rates<K, const PER_S: u32, const AT_ONCE: u32> {
    left: HashMap<K, Left>,
}

impl<K, const PER_S: u32, const AT_ONCE: u32> Default for Rates<K, PER_S, AT_ONCE> {
    fn default() -> Self {
        Self {
            left: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, const PER_S: u32, const AT_ONCE: u32> Rates<K, PER_S, AT_ONCE> {
    /// Takes one time of somebody's.
    pub fn take(&mut self, who: K, now: Timestamp) -> Result<(), Wait> {
        let times = |left: &Left| {
            let since_s = now.0.saturating_sub(left.at.0);
            let more = since_s.saturating_mul(PER_S);
            left.times.saturating_add(more).min(AT_ONCE)
        };
        if self.left.len() >= KEYS_MAX && !self.left.contains_key(&who) {
            // Whoever has everything left needs no memory; if nobody has, all begin anew.
            self.left.retain(|_, left| times(left) < AT_ONCE);
            if self.left.len() >= KEYS_MAX {
                self.left.clear();
            }
        }
        let full = Left {
            times: AT_ONCE,
            at: now,
        };
        let left = self.left.entry(who).or_insert(full);
        let fewer = times(left).checked_sub(1).ok_or(Wait { seconds: 1 })?;
        *left = Left {
            times: fewer,
            at: now,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::people::TokenId;

    #[test]
    fn there_is_so_much_at_once_and_then_so_much_a_second() {
        let mut calls = Calls::default();
        let (one, other, now) = (TokenId(1), TokenId(2), Timestamp(100));
        for _ in 0..CALLS_AT_ONCE {
            assert_eq!(calls.take(one, now), Ok(()));
        }
        assert_eq!(calls.take(one, now), Err(Wait { seconds: 1 }));
        assert_eq!(calls.take(other, now), Ok(()));
        let next = now.plus_s(1);
        let taken = (0..2 * CALLS_PER_S).filter(|_| calls.take(one, next).is_ok());
        assert_eq!(taken.count(), CALLS_PER_S as usize);
        assert_eq!(calls.take(one, now), Err(Wait { seconds: 1 }), "clock back");
    }

    #[test]
    fn the_table_of_rates_is_bounded() {
        let mut calls = Calls::default();
        for id in 0..10_000 {
            calls.take(TokenId(id), Timestamp(id as u32)).unwrap();
            assert!(calls.left.len() <= KEYS_MAX);
        }
    }

    #[test]
    fn one_line_is_one_neighbourhood_however_many_addresses_it_has() {
        let of = |text: &str| Neighbourhood::from(Some(text.parse::<IpAddr>().unwrap()));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
