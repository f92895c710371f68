//! Private keys: making them, keeping them as PKCS#8, and standing in for those kept elsewhere.

use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use protocol::keys::{SignerFailed, SoftwareKey};
use protocol::{Algorithm, PublicKey, Signature, Signer};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A private key that signs and is never seen. The same trait serves certificates (P-256) and
/// passes (Ed25519); a PKCS#11 token implements it as well as [`SoftwareKey`] does.
pub type Key = Arc<dyn Signer + Send + Sync>;

/// A source of random bytes, such as the operating system's.
pub type Random<'a> = dyn FnMut(&mut [u8]) -> Result<(), RandomFailed> + 'a;

/// The source of randomness gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomFailed;

/// Draws of a P-256 key before the source is called broken; one draw fails with odds of 2^-32.
const DRAWS_MAX: usize = 4;
const PEM_LABEL: &str = "PRIVATE KEY";

/// Stands where a private key would, when it is kept on another machine: knows the public key and
/// never signs.
pub(crate) struct AbsentKey(pub(crate) PublicKey);

impl Signer for AbsentKey {
    fn public_key(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, SignerFailed> {
        Err(SignerFailed)
    }
}

/// Random bytes; all zeros mean a source that does not work.
pub(crate) fn draw<const N: usize>(
    random: &mut Random<'_>,
) -> Result<Zeroizing<[u8; N]>, RandomFailed> {
    let mut bytes = Zeroizing::new([0; N]);
    random(bytes.as_mut_slice())?;
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(RandomFailed);
    }
    Ok(bytes)
}

/// A new key.
pub(crate) fn generate(
    algorithm: Algorithm,
    random: &mut Random<'_>,
) -> Result<SoftwareKey, RandomFailed> {
    for _ in 0..DRAWS_MAX {
        let seed = draw::<32>(random)?;
        let key = match algorithm {
            Algorithm::Ed25519 => Some(SoftwareKey::ed25519(&seed)),
            Algorithm::P256 => SoftwareKey::p256(&seed),
        };
        if let Some(key) = key {
            return Ok(key);
        }
    }
    Err(RandomFailed)
}

/// PKCS#8 version 1 in DER. (Version 2 carries the public key too, and OpenSSL 3.0 cannot read it
/// for Ed25519.)
pub(crate) fn to_pkcs8(key: &SoftwareKey) -> Option<Zeroizing<Vec<u8>>> {
    let document = match key {
        SoftwareKey::P256(key) => key.to_pkcs8_der(),
        SoftwareKey::Ed25519(key) => ed25519_dalek::pkcs8::KeypairBytes {
            secret_key: key.to_bytes(),
            public_key: None,
        }
        .to_pkcs8_der(),
    };
    document.ok().map(|document| document.to_bytes())
}

/// Reads what [`to_pkcs8`] writes; other algorithms are refused.
pub(crate) fn from_pkcs8(algorithm: Algorithm, bytes: &[u8]) -> Option<SoftwareKey> {
    match algorithm {
        Algorithm::P256 => p256::ecdsa::SigningKey::from_pkcs8_der(bytes)
            .ok()
            .map(SoftwareKey::P256),
        Algorithm::Ed25519 => ed25519_dalek::SigningKey::from_pkcs8_der(bytes)
            .ok()
            .map(SoftwareKey::Ed25519),
    }
}

pub(crate) fn to_pem(key: &SoftwareKey) -> Option<Zeroizing<String>> {
    let bytes = to_pkcs8(key)?;
    der::pem::encode_string(PEM_LABEL, der::pem::LineEnding::LF, &bytes)
        .ok()
        .map(Zeroizing::new)
}

pub(crate) fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Option<SoftwareKey> {
    match der::pem::decode_vec(pem) {
        Ok((PEM_LABEL, bytes)) => from_pkcs8(algorithm, &Zeroizing::new(bytes)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_the_same_key() {
        let mut counter = 0u8;
        let mut random = |out: &mut [u8]| {
            counter += 1;
            out.fill(counter);
            Ok(())
        };
        for algorithm in [Algorithm::P256, Algorithm::Ed25519] {
            let key = generate(algorithm, &mut random).unwrap();
            let pem = to_pem(&key).unwrap();
            let read = from_pem(algorithm, pem.as_bytes()).unwrap();
            assert_eq!(read.public_key(), key.public_key());
            let other = match algorithm {
                Algorithm::P256 => Algorithm::Ed25519,
                Algorithm::Ed25519 => Algorithm::P256,
            };
            assert!(from_pem(other, pem.as_bytes()).is_none());
        }
    }

    #[test]
    fn a_broken_source_of_randomness_makes_no_key() {
        let mut zeros = |out: &mut [u8]| {
            out.fill(0);
            Ok(())
        };
        assert!(generate(Algorithm::Ed25519, &mut zeros).is_err());
        let mut beyond = |out: &mut [u8]| {
            out.fill(0xff);
            Ok(())
        };
        assert!(generate(Algorithm::P256, &mut beyond).is_err());
        assert!(generate(Algorithm::P256, &mut |_| Err(RandomFailed)).is_err());
    }

    #[test]
    fn an_absent_key_never_signs() {
        let key = AbsentKey(PublicKey::Ed25519([1; 32]));
        assert_eq!(key.sign(b"anything"), Err(SignerFailed));
    }
}
