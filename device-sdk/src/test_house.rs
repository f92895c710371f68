//! Authorities for tests: a root, an issuer and a gateway, each with its two keys, all from seeds.

use der::asn1::{Ia5String, OctetString, UtcTime};
use der::flagset::FlagSet;
use der::{Decode, Encode};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::enrol::{OID_WALLET_PROOF, WalletProof};
use protocol::keys::SoftwareKey;
use protocol::objects::{Confirmation, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::{AssuranceClass, Code, Kind, Network, PublicKey, Signer, Timestamp};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result as Built};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::request::CertReq;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

/// 2026-11-22T12:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_348_800);
const YEARS_S: u32 = 10 * 365 * 86_400;

pub(crate) struct Authority {
    pub(crate) code: Code,
    ca: SigningKey,
    name: Name,
    pub(crate) certificate: Vec<u8>,
    pass_key: SoftwareKey,
    pub(crate) pass: Vec<u8>,
}

pub(crate) struct House {
    pub(crate) network: Network,
    pub(crate) root: Authority,
    pub(crate) issuer: Authority,
    pub(crate) gateway: Authority,
    pub(crate) station: Authority,
}

pub(crate) struct Issued {
    pub(crate) code: Code,
    pub(crate) certificate: Vec<u8>,
    pub(crate) pass: Vec<u8>,
}

impl House {
    pub(crate) fn new(seed: u8) -> Self {
        let network = Network::new("test").unwrap();
        let things = Rights::PAY.and(Rights::ACCEPT);
        let settles = things.and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let gateways = settles.and(Rights::ISSUE_MONEY);
        let root = Authority::new(&network, None, seed, Kind::Issuer, 0, gateways);
        let issuer = Authority::new(&network, Some(&root), seed + 1, Kind::Issuer, 1, gateways);
        let gateway = Authority::new(
            &network,
            Some(&issuer),
            seed + 2,
            Kind::Gateway,
            2,
            gateways,
        );
        let makes = things
            .and(Rights::ISSUE_CODES)
            .and(Rights::kind(Kind::Device));
        let station = Authority::new(&network, Some(&issuer), seed + 3, Kind::Issuer, 16, makes);
        Self {
            network,
            root,
            issuer,
            gateway,
            station,
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::new(self.network, self.root.pass_key.public_key())
    }

    /// What a gateway makes of a request.
    pub(crate) fn issue(&self, request: &[u8], sequence: u64) -> Issued {
        self.issued_by((&self.gateway, 1), request, sequence)
    }

    /// The eight parts that its station puts into a thing.
    pub(crate) fn parts(&self, request: &[u8], sequence: u64) -> Vec<(&'static str, Vec<u8>)> {
        let made = self.issued_by((&self.station, 2), request, sequence);
        let key = self.root.pass_key.public_key();
        vec![
            ("root-key", key.as_bytes().to_vec()),
            ("root.der", self.root.certificate.clone()),
            ("issuer.der", self.issuer.certificate.clone()),
            ("station.der", self.station.certificate.clone()),
            ("certificate.der", made.certificate),
            ("issuer.pass", self.issuer.pass.clone()),
            ("station.pass", self.station.pass.clone()),
            ("pass", made.pass),
        ]
    }

    fn issued_by(&self, by: (&Authority, u16), request: &[u8], sequence: u64) -> Issued {
        let (signer, station) = by;
        let request = CertReq::from_der(request).unwrap();
        let spki = request.info.public_key.to_der().unwrap();
        let attribute = request.info.attributes.get(0).unwrap();
        assert_eq!(attribute.oid.to_string(), OID_WALLET_PROOF);
        let proof: OctetString = attribute.values.get(0).unwrap().decode_as().unwrap();
        let proof = WalletProof::read(proof.as_bytes()).unwrap();
        proof.verify(&self.network, &spki).unwrap();
        let by = IssuedBy { issuer: 1, station };
        let code = Code::derive(Kind::Device, by, sequence, &spki).unwrap();
        let profile = Profile {
            issuer: signer.name.clone(),
            subject: format!("serialNumber={code},CN={code}").parse().unwrap(),
            path_len: None,
            names: vec![GeneralName::DnsName(
                Ia5String::new(&format!("{code}.{station}.1.onecode.internal").to_lowercase())
                    .unwrap(),
            )],
        };
        let rights = Rights::PAY.and(Rights::ACCEPT);
        Issued {
            code,
            certificate: sign(profile, &spki, sequence + 100, &signer.ca),
            pass: signer.give(&self.network, code, proof.key, rights, None),
        }
    }

    /// Certificate chain and key of a TLS server at 127.0.0.1 and localhost.
    pub(crate) fn server(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = SigningKey::from_slice(&[99; 32]).unwrap();
        let profile = Profile {
            issuer: self.issuer.name.clone(),
            subject: "CN=server".parse().unwrap(),
            path_len: None,
            names: vec![
                GeneralName::DnsName(Ia5String::new("localhost").unwrap()),
                GeneralName::IpAddress(OctetString::new([127, 0, 0, 1]).unwrap()),
            ],
        };
        let certificate = sign(profile, &spki_of(&key), 9, &self.issuer.ca);
        let chain = vec![certificate.into(), self.issuer.certificate.clone().into()];
        let key = key.to_pkcs8_der().unwrap().as_bytes().to_vec();
        (chain, PrivatePkcs8KeyDer::from(key).into())
    }
}

impl Authority {
    fn new(
        network: &Network,
        by: Option<&Self>,
        seed: u8,
        kind: Kind,
        sequence: u64,
        rights: Rights,
    ) -> Self {
        let ca = SigningKey::from_slice(&[seed; 32]).unwrap();
        let pass_key = SoftwareKey::ed25519(&[seed; 32]);
        let spki = spki_of(&ca);
        let at = IssuedBy {
            issuer: 1,
            station: 0,
        };
        let code = Code::derive(kind, at, sequence, &spki).unwrap();
        let name: Name = format!("CN=authority {sequence}").parse().unwrap();
        let profile = Profile {
            issuer: by.map_or(&name, |by| &by.name).clone(),
            subject: name.clone(),
            path_len: Some(2_u8.saturating_sub(sequence as u8)),
            names: vec![],
        };
        let certificate = sign(profile, &spki, sequence + 1, by.map_or(&ca, |by| &by.ca));
        let station = match sequence {
            2 => Some(1),
            16 => Some(2),
            _ => None,
        };
        let pass = by.map_or(vec![], |by| {
            by.give(network, code, pass_key.public_key(), rights, station)
        });
        Self {
            code,
            ca,
            name,
            certificate,
            pass_key,
            pass,
        }
    }

    fn give(
        &self,
        network: &Network,
        subject: Code,
        key: PublicKey,
        rights: Rights,
        station: Option<u32>,
    ) -> Vec<u8> {
        let pass = Pass {
            issuer: Party(self.code),
            subject: Party(subject),
            expires: NOW.plus_s(YEARS_S),
            issued: NOW,
            key: Confirmation(key),
            class: AssuranceClass::Software,
            rights,
            grace_s: station.map(|_| 86_400),
            station,
            first_sequence: station.map(|_| 1),
            last_sequence: station.map(|_| 1_000),
        };
        let mut out = [0; SIGNED_MAX];
        let (len, _) = seal(&pass, network, &self.pass_key, &mut out).unwrap();
        out[..len].to_vec()
    }
}

struct Profile {
    issuer: Name,
    subject: Name,
    /// For an authority.
    path_len: Option<u8>,
    names: Vec<GeneralName>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        by: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> Built<Vec<Extension>> {
        let subject = tbs.subject();
        let by = AuthorityKeyIdentifier {
            key_identifier: Some(SubjectKeyIdentifier::try_from(by)?.0),
            ..AuthorityKeyIdentifier::default()
        };
        let constraints = BasicConstraints {
            ca: self.path_len.is_some(),
            path_len_constraint: self.path_len,
        };
        let usage = match self.path_len {
            Some(_) => KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            None => FlagSet::from(KeyUsages::DigitalSignature),
        };
        let mut extensions = vec![
            by.to_extension(subject, &[])?,
            SubjectKeyIdentifier::try_from(key)?.to_extension(subject, &[])?,
            constraints.to_extension(subject, &[])?,
            KeyUsage(usage).to_extension(subject, &[])?,
        ];
        if self.path_len.is_none() {
            let client = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
            let server = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
            let usage = ExtendedKeyUsage(vec![client, server]);
            extensions.push(usage.to_extension(subject, &[])?);
            extensions.push(SubjectAltName(self.names.clone()).to_extension(subject, &[])?);
        }
        Ok(extensions)
    }
}

fn spki_of(key: &SigningKey) -> Vec<u8> {
    key.verifying_key().to_public_key_der().unwrap().into_vec()
}

fn sign(profile: Profile, spki: &[u8], serial: u64, by: &SigningKey) -> Vec<u8> {
    let spki = SubjectPublicKeyInfoOwned::from_der(spki).unwrap();
    let at = |seconds: u32| {
        Time::from(UtcTime::from_unix_duration(Duration::from_secs(seconds.into())).unwrap())
    };
    let validity = Validity::new(at(NOW.0 - 86_400), at(NOW.0 + YEARS_S));
    let serial = SerialNumber::from(serial);
    let builder = CertificateBuilder::new(profile, serial, validity, spki).unwrap();
    let certificate: Certificate = builder.build::<_, DerSignature>(by).unwrap();
    certificate.to_der().unwrap()
}
