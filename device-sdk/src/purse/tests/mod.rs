//! A small world for purses: a root, an issuer, a gateway that settles, things, and a journal whose
//! power can be cut.

mod branches;
mod clocks;
mod cover_cuts;
mod covers;
mod cuts;
mod declining;
mod doubt;
mod finality;
mod flash;
mod forks;
mod giving_up;
mod holdings;
mod invoices;
mod judging;
mod listed;
mod made;
mod power_cuts;
mod priced;
mod stream_cuts;
mod streams;
mod succession;
mod town;

use super::{Clock, HandInCursor, OUT_MAX, Order, Purse, Settings};
use crate::journal::{Journal, JournalFailed, RecordId};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::covers::Items;
use protocol::keys::{SignerFailed, SoftwareKey};
use protocol::message::Message;
use protocol::objects::{
    Allowance, Confirmation, Object, Party, Pass, Payment, Receipt, Renewal, Rights, Statement,
};
use protocol::rules::{Trust, covered, released};
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, Digest, KeyEpoch, Kind, Network, Odometer,
    PublicKey, Reference, Sequence, Signature, Signer, Status, Timestamp,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) const NOW: Timestamp = Timestamp(1_790_000_000);
pub(super) const DAY_S: u32 = 86_400;
pub(super) const MARGIN_S: u32 = 3_600;

pub(super) type Small = Purse<Recorder, Disk, 4, 1>;
pub(super) type Roomy = Purse<Recorder, Disk, 16, 8>;

pub(super) fn network() -> Network {
    Network::new("test").unwrap()
}

pub(super) fn usd() -> Currency {
    Currency::new(1, *b"USD").unwrap()
}

pub(super) fn amount(value: u64) -> AmountMinor {
    AmountMinor::new(value).unwrap()
}

pub(super) fn reference(number: u8) -> Reference {
    Reference([number; 16])
}

pub(super) fn order(payee: Code, value: u64, number: u8) -> Order {
    Order {
        payee,
        currency: usd(),
        amount: amount(value),
        reference: reference(number),
    }
}

pub(super) fn sealed<T: Object>(object: &T, key: &SoftwareKey) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(object, &network(), key, &mut out).unwrap();
    out[..len].to_vec()
}

pub(super) fn written(message: &Message<'_>) -> Vec<u8> {
    let mut out = [0; protocol::message::MESSAGE_MAX];
    let len = message.write(&mut out).unwrap();
    out[..len].to_vec()
}

/// Runs something that writes into a buffer.
pub(super) fn bytes<E>(write: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Vec<u8>, E> {
    let mut out = [0; OUT_MAX];
    let len = write(&mut out)?;
    Ok(out[..len].to_vec())
}

fn code(kind: Kind, station: u16, sequence: u64) -> Code {
    let by = IssuedBy { issuer: 1, station };
    Code::derive(kind, by, sequence, b"birth key").unwrap()
}

fn pass(issuer: Code, subject: Code, key: PublicKey, rights: Rights) -> Pass {
    Pass {
        issuer: Party(issuer),
        subject: Party(subject),
        expires: NOW.plus_s(365 * DAY_S),
        issued: NOW.minus_s(DAY_S),
        key: Confirmation(key),
        class: AssuranceClass::Software,
        rights,
        grace_s: None,
        station: None,
        first_sequence: None,
        last_sequence: None,
    }
}

/// Every message that was signed with a key, across all lives of a purse.
#[derive(Clone, Default)]
pub(super) struct Signed(Rc<RefCell<Vec<Vec<u8>>>>);

/// A wallet key that remembers what it signed, and can be out of order.
pub(super) struct Recorder {
    key: SoftwareKey,
    signed: Signed,
    pub(super) locked: Rc<RefCell<bool>>,
}

impl Signer for Recorder {
    fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerFailed> {
        if *self.locked.borrow() {
            return Err(SignerFailed);
        }
        self.signed.0.borrow_mut().push(message.to_vec());
        self.key.sign(message)
    }
}

impl Signed {
    /// Panics if two payments with one sequence number differ in a single byte.
    pub(super) fn assert_one_content_per_sequence(&self) -> usize {
        let mut payments = BTreeMap::new();
        for message in self.0.borrow().iter() {
            let mut from = minicbor::Decoder::new(message);
            from.array().unwrap();
            from.str().unwrap();
            from.bytes().unwrap();
            if from.bytes().unwrap() != b"onecode/1/test/payment" {
                continue;
            }
            let payload = from.bytes().unwrap();
            let mut from = minicbor::Decoder::new(payload);
            from.map().unwrap();
            assert_eq!(from.u8().unwrap(), 1);
            from.skip().unwrap();
            assert_eq!(from.u8().unwrap(), 2);
            let key_epoch = from.u32().unwrap();
            assert_eq!(from.u8().unwrap(), 3);
            let sequence = from.u32().unwrap();
            let known = payments
                .entry((key_epoch, sequence))
                .or_insert_with(|| payload.to_vec());
            assert_eq!(known, payload, "two contents under sequence {sequence}");
        }
        payments.len()
    }

    /// Panics if two receipts that close or decline one payment differ in a single byte.
    pub(super) fn assert_one_last_word_per_payment(&self) -> usize {
        let mut receipts = BTreeMap::new();
        for message in self.0.borrow().iter() {
            let mut from = minicbor::Decoder::new(message);
            from.array().unwrap();
            from.str().unwrap();
            from.bytes().unwrap();
            if from.bytes().unwrap() != b"onecode/1/test/receipt" {
                continue;
            }
            let payload = from.bytes().unwrap();
            let mut from = minicbor::Decoder::new(payload);
            // A receipt for the whole has three fields.
            if from.map().unwrap() == Some(3) {
                continue;
            }
            assert_eq!(from.u8().unwrap(), 1);
            from.skip().unwrap();
            assert_eq!(from.u8().unwrap(), 2);
            let payment = from.bytes().unwrap().to_vec();
            let known = receipts.entry(payment).or_insert_with(|| payload.to_vec());
            assert_eq!(known, payload, "two last words");
        }
        receipts.len()
    }
}

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing of the operation is done.
    Before,
    /// Some of it is done; on flash only.
    During,
    /// The operation is done and nobody hears of it.
    After,
}

#[derive(Default)]
pub(super) struct Medium {
    records: BTreeMap<u64, Vec<u8>>,
    next: u64,
    pub(super) operations: usize,
    /// After this many operations the power goes, and stays away until `power_on`.
    cuts: Vec<(usize, Cut)>,
    dead: bool,
    /// How many cuts there were.
    pub(super) cut: usize,
    pub(super) room: Option<usize>,
    /// All of it is there instead of in memory.
    flash: Option<flash::Flash>,
}

/// A journal in memory, or on flash, that outlives its purse.
#[derive(Clone, Default)]
pub(super) struct Disk(pub(super) Rc<RefCell<Medium>>);

impl Disk {
    pub(super) fn on_flash() -> Self {
        Self(Rc::new(RefCell::new(Medium {
            flash: Some(flash::Flash::used()),
            ..Medium::default()
        })))
    }

    pub(super) fn cut_at(&self, cuts: &[(usize, Cut)]) {
        let mut medium = self.0.borrow_mut();
        medium.cuts = cuts.to_vec();
        medium.flash.iter().for_each(|flash| flash.cut_at(cuts));
    }

    pub(super) fn power_on(&self) {
        let mut medium = self.0.borrow_mut();
        medium.dead = false;
        medium.flash.iter_mut().for_each(flash::Flash::power_on);
    }

    /// The thing is switched off and on.
    fn restart(&self) {
        let mut medium = self.0.borrow_mut();
        medium.flash.iter_mut().for_each(flash::Flash::restart);
    }

    /// Sectors that were erased.
    pub(super) fn erasures(&self) -> usize {
        let medium = self.0.borrow();
        medium.flash.as_ref().map_or(0, flash::Flash::erasures)
    }

    /// What flash does, if the journal is there.
    fn flash<T>(
        &self,
        act: impl FnOnce(&mut dyn Journal) -> Result<T, JournalFailed>,
    ) -> Option<Result<T, JournalFailed>> {
        let mut medium = self.0.borrow_mut();
        let flash = medium.flash.as_mut()?;
        let done = flash.with(|journal| act(journal));
        (medium.operations, medium.cut) = flash.counts();
        Some(done)
    }

    pub(super) fn copy(&self) -> Self {
        let medium = self.0.borrow();
        Self(Rc::new(RefCell::new(Medium {
            records: medium.records.clone(),
            next: medium.next,
            ..Medium::default()
        })))
    }

    pub(super) fn len(&self) -> usize {
        let mut medium = self.0.borrow_mut();
        match &mut medium.flash {
            Some(flash) => flash.records(),
            None => medium.records.len(),
        }
    }

    fn operate<T>(&self, what: impl FnOnce(&mut Medium) -> T) -> Result<T, JournalFailed> {
        let mut medium = self.0.borrow_mut();
        if medium.dead {
            return Err(JournalFailed::Broken);
        }
        let at = medium.operations;
        medium.operations += 1;
        let cut = medium.cuts.iter().find(|(when, _)| *when == at).copied();
        match cut {
            None => Ok(what(&mut medium)),
            Some((_, how)) => {
                if how == Cut::After {
                    what(&mut medium);
                }
                medium.dead = true;
                medium.cut += 1;
                Err(JournalFailed::Broken)
            }
        }
    }
}

impl Journal for Disk {
    fn append(&mut self, record: &[u8]) -> Result<RecordId, JournalFailed> {
        if let Some(done) = self.flash(|journal| journal.append(record)) {
            return done;
        }
        let medium = self.0.borrow();
        if medium.room.is_some_and(|room| medium.records.len() >= room) {
            return Err(JournalFailed::Full);
        }
        drop(medium);
        self.operate(|medium| {
            medium.next += 1;
            medium.records.insert(medium.next, record.to_vec());
            RecordId(medium.next)
        })
    }

    fn read(&mut self, id: RecordId, out: &mut [u8]) -> Result<usize, JournalFailed> {
        if let Some(done) = self.flash(|journal| journal.read(id, out)) {
            return done;
        }
        let medium = self.0.borrow();
        let record = medium.records.get(&id.0).ok_or(JournalFailed::Broken)?;
        out[..record.len()].copy_from_slice(record);
        Ok(record.len())
    }

    fn forget(&mut self, id: RecordId) -> Result<(), JournalFailed> {
        if let Some(done) = self.flash(|journal| journal.forget(id)) {
            return done;
        }
        self.operate(|medium| assert!(medium.records.remove(&id.0).is_some(), "forgotten twice"))
    }

    fn room(&self) -> usize {
        if let Some(room) = self.flash(|journal| Ok(journal.room())) {
            return room.unwrap_or(0);
        }
        let medium = self.0.borrow();
        let used = medium.records.len();
        medium
            .room
            .map_or(usize::MAX, |room| room.saturating_sub(used))
    }

    fn scan(&mut self, visit: &mut dyn FnMut(RecordId, &[u8])) -> Result<(), JournalFailed> {
        if let Some(done) = self.flash(|journal| journal.scan(visit)) {
            return done;
        }
        let medium = self.0.borrow();
        if medium.dead {
            return Err(JournalFailed::Broken);
        }
        for (id, record) in &medium.records {
            visit(RecordId(*id), record);
        }
        Ok(())
    }
}

/// One thing: its key, its pass and its journal.
pub(super) struct Thing {
    pub(super) code: Code,
    pub(super) pass: Vec<u8>,
    pub(super) seed: u8,
    pub(super) disk: Disk,
    pub(super) signed: Signed,
    pub(super) locked: Rc<RefCell<bool>>,
}

impl Thing {
    pub(super) fn key(&self) -> Recorder {
        Recorder {
            key: SoftwareKey::ed25519(&[self.seed; 32]),
            signed: self.signed.clone(),
            locked: self.locked.clone(),
        }
    }

    pub(super) fn open<const O: usize, const P: usize>(
        &self,
        trust: Trust,
    ) -> Result<Purse<Recorder, Disk, O, P>, super::OpenError> {
        self.disk.restart();
        Purse::open(self.settings(trust), self.key(), self.disk.clone())
    }

    pub(super) fn settings(&self, trust: Trust) -> Settings<'_> {
        Settings {
            me: self.code,
            pass: &self.pass,
            trust,
            sync_margin_s: MARGIN_S,
            most_by_class: [amount(500), amount(5_000), amount(50_000)],
            place: None,
            clock: Clock::Kept,
        }
    }

    /// The same key on a copy of the journal.
    pub(super) fn copied(&self) -> Self {
        Self {
            code: self.code,
            pass: self.pass.clone(),
            seed: self.seed,
            disk: self.disk.copy(),
            signed: Signed::default(),
            locked: Rc::default(),
        }
    }
}

/// Authorities, and a gateway with books that are just good enough.
pub(super) struct World {
    pub(super) trust: Trust,
    pub(super) issuer_pass: Vec<u8>,
    pub(super) gateway_pass: Vec<u8>,
    pub(super) gateway: Code,
    pub(super) gateway_key: SoftwareKey,
    allowances: u64,
    pub(super) outcomes: BTreeMap<Digest, (Status, Payment)>,
    /// Units of streams paid for so far.
    pub(super) posted: BTreeMap<Digest, u32>,
}

impl World {
    pub(super) fn new() -> Self {
        let key = |seed| SoftwareKey::ed25519(&[seed; 32]);
        let (root_key, issuer_key, gateway_key) = (key(1), key(2), key(3));
        let root = code(Kind::Issuer, 0, 0);
        let issuer = code(Kind::Issuer, 0, 1);
        let gateway = code(Kind::Gateway, 0, 2);
        let things = Rights::PAY.and(Rights::ACCEPT);
        let rights = things.and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let all = rights.and(Rights::ISSUE_MONEY);
        let issuer_pass = sealed(&pass(root, issuer, issuer_key.public_key(), all), &root_key);
        let mut gateway_pass = pass(issuer, gateway, gateway_key.public_key(), all);
        gateway_pass.grace_s = Some(30 * DAY_S);
        gateway_pass.station = Some(1);
        gateway_pass.first_sequence = Some(1);
        gateway_pass.last_sequence = Some((1 << 36) - 1);
        Self {
            trust: Trust::new(network(), root_key.public_key()),
            issuer_pass,
            gateway_pass: sealed(&gateway_pass, &issuer_key),
            gateway,
            gateway_key,
            allowances: 0,
            outcomes: BTreeMap::new(),
            posted: BTreeMap::new(),
        }
    }

    pub(super) fn thing(&self, seed: u8) -> Thing {
        let code = code(Kind::Device, 1, u64::from(seed));
        let key = SoftwareKey::ed25519(&[seed; 32]).public_key();
        let rights = Rights::PAY.and(Rights::ACCEPT);
        Thing {
            code,
            pass: sealed(&pass(self.gateway, code, key, rights), &self.gateway_key),
            seed,
            disk: Disk::default(),
            signed: Signed::default(),
            locked: Rc::default(),
        }
    }

    pub(super) fn allowance(&mut self, thing: &Thing, limit: u64) -> Allowance {
        self.allowances += 1;
        Allowance {
            code: thing.code,
            wallet_key: thing.key().public_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency: usd(),
            limit: Odometer::new(limit).unwrap(),
            base_sequence: Sequence(0),
            base_head: Reference::default(),
            base_odometer: Odometer::ZERO,
            most_per_payment: amount(400),
            most_payments: 100,
            hops: None,
            area: None,
            guarantee: None,
            issued: NOW,
            expires: NOW.plus_s(7 * DAY_S),
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            number: self.allowances,
            issued_total: Odometer::new(limit).unwrap(),
        }
    }

    pub(super) fn grant(&self, allowance: &Allowance) -> Vec<u8> {
        written(&Message::Grant {
            allowance: &sealed(allowance, &self.gateway_key),
        })
    }

    /// Answers a renewal from where the purse says it stands.
    pub(super) fn renew(&mut self, thing: &Thing, renewal: &[u8]) -> Vec<u8> {
        let Message::Renewal { renewal } = Message::read(renewal).unwrap() else {
            panic!("not a renewal");
        };
        let renewal = open::<Renewal>(renewal, &network()).unwrap();
        let r = *renewal.verify(&thing.key().public_key()).unwrap().get();
        let mut allowance = self.allowance(thing, r.odometer.get() + r.wanted.get());
        allowance.base_sequence = r.sequence;
        allowance.base_head = r.head;
        allowance.base_odometer = r.odometer;
        self.grant(&allowance)
    }

    /// Settles evidence or a claim, and says so.
    pub(super) fn settle(&mut self, message: &[u8]) -> Vec<u8> {
        let (payment, outcome) = match Message::read(message).unwrap() {
            Message::Evidence { payment, .. } => (payment, Status::InTransit),
            Message::Claim {
                payment, receipt, ..
            } => {
                let receipt = open::<Receipt>(receipt, &network()).unwrap();
                assert_eq!(receipt.peek().units, None);
                match receipt.peek().declined {
                    Some(_) => (payment, Status::Declined),
                    None => (payment, Status::Settled),
                }
            }
            Message::StreamClaim {
                payment,
                units,
                value,
                receipt,
                ..
            } => {
                let paid = open::<Payment>(payment, &network()).unwrap();
                let anchor = paid.peek().stream.unwrap().anchor;
                released(paid.peek(), (0, &anchor), units, &value).unwrap();
                let posted = self.posted.entry(paid.id()).or_default();
                let closed = receipt.map(|receipt| {
                    let receipt = open::<Receipt>(receipt, &network()).unwrap();
                    let taken = receipt.peek().units.unwrap();
                    assert!(*posted <= taken && taken <= units);
                    taken
                });
                *posted = closed.unwrap_or(units).max(*posted);
                let outcome = closed.map_or(Status::InTransit, |_| Status::Settled);
                (payment, outcome)
            }
            Message::Covered { items, receipt } => {
                let items = Items::read(items).unwrap();
                let key = self.gateway_key.public_key();
                covered(&items, &network(), |_| Some(key), |_, _| Ok(())).unwrap();
                let last = items.last().unwrap();
                // The books here know nothing of covers.
                let alone = match (last.released, receipt) {
                    (Some((units, value)), receipt) => Message::StreamClaim {
                        allowance: last.allowance,
                        payment: last.payment,
                        units,
                        value,
                        receipt,
                    },
                    (None, Some(receipt)) => Message::Claim {
                        allowance: last.allowance,
                        payment: last.payment,
                        receipt,
                    },
                    (None, None) => Message::Evidence {
                        allowance: last.allowance,
                        payment: last.payment,
                    },
                };
                return self.settle(&written(&alone));
            }
            other => panic!("nothing to settle: {other:?}"),
        };
        let payment = open::<Payment>(payment, &network()).unwrap();
        let (id, payment) = (payment.id(), *payment.peek());
        if payment.stream.is_some() {
            self.posted.entry(id).or_default();
        }
        let known = self.outcomes.entry(id).or_insert((outcome, payment));
        if known.0 == Status::InTransit {
            known.0 = outcome;
        }
        let outcome = known.0;
        self.statement(id, outcome)
    }

    pub(super) fn statement(&self, payment: Digest, outcome: Status) -> Vec<u8> {
        let statement = Statement {
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            payment,
            outcome: u32::from(outcome as u8),
            height: 1,
            root: Digest::default(),
            time: NOW,
            units: self.posted.get(&payment).copied(),
            provisional: None,
            paid: None,
        };
        written(&Message::Statement {
            statement: &sealed(&statement, &self.gateway_key),
        })
    }

    /// A purse that trusts the gateway.
    pub(super) fn roomy(&self, thing: &Thing) -> Roomy {
        self.trusted(thing.open(self.trust).unwrap())
    }

    /// The purse, which trusts the gateway.
    pub(super) fn trusted(&self, mut purse: Roomy) -> Roomy {
        let known = purse.trust_gateway(&self.issuer_pass, &self.gateway_pass, NOW);
        assert_eq!(known, Ok(self.gateway));
        purse
    }

    /// A purse that may spend `limit`.
    pub(super) fn funded(&mut self, thing: &Thing, limit: u64) -> Roomy {
        let mut purse = self.roomy(thing);
        let allowance = self.allowance(thing, limit);
        purse.receive(&self.grant(&allowance), NOW).unwrap();
        purse
    }
}

/// All messages a purse wants to hand in.
pub(super) fn handed_in<const O: usize, const P: usize>(
    purse: &mut Purse<Recorder, Disk, O, P>,
) -> Result<Vec<Vec<u8>>, Status> {
    let mut cursor = HandInCursor::default();
    let mut messages = Vec::new();
    let mut out = [0; OUT_MAX];
    while let Some(len) = purse.hand_in(&mut cursor, &mut out)? {
        messages.push(out[..len].to_vec());
    }
    Ok(messages)
}
