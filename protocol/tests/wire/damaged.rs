//! Payloads that are no object of this protocol, by the thousand, each signed properly: all of them
//! are malformed.

use crate::cast::{BOTH, Cast, check, network};
use crate::cbor::{Item, frame, payload};
use protocol::{Signer, Status};

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

/// Keys that may be left out.
const OPTIONAL: [(&str, &[i64]); 13] = [
    ("pass", &[-65539, -65540, -65541, -65542]),
    ("allowance", &[12, 13, 14]),
    ("payment", &[12, 13, 14]),
    ("receipt", &[4, 5]),
    ("statement", &[8, 9, 10]),
    ("renewal", &[9]),
    ("invoice", &[3, 4, 5, 10, 11]),
    ("beacon", &[3, 4]),
    ("filter", &[4]),
    ("credit", &[7, 8]),
    ("claim-note", &[4]),
    ("survey", &[5, 7, 10]),
    ("refund-answer", &[3, 4]),
];

fn is_optional(name: &str, key: i64) -> bool {
    OPTIONAL
        .iter()
        .any(|(object, keys)| *object == name && keys.contains(&key))
}

/// Fields that may hold any 64-bit number.
const ANY_NUMBER: [(&str, i64); 12] = [
    ("wallet-call", 6),
    ("invoice", 7),
    ("allowance", 19),
    ("statement", 5),
    ("pass", -65541),
    ("pass", -65542),
    ("move", 4),
    ("lease", 4),
    ("release", 3),
    ("closing-balance", 4),
    ("watermark", 4),
    ("acknowledgement", 5),
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
            insert_unknown_key(name, &mut entries, random);
            "an unknown key"
        }
        3 if !is_optional(name, number(&entries[at].0)) => {
            entries.remove(at);
            "a missing key"
        }
        4 => {
            let of_old = &entries[at].1;
            let mut other = of_another_type(of_old, random);
            // A position is a number on either side of zero.
            while name == "survey" && is_number(of_old) && is_number(&other) {
                other = of_another_type(of_old, random);
            }
            entries[at].1 = other;
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
fn insert_unknown_key(name: &str, entries: &mut Vec<(Item, Item)>, random: &mut Seeded) {
    let known: Vec<i64> = entries.iter().map(|(key, _)| number(key)).collect();
    let key = loop {
        let key = match random.below(3) {
            0 => random.below(24) as i64,
            1 => -1 - random.below(24) as i64,
            _ => -65536 - random.below(30) as i64,
        };
        if !known.contains(&key) && !is_optional(name, key) {
            break Item::int(key);
        }
    };
    let spelled = key.to_bytes();
    let at = entries.partition_point(|(known, _)| known.to_bytes() < spelled);
    let value = entries[random.below(entries.len())].1.clone();
    entries.insert(at, (key, value));
}

fn is_number(value: &Item) -> bool {
    matches!(value, Item::Unsigned(_) | Item::Negative(_))
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
        Item::Negative(_) => Item::Negative(u64::MAX - random.next() % (1 << 62)),
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
        // What somebody says: anything that prints, within its length.
        Item::Text(text) if name.starts_with("refund") => Item::Text(match random.below(3) {
            0 => String::new(),
            1 => text.repeat(160),
            _ => format!("{text}\u{85}"),
        }),
        Item::Text(text) => Item::Text(match random.below(4) {
            0 => text.to_lowercase(),
            1 => format!("{}-{}", &text[..4], &text[4..]),
            2 => text[1..].to_owned(),
            _ => text.replacen('1', "I", 1),
        }),
        Item::Array(parts) if name == "payment" => {
            // A stream: [unit, count, anchor].
            let mut parts = parts.clone();
            match random.below(9) {
                0 => parts.push(Item::int(1)),
                1 => drop(parts.pop()),
                2 => parts[0] = Item::int(0),
                3 => parts[0] = Item::Unsigned(1 << 63),
                4 => parts[1] = Item::int(0),
                5 => parts[1] = Item::int((1 << 20) + 1),
                6 => parts[2] = Item::Bytes(vec![1; 31]),
                7 => parts.swap(1, 2),
                // Each is in its range, but the total is no amount.
                _ => {
                    parts[0] = Item::Unsigned(1 << 43);
                    parts[1] = Item::int(1 << 20);
                }
            }
            Item::Array(parts)
        }
        Item::Array(parts) if matches!(name, "area" | "filter" | "tariff") => {
            // A set: at least one, ascending.
            let mut parts = parts.clone();
            match random.below(5) {
                0 => parts.clear(),
                1 => parts.insert(0, parts[0].clone()),
                2 => parts.reverse(),
                3 => parts.extend(vec![parts[0].clone(); 40]),
                _ => parts[0] = Item::Bytes(vec![0x1f; 9]),
            }
            Item::Array(parts)
        }
        Item::Bool(_) => Item::Bool(false),
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
        let originals = Cast::new(algorithm).every_form();
        for seed in 0..4_000 {
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
