//! From a response to the one datagram that carries it or a block of it.

use super::asked::Asked;
use crate::coap::limits::{MESSAGE_MAX_BYTES, OBSERVED_FRESH_S};
use crate::coap::request::{Method, Response};
use bytes::Bytes;
use coap_lite::{CoapOption, MessageClass, MessageType, Packet, ResponseType};
use device_sdk::coap::block::{Block, BlockSize};
use device_sdk::coap::wire;
use std::hash::Hasher;

/// Bytes of Block2 and Size2 with their headers, and the payload marker.
const BLOCK_OVERHEAD: usize = 10;

/// A response in one message; type and message id are still to be set.
pub(super) struct Composed {
    pub(super) packet: Packet,
    /// More blocks are to be fetched.
    pub(super) more: bool,
}

/// Writes the response, or the block of it that was asked for.
pub(super) fn compose(asked: &Asked, response: &Response, sequence: Option<u32>) -> Composed {
    let refused = |code| Composed {
        packet: head(asked, code),
        more: false,
    };
    let mut packet = head(asked, response.code);
    if let Some(sequence) = sequence {
        packet.add_option(CoapOption::Observe, wire::uint(sequence));
    }
    for segment in &response.location {
        packet.add_option(CoapOption::LocationPath, segment.as_bytes().to_vec());
    }
    let fresh_s = sequence.map(|_| OBSERVED_FRESH_S);
    if let Some(seconds) = response.max_age_s.or(fresh_s) {
        packet.add_option(CoapOption::MaxAge, wire::uint(seconds));
    }
    if response.payload.is_empty() {
        return Composed {
            packet,
            more: false,
        };
    }
    if !response.is_error() {
        if let (Some(wanted), Some(format)) = (asked.accept, response.content_format)
            && wanted != format
        {
            return refused(ResponseType::NotAcceptable);
        }
        if asked.method == Some(Method::Get) {
            let etag = etag(&response.payload);
            let known = asked.etags.contains(&etag);
            packet.add_option(CoapOption::ETag, etag);
            if known {
                packet.header.code = MessageClass::Response(ResponseType::Valid);
                return Composed {
                    packet,
                    more: false,
                };
            }
        }
    }
    if let Some(format) = response.content_format {
        packet.add_option(CoapOption::ContentFormat, wire::uint(u32::from(format)));
    }
    match cut(asked, &packet, &response.payload) {
        Cut::Whole => {
            packet.payload = response.payload.to_vec();
            Composed {
                packet,
                more: false,
            }
        }
        Cut::Part(block, part) => {
            packet.add_option(CoapOption::Block2, block.write());
            if block.number == 0 {
                let size = u32::try_from(response.payload.len()).unwrap_or(u32::MAX);
                packet.add_option(CoapOption::Size2, wire::uint(size));
            }
            packet.payload = part.to_vec();
            Composed {
                packet,
                more: block.more,
            }
        }
        Cut::Beyond => refused(ResponseType::BadRequest),
        // The source is not verified and sent too little: only the outcome fits.
        Cut::NoRoom if !asked.changes_state() && !response.is_error() => challenge(asked),
        Cut::NoRoom => refused(response.code),
    }
}

/// 4.01 with what the source has to bring back (RFC 9175, 2.3), as far as that may be answered.
pub(super) fn challenge(asked: &Asked) -> Composed {
    let bare = head(asked, ResponseType::Unauthorized);
    let mut packet = bare.clone();
    if let Some(value) = asked.source.echo {
        packet.add_option(wire::ECHO, value.to_vec());
    }
    let bytes = wire::write(&packet).map_or(usize::MAX, |bytes| bytes.len());
    let fits = asked
        .source
        .answer_max_bytes
        .is_none_or(|most| bytes <= most);
    Composed {
        packet: if fits { packet } else { bare },
        more: false,
    }
}

/// Code, token and the echo of Block1.
fn head(asked: &Asked, code: ResponseType) -> Packet {
    let code = MessageClass::Response(code);
    let mut packet = wire::bare(MessageType::Acknowledgement, code, asked.message_id);
    packet.set_token(asked.token.clone());
    if let Some(block1) = asked.block1 {
        packet.add_option(CoapOption::Block1, block1.write());
    }
    packet
}

enum Cut {
    Whole,
    Part(Block, Bytes),
    Beyond,
    NoRoom,
}

fn cut(asked: &Asked, packet: &Packet, body: &Bytes) -> Cut {
    let head_bytes = wire::write(packet).map_or(0, |bytes| bytes.len());
    let most = asked.source.answer_max_bytes.unwrap_or(MESSAGE_MAX_BYTES);
    let room = most.min(MESSAGE_MAX_BYTES).saturating_sub(head_bytes + 1);
    let whole_max = room.min(BlockSize::LARGEST.bytes());
    if asked.block2.is_none() && body.len() <= whole_max {
        return Cut::Whole;
    }
    let Some(fitting) = BlockSize::fitting((room + 1).saturating_sub(BLOCK_OVERHEAD)) else {
        return Cut::NoRoom;
    };
    let size = asked
        .block2
        .map_or(fitting, |block| block.size.min(fitting));
    let offset = asked.block2.map_or(0, Block::offset);
    if offset > 0 && offset >= body.len() {
        return Cut::Beyond;
    }
    let end = (offset + size.bytes()).min(body.len());
    match Block::at(offset, end < body.len(), size) {
        Some(block) => Cut::Part(block, body.slice(offset..end)),
        None => Cut::Beyond,
    }
}

/// Tells representations apart while this process lives; it is never stored.
fn etag(body: &[u8]) -> Vec<u8> {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(body);
    hasher.finish().to_be_bytes().to_vec()
}
