//! A CoAP endpoint that serves: bytes in, bytes and requests out. No sockets, no clock.
//!
//! Driving it:
//!
//! 1. Give it every datagram with [`Endpoint::receive`].
//! 2. Take what it wants done from [`Endpoint::poll`] until there is nothing: send what is to be
//!    sent, and work on the requests.
//! 3. Answer each request once, whenever that may be, with [`Endpoint::respond`]; then poll again.
//!    Until then duplicates of the request are not worked on, afterwards they get the same answer.
//! 4. Call [`Endpoint::on_time`] at [`Endpoint::deadline`]; then poll again.
//!
//! `K` names a peer: a source address on plain UDP, a session on DTLS.

mod answers;
mod asked;
mod bodies;
mod compose;
mod echo;
mod observations;
mod pace;
mod peer;
#[cfg(test)]
mod tests;

use super::limits::{AMPLIFICATION, Limits, PROVEN_FOR, WAIT_S};
use super::request::{Request, Response};
use asked::{Asked, Source};
use coap_lite::{MessageType, Packet, ResponseType};
use device_sdk::coap::wire::{self, Dice};
use echo::Echo;
use pace::Pace;
use peer::{Effect, House, Peer};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

/// One request in work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId<K> {
    peer: K,
    number: u64,
}

/// One registration of one observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObservationId<K> {
    peer: K,
    number: u64,
}

/// What the endpoint wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<K> {
    /// Send a datagram.
    Send {
        /// To whom.
        to: K,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Work on a request and answer it.
    Request {
        /// By which it is answered.
        id: RequestId<K>,
        /// Who asks.
        from: K,
        /// What.
        request: Request,
    },
    /// Find out the state again and tell it with [`Endpoint::notify`]: what the observer holds is
    /// about to be stale.
    Refresh(ObservationId<K>),
    /// Nobody observes here any more.
    Ended(ObservationId<K>),
}

/// What cannot be foretold about an endpoint.
#[derive(Clone, Copy)]
pub struct Seed {
    /// Makes message ids and waiting times.
    pub dice: u64,
    /// Makes what shows that an address is read at.
    pub echo: [u8; 16],
}

/// Who is forgotten first when there are too many: those who have not shown that they are where they
/// say, and among equals who was not heard for longest.
type Rank = (bool, u64);

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint<K> {
    house: House,
    echo: Echo,
    /// Requests of those who have proved nothing.
    strangers: Pace,
    peers: HashMap<K, Entry>,
    by_rank: BTreeMap<Rank, K>,
    /// Those for whom bytes are held.
    holders: BTreeMap<Rank, K>,
    timers: BTreeSet<(Instant, K)>,
    uses: u64,
    held_bytes: usize,
    output: VecDeque<Output<K>>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    rank: Rank,
    /// Until when its address need not be proven again.
    proven_until: Option<Instant>,
    held_bytes: usize,
    deadline: Instant,
}

impl<K: Copy + Ord + Hash> Endpoint<K> {
    /// An endpoint without peers.
    pub fn new(limits: Limits, seed: Seed, now: Instant) -> Self {
        let strangers = limits.strangers_per_s;
        Self {
            echo: Echo::new(seed.echo, now),
            strangers: Pace::new(strangers, strangers, now),
            house: House {
                limits,
                dice: Dice::new(seed.dice),
                working: 0,
                observing: 0,
                numbers: 0,
                effects: Vec::new(),
            },
            peers: HashMap::new(),
            by_rank: BTreeMap::new(),
            holders: BTreeMap::new(),
            timers: BTreeSet::new(),
            uses: 0,
            held_bytes: 0,
            output: VecDeque::new(),
        }
    }

    /// Takes a datagram. What is no CoAP is dropped.
    pub fn receive(&mut self, from: K, datagram: &[u8], now: Instant) {
        let Some(packet) = wire::read(datagram) else {
            return;
        };
        let message_id = packet.header.message_id;
        let kind = packet.header.get_type();
        match kind {
            MessageType::Reset => {
                self.with_peer(from, now, |peer, house| peer.on_reset(message_id, house));
            }
            MessageType::Acknowledgement => {
                self.with_peer(from, now, |peer, house| {
                    peer.on_acknowledgement(message_id, now, house);
                });
            }
            MessageType::Confirmable | MessageType::NonConfirmable if peer::is_request(&packet) => {
                self.on_request(from, packet, datagram.len(), now);
            }
            // A ping, or something only a client could have asked for.
            MessageType::Confirmable => self.output.push_back(Output::Send {
                to: from,
                bytes: wire::empty(MessageType::Reset, message_id),
            }),
            MessageType::NonConfirmable => {}
        }
    }

    fn on_request(&mut self, from: K, packet: Packet, datagram_bytes: usize, now: Instant) {
        let mut source = Source::PROVEN;
        let mut proven = self.house.limits.verified;
        if !proven {
            let echoed = packet.get_first_option(wire::ECHO);
            let shown = echoed.is_some_and(|value| self.echo.is_fresh(&from, value, now));
            if !shown {
                // Once proven does not count here: anybody may have written this address.
                source = Source {
                    answer_max_bytes: Some(datagram_bytes.saturating_mul(AMPLIFICATION)),
                    echo: Some(self.echo.value(&from, now)),
                };
            }
            proven = shown || self.is_proven(&from, now);
            if !proven && let Some(answer) = self.doubt(&packet, source, now) {
                return self.output.push_back(Output::Send {
                    to: from,
                    bytes: answer,
                });
            }
            self.admit(from, proven, now);
            if shown && let Some(entry) = self.peers.get_mut(&from) {
                entry.proven_until = Some(now + PROVEN_FOR);
            }
        } else {
            self.admit(from, true, now);
        }
        self.with_peer(from, now, |peer, house| {
            peer.on_request(packet, datagram_bytes, source, now, house);
        });
    }

    fn is_proven(&self, peer: &K, now: Instant) -> bool {
        let entry = self.peers.get(peer);
        entry.is_some_and(|entry| entry.proven_until.is_some_and(|until| now < until))
    }

    /// What a stranger gets for whom nothing is to be done yet, and of whom nothing is kept.
    fn doubt(&mut self, packet: &Packet, source: Source, now: Instant) -> Option<Vec<u8>> {
        let (asked, _) = Asked::read(packet, source, &self.house.limits);
        let mut composed = if asked.changes_state() {
            compose::challenge(&asked)
        } else if !self.strangers.take(now) {
            let mut busy = Response::bare(ResponseType::TooManyRequests);
            busy.max_age_s = Some(WAIT_S);
            compose::compose(&asked, &busy, None)
        } else {
            return None;
        };
        if !asked.confirmable {
            let header = &mut composed.packet.header;
            header.message_id = self.house.dice.roll() as u16;
            header.set_type(MessageType::NonConfirmable);
        }
        wire::write(&composed.packet)
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output<K>> {
        self.output.pop_front()
    }

    /// Answers a request. With `watch`, and if the peer asked for it and there is room, it becomes
    /// an observation, to be told of changes with [`Endpoint::notify`].
    pub fn respond(
        &mut self,
        id: RequestId<K>,
        response: &Response,
        watch: bool,
        now: Instant,
    ) -> Option<ObservationId<K>> {
        let RequestId { peer, number } = id;
        let observation = self.with_peer(peer, now, |peer, house| {
            peer.respond(number, response, watch, now, house)
        })??;
        Some(ObservationId {
            peer,
            number: observation,
        })
    }

    /// Tells an observer the new state. A later state replaces one that is not yet acknowledged;
    /// an error ends the observation.
    pub fn notify(&mut self, id: ObservationId<K>, response: Response, now: Instant) {
        self.with_peer(id.peer, now, |peer, house| {
            peer.notify(id.number, response, now, house);
        });
    }

    /// Ends an observation whose resource has nothing more to tell.
    pub fn end(&mut self, id: ObservationId<K>, now: Instant) {
        self.with_peer(id.peer, now, |peer, house| {
            peer.forget_observation(id.number, house);
        });
    }

    /// When [`Endpoint::on_time`] next has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Repeats, acknowledges and forgets what is due.
    pub fn on_time(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            if self
                .peers
                .get(&key)
                .is_some_and(|entry| entry.peer.is_idle(now))
            {
                self.forget(key);
                continue;
            }
            self.with_peer(key, now, |peer, house| peer.on_time(now, house));
        }
    }

    /// The peer is gone; its observations end.
    pub fn forget(&mut self, key: K) {
        let Some(entry) = self.peers.remove(&key) else {
            return;
        };
        self.by_rank.remove(&entry.rank);
        self.holders.remove(&entry.rank);
        self.timers.remove(&(entry.deadline, key));
        self.held_bytes = self.held_bytes.saturating_sub(entry.held_bytes);
        entry.peer.leave(&mut self.house);
        self.collect(key);
    }

    /// How many requests are in work.
    pub fn in_work(&self) -> usize {
        self.house.working
    }

    /// How many peers are remembered.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Bytes held for all peers together.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    fn admit(&mut self, key: K, proven: bool, now: Instant) {
        self.uses += 1;
        let rank = (proven, self.uses);
        if let Some(entry) = self.peers.get_mut(&key) {
            entry.peer.last_seen = now;
            self.by_rank.remove(&entry.rank);
            if self.holders.remove(&entry.rank).is_some() {
                self.holders.insert(rank, key);
            }
            entry.rank = rank;
            self.by_rank.insert(rank, key);
            return;
        }
        if self.peers.len() >= self.house.limits.peers
            && let Some((_, first)) = self.by_rank.first_key_value()
        {
            self.forget(*first);
        }
        let peer = Peer::new(&mut self.house, now);
        let deadline = peer.deadline();
        let entry = Entry {
            peer,
            rank,
            proven_until: None,
            held_bytes: 0,
            deadline,
        };
        self.by_rank.insert(rank, key);
        self.timers.insert((deadline, key));
        self.peers.insert(key, entry);
    }

    /// Works on one peer, then brings effects, timers and bounds up to date.
    fn with_peer<R>(
        &mut self,
        key: K,
        now: Instant,
        work: impl FnOnce(&mut Peer, &mut House) -> R,
    ) -> Option<R> {
        let entry = self.peers.get_mut(&key)?;
        let result = work(&mut entry.peer, &mut self.house);
        let mut deadline = entry.peer.deadline();
        if deadline <= now && !entry.peer.is_idle(now) {
            // Only an observer that says nothing stays beyond its time: look again later.
            entry.peer.last_seen = now;
            deadline = entry.peer.deadline();
        }
        if deadline != entry.deadline {
            self.timers.remove(&(entry.deadline, key));
            self.timers.insert((deadline, key));
            entry.deadline = deadline;
        }
        let held_bytes = entry.peer.held_bytes();
        if held_bytes != entry.held_bytes {
            self.held_bytes = self.held_bytes.saturating_sub(entry.held_bytes) + held_bytes;
            entry.held_bytes = held_bytes;
            if held_bytes == 0 {
                self.holders.remove(&entry.rank);
            } else {
                self.holders.insert(entry.rank, key);
            }
            self.make_room();
        }
        self.collect(key);
        Some(result)
    }

    /// Releases what is held for those silent for longest, until the bound is kept.
    fn make_room(&mut self) {
        while self.held_bytes > self.house.limits.held_bytes {
            let Some((_, key)) = self.holders.pop_first() else {
                return;
            };
            if let Some(entry) = self.peers.get_mut(&key) {
                entry.peer.release();
                self.held_bytes = self.held_bytes.saturating_sub(entry.held_bytes);
                entry.held_bytes = 0;
            }
        }
    }

    fn collect(&mut self, key: K) {
        for effect in self.house.effects.drain(..) {
            self.output.push_back(match effect {
                Effect::Send(bytes) => Output::Send { to: key, bytes },
                Effect::Request(number, request) => Output::Request {
                    id: RequestId { peer: key, number },
                    from: key,
                    request,
                },
                Effect::Refresh(number) => Output::Refresh(ObservationId { peer: key, number }),
                Effect::Ended(number) => Output::Ended(ObservationId { peer: key, number }),
            });
        }
    }
}
