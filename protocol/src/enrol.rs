//! How a request for a code proves that the wallet key is held, too.
//!
//! A PKCS#10 request is signed by the transport key. Its one extra attribute carries the wallet key
//! and that key's signature over the transport key, so that both are proven held by one thing.

use crate::cose::Network;
use crate::field::{Decoder, Encoder, Field};
use crate::keys::{PublicKey, Signature, Signer, SignerFailed};
use crate::status::Status;
use minicbor::encode::write::Cursor;
use sha2::{Digest, Sha256};

/// The private arc everything of ours hangs under. 32473 is the arc for examples (RFC 5612); it
/// stands here until an own number is registered.
pub const OID_ARC: &str = "1.3.6.1.4.1.32473.1";
/// Attribute of a PKCS#10 request: an OCTET STRING holding a [`WalletProof`].
pub const OID_WALLET_PROOF: &str = "1.3.6.1.4.1.32473.1.1";
/// Certificate extension: assurance class, one INTEGER.
pub const OID_ASSURANCE_CLASS: &str = "1.3.6.1.4.1.32473.1.2";
/// Hardware type inside hardwareModuleName (RFC 4108).
pub const OID_HARDWARE_TYPE: &str = "1.3.6.1.4.1.32473.1.3";
/// Certificate extension of a station: `SEQUENCE { first, last, kinds }`, what it may issue.
pub const OID_QUOTA: &str = "1.3.6.1.4.1.32473.1.4";
/// Longest proof.
pub const WALLET_PROOF_MAX: usize = 112;

/// A wallet key and its signature over a transport key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletProof {
    /// The wallet key.
    pub key: PublicKey,
    /// Over `"onecode/1/" network "/wallet-key"` and SHA-256 of the transport key's SPKI DER.
    pub signature: Signature,
}

impl WalletProof {
    /// Signs the transport key with the wallet key.
    pub fn make<S: Signer + ?Sized>(
        network: &Network,
        transport_spki: &[u8],
        wallet: &S,
    ) -> Result<Self, SignerFailed> {
        let (message, len) = message(network, transport_spki);
        let signature = wallet.sign(message.get(..len).unwrap_or_default())?;
        Ok(Self {
            key: wallet.public_key(),
            signature,
        })
    }

    /// Checks that whoever holds the wallet key meant this transport key.
    pub fn verify(&self, network: &Network, transport_spki: &[u8]) -> Result<(), Status> {
        let (message, len) = message(network, transport_spki);
        match self
            .key
            .verifies(message.get(..len).unwrap_or_default(), &self.signature)
        {
            true => Ok(()),
            false => Err(Status::BadSignature),
        }
    }

    /// `[key, signature]`; returns the length.
    pub fn write(&self, out: &mut [u8; WALLET_PROOF_MAX]) -> usize {
        let mut to = Encoder::new(Cursor::new(out.as_mut_slice()));
        let written = (|| {
            to.array(2)?;
            self.key.write(&mut to)?;
            to.bytes(&self.signature)?;
            Ok::<_, minicbor::encode::Error<_>>(())
        })();
        if written.is_ok() {
            to.writer().position()
        } else {
            0
        }
    }

    /// Reads exactly what [`WalletProof::write`] writes.
    pub fn read(bytes: &[u8]) -> Result<Self, Status> {
        let proof = read(bytes).map_err(|_| Status::Malformed)?;
        let mut again = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut again);
        if again.get(..len) == Some(bytes) {
            Ok(proof)
        } else {
            Err(Status::Malformed)
        }
    }
}

fn read(bytes: &[u8]) -> Result<WalletProof, minicbor::decode::Error> {
    let wrong = || minicbor::decode::Error::message("not a wallet proof");
    let mut from = Decoder::new(bytes);
    if from.array()? != Some(2) {
        return Err(wrong());
    }
    let key = PublicKey::read(&mut from)?;
    let signature = from.bytes()?.try_into().map_err(|_| wrong())?;
    Ok(WalletProof { key, signature })
}

fn message(network: &Network, spki: &[u8]) -> ([u8; 96], usize) {
    let digest: [u8; 32] = Sha256::digest(spki).into();
    let parts = [
        b"onecode/1/",
        network.as_str().as_bytes(),
        b"/wallet-key",
        &digest,
    ];
    let mut message = [0; 96];
    let mut len = 0;
    for (to, from) in message.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
        len += 1;
    }
    (message, len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SoftwareKey;

    #[test]
    fn a_proof_holds_for_one_transport_key_in_one_network() {
        let network = Network::new("test").unwrap();
        for wallet in [
            SoftwareKey::ed25519(&[1; 32]),
            SoftwareKey::p256(&[1; 32]).unwrap(),
        ] {
            let proof = WalletProof::make(&network, b"spki", &wallet).unwrap();
            let mut bytes = [0; WALLET_PROOF_MAX];
            let len = proof.write(&mut bytes);
            let read = WalletProof::read(&bytes[..len]).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&network, b"spki"), Ok(()));
            assert_eq!(read.verify(&network, b"other"), Err(Status::BadSignature));
            let other = Network::new("prod").unwrap();
            assert_eq!(read.verify(&other, b"spki"), Err(Status::BadSignature));
            assert_eq!(WalletProof::read(&bytes[..len - 1]), Err(Status::Malformed));
        }
    }
}
