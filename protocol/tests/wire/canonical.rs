//! Every object has one spelling. All the others are refused as malformed, although they are signed
//! properly, so that nothing but their spelling can be the reason.

use crate::cast::{BOTH, Cast, check, network};
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
        for (name, bytes, _) in Cast::new(algorithm).one_of_each() {
            for respelled in respellings(&Item::parse(&payload(&bytes))) {
                let bytes = frame(&signer, "test", name, &respelled).to_bytes();
                let outcome = check(name, &bytes, &network(), &signer.public_key());
                assert_eq!(outcome, Err(Status::Malformed), "{name}: {respelled:02x?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 900, "only {tried}");
}

#[test]
fn longer_integers_and_indefinite_lengths_around_a_payload_are_malformed() {
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).one_of_each() {
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
    let [pass, allowance, payment, receipt, renewal, statement] =
        cast.one_of_each().map(|(_, bytes, _)| bytes);
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
    let parts_of = [0, 2, 3, 2, 1, 1, 1, 0, 6, 2];
    for kind in 0..=30u64 {
        for parts in 0..8 {
            let mut items = vec![Item::Unsigned(kind)];
            items.extend((0..parts).map(|_| part()));
            let good = parts_of.get(kind as usize) == Some(&parts) && !matches!(kind, 0 | 7);
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
fn any_other_frame_is_malformed() {
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).one_of_each() {
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

/// SplitMix64: the same damage on every machine.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Keys a pass may leave out.
const OPTIONAL: [i64; 8] = [-65539, -65540, -65541, -65542, 4, 5, 8, 14];
/// Fields that may hold any 64-bit number.
const ANY_NUMBER: [(&str, i64); 4] = [
    ("allowance", 19),
    ("statement", 5),
    ("pass", -65541),
    ("pass", -65542),
];

fn number(key: &Item) -> i64 {
    match key {
        Item::Unsigned(n) => *n as i64,
        Item::Negative(n) => -1 - *n as i64,
        other => unreachable!("keys are integers, not {other:?}"),
    }
}

/// One change that leaves no object of this protocol, and what it was.
fn damage(name: &str, original: &Item, random: &mut Seeded) -> (&'static str, Vec<u8>) {
    let Item::Map(entries) = original else {
        unreachable!("payloads are maps")
    };
    let mut entries = entries.clone();
    let (at, other) = (random.below(entries.len()), random.below(entries.len()));
    let what = match random.below(8) {
        0 if at != other => {
            entries.swap(at, other);
            "keys out of order"
        }
        1 => {
            let twin = entries[at].clone();
            entries.insert(other, twin);
            "a key twice"
        }
        2 => {
            insert_unknown_key(&mut entries, random);
            "an unknown key"
        }
        3 if !OPTIONAL.contains(&number(&entries[at].0)) => {
            entries.remove(at);
            "a missing key"
        }
        4 => {
            entries[at].1 = of_another_type(&entries[at].1, random);
            "a value of another type"
        }
        5 => match out_of_range(name, &entries[at], random) {
            Some(value) => {
                entries[at].1 = value;
                "a value out of range"
            }
            None => return ("bytes behind", trailing(original, random)),
        },
        6 => {
            entries[at].0 = Item::Text(number(&entries[at].0).to_string());
            "a key that is text"
        }
        _ => return ("bytes behind", trailing(original, random)),
    };
    (what, Item::Map(entries).to_bytes())
}

fn trailing(original: &Item, random: &mut Seeded) -> Vec<u8> {
    let mut bytes = original.to_bytes();
    bytes.extend((0..=random.below(3)).map(|_| random.next() as u8));
    bytes
}

/// The new key stands where it belongs in the order, so that only its number is wrong.
fn insert_unknown_key(entries: &mut Vec<(Item, Item)>, random: &mut Seeded) {
    let known: Vec<i64> = entries.iter().map(|(key, _)| number(key)).collect();
    let key = loop {
        let key = match random.below(3) {
            0 => random.below(24) as i64,
            1 => -1 - random.below(24) as i64,
            _ => -65536 - random.below(30) as i64,
        };
        if !known.contains(&key) && !OPTIONAL.contains(&key) {
            break Item::int(key);
        }
    };
    let spelled = key.to_bytes();
    let at = entries.partition_point(|(known, _)| known.to_bytes() < spelled);
    let value = entries[random.below(entries.len())].1.clone();
    entries.insert(at, (key, value));
}

fn of_another_type(value: &Item, random: &mut Seeded) -> Item {
    let others = [
        Item::Unsigned(1),
        Item::Negative(0),
        Item::Bytes(vec![1]),
        Item::Text("1".into()),
        Item::Array(vec![]),
        Item::Map(vec![]),
        Item::Bool(true),
        Item::Raw(vec![0xf6]),             // null
        Item::Raw(vec![0xf7]),             // undefined
        Item::Raw(vec![0xf9, 0x3c, 0x00]), // 1.0
        Item::Raw(vec![0xc2, 0x41, 0x01]), // bignum 1
        Item::Tag(1, Box::new(value.clone())),
        Item::Array(vec![value.clone()]),
    ];
    loop {
        let other = &others[random.below(others.len())];
        if std::mem::discriminant(other) != std::mem::discriminant(value) {
            return other.clone();
        }
    }
}

fn out_of_range(name: &str, (key, value): &(Item, Item), random: &mut Seeded) -> Option<Item> {
    let changed = match value {
        Item::Unsigned(_) if ANY_NUMBER.contains(&(name, number(key))) => return None,
        Item::Unsigned(_) => Item::Unsigned(u64::MAX - random.next() % (1 << 62)),
        Item::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            match random.below(4) {
                0 => drop(bytes.pop()),
                1 => bytes.push(random.next() as u8),
                // Codes begin with version 1 and no kind is 15; currencies end in A-Z0-9. Digests
                // and references may be anything.
                2 if bytes.len() == 20 => bytes[0] = 0x1f,
                3 if bytes.len() == 20 => bytes[0] = 0x20 | bytes[0] & 0x0f,
                2 if bytes.len() == 6 => bytes[5] = b'a',
                3 if bytes.len() == 6 => bytes[3] = 0,
                _ => bytes.clear(),
            }
            Item::Bytes(bytes)
        }
        Item::Text(text) => Item::Text(match random.below(4) {
            0 => text.to_lowercase(),
            1 => format!("{}-{}", &text[..4], &text[4..]),
            2 => text[1..].to_owned(),
            _ => text.replacen('1', "I", 1),
        }),
        Item::Array(parts) => {
            // A wallet key: [algorithm, bytes].
            let mut parts = parts.clone();
            match random.below(5) {
                0 => parts.push(Item::Bytes(vec![])),
                1 => drop(parts.pop()),
                2 => parts[0] = Item::int(-35),
                3 => parts.swap(0, 1),
                _ => parts[1] = Item::Bytes(vec![5; 33]),
            }
            Item::Array(parts)
        }
        Item::Map(confirmation) => {
            let (_, Item::Map(key)) = &confirmation[0] else {
                unreachable!("a confirmation holds a COSE_Key")
            };
            let mut key = key.clone();
            match random.below(5) {
                0 => key.push((Item::int(-4), Item::Bytes(vec![0; 32]))),
                1 => drop(key.pop()),
                2 => key.swap(0, 1),
                3 => key[0].1 = Item::int(3),
                _ => key[2].1 = Item::Bytes(vec![0; 31]),
            }
            Item::Map(vec![(Item::int(1), Item::Map(key))])
        }
        other => unreachable!("no field is {other:?}"),
    };
    (changed != *value).then_some(changed)
}

#[test]
fn thousands_of_seeded_wrong_payloads_are_malformed() {
    let mut kinds = std::collections::BTreeMap::new();
    for algorithm in BOTH {
        let signer = Cast::new(algorithm).payer;
        let originals = [
            Cast::new(algorithm).one_of_each().to_vec(),
            vec![(
                "pass",
                crate::cast::signed(&Cast::new(algorithm).gateway_pass(), &signer),
                signer.public_key(),
            )],
        ]
        .concat();
        for seed in 0..3_000 {
            let mut random = Seeded(seed);
            let (name, bytes, _) = &originals[random.below(originals.len())];
            let original = payload(bytes);
            let (what, damaged) = damage(name, &Item::parse(&original), &mut random);
            assert_ne!(damaged, original, "{what} changed nothing, seed {seed}");
            let bytes = frame(&signer, "test", name, &damaged).to_bytes();
            let outcome = check(name, &bytes, &network(), &signer.public_key());
            assert_eq!(
                outcome,
                Err(Status::Malformed),
                "{name} with {what}, {algorithm:?}, seed {seed}: {damaged:02x?}"
            );
            *kinds.entry(what).or_insert(0) += 1;
        }
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert!(kinds.values().all(|count| *count > 200), "{kinds:?}");
}
