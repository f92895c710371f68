//! What the door says, in MQTT 3.1.1 and 5.

use super::{
    counters::Reason,
    packet::{Qos, Version},
};
use bytes::{BufMut, BytesMut};

/// Bytes of a packet's first byte and length at most.
const HEADER_MAX: usize = 5;

/// CONNACK for a session that is opened. `assigned` is the client id the client left open.
pub(super) fn connack(out: &mut BytesMut, version: Version, session: &Opened<'_>) {
    if version == Version::V311 {
        out.put_slice(&[0x20, 2, 0, 0]);
        return;
    }
    let mut properties = BytesMut::new();
    // Sessions end with their connections.
    properties.put_u8(0x11);
    properties.put_u32(0);
    // Maximum QoS 1, no subscription identifiers, no shared subscriptions.
    properties.put_slice(&[0x24, 1, 0x29, 0, 0x2a, 0]);
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
    out.put_slice(&[0, 0]);
    put_length(out, properties.len());
    out.put_slice(&properties);
}

/// What CONNACK tells about a session.
#[derive(Debug)]
pub(super) struct Opened<'s> {
    pub(super) packet_most: usize,
    pub(super) aliases_most: u16,
    /// When the door wants another one than the client.
    pub(super) keep_alive_s: Option<u16>,
    pub(super) assigned: Option<&'s str>,
}

/// CONNACK for a session that is refused.
pub(super) fn connack_refused(out: &mut BytesMut, version: Version, reason: Reason) {
    match version {
        Version::V5 => out.put_slice(&[0x20, 3, 0, reason.code(), 0]),
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

/// PUBACK; with `refused`, only in MQTT 5.
pub(super) fn puback(out: &mut BytesMut, id: u16, refused: Option<u8>) {
    match refused {
        None => {
            out.put_slice(&[0x40, 2]);
            out.put_u16(id);
        }
        Some(code) => {
            out.put_slice(&[0x40, 3]);
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
        out.put_slice(&[0xe0, 1, reason.code()]);
    }
}

/// A message for the client.
#[derive(Debug)]
pub(super) struct Outgoing<'o> {
    pub(super) topic: &'o str,
    pub(super) payload: &'o [u8],
    /// With its packet identifier where there is one.
    pub(super) id: Option<u16>,
    pub(super) retain: bool,
}

impl Outgoing<'_> {
    /// Bytes of the packet at most, to compare with what the client takes.
    pub(super) fn most_bytes(&self) -> usize {
        HEADER_MAX + 2 + self.topic.len() + 2 + 1 + self.payload.len()
    }

    pub(super) fn write(&self, out: &mut BytesMut, version: Version) {
        let qos = self.id.map_or(Qos::AtMostOnce, |_| Qos::AtLeastOnce);
        let properties = usize::from(version == Version::V5);
        let id = self.id.map_or(0, |_| 2);
        out.put_u8(0x30 | (qos as u8) << 1 | u8::from(self.retain));
        put_length(
            out,
            2 + self.topic.len() + id + properties + self.payload.len(),
        );
        put_data(out, self.topic.as_bytes());
        if let Some(id) = self.id {
            out.put_u16(id);
        }
        if version == Version::V5 {
            out.put_u8(0);
        }
        out.put_slice(self.payload);
    }
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
        _ => 3,
    }
}
