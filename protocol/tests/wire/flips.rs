//! One wrong bit anywhere, or one byte too many or too few, and nobody believes it.

use crate::cast::{BOTH, Cast, check, network};
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::{PublicKey, Status};

fn every_flip_is_refused(name: &str, bytes: &[u8], key: &PublicKey) {
    let network = network();
    assert_eq!(check(name, bytes, &network, key), Ok(()));
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = check(name, &flipped, &network, key);
        assert!(
            matches!(outcome, Err(Status::Malformed | Status::BadSignature)),
            "{name}, bit {bit}: {outcome:?}"
        );
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_single_bit_flip_of_every_signed_object_is_refused() {
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).every_form() {
            every_flip_is_refused(name, &bytes, &key);
        }
    }
}

#[test]
fn every_truncation_and_every_extra_byte_is_malformed() {
    let network = network();
    for algorithm in BOTH {
        for (name, bytes, key) in Cast::new(algorithm).every_form() {
            for len in 0..bytes.len() {
                let outcome = check(name, &bytes[..len], &network, &key);
                assert_eq!(outcome, Err(Status::Malformed), "{name} cut to {len}");
            }
            for extra in 0..=255 {
                let longer = [bytes.as_slice(), &[extra]].concat();
                let outcome = check(name, &longer, &network, &key);
                assert_eq!(outcome, Err(Status::Malformed), "{name} and {extra:#04x}");
            }
        }
    }
}

#[test]
fn every_single_bit_flip_of_a_wallet_proof_is_refused() {
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let proof = WalletProof::make(&network(), b"transport key", &cast.payer).unwrap();
        let mut out = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut out);
        for bit in 0..len * 8 {
            out[bit / 8] ^= 1 << (bit % 8);
            let outcome = WalletProof::read(&out[..len])
                .and_then(|proof| proof.verify(&network(), b"transport key"));
            assert!(
                matches!(outcome, Err(Status::Malformed | Status::BadSignature)),
                "{algorithm:?}, bit {bit}: {outcome:?}"
            );
            out[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
