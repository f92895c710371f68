//! Payments by the unit, from the order to the statement.

use super::super::{Event, STREAMS, Seed, StreamOrder, TakenUnits, UNITS_AT_ONCE};
use super::*;

pub(super) const SEED: Seed = Seed(Digest([7; 32]));

pub(super) fn stream(payee: Code, count: u32, number: u8) -> StreamOrder {
    StreamOrder {
        payee,
        currency: usd(),
        unit: amount(3),
        count,
        reference: reference(number),
    }
}

fn id_of(evidence: &[u8]) -> Digest {
    let Message::Evidence { payment, .. } = Message::read(evidence).unwrap() else {
        panic!("not evidence");
    };
    open::<Payment>(payment, &network()).unwrap().id()
}

/// A car that pays a charger by the unit, both ready.
struct Pair {
    world: World,
    a: Thing,
    b: Thing,
    car: Roomy,
    charger: Roomy,
    evidence: Vec<u8>,
    payment: Digest,
}

impl Pair {
    fn new() -> Self {
        let mut world = World::new();
        let (a, b) = (world.thing(10), world.thing(11));
        let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
        let order = stream(b.code, 100, 1);
        let evidence = bytes(|out| car.pay_stream(&order, SEED, NOW, out)).unwrap();
        let payment = id_of(&evidence);
        let ready = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
        assert_eq!(car.receive(&ready, NOW), Ok(Event::Ready { payment }));
        Self {
            world,
            a,
            b,
            car,
            charger,
            evidence,
            payment,
        }
    }

    fn release(&mut self, units: u32) -> Vec<u8> {
        bytes(|out| self.car.release(self.payment, units, out)).unwrap()
    }

    fn move_units(&mut self, units: u32) {
        let message = self.release(units);
        let taken = self.charger.take_unit(&message);
        assert_eq!(taken, Ok(self.taken(units)));
    }

    fn taken(&self, units: u32) -> TakenUnits {
        TakenUnits {
            payment: self.payment,
            units,
            amount: amount(u64::from(units) * 3),
        }
    }

    fn close(&mut self) -> Vec<u8> {
        bytes(|out| self.charger.close_stream(self.payment, NOW, out)).unwrap()
    }
}

#[test]
fn a_stream_is_paid_unit_by_unit_closed_and_settled_and_the_rest_comes_back() {
    let mut pair = Pair::new();
    assert!(pair.evidence.len() <= 616, "{} bytes", pair.evidence.len());
    assert_eq!(pair.car.totals(usd()).paid_out.get(), 300);
    for units in [1, 2, 3, 10, 11] {
        let message = pair.release(units);
        assert!(message.len() <= 48, "{} bytes", message.len());
        pair.move_units(units);
    }
    assert_eq!(pair.charger.totals(usd()).received_unsettled, amount(33));
    let receipt = pair.close();
    let (payment, units) = (pair.payment, 11);
    let closed = Ok(Event::Closed { payment, units });
    assert_eq!(pair.car.receive(&receipt, NOW), closed);
    assert_eq!(pair.car.receive(&receipt, NOW), closed);

    // Whoever hands it in hands in the same.
    let claims = handed_in(&mut pair.car).unwrap();
    assert_eq!(claims, handed_in(&mut pair.charger).unwrap());
    let statement = pair.world.settle(&claims[0]);
    for _ in 0..2 {
        for purse in [&mut pair.car, &mut pair.charger] {
            purse.receive(&statement, NOW).unwrap();
            assert_eq!(purse.receive(&statement, NOW), Ok(Event::Known));
            assert_eq!(handed_in(purse), Ok(vec![]));
        }
        let (car, charger) = (pair.car.totals(usd()), pair.charger.totals(usd()));
        assert_eq!((car.paid_out.get(), car.returned), (300, amount(267)));
        assert_eq!(car.spendable, amount(700), "the odometer never runs back");
        assert_eq!(charger.received_settled, amount(33));
        assert_eq!(charger.received_unsettled, AmountMinor::ZERO);
        pair.car = pair.world.roomy(&pair.a);
        pair.charger = pair.world.roomy(&pair.b);
    }
    // What was only needed while it was open is gone.
    assert_eq!((pair.a.disk.len(), pair.b.disk.len()), (6, 5));
}

#[test]
fn the_same_order_is_the_same_stream_whatever_the_seed() {
    let mut pair = Pair::new();
    let order = stream(pair.b.code, 100, 1);
    let other = Seed(Digest([8; 32]));
    for _ in 0..2 {
        let again = bytes(|out| pair.car.pay_stream(&order, other, NOW, out));
        assert_eq!(again.as_ref(), Ok(&pair.evidence));
        pair.car = pair.world.roomy(&pair.a);
    }
    let terms = StreamOrder {
        unit: amount(4),
        count: 75,
        ..order
    };
    let changed = bytes(|out| pair.car.pay_stream(&terms, SEED, NOW, out));
    assert_eq!(
        changed,
        Err(Status::WrongReference),
        "the amount is the same"
    );
    let whole = super::order(pair.b.code, 300, 1);
    let changed = bytes(|out| pair.car.pay(&whole, NOW, out));
    assert_eq!(changed, Err(Status::WrongReference));
    // The payee says so again, with the same bytes.
    let ready = bytes(|out| pair.charger.accept(&pair.evidence, None, NOW, out));
    pair.charger = pair.world.roomy(&pair.b);
    let again = bytes(|out| pair.charger.accept(&pair.evidence, None, NOW, out));
    assert_eq!(ready, again);
}

#[test]
fn a_restart_in_the_middle_loses_no_unit_on_either_side() {
    let mut pair = Pair::new();
    let before = pair.release(7);
    pair.move_units(7);
    pair.car = pair.world.roomy(&pair.a);
    pair.charger = pair.world.roomy(&pair.b);
    assert_eq!(pair.car.releasing().next().unwrap().units, 7);
    let taking = pair.charger.taking().next().unwrap();
    assert_eq!((taking.units, taking.payer), (7, pair.a.code));
    assert_eq!(pair.charger.totals(usd()).received_unsettled, amount(21));
    assert_eq!(pair.release(7), before, "made again from the seed");
    pair.move_units(8);
}

#[test]
fn units_never_run_back_and_never_leap_or_leave_the_stream() {
    let mut pair = Pair::new();
    pair.move_units(5);
    let refused = |pair: &mut Pair, units| {
        let operations = pair.a.disk.0.borrow().operations;
        let status = bytes(|out| pair.car.release(pair.payment, units, out)).unwrap_err();
        assert_eq!(pair.a.disk.0.borrow().operations, operations);
        status
    };
    for units in [0, 4, 101] {
        assert_eq!(refused(&mut pair, units), Status::WrongUnit, "{units}");
    }
    let unknown = bytes(|out| pair.car.release(Digest([9; 32]), 6, out));
    assert_eq!(unknown, Err(Status::WrongUnit));

    let long = StreamOrder {
        unit: amount(1),
        ..stream(pair.b.code, 10_000, 2)
    };
    let mut most = pair.world.allowance(&pair.a, 20_000);
    most.most_per_payment = amount(20_000);
    pair.car.receive(&pair.world.grant(&most), NOW).unwrap();
    let evidence = bytes(|out| pair.car.pay_stream(&long, SEED, NOW, out)).unwrap();
    pair.payment = id_of(&evidence);
    assert_eq!(refused(&mut pair, UNITS_AT_ONCE + 1), Status::WrongUnit);
    pair.release(UNITS_AT_ONCE);
    pair.release(2 * UNITS_AT_ONCE);
}

#[test]
fn only_values_of_the_chain_are_taken() {
    let mut pair = Pair::new();
    let five = pair.release(5);
    let Ok(Message::Unit { about, value, .. }) = Message::read(&five) else {
        panic!("not a unit");
    };
    pair.charger.take_unit(&five).unwrap();
    let records = pair.b.disk.0.borrow().operations;
    let mut wrong = |about, units, value| {
        let message = written(&Message::Unit {
            about,
            units,
            value,
        });
        pair.charger.take_unit(&message)
    };
    assert_eq!(
        wrong(about, 6, value),
        Err(Status::WrongUnit),
        "shown before"
    );
    assert_eq!(wrong(about, 6, Digest([1; 32])), Err(Status::WrongUnit));
    assert_eq!(wrong(about, 5, Digest([1; 32])), Err(Status::WrongUnit));
    assert_eq!(wrong(about, 101, SEED.0), Err(Status::WrongUnit));
    assert_eq!(wrong([0; 4], 100, SEED.0), Err(Status::WrongUnit));
    assert_eq!(
        pair.charger.take_unit(&pair.evidence),
        Err(Status::Malformed)
    );
    assert_eq!(pair.b.disk.0.borrow().operations, records);
    // Repeated, overtaken and skipped: all the same to it.
    let seven = pair.release(7);
    assert_eq!(pair.charger.take_unit(&five), Ok(pair.taken(5)));
    assert_eq!(pair.charger.take_unit(&seven), Ok(pair.taken(7)));
    assert_eq!(pair.charger.take_unit(&five), Ok(pair.taken(7)));
    let all = pair.release(100);
    let event = pair.charger.receive(&all, NOW);
    assert_eq!(event, Ok(Event::Took(pair.taken(100))));
}

#[test]
fn a_closed_stream_takes_no_more_units_and_gives_its_receipt_again() {
    let mut pair = Pair::new();
    pair.move_units(5);
    let receipt = pair.close();
    let more = pair.release(6);
    assert_eq!(pair.charger.take_unit(&more), Err(Status::WrongUnit));
    for _ in 0..2 {
        assert_eq!(pair.close(), receipt);
        let again = bytes(|out| pair.charger.accept(&pair.evidence, None, NOW, out));
        assert_eq!(again.as_ref(), Ok(&receipt));
        pair.charger = pair.world.roomy(&pair.b);
    }
    pair.car.receive(&receipt, NOW).unwrap();
    let over = bytes(|out| pair.car.release(pair.payment, 7, out));
    assert_eq!(over, Err(Status::WrongUnit));
    let claim = &handed_in(&mut pair.charger).unwrap()[0];
    assert_eq!(handed_in(&mut pair.car).unwrap()[0], *claim);
    let statement = pair.world.settle(claim);
    pair.charger.receive(&statement, NOW).unwrap();
    assert_eq!(pair.close(), receipt);
}

#[test]
fn a_locked_key_store_delays_the_closing_and_never_changes_its_units() {
    let mut pair = Pair::new();
    pair.move_units(5);
    *pair.b.locked.borrow_mut() = true;
    let busy = bytes(|out| pair.charger.close_stream(pair.payment, NOW, out));
    assert_eq!(busy, Err(Status::Busy));
    let more = pair.release(6);
    assert_eq!(pair.charger.take_unit(&more), Err(Status::WrongUnit));
    pair.charger = pair.world.roomy(&pair.b);
    assert_eq!(pair.charger.take_unit(&more), Err(Status::WrongUnit));
    *pair.b.locked.borrow_mut() = false;
    let receipt = pair.close();
    let event = pair.car.receive(&receipt, NOW);
    let (payment, units) = (pair.payment, 5);
    assert_eq!(event, Ok(Event::Closed { payment, units }));
}

#[test]
fn an_open_stream_is_claimed_again_only_when_it_has_moved_on() {
    let mut pair = Pair::new();
    pair.move_units(5);
    let claims = handed_in(&mut pair.charger).unwrap();
    let statement = pair.world.settle(&claims[0]);
    for purse in [&mut pair.car, &mut pair.charger] {
        let payment = pair.payment;
        let outcome = Status::InTransit;
        let stated = purse.receive(&statement, NOW);
        assert_eq!(stated, Ok(Event::Stated { payment, outcome }));
        assert_eq!(purse.receive(&statement, NOW), Ok(Event::Known));
    }
    for _ in 0..2 {
        assert_eq!(handed_in(&mut pair.charger), Ok(vec![]));
        assert_eq!(handed_in(&mut pair.car), Ok(vec![]));
        let totals = pair.charger.totals(usd());
        assert_eq!(totals.received_settled, amount(15));
        assert_eq!(totals.received_unsettled, AmountMinor::ZERO);
        pair.car = pair.world.roomy(&pair.a);
        pair.charger = pair.world.roomy(&pair.b);
    }
    pair.move_units(9);
    let totals = pair.charger.totals(usd());
    assert_eq!(totals.received_settled, amount(15));
    assert_eq!(totals.received_unsettled, amount(12));
    let claims = handed_in(&mut pair.charger).unwrap();
    let statement = pair.world.settle(&claims[0]);
    pair.charger.receive(&statement, NOW).unwrap();
    let receipt = pair.close();
    pair.car.receive(&receipt, NOW).unwrap();
    let claims = handed_in(&mut pair.charger).unwrap();
    assert_eq!(claims, handed_in(&mut pair.car).unwrap());
    let statement = pair.world.settle(&claims[0]);
    pair.charger.receive(&statement, NOW).unwrap();
    pair.car.receive(&statement, NOW).unwrap();
    assert_eq!(pair.charger.totals(usd()).received_settled, amount(27));
    assert_eq!(pair.car.totals(usd()).returned, amount(273));
}

#[test]
fn a_receipt_for_more_than_was_released_is_none() {
    let mut pair = Pair::new();
    pair.move_units(5);
    let receipt = Receipt {
        payee: pair.b.code,
        payment: pair.payment,
        time: NOW,
        declined: None,
        units: Some(6),
    };
    let key = SoftwareKey::ed25519(&[11; 32]);
    let mut answer = |receipt: &Receipt| {
        let message = written(&Message::Receipt {
            receipt: &sealed(receipt, &key),
            pass: &pair.b.pass,
        });
        pair.car.receive(&message, NOW)
    };
    assert_eq!(answer(&receipt), Err(Status::WrongReceipt));
    let whole = Receipt {
        units: None,
        ..receipt
    };
    assert_eq!(answer(&whole), Err(Status::WrongReceipt));
    let fewer = Receipt {
        units: Some(4),
        ..receipt
    };
    assert!(matches!(answer(&fewer), Ok(Event::Closed { units: 4, .. })));
    let other = Receipt {
        units: Some(3),
        ..receipt
    };
    assert_eq!(answer(&other), Err(Status::Contradiction));
}

#[test]
fn open_streams_are_few_and_one_past_its_deadline_makes_room() {
    let mut pair = Pair::new();
    let mut most = pair.world.allowance(&pair.a, 10_000);
    most.expires = NOW.plus_s(14 * DAY_S);
    for number in 2..=STREAMS as u8 {
        let order = stream(pair.b.code, 10, number);
        bytes(|out| pair.car.pay_stream(&order, SEED, NOW, out)).unwrap();
    }
    pair.car.receive(&pair.world.grant(&most), NOW).unwrap();
    let one_more = stream(pair.b.code, 10, 9);
    let full = bytes(|out| pair.car.pay_stream(&one_more, SEED, NOW, out));
    assert_eq!(full, Err(Status::Full));
    let later = NOW.plus_s(8 * DAY_S);
    bytes(|out| pair.car.pay_stream(&one_more, SEED, later, out)).unwrap();
    for _ in 0..2 {
        let over = bytes(|out| pair.car.release(pair.payment, 1, out));
        assert_eq!(over, Err(Status::WrongUnit));
        assert_eq!(pair.car.releasing().count(), STREAMS);
        assert_eq!(handed_in(&mut pair.car).unwrap().len(), STREAMS + 1);
        pair.car = pair.world.roomy(&pair.a);
    }
}

#[test]
fn what_a_gateway_returns_is_shown_and_ends_the_stream() {
    let mut pair = Pair::new();
    pair.move_units(5);
    let claim = &handed_in(&mut pair.charger).unwrap()[0];
    pair.world.settle(claim);
    pair.move_units(6);
    let returned = pair.world.statement(pair.payment, Status::Returned);
    for purse in [&mut pair.car, &mut pair.charger] {
        purse.receive(&returned, NOW).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(pair.car.totals(usd()).returned, amount(285));
        let totals = pair.charger.totals(usd());
        assert_eq!(totals.received_settled, amount(15));
        assert_eq!(totals.received_unsettled, AmountMinor::ZERO);
        assert_eq!(pair.car.releasing().count(), 0);
        assert_eq!(pair.charger.taking().count(), 0);
        let late = bytes(|out| pair.charger.close_stream(pair.payment, NOW, out));
        assert_eq!(late, Err(Status::TooLate));
        pair.car = pair.world.roomy(&pair.a);
        pair.charger = pair.world.roomy(&pair.b);
    }
}

#[test]
fn a_long_stream_works_to_its_last_unit() {
    let mut pair = Pair::new();
    pair.move_units(100);
    let mut value = None;
    if let Ok(Message::Unit { value: last, .. }) = Message::read(&pair.release(100)) {
        value = Some(last);
    }
    assert_eq!(value, Some(SEED.0), "the last value is the seed");
    pair.close();
    let claims = handed_in(&mut pair.charger).unwrap();
    let statement = pair.world.settle(&claims[0]);
    pair.car.receive(&statement, NOW).unwrap();
    assert_eq!(pair.car.totals(usd()).returned, AmountMinor::ZERO);
    assert_eq!(format!("{SEED:?}"), "Seed(..)");
}

#[test]
fn units_are_released_to_a_gateway_with_no_payee_there() {
    let mut pair = Pair::new();
    let claim = bytes(|out| pair.car.release_to_gateway(pair.payment, 7, out)).unwrap();
    let Ok(Message::StreamClaim {
        payment,
        units,
        value,
        receipt,
        ..
    }) = Message::read(&claim)
    else {
        panic!("no stream claim");
    };
    let id = open::<Payment>(payment, &network()).unwrap().id();
    assert_eq!((id, units, receipt), (pair.payment, 7, None));
    // The same as the payee would be given, and the number is remembered.
    let unit = pair.release(7);
    let read = Message::read(&unit);
    assert!(matches!(read, Ok(Message::Unit { value: same, .. }) if same == value));
    let fewer = bytes(|out| pair.car.release_to_gateway(pair.payment, 6, out));
    assert_eq!(fewer, Err(Status::WrongUnit));
    pair.car = pair.world.roomy(&pair.a);
    let again = bytes(|out| pair.car.release_to_gateway(pair.payment, 7, out)).unwrap();
    assert_eq!(again, claim);
}
