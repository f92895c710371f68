//! Reading a PKCS#10 request and believing only what its two keys prove.
//!
//! A request says two things: "this transport key is mine" (its own signature) and "this wallet key
//! is mine, too" (the attribute). Everything else in it, subject included, is not looked at or is
//! refused: what stands in a certificate is decided here.

use crate::signing;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_EXTENSION_REQ, SECP_256_R_1,
};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::OctetString;
use der::{Decode, Encode};
use protocol::enrol::{OID_WALLET_PROOF, WalletProof};
use protocol::{Digest, Network, PublicKey, Status};
use sha2::{Digest as _, Sha256};
use spki::SubjectPublicKeyInfoOwned;
use std::fmt;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::request::{CertReq, ExtensionReq};

/// Longest request, in DER.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Longest request, in PEM.
const PEM_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;
/// Most attributes in a request.
pub const REQUEST_ATTRIBUTES_MAX: usize = 8;

const WALLET_PROOF: ObjectIdentifier = ObjectIdentifier::new_unwrap(OID_WALLET_PROOF);
/// EST clients may put a channel binding here (RFC 7030, 3.5). It is neither used nor logged.
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
const BASIC_CONSTRAINTS: ObjectIdentifier = const_oid::db::rfc5280::ID_CE_BASIC_CONSTRAINTS;

/// A request whose proofs hold.
#[derive(Clone, Debug)]
pub struct CheckedRequest {
    spki: SubjectPublicKeyInfoOwned,
    spki_der: Vec<u8>,
    transport: PublicKey,
    wallet: PublicKey,
    hash: Digest,
}

/// Why a request is refused: always something the requester can mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It cannot be read.
    Unreadable(Unreadable),
    /// The transport key or the request's own signature.
    Transport(KeyFault),
    /// The wallet key or its signature over the transport key.
    Wallet(KeyFault),
    /// It asks for what nobody gets by asking.
    Asks(Asks),
}

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// More than [`REQUEST_BYTES_MAX`].
    TooLong,
    /// Not a PKCS#10 request in DER.
    NotDer,
    /// Not a PKCS#10 request in PEM.
    NotPem,
    /// An attribute is repeated, or there are more than [`REQUEST_ATTRIBUTES_MAX`].
    Attributes,
}

/// What is wrong with a key or its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The proof is not there.
    Missing,
    /// The proof is not in its one allowed spelling.
    Malformed,
    /// Neither ECDSA P-256 with SHA-256 nor Ed25519.
    Algorithm,
    /// Not a point in its one allowed spelling.
    NotAKey,
    /// The signature does not fit the key; for a wallet key also: made for another network or
    /// another transport key.
    Signature,
    /// One key for both uses.
    Shared,
}

/// What nobody gets by asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// To be an authority.
    Authority,
    /// A certificate extension.
    Extension(ObjectIdentifier),
    /// An attribute that means nothing here.
    Attribute(ObjectIdentifier),
}

impl CheckedRequest {
    /// Reads a request in DER and checks both proofs for `network`.
    pub fn read(bytes: &[u8], network: &Network) -> Result<Self, RequestError> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::Unreadable(Unreadable::TooLong));
        }
        let not_der = |_| RequestError::Unreadable(Unreadable::NotDer);
        let request = CertReq::from_der(bytes).map_err(not_der)?;
        if request.to_der().map_err(not_der)? != bytes {
            return Err(RequestError::Unreadable(Unreadable::NotDer));
        }
        let transport = transport_key(&request.info.public_key).map_err(RequestError::Transport)?;
        self_signature(&request, &transport).map_err(RequestError::Transport)?;
        let proof = attributes(&request)?;
        let spki_der = request.info.public_key.to_der().map_err(not_der)?;
        let wallet =
            wallet_key(proof, network, &spki_der, &transport).map_err(RequestError::Wallet)?;
        Ok(Self {
            spki: request.info.public_key,
            spki_der,
            transport,
            wallet,
            hash: Digest(Sha256::digest(bytes).into()),
        })
    }

    /// Reads a request in PEM, as people paste it.
    pub fn read_pem(text: &str, network: &Network) -> Result<Self, RequestError> {
        if text.len() > PEM_BYTES_MAX {
            return Err(RequestError::Unreadable(Unreadable::TooLong));
        }
        match der::pem::decode_vec(text.trim().as_bytes()) {
            Ok(("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST", der)) => {
                Self::read(&der, network)
            }
            _ => Err(RequestError::Unreadable(Unreadable::NotPem)),
        }
    }

    /// The transport key as SubjectPublicKeyInfo DER: what the code commits to.
    pub fn transport_spki(&self) -> &[u8] {
        &self.spki_der
    }

    /// The transport key. Only a P-256 one can be used over DTLS.
    pub fn transport_key(&self) -> PublicKey {
        self.transport
    }

    /// The wallet key.
    pub fn wallet_key(&self) -> PublicKey {
        self.wallet
    }

    /// SHA-256 of the request: the same request is always answered with the same code.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    pub(crate) fn spki(&self) -> &SubjectPublicKeyInfoOwned {
        &self.spki
    }
}

/// The key, if it is of a known algorithm and in the one spelling that codes commit to.
fn transport_key(spki: &SubjectPublicKeyInfoOwned) -> Result<PublicKey, KeyFault> {
    let point = spki
        .subject_public_key
        .as_bytes()
        .ok_or(KeyFault::NotAKey)?;
    let parameters = spki.algorithm.parameters.as_ref();
    match spki.algorithm.oid {
        ID_EC_PUBLIC_KEY => {
            let curve = parameters.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
            if curve != Some(SECP_256_R_1) {
                return Err(KeyFault::Algorithm);
            }
            let key =
                p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| KeyFault::NotAKey)?;
            // Uncompressed only: with two spellings of a key there would be two codes for it.
            if key.to_sec1_point(false).as_bytes() != point {
                return Err(KeyFault::NotAKey);
            }
            let compressed = key.to_sec1_point(true);
            PublicKey::from_slice(protocol::Algorithm::P256, compressed.as_bytes())
                .ok_or(KeyFault::NotAKey)
        }
        ID_ED_25519 if parameters.is_none() => {
            let bytes: [u8; 32] = point.try_into().map_err(|_| KeyFault::NotAKey)?;
            match ed25519_dalek::VerifyingKey::from_bytes(&bytes) {
                Ok(key) if !key.is_weak() => Ok(PublicKey::Ed25519(bytes)),
                _ => Err(KeyFault::NotAKey),
            }
        }
        _ => Err(KeyFault::Algorithm),
    }
}

fn self_signature(request: &CertReq, key: &PublicKey) -> Result<(), KeyFault> {
    let signed = request.info.to_der().map_err(|_| KeyFault::Malformed)?;
    let signature = request.signature.as_bytes().ok_or(KeyFault::Signature)?;
    let algorithm = &request.algorithm;
    if algorithm.parameters.is_some() {
        return Err(KeyFault::Algorithm);
    }
    let holds = match (key, algorithm.oid) {
        // High S is let through here: common tools make it, and the request is not stored as proof
        // of anything but itself.
        (PublicKey::P256(point), ECDSA_WITH_SHA_256) => {
            signing::verifies_either_s(point, &signed, signature)
        }
        (PublicKey::Ed25519(_), ID_ED_25519) => signature
            .try_into()
            .is_ok_and(|signature| key.verifies(&signed, signature)),
        _ => return Err(KeyFault::Algorithm),
    };
    if holds {
        Ok(())
    } else {
        Err(KeyFault::Signature)
    }
}

/// Walks the closed list of attributes; returns the wallet proof's, if any.
fn attributes(request: &CertReq) -> Result<Option<&Attribute>, RequestError> {
    let attributes = &request.info.attributes;
    if attributes.len() > REQUEST_ATTRIBUTES_MAX {
        return Err(RequestError::Unreadable(Unreadable::Attributes));
    }
    let mut seen: Vec<ObjectIdentifier> = Vec::new();
    let mut proof = None;
    for attribute in attributes.iter() {
        if seen.contains(&attribute.oid) {
            return Err(RequestError::Unreadable(Unreadable::Attributes));
        }
        seen.push(attribute.oid);
        match attribute.oid {
            WALLET_PROOF => proof = Some(attribute),
            ID_EXTENSION_REQ => wanted_extensions(attribute)?,
            CHALLENGE_PASSWORD => {}
            oid => return Err(RequestError::Asks(Asks::Attribute(oid))),
        }
    }
    Ok(proof)
}

/// Nothing may be asked for; a list that says only "no authority" is let through, since common
/// tools write it unasked.
fn wanted_extensions(attribute: &Attribute) -> Result<(), RequestError> {
    for value in attribute.values.iter() {
        let wanted: ExtensionReq = value
            .decode_as()
            .map_err(|_| RequestError::Unreadable(Unreadable::NotDer))?;
        wanted.0.iter().try_for_each(wanted_extension)?;
    }
    Ok(())
}

fn wanted_extension(extension: &Extension) -> Result<(), RequestError> {
    if extension.extn_id != BASIC_CONSTRAINTS {
        return Err(RequestError::Asks(Asks::Extension(extension.extn_id)));
    }
    match BasicConstraints::from_der(extension.extn_value.as_bytes()) {
        Ok(constraints) if !constraints.ca => Ok(()),
        _ => Err(RequestError::Asks(Asks::Authority)),
    }
}

fn wallet_key(
    attribute: Option<&Attribute>,
    network: &Network,
    spki: &[u8],
    transport: &PublicKey,
) -> Result<PublicKey, KeyFault> {
    let values = &attribute.ok_or(KeyFault::Missing)?.values;
    let value = match values.get(0) {
        Some(value) if values.len() == 1 => value,
        _ => return Err(KeyFault::Malformed),
    };
    let octets: OctetString = value.decode_as().map_err(|_| KeyFault::Malformed)?;
    let proof = WalletProof::read(octets.as_bytes()).map_err(|_| KeyFault::Malformed)?;
    if proof.key == *transport {
        return Err(KeyFault::Shared);
    }
    match proof.verify(network, spki) {
        Ok(()) => Ok(proof.key),
        Err(_) => Err(KeyFault::Signature),
    }
}

impl RequestError {
    /// The status that goes back over the wire.
    pub const fn status(self) -> Status {
        match self {
            Self::Unreadable(_)
            | Self::Transport(
                KeyFault::Missing | KeyFault::Malformed | KeyFault::Algorithm | KeyFault::NotAKey,
            )
            | Self::Wallet(
                KeyFault::Missing | KeyFault::Malformed | KeyFault::Algorithm | KeyFault::NotAKey,
            ) => Status::Malformed,
            Self::Transport(KeyFault::Signature) | Self::Wallet(KeyFault::Signature) => {
                Status::BadSignature
            }
            Self::Transport(KeyFault::Shared) | Self::Wallet(KeyFault::Shared) | Self::Asks(_) => {
                Status::NotPermitted
            }
        }
    }
}

impl fmt::Display for RequestError {
    /// What is wrong and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(fault) => f.write_str(match fault {
                Unreadable::NotPem => {
                    "not a request in PEM; it starts with -----BEGIN CERTIFICATE REQUEST-----"
                }
                Unreadable::TooLong => "the request is longer than 8 KiB",
                Unreadable::NotDer => "not a PKCS#10 request in DER",
                Unreadable::Attributes => "the request repeats an attribute or has too many",
            }),
            Self::Transport(fault) => write!(f, "the request's key: {fault}"),
            Self::Wallet(KeyFault::Missing) => write!(
                f,
                "the request proves no wallet key; add attribute {OID_WALLET_PROOF}, as `onecode device init` does"
            ),
            Self::Wallet(fault) => write!(f, "the wallet key: {fault}"),
            Self::Asks(Asks::Authority) => f.write_str(
                "the request asks for CA:TRUE; things are never authorities, leave it out",
            ),
            Self::Asks(Asks::Extension(oid)) => write!(
                f,
                "the request asks for extension {oid}; the issuer decides what stands in a certificate, leave it out"
            ),
            Self::Asks(Asks::Attribute(oid)) => {
                write!(
                    f,
                    "the request has attribute {oid}, which means nothing here; leave it out"
                )
            }
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no proof that it is held",
            Self::Malformed => "its proof is malformed; check the encoder against docs/protocol.md",
            Self::Algorithm => "neither ECDSA P-256 with SHA-256 nor Ed25519; make another key",
            Self::NotAKey => "not a point of its curve in the usual uncompressed form",
            Self::Signature => "the signature does not fit the key, the network or the request",
            Self::Shared => "one key for two uses; make a second key",
        })
    }
}

impl std::error::Error for RequestError {}
