//! What is kept of one session, as far as it has to be known while nobody is connected. Pure: what
//! has to be written down is the caller's.

use super::super::subscription::{Delivery, Listener, Subscription, delivery};
use super::super::{live::ClientId, packet::Qos};
use crate::tree::Event;
use protocol::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Messages that wait for one session; the oldest give way.
pub(in crate::mqtt) const WAITING_MAX: usize = 1_024;
/// Bytes of messages that wait for one session, likewise.
pub(in crate::mqtt) const WAITING_BYTES_MAX: usize = 1024 * 1024;
/// Seats of kept sessions have this bit, those of others are numbers of connections.
const KEPT_SEAT: u64 = 1 << 63;

/// One session that is kept.
#[derive(Debug)]
pub(in crate::mqtt) struct Mailbox {
    /// Its number in the file.
    pub(in crate::mqtt) number: i64,
    pub(in crate::mqtt) id: ClientId,
    /// Rings when something has come in.
    pub(in crate::mqtt) bell: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The connection it has; 0 for none.
    serial: u64,
    life_s: u32,
    away: Option<Timestamp>,
    subscriptions: Vec<Subscription>,
    /// Numbers and bytes of what waits, in order.
    waiting: VecDeque<(u64, usize)>,
    bytes: usize,
    newest: u64,
    /// Everything up to here may have been sent before.
    sent: u64,
}

/// A place among what waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) number: u64,
    pub(super) options: u8,
    /// What gives way for it.
    pub(super) gone: Vec<u64>,
}

impl Mailbox {
    pub(super) fn new(number: i64, id: ClientId, life_s: u32) -> Self {
        Self {
            number,
            id,
            bell: Notify::new(),
            state: Mutex::new(State {
                life_s,
                ..State::default()
            }),
        }
    }

    /// As it was left before this process began.
    pub(super) fn restored(
        self,
        subscriptions: Vec<Subscription>,
        waiting: &[(u64, usize)],
        away: Timestamp,
    ) -> Self {
        {
            let mut state = self.state();
            state.subscriptions = subscriptions;
            state.waiting = waiting.iter().copied().collect();
            state.bytes = waiting.iter().map(|(_, bytes)| bytes).sum();
            state.newest = waiting.last().map_or(0, |(number, _)| *number);
            state.sent = state.newest;
            state.away = Some(away);
        }
        self
    }

    /// Its number among those who share a subscription.
    pub(in crate::mqtt) fn seat(&self) -> u64 {
        self.number.unsigned_abs() | KEPT_SEAT
    }

    pub(in crate::mqtt) fn subscriptions(&self) -> Vec<Subscription> {
        self.state().subscriptions.clone()
    }

    /// Everything up to here may have been sent to an earlier connection.
    pub(in crate::mqtt) fn sent(&self) -> u64 {
        self.state().sent
    }

    pub(super) fn set_subscriptions(&self, subscriptions: &[Subscription]) {
        self.state().subscriptions = subscriptions.to_vec();
    }

    /// Somebody is connected now.
    pub(super) fn come(&self, serial: u64, life_s: u32) {
        let mut state = self.state();
        (state.serial, state.life_s, state.away) = (serial, life_s, None);
    }

    /// Nobody is any more.
    pub(super) fn go(&self, life_s: u32, now: Timestamp) {
        let mut state = self.state();
        (state.serial, state.life_s, state.away) = (0, life_s, Some(now));
        state.sent = state.newest;
    }

    /// Whether it has been left for longer than it is kept.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let state = self.state();
        let over = |away: Timestamp| now.0.saturating_sub(away.0) > state.life_s;
        state.away.is_some_and(over)
    }

    /// Finds room for an event that is to be kept for it; `None` for any other.
    pub(super) fn slot(&self, event: &Event, bytes: usize) -> Option<Slot> {
        let state = self.state();
        let who = Listener {
            serial: state.serial,
            seat: self.seat(),
        };
        let how = delivery(&state.subscriptions, event, who)?;
        drop(state);
        (how.qos != Qos::AtMostOnce).then(|| self.room_for(how, bytes))
    }

    /// Finds room for something that is kept for it.
    pub(super) fn room_for(&self, how: Delivery, bytes: usize) -> Slot {
        let mut state = self.state();
        state.newest += 1;
        let number = state.newest;
        state.waiting.push_back((number, bytes));
        state.bytes += bytes;
        let mut gone = Vec::new();
        while state.waiting.len() > WAITING_MAX || state.bytes > WAITING_BYTES_MAX {
            let Some((oldest, bytes)) = state.waiting.pop_front() else {
                break;
            };
            state.bytes -= bytes;
            gone.push(oldest);
        }
        Slot {
            number,
            options: how.options(),
            gone,
        }
    }

    /// These are not needed any more.
    pub(super) fn taken(&self, numbers: &[u64]) {
        let mut state = self.state();
        for taken in numbers {
            let found = state.waiting.iter().position(|(number, _)| number == taken);
            if let Some((_, bytes)) = found.and_then(|at| state.waiting.remove(at)) {
                state.bytes -= bytes;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{code, filter, topic};
    use bytes::Bytes;

    fn mailbox(qos: Qos) -> Mailbox {
        let id = ClientId::read(code("A"), "").unwrap();
        let mailbox = Mailbox::new(1, id, 60);
        mailbox.set_subscriptions(&[Subscription {
            filter: filter("oc/1/A/t/#"),
            share: None,
            qos,
            no_local: true,
            retain_as_published: false,
            identifier: None,
        }]);
        mailbox
    }

    fn event(assured: bool, origin: u64) -> Event {
        Event {
            assured,
            origin,
            ..Event::new(topic("oc/1/A/t/x"), Bytes::from_static(b"1"))
        }
    }

    #[test]
    fn only_what_is_assured_on_both_ends_waits() {
        let numbers = |mailbox: &Mailbox, event| mailbox.slot(&event, 10).map(|slot| slot.number);
        let sure = mailbox(Qos::ExactlyOnce);
        assert_eq!(numbers(&sure, event(true, 0)), Some(1));
        assert_eq!(numbers(&sure, event(false, 0)), None);
        assert_eq!(numbers(&mailbox(Qos::AtMostOnce), event(true, 0)), None);
        sure.come(7, 60);
        assert_eq!(numbers(&sure, event(true, 7)), None, "its own echo");
        assert_eq!(numbers(&sure, event(true, 8)), Some(2));
    }

    #[test]
    fn the_oldest_give_way_by_number_and_by_size() {
        let mailbox = mailbox(Qos::AtLeastOnce);
        for number in 1..=WAITING_MAX as u64 {
            let slot = mailbox.slot(&event(true, 0), 10).unwrap();
            assert_eq!((slot.number, slot.gone), (number, vec![]));
        }
        assert_eq!(mailbox.slot(&event(true, 0), 10).unwrap().gone, [1]);
        mailbox.taken(&[2, 3, 99]);
        assert!(mailbox.slot(&event(true, 0), 10).unwrap().gone.is_empty());
        let half = WAITING_BYTES_MAX / 2 + 1;
        mailbox.slot(&event(true, 0), half).unwrap();
        let slot = mailbox.slot(&event(true, 0), half).unwrap();
        assert!(slot.gone.len() > 1_000, "all before it: {slot:?}");
        assert_eq!(mailbox.state().waiting.len(), 1);
        assert_eq!(mailbox.state().bytes, half);
    }

    #[test]
    fn it_is_over_when_its_time_has_passed_and_nobody_is_there() {
        let mailbox = mailbox(Qos::AtLeastOnce);
        assert!(!mailbox.is_over(Timestamp(u32::MAX)), "somebody is there");
        mailbox.go(60, Timestamp(1_000));
        assert!(!mailbox.is_over(Timestamp(1_060)));
        assert!(mailbox.is_over(Timestamp(1_061)));
        mailbox.come(3, 60);
        assert!(!mailbox.is_over(Timestamp(2_000)));
    }
}
