//! Upper bounds that hold for the largest possible values: what fits one datagram stays one.

use crate::cast::{BOTH, Cast, code, key};
use crate::largest::{
    Line, beside, largest_allowance, largest_invoice, largest_pass, largest_receipt,
    largest_statement, largest_stream_payment, length, network, paying, payments_in_one_evidence,
};
use protocol::cose::SIGNED_MAX;
use protocol::covers::COVERED_MAX;
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::{Algorithm, Kind, Status};

/// What `docs/protocol.md` promises, and what it says is the largest today.
#[test]
fn nothing_is_larger_than_promised() {
    for line in paying().iter().chain(&beside()) {
        let Line { name, largest, .. } = line;
        assert!(*largest <= line.promised, "{name}: {largest} bytes");
        assert_eq!(*largest, line.documented, "{name}");
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

#[test]
fn a_chain_of_several_usual_payments_fits_one_evidence() {
    let (worst, common) = payments_in_one_evidence();
    assert!(worst >= 5, "{worst} of the largest");
    assert!(common >= 7, "{common} usual ones");
}
