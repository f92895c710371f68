//! The closed certificate profile: what each role's certificate holds, and nothing else.

use crate::names::{Names, ServerName};
use crate::station::{Quota, QuotaForm};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use der::asn1::{Any, Ia5String, OctetString};
use der::flagset::FlagSet;
use der::{Encode, Sequence};
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey;
use protocol::enrol::{OID_ASSURANCE_CLASS, OID_HARDWARE_TYPE, OID_QUOTA};
use protocol::{Algorithm, AssuranceClass, Code, PublicKey};
use sha2::{Digest, Sha256};
use spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    NameConstraints, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;

/// Assurance class of the key, one INTEGER.
pub(crate) const ASSURANCE_CLASS: ObjectIdentifier =
    ObjectIdentifier::new_unwrap(OID_ASSURANCE_CLASS);
/// What a station may issue.
pub(crate) const QUOTA: ObjectIdentifier = ObjectIdentifier::new_unwrap(OID_QUOTA);
/// id-on-hardwareModuleName (RFC 4108).
const HARDWARE_MODULE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.4");
const HARDWARE_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap(OID_HARDWARE_TYPE);
/// Key identifiers are 160 bits of SHA-256 (RFC 7093, method 1).
const KEY_ID_BYTES: usize = 20;
/// Address and mask that cover every IPv4 and every IPv6 address.
const ALL_ADDRESSES: [&[u8]; 2] = [&[0; 8], &[0; 32]];

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// An authority; `subtree` is the DNS subtree everything below it must lie in, `quota` what a
    /// station may issue.
    Authority {
        path_len: Option<u8>,
        subtree: Option<String>,
        quota: Option<Quota>,
    },
    /// A thing that connects to gateways.
    Thing {
        code: Code,
        names: Names,
        class: AssuranceClass,
    },
    /// A server that things connect to.
    Server { names: Vec<ServerName> },
}

/// `CN` and `serialNumber`. Both are made of letters, digits, spaces, dots and hyphens only, so
/// that nothing needs escaping.
pub(crate) fn subject(common_name: &str, code: &Code) -> der::Result<Name> {
    format!("serialNumber={code},CN={common_name}").parse()
}

pub(crate) fn key_id(spki: SubjectPublicKeyInfoRef<'_>) -> der::Result<OctetString> {
    let digest = Sha256::digest(spki.subject_public_key.raw_bytes());
    let id: Vec<u8> = digest.into_iter().take(KEY_ID_BYTES).collect();
    OctetString::new(id)
}

impl Profile {
    pub(crate) fn is_authority(&self) -> bool {
        matches!(self, Self::Authority { .. })
    }

    pub(crate) fn basic_constraints(&self) -> BasicConstraints {
        match self {
            Self::Authority { path_len, .. } => BasicConstraints {
                ca: true,
                path_len_constraint: *path_len,
            },
            _ => BasicConstraints {
                ca: false,
                path_len_constraint: None,
            },
        }
    }

    pub(crate) fn key_usage(&self) -> KeyUsage {
        match self {
            Self::Authority { .. } => KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            _ => KeyUsage(FlagSet::from(KeyUsages::DigitalSignature)),
        }
    }

    pub(crate) fn extended_key_usage(&self) -> Option<ExtendedKeyUsage> {
        match self {
            Self::Authority { .. } => None,
            Self::Thing { .. } => Some(ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH])),
            // A gateway is a client of other gateways, too.
            Self::Server { .. } => {
                Some(ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]))
            }
        }
    }

    pub(crate) fn alternative_names(&self) -> der::Result<Option<SubjectAltName>> {
        let names = match self {
            Self::Authority { .. } => return Ok(None),
            Self::Thing { code, names, .. } => vec![
                GeneralName::DnsName(Ia5String::new(&names.dns_name(code))?),
                GeneralName::UniformResourceIdentifier(Ia5String::new(&names.uri(code))?),
                GeneralName::OtherName(hardware_module(code)?),
            ],
            Self::Server { names } => names
                .iter()
                .map(|name| match name {
                    ServerName::Dns(name) => Ia5String::new(name).map(GeneralName::DnsName),
                    ServerName::Ip(ip) => Ok(GeneralName::from(*ip)),
                })
                .collect::<der::Result<_>>()?,
        };
        Ok(Some(SubjectAltName(names)))
    }

    pub(crate) fn name_constraints(&self) -> der::Result<Option<NameConstraints>> {
        let Self::Authority {
            subtree: Some(subtree),
            ..
        } = self
        else {
            return Ok(None);
        };
        let permitted = vec![within(GeneralName::DnsName(Ia5String::new(subtree)?))];
        let excluded = ALL_ADDRESSES
            .into_iter()
            .map(|all| OctetString::new(all).map(|all| within(GeneralName::IpAddress(all))))
            .collect::<der::Result<_>>()?;
        Ok(Some(NameConstraints {
            permitted_subtrees: Some(permitted),
            excluded_subtrees: Some(excluded),
        }))
    }

    pub(crate) fn assurance_class(&self) -> Option<AssuranceClass> {
        match self {
            Self::Thing { class, .. } => Some(*class),
            _ => None,
        }
    }

    pub(crate) fn quota(&self) -> Option<QuotaForm> {
        match self {
            Self::Authority { quota, .. } => quota.as_ref().map(Quota::form),
            _ => None,
        }
    }
}

fn within(base: GeneralName) -> GeneralSubtree {
    GeneralSubtree {
        base,
        minimum: 0,
        maximum: None,
    }
}

/// RFC 4108: which hardware this is. Our hardware type says "named by a code".
#[derive(Sequence)]
struct HardwareModuleName {
    hardware_type: ObjectIdentifier,
    serial: OctetString,
}

fn hardware_module(code: &Code) -> der::Result<OtherName> {
    let name = HardwareModuleName {
        hardware_type: HARDWARE_TYPE,
        serial: OctetString::new(code.as_bytes().as_slice())?,
    };
    Ok(OtherName {
        type_id: HARDWARE_MODULE_NAME,
        value: Any::encode_from(&name)?,
    })
}

/// One certificate to be: a profile between two names.
pub(crate) struct Form {
    pub(crate) issuer: Name,
    pub(crate) subject: Name,
    pub(crate) profile: Profile,
}

impl BuilderProfile for Form {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        subject_key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut all = Vec::new();
        let mut add = |extension: der::Result<Extension>| extension.map(|e| all.push(e));
        let (subject, profile) = (&self.subject, &self.profile);
        let authority_key = AuthorityKeyIdentifier {
            key_identifier: Some(key_id(issuer_key)?),
            ..AuthorityKeyIdentifier::default()
        };
        add((&authority_key).to_extension(subject, &[]))?;
        add((&SubjectKeyIdentifier(key_id(subject_key)?)).to_extension(subject, &[]))?;
        add((&profile.basic_constraints()).to_extension(subject, &[]))?;
        add((&profile.key_usage()).to_extension(subject, &[]))?;
        if let Some(usage) = profile.extended_key_usage() {
            add((&usage).to_extension(subject, &[]))?;
        }
        if let Some(names) = profile.alternative_names()? {
            add((&names).to_extension(subject, &[]))?;
        }
        if let Some(constraints) = profile.name_constraints()? {
            add((&constraints).to_extension(subject, &[]))?;
        }
        if let Some(class) = profile.assurance_class() {
            add((ASSURANCE_CLASS, false, &(class as u8)).to_extension(subject, &[]))?;
        }
        if let Some(quota) = profile.quota() {
            add((QUOTA, false, &quota).to_extension(subject, &[]))?;
        }
        Ok(all)
    }
}

/// The key as certificates carry it, in its one spelling.
pub(crate) fn p256_spki(
    key: &p256::ecdsa::VerifyingKey,
) -> spki::Result<SubjectPublicKeyInfoOwned> {
    SubjectPublicKeyInfoOwned::from_key(key)
}

/// The key in its compressed form; `None` when it is of another algorithm or spelling.
pub(crate) fn p256_public(spki: &SubjectPublicKeyInfoOwned) -> Option<PublicKey> {
    let key = VerifyingKey::from_public_key_der(&spki_der(spki).ok()?).ok()?;
    PublicKey::from_slice(Algorithm::P256, key.to_sec1_point(true).as_bytes())
}

/// The DER that a code commits to.
pub(crate) fn spki_der(spki: &SubjectPublicKeyInfoOwned) -> der::Result<Vec<u8>> {
    spki.to_der()
}
