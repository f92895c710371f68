//! Keys and signatures: Ed25519 and ECDSA P-256, one strict rule everywhere.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::{VerifyingKey as P256Key, signature::Verifier};

/// A signature, both algorithms: R || S.
pub type Signature = [u8; 64];

/// How something is signed. The number is the one of COSE (RFC 9053).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// EdDSA over Curve25519, COSE -8.
    Ed25519,
    /// ECDSA over P-256 with SHA-256 and low S, COSE -7.
    P256,
}

impl Algorithm {
    /// COSE number.
    pub const fn cose(self) -> i8 {
        match self {
            Self::Ed25519 => -8,
            Self::P256 => -7,
        }
    }

    /// Reads the COSE number.
    pub const fn from_cose(number: i8) -> Option<Self> {
        match number {
            -8 => Some(Self::Ed25519),
            -7 => Some(Self::P256),
            _ => None,
        }
    }
}

/// A public key as signed objects carry it: 32 bytes for Ed25519, 33 (compressed) for P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// RFC 8032.
    Ed25519([u8; 32]),
    /// SEC 1, compressed.
    P256([u8; 33]),
}

impl PublicKey {
    /// What it verifies.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::P256(_) => Algorithm::P256,
        }
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) => bytes,
        }
    }

    /// Reads raw bytes; the length must fit the algorithm, and a P-256 key must begin with 2 or 3
    /// (SEC 1 also knows a compact form, which would be a second spelling). Whether the point is on
    /// the curve is found out by [`PublicKey::verifies`].
    pub fn from_slice(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        match (algorithm, bytes) {
            (Algorithm::Ed25519, _) => bytes.try_into().ok().map(Self::Ed25519),
            (Algorithm::P256, [2 | 3, ..]) => bytes.try_into().ok().map(Self::P256),
            (Algorithm::P256, _) => None,
        }
    }

    /// The one strict rule. Ed25519: `verify_strict` (nothing of small order, S below the group
    /// order) and a key in its one encoding. P-256: low S only, so that nobody can turn one
    /// signature into another.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        match self {
            Self::Ed25519(bytes) => {
                is_reduced(bytes)
                    && Ed25519Key::from_bytes(bytes).is_ok_and(|key| {
                        let signature = ed25519_dalek::Signature::from_bytes(signature);
                        key.verify_strict(message, &signature).is_ok()
                    })
            }
            Self::P256(bytes) => {
                let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else {
                    return false;
                };
                signature.normalize_s() == signature
                    && P256Key::from_sec1_bytes(bytes)
                        .is_ok_and(|key| key.verify(message, &signature).is_ok())
            }
        }
    }
}

/// Whether the y coordinate is below 2^255 - 19. Decoders reduce what is not, and then 19 values
/// have a second encoding.
fn is_reduced(key: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = key;
    last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *first < 0xed
}

/// A key store could not sign: the element is absent, locked or worn out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerFailed;

/// Something that holds a private key. The same message must give the same signature, so that a
/// repeated answer has the same bytes (Ed25519, or RFC 6979 for P-256).
pub trait Signer {
    /// The key others verify with.
    fn public_key(&self) -> PublicKey;

    /// Signs; for P-256 with low S.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed>;
}

impl<T: Signer + ?Sized> Signer for &T {
    fn public_key(&self) -> PublicKey {
        (**self).public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        (**self).sign(message)
    }
}

/// A private key in ordinary memory (assurance class 0), wiped when dropped.
pub enum SoftwareKey {
    /// Ed25519.
    Ed25519(ed25519_dalek::SigningKey),
    /// ECDSA P-256.
    P256(p256::ecdsa::SigningKey),
}

impl SoftwareKey {
    /// An Ed25519 key from 32 random bytes.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// A P-256 key from 32 random bytes; `None` when they are no scalar (odds of 2^-32).
    pub fn p256(seed: &[u8; 32]) -> Option<Self> {
        p256::ecdsa::SigningKey::from_slice(seed)
            .ok()
            .map(Self::P256)
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key().to_bytes()),
            Self::P256(key) => {
                let point = key.verifying_key().to_sec1_point(true);
                let mut bytes = [0; 33];
                for (to, from) in bytes.iter_mut().zip(point.as_bytes()) {
                    *to = *from;
                }
                PublicKey::P256(bytes)
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        match self {
            Self::Ed25519(key) => Ok(ed25519_dalek::Signer::sign(key, message).to_bytes()),
            Self::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| SignerFailed)?;
                Ok(signature.normalize_s().to_bytes().into())
            }
        }
    }
}

impl core::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SoftwareKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [SoftwareKey; 2] {
        [
            SoftwareKey::ed25519(&[7; 32]),
            SoftwareKey::p256(&[7; 32]).unwrap(),
        ]
    }

    #[test]
    fn both_algorithms_sign_deterministically_and_verify() {
        for key in keys() {
            let signature = key.sign(b"one coin").unwrap();
            assert_eq!(key.sign(b"one coin").unwrap(), signature);
            assert!(key.public_key().verifies(b"one coin", &signature));
            assert!(!key.public_key().verifies(b"two coins", &signature));
            for bit in 0..512 {
                let mut flipped = signature;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(
                    !key.public_key().verifies(b"one coin", &flipped),
                    "bit {bit}"
                );
            }
        }
    }

    #[test]
    fn the_high_s_twin_of_a_signature_is_refused() {
        let key = SoftwareKey::p256(&[7; 32]).unwrap();
        let signature = p256::ecdsa::Signature::from_slice(&key.sign(b"m").unwrap()).unwrap();
        let (r, s) = signature.split_scalars();
        let twin = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap();
        assert!(!key.public_key().verifies(b"m", &twin.to_bytes().into()));
    }

    #[test]
    fn only_the_compressed_spelling_of_a_p256_key_is_read() {
        let PublicKey::P256(mut point) = SoftwareKey::p256(&[7; 32]).unwrap().public_key() else {
            unreachable!("made as P-256")
        };
        assert!(PublicKey::from_slice(Algorithm::P256, &point).is_some());
        for first in [0, 1, 4, 5, 6, 7, 255] {
            point[0] = first;
            assert_eq!(PublicKey::from_slice(Algorithm::P256, &point), None);
        }
        assert_eq!(PublicKey::from_slice(Algorithm::P256, &point[1..]), None);
        assert_eq!(PublicKey::from_slice(Algorithm::Ed25519, &point), None);
    }

    #[test]
    fn a_second_encoding_of_an_ed25519_key_is_none() {
        let mut key = [0xff; 32];
        for last in [0x7f, 0xff] {
            key[31] = last;
            for first in 0..=255 {
                key[0] = first;
                assert_eq!(is_reduced(&key), first < 0xed, "{first:#04x} {last:#04x}");
            }
            key[17] = 0xfe;
            assert!(is_reduced(&key));
            key[17] = 0xff;
        }
        assert!(is_reduced(&[0; 32]));
    }

    #[test]
    fn small_order_keys_verify_nothing() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!PublicKey::Ed25519(identity).verifies(b"anything", &signature));
        assert!(!PublicKey::Ed25519([0; 32]).verifies(b"anything", &[0; 64]));
    }
}
