//! What each target does with bytes from outside: it must not panic, and the bounds hold. The tests
//! of `gateway` run the same functions on a stable compiler.

use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::inbox::{PAGE_ENTRIES_MAX, read_page};
use gateway::coap::endpoint::{Endpoint, Output};
use gateway::coap::limits::Limits;
use gateway::coap::request::Response;
use gateway::tree::{Filter, TOPIC_MAX, Topic};
use issuer::CheckedRequest;
use ledger::chain::TilePath;
use protocol::Network;
use std::time::{Duration, Instant};

/// Bytes of an MQTT packet here; more than any seed has.
const PACKET_BYTES_MAX: usize = 4_096;
/// Addresses that datagrams come from.
const PEERS: u8 = 4;
/// What an answer may be long: several blocks.
const ANSWER_BYTES: usize = 3_000;

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
        let mut endpoint = Endpoint::new(limits, 1);
        let mut now = Instant::now();
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
                    Output::Request { .. } | Output::Send { .. } => {}
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
