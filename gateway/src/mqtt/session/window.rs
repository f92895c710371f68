//! Which packet identifiers are under way to a client, and for what.

use crate::mqtt::packet::Qos;
use std::collections::VecDeque;

/// Messages with QoS 1 and 2 a client may owe acknowledgements for.
const WINDOW_MAX: usize = 32;
/// Identifiers from here on are for what is forgotten with the connection; those below stand for
/// messages that are kept, each always for the same one.
const PASSING_IDS: u16 = 0x8000;

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mqtt) enum Source {
    /// It is gone with the connection.
    Passing,
    /// The entry of the wallet inbox with this number.
    Inbox(u64),
    /// The message with this number that is kept for the session.
    Kept(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Puback,
    Pubrec,
    Pubcomp,
}

#[derive(Debug)]
struct Owed {
    id: u16,
    stage: Stage,
    source: Source,
}

#[derive(Debug)]
pub(in crate::mqtt) struct Window {
    most: usize,
    newest: u16,
    owed: VecDeque<Owed>,
}

impl Window {
    pub(super) fn new(receive_most: u16) -> Self {
        Self {
            most: usize::from(receive_most).min(WINDOW_MAX),
            newest: PASSING_IDS,
            owed: VecDeque::new(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.owed.len() < self.most
    }

    pub(super) fn room(&self) -> u32 {
        u32::try_from(self.most - self.owed.len()).unwrap_or(u32::MAX)
    }

    /// An identifier for a message, or for what is left of one that the client has already;
    /// `None` when a kept message has to wait for the one before it with the same identifier.
    pub(super) fn take(&mut self, source: Source, qos: Qos, released: bool) -> Option<u16> {
        let id = match source {
            Source::Kept(number) => {
                let id = kept_id(number);
                if self.find(id).is_some() {
                    return None;
                }
                id
            }
            Source::Passing | Source::Inbox(_) => self.passing_id(),
        };
        let stage = match qos {
            _ if released => Stage::Pubcomp,
            Qos::ExactlyOnce => Stage::Pubrec,
            Qos::AtLeastOnce | Qos::AtMostOnce => Stage::Puback,
        };
        self.owed.push_back(Owed { id, stage, source });
        Some(id)
    }

    /// One that is free: at most [`WINDOW_MAX`] are not.
    fn passing_id(&mut self) -> u16 {
        loop {
            self.newest = self.newest.checked_add(1).unwrap_or(PASSING_IDS);
            if self.find(self.newest).is_none() {
                return self.newest;
            }
        }
    }

    fn find(&self, id: u16) -> Option<usize> {
        self.owed.iter().position(|owed| owed.id == id)
    }

    /// The client has a message of QoS 1: which.
    pub(super) fn puback(&mut self, id: u16) -> Option<Source> {
        self.settle(id, Stage::Puback)
    }

    /// The client has a message of QoS 2 and waits to forget it: which. It stays owed until
    /// [`Window::pubcomp`].
    pub(super) fn pubrec(&mut self, id: u16) -> Option<Source> {
        let owed = self.find(id).and_then(|at| self.owed.get_mut(at));
        let owed = owed.filter(|owed| owed.stage != Stage::Puback)?;
        owed.stage = Stage::Pubcomp;
        Some(owed.source)
    }

    /// The client does not take a message of QoS 2: which.
    pub(super) fn refused(&mut self, id: u16) -> Option<Source> {
        self.settle(id, Stage::Pubrec)
    }

    /// The client has forgotten a message of QoS 2: which.
    pub(super) fn pubcomp(&mut self, id: u16) -> Option<Source> {
        self.settle(id, Stage::Pubcomp)
    }

    fn settle(&mut self, id: u16, stage: Stage) -> Option<Source> {
        let at = self.find(id)?;
        let there = self.owed.get(at).filter(|owed| owed.stage == stage);
        there?;
        self.owed.remove(at).map(|owed| owed.source)
    }
}

/// The identifier of a kept message: the same after every reconnection, without being written down.
fn kept_id(number: u64) -> u16 {
    let id = number % u64::from(PASSING_IDS - 1) + 1;
    u16::try_from(id).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_message_has_one_identifier_for_ever_and_no_other_has_it_meanwhile() {
        let mut window = Window::new(u16::MAX);
        let take = |window: &mut Window, number| {
            window.take(Source::Kept(number), Qos::ExactlyOnce, false)
        };
        let first = take(&mut window, 1).unwrap();
        assert_eq!(take(&mut Window::new(9), 1), Some(first));
        assert_eq!(take(&mut window, 1 + 0x7fff), None, "one round later");
        assert_eq!(window.pubrec(first), Some(Source::Kept(1)));
        assert_eq!(take(&mut window, 1 + 0x7fff), None, "not forgotten yet");
        assert_eq!(window.pubcomp(first), Some(Source::Kept(1)));
        assert_eq!(take(&mut window, 1 + 0x7fff), Some(first));
        for number in [0, 0x7ffe, 0x7fff, u64::MAX] {
            assert!((1..PASSING_IDS).contains(&kept_id(number)), "{number}");
        }
    }

    #[test]
    fn passing_identifiers_go_round_among_themselves() {
        let mut window = Window::new(3);
        let mut ids = Vec::new();
        for _ in 0..70_000 {
            let id = window.take(Source::Passing, Qos::AtLeastOnce, false);
            ids.push(id.unwrap());
            assert_eq!(window.puback(id.unwrap()), Some(Source::Passing));
        }
        assert!(ids.iter().all(|id| *id >= PASSING_IDS));
        assert!(window.has_room());
    }

    #[test]
    fn an_answer_that_does_not_fit_settles_nothing() {
        let mut window = Window::new(9);
        let sure = window.take(Source::Inbox(4), Qos::AtLeastOnce, false);
        let once = window.take(Source::Passing, Qos::ExactlyOnce, false);
        let (sure, once) = (sure.unwrap(), once.unwrap());
        assert_eq!((window.pubrec(sure), window.pubcomp(sure)), (None, None));
        assert_eq!((window.puback(once), window.pubcomp(once)), (None, None));
        assert_eq!(window.puback(7), None);
        assert_eq!(window.room(), 7);
        assert_eq!(window.puback(sure), Some(Source::Inbox(4)));
        assert_eq!(window.refused(once), Some(Source::Passing));
        assert_eq!(window.room(), 9);
        let rest = window.take(Source::Kept(3), Qos::ExactlyOnce, true);
        assert_eq!(window.pubcomp(rest.unwrap()), Some(Source::Kept(3)));
    }
}
