//! Authorities and things from seeds.

use der::Encode;
use der::asn1::OctetString;
use der::oid::AssociatedOid;
use der::{EncodeValue, FixedTag, Length, Tag, Writer};
use issuer::{
    Authorities, CheckedRequest, IssueOrder, Names, Plan, RandomFailed, ServerIdentity, ServerName,
    ServerOrder,
};
use p256::ecdsa::{DerSignature, SigningKey};
use protocol::enrol::{OID_WALLET_PROOF, WALLET_PROOF_MAX, WalletProof};
use protocol::keys::SoftwareKey;
use protocol::objects::Rights;
use protocol::{AssuranceClass, Code, Kind, Network, Signer, Timestamp};
use spki::ObjectIdentifier;
use x509_cert::builder::Builder;
use x509_cert::request::RequestBuilder;
use x509_cert::request::attributes::AsAttribute;

const YEAR_S: u32 = 31_536_000;

/// Something with a code, a certificate and its key.
pub(in crate::coap) struct Thing {
    pub(in crate::coap) code: Code,
    pub(in crate::coap) certificate: Vec<u8>,
    /// SEC 1, DER.
    pub(in crate::coap) key: Vec<u8>,
}

fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(u32::try_from(since.as_secs()).unwrap())
}

fn network() -> Network {
    Network::new("test").unwrap()
}

fn counter(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), RandomFailed> {
    let mut next = 0;
    move |out: &mut [u8]| {
        next += 1;
        out.fill(next);
        out[0] = seed;
        Ok(())
    }
}

pub(in crate::coap) fn authorities() -> Authorities {
    made_from(1)
}

/// Another house altogether.
pub(in crate::coap) fn strangers() -> Authorities {
    made_from(2)
}

fn made_from(seed: u8) -> Authorities {
    let names = Names::new("onecode.internal", "localhost:8080").unwrap();
    let plan = Plan::new(network(), names, 30 * 86_400);
    Authorities::create(&plan, now(), &mut counter(seed)).unwrap()
}

pub(in crate::coap) fn server(authorities: &Authorities) -> ServerIdentity {
    let secret = [77; 32];
    let order = ServerOrder {
        serial: [9; 16],
        issued: now(),
        not_after: now().plus_s(YEAR_S),
        code: authorities.gateway.code(),
        names: ["localhost", "127.0.0.1"]
            .map(|name| ServerName::parse(name).unwrap())
            .to_vec(),
    };
    let key = SoftwareKey::p256(&secret).unwrap().public_key();
    let leaf = authorities.issuer.issue_server(&order, &key).unwrap();
    ServerIdentity {
        chain: vec![leaf, authorities.issuer.certificate().to_vec()],
        key: sec1(&secret).into(),
        not_after: order.not_after,
    }
}

pub(in crate::coap) fn thing(authorities: &Authorities, sequence: u8) -> Thing {
    thing_until(authorities, sequence, now().plus_s(YEAR_S))
}

pub(in crate::coap) fn thing_until(
    authorities: &Authorities,
    sequence: u8,
    not_after: Timestamp,
) -> Thing {
    let secret = [sequence.wrapping_add(100); 32];
    let transport = SigningKey::from_slice(&secret).unwrap();
    let wallet = SoftwareKey::ed25519(&secret);
    let order = IssueOrder {
        sequence: u64::from(sequence),
        serial: [sequence; 16],
        issued: now(),
        not_after,
        kind: Kind::Device,
        class: AssuranceClass::Software,
        rights: Rights::PAY.and(Rights::ACCEPT),
    };
    let request = CheckedRequest::read(&request(&transport, &wallet), &network()).unwrap();
    let issued = authorities.gateway.issue_device(&order, &request).unwrap();
    Thing {
        code: issued.code,
        certificate: issued.certificate,
        key: sec1(&secret),
    }
}

fn request(transport: &SigningKey, wallet: &SoftwareKey) -> Vec<u8> {
    let spki = spki::SubjectPublicKeyInfoOwned::from_key(transport.verifying_key()).unwrap();
    let proof = WalletProof::make(&network(), &spki.to_der().unwrap(), wallet).unwrap();
    let mut bytes = [0; WALLET_PROOF_MAX];
    let length = proof.write(&mut bytes);
    let mut builder = RequestBuilder::new("CN=something".parse().unwrap()).unwrap();
    let attribute = ProofAttribute(OctetString::new(&bytes[..length]).unwrap());
    builder.add_attribute(&attribute).unwrap();
    let request = builder.build::<_, DerSignature>(transport).unwrap();
    request.to_der().unwrap()
}

/// ECPrivateKey of RFC 5915 for P-256.
fn sec1(secret: &[u8; 32]) -> Vec<u8> {
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend_from_slice(secret);
    der.extend_from_slice(&[0xa0, 0x0a, 0x06, 0x08]);
    der.extend_from_slice(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    der
}

struct ProofAttribute(OctetString);

impl AssociatedOid for ProofAttribute {
    const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap(OID_WALLET_PROOF);
}

impl FixedTag for ProofAttribute {
    const TAG: Tag = Tag::OctetString;
}

impl EncodeValue for ProofAttribute {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, to: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(to)
    }
}

impl AsAttribute for ProofAttribute {}
