//! What is decided among gateways, without any I/O.

use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Status, Timestamp};
use sha2::{Digest as _, Sha256};

/// A float as it stands when a purse asks for an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatStanding {
    /// Everything granted so far.
    pub issued_total: Odometer,
    /// The reading at which the warrant was asked for.
    pub base: Odometer,
    /// How far the warrant runs.
    pub limit: Odometer,
    /// Until when.
    pub expires: Timestamp,
    /// What this purse took of it already.
    pub used: AmountMinor,
    /// Thousandths of it that the purse may take.
    pub share_permille: u32,
}

impl FloatStanding {
    /// How much may be granted now; nothing is enough for a purse that holds nothing.
    pub fn room(&self, now: Timestamp) -> Result<AmountMinor, Status> {
        if self.expires < now {
            return Err(Status::FloatExhausted);
        }
        let left = self.limit.since(self.issued_total);
        let left = left.ok_or(Status::FloatExhausted)?;
        let span = self.limit.since(self.base).unwrap_or_default();
        let share = u128::from(span.get()) * u128::from(self.share_permille) / 1_000;
        let share = u64::try_from(share).ok().and_then(AmountMinor::new);
        let mine = share.unwrap_or(span).checked_sub(self.used);
        Ok(left.min(mine.unwrap_or_default()))
    }

    /// Whether more should be asked for: no more than half is left, or of the time.
    pub fn runs_short(&self, issued: Timestamp, now: Timestamp) -> bool {
        let left = self.limit.since(self.issued_total).unwrap_or_default();
        let span = self.limit.since(self.base).unwrap_or_default();
        let life_s = self.expires.0.saturating_sub(issued.0);
        left.get() <= span.get() / 2 || now.plus_s(life_s / 2) >= self.expires
    }
}

/// How far the next warrant runs: never back, and `float` beyond what was granted.
pub fn warranted(before: Option<Odometer>, issued_total: Odometer, float: AmountMinor) -> Odometer {
    let limit = issued_total.advance(float).unwrap_or(issued_total);
    before.map_or(limit, |before| before.max(limit))
}

/// Where a home stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Homed {
    /// The gateway.
    pub home: Code,
    /// The lease's number; 0 while it is only asked for.
    pub number: u64,
    /// Its end.
    pub ends: Timestamp,
}

/// Until when this gateway may let an allowance of the purse live.
pub fn may_grant(
    lease: Option<&Homed>,
    me: &Code,
    under_centre: bool,
    enrolled_here: bool,
    now: Timestamp,
) -> Result<Timestamp, Status> {
    const NEVER: Timestamp = Timestamp(u32::MAX);
    match lease {
        Some(lease) if lease.number > 0 && lease.home != *me => Err(Status::WrongHome),
        // Whoever answers to nobody gives itself leases without an end.
        Some(_) | None if !under_centre => match lease.is_some() || enrolled_here {
            true => Ok(NEVER),
            false => Err(Status::UnknownCode),
        },
        Some(lease) if lease.number > 0 && lease.ends > now => Ok(lease.ends),
        _ => Err(Status::Busy),
    }
}

/// Whether a lease is to be asked for again: less than half of its life is left.
pub fn lease_runs_short(ends: Timestamp, life_s: u32, now: Timestamp) -> bool {
    now.plus_s(life_s / 2) >= ends
}

/// Whether the centre may give a lease up without its home.
pub fn may_release(ends: Timestamp, grace_s: u32, now: Timestamp) -> bool {
    ends.plus_s(grace_s) < now
}

/// What a credit brings that did not come before.
pub fn news(amount: AmountMinor, before: AmountMinor) -> Option<AmountMinor> {
    amount
        .checked_sub(before)
        .filter(|more| *more > AmountMinor::ZERO)
}

/// Up to which height a journal is final everywhere: copied, and nothing that left it since then is
/// still on its way. `waiting` is the lowest height with a credit that is.
pub fn final_height(settled: u64, waiting: Option<u64>) -> u64 {
    waiting.map_or(settled, |height| settled.min(height.saturating_sub(1)))
}

/// Names money that moves for another reason than a payment: the same cause has the same name, so
/// that it is never counted twice.
pub fn subject(cause: &str, code: &Code, number: u64, currency: &Currency) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"onecode/1/subject/");
    hash.update(cause);
    hash.update([0]);
    hash.update(code.as_bytes());
    hash.update(number.to_be_bytes());
    hash.update(currency.as_bytes());
    Digest(hash.finalize().into())
}

/// Names what of a credit goes on from a former home of its payee.
pub fn passed_on(gateway: &Code, subject: &Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"onecode/1/subject/passed-on");
    hash.update(gateway.as_bytes());
    hash.update(subject.as_bytes());
    Digest(hash.finalize().into())
}

/// The key epoch in which a purse goes on when its old home is lost.
pub fn epoch_after(known: KeyEpoch, seen: Option<KeyEpoch>) -> KeyEpoch {
    KeyEpoch(known.0.max(seen.map_or(0, |seen| seen.0)).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Kind;
    use protocol::code::IssuedBy;

    fn standing(issued: u64, used: u64) -> FloatStanding {
        FloatStanding {
            issued_total: Odometer::new(issued).unwrap(),
            base: Odometer::new(1_000).unwrap(),
            limit: Odometer::new(2_000).unwrap(),
            expires: Timestamp(100),
            used: AmountMinor::new(used).unwrap(),
            share_permille: 300,
        }
    }

    #[test]
    fn a_purse_gets_its_share_of_a_float_and_no_more() {
        let table = [
            // issued so far, used by this purse, room
            (1_000, 0, Ok(300)),
            (1_000, 200, Ok(100)),
            (1_000, 300, Ok(0)),
            (1_900, 0, Ok(100)),
            (2_000, 0, Ok(0)),
            (2_500, 0, Err(Status::FloatExhausted)),
        ];
        for (issued, used, room) in table {
            let got = standing(issued, used).room(Timestamp(100));
            assert_eq!(got.map(AmountMinor::get), room);
        }
        let late = standing(1_000, 0).room(Timestamp(101));
        assert_eq!(late, Err(Status::FloatExhausted));
    }

    #[test]
    fn warrants_never_run_back() {
        let at = |n| Odometer::new(n).unwrap();
        let float = AmountMinor::new(100).unwrap();
        assert_eq!(warranted(None, at(0), float), at(100));
        assert_eq!(warranted(Some(at(500)), at(50), float), at(500));
        assert_eq!(warranted(Some(at(500)), at(450), float), at(550));
    }

    #[test]
    fn only_a_home_with_a_running_lease_grants() {
        let code = |sequence| {
            let by = IssuedBy {
                issuer: 1,
                station: 0,
            };
            Code::derive(Kind::Gateway, by, sequence, b"").unwrap()
        };
        let (me, other) = (code(2), code(3));
        let lease = |home, number, ends| {
            Some(Homed {
                home,
                number,
                ends: Timestamp(ends),
            })
        };
        let now = Timestamp(50);
        let table = [
            (lease(me, 1, 60), true, Ok(Timestamp(60))),
            (lease(me, 1, 50), true, Err(Status::Busy)),
            (lease(me, 0, 0), true, Err(Status::Busy)),
            (None, true, Err(Status::Busy)),
            (lease(other, 1, 60), true, Err(Status::WrongHome)),
            (lease(other, 1, 60), false, Err(Status::WrongHome)),
            (lease(me, 1, 40), false, Ok(Timestamp(u32::MAX))),
            (None, false, Ok(Timestamp(u32::MAX))),
        ];
        for (lease, under, expected) in table {
            assert_eq!(may_grant(lease.as_ref(), &me, under, true, now), expected);
        }
    }

    #[test]
    fn nothing_is_final_above_a_credit_on_its_way() {
        assert_eq!(final_height(10, None), 10);
        assert_eq!(final_height(10, Some(12)), 10);
        assert_eq!(final_height(10, Some(4)), 3);
        assert_eq!(final_height(10, Some(0)), 0);
    }
}
