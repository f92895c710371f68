//! Whose certificate this is: for the doors, after TLS or DTLS has checked the chain.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, SERIAL_NUMBER};
use der::Decode;
use der::asn1::{PrintableStringRef, Utf8StringRef};
use protocol::{Code, Kind};
use x509_cert::Certificate;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Longest certificate looked at; ours are below 1 KiB.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// The code a thing's certificate speaks for. `None` unless its one DNS name, common name and
/// serial number agree. The chain is not checked here: that is the business of TLS.
pub fn identity(leaf: &[u8]) -> Option<Code> {
    if leaf.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    of(Certificate::from_der(leaf).ok()?.tbs_certificate())
}

/// The code of a gateway that this certificate of its doors speaks for. The chain is not checked
/// here; that the issuer signed it is what makes it a gateway's.
pub fn gateway_identity(leaf: &[u8]) -> Option<Code> {
    if leaf.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    let certificate = Certificate::from_der(leaf).ok()?;
    let tbs = certificate.tbs_certificate();
    let code = serial_number(tbs)?;
    let agrees = code.kind() == Kind::Gateway && named(tbs, COMMON_NAME)? == code.text().as_str();
    agrees.then_some(code)
}

pub(crate) fn of(tbs: &TbsCertificate) -> Option<Code> {
    let (_, names) = tbs.get_extension::<SubjectAltName>().ok()??;
    let mut dns = names.0.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(name.as_str()),
        _ => None,
    });
    let (Some(name), None) = (dns.next(), dns.next()) else {
        return None;
    };
    let mut labels = name.split('.');
    let label = labels.next()?;
    let code: Code = label.parse().ok()?;
    let by = code.issued_by();
    let text = code.text();
    let agrees = label == text.as_str().to_ascii_lowercase()
        && labels.next()? == by.station.to_string()
        && labels.next()? == by.issuer.to_string()
        && labels.next().is_some()
        && named(tbs, COMMON_NAME)? == text.as_str()
        && named(tbs, SERIAL_NUMBER)? == text.as_str();
    agrees.then_some(code)
}

/// The code in a subject's serial number: every certificate of ours has it.
pub(crate) fn serial_number(tbs: &TbsCertificate) -> Option<Code> {
    let text = named(tbs, SERIAL_NUMBER)?;
    let code: Code = text.parse().ok()?;
    (code.text().as_str() == text).then_some(code)
}

/// The value of a subject attribute that stands there exactly once.
fn named(tbs: &TbsCertificate, attribute: ObjectIdentifier) -> Option<String> {
    let rdns: &x509_cert::name::RdnSequence = tbs.subject().as_ref();
    let mut values = rdns
        .iter()
        .flat_map(|rdn| rdn.iter())
        .filter(|pair| pair.oid == attribute);
    let (Some(pair), None) = (values.next(), values.next()) else {
        return None;
    };
    PrintableStringRef::try_from(&pair.value)
        .map(|text| text.as_str().to_owned())
        .or_else(|_| Utf8StringRef::try_from(&pair.value).map(|text| text.as_str().to_owned()))
        .ok()
}
