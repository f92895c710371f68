//! Two things pay each other while nobody else can be reached.

use std::process::Command;

use device_sdk::purse::{Event, Order};
use protocol::rules::Expected;
use protocol::{Reference, Status};
use tests::by_hand::{USD, amount};
use tests::house::{House, now};
use tests::program::{Running, onecode, run};
use tests::thing::{Thing, granted, pays, synchronise, written};

#[test]
fn a_pair_pays_with_the_gateway_killed_and_settles_once_when_it_is_back() {
    let mut house = House::start();
    let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    let granted = granted(&house, &mut payer, 10_000_000, 4_000_000);
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
    let receipted = pays(&mut payer, &mut payee, &order);
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

#[test]
fn two_commands_pay_each_other_through_the_gateway_one_by_mqtt_and_one_by_coap() {
    let house = House::start();
    let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
    house.load(car.code(), 1_000_000);
    let device = |what: &str, thing: &Thing, options: &[&str]| {
        let mut command = Command::new(onecode());
        command.args(["device", what, "--folder"]);
        command.arg(thing.folder()).args(options);
        command
    };
    let (mqtt, coaps) = (
        house.doors().mqtt.to_string(),
        house.doors().coaps.to_string(),
    );
    let options = ["--via", "coap", "--coaps", &coaps, "--count", "1"];
    let payee = Running::start(&mut device("accept", &charger, &options));
    let to = charger.code().to_string();
    let options = [
        "--mqtt",
        &mqtt,
        "--to",
        &to,
        "--amount",
        "250000",
        "--reference",
        "44",
    ];
    let paid = run(&mut device("pay", &car, &options)).succeeded();
    assert!(
        paid.starts_with("sent; waiting for the payee\nsettled\n"),
        "{paid}"
    );
    let taken = payee.wait().succeeded();
    for said in ["250000 USD from", ": taken", ": settled"] {
        assert!(taken.contains(said), "{said}: {taken}");
    }
    assert_eq!(house.books()["sums"][0]["in_transit"], 0);
}
