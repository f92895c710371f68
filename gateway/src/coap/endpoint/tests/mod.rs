//! The endpoint against hand-made messages, with the clock in the test's hand.

mod observers;
mod strangers;

use super::{Endpoint, Output, RequestId, Seed};
use crate::coap::limits::{
    ACK_AFTER, AMPLIFICATION, BODY_IDLE, EXCHANGE_LIFETIME, Limits, OBSERVATIONS_MAX,
    OBSERVATIONS_PER_PEER, OBSERVED_FRESH_S, PROVEN_FOR, REFRESH_AFTER, RETRANSMIT_MAX, WAIT_S,
    WORKING_PER_PEER,
};
use crate::coap::request::{Method, Request, Response};
use bytes::Bytes;
use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};
use device_sdk::coap::block::{Block, BlockSize};
use device_sdk::coap::wire::{self, Dice};
use std::time::{Duration, Instant};

const PEER: u32 = 7;
const SEED: Seed = Seed {
    dice: 1,
    echo: [2; 16],
};

struct Bench {
    endpoint: Endpoint<u32>,
    now: Instant,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            endpoint: Endpoint::new(limits, SEED, now),
            now,
        }
    }

    fn outputs(&mut self) -> Vec<Output<u32>> {
        std::iter::from_fn(|| self.endpoint.poll()).collect()
    }

    fn give(&mut self, packet: &Packet) -> Vec<Output<u32>> {
        self.give_from(PEER, packet)
    }

    fn give_from(&mut self, from: u32, packet: &Packet) -> Vec<Output<u32>> {
        let bytes = wire::write(packet).unwrap();
        self.endpoint.receive(from, &bytes, self.now);
        self.outputs()
    }

    /// Gives a request that is to reach a resource.
    fn ask(&mut self, packet: &Packet) -> (RequestId<u32>, Request) {
        let mut outputs = self.give(packet);
        match (outputs.pop(), outputs.len()) {
            (Some(Output::Request { id, request, .. }), 0) => (id, request),
            other => panic!("expected one request, got {other:?}"),
        }
    }

    fn respond(&mut self, id: RequestId<u32>, response: &Response, watch: bool) -> Packet {
        self.endpoint.respond(id, response, watch, self.now);
        one_message(self.outputs())
    }

    /// The request with what it takes to be believed at the plain door.
    fn echoed(&mut self, from: u32, mut ask: Packet) -> Packet {
        let doubted = one_message(self.give_from(from, &ask));
        assert_eq!(code(&doubted), "4.01");
        let echo = doubted.get_first_option(wire::ECHO).unwrap();
        ask.add_option(wire::ECHO, echo.clone());
        ask
    }

    fn pass(&mut self, time: Duration) -> Vec<Output<u32>> {
        self.now += time;
        self.endpoint.on_time(self.now);
        self.outputs()
    }
}

fn one_message(outputs: Vec<Output<u32>>) -> Packet {
    match outputs.as_slice() {
        [Output::Send { bytes, .. }] => wire::read(bytes).unwrap(),
        other => panic!("expected one message, got {other:?}"),
    }
}

fn request(method: RequestType, message_id: u16, path: &[&str]) -> Packet {
    let code = MessageClass::Request(method);
    let mut packet = wire::bare(MessageType::Confirmable, code, message_id);
    packet.set_token(message_id.to_be_bytes().to_vec());
    for segment in path {
        packet.add_option(CoapOption::UriPath, segment.as_bytes().to_vec());
    }
    packet
}

fn put_block(message_id: u16, block: Block, payload: &[u8]) -> Packet {
    let mut packet = request(RequestType::Put, message_id, &["t"]);
    packet.add_option(CoapOption::Block1, block.write());
    packet.payload = payload.to_vec();
    packet
}

fn block(number: u32, more: bool, exponent: u8) -> Block {
    let size = BlockSize::from_exponent(exponent).unwrap();
    Block { number, more, size }
}

fn code(packet: &Packet) -> String {
    packet.header.get_code()
}

fn content(bytes: &'static [u8]) -> Response {
    Response::with(
        ResponseType::Content,
        wire::OCTETS,
        Bytes::from_static(bytes),
    )
}

const CHANGED: Response = Response::bare(ResponseType::Changed);

#[test]
fn a_duplicate_is_not_worked_on_twice_and_gets_the_same_answer() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let ask = request(RequestType::Post, 1, &["t"]);
    let (id, _) = bench.ask(&ask);
    // Still in work: the impatient peer is told that it arrived, no more.
    let while_in_work = one_message(bench.give(&ask));
    assert_eq!(while_in_work.header.code, MessageClass::Empty);
    let answer = bench.respond(id, &content(b"done"), false);
    assert_eq!(answer.payload, b"done");
    assert_eq!(one_message(bench.give(&ask)), answer);
    bench.now += EXCHANGE_LIFETIME + Duration::from_secs(1);
    assert!(matches!(
        bench.give(&ask).as_slice(),
        [Output::Request { .. }]
    ));
}

#[test]
fn unverified_duplicates_in_work_are_met_with_silence() {
    let mut bench = Bench::new(Limits::UNVERIFIED);
    let ask = bench.echoed(PEER, request(RequestType::Post, 1, &["t"]));
    let (id, _) = bench.ask(&ask);
    assert_eq!(bench.give(&ask), []);
    assert_eq!(bench.pass(ACK_AFTER * 10), []);
    let answer = bench.respond(id, &CHANGED, false);
    assert_eq!(answer.header.get_type(), MessageType::Acknowledgement);
    assert_eq!(one_message(bench.give(&ask)), answer);
}

#[test]
fn slow_work_is_acknowledged_first_and_answered_separately_until_confirmed() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&request(RequestType::Post, 1, &["t"]));
    let acknowledgement = one_message(bench.pass(ACK_AFTER));
    assert_eq!(acknowledgement.header.code, MessageClass::Empty);
    assert_eq!(acknowledgement.header.message_id, 1);
    let answer = bench.respond(id, &CHANGED, false);
    assert_eq!(answer.header.get_type(), MessageType::Confirmable);
    assert_eq!(answer.get_token(), [0, 1]);
    assert_eq!(one_message(bench.pass(Duration::from_secs(4))), answer);
    let message_id = answer.header.message_id;
    bench.endpoint.receive(
        PEER,
        &wire::empty(MessageType::Acknowledgement, message_id),
        bench.now,
    );
    assert_eq!(bench.pass(Duration::from_secs(100)), []);
}

#[test]
fn a_request_that_needs_no_confirmation_is_answered_in_kind() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut ask = request(RequestType::Get, 1, &["t"]);
    ask.header.set_type(MessageType::NonConfirmable);
    let (id, _) = bench.ask(&ask);
    let answer = bench.respond(id, &content(b"x"), false);
    assert_eq!(answer.header.get_type(), MessageType::NonConfirmable);
}

#[test]
fn a_ping_is_answered_with_a_reset_and_noise_with_nothing() {
    let mut bench = Bench::new(Limits::UNVERIFIED);
    bench
        .endpoint
        .receive(PEER, &wire::empty(MessageType::Confirmable, 9), bench.now);
    let reset = one_message(bench.outputs());
    assert_eq!(reset.header.get_type(), MessageType::Reset);
    for noise in [&b""[..], b"\x40", b"\x80\x01\x00\x01", b"GET / HTTP/1.1"] {
        bench.endpoint.receive(PEER, noise, bench.now);
        assert_eq!(bench.outputs(), []);
    }
}

#[test]
fn unknown_critical_options_are_refused_and_unknown_elective_ones_ignored() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut ask = request(RequestType::Get, 1, &["t"]);
    ask.add_option(CoapOption::Unknown(2049), vec![1]);
    assert_eq!(code(&one_message(bench.give(&ask))), "4.02");
    ask.header.message_id = 2;
    ask.header.set_type(MessageType::NonConfirmable);
    let rejected = one_message(bench.give(&ask));
    assert_eq!(rejected.header.get_type(), MessageType::Reset);
    let mut ask = request(RequestType::Get, 3, &["t"]);
    ask.add_option(CoapOption::Unknown(2050), vec![1]);
    bench.ask(&ask);
    let mut twice = request(RequestType::Get, 4, &["t"]);
    twice.add_option(CoapOption::Accept, vec![60]);
    twice.add_option(CoapOption::Accept, vec![50]);
    assert_eq!(code(&one_message(bench.give(&twice))), "4.02");
    let mut fat_block = request(RequestType::Put, 5, &["t"]);
    fat_block.add_option(CoapOption::Block1, vec![0, 0, 0, 8]);
    assert_eq!(code(&one_message(bench.give(&fat_block))), "4.02");
    let mut proxy = request(RequestType::Get, 6, &["t"]);
    proxy.add_option(CoapOption::ProxyUri, b"coap://x".to_vec());
    assert_eq!(code(&one_message(bench.give(&proxy))), "5.05");
    let fetch = request(RequestType::Fetch, 7, &["t"]);
    assert_eq!(code(&one_message(bench.give(&fetch))), "4.05");
}

#[test]
fn ambiguous_paths_never_reach_a_resource() {
    let mut bench = Bench::new(Limits::VERIFIED);
    for (message_id, bad) in ["a/b", "", ".", "..", "a\0"].iter().enumerate() {
        let ask = request(RequestType::Get, message_id as u16, &["oc", bad]);
        assert_eq!(code(&one_message(bench.give(&ask))), "4.02", "{bad:?}");
    }
}

#[test]
fn blocks_in_order_make_one_request() {
    let mut bench = Bench::new(Limits::VERIFIED);
    for number in 0..3 {
        let piece = put_block(number as u16, block(number, true, 2), &[number as u8; 64]);
        let answer = one_message(bench.give(&piece));
        assert_eq!(code(&answer), "2.31");
        // A repeated block is answered again and not appended again.
        assert_eq!(one_message(bench.give(&piece)), answer);
    }
    let (id, request) = bench.ask(&put_block(3, block(3, false, 2), b"end"));
    assert_eq!(request.method, Method::Put);
    assert_eq!(request.payload.len(), 3 * 64 + 3);
    let answer = bench.respond(id, &CHANGED, false);
    assert_eq!(
        answer.get_first_option(CoapOption::Block1),
        Some(&block(3, false, 2).write())
    );
}

#[test]
fn blocks_out_of_order_late_or_of_wrong_length_are_refused() {
    let mut bench = Bench::new(Limits::VERIFIED);
    bench.give(&put_block(0, block(0, true, 2), &[0; 64]));
    let answer = one_message(bench.give(&put_block(1, block(2, true, 2), &[0; 64])));
    assert_eq!(code(&answer), "4.08");
    // And the body is gone: its next block does not fit any more either.
    let answer = one_message(bench.give(&put_block(2, block(1, true, 2), &[0; 64])));
    assert_eq!(code(&answer), "4.08");
    let answer = one_message(bench.give(&put_block(3, block(0, true, 2), &[0; 63])));
    assert_eq!(code(&answer), "4.00");
    bench.give(&put_block(4, block(0, true, 2), &[0; 64]));
    bench.now += BODY_IDLE;
    let answer = one_message(bench.give(&put_block(5, block(1, true, 2), &[0; 64])));
    assert_eq!(code(&answer), "4.08");
}

#[test]
fn an_endless_body_ends_with_too_large() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut number = 0;
    let refusal = loop {
        let piece = put_block(number as u16, block(number, true, 6), &[0; 1024]);
        let answer = one_message(bench.give(&piece));
        number += 1;
        if code(&answer) != "2.31" {
            break answer;
        }
    };
    assert_eq!(code(&refusal), "4.13");
    assert_eq!(number as usize, Limits::VERIFIED.body_bytes / 1024 + 1);
    let mut announced = put_block(9999, block(0, true, 6), &[0; 1024]);
    announced.add_option(CoapOption::Size1, wire::uint(u32::MAX));
    assert_eq!(code(&one_message(bench.give(&announced))), "4.13");
}

#[test]
fn bodies_with_other_request_tags_do_not_meet() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let tagged = |message_id, number, more, tag: u8| {
        let mut piece = put_block(message_id, block(number, more, 2), &[tag; 64]);
        piece.add_option(CoapOption::Unknown(292), vec![tag]);
        piece
    };
    for (message_id, number, tag) in [(1, 0, 1), (2, 0, 2), (3, 1, 1), (4, 1, 2)] {
        let answer = one_message(bench.give(&tagged(message_id, number, true, tag)));
        assert_eq!(code(&answer), "2.31");
    }
    for (message_id, tag) in [(5, 1), (6, 2)] {
        let (_, request) = bench.ask(&tagged(message_id, 2, false, tag));
        assert_eq!(request.payload, vec![tag; 192]);
    }
    // Without tags the second body takes the place of the first.
    bench.give(&put_block(7, block(0, true, 2), &[1; 64]));
    bench.give(&put_block(8, block(0, true, 2), &[2; 64]));
    let (_, request) = bench.ask(&put_block(9, block(1, false, 2), &[2; 64]));
    assert_eq!(request.payload, vec![2; 128]);
}

#[test]
fn a_large_answer_is_fetched_in_blocks_of_the_size_asked_for() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let body: Vec<u8> = (0..5000u32).map(|at| at as u8).collect();
    let whole = Response::with(ResponseType::Content, wire::CBOR, body.clone().into());
    let (id, _) = bench.ask(&request(RequestType::Get, 1, &["big"]));
    let first = bench.respond(id, &whole, false);
    assert_eq!(first.payload, body[..1024]);
    assert_eq!(wire::uint_option(&first, CoapOption::Size2), Some(5000));
    let mut got = first.payload.clone();
    for message_id in 2..200 {
        // From the second request on in smaller blocks; the resource is not asked again.
        let number = (got.len() / 64) as u32;
        let mut next = request(RequestType::Get, message_id, &["big"]);
        next.add_option(CoapOption::Block2, block(number, false, 2).write());
        let answer = one_message(bench.give(&next));
        assert_eq!(code(&answer), "2.05");
        let etag = |packet: &Packet| packet.get_first_option(CoapOption::ETag).cloned();
        assert_eq!(etag(&answer), etag(&first));
        got.extend_from_slice(&answer.payload);
        let value = answer.get_first_option(CoapOption::Block2).unwrap();
        if !Block::read(value).unwrap().more {
            break;
        }
    }
    assert_eq!(got, body);
}

#[test]
fn the_rest_of_an_answer_to_a_post_is_never_a_second_post() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let mut next = request(RequestType::Post, 2, &["t"]);
    next.add_option(CoapOption::Block2, block(1, false, 6).write());
    assert_eq!(code(&one_message(bench.give(&next))), "4.08");
    let (id, _) = bench.ask(&request(RequestType::Post, 3, &["t"]));
    let reply = Response::with(ResponseType::Changed, wire::CBOR, vec![7; 1500].into());
    let first = bench.respond(id, &reply, false);
    assert_eq!(first.payload.len(), 1024);
    next.header.message_id = 4;
    assert_eq!(one_message(bench.give(&next)).payload.len(), 476);
}

#[test]
fn a_known_etag_saves_the_body_and_an_unacceptable_format_is_said() {
    let mut bench = Bench::new(Limits::VERIFIED);
    let (id, _) = bench.ask(&request(RequestType::Get, 1, &["t"]));
    let first = bench.respond(id, &content(b"same"), false);
    let mut again = request(RequestType::Get, 2, &["t"]);
    let etag = first.get_first_option(CoapOption::ETag).unwrap().clone();
    again.add_option(CoapOption::ETag, etag);
    let (id, _) = bench.ask(&again);
    let second = bench.respond(id, &content(b"same"), false);
    assert_eq!((code(&second).as_str(), second.payload.len()), ("2.03", 0));
    let mut accept = request(RequestType::Get, 3, &["t"]);
    accept.add_option(CoapOption::Accept, wire::uint(50));
    let (id, _) = bench.ask(&accept);
    assert_eq!(code(&bench.respond(id, &content(b"x"), false)), "4.06");
}

fn observe(message_id: u16, path: &str) -> Packet {
    let mut packet = request(RequestType::Get, message_id, &[path]);
    packet.add_option(CoapOption::Observe, vec![]);
    packet
}

#[test]
fn arbitrary_datagrams_never_panic_and_everything_stays_bounded() {
    let mut dice = Dice::new(4);
    let body: Vec<u8> = vec![9; 64];
    let mut seeds = vec![
        observe(1, "t"),
        request(RequestType::Get, 2, &[".well-known", "core"]),
        put_block(3, block(0, true, 2), &body),
        put_block(4, block(1, false, 2), b"end"),
    ];
    seeds.push(wire::bare(
        MessageType::Acknowledgement,
        MessageClass::Empty,
        5,
    ));
    let seeds: Vec<Vec<u8>> = seeds.iter().filter_map(wire::write).collect();
    for limits in [Limits::VERIFIED, Limits::UNVERIFIED] {
        let mut bench = Bench::new(limits);
        let mut observations = Vec::new();
        for round in 0..50_000u64 {
            let mut datagram = seeds[(dice.roll() % seeds.len() as u64) as usize].clone();
            for _ in 0..dice.roll() % 6 {
                let at = (dice.roll() % datagram.len() as u64) as usize;
                match dice.roll() % 4 {
                    0 => datagram[at] = dice.roll() as u8,
                    1 => datagram[at] ^= 1 << (dice.roll() % 8),
                    2 => datagram.insert(at, dice.roll() as u8),
                    _ => datagram.truncate(at.max(1)),
                }
            }
            let now = bench.now;
            bench
                .endpoint
                .receive((dice.roll() % 50) as u32, &datagram, now);
            for output in bench.outputs() {
                if let Output::Request { id, .. } = output
                    && !dice.roll().is_multiple_of(8)
                {
                    let answer = content(b"answer");
                    observations.extend(bench.endpoint.respond(id, &answer, true, now));
                }
            }
            if round % 16 == 0 && !observations.is_empty() {
                let at = (dice.roll() % observations.len() as u64) as usize;
                bench
                    .endpoint
                    .notify(observations[at], content(b"news"), now);
            }
            bench.pass(Duration::from_millis(dice.roll() % 50));
            assert!(bench.endpoint.peers() <= 50);
            assert!(bench.endpoint.held_bytes() <= limits.held_bytes);
        }
    }
}
