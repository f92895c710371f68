//! A vending machine: prices on its door, one of which is paid.
//!
//! ```text
//! cargo run -p device-sdk --example vending -- FOLDER
//! ```
//! The machine publishes its prices, signed; anybody may pass them on. A phone pays what a bottle
//! costs there without asking its owner, because the owner's rules allow it; the machine lets the
//! bottle go when exactly that much was paid for it.

mod authorities;

use authorities::{
    Allowed, Authorities, Failure, NOW, ThingPurse, amount, folder, named, usd, written,
};
use device_sdk::purse::{Buying, Event, PrintedPrice, StandingRules};
use protocol::objects::{Asked, Measure, Price};
use protocol::rules::Expected;
use protocol::{Kind, Reference};

const PHONE: u8 = 10;
const MACHINE: u8 = 11;
const BOTTLE: &str = "water";

fn main() -> Result<(), Failure> {
    let (by, folder, usd) = (Authorities::new("example")?, folder()?, usd()?);
    let mut machine = by.purse(&folder, "machine", MACHINE, None)?;
    let mut phone = by.purse(&folder, "phone", PHONE, None)?;
    phone.receive(&by.grant(PHONE, Allowed::up_to(5_000))?, NOW)?;
    // Up to 3.00 a day, to machines only.
    phone.set_rules(usd, &StandingRules::up_to(amount(300)?, &[Kind::Device]))?;

    // What stands on the door. Items are sorted by name.
    let price = |item, minor| -> Result<Price, Failure> {
        Ok(Price {
            item: named(item),
            measure: Measure::Piece,
            amount: amount(minor)?,
        })
    };
    let prices = [price("cola", 150)?, price(BOTTLE, 100)?];
    let door = written(|out| machine.tariff(usd, &prices, NOW.plus_s(86_400), NOW, out))?;

    // The phone scans the door. `slot` names this one sale among all of the machine.
    let slot = Reference(*b"slot 4, sale 117");
    let tariff = phone.read_tariff(&door, NOW)?;
    let one_bottle = Buying {
        measure: Measure::Piece,
        quantity: 1,
        item: Some(named(BOTTLE)),
    };
    for asked in [120, 100] {
        let printed = PrintedPrice {
            payee: machine.me(),
            currency: usd,
            asked: Asked::Amount(amount(asked)?),
            reference: slot,
        };
        let offer = phone.consider_printed(&printed, Some(&one_bottle), Some(&tariff), NOW);
        let offer = match offer {
            Ok(offer) => offer,
            Err(status) => {
                println!("phone: {asked} for {BOTTLE} is not paid: {status}");
                continue;
            }
        };
        let evidence = written(|out| phone.pay_invoice(&offer, None, NOW, out))?;

        // The machine knows what was chosen, and takes nothing else for it.
        if let Err(status) = sell(&mut machine, "cola", 150, slot, &evidence) {
            println!("machine: no cola for that: {status}");
        }
        let receipt = sell(&mut machine, BOTTLE, 100, slot, &evidence)?;
        match phone.receive(&receipt, NOW)? {
            Event::Receipted { .. } | Event::Known => {
                println!("phone: {asked} for {BOTTLE}, receipted")
            }
            other => return Err(format!("{other:?}").into()),
        }
    }
    let taken = machine.totals(usd).received_unsettled;
    println!("machine: took {taken}, for a gateway when there is one");
    Ok(())
}

/// Takes exactly this for a bottle and lets it go. The same payment again gets the same receipt and
/// no second bottle: only what is new counts.
fn sell(
    machine: &mut ThingPurse,
    bottle: &str,
    minor: u64,
    slot: Reference,
    evidence: &[u8],
) -> Result<Vec<u8>, Failure> {
    let (usd, amount) = (usd()?, amount(minor)?);
    let expected = Expected {
        amount,
        reference: slot,
    };
    let before = machine.totals(usd).received_unsettled;
    let receipt = written(|out| machine.accept(evidence, Some(expected), NOW, out))?;
    match machine.totals(usd).received_unsettled > before {
        true => println!("machine: {bottle} falls"),
        false => println!("machine: this was paid for before"),
    }
    Ok(receipt)
}
