//! The profile again, read from the finished bytes: run before and after every signature.
//!
//! It does not share the builder's path from order to extensions: it decodes what stands there and
//! compares. A certificate that holds anything unexpected is not handed out.

use crate::error::ProfileFault as Fault;
use crate::profile::{ASSURANCE_CLASS, Profile, QUOTA, key_id};
use crate::signing;
use crate::station::QuotaForm;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_NAME_CONSTRAINTS, ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::referenced::OwnedToRef;
use der::{Decode, Encode};
use protocol::{AssuranceClass, PublicKey};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::time::Validity;

/// What a certificate must be, decided before it was built.
pub(crate) struct Expected<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) subject: &'a Name,
    /// SubjectPublicKeyInfo DER.
    pub(crate) key: &'a [u8],
    /// The authority's certificate; `None` when it signs itself.
    pub(crate) authority: Option<&'a Certificate>,
}

/// Checks a finished certificate: the profile, the spelling and the signature.
pub(crate) fn certificate(
    bytes: &[u8],
    expected: &Expected<'_>,
    authority_key: &PublicKey,
) -> Result<Certificate, Fault> {
    let certificate = Certificate::from_der(bytes).map_err(|_| Fault::Shape)?;
    if certificate.to_der().as_deref() != Ok(bytes) {
        return Err(Fault::Shape);
    }
    let inner = certificate.tbs_certificate();
    to_be_signed(inner, expected)?;
    if certificate.signature_algorithm() != inner.signature() {
        return Err(Fault::Algorithm);
    }
    let signed = inner.to_der().map_err(|_| Fault::Shape)?;
    match signing::verifies(authority_key, &signed, certificate.signature()) {
        true => Ok(certificate),
        false => Err(Fault::Signature),
    }
}

/// Checks everything but the signature.
pub(crate) fn to_be_signed(tbs: &TbsCertificate, expected: &Expected<'_>) -> Result<(), Fault> {
    let plain = tbs.issuer_unique_id().is_none() && tbs.subject_unique_id().is_none();
    check(plain && tbs.version() == Version::V3, Fault::Shape)?;
    let serial = tbs.serial_number().as_bytes();
    let positive = serial.iter().any(|byte| *byte != 0) && serial.len() <= 17;
    check(positive, Fault::Serial)?;
    check(*tbs.signature() == signing::algorithm(), Fault::Algorithm)?;
    check(tbs.subject() == expected.subject, Fault::Subject)?;
    let key = tbs.subject_public_key_info().to_der();
    check(key.as_deref() == Ok(expected.key), Fault::Key)?;
    let authority = expected
        .authority
        .map_or(tbs, |authority| authority.tbs_certificate());
    check(tbs.issuer() == authority.subject(), Fault::Issuer)?;
    check(
        is_within(tbs.validity(), authority.validity()),
        Fault::Validity,
    )?;
    extensions(tbs, expected.profile)?;
    key_identifiers(tbs, authority)?;
    constraints(tbs, expected.profile)?;
    usage(tbs, expected.profile)?;
    names(tbs, expected.profile)
}

fn check(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn is_within(inner: &Validity, outer: &Validity) -> bool {
    let span = |validity: &Validity| {
        (
            validity.not_before.to_unix_duration(),
            validity.not_after.to_unix_duration(),
        )
    };
    let ((start, end), (earliest, latest)) = (span(inner), span(outer));
    earliest <= start && start < end && end <= latest
}

/// The closed list: exactly these extensions, each once, each with its criticality.
fn extensions(tbs: &TbsCertificate, profile: &Profile) -> Result<(), Fault> {
    let mut wanted = vec![
        (ID_CE_AUTHORITY_KEY_IDENTIFIER, false),
        (ID_CE_SUBJECT_KEY_IDENTIFIER, false),
        (ID_CE_BASIC_CONSTRAINTS, true),
        (ID_CE_KEY_USAGE, true),
    ];
    match profile {
        Profile::Authority { subtree, quota, .. } => {
            wanted.extend(subtree.is_some().then_some((ID_CE_NAME_CONSTRAINTS, true)));
            wanted.extend(quota.is_some().then_some((QUOTA, false)));
        }
        Profile::Thing { .. } => wanted.extend([
            (ID_CE_EXT_KEY_USAGE, false),
            (ID_CE_SUBJECT_ALT_NAME, false),
            (ASSURANCE_CLASS, false),
        ]),
        Profile::Server { .. } => wanted.extend([
            (ID_CE_EXT_KEY_USAGE, false),
            (ID_CE_SUBJECT_ALT_NAME, false),
        ]),
    }
    let mut found: Vec<_> = tbs
        .extensions()
        .ok_or(Fault::Extensions)?
        .iter()
        .map(|extension| (extension.extn_id, extension.critical))
        .collect();
    found.sort();
    wanted.sort();
    check(found == wanted, Fault::Extensions)
}

/// Decodes one extension; `None` when it is not there.
fn extension<'a, T: Decode<'a> + AssociatedOid>(
    tbs: &'a TbsCertificate,
    fault: Fault,
) -> Result<Option<T>, Fault> {
    tbs.get_extension::<T>()
        .map(|found| found.map(|(_, value)| value))
        .map_err(|_| fault)
}

fn key_identifiers(tbs: &TbsCertificate, authority: &TbsCertificate) -> Result<(), Fault> {
    let fault = Fault::KeyIdentifiers;
    let id = |of: &TbsCertificate| {
        key_id(of.subject_public_key_info().owned_to_ref()).map_err(|_| fault)
    };
    let own = extension::<SubjectKeyIdentifier>(tbs, fault)?.ok_or(fault)?;
    check(own.0 == id(tbs)?, fault)?;
    let above = extension::<AuthorityKeyIdentifier>(tbs, fault)?.ok_or(fault)?;
    let bare =
        above.authority_cert_issuer.is_none() && above.authority_cert_serial_number.is_none();
    check(bare && above.key_identifier == Some(id(authority)?), fault)
}

fn constraints(tbs: &TbsCertificate, profile: &Profile) -> Result<(), Fault> {
    let found = extension::<BasicConstraints>(tbs, Fault::BasicConstraints)?;
    let (ca, path_len) = match profile {
        Profile::Authority { path_len, .. } => (true, *path_len),
        _ => (false, None),
    };
    let fits = found.is_some_and(|found| found.ca == ca && found.path_len_constraint == path_len);
    check(fits, Fault::BasicConstraints)?;
    let found = extension::<NameConstraints>(tbs, Fault::NameConstraints)?;
    let wanted = profile
        .name_constraints()
        .map_err(|_| Fault::NameConstraints)?;
    check(found == wanted, Fault::NameConstraints)?;
    let found = private(tbs, QUOTA).and_then(|found| QuotaForm::from_der(found).ok());
    check(found == profile.quota(), Fault::Quota)
}

fn usage(tbs: &TbsCertificate, profile: &Profile) -> Result<(), Fault> {
    let found = extension::<KeyUsage>(tbs, Fault::KeyUsage)?.ok_or(Fault::KeyUsage)?;
    let fits = match profile.is_authority() {
        true => found.key_cert_sign() && found.crl_sign() && !found.digital_signature(),
        false => found.digital_signature() && !found.key_cert_sign() && !found.crl_sign(),
    };
    check(fits && found == profile.key_usage(), Fault::KeyUsage)?;
    let found = extension::<ExtendedKeyUsage>(tbs, Fault::KeyUsage)?;
    check(found == profile.extended_key_usage(), Fault::KeyUsage)
}

fn names(tbs: &TbsCertificate, profile: &Profile) -> Result<(), Fault> {
    let found = extension::<SubjectAltName>(tbs, Fault::Names)?;
    let wanted = profile.alternative_names().map_err(|_| Fault::Names)?;
    check(found == wanted, Fault::Names)?;
    let Profile::Thing { code, class, .. } = profile else {
        return Ok(());
    };
    check(crate::identity::of(tbs) == Some(*code), Fault::Names)?;
    let found = private(tbs, ASSURANCE_CLASS)
        .and_then(|found| u8::from_der(found).ok())
        .and_then(AssuranceClass::from_number);
    check(found == Some(*class), Fault::AssuranceClass)
}

/// The content of an extension of our own.
fn private(tbs: &TbsCertificate, oid: ObjectIdentifier) -> Option<&[u8]> {
    tbs.extensions()
        .into_iter()
        .flatten()
        .find(|extension| extension.extn_id == oid)
        .map(|extension| extension.extn_value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{CertificateOrder, draft, finish};
    use crate::error::IssueError;
    use crate::key::Key;
    use crate::names::{Names, ServerName};
    use crate::profile::{p256_spki, subject};
    use crate::{Authorities, Authority, Plan, Role};
    use protocol::code::IssuedBy;
    use protocol::keys::{SignerFailed, SoftwareKey};
    use protocol::{Code, Kind, Network, Signature, Signer, Timestamp};
    use spki::SubjectPublicKeyInfoOwned;
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn authorities() -> Authorities {
        let names = Names::new("onecode.internal", "localhost").unwrap();
        let plan = Plan::new(Network::new("test").unwrap(), names, 86_400);
        let mut count = 0;
        let mut random = |out: &mut [u8]| {
            count += 1;
            out.fill(count);
            Ok(())
        };
        Authorities::create(&plan, NOW, &mut random).unwrap()
    }

    fn thing_spki() -> SubjectPublicKeyInfoOwned {
        let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
        p256_spki(key.verifying_key()).unwrap()
    }

    fn thing(class: AssuranceClass, sequence: u64) -> Profile {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let spki = thing_spki().to_der().unwrap();
        Profile::Thing {
            code: Code::derive(Kind::Device, by, sequence, &spki).unwrap(),
            names: Names::new("onecode.internal", "localhost").unwrap(),
            class,
        }
    }

    fn name(profile: &Profile) -> Name {
        match profile {
            Profile::Thing { code, .. } => subject(code.text().as_str(), code).unwrap(),
            _ => "CN=nobody".parse().unwrap(),
        }
    }

    fn order(profile: &Profile) -> CertificateOrder<'static> {
        CertificateOrder {
            serial: &[7; 16],
            not_before: NOW,
            not_after: NOW.plus_s(60),
            subject: name(profile),
            spki: thing_spki(),
            profile: profile.clone(),
        }
    }

    fn certified(by: &Authority, profile: &Profile) -> Vec<u8> {
        by.finish(by.draft(order(profile)).unwrap()).unwrap().1
    }

    #[test]
    fn each_deviation_has_its_name() {
        let authorities = authorities();
        let gateway = &authorities.gateway;
        let profile = thing(AssuranceClass::Software, 1);
        let bytes = certified(gateway, &profile);
        let (own, other_name) = (name(&profile), "CN=other".parse().unwrap());
        let key = thing_spki().to_der().unwrap();
        let look = |profile: &Profile, subject: &Name, key: &[u8], by: &Authority| {
            let expected = Expected {
                profile,
                subject,
                key,
                authority: Some(&by.certificate),
            };
            certificate(&bytes, &expected, &by.ca_key.public_key()).map(|_| ())
        };
        assert_eq!(look(&profile, &own, &key, gateway), Ok(()));
        assert_eq!(
            look(&profile, &other_name, &key, gateway),
            Err(Fault::Subject)
        );
        assert_eq!(look(&profile, &own, b"other", gateway), Err(Fault::Key));
        let other = &authorities.issuer;
        assert_eq!(look(&profile, &own, &key, other), Err(Fault::Issuer));
        let class = thing(AssuranceClass::Isolated, 1);
        assert_eq!(
            look(&class, &own, &key, gateway),
            Err(Fault::AssuranceClass)
        );
        let code = thing(AssuranceClass::Software, 2);
        assert_eq!(look(&code, &own, &key, gateway), Err(Fault::Names));
        let server = Profile::Server {
            names: vec![ServerName::parse("localhost").unwrap()],
        };
        assert_eq!(look(&server, &own, &key, gateway), Err(Fault::Extensions));
        let mut later = authorities.gateway.clone();
        later.certificate = authorities.root.certificate.clone();
        assert_eq!(look(&profile, &own, &key, &later), Err(Fault::Issuer));
    }

    #[test]
    fn an_authority_is_held_to_its_constraints() {
        let authorities = authorities();
        let issuer = &authorities.issuer;
        let real = Profile::Authority {
            path_len: Some(0),
            subtree: Some("1.1.onecode.internal".to_owned()),
            quota: None,
        };
        let bytes = certified(issuer, &real);
        let key = thing_spki().to_der().unwrap();
        let look = |path_len, subtree: Option<&str>| {
            let profile = Profile::Authority {
                path_len,
                subtree: subtree.map(str::to_owned),
                quota: None,
            };
            let expected = Expected {
                profile: &profile,
                subject: &name(&profile),
                key: &key,
                authority: Some(&issuer.certificate),
            };
            certificate(&bytes, &expected, &issuer.ca_key.public_key()).map(|_| ())
        };
        let subtree = Some("1.1.onecode.internal");
        assert_eq!(look(Some(0), subtree), Ok(()));
        assert_eq!(look(Some(1), subtree), Err(Fault::BasicConstraints));
        assert_eq!(look(None, subtree), Err(Fault::BasicConstraints));
        assert_eq!(look(Some(0), None), Err(Fault::Extensions));
        let wider = Some("onecode.internal");
        assert_eq!(look(Some(0), wider), Err(Fault::NameConstraints));
    }

    #[test]
    fn nothing_outlives_its_authority() {
        let authorities = authorities();
        let profile = thing(AssuranceClass::Software, 1);
        let end = authorities.gateway.not_after();
        let start = NOW.minus_s(crate::CLOCK_SKEW_S);
        let refused = Err(IssueError::Profile(Fault::Validity));
        for (not_before, not_after, wanted) in [
            (NOW, end, Ok(())),
            (start, NOW, Ok(())),
            (NOW, end.plus_s(1), refused),
            (start.minus_s(1), NOW, refused),
        ] {
            let order = CertificateOrder {
                not_before,
                not_after,
                ..order(&profile)
            };
            assert_eq!(authorities.gateway.draft(order).map(|_| ()), wanted);
        }
    }

    #[test]
    fn a_code_that_does_not_commit_to_the_key_is_never_signed() {
        let authorities = authorities();
        let other = p256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap();
        let order = CertificateOrder {
            spki: p256_spki(other.verifying_key()).unwrap(),
            ..order(&thing(AssuranceClass::Software, 1))
        };
        let refused = authorities.gateway.draft(order).map(|_| ());
        assert_eq!(refused, Err(IssueError::Profile(Fault::Key)));
    }

    /// A key store that answers for another key.
    struct Confused(SoftwareKey, SoftwareKey);

    impl Signer for Confused {
        fn public_key(&self) -> PublicKey {
            self.0.public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
            self.1.sign(message)
        }
    }

    #[test]
    fn a_wrong_signature_does_not_leave_the_house() {
        let [own, other] = [1, 2].map(|seed| SoftwareKey::p256(&[seed; 32]).unwrap());
        let public = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
        let key: Key = Arc::new(Confused(own, other));
        let profile = Profile::Authority {
            path_len: None,
            subtree: None,
            quota: None,
        };
        let order = CertificateOrder {
            spki: p256_spki(public.verifying_key()).unwrap(),
            ..order(&profile)
        };
        let draft = draft(order, name(&profile), &key, None).unwrap();
        let refused = finish(draft, &key, None).map(|_| ());
        assert_eq!(refused, Err(IssueError::Profile(Fault::Signature)));

        let mut root = authorities().root;
        assert_eq!(root.role(), Role::Root);
        let [own, other] = [1, 2].map(|seed| SoftwareKey::ed25519(&[seed; 32]));
        root.pass_key = Arc::new(Confused(own, other));
        let (pass, _) = authorities().gateway.pass.unwrap();
        assert_eq!(root.seal(&pass), Err(IssueError::Profile(Fault::Pass)));
    }
}
