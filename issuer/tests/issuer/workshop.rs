//! Authorities, things and their requests, all from seeds.

use der::asn1::OctetString;
use der::oid::AssociatedOid;
use der::{Encode, EncodeValue, FixedTag, Length, Tag, Writer};
use issuer::{
    Authorities, CheckedRequest, IssueOrder, Issued, Names, Plan, RandomFailed, ServerName,
    ServerOrder,
};
use p256::ecdsa::DerSignature;
use protocol::enrol::{WALLET_PROOF_MAX, WalletProof};
use protocol::keys::SoftwareKey;
use protocol::objects::Rights;
use protocol::{AssuranceClass, Kind, Network, Signer, Timestamp};
use spki::ObjectIdentifier;
use x509_cert::builder::Builder;
use x509_cert::request::RequestBuilder;
use x509_cert::request::attributes::AsAttribute;

/// 2026-11-22T12:00Z.
pub const NOW: Timestamp = Timestamp(1_795_348_800);
pub const YEAR_S: u32 = 31_536_000;
pub const GRACE_S: u32 = 30 * 86_400;

pub fn network() -> Network {
    Network::new("test").unwrap()
}

pub fn plan() -> Plan {
    let names = Names::new("onecode.internal", "localhost:8080").unwrap();
    Plan::new(network(), names, GRACE_S)
}

/// A counter in place of randomness.
pub fn counter(seed: u8) -> impl FnMut(&mut [u8]) -> Result<(), RandomFailed> {
    let mut next = 0;
    move |out: &mut [u8]| {
        next += 1;
        out.fill(next);
        out[0] = seed;
        Ok(())
    }
}

pub fn authorities() -> Authorities {
    Authorities::create(&plan(), NOW, &mut counter(1)).unwrap()
}

/// Something that wants a code.
pub struct Thing {
    pub transport: p256::ecdsa::SigningKey,
    pub wallet: SoftwareKey,
}

pub fn thing(seed: u8) -> Thing {
    Thing {
        transport: p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap(),
        wallet: SoftwareKey::ed25519(&[seed; 32]),
    }
}

/// The attribute with the wallet proof, or any octets in its place.
pub struct ProofAttribute(pub OctetString);

impl ProofAttribute {
    pub fn new(bytes: &[u8]) -> Self {
        Self(OctetString::new(bytes).unwrap())
    }
}

impl AssociatedOid for ProofAttribute {
    const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap(protocol::enrol::OID_WALLET_PROOF);
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

impl Thing {
    pub fn spki(&self) -> Vec<u8> {
        spki::SubjectPublicKeyInfoOwned::from_key(self.transport.verifying_key())
            .unwrap()
            .to_der()
            .unwrap()
    }

    pub fn proof(&self, network: &Network) -> Vec<u8> {
        proof(&self.wallet, network, &self.spki())
    }

    /// A good request.
    pub fn request(&self) -> Vec<u8> {
        self.request_with(|builder| {
            let proof = self.proof(&network());
            builder.add_attribute(&ProofAttribute::new(&proof)).unwrap();
        })
    }

    /// A request with whatever `fill` puts into it.
    pub fn request_with(&self, fill: impl FnOnce(&mut RequestBuilder)) -> Vec<u8> {
        let mut builder = RequestBuilder::new("CN=something".parse().unwrap()).unwrap();
        fill(&mut builder);
        let request = builder.build::<_, DerSignature>(&self.transport).unwrap();
        request.to_der().unwrap()
    }

    pub fn checked(&self) -> CheckedRequest {
        CheckedRequest::read(&self.request(), &network()).unwrap()
    }
}

pub fn proof<S: Signer>(wallet: &S, network: &Network, spki: &[u8]) -> Vec<u8> {
    let proof = WalletProof::make(network, spki, wallet).unwrap();
    let mut bytes = [0; WALLET_PROOF_MAX];
    let len = proof.write(&mut bytes);
    bytes[..len].to_vec()
}

pub fn order(sequence: u64) -> IssueOrder {
    let mut serial = [0xa5; 16];
    serial[8..].copy_from_slice(&sequence.to_be_bytes());
    IssueOrder {
        sequence,
        serial,
        issued: NOW,
        not_after: NOW.plus_s(YEAR_S),
        kind: Kind::Device,
        class: AssuranceClass::Software,
        rights: Rights::PAY.and(Rights::ACCEPT),
    }
}

pub fn issue(authorities: &Authorities, sequence: u64) -> Issued {
    let request = thing(sequence as u8 + 100).checked();
    authorities
        .gateway
        .issue_device(&order(sequence), &request)
        .unwrap()
}

pub fn server_order(authorities: &Authorities) -> ServerOrder {
    ServerOrder {
        serial: [9; 16],
        issued: NOW,
        not_after: NOW.plus_s(YEAR_S),
        code: authorities.gateway.code(),
        names: ["localhost", "127.0.0.1", "::1", "gate.example"]
            .map(|name| ServerName::parse(name).unwrap())
            .to_vec(),
    }
}

pub fn server(authorities: &Authorities) -> Vec<u8> {
    let key = SoftwareKey::p256(&[77; 32]).unwrap();
    authorities
        .issuer
        .issue_server(&server_order(authorities), &key.public_key())
        .unwrap()
}
