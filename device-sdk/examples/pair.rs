//! Two things pay each other over UDP, with no gateway anywhere.
//!
//! ```text
//! cargo run -p device-sdk --example pair -- FOLDER
//! ```
//!
//! FOLDER keeps one journal a purse. Run it again, or end it in the middle and run it again: the
//! purses are where they were, and a payment that was made before is the same payment once more.
//!
//! What a gateway would have given them (passes and allowances) is made here from known keys. A
//! real thing makes its own keys and gets the rest by `device_sdk::enrol`.

use device_sdk::journal_file::FileJournal;
use device_sdk::links::udp::{Answerer, Asker, Timing};
use device_sdk::purse::{Clock, Event, OUT_MAX, Order, Purse, Settings};
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, seal};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{Allowance, Confirmation, Object, Party, Pass, Rights};
use protocol::rules::Trust;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Odometer, Reference,
    Sequence, Signer, Status, Timestamp,
};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

type Failure = Box<dyn Error>;
/// At most 64 payments wait for a gateway, made and taken together; 8 payers are remembered.
type ThingPurse = Purse<SoftwareKey, FileJournal, 64, 8>;

/// When the authorities gave their passes: 2026-01-01.
const GIVEN: Timestamp = Timestamp(1_767_225_600);
const LIFE_S: u32 = 10 * 365 * 86_400;
/// How long these things may need, at worst, to reach a gateway.
const SYNC_MARGIN_S: u32 = 86_400;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let folder = folder.ok_or("name a folder for the two journals")?;
    std::fs::create_dir_all(&folder)?;
    let authorities = Authorities::new()?;
    let car = Thing::new(&authorities, &folder, "car", 10).await?;
    let charger = Thing::new(&authorities, &folder, "charger", 11).await?;

    let doing = async {
        for number in 1..=3 {
            car.pay(&charger, 1_000, number).await?;
        }
        charger.pay(&car, 250, 1).await
    };
    // Both answer whenever they are asked.
    let done = tokio::select! {
        done = doing => done,
        error = car.serve() => Err(error.into()),
        error = charger.serve() => Err(error.into()),
    };
    for thing in [&car, &charger] {
        let totals = thing.purse().totals(usd()?);
        println!(
            "{}: paid {}, taken {}, may still spend {}; {} payments wait for a gateway",
            thing.name,
            totals.paid_out.get(),
            totals.received_unsettled,
            totals.spendable,
            thing.purse().unanswered()
        );
    }
    done
}

/// A purse and its two ends of the link.
struct Thing {
    name: &'static str,
    purse: Mutex<ThingPurse>,
    answerer: Answerer,
    address: SocketAddr,
    asker: Asker,
}

impl Thing {
    async fn new(
        by: &Authorities,
        folder: &Path,
        name: &'static str,
        seed: u8,
    ) -> Result<Self, Failure> {
        let answerer = Answerer::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        Ok(Self {
            name,
            purse: Mutex::new(by.purse(&folder.join(name), seed)?),
            address: answerer.local_addr()?,
            answerer,
            asker: Asker::bind((Ipv4Addr::LOCALHOST, 0).into(), now().0, Timing::default()).await?,
        })
    }

    /// The purse is never held across an await: everything it does is one step.
    fn purse(&self) -> MutexGuard<'_, ThingPurse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pay(&self, payee: &Self, amount_minor: u64, number: u64) -> Result<(), Failure> {
        let order = Order {
            payee: payee.purse().me(),
            currency: usd()?,
            amount: AmountMinor::new(amount_minor).ok_or("more than an amount can be")?,
            reference: Reference(u128::from(number).to_be_bytes()),
        };
        let mut out = [0; OUT_MAX];
        let len = self.purse().pay(&order, now(), &mut out)?;
        // From here on the payment is made, whatever happens: it is in the journal. Without an
        // answer it may be sent again today or next week.
        let evidence = out.get(..len).unwrap_or_default();
        let answer = self.asker.ask(payee.address, evidence).await?;
        match self.purse().receive(&answer, now())? {
            Event::Refused { status, .. } => Err(format!("{}: {status}", payee.name).into()),
            event => {
                let (payer, payee) = (self.name, payee.name);
                println!("{payer} pays {payee} {amount_minor}, number {number}: {event:?}");
                Ok(())
            }
        }
    }

    async fn serve(&self) -> std::io::Error {
        let answer = |message: Vec<u8>| {
            let mut out = [0; OUT_MAX];
            // The receipt is in the journal before it is in `out`.
            let len = match self.purse().accept(&message, None, now(), &mut out) {
                Ok(len) => Some(len),
                Err(status) => Message::refusal(status, None).write(&mut out),
            };
            let answer = len.and_then(|len| out.get(..len)).map(<[u8]>::to_vec);
            async move { answer }
        };
        self.answerer.serve(answer).await
    }
}

/// Root, issuer and gateway, as far as a purse knows them.
struct Authorities {
    network: Network,
    gateway: Code,
    issuer_pass: Vec<u8>,
    gateway_pass: Vec<u8>,
}

impl Authorities {
    fn new() -> Result<Self, Failure> {
        let network = Network::new("example").ok_or("no name of a network")?;
        let [root, issuer, gateway] = [
            code(Kind::Issuer, 0, 0)?,
            code(Kind::Issuer, 0, 1)?,
            code(Kind::Gateway, 0, 2)?,
        ];
        let rights = things()
            .and(Rights::SETTLE)
            .and(Rights::ISSUE_CODES)
            .and(Rights::ISSUE_MONEY);
        let issuer_pass = pass(root, issuer, &key(2), rights);
        let gateway_pass = pass(issuer, gateway, &key(3), rights);
        Ok(Self {
            network,
            gateway,
            issuer_pass: sealed(&issuer_pass, &network, &key(1))?,
            gateway_pass: sealed(&gateway_pass, &network, &key(2))?,
        })
    }

    /// Opens the purse whose journal is in `path`, with an allowance in it.
    fn purse(&self, path: &Path, seed: u8) -> Result<ThingPurse, Failure> {
        let me = code(Kind::Device, 1, seed.into())?;
        let pass = pass(self.gateway, me, &key(seed), things());
        let settings = Settings {
            me,
            pass: &sealed(&pass, &self.network, &key(3))?,
            trust: Trust::new(self.network, key(1).public_key()),
            sync_margin_s: SYNC_MARGIN_S,
            // The most it takes at once from a payer it knows nothing of, by assurance class.
            most_by_class: [AmountMinor::new(10_000).ok_or("no amount")?; 3],
            place: None,
            clock: Clock::Kept,
        };
        let mut purse = ThingPurse::open(settings, key(seed), FileJournal::open(path)?)?;
        purse.trust_gateway(&self.issuer_pass, &self.gateway_pass, now())?;
        purse.receive(&self.grant(me, seed)?, now())?;
        Ok(purse)
    }

    /// What a gateway answers to a renewal. The same bytes on every run: a purse that has this
    /// allowance already gets nothing more.
    fn grant(&self, me: Code, seed: u8) -> Result<Vec<u8>, Failure> {
        let limit = Odometer::new(100_000).ok_or("no reading")?;
        let allowance = Allowance {
            code: me,
            wallet_key: key(seed).public_key(),
            key_epoch: KeyEpoch(1),
            class: AssuranceClass::Software,
            currency: usd()?,
            limit,
            base_sequence: Sequence(0),
            base_head: Reference::default(),
            base_odometer: Odometer::ZERO,
            most_per_payment: AmountMinor::new(10_000).ok_or("no amount")?,
            most_payments: 1_000,
            hops: None,
            area: None,
            guarantee: None,
            issued: GIVEN,
            expires: GIVEN.plus_s(LIFE_S),
            gateway: self.gateway,
            gateway_epoch: KeyEpoch(1),
            number: 1,
            issued_total: limit,
        };
        let allowance = &sealed(&allowance, &self.network, &key(3))?;
        let mut out = [0; OUT_MAX];
        let len = Message::Grant { allowance }.write(&mut out);
        let grant = len.and_then(|len| out.get(..len)).ok_or("no room")?;
        Ok(grant.to_vec())
    }
}

fn pass(issuer: Code, subject: Code, key: &SoftwareKey, rights: Rights) -> Pass {
    let station = (subject.kind() == Kind::Gateway).then_some(1);
    Pass {
        issuer: Party(issuer),
        subject: Party(subject),
        expires: GIVEN.plus_s(LIFE_S),
        issued: GIVEN,
        key: Confirmation(key.public_key()),
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

/// A known key, for an example only.
fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::ed25519(&[seed; 32])
}

/// A code commits to the transport key; these things have none.
fn code(kind: Kind, station: u16, sequence: u64) -> Result<Code, Failure> {
    let by = IssuedBy { issuer: 1, station };
    let code = Code::derive(kind, by, sequence, b"no transport key");
    Ok(code.map_err(|_| "no code")?)
}

fn usd() -> Result<Currency, Failure> {
    Ok(Currency::new(1, *b"USD").ok_or("no currency")?)
}

fn sealed<T: Object>(object: &T, network: &Network, key: &SoftwareKey) -> Result<Vec<u8>, Status> {
    let mut out = [0; SIGNED_MAX];
    let sealed = seal(object, network, key, &mut out);
    let (len, _) = sealed.map_err(|_| Status::Malformed)?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}

fn now() -> Timestamp {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = age.map_or(0, |age| age.as_secs());
    Timestamp(u32::try_from(seconds).unwrap_or(u32::MAX))
}
