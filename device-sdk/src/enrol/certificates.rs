//! Certificates as they come from EST, and what has to hold of them.

use super::{Authorities, OTHERS_MAX};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::SERIAL_NUMBER;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::asn1::{Any, SetOfVec};
use der::{Decode, Encode, Sequence};
use protocol::{Code, Kind, Timestamp};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::name::RdnSequence;

/// Most certificates in one message.
const CERTIFICATES_MAX: usize = 16;

/// What is wrong with certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Not a PKCS#7 message with certificates in it.
    Unreadable,
    /// None of them carries the own key.
    OtherKey,
    /// The name in it is no code.
    NoCode,
    /// The code in it was made for another key.
    OtherCode,
    /// The certificate of this code is missing, or belongs to another key.
    Authority(Code),
    /// They do not form a chain from the thing to the root that is good now.
    Chain,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("not a PKCS#7 message with certificates"),
            Self::OtherKey => f.write_str("none carries the key that was enrolled"),
            Self::NoCode => f.write_str("the certificate names no code"),
            Self::OtherCode => f.write_str("the code was made for another key"),
            Self::Authority(code) => write!(f, "none is that of {code}"),
            Self::Chain => f.write_str("they do not lead from the thing to the root"),
        }
    }
}

impl std::error::Error for CertificateFault {}

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
    digest_algorithms: SetOfVec<Any>,
    content: Any,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    certificates: SetOfVec<Any>,
    signers: SetOfVec<Any>,
}

/// Certificates in no particular order.
pub(super) struct Certificates(Vec<Certificate>);

impl Certificates {
    pub(super) fn read(pkcs7: &[u8]) -> Result<Self, CertificateFault> {
        let unreadable = |_| CertificateFault::Unreadable;
        let message = ContentInfo::from_der(pkcs7).map_err(unreadable)?;
        let set = message.content.certificates;
        if message.content_type != ID_SIGNED_DATA || set.len() > CERTIFICATES_MAX {
            return Err(CertificateFault::Unreadable);
        }
        let mut certificates = Vec::with_capacity(set.len());
        for any in set.iter() {
            let der = any.to_der().map_err(unreadable)?;
            certificates.push(Certificate::from_der(&der).map_err(unreadable)?);
        }
        Ok(Self(certificates))
    }

    /// The certificate of the thing with this key, and its code.
    pub(super) fn of_thing(&self, spki: &[u8]) -> Result<(Vec<u8>, Code), CertificateFault> {
        let own = |certificate: &&Certificate| spki_of(certificate).is_ok_and(|der| der == spki);
        let certificate = self.0.iter().find(own).ok_or(CertificateFault::OtherKey)?;
        let der = encoded(certificate)?;
        Ok((der, code_of(certificate)?))
    }

    /// The code of the gateway whose certificate is among them.
    pub(super) fn gateway(&self) -> Option<Code> {
        let mut codes = self.0.iter().filter_map(numbered);
        codes.find(|code| code.kind() == Kind::Gateway)
    }

    /// Issuers beside those that are known already.
    pub(super) fn issuers_beside(&self, known: &[&Vec<u8>]) -> Vec<Vec<u8>> {
        let is_issuer = |certificate: &&Certificate| {
            numbered(certificate).is_some_and(|code| code.kind() == Kind::Issuer)
        };
        let all = self.0.iter().filter(is_issuer);
        all.filter_map(|certificate| encoded(certificate).ok())
            .filter(|der| !known.contains(&der))
            .take(OTHERS_MAX)
            .collect()
    }

    /// The certificate of the authority that this code was made for.
    /// While one root takes over from another there are several; wanted is the one that `above`
    /// signed, or for the root the one that it signed itself.
    pub(super) fn of_authority(
        &self,
        code: &Code,
        above: Option<&[u8]>,
    ) -> Result<Vec<u8>, CertificateFault> {
        let made_for =
            |certificate: &&Certificate| spki_of(certificate).is_ok_and(|s| code.commits_to(&s));
        let above = above.map(decoded).transpose()?;
        let by_above = |certificate: &&Certificate| {
            let tbs = certificate.tbs_certificate();
            let above = above.as_ref().map(Certificate::tbs_certificate);
            tbs.issuer() == above.unwrap_or(tbs).subject()
        };
        let all = || self.0.iter().filter(made_for);
        let certificate = all().find(by_above).or_else(|| all().next());
        encoded(certificate.ok_or(CertificateFault::Authority(*code))?)
    }
}

/// The code of an authority, which stands in its serial number.
fn numbered(certificate: &Certificate) -> Option<Code> {
    let names: &RdnSequence = certificate.tbs_certificate().subject().as_ref();
    let mut pairs = names.iter().flat_map(|name| name.iter());
    let pair = pairs.find(|pair| pair.oid == SERIAL_NUMBER)?;
    std::str::from_utf8(pair.value.value()).ok()?.parse().ok()
}

/// Whether the code was made for the key in the certificate.
pub(crate) fn commits(certificate: &[u8], code: &Code) -> Result<(), CertificateFault> {
    let certificate = decoded(certificate)?;
    match code.commits_to(&spki_of(&certificate)?) {
        true => Ok(()),
        false => Err(CertificateFault::Authority(*code)),
    }
}

/// Whether the certificate is that of this thing: its key, its code, and both made for each other.
pub(crate) fn is_of(certificate: &[u8], code: &Code, spki: &[u8]) -> Result<(), CertificateFault> {
    let certificate = decoded(certificate)?;
    if spki_of(&certificate)? != spki {
        return Err(CertificateFault::OtherKey);
    }
    if code_of(&certificate)? != *code || !code.commits_to(spki) {
        return Err(CertificateFault::OtherCode);
    }
    Ok(())
}

/// Whether the certificates lead from the thing to the root.
pub(crate) fn chain(
    certificate: &[u8],
    authorities: &Authorities,
    now: Timestamp,
) -> Result<(), CertificateFault> {
    let broken = |_| CertificateFault::Chain;
    let root = CertificateDer::from(authorities.root.as_slice());
    let anchor = anchor_from_trusted_cert(&root).map_err(broken)?;
    let between = [&authorities.signer, &authorities.issuer];
    let between = between.map(|der| CertificateDer::from(der.as_slice()));
    let leaf = CertificateDer::from(certificate);
    let leaf = EndEntityCert::try_from(&leaf).map_err(broken)?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::from(now.0)));
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &[anchor],
        &between,
        now,
        KeyUsage::client_auth(),
        None,
        None,
    )
    .map_err(broken)?;
    Ok(())
}

fn decoded(der: &[u8]) -> Result<Certificate, CertificateFault> {
    Certificate::from_der(der).map_err(|_| CertificateFault::Unreadable)
}

fn encoded(certificate: &Certificate) -> Result<Vec<u8>, CertificateFault> {
    let der = certificate.to_der();
    der.map_err(|_| CertificateFault::Unreadable)
}

fn spki_of(certificate: &Certificate) -> Result<Vec<u8>, CertificateFault> {
    let spki = certificate.tbs_certificate().subject_public_key_info();
    spki.to_der().map_err(|_| CertificateFault::Unreadable)
}

fn code_of(certificate: &Certificate) -> Result<Code, CertificateFault> {
    let name = certificate.tbs_certificate().subject().common_name();
    let name = name.ok().flatten().ok_or(CertificateFault::NoCode)?;
    let code = name.value().parse();
    code.map_err(|_| CertificateFault::NoCode)
}
