//! Upper bounds that hold for the largest possible values: what fits one datagram stays one.

use crate::cast::{BOTH, Cast, SEED, amount, code, key, reading, signed_in};
use protocol::cose::SIGNED_MAX;
use protocol::covers::COVERED_MAX;
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{
    Allowance, Confirmation, Invoice, Object, Pass, Payment, Present, Receipt, Renewal, Rights,
    Statement,
};
use protocol::stream::{Stream, UNITS_MAX};
use protocol::units::AMOUNT_MAX;
use protocol::{
    Algorithm, Digest, KeyEpoch, Kind, Network, Reference, Sequence, Signer, Status, Timestamp,
};

const LAST: Timestamp = Timestamp(u32::MAX);
const REFERENCE: Reference = Reference([0xff; 16]);
const EPOCH: KeyEpoch = KeyEpoch(u32::MAX);

/// The longest network name there is; it is signed but never sent.
fn network() -> Network {
    Network::new(&"n".repeat(Network::MAX)).unwrap()
}

fn largest_payment() -> Payment {
    Payment {
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        amount: amount(AMOUNT_MAX),
        odometer: reading(AMOUNT_MAX),
        settle_by: LAST,
        covers_for: Some(REFERENCE),
        ..Cast::new(Algorithm::Ed25519).payment()
    }
}

fn covered(payment: Payment) -> Payment {
    Payment {
        covers: Some(Digest([0xff; 32])),
        ..payment
    }
}

/// The longest spelling: the most units at the highest price that many units can have.
fn largest_stream_payment() -> Payment {
    Payment {
        stream: Some(Stream {
            unit: amount(AMOUNT_MAX / u64::from(UNITS_MAX)),
            count: UNITS_MAX,
            anchor: SEED,
        }),
        ..largest_payment()
    }
}

/// With all optional fields, although no good invoice has them all.
fn largest_invoice() -> Invoice {
    Invoice {
        amount: Some(amount(AMOUNT_MAX)),
        unit: Some(amount(AMOUNT_MAX)),
        most_units: Some(u32::MAX),
        nonce: u64::MAX,
        expires: LAST,
        covers_for: Some(REFERENCE),
        holds: Some(REFERENCE),
        ..Cast::new(Algorithm::Ed25519).invoice()
    }
}

fn largest_allowance(wallet: Algorithm) -> Allowance {
    Allowance {
        wallet_key: key(wallet, 1).public_key(),
        key_epoch: EPOCH,
        limit: reading(AMOUNT_MAX),
        base_sequence: Sequence(u32::MAX),
        base_odometer: reading(AMOUNT_MAX),
        most_per_payment: amount(AMOUNT_MAX),
        most_payments: u32::MAX,
        hops: Some(u32::MAX),
        area: Some(REFERENCE),
        guarantee: Some(amount(AMOUNT_MAX)),
        issued: LAST,
        expires: LAST,
        gateway_epoch: EPOCH,
        number: u64::MAX,
        issued_total: reading(AMOUNT_MAX),
        ..Cast::new(wallet).allowance()
    }
}

fn largest_pass(subject: Algorithm) -> Pass {
    Pass {
        expires: LAST,
        issued: LAST,
        key: Confirmation(key(subject, 1).public_key()),
        rights: Rights::from_bits(31).unwrap(),
        grace_s: Some(u32::MAX),
        station: Some(u32::MAX),
        first_sequence: Some(u64::MAX),
        last_sequence: Some(u64::MAX),
        ..Cast::new(subject).gateway_pass()
    }
}

/// Signatures have 64 bytes in both algorithms, so that the signer makes no difference.
fn length<T: Object>(object: &T) -> usize {
    signed_in(object, &network(), &key(Algorithm::P256, 1)).len()
}

fn largest_receipt() -> Receipt {
    Receipt {
        time: LAST,
        declined: Some(u32::MAX),
        units: Some(u32::MAX),
        ..Cast::new(Algorithm::Ed25519).receipt()
    }
}

fn largest_renewal() -> Renewal {
    Renewal {
        key_epoch: EPOCH,
        sequence: Sequence(u32::MAX),
        odometer: reading(AMOUNT_MAX),
        wanted: amount(AMOUNT_MAX),
        time: LAST,
        lost: Some(Present),
        ..Cast::new(Algorithm::Ed25519).renewal()
    }
}

fn largest_statement() -> Statement {
    Statement {
        gateway_epoch: EPOCH,
        outcome: u32::MAX,
        height: u64::MAX,
        root: Digest([0xff; 32]),
        time: LAST,
        units: Some(u32::MAX),
        provisional: Some(Present),
        paid: Some(amount(AMOUNT_MAX)),
        ..Cast::new(Algorithm::Ed25519).statement()
    }
}

fn largest_evidence(payment: &Payment) -> usize {
    let signer = key(Algorithm::P256, 1);
    let allowance = signed_in(&largest_allowance(Algorithm::P256), &network(), &signer);
    let payment = signed_in(payment, &network(), &signer);
    let evidence = Message::Evidence {
        allowance: &allowance,
        payment: &payment,
    };
    let mut out = [0; MESSAGE_MAX];
    evidence.write(&mut out).unwrap()
}

fn largest_stream_claim() -> usize {
    let signer = key(Algorithm::P256, 1);
    let allowance = signed_in(&largest_allowance(Algorithm::P256), &network(), &signer);
    let payment = signed_in(&largest_stream_payment(), &network(), &signer);
    let receipt = signed_in(&largest_receipt(), &network(), &signer);
    let claim = Message::StreamClaim {
        allowance: &allowance,
        payment: &payment,
        units: u32::MAX,
        value: SEED,
        receipt: Some(&receipt),
    };
    claim.write(&mut [0; MESSAGE_MAX]).unwrap()
}

fn largest_unit() -> usize {
    let unit = Message::Unit {
        about: [0xff; 4],
        units: u32::MAX,
        value: SEED,
    };
    unit.write(&mut [0; MESSAGE_MAX]).unwrap()
}

/// What `docs/protocol.md` promises, and what it says is the largest today.
#[test]
fn nothing_is_larger_than_promised() {
    let lengths = [
        ("payment", length(&largest_payment()), 240, 238),
        (
            "payment with covers",
            length(&covered(largest_payment())),
            276,
            273,
        ),
        (
            "allowance",
            length(&largest_allowance(Algorithm::P256)),
            312,
            306,
        ),
        ("evidence", largest_evidence(&largest_payment()), 560, 551),
        (
            "payment of a stream",
            length(&largest_stream_payment()),
            292,
            288,
        ),
        (
            "payment of a stream with covers",
            length(&covered(largest_stream_payment())),
            328,
            323,
        ),
        (
            "evidence of a stream",
            largest_evidence(&largest_stream_payment()),
            616,
            602,
        ),
        ("unit message", largest_unit(), 48, 46),
        ("stream claim", largest_stream_claim(), 800, 794),
        ("invoice", length(&largest_invoice()), 208, 204),
        ("receipt", length(&largest_receipt()), 160, 151),
        ("renewal", length(&largest_renewal()), 176, 164),
        ("statement", length(&largest_statement()), 224, 214),
        ("pass", length(&largest_pass(Algorithm::P256)), 272, 268),
    ];
    for (name, length, promised, documented) in lengths {
        assert!(length <= promised, "{name}: {length} bytes");
        assert_eq!(length, documented, "{name}");
    }
    for (ed25519, p256) in [
        (
            length(&largest_allowance(BOTH[0])),
            length(&largest_allowance(BOTH[1])),
        ),
        (
            length(&largest_pass(BOTH[0])),
            length(&largest_pass(BOTH[1])),
        ),
    ] {
        assert!(ed25519 < p256, "a P-256 key is the longer one");
    }
}

#[test]
fn named_limits_are_large_enough_for_everything() {
    let all = [
        length(&largest_stream_payment()),
        length(&largest_invoice()),
        length(&largest_receipt()),
        length(&largest_statement()),
        length(&largest_allowance(Algorithm::P256)),
        length(&largest_pass(Algorithm::P256)),
    ];
    assert!(all.iter().all(|length| *length <= SIGNED_MAX));

    let (items, receipt) = (vec![0; COVERED_MAX], vec![0; SIGNED_MAX]);
    let claim = Message::Covered {
        items: &items,
        receipt: Some(&receipt),
    };
    let mut out = [0; MESSAGE_MAX];
    assert_eq!(claim.write(&mut out), Some(MESSAGE_MAX));
    assert!(Message::read(&out).is_ok());
    let larger = [items.as_slice(), &[0]].concat();
    let too_large = Message::Covered {
        items: &larger,
        receipt: Some(&receipt),
    };
    let mut out = [0; MESSAGE_MAX + 1];
    let len = too_large.write(&mut out).unwrap();
    assert_eq!(Message::read(&out[..len]), Err(Status::Malformed));
    let proof = Message::Proof {
        issuer: &receipt,
        gateway: &receipt,
        allowances: [&receipt; 2],
        payments: [&receipt; 2],
    };
    assert!(proof.write(&mut [0; MESSAGE_MAX]).is_some());

    for wallet in BOTH {
        let proof = WalletProof::make(&network(), b"spki", &key(wallet, 1)).unwrap();
        let mut out = [0; WALLET_PROOF_MAX];
        assert!(proof.write(&mut out) > 64);
    }
}

#[test]
fn a_usual_device_pass_is_about_150_bytes_beside_its_signature() {
    let cast = Cast::new(Algorithm::Ed25519);
    let length = length(&cast.payee_pass());
    assert!(length <= 240, "{length}");
    assert_eq!(code(Kind::Device, 1, 1).text().as_str().len(), 34);
}
