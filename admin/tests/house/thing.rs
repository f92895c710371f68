//! Things with keys: requests for a code, and payments signed by hand.

use super::{amount, network, usd};
use der::asn1::OctetString;
use der::oid::{AssociatedOid, ObjectIdentifier};
use der::{Encode, EncodeValue, FixedTag, Length, Tag, Writer};
use ledger::{Evidence, Ledger, Owned, Released};
use p256::ecdsa::{DerSignature, SigningKey};
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::enrol::{OID_WALLET_PROOF, WALLET_PROOF_MAX, WalletProof};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{Allowance, Object, Payment, Receipt, RefundRequest, Renewal, Text};
use protocol::stream::{Chain, Stream};
use protocol::{
    Code, Digest, KeyEpoch, Odometer, PublicKey, Reference, Sequence, Signer as _, Status,
    Timestamp,
};
use x509_cert::builder::Builder as _;
use x509_cert::request::RequestBuilder;
use x509_cert::request::attributes::AsAttribute;

/// The two keys of a thing.
pub struct Keys {
    transport: SigningKey,
    pub wallet: SoftwareKey,
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

impl Keys {
    pub fn new(seed: u8) -> Self {
        Self {
            transport: SigningKey::from_slice(&[seed; 32]).unwrap(),
            wallet: SoftwareKey::ed25519(&[seed; 32]),
        }
    }

    /// The same thing with another wallet key.
    pub fn with_wallet(transport: u8, wallet: u8) -> Self {
        Self {
            wallet: SoftwareKey::ed25519(&[wallet; 32]),
            ..Self::new(transport)
        }
    }

    /// PKCS#10, DER.
    pub fn request(&self) -> Vec<u8> {
        let key = spki::SubjectPublicKeyInfoOwned::from_key(self.transport.verifying_key());
        let spki = key.unwrap().to_der().unwrap();
        let proof = WalletProof::make(&network(), &spki, &self.wallet).unwrap();
        let mut bytes = [0; WALLET_PROOF_MAX];
        let len = proof.write(&mut bytes);
        let attribute = ProofAttribute(OctetString::new(&bytes[..len]).unwrap());
        let mut builder = RequestBuilder::new("CN=something".parse().unwrap()).unwrap();
        builder.add_attribute(&attribute).unwrap();
        let request = builder.build::<_, DerSignature>(&self.transport).unwrap();
        request.to_der().unwrap()
    }

    pub fn request_pem(&self) -> String {
        pem_of(&self.request())
    }
}

/// A request as text.
pub fn pem_of(request: &[u8]) -> String {
    let document = der::Document::try_from(request).unwrap();
    document
        .to_pem("CERTIFICATE REQUEST", der::pem::LineEnding::LF)
        .unwrap()
}

/// The last value of every stream here.
const SEED: Digest = Digest([9; 32]);

/// The value that releases so many units of a stream.
pub fn released(evidence: &Evidence, units: u32) -> Released {
    let payment = evidence.payment();
    let count = payment.get().stream.unwrap().count;
    let value = Chain::of(payment.get()).down(SEED, count - units);
    Released::check(payment, None, units, value).unwrap()
}

/// A thing with a code and a purse that signs whatever it is told to.
pub struct Thing {
    pub code: Code,
    keys: Keys,
    gateway_key: PublicKey,
    sequence: Sequence,
    head: Reference,
    odometer: Odometer,
    allowance: Vec<u8>,
}

fn sealed<T: Object>(object: &T, key: &SoftwareKey) -> (Vec<u8>, Digest) {
    let mut bytes = vec![0; SIGNED_MAX];
    let (len, id) = seal(object, &network(), key, &mut bytes).unwrap();
    bytes.truncate(len);
    (bytes, id)
}

impl Thing {
    pub fn new(keys: Keys, code: Code, gateway_key: PublicKey) -> Self {
        Self {
            code,
            keys,
            gateway_key,
            sequence: Sequence(0),
            head: Reference::default(),
            odometer: Odometer::ZERO,
            allowance: Vec::new(),
        }
    }

    /// Asks for an allowance.
    pub async fn renew(&mut self, ledger: &Ledger, wanted: u64, now: Timestamp) -> Allowance {
        let renewal = Renewal {
            code: self.code,
            key_epoch: KeyEpoch(1),
            currency: usd(),
            sequence: self.sequence,
            head: self.head,
            odometer: self.odometer,
            wanted: amount(wanted),
            time: now,
            lost: None,
        };
        let (bytes, _) = sealed(&renewal, &self.keys.wallet);
        let key = self.keys.wallet.public_key();
        let renewal = open::<Renewal>(&bytes, &network())
            .unwrap()
            .verify(&key)
            .unwrap();
        let grant = ledger.renew(Owned::from(renewal), now).await.unwrap();
        let Message::Grant { allowance } = Message::read(&grant.message).unwrap() else {
            panic!("not a grant");
        };
        self.allowance = allowance.to_vec();
        *open::<Allowance>(allowance, &network()).unwrap().peek()
    }

    /// Signs a payment; `forked` leaves the purse as if it had not.
    pub fn pay(&mut self, payee: &Code, minor: u64, reference: &str, forked: bool) -> Evidence {
        self.sign(payee, minor, reference, forked, None)
    }

    /// Signs a payment by the unit, whose last value is [`SEED`].
    pub fn stream(&mut self, payee: &Code, unit: u64, count: u32, reference: &str) -> Evidence {
        let chain = Chain::new(&self.code, KeyEpoch(1), self.sequence.next().unwrap());
        let terms = Stream {
            unit: amount(unit),
            count,
            anchor: chain.down(SEED, count),
        };
        let minor = unit * u64::from(count);
        self.sign(payee, minor, reference, false, Some(terms))
    }

    fn sign(
        &mut self,
        payee: &Code,
        minor: u64,
        reference: &str,
        forked: bool,
        stream: Option<Stream>,
    ) -> Evidence {
        let allowance = open::<Allowance>(&self.allowance, &network()).unwrap();
        let allowance = allowance.verify(&self.gateway_key).unwrap();
        let mut text = [0; 16];
        text[..reference.len()].copy_from_slice(reference.as_bytes());
        let payment = Payment {
            payer: self.code,
            key_epoch: KeyEpoch(1),
            sequence: self.sequence.next().unwrap(),
            previous: self.head,
            payee: *payee,
            currency: usd(),
            amount: amount(minor),
            odometer: self.odometer.advance(amount(minor)).unwrap(),
            allowance: allowance.reference(),
            settle_by: allowance.get().expires,
            reference: Reference(text),
            stream,
            covers: None,
            covers_for: None,
        };
        let (bytes, id) = sealed(&payment, &self.keys.wallet);
        if !forked {
            self.sequence = payment.sequence;
            self.head = id.reference();
            self.odometer = payment.odometer;
        }
        let key = allowance.get().wallet_key;
        let payment = open::<Payment>(&bytes, &network())
            .unwrap()
            .verify(&key)
            .unwrap();
        Evidence::new(&allowance, &payment).unwrap()
    }

    /// Asks for the money of a payment back.
    pub fn ask_back(&self, payment: Digest, words: &str, now: Timestamp) -> Owned<RefundRequest> {
        let request = RefundRequest {
            payer: self.code,
            payment,
            words: Text::new(words).unwrap(),
            time: now,
        };
        let (bytes, _) = sealed(&request, &self.keys.wallet);
        let key = self.keys.wallet.public_key();
        let request = open::<RefundRequest>(&bytes, &network()).unwrap();
        Owned::from(request.verify(&key).unwrap())
    }

    /// Signs a receipt.
    pub fn receipt(&self, evidence: &Evidence, now: Timestamp) -> Owned<Receipt> {
        self.receipt_saying(evidence, None, None, now)
    }

    /// Signs that it declines, or how many units it took.
    pub fn receipt_saying(
        &self,
        evidence: &Evidence,
        declined: Option<Status>,
        units: Option<u32>,
        now: Timestamp,
    ) -> Owned<Receipt> {
        let receipt = Receipt {
            payee: self.code,
            payment: evidence.payment().id(),
            time: now,
            declined: declined.map(|status| status as u32),
            units,
        };
        let (bytes, _) = sealed(&receipt, &self.keys.wallet);
        let key = self.keys.wallet.public_key();
        Owned::from(
            open::<Receipt>(&bytes, &network())
                .unwrap()
                .verify(&key)
                .unwrap(),
        )
    }
}
