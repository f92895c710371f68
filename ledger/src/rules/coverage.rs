//! Which readings of an odometer the reserve of a purse stands for.

use protocol::rules::Spent;
use protocol::{AmountMinor, Odometer, Timestamp};

/// The readings `(first, last]` of one code, key epoch and currency: every part of it that no
/// recorded payment has taken lies in the purse's reserve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The reserve stands for readings above this one.
    pub first: Odometer,
    /// And up to this one; the highest limit ever granted, until it lapses.
    pub last: Odometer,
    /// Expiry of the allowance that lives longest.
    pub expires: Timestamp,
}

impl Coverage {
    /// How much of a payment's interval the reserve stands for.
    pub fn share(&self, spent: &Spent) -> AmountMinor {
        let (first, last) = (self.first.max(spent.from), self.last.min(spent.to));
        last.since(first).unwrap_or_default()
    }

    /// What the reserve still stands for above `base`.
    pub fn above(&self, base: Odometer) -> AmountMinor {
        self.last.since(self.first.max(base)).unwrap_or_default()
    }

    /// The coverage once `(base, limit]` is granted as well, and how much has to move from the free
    /// purse for it. Never shorter than before.
    pub fn extended(
        &self,
        base: Odometer,
        limit: Odometer,
        expires: Timestamp,
    ) -> (Self, AmountMinor) {
        // A base outside means that nothing ahead is covered. What an earlier gap left in the
        // reserve stays there until it lapses, and is drawn on by nobody.
        let joined = self.first <= base && base < self.last;
        let extended = Self {
            first: if joined { self.first } else { base },
            last: if joined { self.last.max(limit) } else { limit },
            expires: self.expires.max(expires),
        };
        let covered_to = if joined { self.last } else { base };
        let more = extended.last.since(covered_to).unwrap_or_default();
        (extended, more)
    }

    /// Whether no allowance behind it can be claimed under any more.
    pub fn lapsed(&self, now: Timestamp, grace_s: u32) -> bool {
        self.last > self.first && self.expires.plus_s(grace_s) <= now
    }

    /// After its reserve has been set free.
    pub fn released(&self) -> Self {
        Self {
            first: self.last,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(reading: u64) -> Odometer {
        Odometer::new(reading).unwrap()
    }

    fn coverage(first: u64, last: u64) -> Coverage {
        Coverage {
            first: at(first),
            last: at(last),
            expires: Timestamp(100),
        }
    }

    #[test]
    fn extending_costs_only_what_is_not_covered_yet() {
        let table = [
            // covered, (base, limit], then covered, cost
            ((0, 0), (0, 50), (0, 50), 50),
            ((0, 50), (20, 70), (0, 70), 20),
            ((0, 50), (20, 40), (0, 50), 0),
            ((0, 50), (50, 80), (50, 80), 30),
            ((0, 50), (60, 80), (60, 80), 20),
            ((50, 50), (20, 80), (20, 80), 60),
        ];
        for ((first, last), (base, limit), (new_first, new_last), cost) in table {
            let (extended, more) =
                coverage(first, last).extended(at(base), at(limit), Timestamp(200));
            assert_eq!(
                (extended.first, extended.last),
                (at(new_first), at(new_last))
            );
            assert_eq!((more.get(), extended.expires), (cost, Timestamp(200)));
        }
    }

    #[test]
    fn it_lapses_after_the_longest_life_and_grace() {
        assert!(!coverage(0, 10).lapsed(Timestamp(109), 10));
        assert!(coverage(0, 10).lapsed(Timestamp(110), 10));
        assert!(!coverage(10, 10).lapsed(Timestamp(110), 10));
        assert_eq!(coverage(0, 10).released().above(at(0)), AmountMinor::ZERO);
    }
}
