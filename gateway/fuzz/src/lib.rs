//! What each target does with bytes from outside: it must not panic, and the bounds hold. The tests
//! of `gateway` run the same functions on a stable compiler.

use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::inbox::{PAGE_ENTRIES_MAX, read_page};
use gateway::coap::endpoint::{Endpoint, Output, Seed};
use gateway::coap::limits::Limits;
use gateway::coap::request::Response;
use gateway::tree::{Filter, TOPIC_MAX, Topic};
use issuer::manifest::{self, Position};
use issuer::order::{SignedOrder, may_begin};
use issuer::replay::{OPEN_MOST, Replay};
use issuer::{CheckedRequest, Grant};
use ledger::chain::TilePath;
use protocol::{Digest, Network};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

/// Bytes of an MQTT packet here; more than any seed has.
const PACKET_BYTES_MAX: usize = 4_096;
/// Lines of a journal here; more than any seed has.
const LINES_MAX: usize = 64;
/// The signed end of a manifest begins.
const END: &[u8] = b"-----BEGIN ";
/// Addresses that datagrams come from.
const PEERS: u8 = 4;
/// What an answer may be long: several blocks.
const ANSWER_BYTES: usize = 3_000;
const SEED: Seed = Seed {
    dice: 1,
    echo: [2; 16],
};

/// A connection's packets, CONNECT first.
pub fn mqtt(bytes: &[u8]) {
    let count = gateway::mqtt::packets_in(bytes, PACKET_BYTES_MAX);
    // A packet has two bytes or more.
    assert!(count <= bytes.len() / 2);
}

/// Datagrams of a few peers at both doors. Each stands behind three bytes: what happens around it,
/// and its length.
pub fn coap(bytes: &[u8]) {
    for limits in [Limits::VERIFIED, Limits::UNVERIFIED] {
        let mut now = Instant::now();
        let mut endpoint = Endpoint::new(limits, SEED, now);
        let mut rest = bytes;
        let mut observations = Vec::new();
        while let Some(([around, high, low], after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
            let (datagram, after) = after.split_at(length);
            rest = after;
            endpoint.receive(around % PEERS, datagram, now);
            while let Some(output) = endpoint.poll() {
                match output {
                    Output::Request { id, request, .. } if around & 4 == 0 => {
                        assert!(request.payload.len() <= limits.body_bytes);
                        let answer =
                            Bytes::from(vec![7; usize::from(*around) * ANSWER_BYTES / 255]);
                        let answer = Response::with(ResponseType::Content, 60, answer);
                        observations.extend(endpoint.respond(id, &answer, request.observe, now));
                    }
                    Output::Ended(ended) => observations.retain(|id| *id != ended),
                    Output::Request { .. } | Output::Send { .. } | Output::Refresh(_) => {}
                }
            }
            if let (8, Some(id)) = (around & 8, observations.first()) {
                endpoint.notify(*id, Response::bare(ResponseType::Content), now);
            }
            now += Duration::from_secs(u64::from(around >> 4));
            endpoint.on_time(now);
            assert!(endpoint.peers() <= usize::from(PEERS));
            assert!(endpoint.held_bytes() <= limits.held_bytes);
        }
    }
}

/// A topic or a filter.
pub fn topic(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(topic) = Topic::parse(text) {
        assert!(text.len() <= TOPIC_MAX);
        assert_eq!(topic.to_string(), text, "a topic has one spelling");
        assert!(Filter::exactly(&topic).takes(&topic));
    }
    if let Ok(filter) = Filter::parse(text) {
        assert_eq!(filter.to_string(), text, "a filter has one spelling");
    }
}

/// A page of the inbox, as a thing reads it.
pub fn inbox_page(bytes: &[u8]) {
    if let Some(entries) = read_page(bytes) {
        assert!(entries.len() as u64 <= PAGE_ENTRIES_MAX);
        let held: usize = entries.iter().map(|(_, message)| message.len()).sum();
        assert!(held <= bytes.len());
    }
}

/// A PKCS#10 request.
pub fn certificate_request(bytes: &[u8]) {
    let network = Network::new("test").expect("a name of a network");
    if let Ok(request) = CheckedRequest::read(bytes, &network) {
        let again = CheckedRequest::read(bytes, &network).expect("it was read before");
        assert_eq!(request.hash(), again.hash());
    }
}

/// The path of a tile of the code chain: what is read is written the same, and names nothing above
/// the folder.
pub fn tile_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(path) = TilePath::read(text) {
        let written = path.to_string();
        assert_eq!(written, format!("tile/{text}"));
        assert!(!written.contains("..") && !written.contains("//"));
    }
}

/// What a station was given; its manifests are judged by it.
const GRANT: &str = include_str!("grant.txt");

/// A work order's file, as a station reads it.
pub fn order(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(order) = SignedOrder::read(text) else {
        return;
    };
    assert_eq!(SignedOrder::read(&order.text()).as_ref(), Ok(&order));
    let grant = Grant::read(GRANT).expect("a grant");
    if let Ok(said) = order.check(&grant.trust(), &grant.passes[0]) {
        let station = grant.view().expect("a station");
        let _ = may_begin(&station, &said, 1, 1, said.issued);
    }
}

/// What happened, line by line, put on the chain as a station would; for steps behind the chain.
fn chained(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut head = Digest::default();
    let bodies = bytes.split(|byte| *byte == b'\n').take(LINES_MAX);
    let bodies = bodies.filter(|body| !body.is_empty());
    let line = |body: &[u8]| {
        let hash = Sha256::new().chain_update(head.0).chain_update(body);
        head = Digest(hash.finalize().into());
        let mut line = body.to_vec();
        line.extend_from_slice(format!(" {head}").as_bytes());
        line
    };
    bodies.map(line).collect()
}

/// A station's journal.
pub fn journal(bytes: &[u8]) {
    let network = Network::new("test").expect("a name of a network");
    let mut replay = Replay::new(network, Digest::default(), 1, 1);
    let mut next = replay.next_sequence();
    for line in chained(bytes) {
        if replay.read(&line).is_err() {
            return;
        }
        assert!(replay.next_sequence() >= next, "a number is used twice");
        next = replay.next_sequence();
        assert!(replay.open().count() <= OPEN_MOST);
        if let Some(order) = replay.order() {
            assert!(replay.made_for(&order.id) <= order.count);
        }
    }
    let (made, scrapped) = replay.counts();
    assert!(made + scrapped <= next);
}

/// A manifest: lines of a journal, then its signed end.
pub fn manifest(bytes: &[u8]) {
    let grant = Grant::read(GRANT).expect("a grant");
    let station = grant.view().expect("a station");
    let end = bytes.windows(END.len()).position(|window| window == END);
    let (lines, end) = bytes.split_at(end.unwrap_or(bytes.len()));
    let mut file = manifest::header(&station.code()).into_bytes();
    for line in chained(lines) {
        file.extend(line);
        file.push(b'\n');
    }
    file.extend_from_slice(end);
    let position = Position {
        head: Digest::default(),
        next_sequence: 1,
        number: 1,
    };
    let (trust, above) = (grant.trust(), &grant.passes[0]);
    if let Ok(read) = manifest::read(&mut file.as_slice(), &station, &trust, above, &position) {
        let items: usize = read.items.iter().map(|made| made.codes.len()).sum();
        assert_eq!(read.things.len() + items, read.manifest.made as usize);
        assert_eq!(read.scrapped.len(), read.manifest.scrapped as usize);
    }
}
