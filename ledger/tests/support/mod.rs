//! A small world with fixed keys: a gateway with its passes, and purses that sign by hand.

use ledger::bounds::CURRENCY_TERMS_MOST;
use ledger::{
    Answer, Bearings, ClassTerms, CoveredEvidence, Evidence, IssueRequest, Ledger, LoadOrder,
    NewThing, Owned, Policy, Released,
};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::covers::{Item, Items};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{
    Allowance, Confirmation, Object, Party, Pass, Payment, Receipt, RefundRequest, Renewal, Rights,
    Statement, Text,
};
use protocol::rules::Trust;
use protocol::stream::{Chain, Stream};
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, Digest, KeyEpoch, Kind, Network, Odometer,
    Reference, Sequence, Signer, Status, Timestamp,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod factory;
pub mod next_key;

pub const NOW: Timestamp = Timestamp(1_800_000_000);
pub const LIFE_S: u32 = 86_400;
pub const GRACE_S: u32 = 3_600;
pub const CLASS_LIMIT: u64 = 1_000_000;
pub const MOST_PER_PAYMENT: u64 = 500_000;
pub const MOST_PAYMENTS: u32 = 2_000;
/// The last value of every chain in these tests.
pub const SEED: Digest = Digest([9; 32]);

pub fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

pub fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

pub fn eur() -> Currency {
    Currency::new(1, *b"EUR").unwrap()
}

pub fn network() -> Network {
    Network::new("test").unwrap()
}

/// Everything a ledger is born with, the same in every run.
pub struct World {
    pub path: PathBuf,
    pub gateway: Code,
    pub gateway_key: Arc<SoftwareKey>,
    pub trust: Trust,
    issuer_pass: Vec<u8>,
    gateway_pass: Vec<u8>,
}

fn authority(sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 0,
    };
    let kind = if sequence == 2 {
        Kind::Gateway
    } else {
        Kind::Issuer
    };
    Code::derive(kind, by, sequence, &[sequence as u8; 91]).unwrap()
}

pub fn sealed<T: Object>(object: &T, key: &SoftwareKey) -> (Vec<u8>, Digest) {
    let mut bytes = vec![0; SIGNED_MAX];
    let (len, id) = seal(object, &network(), key, &mut bytes).unwrap();
    bytes.truncate(len);
    (bytes, id)
}

impl World {
    pub fn new(folder: &Path) -> Self {
        let keys = [1, 2, 3].map(|seed| SoftwareKey::ed25519(&[seed; 32]));
        let [root, issuer, gateway] = &keys;
        let pass = |by: u64, subject: u64, key: &SoftwareKey, rights: Rights| Pass {
            issuer: Party(authority(by)),
            subject: Party(authority(subject)),
            expires: NOW.plus_s(10 * LIFE_S),
            issued: NOW,
            key: Confirmation(key.public_key()),
            class: AssuranceClass::Software,
            rights,
            grace_s: None,
            station: None,
            first_sequence: None,
            last_sequence: None,
        };
        let rights = Rights::SETTLE.and(Rights::ISSUE_CODES);
        let issuer_pass = sealed(&pass(0, 1, issuer, rights), root).0;
        let gateway_pass = sealed(&pass(1, 2, gateway, rights), issuer).0;
        let trust = Trust::new(network(), root.public_key());
        Self {
            path: folder.join("ledger.db"),
            gateway: authority(2),
            gateway_key: Arc::new(SoftwareKey::ed25519(&[3; 32])),
            trust,
            issuer_pass,
            gateway_pass,
        }
    }

    pub fn bearings(&self) -> Bearings {
        Bearings {
            former_keys: Default::default(),
            network: network(),
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            signer: self.gateway_key.clone(),
            issuer_pass: self.issuer_pass.clone(),
            gateway_pass: self.gateway_pass.clone(),
            policy: Policy {
                usual: [ClassTerms {
                    hops: 3,
                    ..ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
                }; 3],
                currencies: [None; CURRENCY_TERMS_MOST],
                most_payments: MOST_PAYMENTS,
                allowance_life_s: LIFE_S,
                grace_s: GRACE_S,
            },
            upstream: None,
        }
    }

    pub async fn open(&self) -> Ledger {
        Ledger::open(&self.path, self.bearings()).await.unwrap()
    }

    /// What a statement in an answer says.
    pub fn statement(&self, message: &[u8]) -> Statement {
        let Message::Statement { statement } = Message::read(message).unwrap() else {
            panic!("not a statement");
        };
        let statement = open::<Statement>(statement, &network()).unwrap();
        *statement
            .verify(&self.gateway_key.public_key())
            .unwrap()
            .get()
    }

    /// What became of the payment, by the answer.
    pub fn outcome(&self, answer: &Answer) -> Status {
        Status::from_number(self.statement(&answer.message).outcome as u8).unwrap()
    }
}

/// A world with an open ledger and the usual currencies.
pub async fn house() -> (tempfile::TempDir, World, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let ledger = world.open().await;
    declare(&ledger).await;
    (folder, world, ledger)
}

pub async fn declare(ledger: &Ledger) {
    ledger
        .declare_currency(usd(), 6, "US dollar")
        .await
        .unwrap();
    ledger.declare_currency(eur(), 2, "euro").await.unwrap();
}

/// A purse that signs whatever it is told to, honest or not.
#[derive(Clone)]
pub struct Purse {
    pub code: Code,
    pub seed: u8,
    pub sequence: Sequence,
    pub head: Reference,
    pub odometers: BTreeMap<[u8; 6], Odometer>,
    pub allowances: BTreeMap<[u8; 6], Vec<u8>>,
    pub gateway_key: protocol::PublicKey,
}

/// What a payment says beside who gets how much.
#[derive(Default)]
struct Terms {
    stream: Option<Stream>,
    covers_for: Option<Reference>,
    covers: Vec<(Digest, u32)>,
}

/// Evidence with covers: each payment with the places of its covers.
pub fn covered(items: &[(&Signed, &[usize])]) -> Result<CoveredEvidence, Status> {
    covered_with(items, &vec![None; items.len()])
}

/// The same, with the units of streams that are shown.
pub fn covered_with(
    items: &[(&Signed, &[usize])],
    units: &[Option<u32>],
) -> Result<CoveredEvidence, Status> {
    let list: Vec<Item<'_>> = items
        .iter()
        .zip(units)
        .map(|((signed, covers), units)| Item {
            allowance: &signed.allowance,
            payment: &signed.payment,
            released: units.map(|units| (units, *signed.released(units).value())),
            covers: covers.iter().fold(0, |bits, place| bits | 1 << place),
        })
        .collect();
    let items = Items::new(&list).ok_or(Status::Malformed)?;
    let key = |_: &Code| Some(SoftwareKey::ed25519(&[3; 32]).public_key());
    CoveredEvidence::check(&items, &network(), key, |_, _| Ok(()))
}

/// A signed payment with the allowance it was made under.
#[derive(Clone)]
pub struct Signed {
    pub allowance: Vec<u8>,
    pub payment: Vec<u8>,
    pub id: Digest,
    pub gateway_key: protocol::PublicKey,
}

impl Signed {
    pub fn evidence(&self) -> Evidence {
        self.try_evidence().unwrap()
    }

    /// The value that releases so many units, checked from the anchor.
    pub fn released(&self, units: u32) -> Released {
        let evidence = self.evidence();
        let payment = evidence.payment();
        let count = payment.get().stream.unwrap().count;
        let value = Chain::of(payment.get()).down(SEED, count - units);
        Released::check(payment, None, units, value).unwrap()
    }

    pub fn try_evidence(&self) -> Result<Evidence, Status> {
        let allowance =
            open::<Allowance>(&self.allowance, &network())?.verify(&self.gateway_key)?;
        let key = allowance.get().wallet_key;
        let payment = open::<Payment>(&self.payment, &network())?.verify(&key)?;
        Evidence::new(&allowance, &payment)
    }
}

impl Purse {
    pub async fn register(ledger: &Ledger, world: &World, seed: u8) -> Self {
        let request = IssueRequest {
            secret_hash: None,
            request_hash: [seed; 32],
            kind: Kind::Device,
            name: format!("Thing {seed}"),
            by: "test".into(),
            serial: [seed; 16],
        };
        let reservation = ledger.begin_issue(request, NOW).await.unwrap();
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let spki = vec![seed; 91];
        let code = Code::derive(Kind::Device, by, reservation.sequence, &spki).unwrap();
        let purse = Self {
            code,
            seed,
            sequence: Sequence(0),
            head: Reference::default(),
            odometers: BTreeMap::new(),
            allowances: BTreeMap::new(),
            gateway_key: world.gateway_key.public_key(),
        };
        let thing = NewThing {
            sequence: reservation.sequence,
            code,
            kind: Kind::Device,
            name: reservation.name,
            product: "Charger".into(),
            transport_spki: spki,
            wallet_key: purse.key().public_key(),
            class: AssuranceClass::Software,
            certificate: vec![seed; 400],
            pass: vec![seed; 150],
        };
        // What was renewed since is not finished again: a gateway goes by `done`.
        let renewed = (reservation.done).is_some_and(|done| done.certificate != thing.certificate);
        if !renewed {
            ledger.finish_issue(thing, NOW).await.unwrap();
        }
        purse
    }

    pub fn key(&self) -> SoftwareKey {
        SoftwareKey::ed25519(&[self.seed; 32])
    }

    pub fn odometer(&self, currency: Currency) -> Odometer {
        let odometer = self.odometers.get(currency.as_bytes());
        odometer.copied().unwrap_or_default()
    }

    pub fn renewal(&self, currency: Currency, wanted: u64, time: Timestamp) -> Owned<Renewal> {
        self.signed_renewal(&Renewal {
            code: self.code,
            key_epoch: KeyEpoch(1),
            currency,
            sequence: self.sequence,
            head: self.head,
            odometer: self.odometer(currency),
            wanted: amount(wanted),
            time,
            lost: None,
        })
    }

    pub fn signed_renewal(&self, renewal: &Renewal) -> Owned<Renewal> {
        let (bytes, _) = sealed(renewal, &self.key());
        let open = open::<Renewal>(&bytes, &network()).unwrap();
        Owned::from(open.verify(&self.key().public_key()).unwrap())
    }

    /// Asks for the money of a payment back.
    pub fn ask_back(&self, payment: &Signed, words: &str) -> Owned<RefundRequest> {
        let request = RefundRequest {
            payer: self.code,
            payment: payment.id,
            words: Text::new(words).unwrap(),
            time: NOW,
        };
        let (bytes, _) = sealed(&request, &self.key());
        let open = open::<RefundRequest>(&bytes, &network()).unwrap();
        Owned::from(open.verify(&self.key().public_key()).unwrap())
    }

    pub fn take(&mut self, grant: &Answer) -> Allowance {
        let Message::Grant { allowance } = Message::read(&grant.message).unwrap() else {
            panic!("not a grant");
        };
        let signed = open::<Allowance>(allowance, &network()).unwrap();
        let given = *signed.verify(&self.gateway_key).unwrap().get();
        let key = *given.currency.as_bytes();
        self.allowances.insert(key, allowance.to_vec());
        given
    }

    pub async fn renew(&mut self, ledger: &Ledger, wanted: u64, now: Timestamp) -> Allowance {
        let renewal = self.renewal(usd(), wanted, now);
        let grant = ledger.renew(renewal, now).await.unwrap();
        self.take(&grant)
    }

    pub fn pay(&mut self, payee: &Code, minor: u64) -> Signed {
        self.pay_in(usd(), payee, minor)
    }

    pub fn pay_in(&mut self, currency: Currency, payee: &Code, minor: u64) -> Signed {
        self.pay_as(currency, payee, minor, Terms::default())
    }

    /// A payment that its payee may spend on under its newest allowance.
    pub fn pay_for(&mut self, payee: &Purse, minor: u64) -> Signed {
        self.pay_covered_for(payee, minor, &[])
    }

    /// The same, standing on covers.
    pub fn pay_covered_for(&mut self, payee: &Purse, minor: u64, covers: &[&Signed]) -> Signed {
        let terms = Terms {
            covers_for: payee.named(),
            covers: covers.iter().map(|cover| (cover.id, 0)).collect(),
            ..Terms::default()
        };
        self.pay_as(usd(), &payee.code, minor, terms)
    }

    /// A payment that stands on covers.
    pub fn pay_covered(&mut self, payee: &Code, minor: u64, covers: &[&Signed]) -> Signed {
        let covers: Vec<_> = covers.iter().map(|cover| (*cover, 0)).collect();
        self.pay_covered_by_units(payee, minor, &covers)
    }

    /// The same, where units of streams count.
    pub fn pay_covered_by_units(
        &mut self,
        payee: &Code,
        minor: u64,
        covers: &[(&Signed, u32)],
    ) -> Signed {
        let terms = Terms {
            covers: covers
                .iter()
                .map(|(cover, units)| (cover.id, *units))
                .collect(),
            ..Terms::default()
        };
        self.pay_as(usd(), payee, minor, terms)
    }

    /// How a payment names this purse's newest allowance.
    pub fn named(&self) -> Option<Reference> {
        let bytes = self.allowances.get(usd().as_bytes())?;
        Some(
            open::<Allowance>(bytes, &network())
                .unwrap()
                .id()
                .reference(),
        )
    }

    /// A payment of `count` units whose last value is known to the test.
    pub fn stream(&mut self, payee: &Code, unit: u64, count: u32) -> Signed {
        self.stream_naming(payee, unit, count, None)
    }

    /// The same, which its payee may spend on.
    pub fn stream_for(&mut self, payee: &Purse, unit: u64, count: u32) -> Signed {
        self.stream_naming(&payee.code, unit, count, payee.named())
    }

    fn stream_naming(
        &mut self,
        payee: &Code,
        unit: u64,
        count: u32,
        covers_for: Option<Reference>,
    ) -> Signed {
        let chain = Chain::new(&self.code, KeyEpoch(1), self.sequence.next().unwrap());
        let terms = Stream {
            unit: amount(unit),
            count,
            anchor: chain.down(SEED, count),
        };
        let terms = Terms {
            stream: Some(terms),
            covers_for,
            ..Terms::default()
        };
        self.pay_as(usd(), payee, unit * u64::from(count), terms)
    }

    fn pay_as(&mut self, currency: Currency, payee: &Code, minor: u64, mut terms: Terms) -> Signed {
        let allowance = self.allowances[currency.as_bytes()].clone();
        let given = *open::<Allowance>(&allowance, &network()).unwrap().peek();
        let id = open::<Allowance>(&allowance, &network()).unwrap().id();
        let odometer = self.odometer(currency).advance(amount(minor)).unwrap();
        let payment = Payment {
            payer: self.code,
            key_epoch: KeyEpoch(1),
            sequence: self.sequence.next().unwrap(),
            previous: self.head,
            payee: *payee,
            currency,
            amount: amount(minor),
            odometer,
            allowance: id.reference(),
            settle_by: given.expires,
            reference: Reference([self.seed; 16]),
            covers_for: terms.covers_for,
            covers: (!terms.covers.is_empty()).then(|| protocol::covers::hash(&mut terms.covers)),
            stream: terms.stream,
        };
        let signed = self.sign(&payment, allowance);
        self.sequence = payment.sequence;
        self.head = signed.id.reference();
        self.odometers.insert(*currency.as_bytes(), odometer);
        signed
    }

    pub fn sign(&self, payment: &Payment, allowance: Vec<u8>) -> Signed {
        let (bytes, id) = sealed(payment, &self.key());
        Signed {
            allowance,
            payment: bytes,
            id,
            gateway_key: self.gateway_key,
        }
    }

    pub fn receipt(&self, payment: &Signed) -> Owned<Receipt> {
        self.receipt_saying(payment, None, None)
    }

    pub fn decline(&self, payment: &Signed) -> Owned<Receipt> {
        self.receipt_saying(payment, Some(Status::WrongAmount as u32), None)
    }

    pub fn close(&self, payment: &Signed, units: u32) -> Owned<Receipt> {
        self.receipt_saying(payment, None, Some(units))
    }

    pub fn receipt_saying(
        &self,
        payment: &Signed,
        declined: Option<u32>,
        units: Option<u32>,
    ) -> Owned<Receipt> {
        let receipt = Receipt {
            payee: self.code,
            payment: payment.id,
            time: NOW,
            declined,
            units,
        };
        let (bytes, _) = sealed(&receipt, &self.key());
        let open = open::<Receipt>(&bytes, &network()).unwrap();
        Owned::from(open.verify(&self.key().public_key()).unwrap())
    }
}

pub fn order(purse: &Purse, minor: u64, key: &str) -> LoadOrder {
    LoadOrder {
        code: purse.code,
        currency: usd(),
        amount: amount(minor),
        key: key.into(),
        by: "treasurer".into(),
    }
}

/// A payer with money and an allowance for all of it, and a payee.
pub async fn pair(ledger: &Ledger, world: &World, minor: u64) -> (Purse, Purse) {
    let mut payer = Purse::register(ledger, world, 11).await;
    let payee = Purse::register(ledger, world, 12).await;
    let load = order(&payer, minor, "first load");
    ledger.load(load, NOW).await.unwrap();
    payer.renew(ledger, minor, NOW).await;
    (payer, payee)
}

/// What a purse holds: free and reserved.
pub async fn held(ledger: &Ledger, purse: &Purse) -> (u64, u64) {
    let views = ledger.purse(&purse.code).await.unwrap();
    let view = views.iter().find(|view| view.row.currency == usd());
    view.map_or((0, 0), |view| {
        (view.row.free.get(), view.row.reserved.get())
    })
}

/// Money is where it should be and the books are whole.
pub async fn assert_sound(ledger: &Ledger) {
    for currency in ledger.conservation().await.unwrap() {
        assert!(currency.holds, "{currency:?}");
        assert_eq!(currency.others, 0);
    }
    ledger.verify().await.unwrap();
}
