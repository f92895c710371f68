//! Being asked: invoices, and what the owner approves in advance.

use super::super::{ApprovedToday, Event, INVOICES, InvoiceOrder, PAYEES_A_DAY, StandingRules};
use super::streams::SEED;
use super::*;
use protocol::objects::Asked;

const LATER: Timestamp = NOW.plus_s(600);

fn ask(value: u64, number: u8) -> InvoiceOrder {
    InvoiceOrder {
        currency: usd(),
        asked: Asked::Amount(amount(value)),
        reference: reference(number),
        expires: LATER,
        least_class: AssuranceClass::Software,
    }
}

fn ask_units(unit: u64, most: u32, number: u8) -> InvoiceOrder {
    InvoiceOrder {
        asked: Asked::Units {
            unit: amount(unit),
            most,
        },
        ..ask(1, number)
    }
}

fn generous() -> StandingRules {
    StandingRules::up_to(amount(10_000), &[Kind::Device])
}

fn world() -> (World, Thing, Thing, Roomy, Roomy) {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, charger) = (world.funded(&a, 1_000), world.roomy(&b));
    car.set_rules(usd(), &generous()).unwrap();
    (world, a, b, car, charger)
}

#[test]
fn an_invoice_is_considered_paid_and_closed() {
    let (world, a, b, mut car, mut charger) = world();
    let invoice = bytes(|out| charger.invoice(&ask(120, 1), 5, NOW, out)).unwrap();
    let again = bytes(|out| charger.invoice(&ask(120, 1), 6, NOW, out)).unwrap();
    assert_eq!(again, invoice, "while it is open");
    let mut charger = world.roomy(&b);
    let again = bytes(|out| charger.invoice(&ask(120, 1), 7, NOW, out)).unwrap();
    assert_eq!(again, invoice);

    let offer = car.consider(&invoice, NOW).unwrap();
    assert_eq!((offer.payee(), offer.amount()), (b.code, amount(120)));
    let evidence = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    let receipt = bytes(|out| charger.accept_invoiced(&evidence, NOW, out)).unwrap();
    assert!(matches!(
        car.receive(&receipt, NOW),
        Ok(Event::Receipted { .. })
    ));
    // Paid: everything repeats, and even after it has expired.
    for _ in 0..2 {
        assert_eq!(charger.invoices(NOW).count(), 0);
        let again = bytes(|out| charger.accept_invoiced(&evidence, LATER, out));
        assert_eq!(again.as_ref(), Ok(&receipt));
        let offer = car.consider(&invoice, LATER).unwrap();
        let again = bytes(|out| car.pay_invoice(&offer, None, LATER, out));
        assert_eq!(again.as_ref(), Ok(&evidence));
        car = world.roomy(&a);
        charger = world.roomy(&b);
    }
    assert_eq!(car.approved_today(usd(), b.code, NOW).in_all, amount(120));
}

#[test]
fn an_invoice_is_paid_once_and_only_as_it_says() {
    let (mut world, _, b, mut car, mut charger) = world();
    let c = world.thing(12);
    let mut other = world.funded(&c, 1_000);
    let invoice = bytes(|out| charger.invoice(&ask(120, 1), 5, NOW, out)).unwrap();
    let (reference, _) = charger.invoices(NOW).next().unwrap();
    let pay = |purse: &mut Roomy, value| {
        let order = Order {
            reference,
            ..order(b.code, value, 0)
        };
        bytes(|out| purse.pay(&order, NOW, out)).unwrap()
    };
    let wrong = pay(&mut car, 119);
    let mut refused = |evidence: &[u8], now| {
        let records = b.disk.0.borrow().operations;
        let status = bytes(|out| charger.accept(evidence, None, now, out)).unwrap_err();
        assert_eq!(b.disk.0.borrow().operations, records);
        status
    };
    assert_eq!(refused(&wrong, NOW), Status::WrongAmount);
    let right = pay(&mut other, 120);
    assert_eq!(refused(&right, LATER), Status::InvoiceExpired);
    bytes(|out| charger.accept(&right, None, NOW, out)).unwrap();
    // Somebody else who saw the same invoice.
    let d = world.thing(13);
    let mut third = world.funded(&d, 1_000);
    third.set_rules(usd(), &generous()).unwrap();
    let offer = third.consider(&invoice, NOW).unwrap();
    let evidence = bytes(|out| third.pay_invoice(&offer, None, NOW, out)).unwrap();
    for _ in 0..2 {
        let paid = bytes(|out| charger.accept(&evidence, None, NOW, out));
        assert_eq!(paid, Err(Status::InvoiceExpired));
        charger = world.roomy(&b);
    }
    let unknown = bytes(|out| third.pay(&order(b.code, 5, 77), NOW, out)).unwrap();
    let refused = bytes(|out| charger.accept_invoiced(&unknown, NOW, out));
    assert_eq!(refused, Err(Status::InvoiceExpired));
    bytes(|out| charger.accept(&unknown, None, NOW, out)).unwrap();
}

#[test]
fn a_payer_refuses_what_it_cannot_trust_or_may_not_pay() {
    let (world, _, _, mut car, mut charger) = world();
    let invoice = bytes(|out| charger.invoice(&ask(120, 1), 5, NOW, out)).unwrap();
    let Ok(Message::Invoice {
        invoice: signed,
        pass,
    }) = Message::read(&invoice)
    else {
        panic!("not an invoice");
    };
    assert_eq!(car.consider(&invoice, LATER), Err(Status::InvoiceExpired));
    assert_eq!(car.consider(&invoice[1..], NOW), Err(Status::Malformed));
    let c = world.thing(12);
    let swapped = written(&Message::Invoice {
        invoice: signed,
        pass: &c.pass,
    });
    assert_eq!(car.consider(&swapped, NOW), Err(Status::NotForYou));
    let object = *open::<protocol::objects::Invoice>(signed, &network())
        .unwrap()
        .peek();
    let forged = written(&Message::Invoice {
        invoice: &sealed(&object, &SoftwareKey::ed25519(&[12; 32])),
        pass,
    });
    assert_eq!(car.consider(&forged, NOW), Err(Status::BadSignature));
    let high = InvoiceOrder {
        least_class: AssuranceClass::SecureElement,
        ..ask(5, 2)
    };
    let high = bytes(|out| charger.invoice(&high, 1, NOW, out)).unwrap();
    assert_eq!(car.consider(&high, NOW), Err(Status::AboveClass));
    let yen = InvoiceOrder {
        currency: Currency::new(1, *b"JPY").unwrap(),
        ..ask(5, 3)
    };
    let yen = bytes(|out| charger.invoice(&yen, 1, NOW, out)).unwrap();
    assert_eq!(car.consider(&yen, NOW), Err(Status::NoAllowance));
    let dear = bytes(|out| charger.invoice(&ask(401, 4), 1, NOW, out)).unwrap();
    assert_eq!(car.consider(&dear, NOW), Err(Status::AboveMost));
    let mut stranger: Roomy = c.open(world.trust).unwrap();
    assert_eq!(
        stranger.consider(&invoice, NOW),
        Err(Status::UnknownGateway)
    );
}

#[test]
fn invoices_are_few_and_only_those_that_are_over_make_room() {
    let (world, _, b, mut car, mut charger) = world();
    for number in 0..INVOICES as u8 {
        bytes(|out| charger.invoice(&ask(5, number), 1, NOW, out)).unwrap();
    }
    let one_more = |charger: &mut Roomy, number, now| {
        let order = InvoiceOrder {
            expires: NOW.plus_s(DAY_S),
            ..ask(5, number)
        };
        bytes(|out| charger.invoice(&order, 1, now, out))
    };
    assert_eq!(one_more(&mut charger, 90, NOW), Err(Status::Full));
    let invoice = bytes(|out| charger.invoice(&ask(5, 3), 1, NOW, out)).unwrap();
    let offer = car.consider(&invoice, NOW).unwrap();
    let evidence = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    one_more(&mut charger, 90, NOW).unwrap();
    assert_eq!(one_more(&mut charger, 91, NOW), Err(Status::Full));
    one_more(&mut charger, 91, LATER).unwrap();
    charger = world.roomy(&b);
    assert_eq!(charger.invoices(LATER).count(), 2);
    let nothing = ask(0, 1);
    let nothing = bytes(|out| charger.invoice(&nothing, 1, NOW, out));
    assert_eq!(nothing, Err(Status::Malformed));
    let past = bytes(|out| charger.invoice(&ask(5, 1), 1, LATER, out));
    assert_eq!(past, Err(Status::InvoiceExpired));
}

#[test]
fn a_stream_is_asked_for_and_the_payer_chooses_how_much() {
    let (world, a, b, mut car, mut charger) = world();
    let invoice = bytes(|out| charger.invoice(&ask_units(3, 1_000, 1), 5, NOW, out)).unwrap();
    let offer = car.consider(&invoice, NOW).unwrap();
    assert_eq!(
        offer.units(),
        Some((amount(3), 133)),
        "within the allowance"
    );
    let offer = offer.at_most(40);
    assert_eq!(offer.amount(), amount(120));
    let unseeded = bytes(|out| car.pay_invoice(&offer, None, NOW, out));
    assert_eq!(unseeded, Err(Status::Malformed));
    let evidence = bytes(|out| car.pay_invoice(&offer, Some(SEED), NOW, out)).unwrap();
    let ready = bytes(|out| charger.accept_invoiced(&evidence, NOW, out)).unwrap();
    let Ok(Event::Ready { payment }) = car.receive(&ready, NOW) else {
        panic!("not ready");
    };
    let mut car = world.roomy(&a);
    let again = car.consider(&invoice, NOW).unwrap();
    assert_eq!(again.units(), Some((amount(3), 40)), "as it was paid");
    let again = bytes(|out| car.pay_invoice(&again, Some(SEED), NOW, out)).unwrap();
    assert_eq!(again, evidence);
    let unit = bytes(|out| car.release(payment, 1, out)).unwrap();
    assert_eq!(charger.take_unit(&unit).unwrap().amount, amount(3));

    // At another price, or for more units than asked, it is not taken.
    let invoice = bytes(|out| charger.invoice(&ask_units(3, 10, 2), 5, NOW, out)).unwrap();
    let (reference, _) = charger.invoices(NOW).next().unwrap();
    for (unit, count) in [(2, 10), (3, 11)] {
        let mut other = World::new();
        let mut payer = other.funded(&other.thing(20 + count as u8), 1_000);
        let order = super::super::StreamOrder {
            payee: b.code,
            currency: usd(),
            unit: amount(unit),
            count,
            reference,
        };
        let evidence = bytes(|out| payer.pay_stream(&order, SEED, NOW, out)).unwrap();
        let taken = bytes(|out| charger.accept(&evidence, None, NOW, out));
        assert_eq!(taken, Err(Status::WrongAmount));
    }
    drop(invoice);
}

#[test]
fn standing_rules_refuse_each_for_its_own_reason() {
    let world = World::new();
    let (device, gateway) = (world.thing(11).code, world.gateway);
    let mut rules = StandingRules::up_to(amount(100), &[Kind::Device]);
    rules.per_payment = amount(60);
    rules.per_payee = amount(90);
    let today = |in_all, to_payee, to_kind| ApprovedToday {
        in_all: amount(in_all),
        to_payee: amount(to_payee),
        to_kind: amount(to_kind),
    };
    let ask = |payee, value, today: ApprovedToday| rules.approve(payee, amount(value), &today);
    let cases = [
        (ask(device, 60, today(0, 0, 0)), Ok(())),
        (ask(device, 61, today(0, 0, 0)), Err(Status::AboveRule)),
        (ask(device, 60, today(40, 0, 0)), Ok(())),
        (ask(device, 60, today(41, 0, 0)), Err(Status::AboveDay)),
        (ask(device, 60, today(30, 30, 30)), Ok(())),
        (ask(device, 60, today(31, 31, 31)), Err(Status::AboveDay)),
        (ask(device, 60, today(0, 0, 41)), Err(Status::AboveDay)),
        (ask(gateway, 1, today(0, 0, 0)), Err(Status::NoRule)),
    ];
    for (number, (got, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(got, wanted, "case {number}");
    }
    assert_eq!(rules.most(device, &today(70, 0, 70)), amount(30));
    assert_eq!(rules.most(gateway, &today(0, 0, 0)), AmountMinor::ZERO);
    let nothing = StandingRules::NOTHING.approve(device, amount(1), &today(0, 0, 0));
    assert_eq!(nothing, Err(Status::NoRule));
}

#[test]
fn daily_sums_survive_a_restart_and_begin_anew_each_day() {
    let (world, a, b, mut car, mut charger) = world();
    let mut rules = generous();
    rules.per_day = amount(200);
    car.set_rules(usd(), &rules).unwrap();
    let mut ask_for = |number, now: Timestamp| {
        let order = InvoiceOrder {
            expires: now.plus_s(600),
            ..ask(90, number)
        };
        bytes(|out| charger.invoice(&order, 1, now, out)).unwrap()
    };
    for number in 1..=2 {
        let invoice = ask_for(number, NOW);
        let offer = car.consider(&invoice, NOW).unwrap();
        bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
        car = world.roomy(&a);
    }
    let third = ask_for(3, NOW);
    for _ in 0..2 {
        assert_eq!(car.rules(usd()), rules);
        assert_eq!(car.approved_today(usd(), b.code, NOW).to_payee, amount(180));
        assert_eq!(car.consider(&third, NOW), Err(Status::AboveDay));
        car = world.roomy(&a);
    }
    // The owner may decide otherwise; that is not part of the rules' sum.
    let offer = car.show_owner(&third, NOW).unwrap();
    bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    assert_eq!(car.approved_today(usd(), b.code, NOW).in_all, amount(180));
    let tomorrow = NOW.plus_s(DAY_S);
    let fourth = ask_for(4, tomorrow);
    let offer = car.consider(&fourth, tomorrow).unwrap();
    bytes(|out| car.pay_invoice(&offer, None, tomorrow, out)).unwrap();
    let car = world.roomy(&a);
    let today = car.approved_today(usd(), b.code, tomorrow);
    assert_eq!(today.in_all, amount(90));
    let back = car.approved_today(usd(), b.code, NOW);
    assert_eq!(
        back.in_all,
        amount(90),
        "a clock that runs back frees nothing"
    );
}

#[test]
fn without_rules_nothing_is_approved_and_payees_of_a_day_are_few() {
    let mut world = World::new();
    let a = world.thing(10);
    let mut car = world.funded(&a, 1_000);
    let asked = |seed: u8, now: Timestamp| {
        let mut payee = world.roomy(&world.thing(seed));
        let order = InvoiceOrder {
            expires: now.plus_s(600),
            ..ask(5, seed)
        };
        bytes(|out| payee.invoice(&order, 1, now, out)).unwrap()
    };
    let first = asked(30, NOW);
    assert_eq!(car.consider(&first, NOW), Err(Status::NoRule));
    car.set_rules(usd(), &generous()).unwrap();
    for seed in 0..PAYEES_A_DAY as u8 {
        let offer = car.consider(&asked(30 + seed, NOW), NOW).unwrap();
        bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    }
    let one_more = asked(60, NOW);
    assert_eq!(car.consider(&one_more, NOW), Err(Status::AboveDay));
    let tomorrow = NOW.plus_s(DAY_S);
    let one_more = asked(60, tomorrow);
    let offer = car.consider(&one_more, tomorrow).unwrap();
    bytes(|out| car.pay_invoice(&offer, None, tomorrow, out)).unwrap();
    car.set_rules(usd(), &StandingRules::NOTHING).unwrap();
    let refused = asked(61, tomorrow);
    assert_eq!(car.consider(&refused, tomorrow), Err(Status::NoRule));
}
