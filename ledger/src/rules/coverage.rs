//! Which readings of an odometer the reserve of a purse stands for.

use protocol::{AmountMinor, Odometer, Timestamp};

/// Readings `(first, last]` that allowances promised and money was set aside for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// The reserve stands for readings above this one.
    pub first: Odometer,
    /// And up to this one.
    pub last: Odometer,
    /// Expiry of the allowance over it that lives longest.
    pub expires: Timestamp,
    /// What no payment has taken of it.
    pub held: AmountMinor,
}

impl Stretch {
    fn length(&self) -> AmountMinor {
        self.last.since(self.first).unwrap_or_default()
    }

    fn overlap(&self, from: Odometer, to: Odometer) -> AmountMinor {
        let (from, to) = (self.first.max(from), self.last.min(to));
        to.since(from).unwrap_or_default()
    }

    /// Both sides of a reading inside it, above which no payment has taken anything.
    fn split(&self, at: Odometer) -> (Self, Self) {
        let above = Self {
            first: at,
            held: self.last.since(at).unwrap_or_default().min(self.held),
            ..*self
        };
        let below = Self {
            last: at,
            held: self.held.checked_sub(above.held).unwrap_or_default(),
            ..*self
        };
        (below, above)
    }
}

/// The union of everything that the allowances of one code, key epoch and currency promise, until
/// nobody can claim under them any more. What of it no payment has taken lies in the reserve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Coverage {
    /// Ascending, none empty, none overlapping another.
    stretches: Vec<Stretch>,
}

impl Coverage {
    /// Of stretches as they were given out, in ascending order.
    pub const fn new(stretches: Vec<Stretch>) -> Self {
        Self { stretches }
    }

    /// Its parts, ascending.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// How much of `(from, to]` the reserve stands for.
    pub fn share(&self, from: Odometer, to: Odometer) -> AmountMinor {
        sum(self.stretches.iter().map(|s| s.overlap(from, to)))
    }

    /// A payment takes `(from, to]`; gives what comes out of the reserve for it. No reading is
    /// taken twice: payments that overlap contradict each other.
    pub fn draw(&mut self, from: Odometer, to: Odometer) -> AmountMinor {
        let mut drawn = AmountMinor::ZERO;
        for stretch in &mut self.stretches {
            let part = stretch.overlap(from, to).min(stretch.held);
            stretch.held = stretch.held.checked_sub(part).unwrap_or_default();
            drawn = drawn.checked_add(part).unwrap_or(drawn);
        }
        drawn
    }

    /// The highest reading that an allowance from `base` can reach when at most `most` is set aside
    /// for what is not covered yet: a limit is a reading and not an amount.
    pub fn reach(&self, base: Odometer, most: AmountMinor) -> Option<Odometer> {
        let (mut at, mut left) = (base, most);
        for stretch in self.stretches.iter().filter(|s| s.last > base) {
            let gap = stretch.first.since(at).unwrap_or_default();
            match left.checked_sub(gap) {
                Some(rest) => (at, left) = (stretch.last, rest),
                None => break,
            }
        }
        at.advance(left)
    }

    /// `(base, limit]` is granted as well, and no payment has taken anything above `base`; gives
    /// what has to be set aside for it.
    pub fn extend(&mut self, base: Odometer, limit: Odometer, expires: Timestamp) -> AmountMinor {
        let mut parts = Vec::with_capacity(self.stretches.len().saturating_add(2));
        for stretch in self.stretches.drain(..) {
            let mut rest = stretch;
            for at in [base, limit] {
                if rest.first < at && at < rest.last && rest.expires < expires {
                    let (below, above) = rest.split(at);
                    parts.push(below);
                    rest = above;
                }
            }
            parts.push(rest);
        }
        self.stretches = parts;
        self.fill(base, limit, expires)
    }

    /// A credit lifts an allowance from `from` to `to`; gives what the reserve has to take for it.
    /// What is covered already stays covered at least as long.
    pub fn fill(&mut self, from: Odometer, to: Odometer, expires: Timestamp) -> AmountMinor {
        let mut filled: Vec<Stretch> = Vec::with_capacity(self.stretches.len().saturating_add(1));
        let (mut at, mut cost) = (from, AmountMinor::ZERO);
        let mut gap = |at: Odometer, end: Odometer, filled: &mut Vec<Stretch>| {
            let held = end.min(to).since(at).unwrap_or_default();
            if held > AmountMinor::ZERO {
                cost = cost.checked_add(held).unwrap_or(cost);
                let last = end.min(to);
                filled.push(Stretch {
                    first: at,
                    last,
                    expires,
                    held,
                });
            }
        };
        for mut stretch in self.stretches.drain(..) {
            if stretch.last > from {
                gap(at, stretch.first, &mut filled);
                at = at.max(stretch.last);
            }
            if stretch.overlap(from, to) > AmountMinor::ZERO {
                stretch.expires = stretch.expires.max(expires);
            }
            filled.push(stretch);
        }
        gap(at, to, &mut filled);
        self.stretches = merged(filled);
        cost
    }

    /// Leaves out what no allowance can be claimed under any more; gives what becomes free.
    pub fn lapse(&mut self, now: Timestamp, grace_s: u32) -> AmountMinor {
        let lapsed = |stretch: &Stretch| stretch.expires.plus_s(grace_s) <= now;
        let freed = sum(self.stretches.iter().filter(|s| lapsed(s)).map(|s| s.held));
        self.stretches.retain(|stretch| !lapsed(stretch));
        freed
    }

    /// Sets at most `most` free of what lies above a reading; gives how much that is.
    pub fn give_up_above(&mut self, reading: Odometer, most: AmountMinor) -> AmountMinor {
        let mut freed = AmountMinor::ZERO;
        for stretch in self.stretches.iter_mut().rev() {
            let left = most.checked_sub(freed).unwrap_or_default();
            let length = stretch.overlap(reading, stretch.last);
            let part = length.min(stretch.held).min(left);
            let Some(last) = stretch.last.before(part) else {
                break;
            };
            stretch.last = last;
            stretch.held = stretch.held.checked_sub(part).unwrap_or_default();
            freed = freed.checked_add(part).unwrap_or(freed);
        }
        self.stretches.retain(|s| s.length() > AmountMinor::ZERO);
        freed
    }

    /// What the reserve holds for all of it.
    pub fn held(&self) -> AmountMinor {
        sum(self.stretches.iter().map(|stretch| stretch.held))
    }
}

/// All of them lie in one account, whose balance is in range.
fn sum(amounts: impl Iterator<Item = AmountMinor>) -> AmountMinor {
    amounts.fold(AmountMinor::ZERO, |sum, amount| {
        sum.checked_add(amount).unwrap_or(sum)
    })
}

fn merged(parts: Vec<Stretch>) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::with_capacity(parts.len());
    for part in parts {
        match all.last_mut() {
            Some(before) if before.last == part.first && before.expires == part.expires => {
                before.last = part.last;
                before.held = before.held.checked_add(part.held).unwrap_or(before.held);
            }
            _ => all.push(part),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(reading: u64) -> Odometer {
        Odometer::new(reading).unwrap()
    }

    fn minor(minor: u64) -> AmountMinor {
        AmountMinor::new(minor).unwrap()
    }

    fn spans(coverage: &Coverage) -> Vec<(u64, u64, u32, u64)> {
        let row = |s: &Stretch| (s.first.get(), s.last.get(), s.expires.0, s.held.get());
        coverage.stretches().iter().map(row).collect()
    }

    fn coverage(spans: &[(u64, u64, u32, u64)]) -> Coverage {
        let stretch = |(first, last, expires, held): &(u64, u64, u32, u64)| Stretch {
            first: at(*first),
            last: at(*last),
            expires: Timestamp(*expires),
            held: minor(*held),
        };
        Coverage::new(spans.iter().map(stretch).collect())
    }

    #[test]
    fn extending_costs_only_what_is_not_covered_yet() {
        type Spans = &'static [(u64, u64, u32, u64)];
        let table: [(Spans, (u64, u64), Spans, u64); 7] = [
            (&[], (0, 50), &[(0, 50, 200, 50)], 50),
            // What is newer lives longer; what was taken before the base stays taken.
            (
                &[(0, 50, 100, 30)],
                (20, 70),
                &[(0, 20, 100, 0), (20, 70, 200, 50)],
                20,
            ),
            (
                &[(0, 50, 100, 30)],
                (20, 40),
                &[(0, 20, 100, 0), (20, 40, 200, 20), (40, 50, 100, 10)],
                0,
            ),
            (
                &[(0, 50, 100, 0)],
                (50, 80),
                &[(0, 50, 100, 0), (50, 80, 200, 30)],
                30,
            ),
            (
                &[(0, 50, 100, 0)],
                (60, 80),
                &[(0, 50, 100, 0), (60, 80, 200, 20)],
                20,
            ),
            (&[(0, 50, 200, 30)], (20, 70), &[(0, 70, 200, 50)], 20),
            (&[(0, 50, 300, 30)], (20, 40), &[(0, 50, 300, 30)], 0),
        ];
        for (before, (base, limit), after, cost) in table {
            let mut now = coverage(before);
            let more = now.extend(at(base), at(limit), Timestamp(200));
            assert_eq!((spans(&now).as_slice(), more.get()), (after, cost));
        }
    }

    #[test]
    fn a_credit_fills_what_no_allowance_covers() {
        let mut union = coverage(&[(0, 40, 100, 0), (60, 80, 300, 5)]);
        assert_eq!(union.fill(at(30), at(90), Timestamp(200)).get(), 20 + 10);
        let expected = [(0, 60, 200, 20), (60, 80, 300, 5), (80, 90, 200, 10)];
        assert_eq!(spans(&union), expected);
        assert_eq!(union.fill(at(30), at(90), Timestamp(200)), minor(0));
        assert_eq!(spans(&union), expected);
    }

    #[test]
    fn a_payment_takes_its_part_once_and_the_rest_lapses_with_its_own_allowance() {
        let mut union = coverage(&[(0, 40, 100, 40), (40, 80, 300, 40)]);
        assert_eq!(union.share(at(30), at(50)).get(), 20);
        assert_eq!(union.draw(at(30), at(50)).get(), 20);
        assert_eq!(union.held().get(), 60);
        assert_eq!(union.lapse(Timestamp(109), 10).get(), 0);
        assert_eq!(union.lapse(Timestamp(110), 10).get(), 30);
        assert_eq!(spans(&union), [(40, 80, 300, 30)]);
    }

    #[test]
    fn an_allowance_reaches_as_far_as_money_fills_the_gaps() {
        let union = coverage(&[(0, 40, 100, 40), (60, 80, 300, 20)]);
        for (base, most, reach) in [
            (0, 0, 40),
            (0, 19, 59),
            (0, 20, 80),
            (0, 25, 85),
            (90, 5, 95),
        ] {
            assert_eq!(union.reach(at(base), minor(most)), Some(at(reach)));
        }
        let highest = at(protocol::units::AMOUNT_MAX);
        assert_eq!(union.reach(highest, minor(1)), None);
    }

    #[test]
    fn what_is_given_up_comes_from_the_top() {
        let mut union = coverage(&[(0, 40, 100, 10), (60, 80, 300, 20)]);
        assert_eq!(union.give_up_above(at(30), minor(25)).get(), 25);
        assert_eq!(spans(&union), [(0, 35, 100, 5)]);
        assert_eq!(union.give_up_above(at(35), minor(25)).get(), 0);
    }
}
