//! The request of an authority to be: a station asks its issuer as a thing asks a gateway.

use crate::error::IssueError;
use crate::key::Key;
use crate::profile::p256_spki;
use crate::signing::{self, CaFace};
use const_oid::ObjectIdentifier;
use der::Encode;
use der::asn1::{Any, OctetString, SetOfVec};
use protocol::Network;
use protocol::enrol::{OID_WALLET_PROOF, WALLET_PROOF_MAX, WalletProof};
use signature::Keypair;
use x509_cert::attr::Attribute;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};

/// A PKCS#10 request, DER, that proves both keys: `ca_key` (P-256) will sign certificates,
/// `pass_key` passes.
pub fn authority_request(
    network: &Network,
    ca_key: &Key,
    pass_key: &Key,
) -> Result<Vec<u8>, IssueError> {
    let face = CaFace::new(&ca_key.public_key()).ok_or(IssueError::Encoding)?;
    let spki = p256_spki(&face.verifying_key()).map_err(|_| IssueError::Encoding)?;
    let proof = WalletProof::make(network, &spki.to_der()?, pass_key.as_ref())
        .map_err(|_| IssueError::KeyAbsent)?;
    let mut bytes = [0; WALLET_PROOF_MAX];
    let len = proof.write(&mut bytes);
    let proof = OctetString::new(bytes.get(..len).unwrap_or_default())?;
    let attribute = Attribute {
        oid: ObjectIdentifier::new_unwrap(OID_WALLET_PROOF),
        values: SetOfVec::try_from(vec![Any::encode_from(&proof)?])?,
    };
    request(ca_key, Name::default(), vec![attribute])
}

/// A PKCS#10 request for a key under a name, with these attributes.
pub(crate) fn request(
    ca_key: &Key,
    subject: Name,
    attributes: Vec<Attribute>,
) -> Result<Vec<u8>, IssueError> {
    let face = CaFace::new(&ca_key.public_key()).ok_or(IssueError::Encoding)?;
    let info = CertReqInfo {
        version: Version::V1,
        subject,
        public_key: p256_spki(&face.verifying_key()).map_err(|_| IssueError::Encoding)?,
        attributes: SetOfVec::try_from(attributes)?,
    };
    let signature = signing::sign(ca_key, &info.to_der()?)?;
    let request = CertReq {
        info,
        algorithm: signing::algorithm(),
        signature,
    };
    Ok(request.to_der()?)
}

/// A request in PEM.
pub fn request_pem(request: &[u8]) -> String {
    crate::bundle::document("CERTIFICATE REQUEST", request)
}

/// The request in a PEM text; `None` when it holds none.
pub fn request_of_pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut documents = crate::bundle::documents(text).into_iter();
    let is_request = |label: &str| label.ends_with("CERTIFICATE REQUEST");
    documents
        .find(|(label, _)| is_request(label))
        .map(|(_, request)| request)
}
