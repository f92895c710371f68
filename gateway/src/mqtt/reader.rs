//! Fields of MQTT packets out of bytes that may be anything.

use super::counters::Reason;
use bytes::{Buf, Bytes, BytesMut};

/// One packet: its first byte and what follows the length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) first: u8,
    pub(super) body: Bytes,
}

/// Takes the first whole packet out of `bytes`; `None` when more bytes are needed. A packet that
/// announces more than `most` bytes is refused before they are read.
pub(super) fn take_frame(bytes: &mut BytesMut, most: usize) -> Result<Option<Frame>, Reason> {
    let Some(first) = bytes.first().copied() else {
        return Ok(None);
    };
    let mut length = 0;
    for at in 0..4 {
        let Some(byte) = bytes.get(1 + at).copied() else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let header = 2 + at;
            if header + length > most {
                return Err(Reason::TooLarge);
            }
            if bytes.len() < header + length {
                return Ok(None);
            }
            bytes.advance(header);
            let body = bytes.split_to(length).freeze();
            return Ok(Some(Frame { first, body }));
        }
    }
    Err(Reason::Malformed)
}

/// Reads the fields of a body in order.
#[derive(Debug)]
pub(super) struct Reader {
    rest: Bytes,
}

/// One property of MQTT 5.
#[derive(Debug)]
pub(super) enum Property {
    Number(u8, u32),
    /// Text or data; what it says is of no concern here.
    Other(u8),
}

impl Reader {
    pub(super) fn new(rest: Bytes) -> Self {
        Self { rest }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Reason> {
        self.rest.try_get_u8().map_err(|_| Reason::Malformed)
    }

    pub(super) fn two(&mut self) -> Result<u16, Reason> {
        self.rest.try_get_u16().map_err(|_| Reason::Malformed)
    }

    fn four(&mut self) -> Result<u32, Reason> {
        self.rest.try_get_u32().map_err(|_| Reason::Malformed)
    }

    /// A packet identifier, never 0.
    pub(super) fn packet_id(&mut self) -> Result<u16, Reason> {
        match self.two()? {
            0 => Err(Reason::Malformed),
            id => Ok(id),
        }
    }

    fn variable(&mut self) -> Result<u32, Reason> {
        let mut value = 0;
        for at in 0..4 {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Reason::Malformed)
    }

    pub(super) fn data(&mut self) -> Result<Bytes, Reason> {
        let length = usize::from(self.two()?);
        if self.rest.len() < length {
            return Err(Reason::Malformed);
        }
        Ok(self.rest.split_to(length))
    }

    /// Text as MQTT wants it: UTF-8 without NUL.
    pub(super) fn text(&mut self) -> Result<String, Reason> {
        let data = self.data()?;
        match std::str::from_utf8(&data) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(Reason::Malformed),
        }
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> Bytes {
        self.rest.split_to(self.rest.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Reason> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(Reason::Malformed)
        }
    }

    /// Reads a list of properties, each of which must be `allowed` here and may stand there once.
    /// `visit` gets each of them, and how it is written.
    pub(super) fn properties(
        &mut self,
        allowed: &[u8],
        mut visit: impl FnMut(Property, &[u8]) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let length = self.variable()? as usize;
        if self.rest.len() < length {
            return Err(Reason::Malformed);
        }
        let mut list = Self::new(self.rest.split_to(length));
        let mut seen = 0_u64;
        while !list.is_empty() {
            let written = list.rest.clone();
            let id = list.byte()?;
            if !allowed.contains(&id) {
                return Err(Reason::ProtocolError);
            }
            let bit = 1_u64.checked_shl(u32::from(id)).unwrap_or_default();
            if id != USER_PROPERTY && seen & bit != 0 {
                return Err(Reason::ProtocolError);
            }
            seen |= bit;
            let property = list.property(id)?;
            let length = written.len() - list.rest.len();
            visit(property, written.get(..length).unwrap_or_default())?;
        }
        Ok(())
    }

    fn property(&mut self, id: u8) -> Result<Property, Reason> {
        Ok(match id {
            // and problem and response information
            PAYLOAD_FORMAT | 0x17 | 0x19 => Property::Number(id, u32::from(self.byte()?)),
            RECEIVE_MAXIMUM | 0x22 | TOPIC_ALIAS => Property::Number(id, u32::from(self.two()?)),
            MESSAGE_EXPIRY | SESSION_EXPIRY | WILL_DELAY | MAXIMUM_PACKET_SIZE => {
                Property::Number(id, self.four()?)
            }
            SUBSCRIPTION_ID => Property::Number(id, self.variable()?),
            // and content type and reason string
            0x03 | RESPONSE_TOPIC | AUTHENTICATION_METHOD | 0x1f => {
                self.text()?;
                Property::Other(id)
            }
            // correlation and authentication data
            0x09 | 0x16 => {
                self.data()?;
                Property::Other(id)
            }
            USER_PROPERTY => {
                self.text()?;
                self.text()?;
                Property::Other(id)
            }
            _ => return Err(Reason::Malformed),
        })
    }
}

pub(super) const PAYLOAD_FORMAT: u8 = 0x01;
pub(super) const MESSAGE_EXPIRY: u8 = 0x02;
pub(super) const RESPONSE_TOPIC: u8 = 0x08;
pub(super) const SUBSCRIPTION_ID: u8 = 0x0b;
pub(super) const SESSION_EXPIRY: u8 = 0x11;
pub(super) const AUTHENTICATION_METHOD: u8 = 0x15;
pub(super) const WILL_DELAY: u8 = 0x18;
pub(super) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(super) const TOPIC_ALIAS: u8 = 0x23;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
const USER_PROPERTY: u8 = 0x26;

/// What each packet may carry, by the table in section 2.2.2.2 of MQTT 5.
pub(super) const CONNECT_PROPERTIES: &[u8] =
    &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27];
pub(super) const WILL_PROPERTIES: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];
pub(super) const PUBLISH_PROPERTIES: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26];
pub(super) const ACK_PROPERTIES: &[u8] = &[0x1f, 0x26];
pub(super) const SUBSCRIBE_PROPERTIES: &[u8] = &[0x0b, 0x26];
pub(super) const UNSUBSCRIBE_PROPERTIES: &[u8] = &[0x26];
pub(super) const DISCONNECT_PROPERTIES: &[u8] = &[0x11, 0x1f, 0x26];
