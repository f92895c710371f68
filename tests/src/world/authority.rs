//! Who is known in every world: a root, an issuer, gateways, and things with their keys and passes.
//! All of it is the same in every run, and made once in a process.

use super::schedule::BEGIN;
use super::wire::NETWORK;
use ledger::{Bearings, IssueRequest, Ledger, NewThing, Policy};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::keys::SoftwareKey;
use protocol::objects::{Confirmation, Object, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::{AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Signer, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

const ISSUER: u32 = 1;
const YEAR_S: u32 = 365 * 86_400;

/// A gateway's place in the order of things.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) code: Code,
    pub(crate) key: Arc<SoftwareKey>,
    pub(crate) pass: Vec<u8>,
}

/// A thing as it leaves the factory.
#[derive(Clone)]
pub(crate) struct Birth {
    pub(crate) code: Code,
    pub(crate) seed: [u8; 32],
    pub(crate) pass: Vec<u8>,
}

/// Everybody who may appear in a world, and books in which they are registered.
pub(crate) struct House {
    pub(crate) trust: Trust,
    pub(crate) issuer_pass: Vec<u8>,
    pub(crate) offices: Vec<Office>,
    pub(crate) births: Vec<Birth>,
    /// The file of books with nothing but the registry in them.
    books: Vec<u8>,
}

/// The currencies of every world: two with different exponents.
pub(crate) fn currencies() -> [Currency; 2] {
    [*b"USD", *b"KWH"].map(|name| Currency::new(ISSUER, name).unwrap())
}

pub(crate) fn network() -> Network {
    Network::new(NETWORK).unwrap()
}

/// Whom the thing with this number belongs to.
pub(crate) fn owner(number: u64) -> Code {
    code(Kind::Person, 2, number)
}

/// Whether the issuer knows that owner.
pub(crate) fn is_enrolled(owner: &Code) -> bool {
    !owner.sequence().is_multiple_of(3)
}

/// Where books lie: in memory where the machine has a place for that.
pub(crate) fn shelf() -> PathBuf {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => memory.to_owned(),
        false => std::env::temp_dir(),
    }
}

pub(super) fn code(kind: Kind, station: u16, sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: ISSUER,
        station,
    };
    Code::derive(kind, by, sequence, &spki(sequence)).unwrap()
}

pub(super) fn spki(sequence: u64) -> Vec<u8> {
    let mut spki = vec![0x5a; 91];
    spki[..8].copy_from_slice(&sequence.to_be_bytes());
    spki
}

pub(super) fn seed(what: u8, number: u64) -> [u8; 32] {
    let mut seed = [what; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    seed
}

pub(super) fn sealed<T: Object>(object: &T, key: &SoftwareKey) -> Vec<u8> {
    let mut out = [0; SIGNED_MAX];
    let (len, _) = seal(object, &network(), key, &mut out).unwrap();
    out[..len].to_vec()
}

pub(super) fn pass(by: Code, of: Code, key: &SoftwareKey, rights: Rights) -> Pass {
    Pass {
        issuer: Party(by),
        subject: Party(of),
        expires: BEGIN.plus_s(10 * YEAR_S),
        issued: BEGIN.minus_s(86_400),
        key: Confirmation(key.public_key()),
        class: AssuranceClass::Software,
        rights,
        grace_s: None,
        station: None,
        first_sequence: None,
        last_sequence: None,
    }
}

impl House {
    /// A small one for short runs and a large one for long runs.
    pub(crate) fn for_things(count: usize) -> &'static Self {
        static SMALL: OnceLock<House> = OnceLock::new();
        static LARGE: OnceLock<House> = OnceLock::new();
        match count {
            ..=SMALL_THINGS => SMALL.get_or_init(|| Self::build(SMALL_THINGS)),
            _ => LARGE.get_or_init(|| Self::build(LARGE_THINGS)),
        }
    }

    fn build(things: usize) -> Self {
        let root = SoftwareKey::ed25519(&seed(1, 0));
        let issuer = SoftwareKey::ed25519(&seed(2, 0));
        let (root_code, issuer_code) = (code(Kind::Issuer, 0, 0), code(Kind::Issuer, 0, 1));
        let things_may = Rights::PAY.and(Rights::ACCEPT);
        let gateways_may = things_may.and(Rights::SETTLE).and(Rights::ISSUE_CODES);
        let all = gateways_may.and(Rights::ISSUE_MONEY);
        let issuer_pass = sealed(&pass(root_code, issuer_code, &issuer, all), &root);
        let key = Arc::new(SoftwareKey::ed25519(&seed(3, 0)));
        let gateway = code(Kind::Gateway, 0, 2);
        let office = Office {
            code: gateway,
            pass: sealed(
                &Pass {
                    grace_s: Some(3_600),
                    station: Some(1),
                    first_sequence: Some(1),
                    last_sequence: Some((1 << 36) - 1),
                    // Its own centre: its allowances need no warrant.
                    ..pass(issuer_code, gateway, &key, all)
                },
                &issuer,
            ),
            key,
        };
        let births = (1..=things as u64).map(|number| {
            let code = code(Kind::Device, 1, number);
            let seed = seed(4, number);
            let key = SoftwareKey::ed25519(&seed);
            Birth {
                code,
                seed,
                pass: sealed(&pass(gateway, code, &key, things_may), &office.key),
            }
        });
        let mut house = Self {
            trust: Trust::new(network(), root.public_key()),
            issuer_pass,
            births: births.collect(),
            offices: vec![office],
            books: Vec::new(),
        };
        house.books = house.registry();
        house
    }

    /// Books in which everybody is registered and nobody has money.
    fn registry(&self) -> Vec<u8> {
        let folder = tempfile::tempdir_in(shelf()).unwrap();
        let path = folder.path().join("books.db");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let bearings = self.bearings(0, &policy());
            let ledger = Ledger::open(&path, bearings).await.unwrap();
            for birth in &self.births {
                register(&ledger, birth, BEGIN).await;
            }
            for (currency, exponent) in currencies().into_iter().zip([2, 6]) {
                let name = currency.name();
                ledger
                    .declare_currency(currency, exponent, name)
                    .await
                    .unwrap();
            }
            ledger.close().await;
        });
        std::fs::read(&path).unwrap()
    }

    /// Puts fresh books into this file.
    pub(crate) fn put_books(&self, path: &Path) {
        std::fs::write(path, &self.books).unwrap();
    }

    pub(crate) fn bearings(&self, office: usize, policy: &Policy) -> Bearings {
        let office = &self.offices[office];
        Bearings {
            former_keys: Default::default(),
            network: network(),
            gateway: office.code,
            gateway_epoch: KeyEpoch(1),
            signer: office.key.clone(),
            issuer_pass: self.issuer_pass.clone(),
            gateway_pass: office.pass.clone(),
            policy: *policy,
            upstream: None,
        }
    }
}

/// Things of a short run at most.
pub(crate) const SMALL_THINGS: usize = 40;
/// Things of a long run at most.
pub(crate) const LARGE_THINGS: usize = 560;

/// A policy to begin with; each scenario draws its own.
pub(crate) fn policy() -> Policy {
    let most = protocol::AmountMinor::new(1_000_000).unwrap();
    Policy {
        usual: [ledger::ClassTerms::offline(most, most); 3],
        currencies: [None; ledger::bounds::CURRENCY_TERMS_MOST],
        most_payments: 100,
        allowance_life_s: 86_400,
        grace_s: 3_600,
    }
}

pub(super) async fn register(ledger: &Ledger, birth: &Birth, now: Timestamp) {
    let number = birth.code.sequence();
    let request = IssueRequest {
        secret_hash: None,
        request_hash: seed(5, number),
        kind: Kind::Device,
        name: format!("t{number}"),
        by: "world".into(),
        serial: *seed(6, number).first_chunk().unwrap(),
    };
    let reservation = ledger.begin_issue(request, now).await.unwrap();
    assert_eq!(reservation.sequence, number);
    let thing = NewThing {
        sequence: number,
        code: birth.code,
        kind: Kind::Device,
        name: reservation.name,
        product: "Thing".into(),
        transport_spki: spki(number),
        wallet_key: SoftwareKey::ed25519(&birth.seed).public_key(),
        class: AssuranceClass::Software,
        certificate: vec![0x30; 40],
        pass: birth.pass.clone(),
    };
    ledger.finish_issue(thing, now).await.unwrap();
}
