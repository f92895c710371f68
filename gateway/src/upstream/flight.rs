//! What is on its way to a broker: pure. The outbox holds the messages, rumqttc the packets; this
//! joins the numbers of one with the packet identifiers of the other.
//!
//! ```text
//! outbox --handed--> rumqttc --Sent(id)--> flying --Acknowledged(id)--> forgotten by the outbox
//! ```

use std::collections::{HashMap, VecDeque};

/// Messages on their way at once.
pub const WINDOW: usize = 64;
/// Packet identifiers go round after this many; more than ever fly, so that none meets itself.
pub const PACKET_NUMBERS: u16 = 4_096;
/// After so many connections that ended with one message still the oldest, it is told to the log.
const STUCK_AFTER: u32 = 8;

/// What has happened on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Connected; whether the broker remembers what was on its way.
    Connected {
        /// It does.
        remembers: bool,
    },
    /// A packet went out for the first time or once more.
    Sent(u16),
    /// The broker has it: PUBACK, or PUBCOMP.
    Acknowledged(u16),
    /// The connection broke.
    Lost,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing.
    Nothing,
    /// This message is done with.
    Gone(u64),
    /// The broker has forgotten the session: everything on its way leaves anew, on a new one.
    BeginAnew,
    /// This message has been the oldest on its way through so many connections.
    Stuck(u64, u32),
}

/// One session with a broker, through any number of connections.
#[derive(Debug, Default)]
pub struct Flight {
    online: bool,
    connected_before: bool,
    /// The newest message that was handed over.
    cursor: u64,
    /// Handed over, packet identifier not known yet.
    handed: VecDeque<u64>,
    flying: HashMap<u16, u64>,
    /// The oldest on its way when the connection before broke, and through how many.
    oldest: Option<(u64, u32)>,
}

impl Flight {
    /// How many more may be handed over now.
    pub fn room(&self) -> usize {
        match self.online {
            true => WINDOW.saturating_sub(self.handed.len() + self.flying.len()),
            false => 0,
        }
    }

    /// Messages above this number were not handed over yet.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Messages leave in the order of their numbers.
    pub fn hand_over(&mut self, number: u64) {
        self.cursor = number;
        self.handed.push_back(number);
    }

    /// Takes up what has happened.
    pub fn happened(&mut self, what: Happened) -> Follows {
        match what {
            Happened::Connected { remembers } => {
                if self.connected_before && !remembers {
                    return Follows::BeginAnew;
                }
                self.connected_before = true;
                self.online = true;
                Follows::Nothing
            }
            Happened::Sent(id) => {
                // One that is known goes out once more; identifiers are given out in order.
                if !self.flying.contains_key(&id)
                    && let Some(number) = self.handed.pop_front()
                {
                    self.flying.insert(id, number);
                }
                Follows::Nothing
            }
            Happened::Acknowledged(id) => match self.flying.remove(&id) {
                Some(number) => Follows::Gone(number),
                None => Follows::Nothing,
            },
            Happened::Lost => {
                self.online = false;
                self.blame()
            }
        }
    }

    fn blame(&mut self) -> Follows {
        let oldest = self.flying.values().chain(&self.handed).min().copied();
        self.oldest = match (oldest, self.oldest) {
            (Some(oldest), Some((before, times))) if oldest == before => Some((oldest, times + 1)),
            (oldest, _) => oldest.map(|oldest| (oldest, 1)),
        };
        match self.oldest {
            Some((number, times)) if times.is_multiple_of(STUCK_AFTER) => {
                Follows::Stuck(number, times)
            }
            _ => Follows::Nothing,
        }
    }
}

/// In which order packets left for the first time. rumqttc mixes it up when a connection breaks
/// while it sends once more what the one before left over.
#[derive(Debug, Default)]
pub struct Departures {
    count: u64,
    places: HashMap<u16, u64>,
}

impl Departures {
    /// A packet goes out; it keeps its place when it does so once more.
    pub fn left(&mut self, id: u16) {
        self.count += 1;
        self.places.entry(id).or_insert(self.count);
    }

    /// It is acknowledged: the identifier may stand for another one.
    pub fn done(&mut self, id: u16) {
        self.places.remove(&id);
    }

    /// Its place; whatever has not left comes last.
    pub fn place(&self, id: u16) -> u64 {
        self.places.get(&id).copied().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(remembers: bool) -> Happened {
        Happened::Connected { remembers }
    }

    #[test]
    fn a_message_is_gone_when_its_packet_is_acknowledged_and_not_before() {
        let mut flight = Flight::default();
        assert_eq!(flight.room(), 0, "nothing leaves before the connection");
        assert_eq!(flight.happened(connected(false)), Follows::Nothing);
        flight.hand_over(7);
        flight.hand_over(9);
        assert_eq!((flight.room(), flight.cursor()), (WINDOW - 2, 9));
        flight.happened(Happened::Sent(1));
        flight.happened(Happened::Sent(2));
        assert_eq!(flight.happened(Happened::Acknowledged(2)), Follows::Gone(9));
        assert_eq!(
            flight.happened(Happened::Acknowledged(2)),
            Follows::Nothing,
            "once"
        );
        flight.happened(Happened::Lost);
        assert_eq!(flight.room(), 0);
        flight.happened(connected(true));
        flight.hand_over(10);
        // The session was remembered: the packet of before goes out again, then the new one.
        flight.happened(Happened::Sent(1));
        flight.happened(Happened::Sent(3));
        assert_eq!(flight.happened(Happened::Acknowledged(1)), Follows::Gone(7));
        assert_eq!(
            flight.happened(Happened::Acknowledged(3)),
            Follows::Gone(10)
        );
        assert_eq!(flight.room(), WINDOW);
    }

    #[test]
    fn packets_keep_the_place_of_their_first_departure() {
        let mut departures = Departures::default();
        for id in [4_096, 1, 2, 4_096] {
            departures.left(id);
        }
        let mut ids = [3, 2, 1, 4_096];
        ids.sort_by_key(|id| departures.place(*id));
        assert_eq!(ids, [4_096, 1, 2, 3]);
        departures.done(4_096);
        departures.left(4_096);
        ids.sort_by_key(|id| departures.place(*id));
        assert_eq!(ids, [1, 2, 4_096, 3]);
    }

    #[test]
    fn what_a_broker_has_forgotten_begins_anew() {
        let mut flight = Flight::default();
        flight.happened(connected(false));
        flight.happened(Happened::Lost);
        assert_eq!(flight.happened(connected(false)), Follows::BeginAnew);
    }

    #[test]
    fn a_message_that_no_connection_survives_is_told() {
        let mut flight = Flight::default();
        flight.happened(connected(false));
        flight.hand_over(5);
        let told: Vec<Follows> = (0..STUCK_AFTER)
            .map(|_| {
                flight.happened(connected(true));
                flight.happened(Happened::Sent(1));
                flight.happened(Happened::Lost)
            })
            .collect();
        let (last, before) = told.split_last().unwrap();
        assert_eq!(*last, Follows::Stuck(5, STUCK_AFTER));
        assert!(before.iter().all(|told| *told == Follows::Nothing));
    }
}
