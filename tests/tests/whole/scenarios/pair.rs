//! Two things pay each other while nobody else can be reached.

use device_sdk::purse::{Event, Order};
use protocol::rules::Expected;
use protocol::{Reference, Status};
use tests::by_hand::{USD, amount};
use tests::house::{House, now};
use tests::thing::{Thing, synchronise, written};

#[test]
fn a_pair_pays_with_the_gateway_killed_and_settles_once_when_it_is_back() {
    let mut house = House::start();
    let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
    house.load(car.code(), 10_000_000);
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    let renewal = written(|out| payer.renewal(USD, amount(4_000_000), now(), out)).unwrap();
    let grant = house.wallet(car.code(), &renewal).payload;
    let granted = payer.receive(&grant, now()).unwrap();
    assert!(
        matches!(granted, Event::Granted { currency: USD, .. }),
        "{granted:?}"
    );

    house.kill();
    let order = Order {
        payee: charger.code(),
        currency: USD,
        amount: amount(2_530_000),
        reference: Reference(*b"session no. 2037"),
    };
    let expected = Expected {
        amount: order.amount,
        reference: order.reference,
    };
    let evidence = written(|out| payer.pay(&order, now(), out)).unwrap();
    let receipt = written(|out| payee.accept(&evidence, Some(expected), now(), out)).unwrap();
    let receipted = payer.receive(&receipt, now()).unwrap();
    assert!(
        matches!(receipted, Event::Receipted { .. }),
        "{receipted:?}"
    );
    assert_eq!(payer.spendable(USD), amount(1_470_000));

    house.restart();
    // Both bring it; it settles once, whoever is first.
    for purse in [&mut payee, &mut payer] {
        let events = synchronise(&house, purse);
        assert!(
            matches!(
                events.as_slice(),
                [Event::Stated {
                    outcome: Status::Settled,
                    ..
                }]
            ),
            "{events:?}"
        );
        assert_eq!(purse.unanswered(), 0);
    }
    let books = house.books();
    let usd = &books["sums"][0];
    assert_eq!(usd["issued_minus_redeemed"], 10_000_000, "{books}");
    assert_eq!(usd["purses"], 10_000_000, "{books}");
    assert_eq!(usd["in_transit"], 0, "{books}");
    assert_eq!(payee.totals(USD).received_settled, order.amount);
}

#[test]
fn a_payment_waits_in_transit_until_its_payee_answers() {
    let house = House::start();
    let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
    house.load(car.code(), 1_000_000);
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    let renewal = written(|out| payer.renewal(USD, amount(1_000_000), now(), out)).unwrap();
    payer
        .receive(&house.wallet(car.code(), &renewal).payload, now())
        .unwrap();
    let reference = Reference(*b"not yet receipt.");
    let order = Order {
        payee: charger.code(),
        currency: USD,
        amount: amount(300),
        reference,
    };
    let evidence = written(|out| payer.pay(&order, now(), out)).unwrap();

    let events = synchronise(&house, &mut payer);
    assert!(
        matches!(
            events.as_slice(),
            [Event::Stated {
                outcome: Status::InTransit,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(house.books()["sums"][0]["in_transit"], 300);

    let expected = Expected {
        amount: order.amount,
        reference,
    };
    written(|out| payee.accept(&evidence, Some(expected), now(), out)).unwrap();
    let events = synchronise(&house, &mut payee);
    assert!(
        matches!(
            events.as_slice(),
            [Event::Stated {
                outcome: Status::Settled,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(house.books()["sums"][0]["in_transit"], 0);
}
