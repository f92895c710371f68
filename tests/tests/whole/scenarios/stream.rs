//! Paying by the unit, and what a payee says with no receipt or against one, at the gateway's door.

use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Seed, StreamOrder, UNITS_AT_ONCE};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Payment, Receipt, Statement};
use protocol::stream::{Chain, Stream};
use protocol::{Digest, Reference, Status};
use tests::by_hand::{USD, amount, message};
use tests::house::{House, now};
use tests::thing::{Thing, ThingPurse, synchronise, written};

const UNITS: u32 = 1_000_000;
const UNIT: u64 = 3;
const LOADED: u64 = 10_000_000;

fn waits(house: &House) -> u64 {
    house.books()["sums"][0]["in_transit"].as_u64().unwrap()
}

fn renew(house: &House, purse: &mut ThingPurse, wanted: u64) {
    let renewal = written(|out| purse.renewal(USD, amount(wanted), now(), out)).unwrap();
    let grant = house.wallet(purse.me(), &renewal).payload;
    purse.receive(&grant, now()).unwrap();
}

/// The one thing that a purse has to show, as the gateway answers it.
fn claimed(house: &House, purse: &mut ThingPurse) -> Statement {
    let (mut cursor, mut out) = (HandInCursor::default(), [0; OUT_MAX]);
    let len = purse.hand_in(&mut cursor, &mut out).unwrap().unwrap();
    let answer = house.wallet(purse.me(), &out[..len]).payload;
    purse.receive(&answer, now()).unwrap();
    stated(&answer)
}

fn stated(answer: &[u8]) -> Statement {
    match Message::read(answer) {
        Ok(Message::Statement { statement }) => {
            let network = protocol::Network::new("test").unwrap();
            *open::<Statement>(statement, &network).unwrap().peek()
        }
        other => panic!("no statement: {other:?}"),
    }
}

#[test]
fn a_million_units_on_one_payment_are_released_taken_claimed_and_closed() {
    let house = House::start();
    let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
    house.load(car.code(), LOADED);
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    renew(&house, &mut payer, LOADED);
    let order = StreamOrder {
        payee: charger.code(),
        currency: USD,
        unit: amount(UNIT),
        count: UNITS,
        reference: Reference(*b"a million units."),
    };
    let seed = || Seed(Digest([0x5e; 32]));
    let evidence = written(|out| payer.pay_stream(&order, seed(), now(), out)).unwrap();
    let ready = written(|out| payee.accept(&evidence, None, now(), out)).unwrap();
    let Event::Ready { payment } = payer.receive(&ready, now()).unwrap() else {
        panic!("the payee is not ready")
    };

    // The last unit stays with the payer, so that it is the receipt that closes the stream.
    let (taken, mut posted) = (UNITS - 1, 0);
    let mut units = 0;
    while units < taken {
        units = taken.min(units + UNITS_AT_ONCE);
        let unit = written(|out| payer.release(payment, units, out)).unwrap();
        let took = payee.take_unit(&unit).unwrap();
        assert_eq!(
            (took.units, took.amount),
            (units, amount(UNIT * u64::from(units)))
        );
        if units - posted > UNITS / 5 {
            let said = claimed(&house, &mut payee);
            assert_eq!(said.outcome, Status::InTransit as u32);
            assert_eq!(said.units, Some(units));
            assert_eq!(waits(&house), UNIT * u64::from(UNITS - units));
            posted = units;
        }
    }
    assert!(posted > UNITS / 2, "claimed only up to {posted}");

    let receipt = written(|out| payee.close_stream(payment, now(), out)).unwrap();
    let closed = payer.receive(&receipt, now()).unwrap();
    assert_eq!(
        closed,
        Event::Closed {
            payment,
            units: taken
        }
    );
    let said = claimed(&house, &mut payee);
    assert_eq!(
        (said.outcome, said.units),
        (Status::Settled as u32, Some(taken))
    );
    for purse in [&mut payer, &mut payee] {
        synchronise(&house, purse);
        assert_eq!(purse.unanswered(), 0);
    }
    assert_eq!(waits(&house), 0);
    // What was paid can be spent by one, the rest by the other, and not a unit more.
    let paid = UNIT * u64::from(taken);
    assert_eq!(payee.totals(USD).received_settled, amount(paid));
    renew(&house, &mut payee, LOADED);
    assert_eq!(payee.spendable(USD), amount(paid));
    renew(&house, &mut payer, LOADED);
    assert_eq!(payer.spendable(USD), amount(LOADED - paid));
}

/// A payer and a payee that sign by hand, an allowance and a stream of 100 units at 5 under it.
struct Stage {
    house: House,
    car: Thing,
    charger: Thing,
    allowance: Vec<u8>,
    stream: Payment,
}

const SEED: Digest = Digest([0x77; 32]);
const COUNT: u32 = 100;

impl Stage {
    fn set() -> Self {
        let house = House::start();
        let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
        house.load(car.code(), LOADED);
        let signatory = car.signatory();
        let grant = house.wallet(car.code(), &signatory.renewal(10_000, now()));
        let Ok(Message::Grant { allowance }) = Message::read(&grant.payload) else {
            panic!("no grant: {grant:?}")
        };
        let plain = signatory.first_payment(allowance, charger.code(), 5 * u64::from(COUNT));
        let stream = Payment {
            stream: Some(Stream {
                unit: amount(5),
                count: COUNT,
                anchor: Chain::of(&plain).down(SEED, COUNT),
            }),
            ..plain
        };
        let allowance = allowance.to_vec();
        Self {
            house,
            car,
            charger,
            allowance,
            stream,
        }
    }

    fn value(&self, units: u32) -> Digest {
        Chain::of(&self.stream).down(SEED, COUNT - units)
    }

    fn claim(&self, units: u32, value: Digest, receipt: Option<&[u8]>) -> Vec<u8> {
        message(&Message::StreamClaim {
            allowance: &self.allowance,
            payment: &self.car.signatory().sign(&self.stream),
            units,
            value,
            receipt,
        })
    }

    fn receipt(&self, payment: &Payment, declined: Option<Status>, units: Option<u32>) -> Vec<u8> {
        let network = self.car.signatory().network;
        let payment = self.car.signatory().sign(payment);
        self.charger.signatory().sign(&Receipt {
            payee: self.charger.code(),
            payment: open::<Payment>(&payment, &network).unwrap().id(),
            time: now(),
            declined: declined.map(|status| status as u32),
            units,
        })
    }

    /// As the payee brings it.
    fn brings(&self, message: &[u8]) -> Vec<u8> {
        self.house.wallet(self.charger.code(), message).payload
    }

    fn refused(&self, message: &[u8], status: Status) {
        let before = self.house.books();
        let answer = self.brings(message);
        let said = Message::read(&answer);
        assert!(
            matches!(said, Ok(Message::Refusal { status: said, .. }) if said == status),
            "{said:?} instead of {status}"
        );
        assert_eq!(self.house.books(), before, "{status}: the books changed");
    }
}

#[test]
fn units_are_claimed_at_the_door_and_a_single_one_is_not_for_a_gateway() {
    let stage = Stage::set();
    let unit = message(&Message::Unit {
        about: [1, 2, 3, 4],
        units: 7,
        value: stage.value(7),
    });
    stage.refused(&unit, Status::NotForYou);
    stage.refused(&stage.claim(8, stage.value(7), None), Status::WrongUnit);
    stage.refused(&stage.claim(COUNT + 1, SEED, None), Status::WrongUnit);
    let whole = stage.receipt(&stage.stream, None, None);
    stage.refused(
        &stage.claim(7, stage.value(7), Some(&whole)),
        Status::WrongReceipt,
    );
    let beyond = stage.receipt(&stage.stream, None, Some(8));
    stage.refused(
        &stage.claim(7, stage.value(7), Some(&beyond)),
        Status::WrongUnit,
    );

    for (units, waits_then) in [(7, 465), (40, 300), (7, 300)] {
        let said = stated(&stage.brings(&stage.claim(units, stage.value(units), None)));
        assert_eq!(said.outcome, Status::InTransit as u32);
        assert_eq!(waits(&stage.house), waits_then, "after {units} units");
    }
    let closing = stage.receipt(&stage.stream, None, Some(40));
    let claim = stage.claim(40, stage.value(40), Some(&closing));
    let first = stage.brings(&claim);
    assert_eq!(stated(&first).units, Some(40));
    assert_eq!(stated(&first).outcome, Status::Settled as u32);
    assert_eq!(waits(&stage.house), 0);
    let books = stage.house.books();
    assert_eq!(stage.brings(&claim), first);
    assert_eq!(stage.house.books(), books);
}

#[test]
fn a_declined_payment_goes_back_at_the_door_and_cannot_be_taken_after_it() {
    let stage = Stage::set();
    let (car, charger) = (&stage.car, &stage.charger);
    let payment = Payment {
        stream: None,
        ..stage.stream
    };
    let evidence = car.signatory().evidence(&stage.allowance, &payment);
    stage.house.wallet(car.code(), &evidence);
    assert_eq!(waits(&stage.house), 500);

    let claim = |receipt: &[u8]| {
        message(&Message::Claim {
            allowance: &stage.allowance,
            payment: &car.signatory().sign(&payment),
            receipt,
        })
    };
    // A success is no reason to decline, and nobody else can.
    let odd = stage.receipt(&payment, Some(Status::Settled), None);
    stage.refused(&claim(&odd), Status::WrongReceipt);
    let declined = stage.receipt(&payment, Some(Status::WrongAmount), None);
    let network = car.signatory().network;
    let said = *open::<Receipt>(&declined, &network).unwrap().peek();
    stage.refused(&claim(&car.signatory().sign(&said)), Status::BadSignature);
    assert_eq!(waits(&stage.house), 500);

    let first = stage.brings(&claim(&declined));
    assert_eq!(stated(&first).outcome, Status::Declined as u32);
    assert_eq!(waits(&stage.house), 0);
    let books = stage.house.books();
    assert_eq!(stage.brings(&claim(&declined)), first);
    assert_eq!(stage.house.books(), books);

    // The payee's other word on the same payment is kept against it and moves nothing.
    let taken = charger
        .signatory()
        .claim(&stage.allowance, &car.signatory().sign(&payment), now());
    let answer = stage.brings(&taken);
    let said = Message::read(&answer);
    assert!(
        matches!(
            said,
            Ok(Message::Refusal {
                status: Status::Contradiction,
                ..
            })
        ),
        "{said:?}"
    );
    assert_eq!(stage.house.books()["sums"], books["sums"]);
}
