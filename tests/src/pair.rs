//! An honest pair: one thing pays another with nobody else in reach, then both show the gateway what
//! they hold. How long that takes is what a thing feels while others misbehave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use device_sdk::coap::{Client, Request};
use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Order};
use protocol::{Reference, Status};

use crate::by_hand::{USD, amount};
use crate::house::{House, block_on, now};
use crate::thing::{Thing, ThingPurse, granted, pays};

/// Between two payments: an allowance is for 1,000 of them.
const BETWEEN: Duration = Duration::from_millis(30);

/// Payer, payee, and the one DTLS session they share.
pub struct Pair {
    payer: ThingPurse,
    payee: ThingPurse,
    of: Thing,
    number: u64,
}

impl Pair {
    /// Enrols both and gives the payer something to spend.
    pub fn new(house: &House) -> Self {
        let (car, charger) = (Thing::enrol(house, "car"), Thing::enrol(house, "charger"));
        let mut payer = car.purse();
        granted(house, &mut payer, 10_000_000, 4_000_000);
        Self {
            payer,
            payee: charger.purse(),
            of: charger,
            number: 0,
        }
    }

    /// Pays and settles until `over`; gives how long each settlement took, the shortest first.
    pub fn pay_until(&mut self, house: &House, over: &AtomicBool) -> Vec<Duration> {
        block_on(self.pay(house, over))
    }

    async fn pay(&mut self, house: &House, over: &AtomicBool) -> Vec<Duration> {
        let client = house.client(&self.of);
        let mut took = Vec::new();
        while !over.load(Ordering::Relaxed) {
            self.number += 1;
            let mut reference = [0; 16];
            reference[..8].copy_from_slice(&self.number.to_be_bytes());
            let order = Order {
                payee: self.payee.me(),
                currency: USD,
                amount: amount(100),
                reference: Reference(reference),
            };
            pays(&mut self.payer, &mut self.payee, &order);
            let began = Instant::now();
            let settled = settle(&client, &mut self.payee).await;
            took.push(began.elapsed());
            let outcome = match settled {
                Event::Stated { outcome, .. } => outcome,
                other => panic!("no statement: {other:?}"),
            };
            assert_eq!(outcome, Status::Settled);
            settle(&client, &mut self.payer).await;
            tokio::time::sleep(BETWEEN).await;
        }
        took.sort();
        took
    }
}

/// Shows the gateway what the purse holds.
async fn settle(client: &Client, purse: &mut ThingPurse) -> Event {
    let (mut cursor, mut out) = (HandInCursor::default(), [0; OUT_MAX]);
    let length = purse.hand_in(&mut cursor, &mut out);
    let length = length
        .expect("a whole journal")
        .expect("something to hand in");
    let post = Request::post("oc/1/me/w/out/gateway", 60, out[..length].to_vec());
    let answer = client.request(post).await.expect("the door answers");
    purse.receive(&answer.payload, now()).expect("a statement")
}
