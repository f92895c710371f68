//! Certificates in the company of others: PEM chains and the "certs-only" message of EST.

use crate::error::{IssueError, OrderFault};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use der::asn1::{Any, SetOfVec};
use der::pem::LineEnding;
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

/// Most certificates in one message.
pub const CERTIFICATES_MAX: usize = 16;

/// Certificates in PEM, in the order given.
pub fn pem<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> String {
    certificates
        .into_iter()
        .filter_map(|der| der::pem::encode_string("CERTIFICATE", LineEnding::LF, der).ok())
        .collect()
}

/// One document in PEM.
pub(crate) fn document(label: &str, bytes: &[u8]) -> String {
    der::pem::encode_string(label, LineEnding::LF, bytes).unwrap_or_default()
}

/// The documents of a PEM text with their labels; what stands between them and what is no PEM is
/// passed over.
pub(crate) fn documents(text: &str) -> Vec<(String, Vec<u8>)> {
    split(text)
        .into_iter()
        .filter_map(|part| der::pem::decode_vec(part.trim().as_bytes()).ok())
        .map(|(label, bytes)| (label.to_owned(), bytes))
        .collect()
}

/// The single documents of a PEM text.
pub(crate) fn split(pem: &str) -> Vec<&str> {
    let starts: Vec<_> = pem.match_indices("-----BEGIN ").map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([pem.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(start, end)| pem.get(*start..end))
        .collect()
}

/// RFC 5652, the part a message without content and without signers needs.
#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: SignedData,
}

#[derive(Sequence)]
struct SignedData {
    version: u8,
    digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    content: NoContent,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    certificates: SetOfVec<Any>,
    signers: SetOfVec<Any>,
}

#[derive(Sequence)]
struct NoContent {
    content_type: ObjectIdentifier,
}

/// A PKCS#7 message that carries certificates and nothing else (RFC 7030, 4.1.3). As DER wants it,
/// they are a set: sorted, each once.
pub fn certs_only(certificates: &[&[u8]]) -> Result<Vec<u8>, IssueError> {
    if certificates.is_empty() || certificates.len() > CERTIFICATES_MAX {
        return Err(OrderFault::Certificates.into());
    }
    let mut distinct = certificates.to_vec();
    distinct.sort();
    distinct.dedup();
    let mut set = Vec::new();
    for der in distinct {
        Certificate::from_der(der).map_err(|_| OrderFault::Certificates)?;
        set.push(Any::from_der(der)?);
    }
    let message = ContentInfo {
        content_type: ID_SIGNED_DATA,
        content: SignedData {
            version: 1,
            digest_algorithms: SetOfVec::new(),
            content: NoContent {
                content_type: ID_DATA,
            },
            certificates: SetOfVec::try_from(set)?,
            signers: SetOfVec::new(),
        },
    };
    Ok(message.to_der()?)
}
