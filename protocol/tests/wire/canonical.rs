//! Every object has one spelling. All the others are refused as malformed, although they are signed
//! properly, so that nothing but their spelling can be the reason.

use crate::cast::{BOTH, Cast, SEED, check, network};
use crate::cbor::{Item, Spelling, frame, payload};
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::{Reference, Signer, Status};

/// Every way to write exactly one head of the item otherwise than shortest.
fn respellings(item: &Item) -> Vec<Vec<u8>> {
    let canonical = item.to_bytes();
    let ways = [1, 2, 4, 8].map(Spelling::Wide).into_iter();
    let ways: Vec<_> = ways.chain([Spelling::Indefinite]).collect();
    let mut all = Vec::new();
    for head in 0..item.heads() {
        for way in &ways {
            let mut asked = 0;
            let bytes = item.spelled(&mut |_| {
                asked += 1;
                match asked - 1 == head {
                    true => *way,
                    false => Spelling::Shortest,
                }
            });
            if bytes != canonical {
                all.push(bytes);
            }
        }
    }
    all
}

#[test]
fn longer_integers_and_indefinite_lengths_inside_a_payload_are_malformed() {
    let mut tried = 0;
    for algorithm in BOTH {
        let signer = Cast::new(algorithm).payer;
        for (name, bytes, _) in Cast::new(algorithm).every_form() {
            for respelled in respellings(&Item::parse(&payload(&bytes))) {
                let bytes = frame(&signer, "test", name, &respelled).to_bytes();
                let outcome = check(name, &bytes, &network(), &signer.public_key());
                assert_eq!(outcome, Err(Status::Malformed), "{name}: {respelled:02x?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 1_800, "only {tried}");
}

#[test]
fn longer_integers_and_indefinite_lengths_around_a_payload_are_malformed() {
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).every_form() {
            for respelled in respellings(&Item::parse(&bytes)) {
                let outcome = check(name, &respelled, &network(), &key);
                assert_eq!(outcome, Err(Status::Malformed), "{name}: {respelled:02x?}");
            }
        }
    }
}

#[test]
fn respelled_messages_and_wallet_proofs_are_malformed() {
    let cast = Cast::new(BOTH[0]);
    let [
        pass,
        allowance,
        payment,
        receipt,
        renewal,
        statement,
        invoice,
    ] = cast.one_of_each().map(|(_, bytes, _)| bytes);
    let messages = [
        Message::Evidence {
            allowance: &allowance,
            payment: &payment,
        },
        Message::Claim {
            allowance: &allowance,
            payment: &payment,
            receipt: &receipt,
        },
        Message::Receipt {
            receipt: &receipt,
            pass: &pass,
        },
        Message::Renewal { renewal: &renewal },
        Message::Grant {
            allowance: &allowance,
        },
        Message::Statement {
            statement: &statement,
        },
        Message::refusal(Status::Accepted, None),
        Message::refusal(Status::Storage, Some(Reference([0; 16]))),
        Message::Proof {
            issuer: &pass,
            gateway: &pass,
            allowances: [&allowance; 2],
            payments: [&payment; 2],
        },
        Message::Invoice {
            invoice: &invoice,
            pass: &pass,
        },
        Message::Unit {
            about: [1; 4],
            units: 0,
            value: SEED,
        },
        Message::Unit {
            about: [1; 4],
            units: 1 << 20,
            value: SEED,
        },
        Message::StreamClaim {
            allowance: &allowance,
            payment: &payment,
            units: 37,
            value: SEED,
            receipt: None,
        },
        Message::StreamClaim {
            allowance: &allowance,
            payment: &payment,
            units: 37,
            value: SEED,
            receipt: Some(&receipt),
        },
    ];
    for message in messages {
        let mut out = [0; MESSAGE_MAX];
        let len = message.write(&mut out).unwrap();
        for respelled in respellings(&Item::parse(&out[..len])) {
            assert_eq!(
                Message::read(&respelled),
                Err(Status::Malformed),
                "{message:?}"
            );
        }
    }
    for algorithm in BOTH {
        let wallet = Cast::new(algorithm).payer;
        let proof = WalletProof::make(&network(), b"transport key", &wallet).unwrap();
        let mut out = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut out);
        for respelled in respellings(&Item::parse(&out[..len])) {
            assert_eq!(WalletProof::read(&respelled), Err(Status::Malformed));
        }
    }
}

#[test]
fn messages_of_unknown_kinds_statuses_and_lengths_are_malformed() {
    let part = || Item::Bytes(vec![0; 3]);
    // Kinds 7, 10, 11 and 29 have more than parts.
    let parts_of = |kind| match kind {
        4..=6 | 13..=15 | 17 | 19..=27 | 34..=35 => 1..=1,
        1 | 3 | 9 | 16 | 18 | 28 => 2..=2,
        2 => 3..=3,
        8 => 6..=6,
        12 | 31 => 1..=2,
        32 => 3..=4,
        33 => 5..=5,
        36 => 4..=5,
        _ => 9..=9,
    };
    for kind in 0..=40u64 {
        for parts in 0..8 {
            let mut items = vec![Item::Unsigned(kind)];
            items.extend((0..parts).map(|_| part()));
            let good = parts_of(kind).contains(&parts);
            let outcome = Message::read(&Item::Array(items).to_bytes()).map(|_| ());
            let expected = if good { Ok(()) } else { Err(Status::Malformed) };
            assert_eq!(outcome, expected, "kind {kind} with {parts} parts");
        }
    }
    for number in 0..=300u64 {
        let refusal = Item::Array(vec![Item::Unsigned(7), Item::Unsigned(number)]);
        let known = u8::try_from(number).is_ok_and(|n| Status::from_number(n).is_some());
        assert_eq!(
            Message::read(&refusal.to_bytes()).is_ok(),
            known,
            "status {number}"
        );
    }
    for length in [0, 15, 17, 32] {
        let about = Item::Bytes(vec![0; length]);
        let refusal = Item::Array(vec![Item::Unsigned(7), Item::Unsigned(16), about]);
        assert_eq!(Message::read(&refusal.to_bytes()), Err(Status::Malformed));
    }
}

#[test]
fn units_and_stream_claims_have_exactly_their_parts() {
    let part = |len| Item::Bytes(vec![0; len]);
    let unit = vec![Item::int(10), part(4), Item::int(37), part(32)];
    let claim = vec![
        Item::int(11),
        part(3),
        part(3),
        Item::int(37),
        part(32),
        part(3),
    ];
    let outcome = |parts: &[Item]| Message::read(&Item::Array(parts.to_vec()).to_bytes()).map(drop);
    for (whole, good) in [(&unit, vec![4]), (&claim, vec![5, 6])] {
        for len in 0..=whole.len() + 1 {
            let parts: Vec<_> = whole.iter().chain([&part(3)]).take(len).cloned().collect();
            let expected = match good.contains(&len) {
                true => Ok(()),
                false => Err(Status::Malformed),
            };
            assert_eq!(outcome(&parts), expected, "{} parts of {whole:?}", len);
        }
        for at in 1..whole.len() {
            let others = [
                Item::int(-1),
                Item::Unsigned(1 << 32),
                Item::Text("0123".into()),
                Item::Array(vec![]),
                Item::Raw(vec![0xf6]),
            ];
            for other in others {
                let mut parts = whole.clone();
                parts[at] = other;
                assert_eq!(outcome(&parts), Err(Status::Malformed), "{parts:?}");
            }
        }
    }
    let with = |whole: &[Item], at: usize, item: Item| {
        let mut parts = whole.to_vec();
        parts[at] = item;
        outcome(&parts)
    };
    for len in [0, 3, 5, 16, 32] {
        assert_eq!(with(&unit, 1, part(len)), Err(Status::Malformed), "{len}");
    }
    for len in [0, 16, 31, 33] {
        assert_eq!(with(&unit, 3, part(len)), Err(Status::Malformed), "{len}");
        assert_eq!(with(&claim, 4, part(len)), Err(Status::Malformed), "{len}");
    }
    // How many units a stream has is for the rules to say.
    let many = Item::int(u32::MAX.into());
    assert_eq!(with(&unit, 2, many.clone()), Ok(()));
    assert_eq!(with(&claim, 3, many), Ok(()));
}

#[test]
fn any_other_frame_is_malformed() {
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).every_form() {
            let Item::Tag(18, inner) = Item::parse(&bytes) else {
                unreachable!("a COSE_Sign1")
            };
            let Item::Array(parts) = *inner.clone() else {
                unreachable!("of four parts")
            };
            let with = |at: usize, part: Item| {
                let mut parts = parts.clone();
                parts[at] = part;
                Item::Tag(18, Box::new(Item::Array(parts)))
            };
            let of_len = |len: usize| {
                let parts = parts.iter().cycle().take(len).cloned().collect();
                Item::Tag(18, Box::new(Item::Array(parts)))
            };
            let header = |key: i64, value: Item| Item::Map(vec![(Item::int(key), value)]);
            let Item::Bytes(signature) = &parts[3] else {
                unreachable!("the signature")
            };
            let wrong = [
                ("no tag", *inner.clone()),
                ("COSE_Mac0", Item::Tag(17, inner.clone())),
                ("COSE_Sign", Item::Tag(98, inner.clone())),
                (
                    "CWT around",
                    Item::Tag(61, Box::new(Item::Tag(18, inner.clone()))),
                ),
                (
                    "self-described",
                    Item::Tag(55_799, Box::new(Item::Tag(18, inner.clone()))),
                ),
                ("three parts", of_len(3)),
                ("five parts", of_len(5)),
                ("no parts", of_len(0)),
                ("no algorithm", with(0, Item::Bytes(vec![]))),
                (
                    "empty header",
                    with(0, Item::Bytes(Item::Map(vec![]).to_bytes())),
                ),
                ("bare header", with(0, header(1, Item::int(-8)))),
                (
                    "unknown algorithm",
                    with(0, Item::Bytes(header(1, Item::int(-35)).to_bytes())),
                ),
                (
                    "algorithm respelled",
                    with(0, Item::Bytes(vec![0xa1, 0x01, 0x38, 0x07])),
                ),
                ("key id", with(1, header(4, Item::Bytes(vec![1])))),
                ("algorithm unprotected", with(1, header(1, Item::int(-8)))),
                ("no header", with(1, Item::Raw(vec![0xf6]))),
                ("detached payload", with(2, Item::Raw(vec![0xf6]))),
                ("empty payload", with(2, Item::Bytes(vec![]))),
                ("payload bare", with(2, Item::parse(&payload(&bytes)))),
                ("payload too long", with(2, Item::Bytes(vec![0; 1000]))),
                (
                    "short signature",
                    with(3, Item::Bytes(signature[..63].to_vec())),
                ),
                (
                    "long signature",
                    with(3, Item::Bytes([signature.as_slice(), &[0]].concat())),
                ),
                ("no signature", with(3, Item::Bytes(vec![]))),
                (
                    "signature as numbers",
                    with(3, Item::Array(vec![Item::int(1); 64])),
                ),
            ];
            for (what, item) in wrong {
                let outcome = check(name, &item.to_bytes(), &network(), &key);
                assert_eq!(outcome, Err(Status::Malformed), "{name}: {what}");
            }
        }
    }
}
