//! What the CoAP message codec leaves to its users: version check, unsigned options, numbers.

pub use crate::coap_small::Dice;
pub use crate::coap_small::message::read_uint;
use coap_lite::{CoapOption, MessageClass, MessageType, Packet};

/// Content-Format of plain text.
pub const TEXT: u16 = 0;
/// Content-Format of the link format (RFC 6690).
pub const LINK_FORMAT: u16 = 40;
/// Content-Format application/octet-stream.
pub const OCTETS: u16 = 42;
/// Content-Format application/json.
pub const JSON: u16 = 50;
/// Content-Format application/cbor.
pub const CBOR: u16 = 60;
/// Content-Format application/pkcs10 (RFC 9148).
pub const PKCS10: u16 = 286;
/// Content-Format application/pkix-cert (RFC 9148).
pub const CERTIFICATE: u16 = 287;

/// The Echo option (RFC 9175): what a 4.01 wants brought back.
pub const ECHO: CoapOption = CoapOption::Unknown(252);

/// The shortest unsigned option value: zero is empty.
pub fn uint(value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.into_iter().skip(zeros).collect()
}

/// The first value of an option as an unsigned number; `None` when absent or too long.
pub fn uint_option(packet: &Packet, option: CoapOption) -> Option<u32> {
    packet
        .get_first_option(option)
        .and_then(|value| read_uint(value))
}

/// Reads one datagram. `None` for whatever is not version 1 of CoAP.
pub fn read(datagram: &[u8]) -> Option<Packet> {
    let version = datagram.first()? >> 6;
    let packet = Packet::from_bytes(datagram).ok()?;
    // An empty message is a header and nothing else (RFC 7252, 4.1).
    let empty_is_empty = packet.header.code != MessageClass::Empty || datagram.len() == 4;
    (version == 1 && empty_is_empty).then_some(packet)
}

/// Writes a message; `None` when it cannot be written, which no message built here can cause.
pub fn write(packet: &Packet) -> Option<Vec<u8>> {
    packet.to_bytes_unlimited().ok()
}

/// A message with nothing but its type and code.
pub fn bare(kind: MessageType, code: MessageClass, message_id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(kind);
    packet.header.code = code;
    packet.header.message_id = message_id;
    packet
}

/// The four bytes of an empty acknowledgement or reset.
pub fn empty(kind: MessageType, message_id: u16) -> Vec<u8> {
    let kind = match kind {
        MessageType::Confirmable => 0x40,
        MessageType::NonConfirmable => 0x50,
        MessageType::Acknowledgement => 0x60,
        MessageType::Reset => 0x70,
    };
    let [high, low] = message_id.to_be_bytes();
    vec![kind, 0, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        for (number, length) in [(0, 0), (1, 1), (255, 1), (256, 2), (u32::MAX, 4)] {
            assert_eq!(uint(number).len(), length);
            assert_eq!(read_uint(&uint(number)), Some(number));
        }
        assert_eq!(read_uint(&[0; 5]), None);
    }

    #[test]
    fn other_versions_and_fat_empty_messages_are_not_read() {
        assert!(read(&[0x40, 0, 0, 1]).is_some());
        assert!(read(&[0x80, 1, 0, 1]).is_none());
        assert!(read(&[0x40, 0, 0, 1, 0xff, 1]).is_none());
        assert!(read(&[]).is_none());
        let reset = read(&empty(MessageType::Reset, 7)).unwrap();
        assert_eq!(reset.header.get_type(), MessageType::Reset);
        assert_eq!(reset.header.message_id, 7);
    }
}
