//! Certificates and passes, opened for people.

use crate::evidence::{Check, class, key_text};
use crate::language::{Say, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::show;
use der::Decode as _;
use issuer::Grant;
use protocol::cose::open;
use protocol::objects::{Pass, Rights};
use protocol::{Code, Network, PublicKey, Timestamp};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whose.
    pub subject: String,
    /// Who signed.
    pub issuer: String,
    /// Unique number.
    pub serial: String,
    /// Good from.
    pub not_before: String,
    /// Good until.
    pub not_after: String,
    /// What else it is called.
    pub names: Vec<(Say, String)>,
}

/// Reads a certificate; `None` when it cannot be read.
pub fn certificate(der: &[u8]) -> Option<CertificateFacts> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let names = match tbs.get_extension::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().filter_map(name).collect(),
        _ => Vec::new(),
    };
    let time = |time: x509_cert::time::Time| {
        let seconds = u32::try_from(time.to_unix_duration().as_secs());
        show::time(Timestamp(seconds.unwrap_or(u32::MAX)))
    };
    Some(CertificateFacts {
        subject: tbs.subject().to_string(),
        issuer: tbs.issuer().to_string(),
        serial: show::to_hex(tbs.serial_number().as_bytes()),
        not_before: time(tbs.validity().not_before),
        not_after: time(tbs.validity().not_after),
        names,
    })
}

fn name(name: &GeneralName) -> Option<(Say, String)> {
    match name {
        GeneralName::DnsName(name) => Some((say("DNS name"), name.to_string())),
        GeneralName::UniformResourceIdentifier(uri) => Some((say("URI"), uri.to_string())),
        _ => None,
    }
}

/// What a pass says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassFacts {
    /// What the signature says.
    pub check: Check,
    /// Who signed.
    pub issuer: String,
    /// Given at.
    pub issued: String,
    /// Good until.
    pub expires: String,
    /// As a time.
    pub ends: Timestamp,
    /// The wallet key.
    pub key: String,
    /// How well that key is kept.
    pub class: Say,
    /// What its code may do.
    pub rights: Say,
    /// Length of the whole object.
    pub bytes: usize,
}

/// Reads a pass and checks it with the key of whoever should have signed it.
pub fn pass(bytes: &[u8], network: &Network, signer: Option<&PublicKey>) -> Option<PassFacts> {
    let sealed = open::<Pass>(bytes, network).ok()?;
    let pass = *sealed.peek();
    let check = match signer.map(|key| sealed.verify(key)) {
        None => Check::KeyUnknown,
        Some(Ok(_)) => Check::Fits,
        Some(Err(_)) => Check::Wrong,
    };
    Some(PassFacts {
        check,
        issuer: format!("{:#}", pass.issuer.0),
        issued: show::time(pass.issued),
        expires: show::time(pass.expires),
        ends: pass.expires,
        key: key_text(&pass.key.0),
        class: class(pass.class as u8),
        rights: rights(pass.rights),
        bytes: bytes.len(),
    })
}

/// The key that a pass has to be signed with: this house's own, or that of a station it admitted.
pub async fn signer(portal: &Portal, bytes: &[u8]) -> Result<Option<PublicKey>, Refusal> {
    let Ok(sealed) = open::<Pass>(bytes, &portal.network) else {
        return Ok(None);
    };
    let by = sealed.peek().issuer.0;
    let cards = portal.desk.authorities();
    if let Some(card) = cards.iter().find(|card| card.code == by) {
        return Ok(Some(card.pass_key));
    }
    let own = station_pass(portal, &by).await?;
    let own = own
        .as_deref()
        .and_then(|own| open::<Pass>(own, &portal.network).ok());
    Ok(own.map(|own| own.peek().key.0))
}

/// The pass of a station that was admitted here: whoever meets what it made wants it.
pub async fn station_pass(portal: &Portal, code: &Code) -> Result<Option<Vec<u8>>, Refusal> {
    let row = portal.ledger.station(code).await?;
    let granted = row.and_then(|row| row.granted);
    let grant = granted.and_then(|(_, text)| Grant::read(&text).ok());
    Ok(grant.map(|grant| {
        let [_, own] = grant.passes;
        own
    }))
}

fn rights(rights: Rights) -> Say {
    let words = [
        (Rights::PAY, say("pay")),
        (Rights::ACCEPT, say("accept")),
        (Rights::SETTLE, say("settle")),
        (Rights::ISSUE_CODES, say("issue codes")),
        (Rights::ISSUE_MONEY, say("issue money")),
    ];
    let held = words.into_iter();
    let held = held.filter(|(right, _)| rights.permits(*right));
    Say::list(held.map(|(_, word)| word)).unwrap_or(say("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_named() {
        assert_eq!(rights(Rights::default()).to_string(), "none");
        assert_eq!(
            rights(Rights::PAY.and(Rights::ISSUE_MONEY)).to_string(),
            "pay, issue money"
        );
    }

    #[test]
    fn what_is_no_credential_is_nothing() {
        let network = Network::new("test").unwrap();
        for bytes in [&b""[..], b"\x30\x00", &[0xff; 64]] {
            assert_eq!(certificate(bytes), None);
            assert_eq!(pass(bytes, &network, None), None);
        }
    }
}
