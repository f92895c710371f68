//! A sensor that sells what it measures, reading by reading.
//!
//! ```text
//! cargo run -p device-sdk --example readings -- FOLDER
//! ```
//! The buyer pays for the next reading and gets it; each is a hash to release and a hash to check, so
//! a battery bears it. Whoever is cheated loses one reading or its price.

mod authorities;

use authorities::{Allowed, Authorities, Failure, NOW, ThingPurse, amount, folder, usd, written};
use device_sdk::purse::{Event, Seed, StreamOrder};
use protocol::{Code, Digest, Reference, Status};

const BUYER: u8 = 10;
const SENSOR: u8 = 11;
const PRICE: u64 = 2;
/// Of these the buyer will want fewer.
const MOST_READINGS: u32 = 24;
/// What the sensor measures, in tenths of a degree.
const MEASURED: [i16; 5] = [181, 184, 190, 197, 203];

fn main() -> Result<(), Failure> {
    let (by, folder) = (Authorities::new("example")?, folder()?);
    let mut sensor = Sensor {
        purse: by.purse(&folder, "sensor", SENSOR, None)?,
        given: 0,
    };
    let mut buyer = by.purse(&folder, "buyer", BUYER, None)?;
    buyer.receive(&by.grant(BUYER, Allowed::up_to(1_000))?, NOW)?;

    // The price is known; nobody has to ask for it.
    let order = order(sensor.purse.me())?;
    // From a true random number generator in a product.
    let seed = Seed(Digest([3; 32]));
    let evidence = written(|out| buyer.pay_stream(&order, seed, NOW, out))?;
    let ready = written(|out| sensor.purse.accept(&evidence, None, NOW, out))?;
    let payment = match buyer.receive(&ready, NOW)? {
        Event::Ready { payment } => payment,
        Event::Closed { .. } | Event::Known => {
            println!("buyer: this subscription is over");
            return Ok(());
        }
        other => return Err(format!("{other:?}").into()),
    };
    for number in 1..=MEASURED.len() as u32 {
        let unit = written(|out| buyer.release(payment, number, out))?;
        let tenths = sensor.read(&unit)?;
        println!(
            "buyer: reading {number} is {}.{} °C",
            tenths / 10,
            tenths % 10
        );
        // Paid once, read once.
        if sensor.read(&unit).is_ok() {
            return Err("a reading for nothing".into());
        }
    }
    let receipt = written(|out| sensor.purse.close_stream(payment, NOW, out))?;
    buyer.receive(&receipt, NOW)?;
    let taken = sensor.purse.totals(usd()?).received_unsettled;
    println!("sensor: sold {} readings for {taken}", MEASURED.len());
    Ok(())
}

fn order(payee: Code) -> Result<StreamOrder, Failure> {
    Ok(StreamOrder {
        payee,
        currency: usd()?,
        unit: amount(PRICE)?,
        count: MOST_READINGS,
        reference: Reference(*b"readings, day 9 "),
    })
}

struct Sensor {
    purse: ThingPurse,
    /// Readings that were given.
    given: u32,
}

impl Sensor {
    /// The reading that a unit pays for, which no unit has paid for before.
    fn read(&mut self, unit: &[u8]) -> Result<i16, Status> {
        let paid = self.purse.take_unit(unit)?.units;
        if paid <= self.given {
            return Err(Status::WrongUnit);
        }
        let measured = MEASURED.get(self.given as usize).copied();
        self.given += 1;
        measured.ok_or(Status::WrongUnit)
    }
}
