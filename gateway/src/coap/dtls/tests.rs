//! The session table against forged, repeated and broken datagrams, with the test's own clock.

use super::{Bounds, Event, Sessions};
use crate::coap::Reason;
use crate::coap::tests::{credentials, workshop};
use device_sdk::coap::wire::Dice;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use rustls_pki_types::UnixTime;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A thing's side of the wire.
struct Far {
    dtls: Dtls,
    at: SocketAddr,
    connected: bool,
    heard: Vec<Vec<u8>>,
}

impl Far {
    fn new(at: SocketAddr, now: Instant) -> Self {
        let thing = workshop::thing(crate::coap::tests::authorities(), 1);
        let own = DtlsCertificate {
            certificate: thing.certificate,
            private_key: thing.key,
        };
        let config = Arc::new(Config::builder().build().unwrap());
        let mut dtls = Dtls::new_12(config, own, now);
        dtls.set_active(true);
        dtls.handle_timeout(now).unwrap();
        Self {
            dtls,
            at,
            connected: false,
            heard: Vec::new(),
        }
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = vec![0; 4096];
        let mut datagrams = Vec::new();
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(bytes) => datagrams.push(bytes.to_vec()),
                Output::Timeout(_) => return datagrams,
                Output::Connected => self.connected = true,
                Output::ApplicationData(bytes) => self.heard.push(bytes.to_vec()),
                _ => {}
            }
        }
    }
}

struct Bench {
    sessions: Sessions,
    now: Instant,
    events: Vec<Event>,
}

impl Bench {
    fn new(bounds: Bounds) -> Self {
        Self {
            sessions: Sessions::new(&credentials(), bounds).unwrap(),
            now: Instant::now(),
            events: Vec::new(),
        }
    }

    fn give(&mut self, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.sessions
            .receive(from, datagram, UnixTime::now(), self.now);
        self.sent_to(from)
    }

    fn sent_to(&mut self, to: SocketAddr) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        while let Some(event) = self.sessions.poll() {
            match event {
                Event::Send { to: at, bytes } if at == to => sent.push(bytes),
                Event::Send { .. } => {}
                other => self.events.push(other),
            }
        }
        sent
    }

    /// Carries datagrams both ways until nobody has anything to say.
    fn carry(&mut self, far: &mut Far) {
        loop {
            let out = far.drain();
            if out.is_empty() {
                return;
            }
            for datagram in out {
                for answer in self.give(far.at, &datagram) {
                    far.dtls.handle_packet(&answer).unwrap();
                }
            }
        }
    }

    fn connect(&mut self, port: u16) -> Far {
        let mut far = Far::new(([10, 0, 0, 1], port).into(), self.now);
        self.carry(&mut far);
        assert!(far.connected);
        match self.events.pop() {
            Some(Event::Check { id, .. }) => {
                self.sessions.verdict(id, true, UnixTime::now());
            }
            other => panic!("{other:?}"),
        }
        far
    }

    fn messages(&mut self) -> Vec<Vec<u8>> {
        let events = self.events.drain(..);
        events
            .filter_map(|event| match event {
                Event::Message { bytes, .. } => Some(bytes),
                _ => None,
            })
            .collect()
    }
}

fn hello() -> Vec<u8> {
    let mut far = Far::new(([10, 0, 0, 2], 1).into(), Instant::now());
    far.drain().remove(0)
}

#[test]
fn messages_wait_for_the_registry_and_a_refused_code_is_told_good_bye() {
    let mut bench = Bench::new(Bounds::default());
    for admitted in [true, false] {
        let mut far = Far::new(([10, 0, 0, 1], u16::from(admitted)).into(), bench.now);
        bench.carry(&mut far);
        far.dtls.send_application_data(b"early").unwrap();
        bench.carry(&mut far);
        let Some(Event::Check { id, .. }) = bench.events.pop() else {
            panic!("{:?}", bench.events);
        };
        assert_eq!(bench.sessions.code(id), None);
        bench.sessions.verdict(id, admitted, UnixTime::now());
        let good_bye = bench.sent_to(far.at);
        assert_eq!(good_bye.is_empty(), admitted);
        let expected: &[Vec<u8>] = if admitted { &[b"early".to_vec()] } else { &[] };
        assert_eq!(bench.messages(), expected);
        assert_eq!(bench.sessions.code(id).is_some(), admitted);
    }
    assert_eq!(bench.sessions.counts(), (0, 1));
}

#[test]
fn a_repeated_record_is_taken_once() {
    let mut bench = Bench::new(Bounds::default());
    let mut far = bench.connect(1);
    let mut records = Vec::new();
    for number in 0..50u8 {
        far.dtls.send_application_data(&[number]).unwrap();
        records.extend(far.drain());
    }
    for _ in 0..20 {
        for record in &records {
            bench.give(far.at, record);
        }
    }
    let once: Vec<Vec<u8>> = (0..50).map(|number| vec![number]).collect();
    assert_eq!(bench.messages(), once);
}

#[test]
fn broken_records_end_no_session_and_reach_nobody() {
    let mut bench = Bench::new(Bounds::default());
    let mut far = bench.connect(1);
    let mut dice = Dice::new(5);
    let greeting = hello();
    for round in 0..20_000u64 {
        let mut datagram = greeting.clone();
        if round % 4 != 0 {
            datagram = vec![23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0];
            datagram.extend_from_slice(&dice.roll().to_be_bytes());
            datagram.resize(13 + (dice.roll() % 100) as usize, dice.roll() as u8);
        }
        for _ in 0..dice.roll() % 8 {
            let at = (dice.roll() % datagram.len() as u64) as usize;
            datagram[at] = dice.roll() as u8;
        }
        bench.give(far.at, &datagram);
        if round % 100 == 0 {
            bench.now += Duration::from_millis(500);
            bench.sessions.on_time(UnixTime::now(), bench.now);
        }
    }
    assert_eq!(bench.messages(), Vec::<Vec<u8>>::new());
    bench.now += Duration::from_secs(1);
    far.dtls.handle_timeout(bench.now).unwrap();
    far.dtls.send_application_data(b"still here").unwrap();
    bench.carry(&mut far);
    assert_eq!(bench.messages(), [b"still here".to_vec()]);
}

#[test]
fn spoofed_hellos_of_any_number_cost_a_bounded_amount_and_no_session() {
    let bounds = Bounds {
        handshakes: 64,
        ..Bounds::default()
    };
    let mut bench = Bench::new(bounds);
    let mut far = bench.connect(1);
    let greeting = hello();
    let floods = 3_000u32;
    for number in 0..floods {
        let from = SocketAddr::from((number.to_be_bytes(), 5684));
        let answers = bench.give(from, &greeting);
        let answered: usize = answers.iter().map(Vec::len).sum();
        // The cookie comes first, and it is smaller than what was asked.
        assert!(answered > 0 && answered <= greeting.len());
        assert!(bench.sessions.counts().0 <= 64);
    }
    let evicted = Event::Refused {
        at: SocketAddr::from(([0, 0, 0, 0], 5684)),
        code: None,
        reason: Reason::HandshakeEvicted,
    };
    assert!(bench.events.contains(&evicted));
    bench.events.clear();
    far.dtls.send_application_data(b"still here").unwrap();
    bench.carry(&mut far);
    assert_eq!(bench.messages(), [b"still here".to_vec()]);
    bench.connect(2);
    bench.now += bounds.handshake_within;
    bench.sessions.on_time(UnixTime::now(), bench.now);
    assert_eq!(bench.sessions.counts(), (0, 2));
}

#[test]
fn a_thing_that_begins_anew_replaces_its_session_only_when_it_has_proved_itself() {
    let mut bench = Bench::new(Bounds::default());
    let mut old = bench.connect(1);
    bench.give(old.at, &hello());
    old.dtls.send_application_data(b"old").unwrap();
    bench.carry(&mut old);
    assert_eq!(bench.messages(), [b"old".to_vec()]);
    bench.now += Bounds::default().handshake_within;
    bench.sessions.on_time(UnixTime::now(), bench.now);
    bench.sent_to(old.at);
    bench.events.clear();
    let mut new = bench.connect(1);
    assert!(
        matches!(bench.events.as_slice(), [Event::Gone(_)]),
        "{:?}",
        bench.events
    );
    assert_eq!(bench.sessions.counts(), (0, 1));
    new.dtls.send_application_data(b"new").unwrap();
    bench.carry(&mut new);
    assert_eq!(bench.messages(), [b"new".to_vec()]);
}

#[test]
fn sessions_are_bounded_and_end_when_idle() {
    let bounds = Bounds {
        sessions: 3,
        ..Bounds::default()
    };
    let mut bench = Bench::new(bounds);
    for port in 1..=5 {
        bench.connect(port);
        assert!(bench.sessions.counts().1 <= 3);
    }
    bench.events.clear();
    bench.now += bounds.idle;
    bench.sessions.on_time(UnixTime::now(), bench.now);
    bench.sent_to(([10, 0, 0, 1], 5).into());
    assert_eq!(bench.sessions.counts(), (0, 0));
    let gone = bench.events.iter();
    assert_eq!(gone.filter(|it| matches!(it, Event::Gone(_))).count(), 3);
    assert_eq!(bench.sessions.deadline(), None);
}
