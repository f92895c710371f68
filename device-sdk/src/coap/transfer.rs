//! Bodies of any length: out in Block1, in with Block2 (RFC 7959).

use super::block::{Block, BlockSize};
use super::{Answer, AnswerCode, Client, Error, Request, wire};
use coap_lite::{CoapOption, Packet};
use std::sync::atomic::{AtomicU32, Ordering};

/// Longest body that is fetched.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Times a body is begun again when it was lost or has changed on the way.
const BEGIN_AGAIN_MAX: u32 = 2;
/// 4.08 Request Entity Incomplete.
const INCOMPLETE: u8 = 0x88;
/// 4.13 Request Entity Too Large.
const TOO_LARGE: u8 = 0x8d;
/// 2.31 Continue.
const CONTINUE: u8 = 0x5f;
/// Keeps bodies on their way to one path apart (RFC 9175).
const REQUEST_TAG: CoapOption = CoapOption::Unknown(292);

pub(super) async fn request(client: &Client, request: &Request) -> Result<Answer, Error> {
    let mut again = 0;
    loop {
        let first = send(client, request).await?;
        // A gateway that has just come back knows nothing of the first blocks.
        let lost = u8::from(first.header.code) == INCOMPLETE;
        if lost && again < BEGIN_AGAIN_MAX {
            again += 1;
            continue;
        }
        return complete(client, request, first).await;
    }
}

/// Fetches what is missing of an answer.
pub(super) async fn complete(
    client: &Client,
    request: &Request,
    first: Packet,
) -> Result<Answer, Error> {
    let mut again = 0;
    let mut first = first;
    loop {
        match rest(client, request, &first).await? {
            Some(payload) => return Ok(answer(&first, payload)),
            None if again < BEGIN_AGAIN_MAX => {
                again += 1;
                first = client.exchange(request.head()).await?;
            }
            None => return Err(Error::Protocol),
        }
    }
}

async fn send(client: &Client, request: &Request) -> Result<Packet, Error> {
    let body = request.payload.as_slice();
    let mut size = BlockSize::LARGEST;
    if body.len() <= size.bytes() {
        let mut packet = request.head();
        packet.payload = body.to_vec();
        return client.exchange(packet).await;
    }
    static TAG: AtomicU32 = AtomicU32::new(0);
    let tag = wire::uint(TAG.fetch_add(1, Ordering::Relaxed));
    let mut offset = 0;
    loop {
        let end = (offset + size.bytes()).min(body.len());
        let block = Block::at(offset, end < body.len(), size).ok_or(Error::TooLarge)?;
        let mut packet = request.head();
        packet.add_option(CoapOption::Block1, block.write());
        packet.add_option(REQUEST_TAG, tag.clone());
        if offset == 0 {
            let length = u32::try_from(body.len()).map_err(|_| Error::TooLarge)?;
            packet.add_option(CoapOption::Size1, wire::uint(length));
        }
        packet.payload = body.get(offset..end).unwrap_or_default().to_vec();
        let answer = client.exchange(packet).await?;
        let wished = block_option(&answer, CoapOption::Block1)?.map(|block| block.size);
        let smaller = wished.filter(|wished| *wished < size);
        match (u8::from(answer.header.code), smaller) {
            // The gateway wants smaller blocks: what it took so far counts in those.
            (CONTINUE, _) if block.more => {
                offset = end;
                size = smaller.unwrap_or(size);
            }
            (TOO_LARGE, Some(smaller)) if offset == 0 => size = smaller,
            _ => return Ok(answer),
        }
    }
}

/// The whole body that begins with `first`; `None` when it changed meanwhile.
async fn rest(
    client: &Client,
    request: &Request,
    first: &Packet,
) -> Result<Option<Vec<u8>>, Error> {
    let mut body = first.payload.clone();
    let Some(mut block) = block_option(first, CoapOption::Block2)? else {
        return Ok(Some(body));
    };
    if block.number != 0 {
        return Err(Error::Protocol);
    }
    while block.more {
        if body.len() >= BODY_MAX_BYTES {
            return Err(Error::TooLarge);
        }
        let wanted = Block::at(body.len(), false, block.size).ok_or(Error::Protocol)?;
        let mut packet = request.head();
        packet.add_option(CoapOption::Block2, wanted.write());
        let next = client.exchange(packet).await?;
        if next.header.code != first.header.code || etag(&next) != etag(first) {
            return Ok(None);
        }
        block = block_option(&next, CoapOption::Block2)?.ok_or(Error::Protocol)?;
        let fits = block.offset() == body.len()
            && next.payload.len() <= block.size.bytes()
            && (!block.more || next.payload.len() == block.size.bytes());
        if !fits {
            return Err(Error::Protocol);
        }
        body.extend_from_slice(&next.payload);
    }
    Ok(Some(body))
}

fn block_option(packet: &Packet, option: CoapOption) -> Result<Option<Block>, Error> {
    match packet.get_first_option(option) {
        None => Ok(None),
        Some(value) => Block::read(value).map(Some).ok_or(Error::Protocol),
    }
}

fn etag(packet: &Packet) -> Option<&Vec<u8>> {
    packet.get_first_option(CoapOption::ETag)
}

fn answer(first: &Packet, payload: Vec<u8>) -> Answer {
    let format = wire::uint_option(first, CoapOption::ContentFormat);
    Answer {
        code: AnswerCode(first.header.code.into()),
        content_format: format.and_then(|format| u16::try_from(format).ok()),
        payload,
    }
}
