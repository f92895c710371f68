//! Tariffs and rates: nothing dearer than its payee or its owner said is approved.

use super::super::{Buying, Event, InvoiceOrder, PrintedPrice, Rate, RateRules, StandingRules};
use super::branches::{Restarting, plainly, through_every_cut};
use super::streams::SEED;
use super::*;
use protocol::objects::{Asked, Measure, PRICES, Price};

const LATER: Timestamp = NOW.plus_s(600);
const KWH: u32 = 1_000;

fn item(name: &str) -> Reference {
    let mut item = [0; 16];
    item[..name.len()].copy_from_slice(name.as_bytes());
    Reference(item)
}

fn price(name: &str, measure: Measure, value: u64) -> Price {
    Price {
        item: item(name),
        measure,
        amount: amount(value),
    }
}

/// The most per kilowatt-hour, and nothing of anything else.
fn per_kwh(most: u64) -> RateRules {
    let mut rates = RateRules::default();
    rates[Measure::WattHour as usize] = Some(Rate {
        amount: amount(most),
        per: KWH,
    });
    rates
}

fn energy(quantity: u32, name: Option<&str>) -> Buying {
    Buying {
        measure: Measure::WattHour,
        quantity,
        item: name.map(item),
    }
}

fn by_units(unit: u64, most: u32, number: u8) -> InvoiceOrder {
    InvoiceOrder {
        currency: usd(),
        asked: Asked::Units {
            unit: amount(unit),
            most,
        },
        reference: reference(number),
        expires: LATER,
        least_class: AssuranceClass::Software,
    }
}

fn pair() -> (World, Thing, Roomy, Roomy) {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let generous = StandingRules::up_to(amount(10_000), &[Kind::Device]);
    car.set_rules(usd(), &generous).unwrap();
    (world, b, car, charger)
}

#[test]
fn a_unit_dearer_than_the_owners_rate_is_not_approved() {
    let (_, _, mut car, mut charger) = pair();
    // At most 40 for a kilowatt-hour, so 4 for a unit of 100 watt-hours.
    car.set_rates(usd(), &per_kwh(40)).unwrap();
    let mut ask = |unit, number| {
        let order = by_units(unit, 20, number);
        bytes(|out| charger.invoice(&order, 1, NOW, out)).unwrap()
    };
    let (fair, dear) = (ask(4, 1), ask(5, 2));
    let unit = energy(100, None);
    let refused = car.consider_priced(&dear, &unit, None, NOW);
    assert_eq!(refused.err(), Some(Status::AboveRule));
    let offer = car.consider_priced(&fair, &unit, None, NOW).unwrap();
    assert_eq!(offer.units(), Some((amount(4), 20)));
    // Nobody said what it is for, or the owner says nothing of that.
    assert_eq!(car.consider(&fair, NOW).err(), Some(Status::NoRule));
    let seconds = Buying {
        measure: Measure::Second,
        ..unit
    };
    let unknown = car.consider_priced(&fair, &seconds, None, NOW);
    assert_eq!(unknown.err(), Some(Status::NoRule));
    // The owner's own decision is not asked about prices.
    car.show_owner(&dear, NOW).unwrap();
    bytes(|out| car.pay_invoice(&offer, Some(SEED), NOW, out)).unwrap();
}

#[test]
fn an_invoice_dearer_than_its_payees_tariff_is_not_approved() {
    let (world, b, mut car, mut charger) = pair();
    let prices = [
        price("energy", Measure::WattHour, 2),
        price("wash", Measure::Piece, 50),
    ];
    let published = bytes(|out| charger.tariff(usd(), &prices, LATER, NOW, out)).unwrap();
    let tariff = car.read_tariff(&published, NOW).unwrap();
    assert_eq!(tariff.tariff().payee, b.code);
    assert_eq!(car.read_tariff(&published, LATER), Err(Status::Expired));
    let mut ask = |unit, number| {
        let order = by_units(unit, 5, number);
        bytes(|out| charger.invoice(&order, 1, NOW, out)).unwrap()
    };
    let (fair, dear) = (ask(20, 1), ask(21, 2));
    let mut consider = |invoice: &[u8], buying: Buying| {
        car.consider_priced(invoice, &buying, Some(&tariff), NOW)
            .map(drop)
    };
    assert_eq!(consider(&fair, energy(10, Some("energy"))), Ok(()));
    assert_eq!(
        consider(&dear, energy(10, Some("energy"))),
        Err(Status::AboveRule)
    );
    for other in [None, Some("water"), Some("wash")] {
        assert_eq!(consider(&fair, energy(10, other)), Err(Status::NoRule));
    }
    let mut other = world.roomy(&world.thing(12));
    let foreign = bytes(|out| other.invoice(&by_units(1, 5, 3), 1, NOW, out)).unwrap();
    assert_eq!(
        consider(&foreign, energy(10, Some("energy"))),
        Err(Status::NoRule),
        "the tariff of somebody else"
    );
}

#[test]
fn a_printed_price_is_held_to_rules_and_tariff_like_an_invoice() {
    let (_, b, mut car, mut charger) = pair();
    let prices = [price("wash", Measure::Piece, 50)];
    let published = bytes(|out| charger.tariff(usd(), &prices, LATER, NOW, out)).unwrap();
    let tariff = car.read_tariff(&published, NOW).unwrap();
    let printed = |value, number| PrintedPrice {
        payee: b.code,
        currency: usd(),
        asked: Asked::Amount(amount(value)),
        reference: reference(number),
    };
    let wash = Buying {
        measure: Measure::Piece,
        quantity: 1,
        item: Some(item("wash")),
    };
    let dear = car.consider_printed(&printed(51, 1), Some(&wash), Some(&tariff), NOW);
    assert_eq!(dear.err(), Some(Status::AboveRule));
    let offer = car.consider_printed(&printed(50, 2), Some(&wash), Some(&tariff), NOW);
    let offer = offer.unwrap();
    let evidence = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    let again = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    assert_eq!(again, evidence);
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    car.set_rules(usd(), &StandingRules::NOTHING).unwrap();
    let unruled = car.consider_printed(&printed(1, 3), None, None, NOW);
    assert_eq!(unruled.err(), Some(Status::NoRule));
}

#[test]
fn a_tariff_is_published_whole_or_not_at_all() {
    let (_, _, mut car, mut charger) = pair();
    let mut publish = |prices: &[Price], expires| {
        bytes(|out| charger.tariff(usd(), prices, expires, NOW, out)).map(drop)
    };
    let wash = price("wash", Measure::Piece, 50);
    assert_eq!(publish(&[], LATER), Err(Status::Malformed));
    assert_eq!(publish(&[wash], NOW), Err(Status::Expired));
    let twice = [wash, price("wash", Measure::Second, 1)];
    assert_eq!(publish(&twice, LATER), Err(Status::Malformed));
    let free = [price("air", Measure::Piece, 0)];
    assert_eq!(publish(&free, LATER), Err(Status::Malformed));
    let many: Vec<_> = (0..PRICES as u64 + 1)
        .map(|n| price(&format!("item {n}"), Measure::Read, n + 1))
        .collect();
    assert_eq!(publish(&many, LATER), Err(Status::Malformed));
    assert_eq!(publish(&many[..PRICES], LATER), Ok(()));
    let none = Some(Rate {
        amount: amount(1),
        per: 0,
    });
    let nothing = [none; Measure::ALL.len()];
    assert_eq!(car.set_rates(usd(), &nothing), Err(Status::Malformed));
}

#[test]
fn rates_survive_every_power_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        for most in [10, 20, 30] {
            let set = |purse: &mut Roomy| purse.set_rates(usd(), &per_kwh(most));
            stage.with(set).unwrap();
        }
        stage.restart();
        stage.with(|purse| Ok(purse.rates(usd()))).unwrap()
    });
}

#[test]
fn a_payee_that_holds_the_allowance_is_sent_the_payment_alone() {
    let (world, b, mut car, mut charger) = pair();
    let payer = car.me();
    let ask = |value, number| InvoiceOrder {
        asked: Asked::Amount(amount(value)),
        ..by_units(1, 1, number)
    };
    let mut exchange = |charger: &mut Roomy, number: u8| {
        let order = ask(10, number);
        let invoice = bytes(|out| charger.invoice_to(payer, &order, 1, NOW, out)).unwrap();
        let offer = car.consider(&invoice, NOW).unwrap();
        let payment = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
        let receipt = bytes(|out| charger.accept(&payment, None, NOW, out)).unwrap();
        assert_eq!(
            bytes(|out| charger.accept(&payment, None, NOW, out)),
            Ok(receipt.clone())
        );
        let event = car.receive(&receipt, NOW);
        assert!(matches!(event, Ok(Event::Receipted { .. })));
        payment
    };
    let first = exchange(&mut charger, 1);
    assert!(matches!(
        Message::read(&first),
        Ok(Message::Evidence { .. })
    ));
    let second = exchange(&mut charger, 2);
    assert!(matches!(
        Message::read(&second),
        Ok(Message::Payment { .. })
    ));
    assert!(
        second.len() * 3 < first.len() * 2,
        "{} of {}",
        second.len(),
        first.len()
    );
    let mut charger = world.roomy(&b);
    let third = exchange(&mut charger, 3);
    assert!(matches!(Message::read(&third), Ok(Message::Payment { .. })));
    // Somebody who does not hold it asks for the evidence.
    let mut other = world.roomy(&world.thing(12));
    assert_eq!(
        bytes(|out| other.accept(&third, None, NOW, out)),
        Err(Status::NotForYou)
    );
    let mut forgetful = world.roomy(&world.thing(11));
    let unknown = bytes(|out| forgetful.accept(&third, None, NOW, out));
    assert_eq!(unknown, Err(Status::WrongAllowance));
    // To the gateway it goes with everything it needs.
    assert_eq!(charger.unanswered(), 3);
    for claim in handed_in(&mut charger).unwrap() {
        assert!(matches!(Message::read(&claim), Ok(Message::Claim { .. })));
    }
}

#[test]
fn a_payment_alone_under_a_new_allowance_is_not_sent() {
    let (mut world, _, mut car, mut charger) = pair();
    let payer = car.me();
    let ask = |number| InvoiceOrder {
        asked: Asked::Amount(amount(10)),
        ..by_units(1, 1, number)
    };
    let invoice = bytes(|out| charger.invoice(&ask(1), 1, NOW, out)).unwrap();
    let offer = car.consider(&invoice, NOW).unwrap();
    let evidence = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let invoice = bytes(|out| charger.invoice_to(payer, &ask(2), 1, NOW, out)).unwrap();
    let renewal = bytes(|out| car.renewal(usd(), amount(90), NOW, out)).unwrap();
    let grant = world.renew(&world.thing(10), &renewal);
    car.receive(&grant, NOW).unwrap();
    let offer = car.consider(&invoice, NOW).unwrap();
    let payment = bytes(|out| car.pay_invoice(&offer, None, NOW, out)).unwrap();
    assert!(matches!(
        Message::read(&payment),
        Ok(Message::Evidence { .. })
    ));
    bytes(|out| charger.accept(&payment, None, NOW, out)).unwrap();
}

#[test]
fn a_payment_alone_by_another_key_is_refused() {
    let (_, b, mut car, mut charger) = pair();
    let evidence = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let next = bytes(|out| car.pay(&order(b.code, 10, 2), NOW, out)).unwrap();
    let Ok(Message::Evidence { payment, .. }) = Message::read(&next) else {
        panic!("not evidence");
    };
    let content = *open::<Payment>(payment, &network()).unwrap().peek();
    let forged = sealed(&content, &SoftwareKey::ed25519(&[77; 32]));
    let alone = |payment| written(&Message::Payment { payment });
    let mut accept = |message: &[u8]| bytes(|out| charger.accept(message, None, NOW, out));
    assert_eq!(accept(&alone(&forged)), Err(Status::BadSignature));
    accept(&alone(payment)).unwrap();
}
