//! Two things pay each other over UDP, with no gateway anywhere.
//!
//! ```text
//! cargo run -p device-sdk --example pair -- FOLDER
//! ```
//!
//! FOLDER keeps one journal a purse. Run it again, or end it in the middle and run it again: the
//! purses are where they were, and a payment that was made before is the same payment once more.
//!
//! What a gateway would have given them (passes and allowances) is made in `authorities` from known
//! keys. A real thing makes its own keys and gets the rest by `device_sdk::enrol`.

mod authorities;

use authorities::{Allowed, Authorities, Failure, ThingPurse, amount, usd};
use device_sdk::links::udp::{Answerer, Asker, Timing};
use device_sdk::purse::{Event, OUT_MAX, Order};
use protocol::message::Message;
use protocol::{Reference, Timestamp};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What each may spend.
const ALLOWED: Allowed = Allowed::up_to(100_000);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = authorities::folder()?;
    let authorities = Authorities::new("example")?;
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
        let mut purse = by.purse(folder, name, seed, None)?;
        purse.receive(&by.grant(seed, ALLOWED)?, now())?;
        let answerer = Answerer::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        Ok(Self {
            name,
            purse: Mutex::new(purse),
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
            amount: amount(amount_minor)?,
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

fn now() -> Timestamp {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = age.map_or(0, |age| age.as_secs());
    Timestamp(u32::try_from(seconds).unwrap_or(u32::MAX))
}
