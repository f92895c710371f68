//! Certificate revocation lists.
//!
//! Built by hand: the list's authority key identifier must be the key of the authority that signs
//! it, and verifiers do not find the list otherwise.

use crate::authority::Authority;
use crate::certificate::time;
use crate::error::{IssueError, OrderFault, ProfileFault};
use crate::profile::key_id;
use crate::signing;
use der::referenced::OwnedToRef;
use der::{Decode, Encode};
use protocol::Timestamp;
use std::collections::HashSet;
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::ToExtension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber};
use x509_cert::serial_number::SerialNumber;

/// A certificate that is no longer to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The serial number it was ordered with.
    pub serial: [u8; 16],
    /// Since when.
    pub at: Timestamp,
}

/// Number and time of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListOrder {
    /// Grows with every list of this authority.
    pub number: u64,
    /// Now.
    pub this_update: Timestamp,
    /// Verifiers want a newer list after this.
    pub next_update: Timestamp,
}

impl Authority {
    /// The revocation list of this authority, DER. A serial number given twice counts once.
    pub fn revocation_list(
        &self,
        order: &ListOrder,
        revoked: &[Revoked],
    ) -> Result<Vec<u8>, IssueError> {
        if order.this_update >= order.next_update {
            return Err(OrderFault::Validity.into());
        }
        let tbs = self.certificate.tbs_certificate();
        let (issuer, key) = (tbs.subject(), tbs.subject_public_key_info().owned_to_ref());
        let authority_key = AuthorityKeyIdentifier {
            key_identifier: Some(key_id(key)?),
            ..AuthorityKeyIdentifier::default()
        };
        let number = CrlNumber::try_from(order.number)?;
        let list = TbsCertList {
            version: Version::V2,
            signature: signing::algorithm(),
            issuer: issuer.clone(),
            this_update: time(order.this_update)?,
            next_update: Some(time(order.next_update)?),
            // RFC 5280: absent when there are none.
            revoked_certificates: Some(entries(revoked)?).filter(|entries| !entries.is_empty()),
            crl_extensions: Some(vec![
                (&authority_key).to_extension(issuer, &[])?,
                (&number).to_extension(issuer, &[])?,
            ]),
        };
        let signed = list.to_der()?;
        let signature = signing::sign(&self.ca_key, &signed)?;
        if !signing::verifies(&self.ca_key.public_key(), &signed, &signature) {
            return Err(ProfileFault::Signature.into());
        }
        let list = CertificateList {
            signature_algorithm: list.signature.clone(),
            tbs_cert_list: list,
            signature,
        };
        let bytes = list.to_der()?;
        match CertificateList::from_der(&bytes)? == list {
            true => Ok(bytes),
            false => Err(IssueError::Encoding),
        }
    }
}

fn entries(revoked: &[Revoked]) -> Result<Vec<RevokedCert>, IssueError> {
    let mut seen = HashSet::new();
    revoked
        .iter()
        .filter(|entry| seen.insert(entry.serial))
        .map(|entry| {
            Ok(RevokedCert {
                serial_number: SerialNumber::new(&entry.serial)?,
                revocation_date: time(entry.at)?,
                crl_entry_extensions: None,
            })
        })
        .collect()
}
