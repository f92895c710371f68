//! What the door says, in MQTT 3.1.1 and 5.

use super::{
    counters::Reason,
    packet::{Qos, Version},
};
use bytes::{BufMut, BytesMut};

/// Bytes of a packet's first byte and length at most.
const HEADER_MAX: usize = 5;

/// CONNACK for a session that is opened.
pub(super) fn connack(out: &mut BytesMut, version: Version, session: &Opened<'_>) {
    let flags = u8::from(session.resumed);
    if version == Version::V311 {
        out.put_slice(&[0x20, 2, flags, 0]);
        return;
    }
    let mut properties = BytesMut::new();
    if let Some(life_s) = session.life_s {
        properties.put_u8(0x11);
        properties.put_u32(life_s);
    }
    properties.put_u8(0x21);
    properties.put_u16(session.receive_most);
    properties.put_u8(0x27);
    properties.put_u32(u32::try_from(session.packet_most).unwrap_or(u32::MAX));
    properties.put_u8(0x22);
    properties.put_u16(session.aliases_most);
    if let Some(keep_alive_s) = session.keep_alive_s {
        properties.put_u8(0x13);
        properties.put_u16(keep_alive_s);
    }
    if let Some(id) = session.assigned {
        properties.put_u8(0x12);
        put_data(&mut properties, id.as_bytes());
    }
    out.put_u8(0x20);
    let length = length_of_length(properties.len());
    put_length(out, 2 + length + properties.len());
    out.put_slice(&[flags, 0]);
    put_length(out, properties.len());
    out.put_slice(&properties);
}

/// What CONNACK tells about a session.
#[derive(Debug)]
pub(super) struct Opened<'s> {
    /// It was kept from before.
    pub(super) resumed: bool,
    /// How long it is kept after the connection, when that is not what the client wants.
    pub(super) life_s: Option<u32>,
    /// Publications with QoS 1 and 2 that may be under way at once.
    pub(super) receive_most: u16,
    pub(super) packet_most: usize,
    pub(super) aliases_most: u16,
    /// When the door wants another one than the client.
    pub(super) keep_alive_s: Option<u16>,
    /// The client id, when the client left it open.
    pub(super) assigned: Option<&'s str>,
}

/// CONNACK for a session that is refused.
pub(super) fn connack_refused(out: &mut BytesMut, version: Version, reason: Reason) {
    match version {
        Version::V5 => {
            let sentence = reason.sentence();
            let properties = 3 + sentence.len();
            out.put_u8(0x20);
            put_length(out, 2 + length_of_length(properties) + properties);
            out.put_slice(&[0, reason.code()]);
            put_reason(out, sentence);
        }
        Version::V311 => {
            let code = match reason {
                Reason::Version => 1,
                Reason::ClientId => 2,
                Reason::TooManySessions | Reason::Unavailable => 3,
                _ => 5,
            };
            out.put_slice(&[0x20, 2, 0, code]);
        }
    }
}

/// The answers to publications of QoS 1 and 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ack {
    /// QoS 1: it is here.
    Puback = 0x40,
    /// QoS 2: it is here, and comes again until it is released.
    Pubrec = 0x50,
    /// QoS 2: forget the packet identifier.
    Pubrel = 0x62,
    /// QoS 2: it is forgotten.
    Pubcomp = 0x70,
}

/// An answer; with `refused`, only in MQTT 5.
pub(super) fn ack(out: &mut BytesMut, ack: Ack, id: u16, refused: Option<u8>) {
    out.put_u8(ack as u8);
    match refused {
        None => {
            out.put_u8(2);
            out.put_u16(id);
        }
        Some(code) => {
            out.put_u8(3);
            out.put_u16(id);
            out.put_u8(code);
        }
    }
}

/// SUBACK, one code per filter.
pub(super) fn suback(out: &mut BytesMut, version: Version, id: u16, codes: &[u8]) {
    put_acks(out, version, 0x90, id, codes);
}

/// UNSUBACK; the codes are for MQTT 5 only.
pub(super) fn unsuback(out: &mut BytesMut, version: Version, id: u16, codes: &[u8]) {
    let codes = if version == Version::V5 { codes } else { &[] };
    put_acks(out, version, 0xb0, id, codes);
}

/// PINGRESP.
pub(super) fn pingresp(out: &mut BytesMut) {
    out.put_slice(&[0xd0, 0]);
}

/// DISCONNECT with a reason, which MQTT 3.1.1 does not have.
pub(super) fn disconnect(out: &mut BytesMut, version: Version, reason: Reason) {
    if version == Version::V5 {
        let sentence = reason.sentence();
        let properties = 3 + sentence.len();
        out.put_u8(0xe0);
        put_length(out, 1 + length_of_length(properties) + properties);
        out.put_u8(reason.code());
        put_reason(out, sentence);
    }
}

/// A message for the client.
#[derive(Debug)]
pub(super) struct Outgoing<'o> {
    pub(super) topic: &'o str,
    pub(super) payload: &'o [u8],
    pub(super) qos: Qos,
    /// Its packet identifier; of no meaning with QoS 0.
    pub(super) id: u16,
    pub(super) retain: bool,
    /// It may have been sent before.
    pub(super) again: bool,
    /// Properties for the reader as the publisher wrote them.
    pub(super) extras: &'o [u8],
    /// For how long somebody still wants it, in seconds.
    pub(super) expiry_s: Option<u32>,
    /// Of the subscriptions because of which it is sent.
    pub(super) identifiers: &'o [u32],
}

impl Outgoing<'_> {
    /// Bytes of the packet at most, to compare with what the client takes.
    pub(super) fn most_bytes(&self) -> usize {
        HEADER_MAX + 2 + self.topic.len() + 2 + self.payload.len() + 4 + self.properties_bytes()
    }

    fn properties_bytes(&self) -> usize {
        let identifiers = self.identifiers.iter();
        let identifiers = identifiers.map(|number| 1 + length_of_length(*number as usize));
        self.extras.len() + self.expiry_s.map_or(0, |_| 5) + identifiers.sum::<usize>()
    }

    pub(super) fn write(&self, out: &mut BytesMut, version: Version) {
        let properties = match version {
            Version::V311 => None,
            Version::V5 => Some(self.properties_bytes()),
        };
        let with_length = |bytes: usize| length_of_length(bytes) + bytes;
        let id = if self.qos == Qos::AtMostOnce { 0 } else { 2 };
        let again = u8::from(self.again && self.qos != Qos::AtMostOnce);
        out.put_u8(0x30 | again << 3 | (self.qos as u8) << 1 | u8::from(self.retain));
        put_length(
            out,
            2 + self.topic.len() + id + properties.map_or(0, with_length) + self.payload.len(),
        );
        put_data(out, self.topic.as_bytes());
        if id > 0 {
            out.put_u16(self.id);
        }
        if let Some(bytes) = properties {
            put_length(out, bytes);
            if let Some(seconds) = self.expiry_s {
                out.put_u8(0x02);
                out.put_u32(seconds);
            }
            out.put_slice(self.extras);
            for number in self.identifiers {
                out.put_u8(0x0b);
                put_length(out, *number as usize);
            }
        }
        out.put_slice(self.payload);
    }
}

/// Properties that consist of a reason in words.
fn put_reason(out: &mut BytesMut, sentence: &str) {
    put_length(out, 3 + sentence.len());
    out.put_u8(0x1f);
    put_data(out, sentence.as_bytes());
}

fn put_acks(out: &mut BytesMut, version: Version, first: u8, id: u16, codes: &[u8]) {
    let properties = usize::from(version == Version::V5);
    out.put_u8(first);
    put_length(out, 2 + properties + codes.len());
    out.put_u16(id);
    if version == Version::V5 {
        out.put_u8(0);
    }
    out.put_slice(codes);
}

/// Text or data with its length; what the door sends is always far shorter than 64 KiB.
fn put_data(out: &mut BytesMut, data: &[u8]) {
    let data = data
        .get(..data.len().min(usize::from(u16::MAX)))
        .unwrap_or_default();
    out.put_u16(u16::try_from(data.len()).unwrap_or(u16::MAX));
    out.put_slice(data);
}

fn put_length(out: &mut BytesMut, mut length: usize) {
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            out.put_u8(low);
            return;
        }
        out.put_u8(low | 0x80);
    }
}

fn length_of_length(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}
