//! A charger that is paid by the watt-hour while it charges.
//!
//! ```text
//! cargo run -p device-sdk --example charging -- FOLDER
//! ```
//! One signature at the beginning, one at the end, and a hash for each step in between. The charger
//! is never more than one step ahead of what was paid, and the car pays for nothing that it did not
//! get: when the plug is pulled, the stream ends where the meter stands.

mod authorities;

use authorities::{Allowed, Authorities, Failure, NOW, amount, folder, usd, written};
use device_sdk::purse::{
    Buying, Event, InvoiceOrder, OUT_MAX, Rate, RateRules, Seed, StandingRules,
};
use protocol::objects::{Asked, Measure};
use protocol::{AssuranceClass, Digest, Kind, Reference, Status};

const CAR: u8 = 10;
const CHARGER: u8 = 11;
/// 0.30 for a kilowatt-hour, in tenths of a cent: 3 for each step of 10 Wh.
const PRICE_A_STEP: u64 = 3;
const STEP_WH: u32 = 10;
const MOST_STEPS: u32 = 1_000;
/// The meter when the plug is pulled.
const PULLED_AT_WH: u32 = 7_430;

fn main() -> Result<(), Failure> {
    let (by, folder) = (Authorities::new("example")?, folder()?);
    let mut charger = by.purse(&folder, "charger", CHARGER, None)?;
    let mut car = by.purse(&folder, "car", CAR, None)?;
    car.receive(&by.grant(CAR, Allowed::up_to(50_000))?, NOW)?;
    // The owner pays devices up to 40.00 a day, and energy at 0.35 a kilowatt-hour at most.
    car.set_rules(
        usd()?,
        &StandingRules::up_to(amount(4_000)?, &[Kind::Device]),
    )?;
    let mut rates = RateRules::default();
    if let Some(rate) = rates.get_mut(Measure::WattHour as usize) {
        *rate = Some(Rate {
            amount: amount(350)?,
            per: 1_000,
        });
    }
    car.set_rates(usd()?, &rates)?;

    // Plugged in: the charger asks, the car looks at it and agrees.
    let asked = InvoiceOrder {
        currency: usd()?,
        asked: Asked::Units {
            unit: amount(PRICE_A_STEP)?,
            most: MOST_STEPS,
        },
        reference: Reference(*b"session no. 2037"),
        expires: NOW.plus_s(600),
        least_class: AssuranceClass::Software,
    };
    // Nonce and seed come from a true random number generator in a product.
    let mut out = [0; OUT_MAX];
    let invoice = match charger.invoice(&asked, 2_037, NOW, &mut out) {
        Ok(len) => out.get(..len).unwrap_or_default(),
        // An earlier run of this example has paid it.
        Err(Status::WrongReference) => {
            println!("charger: this session is over");
            return Ok(());
        }
        Err(status) => return Err(status.into()),
    };
    let energy = Buying {
        measure: Measure::WattHour,
        quantity: STEP_WH,
        item: None,
    };
    let offer = car.consider_priced(invoice, &energy, None, NOW)?;
    println!(
        "car: up to {} for {MOST_STEPS} steps of {STEP_WH} Wh",
        offer.amount()
    );
    let seed = Seed(Digest([7; 32]));
    let evidence = written(|out| car.pay_invoice(&offer, Some(seed), NOW, out))?;
    let ready = written(|out| charger.accept(&evidence, None, NOW, out))?;
    let Event::Ready { payment } = car.receive(&ready, NOW)? else {
        return Err("the charger is not ready".into());
    };

    // The car pays for the step that begins; the charger closes its relay when that is not there.
    let mut metered_wh = 0;
    while metered_wh < PULLED_AT_WH {
        let step = metered_wh / STEP_WH + 1;
        let unit = written(|out| car.release(payment, step, out))?;
        let taken = charger.take_unit(&unit)?;
        if taken.units < step {
            return Err("the charger opens its relay".into());
        }
        metered_wh += STEP_WH;
    }
    println!("charger: {metered_wh} Wh are paid");
    let receipt = written(|out| charger.close_stream(payment, NOW, out))?;
    match car.receive(&receipt, NOW)? {
        Event::Closed { units, .. } => {
            let cost = u64::from(units) * PRICE_A_STEP;
            println!("car: {units} steps for {cost}, receipted");
        }
        other => return Err(format!("{other:?}").into()),
    }
    println!(
        "charger: took {}",
        charger.totals(usd()?).received_unsettled
    );
    Ok(())
}
