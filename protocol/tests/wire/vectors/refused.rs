//! Objects that are none, or that nobody believes, each with the status it gets.

use super::{fields, hex};
use crate::cast::{Cast, check, key, network, signed, signed_in};
use crate::cbor::{Item, Spelling, frame, frame_as, payload};
use protocol::objects::{Allowance, Pass, Payment, Receipt};
use protocol::{Algorithm, Network, PublicKey, Signer, Status};
use serde_json::{Value, json};

struct Bad {
    object: &'static str,
    why: &'static str,
    bytes: Vec<u8>,
    key: PublicKey,
    status: Status,
}

/// The payload of the honest payment with one change, signed properly.
fn with_payload(why: &'static str, change: impl FnOnce(&mut Vec<(Item, Item)>)) -> Bad {
    let cast = Cast::new(Algorithm::Ed25519);
    with_payload_of(
        "payment",
        &payload(&signed(&cast.payment(), &cast.payer)),
        why,
        change,
    )
}

fn with_payload_of(
    object: &'static str,
    original: &[u8],
    why: &'static str,
    change: impl FnOnce(&mut Vec<(Item, Item)>),
) -> Bad {
    let Item::Map(mut entries) = Item::parse(original) else {
        unreachable!("payloads are maps")
    };
    change(&mut entries);
    with_bytes(object, why, &Item::Map(entries).to_bytes())
}

fn with_bytes(object: &'static str, why: &'static str, payload: &[u8]) -> Bad {
    let signer = Cast::new(Algorithm::Ed25519).payer;
    Bad {
        object,
        why,
        bytes: frame(&signer, network().as_str(), object, payload).to_bytes(),
        key: signer.public_key(),
        status: Status::Malformed,
    }
}

/// One head spelled otherwise; the first head is number 1.
fn respelled(item: &Item, head: usize, spelling: Spelling) -> Vec<u8> {
    let mut heads = 0;
    item.spelled(&mut |_| {
        heads += 1;
        if heads == head {
            spelling
        } else {
            Spelling::Shortest
        }
    })
}

/// One of unit, count and anchor in the payload of a stream payment.
fn in_stream(part: usize, value: Item) -> impl FnOnce(&mut Vec<(Item, Item)>) {
    move |entries| {
        let Item::Array(stream) = &mut entries[11].1 else {
            unreachable!("a stream is an array")
        };
        stream[part] = value;
    }
}

fn wrong_payloads() -> Vec<Bad> {
    let cast = Cast::new(Algorithm::Ed25519);
    let stream = payload(&signed(&cast.stream_payment(), &cast.payer));
    let invoice = payload(&signed(&cast.invoice(), &cast.payee));
    let receipt = payload(&signed(&cast.receipt(), &cast.payee));
    let honest = payload(&signed(&cast.payment(), &cast.payer));
    let tree = Item::parse(&honest);
    let allowance = payload(&signed(&cast.allowance(), &cast.gateway));
    let pass = payload(&signed(&cast.payee_pass(), &cast.gateway));
    vec![
        with_bytes(
            "payment",
            "a map head in two bytes",
            &respelled(&tree, 1, Spelling::Wide(1)),
        ),
        with_bytes(
            "payment",
            "a map of indefinite length",
            &respelled(&tree, 1, Spelling::Indefinite),
        ),
        with_bytes(
            "payment",
            "a key in two bytes",
            &respelled(&tree, 2, Spelling::Wide(1)),
        ),
        with_bytes(
            "payment",
            "an integer in nine bytes",
            &respelled(&tree, 5, Spelling::Wide(8)),
        ),
        with_bytes(
            "payment",
            "a byte string of indefinite length",
            &respelled(&tree, 3, Spelling::Indefinite),
        ),
        with_bytes(
            "payment",
            "a byte behind the map",
            &[honest.as_slice(), &[0]].concat(),
        ),
        with_bytes("payment", "no map", &Item::Array(vec![]).to_bytes()),
        with_bytes("payment", "nothing", &[]),
        with_payload("keys out of order", |entries| entries.swap(1, 2)),
        with_payload("a key twice", |entries| {
            entries.insert(1, entries[1].clone())
        }),
        with_payload("a reference to an allowance that is a number", |entries| {
            entries.push((Item::int(12), Item::int(0)))
        }),
        with_payload("a key beyond the last", |entries| {
            entries.push((Item::int(15), Item::int(0)))
        }),
        with_payload("an unknown negative key", |entries| {
            entries.push((Item::int(-1), Item::int(0)))
        }),
        with_payload("a missing key", |entries| drop(entries.remove(9))),
        with_payload("null in place of a value", |entries| {
            entries[10].1 = Item::Raw(vec![0xf6])
        }),
        with_payload("an amount of 2^63", |entries| {
            entries[6].1 = Item::Unsigned(1 << 63)
        }),
        with_payload("a negative amount", |entries| entries[6].1 = Item::int(-1)),
        with_payload("an amount as float", |entries| {
            entries[6].1 = Item::Raw(vec![0xf9, 0x3c, 0x00])
        }),
        with_payload("a sequence of 2^32", |entries| {
            entries[2].1 = Item::Unsigned(1 << 32)
        }),
        with_payload("a lower-case currency", |entries| {
            entries[5].1 = Item::Bytes(b"\x00\x00\x01usd".to_vec())
        }),
        with_payload("a code of version 2", |entries| {
            entries[0].1 = Item::Bytes([&[0x20], [0; 19].as_slice()].concat())
        }),
        with_payload("a place in place of a payee", |entries| {
            entries[4].1 = Item::Bytes([&[0x17], [0; 19].as_slice()].concat())
        }),
        with_payload("a reference of 15 bytes", |entries| {
            entries[3].1 = Item::Bytes(vec![0; 15])
        }),
        with_payload_of(
            "payment",
            &stream,
            "a stream of no units",
            in_stream(1, Item::int(0)),
        ),
        with_payload_of(
            "payment",
            &stream,
            "a stream of 2^20 + 1 units",
            in_stream(1, Item::int((1 << 20) + 1)),
        ),
        with_payload_of(
            "payment",
            &stream,
            "units for nothing",
            in_stream(0, Item::int(0)),
        ),
        with_payload_of(
            "payment",
            &stream,
            "a stream whose total is no amount",
            in_stream(0, Item::Unsigned(i64::MAX as u64 / 100 + 1)),
        ),
        with_payload_of(
            "payment",
            &stream,
            "an anchor of 31 bytes",
            in_stream(2, Item::Bytes(vec![0; 31])),
        ),
        with_payload_of("payment", &stream, "null in place of a stream", |entries| {
            entries[11].1 = Item::Raw(vec![0xf6])
        }),
        with_payload_of(
            "invoice",
            &invoice,
            "a key of an invoice beyond the last",
            |entries| entries.push((Item::int(12), Item::Bytes(vec![0; 16]))),
        ),
        with_payload_of("invoice", &invoice, "no nonce", |entries| {
            drop(entries.remove(4))
        }),
        with_payload_of("receipt", &receipt, "units below zero", |entries| {
            entries.push((Item::int(5), Item::int(-1)))
        }),
        with_payload_of(
            "receipt",
            &receipt,
            "units before the reason for declining",
            |entries| {
                entries.push((Item::int(5), Item::int(0)));
                entries.push((Item::int(4), Item::int(48)));
            },
        ),
        with_payload_of("allowance", &allowance, "class 3", |entries| {
            entries[3].1 = Item::int(3)
        }),
        with_payload_of(
            "allowance",
            &allowance,
            "a wallet key of an unknown algorithm",
            |entries| {
                entries[1].1 = Item::Array(vec![Item::int(-35), Item::Bytes(vec![0; 48])]);
            },
        ),
        with_payload_of(
            "allowance",
            &allowance,
            "a P-256 wallet key in compact form",
            |entries| {
                entries[1].1 = Item::Array(vec![Item::int(-7), Item::Bytes(vec![5; 33])]);
            },
        ),
        with_payload_of("pass", &pass, "a right without a meaning", |entries| {
            entries[6].1 = Item::int(32)
        }),
        with_payload_of("pass", &pass, "a name in lower case", |entries| {
            if let Item::Text(text) = &mut entries[1].1 {
                *text = text.to_lowercase();
            }
        }),
        with_payload_of("pass", &pass, "a name in groups", |entries| {
            entries[1].1 = Item::Text(format!("{:#}", Cast::payee_code()));
        }),
    ]
}

fn wrong_frames() -> Vec<Bad> {
    let cast = Cast::new(Algorithm::Ed25519);
    let honest = signed(&cast.payment(), &cast.payer);
    let Item::Tag(_, inner) = Item::parse(&honest) else {
        unreachable!("a COSE_Sign1")
    };
    let Item::Array(parts) = *inner.clone() else {
        unreachable!("of four parts")
    };
    let bad = |why, item: Item| Bad {
        object: "payment",
        why,
        bytes: item.to_bytes(),
        key: cast.payer.public_key(),
        status: Status::Malformed,
    };
    let with = |at: usize, part: Item| {
        let mut parts = parts.clone();
        parts[at] = part;
        Item::Tag(18, Box::new(Item::Array(parts)))
    };
    let key_id = Item::Map(vec![(Item::int(4), Item::Bytes(vec![1]))]);
    vec![
        bad("no tag", *inner.clone()),
        bad("the tag of COSE_Mac0", Item::Tag(17, inner.clone())),
        bad(
            "a CWT tag around",
            Item::Tag(61, Box::new(Item::Tag(18, inner.clone()))),
        ),
        bad("no algorithm", with(0, Item::Bytes(vec![]))),
        bad(
            "an algorithm in two bytes",
            with(0, Item::Bytes(vec![0xa1, 0x01, 0x38, 0x07])),
        ),
        bad("an unprotected header", with(1, key_id)),
        bad("a detached payload", with(2, Item::Raw(vec![0xf6]))),
        bad("a signature of 63 bytes", with(3, Item::Bytes(vec![0; 63]))),
        bad(
            "a byte behind",
            Item::Raw([honest.as_slice(), &[0]].concat()),
        ),
        bad("cut short", Item::Raw(honest[..honest.len() - 1].to_vec())),
        bad("empty", Item::Raw(vec![])),
    ]
}

fn not_believed() -> Vec<Bad> {
    let cast = Cast::new(Algorithm::Ed25519);
    let honest = signed(&cast.payment(), &cast.payer);
    let bad = |object, why, bytes: Vec<u8>, key: PublicKey| Bad {
        object,
        why,
        bytes,
        key,
        status: Status::BadSignature,
    };
    let payer = cast.payer.public_key();
    let mut flipped = honest.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 0x01;
    let abroad = signed_in(&cast.payment(), &Network::new("demo").unwrap(), &cast.payer);
    let as_receipt = frame(&cast.payer, "test", "receipt", &payload(&honest)).to_bytes();
    let misnamed = frame_as(
        Algorithm::P256,
        &cast.payer,
        "test",
        "payment",
        &payload(&honest),
    );
    let by_p256 = signed(&cast.payment(), &key(Algorithm::P256, 4));
    vec![
        bad(
            "payment",
            "one bit of the signature flipped",
            flipped,
            payer,
        ),
        bad(
            "payment",
            "signed by another key",
            signed(&cast.payment(), &cast.payee),
            payer,
        ),
        bad("payment", "signed for another network", abroad, payer),
        bad("payment", "signed as a receipt", as_receipt, payer),
        bad(
            "payment",
            "signed with another algorithm than the key's",
            by_p256,
            payer,
        ),
        bad(
            "payment",
            "signed by the key, under a header that names the other algorithm",
            misnamed.to_bytes(),
            payer,
        ),
    ]
}

fn taken_for_another() -> Vec<Bad> {
    let cast = Cast::new(Algorithm::Ed25519);
    let bad = |object, why, bytes: Vec<u8>, key: &PublicKey| Bad {
        object,
        why,
        bytes,
        key: *key,
        status: Status::Malformed,
    };
    let payer = cast.payer.public_key();
    vec![
        bad(
            "receipt",
            "a payment",
            signed::<Payment>(&cast.payment(), &cast.payer),
            &payer,
        ),
        bad(
            "payment",
            "a receipt",
            signed::<Receipt>(&cast.receipt(), &cast.payer),
            &payer,
        ),
        bad(
            "pass",
            "an allowance",
            signed::<Allowance>(&cast.allowance(), &cast.payer),
            &payer,
        ),
        bad(
            "allowance",
            "a pass",
            signed::<Pass>(&cast.payee_pass(), &cast.payer),
            &payer,
        ),
    ]
}

pub fn bad_objects() -> Value {
    let all = [
        wrong_payloads(),
        wrong_frames(),
        not_believed(),
        taken_for_another(),
    ];
    let all: Vec<Value> = all
        .into_iter()
        .flatten()
        .map(|bad| {
            let outcome = check(bad.object, &bad.bytes, &network(), &bad.key);
            assert_eq!(outcome, Err(bad.status), "{}: {}", bad.object, bad.why);
            json!({
                "object": bad.object,
                "why": bad.why,
                "network": network().as_str(),
                "key": fields::public_key(&bad.key),
                "bytes": hex(&bad.bytes),
                "status": bad.status.word(),
            })
        })
        .collect();
    json!({
        "about": "Read bytes as the object, check them with the key: the status is what that gives. Payloads are signed properly unless the status is bad_signature.",
        "bad_objects": all,
    })
}
