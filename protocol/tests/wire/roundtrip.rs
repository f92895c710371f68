//! What is written reads back, for any value of every type and for both algorithms.

use crate::cast::{BOTH, key, network};
use crate::{cbor, strategies};
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::cose::{SIGNED_MAX, SealError, identify, open, seal};
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Manifest, ORDER_TEXT, Object, Rights, Text, WorkOrder};
use protocol::{Algorithm, Currency, Digest, Kind, Network, Reference, Signer, Status};

fn reads_back<T: Object + PartialEq + std::fmt::Debug>(object: &T) {
    let network = network();
    let mut ids = Vec::new();
    for algorithm in BOTH {
        let (signer, stranger) = (key(algorithm, 1), key(algorithm, 2));
        let mut out = [0; SIGNED_MAX];
        let (len, id) = seal(object, &network, &signer, &mut out).unwrap();
        let bytes = &out[..len];

        let sealed = open::<T>(bytes, &network).unwrap();
        assert_eq!((sealed.peek(), sealed.id()), (object, id));
        let verified = sealed.verify(&signer.public_key()).unwrap();
        assert_eq!((verified.get(), verified.bytes()), (object, bytes));
        assert_eq!((verified.id(), verified.reference()), (id, id.reference()));
        assert_eq!(identify(object, &network, algorithm), Ok(id));

        let strangers = open::<T>(bytes, &network).unwrap();
        let refused = strangers.verify(&stranger.public_key());
        assert_eq!(refused.err(), Some(Status::BadSignature));

        let mut again = [0; SIGNED_MAX];
        assert_eq!(seal(object, &network, &signer, &mut again), Ok((len, id)));
        assert_eq!(
            again[..len],
            *bytes,
            "the same content gives the same bytes"
        );
        let by_another = seal(object, &network, &stranger, &mut again).unwrap();
        assert_eq!(
            by_another.1, id,
            "an identifier does not depend on the signature"
        );
        let too_small = seal(object, &network, &signer, &mut again[..len - 1]);
        assert_eq!(too_small, Err(SealError::BufferTooSmall));
        assert_eq!(
            cbor::Item::parse(bytes).to_bytes(),
            bytes,
            "a second writer spells it alike"
        );
        ids.push(id);
    }
    assert_ne!(ids[0], ids[1], "the algorithm is part of what is signed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_pass(object in strategies::pass()) {
        reads_back(&object);
    }

    #[test]
    fn any_allowance(object in strategies::allowance()) {
        reads_back(&object);
    }

    #[test]
    fn any_payment(object in strategies::payment()) {
        reads_back(&object);
    }

    #[test]
    fn any_receipt(object in strategies::receipt()) {
        reads_back(&object);
    }

    #[test]
    fn any_renewal(object in strategies::renewal()) {
        reads_back(&object);
    }

    #[test]
    fn any_statement(object in strategies::statement()) {
        reads_back(&object);
    }

    #[test]
    fn any_invoice(object in strategies::invoice()) {
        reads_back(&object);
    }
}

/// A text of up to 48 bytes that prints.
fn text() -> impl Strategy<Value = Option<Text<ORDER_TEXT>>> {
    proptest::option::of("[ -~äß中]{1,16}")
        .prop_map(|text| text.map(|text| Text::new(&text).expect("short enough, and it prints")))
}

proptest! {
    #[test]
    fn any_work_order(id: [u8; 16], count: u32, life_s: u32, product in text(), batch in text()) {
        let pass = crate::cast::Cast::new(Algorithm::Ed25519).gateway_pass();
        reads_back(&WorkOrder {
            id: Reference(id),
            by: pass.subject.0,
            station: pass.issuer.0,
            kind: Kind::PassiveItem,
            count,
            issued: pass.issued,
            expires: pass.expires,
            life_s,
            class: pass.class,
            rights: Rights::default(),
            product,
            batch,
        });
    }

    #[test]
    fn any_manifest(number: u32, before: [u8; 32], head: [u8; 32], lines: u64, made: u32) {
        let pass = crate::cast::Cast::new(Algorithm::Ed25519).gateway_pass();
        reads_back(&Manifest {
            station: pass.subject.0,
            number,
            before: Digest(before),
            head: Digest(head),
            lines,
            first_sequence: lines / 2,
            next_sequence: lines,
            made,
            scrapped: !made,
            time: pass.issued,
        });
    }
}

#[test]
fn a_text_that_does_not_print_is_none() {
    let long = "x".repeat(ORDER_TEXT + 1);
    for text in ["", "a\nb", "\u{7f}", &long] {
        assert_eq!(Text::<ORDER_TEXT>::new(text), None, "{text:?}");
    }
}

fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..30), vec(any::<u8>(), 0..=SIGNED_MAX)]
}

/// Writes, reads, compares, and hands the bytes back.
fn travels(message: &Message<'_>) -> Vec<u8> {
    let mut out = [0; MESSAGE_MAX];
    let len = message.write(&mut out).unwrap();
    let bytes = out[..len].to_vec();
    assert_eq!(Message::read(&bytes).as_ref(), Ok(message));
    assert_eq!(
        message.write(&mut out[..len - 1]),
        None,
        "no room, no message"
    );
    assert_eq!(Message::read(&bytes[..len - 1]), Err(Status::Malformed));
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Message::read(&longer), Err(Status::Malformed));
    bytes
}

proptest! {
    #[test]
    fn every_kind_of_message(parts in proptest::array::uniform6(part())) {
        let [a, b, c, d, e, f] = parts.each_ref().map(Vec::as_slice);
        let messages = [
            Message::Evidence { allowance: a, payment: b },
            Message::Claim { allowance: a, payment: b, receipt: c },
            Message::Receipt { receipt: a, pass: b },
            Message::Renewal { renewal: a },
            Message::Grant { allowance: a },
            Message::Statement { statement: a },
            Message::Proof { issuer: a, gateway: b, allowances: [c, d], payments: [e, f] },
            Message::Invoice { invoice: a, pass: b },
            Message::Covered { items: a, receipt: None },
            Message::Covered { items: a, receipt: Some(b) },
            Message::Payment { payment: a },
            Message::Beacon { beacon: a },
            Message::Filter { filter: a },
            Message::Warrant { centre: a, warrant: b },
            Message::Area { area: a },
            Message::Tariff { tariff: a, pass: b },
            Message::Closing { closing: a },
            Message::Void { void: a },
            Message::ClaimNote { note: a },
            Message::Move { order: a },
            Message::Lease { lease: a },
            Message::Release { release: a },
            Message::ClosingBalance { balance: a },
            Message::Credit { credit: a },
            Message::Watermark { watermark: a },
            Message::Seen { allowance: a, payment: b },
            Message::Accusation {
                how: a.len() as u8,
                credentials: [Some(a), Some(b), None],
                objects: [Some(c), Some(d), Some(e), Some(f), None, None],
            },
            Message::Accusation { how: 0, credentials: [None; 3], objects: [None; 6] },
            Message::Transfer { transfer: a, acceptance: None },
            Message::Transfer { transfer: a, acceptance: Some(b) },
            Message::Authorities { issuer: a, gateway: b, certificates: c, update: None },
            Message::Authorities { issuer: a, gateway: b, certificates: c, update: Some(d) },
            Message::RefundRequest { request: a },
            Message::RefundAnswer { answer: a },
            Message::Successor { issuer: a, gateway: b, former: c, successor: d, own: None },
            Message::Successor { issuer: a, gateway: b, former: c, successor: d, own: Some(e) },
            Message::PlaceRecord { issuer: a, authority: b, owner: c, survey: d, record: e },
            Message::Ask { currency: Currency::new(u32::from(a.len() as u8), *b"A1Z").unwrap() },
        ];
        for message in &messages {
            let bytes = travels(message);
            prop_assert_eq!(cbor::Item::parse(&bytes).to_bytes(), bytes);
        }
    }

    #[test]
    fn units_and_stream_claims(parts in proptest::array::uniform3(part()), about in any::<[u8; 4]>(),
                               units in strategies::small(), value in strategies::digest()) {
        let [allowance, payment, receipt] = parts.each_ref().map(Vec::as_slice);
        let messages = [
            Message::Unit { about, units, value },
            Message::StreamClaim { allowance, payment, units, value, receipt: None },
            Message::StreamClaim { allowance, payment, units, value, receipt: Some(receipt) },
        ];
        for message in &messages {
            let bytes = travels(message);
            prop_assert_eq!(cbor::Item::parse(&bytes).to_bytes(), bytes);
        }
    }

    #[test]
    fn refusals_with_and_without_a_subject(status in strategies::status(),
                                           about in proptest::option::of(strategies::reference())) {
        travels(&Message::refusal(status, about));
    }

    #[test]
    fn any_wallet_proof(key in strategies::public_key(), signature in strategies::signature()) {
        let proof = WalletProof { key, signature };
        let mut out = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut out);
        prop_assert_eq!(WalletProof::read(&out[..len]), Ok(proof));
        prop_assert_eq!(WalletProof::read(&out[..len - 1]), Err(Status::Malformed));
        prop_assert_eq!(cbor::Item::parse(&out[..len]).to_bytes(), &out[..len]);
    }

    #[test]
    fn a_network_is_a_short_plain_name(name in ".{0,30}") {
        let legal = (1..=Network::MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
        let network = Network::new(&name);
        prop_assert_eq!(network.is_some(), legal);
        if let Some(network) = network {
            prop_assert_eq!(network.as_str(), name);
        }
    }

    #[test]
    fn legal_network_names_read_back(name in "[a-z0-9.-]{1,24}") {
        let network = Network::new(&name).unwrap();
        prop_assert_eq!(network.as_str(), name);
    }
}

#[test]
fn the_crate_signs_exactly_the_sig_structure_of_rfc_9052() {
    for algorithm in BOTH {
        let cast = crate::cast::Cast::new(algorithm);
        for (name, bytes, public_key) in cast.every_form() {
            let payload = cbor::payload(&bytes);
            let signed = cbor::to_be_signed(algorithm, "test", name, &payload);
            let signature = bytes[bytes.len() - 64..].try_into().unwrap();
            assert!(public_key.verifies(&signed, &signature), "{name}");
        }
    }
    assert_eq!(cbor::protected(Algorithm::Ed25519), [0xa1, 0x01, 0x27]);
    assert_eq!(cbor::protected(Algorithm::P256), [0xa1, 0x01, 0x26]);
}
