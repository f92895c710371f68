//! Makes what the two boards of `device-sdk/firmware` are born with, and judges what they did.
//!
//! ```text
//! boards make FOLDER            identities and blank flash in FOLDER/car and FOLDER/charger
//! boards passing-on FOLDER      the same, but the charger may spend 100 and what it was just paid
//! boards judge FOLDER AMOUNT    whether both hold the same receipts, for AMOUNT in all
//! boards adopt THING FOLDER [PAYEE]    the same in FOLDER for a thing that `onecode device init` made
//! ```
//!
//! Root, issuer and gateway are made here from known keys, except by `adopt`, which takes those of a
//! running gateway. Real boards get their passes from a station or by enrolment, and make their own
//! keys.

use device_sdk::identity_file::Identity;
use protocol::code::IssuedBy;
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::message::Message;
use protocol::objects::{Allowance, Confirmation, Object, Party, Pass, Payment, Receipt, Rights};
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Kind, Network, Odometer, Reference,
    Sequence, Signer, Timestamp,
};
use std::error::Error;
use std::fs;
use std::path::Path;

type Failure = Box<dyn Error>;

/// When the authorities gave their passes: 2026-01-01.
const GIVEN: Timestamp = Timestamp(1_767_225_600);
const LIFE_S: u32 = 10 * 365 * 86_400;
const FLASH_BYTES: usize = 64 * 4_096;
const CAR: u8 = 10;
const CHARGER: u8 = 11;
const GATEWAY: u8 = 3;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["make", folder] => make(Path::new(folder), false),
        ["passing-on", folder] => make(Path::new(folder), true),
        ["judge", folder, amount] => judge(Path::new(folder), amount.parse()?),
        ["adopt", thing, folder] => adopt(Path::new(thing), Path::new(folder), None),
        ["adopt", thing, folder, payee] => {
            adopt(Path::new(thing), Path::new(folder), Some(payee.parse()?))
        }
        _ => Err(
            "boards make | passing-on FOLDER, judge FOLDER AMOUNT, adopt THING FOLDER [PAYEE]"
                .into(),
        ),
    }
}

fn make(folder: &Path, passing_on: bool) -> Result<(), Failure> {
    let root = code(Kind::Issuer, 0, 0)?;
    let issuer = code(Kind::Issuer, 0, 1)?;
    let gateway = code(Kind::Gateway, 0, 2)?;
    let things = Rights::PAY.and(Rights::ACCEPT);
    let all = things
        .and(Rights::SETTLE)
        .and(Rights::ISSUE_CODES)
        .and(Rights::ISSUE_MONEY);
    let issuer_pass = sealed(&pass(root, issuer, 2, all), 1)?;
    let gateway_pass = sealed(&pass(issuer, gateway, GATEWAY, all), 2)?;
    let charger = code(Kind::Device, 1, CHARGER.into())?;
    let (network, root_key) = (network()?, key(1).public_key());
    for (name, seed) in [("car", CAR), ("charger", CHARGER)] {
        let me = code(Kind::Device, 1, seed.into())?;
        let own = sealed(&pass(gateway, me, seed, things), GATEWAY)?;
        let grant = match (seed, passing_on) {
            (CAR, false) => grant(me, CAR, gateway, 100_000, None)?,
            (CAR, true) => grant(me, CAR, gateway, 100_000, Some(1))?,
            (_, true) => grant(me, seed, gateway, 100, Some(1))?,
            (_, false) => Vec::new(),
        };
        let parts: [&[u8]; 9] = [
            &[seed; 32],
            me.as_bytes(),
            &own,
            network.as_str().as_bytes(),
            root_key.as_bytes(),
            &issuer_pass,
            &gateway_pass,
            &grant,
            charger.as_bytes(),
        ];
        put(&folder.join(name), parts)?;
    }
    Ok(())
}

/// A board with the keys of a thing that has its code already. Whoever it does not pay it names
/// itself; it asks the gateway for its allowance.
fn adopt(thing: &Path, folder: &Path, payee: Option<Code>) -> Result<(), Failure> {
    let thing = Identity::load(thing)?.ok_or("no thing in this folder")?;
    let Identity {
        trust,
        keys,
        credentials,
    } = &thing;
    let (_, seed) = keys.to_bytes();
    let passes = credentials.passes();
    let payee = payee.unwrap_or(credentials.code);
    let parts: [&[u8]; 9] = [
        &*seed,
        credentials.code.as_bytes(),
        &passes,
        trust.network.as_str().as_bytes(),
        trust.root_key.as_bytes(),
        &credentials.issuer_pass,
        &credentials.gateway_pass,
        &[],
        payee.as_bytes(),
    ];
    put(folder, parts)
}

/// What is flashed into a board when it is made.
fn put(folder: &Path, parts: [&[u8]; 9]) -> Result<(), Failure> {
    let mut identity = Vec::new();
    for part in parts {
        identity.extend(u16::try_from(part.len())?.to_be_bytes());
        identity.extend(part);
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("identity.bin"), identity)?;
    Ok(fs::write(
        folder.join("flash.bin"),
        vec![0xff; FLASH_BYTES],
    )?)
}

/// Both sides hold the same claims; each is signed by whom it names, and they make the amount.
fn judge(folder: &Path, amount: u64) -> Result<(), Failure> {
    let [car, charger] = ["car", "charger"].map(|name| handed_in(&folder.join(name)));
    let (mut car, mut charger) = (car?, charger?);
    car.sort();
    charger.sort();
    if car != charger {
        return Err(format!("the car holds {}, the charger {}", car.len(), charger.len()).into());
    }
    let mut sum = 0;
    let mut numbers = Vec::new();
    for message in &car {
        let (sequence, paid) = claim(message)?;
        println!("payment {} of {paid}: the receipt holds", sequence.0);
        numbers.push(sequence);
        sum += paid.get();
    }
    numbers.sort();
    numbers.dedup();
    if (numbers.len(), sum) != (car.len(), amount) {
        return Err(format!("{} payments of {sum} instead of {amount}", numbers.len()).into());
    }
    println!("{} payments of {sum} in all, none twice", numbers.len());
    Ok(())
}

fn handed_in(folder: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = fs::read(folder.join("handed-in.bin"))?;
    let (mut rest, mut messages) = (&bytes[..], Vec::new());
    while let Some((len, after)) = rest.split_first_chunk() {
        let parts = after.split_at_checked(u16::from_be_bytes(*len).into());
        let (message, later) = parts.ok_or("a message is cut off")?;
        messages.push(message.to_vec());
        rest = later;
    }
    Ok(messages)
}

/// The payment's number and amount, when every signature holds.
fn claim(message: &[u8]) -> Result<(Sequence, AmountMinor), Failure> {
    let Ok(Message::Claim {
        allowance,
        payment,
        receipt,
    }) = Message::read(message)
    else {
        return Err("a payment without a receipt".into());
    };
    let network = network()?;
    let allowance = open::<Allowance>(allowance, &network)?.verify(&key(GATEWAY).public_key())?;
    let payment = open::<Payment>(payment, &network)?.verify(&allowance.get().wallet_key)?;
    let receipt = open::<Receipt>(receipt, &network)?.verify(&key(CHARGER).public_key())?;
    let (paid, said) = (payment.get(), receipt.get());
    let fits = said.payment == payment.id() && said.declined.is_none();
    if !fits || paid.payee != code(Kind::Device, 1, CHARGER.into())? {
        return Err("a receipt for something else".into());
    }
    Ok((paid.sequence, paid.amount))
}

/// What a gateway answers to a renewal.
fn grant(
    me: Code,
    seed: u8,
    gateway: Code,
    limit: u64,
    hops: Option<u32>,
) -> Result<Vec<u8>, Failure> {
    let limit = Odometer::new(limit).ok_or("no reading")?;
    let allowance = Allowance {
        code: me,
        wallet_key: key(seed).public_key(),
        key_epoch: KeyEpoch(1),
        class: AssuranceClass::Software,
        currency: Currency::new(1, *b"USD").ok_or("no currency")?,
        limit,
        base_sequence: Sequence(0),
        base_head: Reference::default(),
        base_odometer: Odometer::ZERO,
        most_per_payment: AmountMinor::new(10_000).ok_or("no amount")?,
        most_payments: 1_000,
        hops,
        area: None,
        guarantee: None,
        issued: GIVEN,
        expires: GIVEN.plus_s(LIFE_S),
        gateway,
        gateway_epoch: KeyEpoch(1),
        number: seed.into(),
        issued_total: limit,
    };
    let allowance = &sealed(&allowance, GATEWAY)?;
    let mut out = [0; 2 * SIGNED_MAX];
    let len = Message::Grant { allowance }.write(&mut out);
    let grant = len.and_then(|len| out.get(..len)).ok_or("no room")?;
    Ok(grant.to_vec())
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

/// A known key, for an example only.
fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::ed25519(&[seed; 32])
}

/// A code commits to the transport key; these boards have none.
fn code(kind: Kind, station: u16, sequence: u64) -> Result<Code, Failure> {
    let by = IssuedBy { issuer: 1, station };
    let code = Code::derive(kind, by, sequence, b"no transport key");
    Ok(code.map_err(|_| "no code")?)
}

fn network() -> Result<Network, Failure> {
    Ok(Network::new("boards").ok_or("no name of a network")?)
}

fn sealed<T: Object>(object: &T, seed: u8) -> Result<Vec<u8>, Failure> {
    let mut out = [0; SIGNED_MAX];
    let sealed = seal(object, &network()?, &key(seed), &mut out);
    let (len, _) = sealed.map_err(|_| "not to be signed")?;
    Ok(out.get(..len).unwrap_or_default().to_vec())
}
