//! The two keys of a thing, and the request that proves that it holds both.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{Any, BitString, OctetString, SetOfVec};
use der::{Decode, Encode};
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};
use protocol::enrol::{OID_WALLET_PROOF, WALLET_PROOF_MAX, WalletProof};
use protocol::keys::SoftwareKey;
use protocol::{Code, Network, PublicKey, Signer};
use rustls_pki_types::PrivatePkcs8KeyDer;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use std::fmt;
use x509_cert::attr::Attribute;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use zeroize::Zeroizing;

const WALLET_PROOF: ObjectIdentifier = ObjectIdentifier::new_unwrap(OID_WALLET_PROOF);

/// A P-256 transport key and an Ed25519 wallet key, in ordinary memory; wiped when dropped.
pub struct Keys {
    transport: SecretKey,
    wallet_seed: Zeroizing<[u8; 32]>,
}

/// What is wrong with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysFault {
    /// 32 bytes that are no P-256 scalar; the odds are one in 2^32, so take others.
    NotAScalar,
    /// Something could not be encoded or signed.
    Encoding,
}

impl fmt::Display for KeysFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAScalar => "the random bytes are no P-256 key; take others",
            Self::Encoding => "a key or request could not be encoded",
        })
    }
}

impl std::error::Error for KeysFault {}

impl Keys {
    /// Makes both keys from random bytes that nobody else has seen.
    pub fn from_random(transport: &[u8; 32], wallet: &[u8; 32]) -> Result<Self, KeysFault> {
        Ok(Self {
            transport: SecretKey::from_slice(transport).map_err(|_| KeysFault::NotAScalar)?,
            wallet_seed: Zeroizing::new(*wallet),
        })
    }

    /// The bytes both keys are made from again.
    pub fn to_bytes(&self) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
        let transport = Zeroizing::new(self.transport.to_bytes().into());
        (transport, self.wallet_seed.clone())
    }

    /// The wallet key, for a purse.
    pub fn wallet(&self) -> SoftwareKey {
        SoftwareKey::ed25519(&self.wallet_seed)
    }

    /// What others verify payments and receipts with.
    pub fn wallet_public(&self) -> PublicKey {
        self.wallet().public_key()
    }

    /// The transport key for TLS and DTLS, PKCS#8 DER.
    pub fn transport_pkcs8(&self) -> Result<PrivatePkcs8KeyDer<'static>, KeysFault> {
        let document = self.transport.to_pkcs8_der();
        let document = document.map_err(|_| KeysFault::Encoding)?;
        Ok(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec()))
    }

    /// The SubjectPublicKeyInfo of the transport key, DER: what the code commits to.
    pub fn transport_spki(&self) -> Result<Vec<u8>, KeysFault> {
        let document = self.transport.public_key().to_public_key_der();
        Ok(document.map_err(|_| KeysFault::Encoding)?.into_vec())
    }

    /// A PKCS#10 request, DER, signed by the transport key; one attribute proves that the wallet
    /// key is held, too. The same keys give the same bytes.
    pub fn request(&self, network: &Network) -> Result<Vec<u8>, KeysFault> {
        // Whatever stood here, the issuer decides what stands in the certificate.
        self.request_of(network, Name::default())
    }

    /// The same with a code as its subject, to renew what was issued for it (RFC 7030, 4.2.2).
    pub fn request_as(&self, network: &Network, code: &Code) -> Result<Vec<u8>, KeysFault> {
        let subject = format!("CN={code}").parse();
        self.request_of(network, subject.map_err(|_| KeysFault::Encoding)?)
    }

    fn request_of(&self, network: &Network, subject: Name) -> Result<Vec<u8>, KeysFault> {
        let spki = self.transport_spki()?;
        let proof = WalletProof::make(network, &spki, &self.wallet());
        let proof = proof.map_err(|_| KeysFault::Encoding)?;
        let request = self.sign(subject, &spki, &proof);
        request.map_err(|_| KeysFault::Encoding)
    }

    fn sign(&self, subject: Name, spki: &[u8], proof: &WalletProof) -> der::Result<Vec<u8>> {
        let mut bytes = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut bytes);
        let proof = OctetString::new(bytes.get(..len).unwrap_or_default())?;
        let attribute = Attribute {
            oid: WALLET_PROOF,
            values: SetOfVec::try_from(vec![Any::encode_from(&proof)?])?,
        };
        let info = CertReqInfo {
            version: Version::V1,
            subject,
            public_key: SubjectPublicKeyInfoOwned::from_der(spki)?,
            attributes: SetOfVec::try_from(vec![attribute])?,
        };
        let signature: DerSignature = SigningKey::from(&self.transport).sign(&info.to_der()?);
        let request = CertReq {
            info,
            algorithm: AlgorithmIdentifierOwned {
                oid: ECDSA_WITH_SHA_256,
                parameters: None,
            },
            signature: BitString::from_bytes(signature.as_bytes())?,
        };
        request.to_der()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("wallet", &self.wallet_public())
            .finish_non_exhaustive()
    }
}
