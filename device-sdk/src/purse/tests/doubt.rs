//! A journal that was lost or restored: nothing is signed before a new life of the key.

use super::super::Event;
use super::branches::{Restarting, plainly, through_every_cut};
use super::*;

fn asked(purse: &mut Roomy, now: Timestamp) -> (Vec<u8>, Renewal) {
    let message = bytes(|out| purse.renewal(usd(), amount(100), now, out)).unwrap();
    let Ok(Message::Renewal { renewal }) = Message::read(&message) else {
        panic!("not a renewal");
    };
    let renewal = *open::<Renewal>(renewal, &network()).unwrap().peek();
    (message, renewal)
}

/// What a refusal of a renewal is about.
fn about(message: &[u8]) -> Option<Reference> {
    let Ok(Message::Renewal { renewal }) = Message::read(message) else {
        panic!("not a renewal");
    };
    let renewal = open::<Renewal>(renewal, &network()).unwrap();
    Some(renewal.id().reference())
}

/// The first allowance of a key epoch.
fn first(world: &mut World, thing: &Thing, key_epoch: u32, issued: Timestamp) -> Allowance {
    Allowance {
        key_epoch: KeyEpoch(key_epoch),
        issued,
        ..world.allowance(thing, 100)
    }
}

fn first_grant(world: &mut World, thing: &Thing, key_epoch: u32, issued: Timestamp) -> Vec<u8> {
    let allowance = first(world, thing, key_epoch, issued);
    world.grant(&allowance)
}

fn in_doubt(world: &World, thing: &Thing) -> Roomy {
    let settings = Settings {
        most_by_class: [amount(500); 3],
        ..thing.settings(world.trust)
    };
    let purse = Purse::open_in_doubt(settings, thing.key(), thing.disk.clone());
    world.trusted(purse.unwrap())
}

#[test]
fn a_purse_in_doubt_asks_for_a_new_life_and_signs_nothing_before_it() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    *a.locked.borrow_mut() = true;
    let wanted = order(b.code, 300, 1);
    assert_eq!(bytes(|out| car.pay(&wanted, NOW, out)), Err(Status::Busy));
    drop(car);
    *a.locked.borrow_mut() = false;
    // The intent in the copy may have been signed, or given up, by the original.
    let mut car = in_doubt(&world, &a);
    assert_eq!(a.signed.assert_one_content_per_sequence(), 0);
    assert_eq!(bytes(|out| car.pay(&wanted, NOW, out)), Err(Status::Frozen));
    assert!(bytes(|out| car.void(Sequence(1), Sequence(1), NOW, out)).is_err());
    let (message, renewal) = asked(&mut car, NOW);
    assert!(renewal.lost.is_some());
    assert_eq!(
        asked(&mut car, NOW.plus_s(60)).0,
        message,
        "until it is answered"
    );
    drop(car);
    let mut car = world.roomy(&a);
    assert!(car.in_doubt());
    assert_eq!(asked(&mut car, NOW.plus_s(60)).0, message);
    let grant = first_grant(&mut world, &a, 2, NOW);
    assert!(matches!(
        car.receive(&grant, NOW),
        Ok(Event::Granted { .. })
    ));
    assert!(!car.in_doubt());
    assert_eq!(asked(&mut car, NOW).1.lost, None);
    bytes(|out| car.pay(&order(b.code, 10, 2), NOW, out)).unwrap();
    assert_eq!(car.standing(), (KeyEpoch(2), Sequence(1)));
}

#[test]
fn a_grant_from_before_the_doubt_does_not_end_it() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = in_doubt(&world, &a);
    let old = first(&mut world, &a, 2, NOW.minus_s(DAY_S));
    asked(&mut car, NOW);
    assert_eq!(car.receive(&world.grant(&old), NOW), Ok(Event::Known));
    let same_life = world.allowance(&a, 100);
    assert_eq!(car.receive(&world.grant(&same_life), NOW), Ok(Event::Known));
    let fresh = first_grant(&mut world, &a, 3, NOW);
    assert!(matches!(
        car.receive(&fresh, NOW),
        Ok(Event::Granted { .. })
    ));
    assert_eq!(car.standing().0, KeyEpoch(3));
}

#[test]
fn an_empty_journal_learns_from_the_gateways_grant_that_it_was_lost() {
    let mut world = World::new();
    let a = world.thing(10);
    for key_epoch in [1, 4] {
        let mut car = world.roomy(&world.thing(10));
        assert_eq!(asked(&mut car, NOW).1.lost, None, "it cannot know");
        let mut allowance = first(&mut world, &a, key_epoch, NOW);
        allowance.base_sequence = Sequence(17);
        allowance.base_head = reference(7);
        let grant = world.grant(&allowance);
        assert_eq!(car.receive(&grant, NOW), Ok(Event::Behind));
        let (_, renewal) = asked(&mut car, NOW);
        assert!(renewal.lost.is_some());
        assert_eq!(renewal.key_epoch, KeyEpoch(key_epoch));
        let again = car.receive(&grant, NOW);
        assert!(matches!(again, Ok(Event::Behind | Event::Known)));
        assert!(car.in_doubt());
        let grant = first_grant(&mut world, &a, key_epoch + 1, NOW);
        assert!(matches!(
            car.receive(&grant, NOW),
            Ok(Event::Granted { .. })
        ));
        assert_eq!(car.standing().0, KeyEpoch(key_epoch + 1));
    }
}

#[test]
fn an_empty_journal_learns_from_the_gateways_refusal_that_it_was_lost() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let refusal = |about| written(&Message::refusal(Status::LinksBroken, about));
    let mut car = world.roomy(&a);
    let (message, _) = asked(&mut car, NOW);
    let refused = Event::Refused {
        status: Status::LinksBroken,
        about: Some(reference(1)),
    };
    let other = refusal(Some(reference(1)));
    assert_eq!(
        car.receive(&other, NOW),
        Ok(refused),
        "not about what it asked"
    );
    assert_eq!(
        car.receive(&refusal(about(&message)), NOW),
        Ok(Event::Behind)
    );
    assert!(asked(&mut car, NOW).1.lost.is_some());
    // A purse that has paid shows its links first.
    let c = world.thing(12);
    let mut car = world.funded(&c, 1_000);
    bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    let (message, _) = asked(&mut car, NOW);
    let event = car.receive(&refusal(about(&message)), NOW).unwrap();
    assert!(matches!(event, Event::Refused { .. }));
    assert!(!car.in_doubt());
}

#[test]
fn a_renewal_that_came_too_late_is_not_asked_for_ever() {
    let world = World::new();
    let mut car = world.roomy(&world.thing(10));
    let (message, renewal) = asked(&mut car, NOW);
    let later = NOW.plus_s(60);
    assert_eq!(
        asked(&mut car, later).0,
        message,
        "the same until it is answered"
    );
    let refusal = written(&Message::refusal(Status::Expired, about(&message)));
    let event = car.receive(&refusal, later).unwrap();
    assert!(matches!(event, Event::Refused { .. }));
    let (_, next) = asked(&mut car, later);
    assert_eq!(
        next,
        Renewal {
            time: later,
            ..renewal
        }
    );
}

#[test]
fn a_forked_key_is_told_that_it_needs_another() {
    let world = World::new();
    let mut car = world.roomy(&world.thing(10));
    let refusal = written(&Message::refusal(Status::NeedsKey, None));
    let event = Event::Refused {
        status: Status::NeedsKey,
        about: None,
    };
    assert_eq!(car.receive(&refusal, NOW), Ok(event));
}

#[test]
fn a_new_life_begins_once_wherever_the_power_is_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        let payee = code(Kind::Device, 1, 99);
        let allowance = stage.world.allowance(&stage.thing, 1_000);
        let grant = stage.world.grant(&allowance);
        stage.with(|purse| purse.receive(&grant, NOW)).unwrap();
        let pay = |value, number| {
            move |purse: &mut Roomy| bytes(|out| purse.pay(&order(payee, value, number), NOW, out))
        };
        stage.with(pay(10, 1)).unwrap();
        stage
            .with(|purse| bytes(|out| purse.void(Sequence(9), Sequence(9), NOW, out)))
            .unwrap();
        stage
            .with(|purse| bytes(|out| purse.close_allowance(usd(), NOW, out)))
            .unwrap();
        stage.with(Purse::distrust).unwrap();
        assert_eq!(stage.with(pay(10, 2)), Err(Status::Frozen));
        let ask = |purse: &mut Roomy| bytes(|out| purse.renewal(usd(), amount(100), NOW, out));
        stage.with(ask).unwrap();
        let grant = first_grant(&mut stage.world, &stage.thing, 2, NOW);
        stage.with(|purse| purse.receive(&grant, NOW)).unwrap();
        stage.with(pay(10, 3)).unwrap();
        stage.restart();
        let end = stage
            .with(|purse| Ok((purse.standing(), purse.totals(usd()))))
            .unwrap();
        (end, stage.thing.signed.assert_one_content_per_sequence())
    });
}

/// An allowance of another thing, given so much later.
fn later_payment(world: &mut World, payer: &Thing, later_s: u32, to: Code, number: u8) -> Vec<u8> {
    let mut allowance = world.allowance(payer, 1_000);
    allowance.issued = NOW.plus_s(later_s);
    let mut purse = world.roomy(payer);
    let grant = world.grant(&allowance);
    purse.receive(&grant, allowance.issued).unwrap();
    bytes(|out| purse.pay(&order(to, 10, number), allowance.issued, out)).unwrap()
}

fn invoice_for(purse: &mut Roomy, now: Timestamp) -> Vec<u8> {
    let order = super::super::InvoiceOrder {
        currency: usd(),
        asked: protocol::objects::Asked::Amount(amount(10)),
        reference: reference(1),
        expires: now.plus_s(600),
        least_class: AssuranceClass::Software,
    };
    bytes(|out| purse.invoice(&order, 7, now, out)).unwrap()
}

#[test]
fn a_purse_that_lost_its_journal_answers_nothing_that_it_may_have_answered() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let copy = b.copied();
    let mut pay = |number| bytes(|out| car.pay(&order(b.code, 10, number), NOW, out)).unwrap();
    let (taken, declined, unseen) = (pay(1), pay(2), pay(3));
    let invoice = invoice_for(&mut charger, NOW);
    bytes(|out| charger.accept(&taken, None, NOW, out)).unwrap();
    bytes(|out| charger.decline(&declined, Status::WrongAmount, NOW, out)).unwrap();
    let offer = car.show_owner(&invoice, NOW).unwrap();
    let paid = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    bytes(|out| charger.accept(&paid, None, NOW, out)).unwrap();
    let silent = |charger: &mut Roomy| {
        for evidence in [&taken, &declined, &unseen, &paid] {
            let accepted = bytes(|out| charger.accept(evidence, None, NOW, out));
            assert_eq!(accepted, Err(Status::AskGateway));
            let no = bytes(|out| charger.decline(evidence, Status::WrongAmount, NOW, out));
            assert_eq!(no, Err(Status::AskGateway));
        }
    };
    for thing in [world.thing(11), copy] {
        let mut charger = in_doubt(&world, &thing);
        silent(&mut charger);
        asked_and_answered(&mut world, &thing, &mut charger);
        for _ in 0..2 {
            assert!(!charger.in_doubt());
            silent(&mut charger);
            charger = world.roomy(&thing);
        }
        assert_eq!(thing.signed.assert_one_last_word_per_payment(), 0);
    }
}

/// The gateway gives a new life.
fn asked_and_answered(world: &mut World, thing: &Thing, purse: &mut Roomy) {
    asked(purse, NOW);
    let grant = first_grant(world, thing, 2, NOW);
    let event = purse.receive(&grant, NOW);
    assert!(matches!(event, Ok(Event::Granted { .. })), "{event:?}");
}

#[test]
fn after_a_lost_journal_what_is_certainly_new_is_taken() {
    let mut world = World::new();
    let (a, b, c) = (world.thing(10), world.thing(11), world.thing(12));
    let mut charger = in_doubt(&world, &b);
    // Asked for since, even before the gateway was met.
    let mut car = world.funded(&a, 1_000);
    let invoice = invoice_for(&mut charger, NOW);
    let offer = car.show_owner(&invoice, NOW).unwrap();
    let paid = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    charger = world.roomy(&b);
    let receipt = bytes(|out| charger.accept(&paid, None, NOW, out)).unwrap();
    car.receive(&receipt, NOW).unwrap();
    // The payment that closed it says nothing for others that name it.
    let other = world.thing(30);
    let named = Order {
        reference: offer.invoice(),
        ..order(b.code, 10, 1)
    };
    let again = bytes(|out| world.funded(&other, 100).pay(&named, NOW, out)).unwrap();
    let no = bytes(|out| charger.decline(&again, Status::WrongAmount, NOW, out));
    assert_eq!(no, Err(Status::AskGateway));

    asked_and_answered(&mut world, &b, &mut charger);
    let late = NOW.plus_s(2 * DAY_S);
    for (later_s, is_new) in [(0, false), (300, false), (301, true)] {
        let thing = world.thing(20 + u8::try_from(later_s % 200).unwrap());
        let payment = later_payment(&mut world, &thing, later_s, b.code, 1);
        let accepted = bytes(|out| charger.accept(&payment, None, late, out));
        assert_eq!(accepted.is_ok(), is_new, "{later_s} s: {accepted:?}");
        if !is_new {
            assert_eq!(accepted, Err(Status::AskGateway));
        }
    }
    let unwanted = later_payment(&mut world, &c, 400, b.code, 1);
    bytes(|out| charger.decline(&unwanted, Status::WrongAmount, late, out)).unwrap();
}

#[test]
fn a_stream_from_before_the_doubt_is_claimed_and_not_closed() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let mut stream = |number| {
        let order = super::super::StreamOrder {
            payee: b.code,
            currency: usd(),
            unit: amount(3),
            count: 20,
            reference: reference(number),
        };
        let seed = super::super::Seed(Digest([number; 32]));
        let evidence = bytes(|out| car.pay_stream(&order, seed, NOW, out)).unwrap();
        bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
        let Ok(Message::Evidence { payment, .. }) = Message::read(&evidence) else {
            panic!("not evidence");
        };
        open::<Payment>(payment, &network()).unwrap().id()
    };
    let (open, closing) = (stream(1), stream(2));
    *b.locked.borrow_mut() = true;
    let close = |charger: &mut Roomy, stream| bytes(|out| charger.close_stream(stream, NOW, out));
    assert_eq!(close(&mut charger, closing), Err(Status::Busy));
    *b.locked.borrow_mut() = false;
    // From here on the copy does not know what happens.
    let copy = b.copied();
    let unit = bytes(|out| car.release(open, 5, out)).unwrap();
    charger.take_unit(&unit).unwrap();
    let said = [open, closing].map(|stream| close(&mut charger, stream).unwrap());

    let mut charger = in_doubt(&world, &copy);
    assert_eq!(close(&mut charger, open), Err(Status::AskGateway));
    assert_eq!(charger.take_unit(&unit).unwrap().units, 5);
    asked_and_answered(&mut world, &copy, &mut charger);
    assert_eq!(close(&mut charger, open), Err(Status::AskGateway));
    assert_eq!(
        close(&mut charger, closing).as_ref(),
        Ok(&said[1]),
        "its last word was journalled"
    );
    let claims = handed_in(&mut charger).unwrap();
    assert_eq!(claims.len(), 2, "what was released is claimed");
}

#[test]
fn a_copy_made_in_doubt_and_restored_forgets_what_came_after_it() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut charger = in_doubt(&world, &b);
    let invoice = invoice_for(&mut charger, NOW);
    let copy = b.copied();
    let mut car = world.funded(&a, 1_000);
    let offer = car.show_owner(&invoice, NOW).unwrap();
    let paid = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    bytes(|out| charger.accept(&paid, None, NOW, out)).unwrap();
    let mut charger = in_doubt(&world, &copy);
    let no = bytes(|out| charger.decline(&paid, Status::WrongAmount, NOW, out));
    assert_eq!(no, Err(Status::AskGateway));
}
