//! What examples share: root, issuer and gateway with known keys, what they sign, and things with a
//! purse in a file. Real things make their own keys and get the rest from a station or by
//! `device_sdk::enrol`; real gateways give allowances.
#![allow(dead_code, reason = "no example uses all of it")]

use device_sdk::journal_file::FileJournal;
use device_sdk::purse::{Clock, OUT_MAX, Purse, Settings};
use protocol::code::IssuedBy;
use protocol::code::grid::Cell;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{
    AREA_CELLS, Allowance, Area, Confirmation, Object, Party, Pass, Rights, Set,
};
use protocol::rules::Trust;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Odometer, Reference,
    Sequence, Signer, Status, Timestamp,
};
use std::error::Error;
use std::path::Path;

/// Whatever ends an example.
pub type Failure = Box<dyn Error>;

/// At most 64 payments wait for a gateway, made and taken together; 8 payers are remembered.
pub type ThingPurse = Purse<SoftwareKey, FileJournal, 64, 8>;

/// The day on which examples play: time is an argument, so every run is the same.
pub const NOW: Timestamp = Timestamp(1_795_348_800);
/// When the authorities gave their passes: 2026-01-01.
pub const GIVEN: Timestamp = Timestamp(1_767_225_600);
const LIFE_S: u32 = 10 * 365 * 86_400;
/// How long these things may need, at worst, to reach a gateway.
const SYNC_MARGIN_S: u32 = 86_400;
/// Seeds of the authorities' keys.
const ROOT: u8 = 1;
const ISSUER: u8 = 2;
const GATEWAY: u8 = 3;

/// Root, issuer and gateway, as far as a purse knows them.
pub struct Authorities {
    /// Their network.
    pub network: Network,
    /// The gateway.
    pub gateway: Code,
    /// The issuer's pass, by the root.
    pub issuer_pass: Vec<u8>,
    /// The gateway's pass, by the issuer.
    pub gateway_pass: Vec<u8>,
}

/// What a gateway allows.
#[derive(Clone, Copy)]
pub struct Allowed {
    /// How far the odometer may run.
    pub limit: u64,
    /// Where alone it is good.
    pub area: Option<Reference>,
    /// How often what is received may be passed on before it is settled.
    pub hops: Option<u32>,
}

impl Allowed {
    /// So much, everywhere.
    pub const fn up_to(limit: u64) -> Self {
        Self {
            limit,
            area: None,
            hops: None,
        }
    }
}

impl Authorities {
    /// Those of a network.
    pub fn new(network: &str) -> Result<Self, Failure> {
        let network = Network::new(network).ok_or("no name of a network")?;
        let [root, issuer, gateway] = [
            code(Kind::Issuer, 0, 0)?,
            code(Kind::Issuer, 0, 1)?,
            code(Kind::Gateway, 0, 2)?,
        ];
        let all = things()
            .and(Rights::SETTLE)
            .and(Rights::ISSUE_CODES)
            .and(Rights::ISSUE_MONEY);
        let issuer_pass = pass(root, issuer, ISSUER, all);
        let gateway_pass = pass(issuer, gateway, GATEWAY, all);
        Ok(Self {
            network,
            gateway,
            issuer_pass: sealed(&issuer_pass, &network, ROOT)?,
            gateway_pass: sealed(&gateway_pass, &network, ISSUER)?,
        })
    }

    /// The root's key, in which everything here is believed.
    pub fn trust(&self) -> Trust {
        Trust::new(self.network, key(ROOT).public_key())
    }

    /// The gateway's key.
    pub fn gateway_key(&self) -> SoftwareKey {
        key(GATEWAY)
    }

    /// The pass of the thing whose key has this seed.
    pub fn pass(&self, seed: u8) -> Result<Vec<u8>, Failure> {
        let pass = pass(self.gateway, thing(seed)?, seed, things());
        Ok(sealed(&pass, &self.network, GATEWAY)?)
    }

    /// Opens the purse of a thing, whose journal is `name` in `folder` and which stands at `place`.
    pub fn purse(
        &self,
        folder: &Path,
        name: &str,
        seed: u8,
        place: Option<Cell>,
    ) -> Result<ThingPurse, Failure> {
        std::fs::create_dir_all(folder)?;
        let settings = Settings {
            me: thing(seed)?,
            pass: &self.pass(seed)?,
            trust: self.trust(),
            sync_margin_s: SYNC_MARGIN_S,
            // The most it takes at once from a payer it knows nothing of, by assurance class.
            most_by_class: [amount(10_000)?; 3],
            place,
            clock: Clock::Kept,
        };
        let journal = FileJournal::open(&folder.join(name))?;
        let mut purse = ThingPurse::open(settings, key(seed), journal)?;
        purse.trust_gateway(&self.issuer_pass, &self.gateway_pass, NOW)?;
        Ok(purse)
    }

    /// What the gateway answers to a renewal. The same bytes on every run: a purse that has this
    /// allowance already gets nothing more.
    pub fn grant(&self, seed: u8, allowed: Allowed) -> Result<Vec<u8>, Failure> {
        let limit = Odometer::new(allowed.limit).ok_or("no reading")?;
        let allowance = Allowance {
            code: thing(seed)?,
            wallet_key: key(seed).public_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency: usd()?,
            limit,
            base_sequence: Sequence(0),
            base_head: Reference::default(),
            base_odometer: Odometer::ZERO,
            most_per_payment: amount(10_000)?,
            most_payments: 1_000,
            hops: allowed.hops,
            area: allowed.area,
            guarantee: None,
            issued: GIVEN,
            expires: GIVEN.plus_s(LIFE_S),
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            number: seed.into(),
            issued_total: limit,
        };
        let allowance = &sealed(&allowance, &self.network, GATEWAY)?;
        written(|out| Message::Grant { allowance }.write(out).ok_or(Status::Full))
    }

    /// Where an allowance may be good: the message that says so, and its reference.
    pub fn area(&self, cells: &[Cell]) -> Result<(Vec<u8>, Reference), Failure> {
        let area = Area {
            by: self.gateway,
            cells: Set::<Cell, AREA_CELLS>::new(cells).ok_or("too many cells")?,
            issued: GIVEN,
        };
        let area = &sealed(&area, &self.network, GATEWAY)?;
        let reference = open::<Area>(area, &self.network)?.id().reference();
        let message = written(|out| Message::Area { area }.write(out).ok_or(Status::Full))?;
        Ok((message, reference))
    }
}

fn pass(issuer: Code, subject: Code, seed: u8, rights: Rights) -> Pass {
    let station = (subject.kind() == Kind::Gateway).then_some(1);
    Pass {
        issuer: Party(issuer),
        subject: Party(subject),
        expires: GIVEN.plus_s(LIFE_S),
        issued: GIVEN,
        key: Confirmation(key(seed).public_key()),
        class: AssuranceClass::Software,
        rights,
        grace_s: None,
        station,
        first_sequence: station.map(|_| 1),
        last_sequence: station.map(|_| 99),
    }
}

/// What every thing may do.
fn things() -> Rights {
    Rights::PAY.and(Rights::ACCEPT)
}

/// The code of the thing whose key has this seed.
pub fn thing(seed: u8) -> Result<Code, Failure> {
    code(Kind::Device, 1, seed.into())
}

/// A known key, for examples only.
pub fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::ed25519(&[seed; 32])
}

/// A code commits to the transport key; these things have none.
fn code(kind: Kind, station: u16, sequence: u64) -> Result<Code, Failure> {
    let by = IssuedBy { issuer: 1, station };
    let code = Code::derive(kind, by, sequence, b"no transport key");
    Ok(code.map_err(|_| "no code")?)
}

/// What all examples reckon in.
pub fn usd() -> Result<Currency, Failure> {
    Ok(Currency::new(1, *b"USD").ok_or("no currency")?)
}

/// In smallest units.
pub fn amount(minor: u64) -> Result<AmountMinor, Failure> {
    Ok(AmountMinor::new(minor).ok_or("more than an amount can be")?)
}

/// A name of up to 16 letters as a reference.
pub fn named(name: &str) -> Reference {
    let mut reference = [0; 16];
    let letters = reference.iter_mut().zip(name.bytes());
    letters.for_each(|(to, from)| *to = from);
    Reference(reference)
}

/// What something writes into a buffer.
pub fn written(write: impl FnOnce(&mut [u8]) -> Result<usize, Status>) -> Result<Vec<u8>, Failure> {
    let mut out = vec![0; OUT_MAX];
    let len = write(&mut out)?;
    out.truncate(len);
    Ok(out)
}

/// The folder that was named on the command line.
pub fn folder() -> Result<std::path::PathBuf, Failure> {
    let folder = std::env::args_os().nth(1);
    Ok(folder.ok_or("name a folder for the journals")?.into())
}

fn sealed<T: Object>(object: &T, network: &Network, seed: u8) -> Result<Vec<u8>, Status> {
    let mut out = [0; SIGNED_MAX];
    let sealed = seal(object, network, &key(seed), &mut out);
    let (len, _) = sealed.map_err(|_| Status::Malformed)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}
