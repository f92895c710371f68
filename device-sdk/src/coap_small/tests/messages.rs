//! What one codec writes the other reads, and what one refuses the other refuses.

use crate::coap::wire;
use crate::coap_small::message::{Kind, Message, Writer};
use coap_lite::{CoapOption, MessageType, Packet};
use proptest::collection::vec;
use proptest::prelude::*;

/// A message in neither codec's form.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    kind: Kind,
    code: u8,
    message_id: u16,
    token: Vec<u8>,
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

const KINDS: [(Kind, MessageType); 4] = [
    (Kind::Confirmable, MessageType::Confirmable),
    (Kind::NonConfirmable, MessageType::NonConfirmable),
    (Kind::Acknowledgement, MessageType::Acknowledgement),
    (Kind::Reset, MessageType::Reset),
];

impl Plain {
    fn of_small(message: &Message<'_>) -> Self {
        let options = message.options();
        Self {
            kind: message.kind,
            code: message.code,
            message_id: message.message_id,
            token: message.token.to_vec(),
            options: options
                .map(|(number, value)| (number, value.to_vec()))
                .collect(),
            payload: message.payload.to_vec(),
        }
    }

    fn of_theirs(packet: &Packet) -> Self {
        let kind = packet.header.get_type();
        let kind = KINDS.iter().find(|(_, theirs)| *theirs == kind).unwrap().0;
        let options = packet.options().flat_map(|(number, values)| {
            let values = values.iter();
            values.map(|value| (*number, value.clone()))
        });
        Self {
            kind,
            code: packet.header.code.into(),
            message_id: packet.header.message_id,
            token: packet.get_token().to_vec(),
            options: options.collect(),
            payload: packet.payload.clone(),
        }
    }

    fn theirs(&self) -> Packet {
        let kind = KINDS.iter().find(|(ours, _)| *ours == self.kind).unwrap().1;
        let mut packet = wire::bare(kind, self.code.into(), self.message_id);
        packet.set_token(self.token.clone());
        for (number, value) in &self.options {
            packet.add_option(CoapOption::from(*number), value.clone());
        }
        packet.payload = self.payload.clone();
        packet
    }

    fn small(&self) -> Vec<u8> {
        let mut out = vec![0; 8_192];
        let mut writer =
            Writer::new(&mut out, self.kind, self.code, self.message_id, &self.token).unwrap();
        for (number, value) in &self.options {
            writer.option(*number, value).unwrap();
        }
        let len = writer.end(&self.payload).unwrap();
        out.truncate(len);
        out
    }
}

/// Codes that have a name, so that the other codec has them as well.
const CODES: [u8; 10] = [1, 2, 3, 4, 0x44, 0x45, 0x5f, 0x81, 0x8d, 0xa3];

fn plain() -> impl Strategy<Value = Plain> {
    // Values and numbers on both sides of where their spelling grows.
    let value = prop_oneof![
        vec(any::<u8>(), 0..16),
        vec(any::<u8>(), 12..15),
        vec(any::<u8>(), 267..272),
    ];
    let number = prop_oneof![0..40_u16, 250..300_u16, any::<u16>()];
    (
        prop::sample::select(&KINDS[..]),
        prop::sample::select(&CODES[..]),
        any::<u16>(),
        vec(any::<u8>(), 0..=8),
        vec((number, value), 0..12),
        vec(any::<u8>(), 0..1_100),
    )
        .prop_map(
            |((kind, _), code, message_id, token, mut options, payload)| {
                options.sort_by_key(|(number, _)| *number);
                Plain {
                    kind,
                    code,
                    message_id,
                    token,
                    options,
                    payload,
                }
            },
        )
}

proptest! {
    #[test]
    fn both_write_the_same_bytes_and_read_them_back(plain in plain()) {
        let bytes = plain.small();
        prop_assert_eq!(&bytes, &wire::write(&plain.theirs()).unwrap());
        prop_assert_eq!(Plain::of_small(&Message::read(&bytes).unwrap()), plain.clone());
        prop_assert_eq!(Plain::of_theirs(&wire::read(&bytes).unwrap()), plain);
    }

    #[test]
    fn both_read_the_same_in_what_was_damaged(
        plain in plain(),
        harm in vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = plain.small();
        for (at, how, byte) in harm {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        same(&bytes)?;
    }

    #[test]
    fn both_read_the_same_in_noise(first in 0x40..0x80_u8, rest in vec(any::<u8>(), 0..60)) {
        let mut bytes = vec![first];
        bytes.extend(rest);
        same(&bytes)?;
    }

    #[test]
    fn no_buffer_is_too_small_to_be_refused(plain in plain(), len in 0..300_usize) {
        let whole = plain.small();
        let mut out = vec![0; len];
        let written = Writer::new(&mut out, plain.kind, plain.code, plain.message_id, &plain.token);
        let written = written.and_then(|mut writer| {
            for (number, value) in &plain.options {
                writer.option(*number, value)?;
            }
            writer.end(&plain.payload)
        });
        prop_assert_eq!(written, (whole.len() <= len).then_some(whole.len()));
    }
}

fn same(bytes: &[u8]) -> Result<(), TestCaseError> {
    let ours = |bytes| Message::read(bytes).map(|message| Plain::of_small(&message));
    let theirs = wire::read(bytes).map(|packet| Plain::of_theirs(&packet));
    let head = &bytes[..bytes.len().min(24)];
    match (bytes, &theirs) {
        // Nothing behind the marker of a payload is an error (RFC 7252, 3), which coap-lite lets pass.
        ([before @ .., 0xff], Some(packet))
            if packet.payload.is_empty() && ours(before) == theirs =>
        {
            prop_assert_eq!(ours(bytes), None, "{:02x?}", head);
        }
        _ => prop_assert_eq!(ours(bytes), theirs, "{:02x?}", head),
    }
    Ok(())
}

#[test]
fn options_are_written_in_their_order_only() {
    let mut out = [0; 64];
    let mut writer = Writer::new(&mut out, Kind::Confirmable, 1, 7, &[]).unwrap();
    assert_eq!(writer.option(11, b"a"), Some(()));
    assert_eq!(writer.option(4, b"b"), None);
    assert!(Writer::new(&mut out, Kind::Confirmable, 1, 7, &[0; 9]).is_none());
}

#[test]
fn a_marker_of_a_payload_has_a_payload_behind_it() {
    let bytes = [0x40, 1, 0, 1, 0xb1, b'a', 0xff, b'p'];
    assert_eq!(Message::read(&bytes).unwrap().payload, b"p");
    assert_eq!(Message::read(&bytes[..7]), None);
    assert_eq!(Message::read(&bytes[..6]).unwrap().payload, b"");
}
