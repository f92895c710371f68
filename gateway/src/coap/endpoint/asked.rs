//! What a request asks for besides its body, read once from its options.

use super::bodies::Key;
use super::echo;
use crate::coap::limits::Limits;
use crate::coap::request::Method;
use coap_lite::{CoapOption, MessageClass, MessageType, Packet, ResponseType};
use device_sdk::coap::block::Block;
use device_sdk::coap::wire;

/// Whether changes shall be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observe {
    No,
    Register,
    Deregister,
}

/// What is known of where a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// Longest datagram the answer may be, unless the request itself shows who reads it.
    pub(super) answer_max_bytes: Option<usize>,
    /// What would show it.
    pub(super) echo: Option<echo::Value>,
}

impl Source {
    pub(super) const PROVEN: Self = Self {
        answer_max_bytes: None,
        echo: None,
    };
}

/// All that the answer to a request depends on.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) message_id: u16,
    pub(super) confirmable: bool,
    pub(super) token: Vec<u8>,
    pub(super) key: Key,
    pub(super) tag: Vec<u8>,
    pub(super) method: Option<Method>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) accept: Option<u16>,
    pub(super) etags: Vec<Vec<u8>>,
    pub(super) observe: Observe,
    pub(super) source: Source,
}

/// The critical options understood here, none of them repeatable except Uri-Path and Uri-Query.
/// If-Match and If-None-Match are not: the tree has no conditional writes.
const UNDERSTOOD: [u16; 9] = [3, 7, 11, 15, 17, 23, 27, 35, 39];
const REPEATABLE: [u16; 2] = [11, 15];
/// Options that differ between the blocks of one body.
const NOT_IN_KEY: [u16; 8] = [4, 6, 23, 27, 28, 60, 252, REQUEST_TAG];
/// Keeps two bodies on their way to one path apart (RFC 9175).
const REQUEST_TAG: u16 = 292;

impl Asked {
    /// Reads the options. `Err` says how to refuse.
    pub(super) fn read(
        packet: &Packet,
        source: Source,
        limits: &Limits,
    ) -> (Self, Result<(), ResponseType>) {
        let block = |option| {
            packet
                .get_first_option(option)
                .map(|value| Block::read(value))
        };
        let (block1, block2) = (block(CoapOption::Block1), block(CoapOption::Block2));
        let accept = packet.get_first_option(CoapOption::Accept);
        let accept = accept.map(|value| {
            let number = wire::read_uint(value);
            number.and_then(|number| u16::try_from(number).ok())
        });
        let asked = Self {
            message_id: packet.header.message_id,
            confirmable: packet.header.get_type() == MessageType::Confirmable,
            token: packet.get_token().to_vec(),
            key: key(packet),
            tag: packet
                .get_first_option(CoapOption::Unknown(REQUEST_TAG))
                .cloned()
                .unwrap_or_default(),
            method: match packet.header.code {
                MessageClass::Request(request) => Method::of(request),
                _ => None,
            },
            block1: block1.flatten(),
            block2: block2.flatten(),
            accept: accept.flatten(),
            etags: packet
                .get_option(CoapOption::ETag)
                .map(|list| list.iter().cloned().collect())
                .unwrap_or_default(),
            observe: if limits.verified {
                observe(packet)
            } else {
                Observe::No
            },
            source,
        };
        let readable = block1 != Some(None) && block2 != Some(None) && accept != Some(None);
        let verdict = if !readable || !all_critical_understood(packet) {
            Err(ResponseType::BadOption)
        } else if packet.get_option(CoapOption::ProxyUri).is_some()
            || packet.get_option(CoapOption::ProxyScheme).is_some()
        {
            Err(ResponseType::ProxyingNotSupported)
        } else if asked.method.is_none() {
            Err(ResponseType::MethodNotAllowed)
        } else {
            Ok(())
        };
        (asked, verdict)
    }

    /// The key of the body that arrives with this and other requests.
    pub(super) fn arriving_key(&self) -> Key {
        let mut key = self.key.clone();
        key.extend_from_slice(&self.tag);
        key
    }

    /// Whether it asks for more than to read.
    pub(super) fn changes_state(&self) -> bool {
        self.method != Some(Method::Get)
    }

    /// Whether this fetches a later block of an answer.
    pub(super) fn fetches_rest(&self) -> bool {
        self.block2.is_some_and(|block| block.number > 0)
    }
}

fn all_critical_understood(packet: &Packet) -> bool {
    packet.options().all(|(number, values)| {
        let critical = number & 1 == 1;
        let known = UNDERSTOOD.contains(number);
        let once = values.len() <= 1 || REPEATABLE.contains(number);
        !critical || (known && once)
    })
}

fn observe(packet: &Packet) -> Observe {
    match wire::uint_option(packet, CoapOption::Observe) {
        Some(0) => Observe::Register,
        Some(1) => Observe::Deregister,
        _ => Observe::No,
    }
}

/// Method and options, without those that differ from block to block.
fn key(packet: &Packet) -> Key {
    let mut key = vec![u8::from(packet.header.code)];
    for (number, values) in packet.options() {
        if NOT_IN_KEY.contains(number) {
            continue;
        }
        for value in values {
            key.extend_from_slice(&number.to_be_bytes());
            key.extend_from_slice(&(value.len() as u32).to_be_bytes());
            key.extend_from_slice(value);
        }
    }
    key
}
