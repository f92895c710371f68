//! No signature counts for anything but what it was made for: not as another object, not in another
//! network, not under another algorithm.

use crate::cast::{BOTH, Cast, check, key, network};
use crate::cbor;
use protocol::enrol::WalletProof;
use protocol::{Network, Signer, Status};

#[test]
fn an_object_of_one_type_is_never_one_of_another() {
    for algorithm in BOTH {
        let names = Cast::new(algorithm).every_name();
        for (is, bytes, key) in &Cast::new(algorithm).every_form() {
            for taken_for in &names {
                let outcome = check(taken_for, bytes, &network(), key);
                // Some types have fields of the same kinds; their contexts still differ.
                match is == taken_for {
                    true => assert_eq!(outcome, Ok(()), "{is}"),
                    false => assert!(
                        matches!(outcome, Err(Status::Malformed | Status::BadSignature)),
                        "{is} as {taken_for}: {outcome:?}"
                    ),
                }
            }
        }
    }
}

/// The payload is right for the type it is taken for; only the context of the signature differs.
#[test]
fn a_signature_under_one_context_never_counts_under_another() {
    for algorithm in BOTH {
        let signer = key(algorithm, 9);
        let objects = Cast::new(algorithm).every_form();
        let names = Cast::new(algorithm).every_name();
        for (is, bytes, _) in &objects {
            let payload = cbor::payload(bytes);
            for context in names.iter().copied().chain(["wallet-key", "", "pass/"]) {
                for home in ["test", "test2", "tes", "prod"] {
                    let bytes = cbor::frame(&signer, home, context, &payload).to_bytes();
                    let outcome = check(is, &bytes, &network(), &signer.public_key());
                    let expected = match context == *is && home == "test" {
                        true => Ok(()),
                        false => Err(Status::BadSignature),
                    };
                    assert_eq!(outcome, expected, "{is} signed as {home}/{context}");
                }
            }
        }
    }
}

#[test]
fn an_object_of_one_network_means_nothing_in_another() {
    let names = ["test", "demo", "a", "a-name-of-24-characters-"];
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let objects = cast.every_form();
        for home in names {
            for abroad in names {
                let abroad_network = Network::new(abroad).unwrap();
                for (is, bytes, _) in &objects {
                    let bytes =
                        cbor::frame(&cast.payer, home, is, &cbor::payload(bytes)).to_bytes();
                    let outcome = check(is, &bytes, &abroad_network, &cast.payer.public_key());
                    let expected = match home == abroad {
                        true => Ok(()),
                        false => Err(Status::BadSignature),
                    };
                    assert_eq!(outcome, expected, "{is} of {home} in {abroad}");
                }
            }
        }
    }
}

#[test]
fn a_signature_of_one_algorithm_never_counts_for_a_key_of_the_other() {
    for (mine, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let foreign = key(other, 4).public_key();
        for (is, bytes, _) in Cast::new(mine).every_form() {
            let outcome = check(is, &bytes, &network(), &foreign);
            assert_eq!(outcome, Err(Status::BadSignature), "{is}");
        }
    }
}

/// Otherwise one content could have two identifiers under one key.
#[test]
fn a_header_that_names_another_algorithm_than_the_keys_is_a_bad_signature() {
    for (mine, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let signer = key(mine, 4);
        for (is, bytes, _) in Cast::new(mine).every_form() {
            let payload = cbor::payload(&bytes);
            let bytes = cbor::frame_as(other, &signer, "test", is, &payload).to_bytes();
            let outcome = check(is, &bytes, &network(), &signer.public_key());
            assert_eq!(outcome, Err(Status::BadSignature), "{is}");
        }
    }
}

#[test]
fn the_signature_of_a_wallet_proof_is_good_for_no_object_and_the_other_way_round() {
    for algorithm in BOTH {
        let cast = Cast::new(algorithm);
        let proof = WalletProof::make(&network(), b"transport key", &cast.payer).unwrap();
        for (is, bytes, _) in cast.every_form() {
            let at = bytes.len() - 64;
            let grafted = [&bytes[..at], proof.signature.as_slice()].concat();
            let outcome = check(is, &grafted, &network(), &cast.payer.public_key());
            assert_eq!(outcome, Err(Status::BadSignature), "{is}");

            let signature = bytes[at..].try_into().unwrap();
            let key = cast.payer.public_key();
            let grafted = WalletProof { key, signature };
            let outcome = grafted.verify(&network(), b"transport key");
            assert_eq!(outcome, Err(Status::BadSignature), "{is}");
        }
    }
}
