//! The cast: a centre and two gateways with passes from one issuer, and things with passes from the
//! gateway that enrolled them.

use crate::support::*;
use ledger::federation::{Parcel, RelayOrder, Terms, Upstream, conserved};
use ledger::{Answer, Bearings, ClassTerms, IssueRequest, Ledger, LoadOrder, NewThing, Policy};
use protocol::code::IssuedBy;
use protocol::cose::open;
use protocol::keys::SoftwareKey;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Confirmation, Move, Party, Pass, Rights, Statement};
use protocol::rules::Trust;
use protocol::{
    AssuranceClass, Code, KeyEpoch, Kind, Reference, Sequence, Signer, Status, Timestamp,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const CENTRE: usize = 0;
pub const A: usize = 1;
pub const B: usize = 2;
pub const FLOAT: u64 = 10_000;
pub const LEASE_S: u32 = 2 * LIFE_S;

pub struct Office {
    pub code: Code,
    pub key: Arc<SoftwareKey>,
    pub pass: Vec<u8>,
    pub epoch: u32,
    pub path: PathBuf,
    pub ledger: Ledger,
}

pub struct House {
    /// Held while the books lie in it.
    _folder: Option<tempfile::TempDir>,
    pub trust: Trust,
    pub issuer_pass: Vec<u8>,
    pub offices: Vec<Office>,
    pub now: Timestamp,
}

pub fn terms() -> Terms {
    Terms {
        float: amount(FLOAT),
        warrant_life_s: LEASE_S,
        lease_life_s: LEASE_S,
    }
}

fn authority(kind: Kind, sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 0,
    };
    Code::derive(kind, by, sequence, &[sequence as u8; 91]).unwrap()
}

fn pass(by: Code, of: Code, key: &SoftwareKey, rights: Rights, station: Option<u32>) -> Pass {
    Pass {
        issuer: Party(by),
        subject: Party(of),
        expires: NOW.plus_s(100 * LIFE_S),
        issued: NOW,
        key: Confirmation(key.public_key()),
        class: AssuranceClass::Software,
        rights,
        grace_s: station.map(|_| GRACE_S),
        station,
        first_sequence: station.map(|_| 1),
        last_sequence: station.map(|_| 1_000),
    }
}

pub fn things() -> Rights {
    Rights::PAY.and(Rights::ACCEPT)
}

impl House {
    /// Everybody knows everybody, and has its float.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let house = Self::within(&path).await;
        let house = Self {
            _folder: Some(folder),
            ..house
        };
        house.calm().await;
        house
    }

    /// The same in a folder of one's own, made or found again.
    pub async fn within(folder: &Path) -> Self {
        let keys = [1, 2].map(|seed| SoftwareKey::ed25519(&[seed; 32]));
        let [root, issuer] = &keys;
        let settles = things().and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let all = settles.and(Rights::ISSUE_MONEY);
        let (root_code, issuer_code) = (authority(Kind::Issuer, 0), authority(Kind::Issuer, 1));
        let issuer_pass = sealed(&pass(root_code, issuer_code, issuer, all, None), root).0;
        let trust = Trust::new(network(), root.public_key());
        let mut house = Self {
            _folder: None,
            trust,
            issuer_pass,
            offices: Vec::new(),
            now: NOW,
        };
        for number in 0..3 {
            let code = authority(Kind::Gateway, 2 + number);
            let key = Arc::new(SoftwareKey::ed25519(&[3 + number as u8; 32]));
            let rights = if number == 0 { all } else { settles };
            let station = Some(1 + number as u32);
            let signed = sealed(&pass(issuer_code, code, &key, rights, station), issuer).0;
            let path = folder.join(format!("{number}.db"));
            let centre = house.offices.first().map(|centre| centre.pass.clone());
            let bearings = house.bearings_of(&code, &key, &signed, 1, centre);
            let ledger = Ledger::open(&path, bearings).await.unwrap();
            declare(&ledger).await;
            house.offices.push(Office {
                code,
                key,
                pass: signed,
                epoch: 1,
                path,
                ledger,
            });
        }
        house.admit().await;
        house
    }

    async fn admit(&self) {
        for gateway in [A, B] {
            let pass = &self.offices[gateway].pass;
            let admitted = self.ledger(CENTRE).admit(&self.trust, pass, terms());
            admitted.await.unwrap();
        }
    }

    fn bearings_of(
        &self,
        code: &Code,
        key: &Arc<SoftwareKey>,
        pass: &[u8],
        epoch: u32,
        centre: Option<Vec<u8>>,
    ) -> Bearings {
        Bearings {
            former_keys: Default::default(),
            network: network(),
            gateway: *code,
            gateway_epoch: KeyEpoch(epoch),
            signer: key.clone(),
            issuer_pass: self.issuer_pass.clone(),
            gateway_pass: pass.to_vec(),
            policy: Policy {
                usual: [ClassTerms {
                    hops: 3,
                    ..ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
                }; 3],
                currencies: [None; ledger::bounds::CURRENCY_TERMS_MOST],
                most_payments: MOST_PAYMENTS,
                allowance_life_s: LIFE_S,
                grace_s: GRACE_S,
            },
            upstream: centre.map(|centre_pass| Upstream {
                trust: self.trust,
                centre_pass,
                float_share_permille: [500; 3],
            }),
        }
    }

    pub fn ledger(&self, office: usize) -> &Ledger {
        &self.offices[office].ledger
    }

    pub fn code(&self, office: usize) -> Code {
        self.offices[office].code
    }

    /// Closes the books of an office and opens them again, in another epoch if it was restored.
    pub async fn reopen(&mut self, office: usize, epoch: u32) {
        self.offices[office].ledger.close().await;
        let centre = (office != CENTRE).then(|| self.offices[CENTRE].pass.clone());
        let it = &self.offices[office];
        let bearings = self.bearings_of(&it.code, &it.key, &it.pass, epoch, centre);
        let ledger = Ledger::open(&it.path, bearings).await.unwrap();
        self.offices[office].ledger = ledger;
        self.offices[office].epoch = epoch;
    }

    /// A thing that this gateway enrols; it is at home there once the centre has said so.
    pub async fn enrol(&self, office: usize, seed: u8) -> Purse {
        let ledger = self.ledger(office);
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
            station: 1 + office as u16,
        };
        let spki = vec![seed; 91];
        let code = Code::derive(Kind::Device, by, reservation.sequence, &spki).unwrap();
        let purse = Purse {
            code,
            seed,
            sequence: Sequence(0),
            head: Reference::default(),
            odometers: BTreeMap::new(),
            allowances: BTreeMap::new(),
            gateway_key: self.offices[office].key.public_key(),
        };
        let station = self.code(office);
        let pass = pass(station, code, &purse.key(), things(), None);
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
            pass: sealed(&pass, &self.offices[office].key).0,
        };
        ledger.finish_issue(thing, NOW).await.unwrap();
        purse
    }

    /// A thing with money and an allowance for all of it.
    pub async fn payer(&self, office: usize, seed: u8, minor: u64) -> Purse {
        let mut purse = self.enrol(office, seed).await;
        self.calm().await;
        self.load(&purse, minor, &format!("load of {seed}")).await;
        self.calm().await;
        purse.renew(self.ledger(office), minor, self.now).await;
        purse
    }

    /// A thing with neither, at home.
    pub async fn payee(&self, office: usize, seed: u8) -> Purse {
        let purse = self.enrol(office, seed).await;
        self.calm().await;
        purse
    }

    pub async fn load(&self, purse: &Purse, minor: u64, key: &str) {
        let order = self.order(purse, minor, key);
        self.ledger(CENTRE).load(order, self.now).await.unwrap();
    }

    pub fn order(&self, purse: &Purse, minor: u64, key: &str) -> LoadOrder {
        order(purse, minor, key)
    }

    /// Carries everything there is to carry, in order, until nothing is new.
    pub async fn calm(&self) {
        for _ in 0..6 {
            for office in 0..self.offices.len() {
                self.ledger(office).sweep(self.now).await.unwrap();
            }
            for gateway in [A, B] {
                self.exchange(gateway).await;
            }
        }
    }

    /// Everything that waits between a gateway and the centre, both ways.
    pub async fn exchange(&self, gateway: usize) {
        self.carry(gateway, CENTRE).await;
        self.copy(gateway).await;
        self.carry(CENTRE, gateway).await;
    }

    pub async fn copy(&self, gateway: usize) {
        let code = self.code(gateway);
        loop {
            let height = self.ledger(CENTRE).copied(&code).await.unwrap().height;
            let block = self
                .ledger(gateway)
                .journal_block(height, 64)
                .await
                .unwrap();
            let done = block.entries.is_empty();
            self.ledger(CENTRE).copy_block(&code, block).await.unwrap();
            if done {
                return;
            }
        }
    }

    pub async fn waiting(&self, from: usize, to: usize) -> Vec<Parcel> {
        let to = self.code(to);
        self.ledger(from).parcels(&to, 0, 1_000).await.unwrap()
    }

    pub async fn carry(&self, from: usize, to: usize) {
        for parcel in self.waiting(from, to).await {
            let taken = self.ledger(to).deliver(parcel, self.now).await.unwrap();
            let by = self.code(to);
            self.ledger(from).delivered(&by, taken).await.unwrap();
        }
    }

    /// Money is where it should be in all books together, and every one of them is whole.
    pub async fn assert_sound(&self) {
        let ledgers: Vec<_> = self
            .offices
            .iter()
            .map(|office| office.ledger.clone())
            .collect();
        for books in conserved(&ledgers).await.unwrap() {
            assert!(books.holds, "{books:?}");
        }
        for office in &self.offices {
            office.ledger.verify().await.unwrap();
            assert_eq!(office.ledger.letters_refused().await.unwrap(), 0);
        }
    }

    /// As before, and nothing is on its way.
    pub async fn assert_settled(&self) {
        self.assert_sound().await;
        let ledgers: Vec<_> = self
            .offices
            .iter()
            .map(|office| office.ledger.clone())
            .collect();
        for books in conserved(&ledgers).await.unwrap() {
            let open = (books.clearing, books.in_flight, books.ahead);
            assert_eq!(open, (0, 0, 0), "{books:?}");
        }
    }

    /// What a statement says, whoever of the gateways signed it.
    pub fn statement(&self, message: &[u8]) -> Statement {
        let Message::Statement { statement } = Message::read(message).unwrap() else {
            panic!("no statement: {:?}", Message::read(message));
        };
        let by = open::<Statement>(statement, &network())
            .unwrap()
            .peek()
            .gateway;
        let office = self
            .offices
            .iter()
            .find(|office| office.code == by)
            .unwrap();
        let opened = open::<Statement>(statement, &network()).unwrap();
        *opened.verify(&office.key.public_key()).unwrap().get()
    }

    /// The outcome, and whether it is provisional.
    pub fn outcome(&self, answer: &Answer) -> (Status, bool) {
        self.outcome_of(&answer.message)
    }

    pub fn outcome_of(&self, message: &[u8]) -> (Status, bool) {
        let statement = self.statement(message);
        let status = Status::from_number(statement.outcome as u8).unwrap();
        (status, statement.provisional.is_some())
    }

    /// A payment handed in at a gateway, by the payee with its receipt, or without one.
    pub async fn hand_in(
        &self,
        office: usize,
        signed: &Signed,
        by: Option<&Purse>,
    ) -> Result<Answer, Status> {
        let ledger = self.ledger(office);
        if signed.gateway_key == self.offices[office].key.public_key() {
            let receipt = by.map(|payee| payee.receipt(signed));
            return ledger.hand_in(signed.evidence(), receipt, self.now).await;
        }
        let order = match by {
            None => RelayOrder {
                message: evidence(signed),
                pass: Vec::new(),
                bringer: None,
            },
            Some(payee) => RelayOrder {
                message: claim(signed, payee),
                pass: sealed_pass(self, payee),
                bringer: Some(payee.code),
            },
        };
        ledger.relay(order, self.now).await
    }

    pub fn moves(&self, purse: &Purse, from: usize, to: usize, lease: u64) -> Vec<u8> {
        let order = Move {
            code: purse.code,
            from: self.code(from),
            to: self.code(to),
            lease,
            time: self.now,
        };
        sealed(&order, &purse.key()).0
    }
}

/// The pass that a thing carries with it.
pub fn sealed_pass(house: &House, purse: &Purse) -> Vec<u8> {
    let station = usize::from(purse.code.issued_by().station) - 1;
    let pass = pass(
        house.code(station),
        purse.code,
        &purse.key(),
        things(),
        None,
    );
    sealed(&pass, &house.offices[station].key).0
}

pub fn written(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let len = message.write(&mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

pub fn evidence(signed: &Signed) -> Vec<u8> {
    written(&Message::Evidence {
        allowance: &signed.allowance,
        payment: &signed.payment,
    })
}

pub fn claim(signed: &Signed, payee: &Purse) -> Vec<u8> {
    written(&Message::Claim {
        allowance: &signed.allowance,
        payment: &signed.payment,
        receipt: payee.receipt(signed).bytes(),
    })
}
