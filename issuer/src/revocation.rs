//! Certificate revocation lists.
//!
//! Built by hand: the list's authority key identifier must be the key of the authority that signs
//! it, and verifiers do not find the list otherwise.

use crate::authority::Authority;
use crate::certificate::{time, timestamp};
use crate::error::{IssueError, OrderFault, ProfileFault};
use crate::profile::key_id;
use crate::signing;
use der::referenced::OwnedToRef;
use der::{Decode, Encode};
use protocol::Timestamp;
use std::collections::HashSet;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::ToExtension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber};
use x509_cert::serial_number::SerialNumber;
use x509_cert::{Certificate, Version};

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

/// What a list of an authority says, its signature checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedList {
    /// When it was made.
    pub made: Timestamp,
    /// Nobody should go by it alone after that.
    pub next_update: Option<Timestamp>,
    /// Whom it names.
    pub revoked: Vec<Revoked>,
}

impl Authority {
    /// Reads a list that this authority signed.
    pub fn read_list(&self, der: &[u8]) -> Result<RevokedList, IssueError> {
        let list: CertificateList = CertificateList::from_der(der)?;
        let tbs = &list.tbs_cert_list;
        let signed = tbs.to_der()?;
        let is_ours = tbs.issuer == *self.certificate.tbs_certificate().subject();
        let key = self.ca_key.public_key();
        if !is_ours || !signing::verifies(&key, &signed, &list.signature) {
            return Err(ProfileFault::Signature.into());
        }
        let entries = tbs.revoked_certificates.iter().flatten();
        Ok(RevokedList {
            made: timestamp(tbs.this_update),
            next_update: tbs.next_update.map(timestamp),
            revoked: entries
                .map(|entry| Revoked {
                    serial: sixteen(entry.serial_number.as_bytes()),
                    at: timestamp(entry.revocation_date),
                })
                .collect(),
        })
    }
}

impl RevokedList {
    /// Whether it names this certificate of its authority, DER.
    pub fn names(&self, certificate: &[u8]) -> Result<bool, IssueError> {
        let serial = serial(certificate)?;
        Ok(self.revoked.iter().any(|one| one.serial == serial))
    }
}

/// The serial number that a certificate (DER) was ordered with.
pub fn serial(certificate: &[u8]) -> Result<[u8; 16], IssueError> {
    let certificate = Certificate::from_der(certificate)?;
    let serial = certificate.tbs_certificate().serial_number();
    Ok(sixteen(serial.as_bytes()))
}

/// A serial number as it was ordered: DER leaves leading zeros out, and puts one before a high bit.
fn sixteen(serial: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().rev().zip(serial.iter().rev()) {
        *to = *from;
    }
    bytes
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_those_that_were_ordered() {
        let mut high = [0xff; 16];
        assert_eq!(sixteen(&[&[0], high.as_slice()].concat()), high);
        (high[0], high[1]) = (0, 1);
        assert_eq!(sixteen(&high[1..]), high);
    }
}
