//! Saying no in writing.

use super::super::{DECLINED, Event};
use super::*;

fn id_of(evidence: &[u8]) -> Digest {
    let Message::Evidence { payment, .. } = Message::read(evidence).unwrap() else {
        panic!("not evidence");
    };
    open::<Payment>(payment, &network()).unwrap().id()
}

#[test]
fn a_declined_payment_comes_back_and_is_never_taken() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let statement = world.settle(&evidence);
    car.receive(&statement, NOW).unwrap();
    let no = bytes(|out| charger.decline(&evidence, Status::WrongAmount, NOW, out)).unwrap();
    for _ in 0..2 {
        let later = NOW.plus_s(60);
        let again = bytes(|out| charger.decline(&evidence, Status::Busy, later, out));
        assert_eq!(again.as_ref(), Ok(&no), "the same bytes");
        let taken = bytes(|out| charger.accept(&evidence, None, later, out));
        assert_eq!(taken, Err(Status::Declined));
        assert_eq!(handed_in(&mut charger), Ok(vec![]));
        charger = world.roomy(&b);
    }
    let (payment, reason) = (id_of(&evidence), Status::WrongAmount);
    let declined = Ok(Event::Declined { payment, reason });
    for _ in 0..2 {
        assert_eq!(car.receive(&no, NOW), declined);
        assert_eq!(handed_in(&mut car).unwrap().len(), 1);
        car = world.roomy(&a);
    }
    let claims = handed_in(&mut car).unwrap();
    car.receive(&world.settle(&claims[0]), NOW).unwrap();
    for _ in 0..2 {
        let totals = car.totals(usd());
        assert_eq!((totals.paid_out.get(), totals.returned), (300, amount(300)));
        assert_eq!(handed_in(&mut car), Ok(vec![]));
        car = world.roomy(&a);
    }
}

#[test]
fn what_was_taken_or_may_have_been_is_not_declined() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let mut pay = |number| bytes(|out| car.pay(&order(b.code, 10, number), NOW, out)).unwrap();
    let (old, taken, new) = (pay(1), pay(2), pay(3));
    bytes(|out| charger.accept(&taken, None, NOW, out)).unwrap();
    let mut decline =
        |evidence: &[u8], reason| bytes(|out| charger.decline(evidence, reason, NOW, out));
    let reason = Status::WrongAmount;
    assert_eq!(decline(&taken, reason), Err(Status::Contradiction));
    assert_eq!(decline(&old, reason), Err(Status::AskGateway));
    assert_eq!(decline(&new, Status::Accepted), Err(Status::Malformed));
    let mut forged = new.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(decline(&forged, reason), Err(Status::BadSignature));
    decline(&new, reason).unwrap();
}

#[test]
fn a_payee_that_takes_and_declines_contradicts_itself() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    let mut twin = world.thing(11);
    twin.disk = b.disk.copy();
    let mut clone = world.roomy(&twin);
    let yes = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let no = bytes(|out| clone.decline(&evidence, Status::Busy, NOW, out)).unwrap();
    car.receive(&yes, NOW).unwrap();
    assert_eq!(car.receive(&no, NOW), Err(Status::Contradiction));
}

#[test]
fn a_locked_key_store_delays_a_decline_and_never_changes_it() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    *b.locked.borrow_mut() = true;
    let busy = bytes(|out| charger.decline(&evidence, Status::WrongAmount, NOW, out));
    assert_eq!(busy, Err(Status::Busy));
    let mut charger = world.roomy(&b);
    let taken = bytes(|out| charger.accept(&evidence, None, NOW, out));
    assert_eq!(taken, Err(Status::Declined));
    *b.locked.borrow_mut() = false;
    let no = bytes(|out| charger.decline(&evidence, Status::Full, NOW, out)).unwrap();
    let event = car.receive(&no, NOW).unwrap();
    let reason = Status::WrongAmount;
    assert!(matches!(event, Event::Declined { reason: r, .. } if r == reason));
}

#[test]
fn declined_payments_are_remembered_until_they_could_not_be_taken() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    for number in 0..=DECLINED as u8 {
        let evidence = bytes(|out| car.pay(&order(b.code, 10, number), NOW, out)).unwrap();
        let no = bytes(|out| charger.decline(&evidence, Status::Busy, NOW, out));
        assert_eq!(no.is_err(), number == DECLINED as u8);
    }
    let records = b.disk.len();
    drop(charger);
    let mut charger = world.roomy(&b);
    let mut longer = world.allowance(&a, 2_000);
    longer.expires = NOW.plus_s(14 * DAY_S);
    car.receive(&world.grant(&longer), NOW).unwrap();
    let later = NOW.plus_s(8 * DAY_S);
    let evidence = bytes(|out| car.pay(&order(b.code, 10, 99), later, out)).unwrap();
    bytes(|out| charger.decline(&evidence, Status::Busy, later, out)).unwrap();
    assert_eq!(b.disk.len(), records);
}
