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

mod authorities;

use authorities::{Allowed, Authorities, Failure, key, thing};
use device_sdk::identity_file::Identity;
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, Payment, Receipt};
use protocol::{AmountMinor, Code, Sequence, Signer};
use std::fs;
use std::path::Path;

const NETWORK: &str = "boards";
const FLASH_BYTES: usize = 64 * 4_096;
const CAR: u8 = 10;
const CHARGER: u8 = 11;

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
    let by = Authorities::new(NETWORK)?;
    let charger = thing(CHARGER)?;
    let hops = passing_on.then_some(1);
    for (name, seed, limit) in [("car", CAR, 100_000), ("charger", CHARGER, 100)] {
        let grant = match seed == CAR || passing_on {
            true => by.grant(
                seed,
                Allowed {
                    hops,
                    ..Allowed::up_to(limit)
                },
            )?,
            false => Vec::new(),
        };
        let (me, trust) = (thing(seed)?, by.trust());
        let parts: [&[u8]; 9] = [
            &[seed; 32],
            me.as_bytes(),
            &by.pass(seed)?,
            by.network.as_str().as_bytes(),
            trust.root_key.as_bytes(),
            &by.issuer_pass,
            &by.gateway_pass,
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
    let by = Authorities::new(NETWORK)?;
    let network = by.network;
    let gateway = by.gateway_key().public_key();
    let allowance = open::<Allowance>(allowance, &network)?.verify(&gateway)?;
    let payment = open::<Payment>(payment, &network)?.verify(&allowance.get().wallet_key)?;
    let receipt = open::<Receipt>(receipt, &network)?.verify(&key(CHARGER).public_key())?;
    let (paid, said) = (payment.get(), receipt.get());
    let fits = said.payment == payment.id() && said.declined.is_none();
    if !fits || paid.payee != thing(CHARGER)? {
        return Err("a receipt for something else".into());
    }
    Ok((paid.sequence, paid.amount))
}
