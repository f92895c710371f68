//! What the wallet door remembers: calls that were answered, so that none is answered twice, and
//! addresses that called wrongly.

use protocol::{Code, Digest, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;

/// A call is good for so long before and after its time, by the gateway's clock.
pub(super) const CALL_LIFE_S: u32 = 60;
/// Calls of one code that are remembered; more of them have to wait.
pub(super) const CALLS_PER_CODE: u32 = 120;
/// Calls remembered at once.
const CALLS_MAX: usize = 65_536;
/// Wrong calls of one address in [`WRONG_WINDOW_S`]; more of them are not looked at.
pub(super) const WRONG_PER_ADDRESS: u32 = 60;
const WRONG_WINDOW_S: u32 = 60;
/// Addresses remembered at once.
const ADDRESSES_MAX: usize = 4_096;

/// Why a call that is in order is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It was answered before, or it is not of this time.
    Stale,
    /// Too many at once.
    Busy,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Timestamp,
    count: u32,
}

/// The tables.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Calls from before are not remembered.
    began: Timestamp,
    calls: HashMap<Digest, (Code, Timestamp)>,
    per_code: HashMap<Code, u32>,
    wrong: HashMap<IpAddr, Wrong>,
    swept: Timestamp,
}

impl Bounds {
    /// Nothing is remembered from before `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            began: now,
            calls: HashMap::new(),
            per_code: HashMap::new(),
            wrong: HashMap::new(),
            swept: now,
        }
    }

    /// Whether a call made at `time` may be looked at now. A call from before this process began may
    /// have been answered by the one before it.
    pub(super) fn is_of_now(&self, time: Timestamp, now: Timestamp) -> bool {
        time >= self.began && time.0.abs_diff(now.0) <= CALL_LIFE_S
    }

    /// Takes a call whose signature fits: it is never taken again.
    pub(super) fn take(
        &mut self,
        call: Digest,
        code: Code,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unanswered> {
        self.sweep(now);
        if !self.is_of_now(time, now) || self.calls.contains_key(&call) {
            return Err(Unanswered::Stale);
        }
        let made = self.per_code.get(&code).copied().unwrap_or(0);
        if made >= CALLS_PER_CODE || self.calls.len() >= CALLS_MAX {
            return Err(Unanswered::Busy);
        }
        self.calls.insert(call, (code, time));
        self.per_code.insert(code, made + 1);
        Ok(())
    }

    /// Forgets what can be called again by nobody. Once a second at most: it looks at everything.
    fn sweep(&mut self, now: Timestamp) {
        if self.swept == now {
            return;
        }
        self.swept = now;
        let per_code = &mut self.per_code;
        self.calls.retain(|_, (code, time)| {
            let keep = time.0.saturating_add(CALL_LIFE_S) >= now.0;
            if !keep && let Some(left) = per_code.get_mut(code) {
                *left = left.saturating_sub(1);
            }
            keep
        });
        per_code.retain(|_, left| *left > 0);
    }

    /// Whether calls of this address are looked at.
    pub(super) fn is_heard(&mut self, from: IpAddr, now: Timestamp) -> bool {
        let wrong = self.wrong.get(&from);
        !wrong.is_some_and(|wrong| wrong.count >= WRONG_PER_ADDRESS && wrong.is_recent(now))
    }

    /// A call of this address was refused at the door.
    pub(super) fn called_wrongly(&mut self, from: IpAddr, now: Timestamp) {
        if self.wrong.len() >= ADDRESSES_MAX && !self.wrong.contains_key(&from) {
            self.wrong.retain(|_, wrong| wrong.is_recent(now));
            if self.wrong.len() >= ADDRESSES_MAX {
                // A flood from many addresses: each call costs it one of its own and us one look.
                self.wrong.clear();
            }
        }
        let fresh = Wrong {
            since: now,
            count: 0,
        };
        let wrong = self.wrong.entry(from).or_insert(fresh);
        if !wrong.is_recent(now) {
            *wrong = fresh;
        }
        wrong.count = wrong.count.saturating_add(1);
    }
}

impl Wrong {
    fn is_recent(&self, now: Timestamp) -> bool {
        now.0.abs_diff(self.since.0) < WRONG_WINDOW_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Kind;
    use protocol::code::IssuedBy;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn code(sequence: u64) -> Code {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        Code::derive(Kind::Person, by, sequence, b"key").unwrap()
    }

    fn call(number: u32) -> Digest {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Digest(bytes)
    }

    #[test]
    fn a_call_is_taken_once_and_only_in_its_time() {
        let mut bounds = Bounds::new(NOW.minus_s(600));
        assert_eq!(bounds.take(call(1), code(1), NOW, NOW), Ok(()));
        for later_s in [0, 1, CALL_LIFE_S] {
            let again = bounds.take(call(1), code(1), NOW, NOW.plus_s(later_s));
            assert_eq!(again, Err(Unanswered::Stale), "after {later_s} s");
        }
        // It is forgotten, and too old by then.
        let forgotten = NOW.plus_s(CALL_LIFE_S + 1);
        let again = bounds.take(call(1), code(1), NOW, forgotten);
        assert_eq!(again, Err(Unanswered::Stale));
        assert!(bounds.calls.is_empty() && bounds.per_code.is_empty());
        let early = bounds.take(call(2), code(1), NOW.plus_s(CALL_LIFE_S + 1), NOW);
        assert_eq!(early, Err(Unanswered::Stale));
    }

    #[test]
    fn a_call_from_the_future_is_remembered_until_it_is_too_old() {
        let mut bounds = Bounds::new(NOW.minus_s(600));
        let time = NOW.plus_s(CALL_LIFE_S);
        assert_eq!(bounds.take(call(1), code(1), time, NOW), Ok(()));
        let late = NOW.plus_s(2 * CALL_LIFE_S);
        let again = bounds.take(call(1), code(1), time, late);
        assert_eq!(again, Err(Unanswered::Stale));
    }

    #[test]
    fn a_call_from_before_the_door_opened_is_not_taken() {
        let mut bounds = Bounds::new(NOW);
        let before = bounds.take(call(1), code(1), NOW.minus_s(1), NOW);
        assert_eq!(before, Err(Unanswered::Stale));
        assert_eq!(bounds.take(call(1), code(1), NOW, NOW), Ok(()));
    }

    #[test]
    fn a_code_calls_so_often_and_keeps_no_other_out() {
        let mut bounds = Bounds::new(NOW.minus_s(600));
        for number in 0..CALLS_PER_CODE {
            assert_eq!(bounds.take(call(number), code(1), NOW, NOW), Ok(()));
        }
        let more = call(CALLS_PER_CODE);
        assert_eq!(bounds.take(more, code(1), NOW, NOW), Err(Unanswered::Busy));
        assert_eq!(bounds.take(more, code(2), NOW, NOW), Ok(()));
        let later = NOW.plus_s(CALL_LIFE_S + 1);
        let next = call(CALLS_PER_CODE + 1);
        assert_eq!(bounds.take(next, code(1), later, later), Ok(()));
    }

    #[test]
    fn the_table_of_calls_is_bounded() {
        let mut bounds = Bounds::new(NOW.minus_s(600));
        let most = u32::try_from(CALLS_MAX).unwrap();
        for number in 0..most {
            let by = code(u64::from(number / CALLS_PER_CODE));
            assert_eq!(bounds.take(call(number), by, NOW, NOW), Ok(()));
        }
        let full = bounds.take(call(most), code(1 << 20), NOW, NOW);
        assert_eq!(full, Err(Unanswered::Busy));
    }

    #[test]
    fn an_address_that_calls_wrongly_is_not_heard_for_a_while() {
        let mut bounds = Bounds::new(NOW);
        let at = |last: u32| IpAddr::from(last.to_be_bytes());
        for _ in 0..WRONG_PER_ADDRESS {
            assert!(bounds.is_heard(at(1), NOW));
            bounds.called_wrongly(at(1), NOW);
        }
        assert!(!bounds.is_heard(at(1), NOW));
        assert!(bounds.is_heard(at(2), NOW));
        assert!(bounds.is_heard(at(1), NOW.plus_s(WRONG_WINDOW_S)));
        for last in 0..20_000 {
            bounds.called_wrongly(at(last), NOW);
            assert!(bounds.wrong.len() <= ADDRESSES_MAX);
        }
    }
}
