//! A toll gate: an allowance that is good on one bridge and nowhere else.
//!
//! ```text
//! cargo run -p device-sdk --example toll -- FOLDER
//! ```
//! Whoever lends a car gives it money for the way and not for the town: the gateway's allowance names
//! an area. A payee knows where it stands, and refuses an allowance that is not good there, with no
//! network at all.

mod authorities;

use authorities::{Allowed, Authorities, Failure, NOW, amount, folder, named, thing, usd};
use device_sdk::purse::{Event, OUT_MAX, Order};
use protocol::Status;
use protocol::code::grid::{Cell, Level, Point};

const CAR: u8 = 10;
const GATE: u8 = 11;
const KIOSK: u8 = 12;
const TOLL: u64 = 350;

fn main() -> Result<(), Failure> {
    let (by, folder) = (Authorities::new("example")?, folder()?);
    // The bridge is a cell of 15" by 10" to 1'; gate and kiosk stand within a metre.
    let (bridge, town) = (at(30_240, 120_150)?, at(30_290, 120_210)?);
    let (area, reference) = by.area(&[Cell::around(bridge, Level::new(4).ok_or("no level")?)])?;
    let mut gate = by.purse(
        &folder,
        "gate",
        GATE,
        Some(Cell::around(bridge, Level::DEFAULT)),
    )?;
    let mut kiosk = by.purse(
        &folder,
        "kiosk",
        KIOSK,
        Some(Cell::around(town, Level::DEFAULT)),
    )?;
    // Which cells an area is, anybody may pass on; who stands in none of them need not keep it.
    for payee in [&mut gate, &mut kiosk] {
        payee.receive(&area, NOW)?;
    }
    let mut car = by.purse(&folder, "car", CAR, None)?;
    let allowed = Allowed {
        area: Some(reference),
        ..Allowed::up_to(5_000)
    };
    car.receive(&by.grant(CAR, allowed)?, NOW)?;

    for (name, seed, payee) in [("kiosk", KIOSK, &mut kiosk), ("gate", GATE, &mut gate)] {
        let order = Order {
            payee: thing(seed)?,
            currency: usd()?,
            amount: amount(TOLL)?,
            reference: named("crossing 8"),
        };
        let mut out = [0; OUT_MAX];
        let len = car.pay(&order, NOW, &mut out)?;
        let evidence = out.get(..len).unwrap_or_default().to_vec();
        match payee.accept(&evidence, None, NOW, &mut out) {
            Ok(len) => match car.receive(out.get(..len).unwrap_or_default(), NOW)? {
                Event::Receipted { .. } | Event::Known => {
                    println!("{name}: takes {TOLL}, and opens")
                }
                other => return Err(format!("{other:?}").into()),
            },
            Err(Status::OutsideArea) => {
                println!("{name}: this allowance is not good here");
                // In writing, so that a gateway gives the money back.
                let len = payee.decline(&evidence, Status::OutsideArea, NOW, &mut out)?;
                match car.receive(out.get(..len).unwrap_or_default(), NOW)? {
                    Event::Declined { .. } | Event::Known => println!("car: declined in writing"),
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Err(Status::Declined) => println!("{name}: has declined this before"),
            Err(status) => return Err(status.into()),
        }
    }
    println!("gate: took {}", gate.totals(usd()?).received_unsettled);
    Ok(())
}

/// A place, in thousandths of a degree.
fn at(latitude: i64, longitude: i64) -> Result<Point, Failure> {
    let point = Point::from_nanodegrees(latitude * 1_000_000, longitude * 1_000_000);
    Ok(point.ok_or("no place on earth")?)
}
