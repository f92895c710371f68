//! An authority gone bad: signs whatever it likes with a real key.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_KP_SERVER_AUTH,
};
use der::asn1::{Ia5String, OctetString};
use der::{Decode, Encode};
use issuer::Authorities;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use std::path::Path;
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoRef;

pub struct Authority {
    certificate: Certificate,
    key: SigningKey,
}

struct Copied {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Copied {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

impl Authority {
    /// Takes the gateway's key out of the folder, as a thief would.
    pub fn stolen(folder: &Path, authorities: &Authorities) -> Self {
        let pem = std::fs::read(folder.join("gateway/ca.key.pem")).unwrap();
        let (_, der) = der::pem::decode_vec(&pem).unwrap();
        let key = SigningKey::from_pkcs8_der(&der).unwrap();
        Self::of_thing(authorities.gateway.certificate(), key)
    }

    /// A thing that holds a CA certificate.
    pub fn of_thing(certificate: &[u8], key: SigningKey) -> Self {
        Self {
            certificate: Certificate::from_der(certificate).unwrap(),
            key,
        }
    }

    /// Signs `like` again, with other extensions.
    pub fn forge(&self, like: &[u8], change: impl FnOnce(&mut Vec<Extension>)) -> Vec<u8> {
        let like = Certificate::from_der(like).unwrap();
        let like = like.tbs_certificate();
        let mut extensions = like.extensions().unwrap().clone();
        self.relink(&mut extensions);
        change(&mut extensions);
        let profile = Copied {
            issuer: self.certificate.tbs_certificate().subject().clone(),
            subject: like.subject().clone(),
            extensions,
        };
        let builder = CertificateBuilder::new(
            profile,
            like.serial_number().clone(),
            *like.validity(),
            like.subject_public_key_info().clone(),
        );
        let forged = builder.unwrap().build::<_, DerSignature>(&self.key);
        forged.unwrap().to_der().unwrap()
    }

    fn relink(&self, extensions: &mut Vec<Extension>) {
        let tbs = self.certificate.tbs_certificate();
        let (_, id) = tbs
            .get_extension::<SubjectKeyIdentifier>()
            .unwrap()
            .unwrap();
        let above = AuthorityKeyIdentifier {
            key_identifier: Some(id.0),
            ..AuthorityKeyIdentifier::default()
        };
        replace(
            extensions,
            ID_CE_AUTHORITY_KEY_IDENTIFIER,
            extension(&above),
        );
    }

    /// Signs `like` again, with other names.
    pub fn renamed(&self, like: &[u8], names: &[GeneralName]) -> Vec<u8> {
        let names = SubjectAltName(names.to_vec());
        self.forge(like, |extensions| {
            replace(extensions, ID_CE_SUBJECT_ALT_NAME, extension(&names));
        })
    }
}

fn extension<T>(value: &T) -> Extension
where
    for<'a> &'a T: ToExtension<Error = der::Error>,
{
    // A subject that is not empty: then alternative names are not critical.
    value.to_extension(&"CN=x".parse().unwrap(), &[]).unwrap()
}

fn replace(extensions: &mut Vec<Extension>, which: ObjectIdentifier, with: Extension) {
    extensions.retain(|extension| extension.extn_id != which);
    extensions.push(with);
}

pub fn dns(name: &str) -> GeneralName {
    GeneralName::DnsName(Ia5String::new(name).unwrap())
}

pub fn server_usage() -> Extension {
    extension(&ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH]))
}

pub fn unknown_critical() -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.99"),
        critical: true,
        extn_value: OctetString::new(vec![5, 0]).unwrap(),
    }
}

/// Makes an authority of it.
pub fn promote(extensions: &mut Vec<Extension>) {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: None,
    };
    replace(extensions, ID_CE_BASIC_CONSTRAINTS, extension(&constraints));
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    replace(extensions, ID_CE_KEY_USAGE, extension(&usage));
}
