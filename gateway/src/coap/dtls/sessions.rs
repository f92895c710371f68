//! The DTLS sessions of a door, without sockets: datagrams in, datagrams and messages out.
//!
//! A session is at one of three places: its handshake runs; its certificate holds and the registry
//! is asked; it is open. A known peer that begins anew keeps its old session until the new
//! handshake is over, so that a forged hello ends nothing.

use super::record::{self, Kind};
use super::trust::{Credentials, CredentialsFault, Shown};
use crate::coap::counters::Reason;
use crate::coap::limits::{
    HANDSHAKE_WITHIN, HANDSHAKES_MAX, HELD_MESSAGES, SESSION_IDLE, SESSIONS_MAX,
};
use crate::trust_store::{Refused, Trusted};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use protocol::Code;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest datagram sent; fits every IPv6 path.
const MTU: usize = 1200;
/// Room for one record; grows if the engine asks.
const BUFFER_BYTES: usize = 2048;
const BUFFER_MAX_BYTES: usize = 65_536;

/// Names one session for good: numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

/// What the sessions want done.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Send a datagram.
    Send {
        /// To where.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Ask the registry about the code, then say it with [`Sessions::verdict`].
    Check {
        /// For which session.
        id: SessionId,
        /// The code its certificate proves.
        code: Code,
    },
    /// A message from an open session.
    Message {
        /// Which.
        id: SessionId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A session has ended that was asked about or open.
    Gone(SessionId),
    /// Somebody did not get a session, or did not keep it.
    Refused {
        /// Where they are.
        at: SocketAddr,
        /// Who they are, where that is known.
        code: Option<Code>,
        /// Why.
        reason: Reason,
    },
}

/// Bounds of the table.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Handshakes under way at once; the oldest makes room.
    pub handshakes: usize,
    /// Sessions at once; the one silent for longest makes room.
    pub sessions: usize,
    /// Longest handshake.
    pub handshake_within: Duration,
    /// A session silent for so long ends.
    pub idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            handshakes: HANDSHAKES_MAX,
            sessions: SESSIONS_MAX,
            handshake_within: HANDSHAKE_WITHIN,
            idle: SESSION_IDLE,
        }
    }
}

/// All sessions of one door.
pub struct Sessions {
    config: Arc<Config>,
    own: DtlsCertificate,
    trusted: Trusted,
    bounds: Bounds,
    numbers: u64,
    by_address: HashMap<SocketAddr, Here>,
    sessions: HashMap<SessionId, Session>,
    /// Handshakes in the order in which they began.
    handshakes: BTreeSet<SessionId>,
    /// The others by last use.
    by_use: BTreeMap<u64, SessionId>,
    uses: u64,
    timers: BTreeSet<(Instant, SessionId)>,
    buffer: Vec<u8>,
    events: VecDeque<Event>,
}

/// Who is at one address.
#[derive(Clone, Copy, Debug, Default)]
struct Here {
    established: Option<SessionId>,
    handshake: Option<SessionId>,
}

struct Session {
    at: SocketAddr,
    dtls: Dtls,
    place: Place,
    code: Option<Code>,
    /// Its certificate has ended.
    is_late: bool,
    began: Instant,
    heard: Instant,
    wake: Instant,
    deadline: Instant,
    used: u64,
}

enum Place {
    Handshake,
    /// With messages that came before the registry's answer.
    Asked(Vec<Vec<u8>>),
    Open,
}

/// What one turn of the engine has brought.
#[derive(Default)]
struct Turn {
    connected: bool,
    closed: bool,
    refused: bool,
    messages: Vec<Vec<u8>>,
}

fn own(config: &Config, shown: &Shown) -> Result<DtlsCertificate, CredentialsFault> {
    let certificate = CertificateDer::from(shown.certificate.as_slice());
    webpki::EndEntityCert::try_from(&certificate).map_err(|_| CredentialsFault::Certificate)?;
    // The engine takes a bad key for a bug and panics, so it is tried here.
    config
        .crypto_provider()
        .key_provider
        .load_private_key(&shown.private_key)
        .map_err(|_| CredentialsFault::PrivateKey)?;
    Ok(DtlsCertificate {
        certificate: shown.certificate.clone(),
        private_key: shown.private_key.clone(),
    })
}

impl Sessions {
    /// Without sessions yet.
    pub fn new(credentials: &Credentials, bounds: Bounds) -> Result<Self, CredentialsFault> {
        let config = Config::builder()
            .mtu(MTU)
            .require_client_certificate(true)
            .handshake_timeout(bounds.handshake_within)
            .build()
            .map_err(|_| CredentialsFault::Engine)?;
        let own = own(&config, &credentials.shown)?;
        Ok(Self {
            config: Arc::new(config),
            own,
            trusted: credentials.trusted.clone(),
            bounds,
            numbers: 0,
            by_address: HashMap::new(),
            sessions: HashMap::new(),
            handshakes: BTreeSet::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            timers: BTreeSet::new(),
            buffer: vec![0; BUFFER_BYTES],
            events: VecDeque::new(),
        })
    }

    /// Handshakes from now on meet this certificate; what is not sound changes nothing.
    pub fn show(&mut self, shown: &Shown) -> Result<(), CredentialsFault> {
        self.own = own(&self.config, shown)?;
        Ok(())
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many there are: handshakes, and sessions beyond it.
    pub fn counts(&self) -> (usize, usize) {
        (self.handshakes.len(), self.by_use.len())
    }

    /// The code of an open session.
    pub fn code(&self, id: SessionId) -> Option<Code> {
        let session = self.sessions.get(&id)?;
        matches!(session.place, Place::Open).then_some(session.code)?
    }

    /// Whether a session was opened by a certificate that has ended.
    pub fn is_late(&self, id: SessionId) -> bool {
        let session = self.sessions.get(&id);
        session.is_none_or(|session| session.is_late)
    }

    /// Where the peer of a session is.
    pub fn address(&self, id: SessionId) -> Option<SocketAddr> {
        self.sessions.get(&id).map(|session| session.at)
    }

    /// All open sessions.
    pub fn open(&self) -> Vec<(SessionId, Code)> {
        let open = self.by_use.values();
        open.filter_map(|id| Some((*id, self.code(*id)?))).collect()
    }

    /// Takes a datagram.
    pub fn receive(&mut self, from: SocketAddr, datagram: &[u8], wall: UnixTime, now: Instant) {
        let here = self.by_address.get(&from).copied().unwrap_or_default();
        match record::kind(datagram) {
            Kind::Noise => {}
            Kind::Hello => {
                if let Some(id) = here.handshake.or_else(|| self.begin(from, now)) {
                    self.feed(id, datagram, wall, now);
                }
            }
            // After the handshake this is a repeated last flight, to be answered from memory.
            Kind::Unprotected => {
                if let Some(id) = here.handshake.or(here.established) {
                    self.feed(id, datagram, wall, now);
                }
            }
            // Whose keys these are shows only when they are tried.
            Kind::Protected => {
                for id in [here.established, here.handshake].into_iter().flatten() {
                    self.feed(id, datagram, wall, now);
                }
            }
        }
    }

    /// Sends a message on an open session.
    pub fn send(&mut self, id: SessionId, message: &[u8], wall: UnixTime) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if !matches!(session.place, Place::Open) {
            return;
        }
        match session.dtls.send_application_data(message) {
            Ok(_) => self.turn(id, wall),
            Err(_) => self.refuse(id, Reason::Broken),
        }
    }

    /// What the registry says about a session's code.
    pub fn verdict(&mut self, id: SessionId, admitted: bool, wall: UnixTime) {
        if !admitted {
            self.say(id, Reason::NotAdmitted);
            return self.close(id, wall);
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Place::Asked(held) = &mut session.place {
            let held = std::mem::take(held);
            session.place = Place::Open;
            for bytes in held {
                self.events.push_back(Event::Message { id, bytes });
            }
        }
    }

    /// Ends a session with a good-bye.
    pub fn close(&mut self, id: SessionId, wall: UnixTime) {
        if let Some(session) = self.sessions.get_mut(&id)
            && session.dtls.close().is_ok()
        {
            self.turn(id, wall);
        }
        self.remove(id);
    }

    /// When [`Sessions::on_time`] next has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Repeats flights and ends what has waited too long.
    pub fn on_time(&mut self, wall: UnixTime, now: Instant) {
        while let Some((at, id)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            let Some(session) = self.sessions.get_mut(&id) else {
                self.timers.remove(&(at, id));
                continue;
            };
            if session.limit(&self.bounds) <= now {
                let began = matches!(session.place, Place::Handshake);
                self.say(
                    id,
                    match began {
                        true => Reason::HandshakeTimeout,
                        false => Reason::Idle,
                    },
                );
                self.close(id, wall);
                continue;
            }
            match session.dtls.handle_timeout(now) {
                Ok(()) => self.turn(id, wall),
                Err(_) => self.refuse(id, Reason::HandshakeTimeout),
            }
            // An engine that asks for the past would be asked for ever.
            if let Some(session) = self.sessions.get_mut(&id)
                && session.deadline <= now
            {
                self.remove(id);
            }
        }
    }

    fn begin(&mut self, at: SocketAddr, now: Instant) -> Option<SessionId> {
        if self.handshakes.len() >= self.bounds.handshakes
            && let Some(oldest) = self.handshakes.first().copied()
        {
            self.refuse(oldest, Reason::HandshakeEvicted);
        }
        let mut dtls = Dtls::new_12(Arc::clone(&self.config), self.own.clone(), now);
        // Without this the engine has no time yet, and panics at its first packet.
        dtls.handle_timeout(now).ok()?;
        self.numbers += 1;
        let id = SessionId(self.numbers);
        let deadline = now + self.bounds.handshake_within;
        let session = Session {
            at,
            dtls,
            place: Place::Handshake,
            code: None,
            is_late: false,
            began: now,
            heard: now,
            wake: deadline,
            deadline,
            used: 0,
        };
        self.sessions.insert(id, session);
        self.handshakes.insert(id);
        self.timers.insert((deadline, id));
        self.by_address.entry(at).or_default().handshake = Some(id);
        Some(id)
    }

    fn feed(&mut self, id: SessionId, datagram: &[u8], wall: UnixTime, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let fed = session
            .dtls
            .handle_timeout(now)
            .and_then(|()| session.dtls.handle_packet(datagram));
        // Any error of the engine is the end of the session.
        if fed.is_err() {
            return self.refuse(id, Reason::Broken);
        }
        session.heard = now;
        if session.used > 0 {
            self.by_use.remove(&session.used);
            self.uses += 1;
            session.used = self.uses;
            self.by_use.insert(self.uses, id);
        }
        self.turn(id, wall);
    }

    /// Takes all the engine has, and acts on it.
    fn turn(&mut self, id: SessionId, wall: UnixTime) {
        let Some(turn) = self.drain(id, wall) else {
            return self.refuse(id, Reason::Broken);
        };
        if turn.refused {
            if let Some(session) = self.sessions.get(&id) {
                let to = session.at;
                let bytes = record::bad_certificate();
                self.events.push_back(Event::Send { to, bytes });
            }
            return self.refuse(id, Reason::BadCertificate);
        }
        if turn.connected {
            self.establish(id);
        }
        self.deliver(id, turn.messages);
        if turn.closed {
            return self.remove(id);
        }
        self.reschedule(id);
    }

    /// `None` when the session is over.
    fn drain(&mut self, id: SessionId, wall: UnixTime) -> Option<Turn> {
        let session = self.sessions.get_mut(&id)?;
        let mut turn = Turn::default();
        loop {
            match session.dtls.poll_output(&mut self.buffer) {
                Output::Packet(bytes) => self.events.push_back(Event::Send {
                    to: session.at,
                    bytes: bytes.to_vec(),
                }),
                Output::BufferTooSmall { needed } if needed <= BUFFER_MAX_BYTES => {
                    self.buffer.resize(needed, 0);
                }
                Output::BufferTooSmall { .. } => return None,
                Output::Timeout(at) => {
                    session.wake = at;
                    return Some(turn);
                }
                Output::PeerCert(leaf) => {
                    let trusted = self.trusted.borrow();
                    match (trusted.code(leaf, wall), trusted.late(leaf, wall)) {
                        (Ok(code), _) => session.code = Some(code),
                        (Err(Refused::OutOfTime), Some(code)) => {
                            (session.code, session.is_late) = (Some(code), true);
                        }
                        (Err(why), _) => {
                            tracing::debug!(at = %session.at, %why, "coaps certificate refused");
                            turn.refused = true;
                            return Some(turn);
                        }
                    }
                }
                Output::Connected => turn.connected = true,
                Output::ApplicationData(bytes) => turn.messages.push(bytes.to_vec()),
                Output::CloseNotify => {
                    turn.closed = true;
                    // The answer to a good-bye is one; if it cannot be said, so be it.
                    let _ = session.dtls.close();
                }
                _ => {}
            }
        }
    }

    /// The handshake is over: ask the registry. An older session at this address ends.
    fn establish(&mut self, id: SessionId) {
        let Some((at, code)) = self
            .sessions
            .get(&id)
            .and_then(|session| Some((session.at, session.code?)))
        else {
            // Nobody gets here without a certificate that holds.
            return self.refuse(id, Reason::BadCertificate);
        };
        if let Some(old) = self.by_address.get(&at).and_then(|here| here.established) {
            self.remove(old);
        }
        if self.by_use.len() >= self.bounds.sessions
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            self.refuse(*oldest, Reason::SessionEvicted);
        }
        self.handshakes.remove(&id);
        *self.by_address.entry(at).or_default() = Here {
            established: Some(id),
            handshake: None,
        };
        self.uses += 1;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.place = Place::Asked(Vec::new());
            session.used = self.uses;
            self.by_use.insert(self.uses, id);
        }
        self.events.push_back(Event::Check { id, code });
    }

    fn deliver(&mut self, id: SessionId, messages: Vec<Vec<u8>>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        for bytes in messages {
            match &mut session.place {
                Place::Open => self.events.push_back(Event::Message { id, bytes }),
                Place::Asked(held) if held.len() < HELD_MESSAGES => held.push(bytes),
                Place::Asked(_) | Place::Handshake => {}
            }
        }
    }

    fn reschedule(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let deadline = session.wake.min(session.limit(&self.bounds));
        if deadline != session.deadline {
            self.timers.remove(&(session.deadline, id));
            self.timers.insert((deadline, id));
            session.deadline = deadline;
        }
    }

    /// Ends a session, says why, and counts a broken handshake as one.
    fn refuse(&mut self, id: SessionId, reason: Reason) {
        let shaking = self
            .sessions
            .get(&id)
            .is_some_and(|session| matches!(session.place, Place::Handshake));
        self.say(
            id,
            match (reason, shaking) {
                (Reason::Broken, true) => Reason::HandshakeFailed,
                (reason, _) => reason,
            },
        );
        self.remove(id);
    }

    fn say(&mut self, id: SessionId, reason: Reason) {
        if let Some(session) = self.sessions.get(&id) {
            self.events.push_back(Event::Refused {
                at: session.at,
                code: session.code,
                reason,
            });
        }
    }

    fn remove(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.timers.remove(&(session.deadline, id));
        self.handshakes.remove(&id);
        if session.used > 0 {
            self.by_use.remove(&session.used);
        }
        if let Some(here) = self.by_address.get_mut(&session.at) {
            let still = |other: &SessionId| *other != id;
            here.established = here.established.filter(still);
            here.handshake = here.handshake.filter(still);
            if here.established.is_none() && here.handshake.is_none() {
                self.by_address.remove(&session.at);
            }
        }
        if !matches!(session.place, Place::Handshake) {
            self.events.push_back(Event::Gone(id));
        }
    }
}

impl Session {
    /// When it ends unless something happens.
    fn limit(&self, bounds: &Bounds) -> Instant {
        match self.place {
            Place::Handshake => self.began + bounds.handshake_within,
            Place::Asked(_) | Place::Open => self.heard + bounds.idle,
        }
    }
}
