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
mod observations;
mod peer;
#[cfg(test)]
mod tests;

use super::limits::Limits;
use super::request::{Request, Response};
use coap_lite::MessageType;
use device_sdk::coap::wire::{self, Dice};
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
    /// Nobody observes here any more.
    Ended(ObservationId<K>),
}

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint<K> {
    house: House,
    peers: HashMap<K, Entry>,
    /// By last use, oldest first.
    by_use: BTreeMap<u64, K>,
    /// Those for whom bytes are held, by last use.
    holders: BTreeMap<u64, K>,
    timers: BTreeSet<(Instant, K)>,
    uses: u64,
    held_bytes: usize,
    output: VecDeque<Output<K>>,
}

#[derive(Debug)]
struct Entry {
    peer: Peer,
    used: u64,
    held_bytes: usize,
    deadline: Instant,
}

impl<K: Copy + Ord + Hash> Endpoint<K> {
    /// An endpoint without peers. The seed makes message ids and waiting times.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            house: House {
                limits,
                dice: Dice::new(seed),
                working: 0,
                numbers: 0,
                effects: Vec::new(),
            },
            peers: HashMap::new(),
            by_use: BTreeMap::new(),
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
                self.admit(from, now);
                self.with_peer(from, now, |peer, house| {
                    peer.on_request(packet, datagram.len(), now, house);
                });
            }
            // A ping, or something only a client could have asked for.
            MessageType::Confirmable => self.output.push_back(Output::Send {
                to: from,
                bytes: wire::empty(MessageType::Reset, message_id),
            }),
            MessageType::NonConfirmable => {}
        }
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
        self.with_peer(id.peer, now, |peer, _| peer.forget_observation(id.number));
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
        self.by_use.remove(&entry.used);
        self.holders.remove(&entry.used);
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

    fn admit(&mut self, key: K, now: Instant) {
        if let Some(entry) = self.peers.get_mut(&key) {
            entry.peer.last_seen = now;
            let used = entry.used;
            self.by_use.remove(&used);
            let held = self.holders.remove(&used).is_some();
            self.uses += 1;
            entry.used = self.uses;
            self.by_use.insert(self.uses, key);
            if held {
                self.holders.insert(self.uses, key);
            }
            return;
        }
        if self.peers.len() >= self.house.limits.peers
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            self.forget(*oldest);
        }
        self.uses += 1;
        let peer = Peer::new(&mut self.house, now);
        let deadline = peer.deadline();
        let entry = Entry {
            peer,
            used: self.uses,
            held_bytes: 0,
            deadline,
        };
        self.by_use.insert(self.uses, key);
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
                self.holders.remove(&entry.used);
            } else {
                self.holders.insert(entry.used, key);
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
                Effect::Ended(number) => Output::Ended(ObservationId { peer: key, number }),
            });
        }
    }
}
