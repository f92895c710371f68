//! Keys and signed objects.

use super::names::cast_codes;
use super::{fields, hex, society};
use crate::cast::{BOTH, Cast, amount, network, reading, signed};
use crate::cbor;
use protocol::cose::open;
use protocol::keys::SoftwareKey;
use protocol::objects::{Allowance, Object, Pass, Payment, Rights, Statement};
use protocol::stream::{Stream, UNITS_MAX};
use protocol::units::AMOUNT_MAX;
use protocol::{
    Digest, KeyEpoch, PublicKey, Reference, Sequence, Signature, Signer, Status, Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const MESSAGE: &[u8] = b"one thing, one code, one pass";

fn key(name: &str, seed: u8, key: &SoftwareKey) -> Value {
    let algorithm = key.public_key().algorithm();
    json!({
        "name": format!("{name}-{}", fields::algorithm(algorithm)),
        "algorithm": fields::algorithm(algorithm),
        "cose_algorithm": algorithm.cose(),
        "seed": hex(&[seed; 32]),
        "public_key": hex(key.public_key().as_bytes()),
        "message": hex(MESSAGE),
        "signature": hex(&key.sign(MESSAGE).unwrap()),
    })
}

pub fn keys() -> Value {
    let mut all = Vec::new();
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let names = ["root", "issuer", "gateway", "payer", "payee"];
        let keys = [
            &cast.root,
            &cast.issuer,
            &cast.gateway,
            &cast.payer,
            &cast.payee,
        ];
        for (seed, (name, made)) in (1..).zip(names.into_iter().zip(keys)) {
            all.push(key(name, seed, made));
        }
    }
    json!({
        "about": "Keys: docs/protocol.md, chapter 4. An Ed25519 seed is the secret key of RFC 8032; a P-256 seed is the scalar, big-endian, and its nonces are those of RFC 6979.",
        "keys": all,
        "codes": cast_codes(),
        "refused_signatures": refused_signatures(),
    })
}

/// The order of the Ed25519 base point, little-endian; S plus this is the same S to a lax verifier.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn refused_signatures() -> Vec<Value> {
    let (edwards, weierstrass) = (Cast::new(BOTH[0]).payer, Cast::new(BOTH[1]).payer);
    let good = edwards.sign(MESSAGE).unwrap();
    let mut second_s = good;
    let mut carry = 0;
    for (byte, order) in second_s[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut of_identity = [0; 64];
    of_identity[0] = 1;

    let low = p256::ecdsa::Signature::from_slice(&weierstrass.sign(MESSAGE).unwrap()).unwrap();
    let (r, s) = low.split_scalars();
    let high = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap();
    let high: Signature = high.to_bytes().into();
    let mut not_on_curve = [0xff; 33];
    not_on_curve[0] = 2;

    let cases: [(&str, PublicKey, Signature); 6] = [
        (
            "S is not below the group order",
            edwards.public_key(),
            second_s,
        ),
        (
            "a key of small order",
            PublicKey::Ed25519(identity),
            of_identity,
        ),
        (
            "a key of small order, all zero",
            PublicKey::Ed25519([0; 32]),
            [0; 64],
        ),
        ("the high S twin", weierstrass.public_key(), high),
        ("R and S are zero", weierstrass.public_key(), [0; 64]),
        (
            "a key that is no point",
            PublicKey::P256(not_on_curve),
            low.to_bytes().into(),
        ),
    ];
    cases
        .into_iter()
        .map(|(why, key, signature)| {
            assert!(!key.verifies(MESSAGE, &signature), "{why}");
            json!({
                "why": why,
                "public_key": fields::public_key(&key),
                "message": hex(MESSAGE),
                "signature": hex(&signature),
            })
        })
        .collect()
}

pub(super) fn object<T: Object>(
    what: &str,
    object: &T,
    fields: Value,
    signer: &str,
    key: &SoftwareKey,
) -> Value {
    let bytes = signed(object, key);
    let algorithm = key.public_key().algorithm();
    let id = open::<T>(&bytes, &network()).unwrap().id();
    let payload = cbor::payload(&bytes);
    let to_be_signed = cbor::to_be_signed(algorithm, network().as_str(), T::NAME, &payload);
    assert_eq!(id.as_bytes(), Sha256::digest(&to_be_signed).as_slice());
    json!({
        "what": what,
        "object": T::NAME,
        "network": network().as_str(),
        "signer": format!("{signer}-{}", fields::algorithm(algorithm)),
        "signer_key": fields::public_key(&key.public_key()),
        "fields": fields,
        "payload": hex(&payload),
        "to_be_signed": hex(&to_be_signed),
        "signature": hex(&bytes[bytes.len() - 64..]),
        "signed": hex(&bytes),
        "id": id.to_string(),
        "reference": id.reference().to_string(),
    })
}

pub fn objects() -> Value {
    let mut all = Vec::new();
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        all.extend(honest(&cast));
        all.extend(edges(&cast));
        all.extend(optional(&cast));
        all.extend(society::objects(&cast));
    }
    json!({
        "about": "Signed objects: docs/protocol.md, chapters 5 and 6. Keys stand in keys.json. to_be_signed is the Sig_structure, id is SHA-256 of it.",
        "objects": all,
    })
}

/// Invoices, a stream, and the receipts and statements that have optional fields.
fn optional(cast: &Cast) -> Vec<Value> {
    let (invoice, stream_invoice) = (cast.invoice(), cast.stream_invoice());
    let (declined, closing) = (cast.declined_receipt(), cast.closing_receipt());
    let statement = |outcome: Status, units| Statement {
        outcome: outcome as u32,
        units: Some(units),
        ..cast.stream_statement()
    };
    let (payer, payee, gateway) = (&cast.payer, &cast.payee, &cast.gateway);
    let longest = Payment {
        amount: amount((AMOUNT_MAX >> 20) << 20),
        odometer: reading(AMOUNT_MAX),
        stream: Some(Stream {
            unit: amount(AMOUNT_MAX >> 20),
            count: UNITS_MAX,
            anchor: Digest([0xff; 32]),
        }),
        ..cast.stream_payment()
    };
    let mut all = vec![
        object(
            "an invoice",
            &invoice,
            fields::invoice(&invoice),
            "payee",
            payee,
        ),
        object(
            "an invoice for a stream",
            &stream_invoice,
            fields::invoice(&stream_invoice),
            "payee",
            payee,
        ),
        object(
            "a stream that answers it",
            &cast.stream_payment(),
            fields::payment(&cast.stream_payment()),
            "payer",
            payer,
        ),
        object(
            "the longest stream at the highest price",
            &longest,
            fields::payment(&longest),
            "payer",
            payer,
        ),
        object(
            "a receipt that declines",
            &declined,
            fields::receipt(&declined),
            "payee",
            payee,
        ),
        object(
            "a receipt that closes a stream",
            &closing,
            fields::receipt(&closing),
            "payee",
            payee,
        ),
    ];
    for (what, outcome, units) in [
        ("units paid so far", Status::InTransit, 0),
        ("a stream closed by its payee", Status::Settled, 37),
        (
            "a stream whose rest nobody claimed in time",
            Status::Returned,
            36,
        ),
    ] {
        let made = statement(outcome, units);
        all.push(object(
            what,
            &made,
            fields::statement(&made),
            "gateway",
            gateway,
        ));
    }
    for (what, outcome) in [
        ("a payment its payee declined", Status::Declined),
        ("a payment nobody claimed in time", Status::Returned),
    ] {
        let made = Statement {
            outcome: outcome as u32,
            ..cast.statement()
        };
        all.push(object(
            what,
            &made,
            fields::statement(&made),
            "gateway",
            gateway,
        ));
    }
    all
}

fn honest(cast: &Cast) -> Vec<Value> {
    let (issuer, gateway, payee) = (cast.issuer_pass(), cast.gateway_pass(), cast.payee_pass());
    let (allowance, payment) = (cast.allowance(), cast.payment());
    vec![
        object(
            "an issuer's pass",
            &issuer,
            fields::pass(&issuer),
            "root",
            &cast.root,
        ),
        object(
            "a gateway's pass",
            &gateway,
            fields::pass(&gateway),
            "issuer",
            &cast.issuer,
        ),
        object(
            "a device's pass",
            &payee,
            fields::pass(&payee),
            "gateway",
            &cast.gateway,
        ),
        object(
            "an allowance",
            &allowance,
            fields::allowance(&allowance),
            "gateway",
            &cast.gateway,
        ),
        object(
            "a payment under it",
            &payment,
            fields::payment(&payment),
            "payer",
            &cast.payer,
        ),
        object(
            "its receipt",
            &cast.receipt(),
            fields::receipt(&cast.receipt()),
            "payee",
            &cast.payee,
        ),
        object(
            "the payer's renewal",
            &cast.renewal(),
            fields::renewal(&cast.renewal()),
            "payer",
            &cast.payer,
        ),
        object(
            "the gateway's statement",
            &cast.statement(),
            fields::statement(&cast.statement()),
            "gateway",
            &cast.gateway,
        ),
    ]
}

/// The smallest and largest values, where encodings change their length.
fn edges(cast: &Cast) -> Vec<Value> {
    let smallest = Payment {
        key_epoch: KeyEpoch(0),
        sequence: Sequence(0),
        previous: Reference([0; 16]),
        amount: amount(0),
        odometer: reading(0),
        settle_by: Timestamp(0),
        ..cast.payment()
    };
    let middle = Payment {
        key_epoch: KeyEpoch(23),
        sequence: Sequence(24),
        amount: amount(255),
        odometer: reading(65_536),
        settle_by: Timestamp(65_535),
        ..smallest
    };
    let largest = Payment {
        key_epoch: KeyEpoch(u32::MAX),
        sequence: Sequence(u32::MAX),
        amount: amount(AMOUNT_MAX),
        odometer: reading(AMOUNT_MAX),
        settle_by: Timestamp(u32::MAX),
        ..cast.payment()
    };
    let numbers = Allowance {
        limit: reading(AMOUNT_MAX),
        most_payments: u32::MAX,
        number: u64::MAX,
        issued_total: reading(4_294_967_296),
        ..cast.allowance()
    };
    let nothing = Pass {
        rights: Rights::default(),
        grace_s: Some(0),
        ..cast.payee_pass()
    };
    let (payer, gateway) = (&cast.payer, &cast.gateway);
    vec![
        object(
            "the smallest numbers",
            &smallest,
            fields::payment(&smallest),
            "payer",
            payer,
        ),
        object(
            "numbers of every length",
            &middle,
            fields::payment(&middle),
            "payer",
            payer,
        ),
        object(
            "the largest numbers",
            &largest,
            fields::payment(&largest),
            "payer",
            payer,
        ),
        object(
            "large numbers",
            &numbers,
            fields::allowance(&numbers),
            "gateway",
            gateway,
        ),
        object(
            "no rights, a grace of nothing",
            &nothing,
            fields::pass(&nothing),
            "gateway",
            gateway,
        ),
    ]
}
