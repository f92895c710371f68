//! The books are put back from yesterday's copy: nothing is taken on it until that is said, and
//! then what was paid meanwhile is paid all the same.

use std::fs;
use std::process::Command;

use device_sdk::purse::{Event, Order};
use protocol::{Reference, Status};
use tests::by_hand::{USD, amount};
use tests::house::House;
use tests::program::{onecode, run};
use tests::thing::{Thing, granted, pays, synchronise};

use super::witness::copy;

#[test]
fn an_older_copy_takes_nothing_until_it_is_declared_and_then_pays_what_it_forgot() {
    let mut house = House::start();
    let [car, charger] = ["car", "charger"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), 10_000_000);
    house.kill();
    let backup = house.folder().join("backup");
    copy(&house.data(), &backup);
    house.restart();

    // After the copy: an allowance, a payment under it, and a code.
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    let grant = granted(&house, &mut payer, 1, 4_000_000);
    assert!(matches!(grant, Event::Granted { .. }), "{grant:?}");
    let forgotten = Thing::enrol(&house, "forgotten");
    let order = Order {
        payee: charger.code(),
        currency: USD,
        amount: amount(250_000),
        reference: Reference(*b"after the backup"),
    };
    let receipted = pays(&mut payer, &mut payee, &order);
    assert!(
        matches!(receipted, Event::Receipted { .. }),
        "{receipted:?}"
    );

    house.kill();
    fs::remove_dir_all(house.data()).unwrap();
    copy(&backup, &house.data());
    house.restart();
    let before = house.books();
    for event in synchronise(&house, &mut payee) {
        let refused = Status::WrongAllowance;
        let is_refused = matches!(event, Event::Refused { status, .. } if status == refused);
        assert!(is_refused, "{event:?}");
    }
    assert_eq!(house.books(), before);
    assert!(house.log().contains("onecode gateway restored"));

    house.kill();
    let mut declare = Command::new(onecode());
    declare.args(["gateway", "restored", "--stations", "2", "--data"]);
    declare.arg(house.data());
    declare.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
    let said = run(&mut declare).succeeded();
    assert!(said.contains("The gateway is in epoch 1"), "{said}");
    house.restart();
    for purse in [&mut payee, &mut payer] {
        let settled = |event: &Event| {
            let outcome = Status::Settled;
            matches!(event, Event::Stated { outcome: said, .. } if *said == outcome)
        };
        let events = synchronise(&house, purse);
        assert!(events.iter().any(settled), "{events:?}");
        assert_eq!(purse.unanswered(), 0);
    }
    assert_eq!(payee.totals(USD).received_settled, order.amount);
    house.books();
    // Its number is not given to another key.
    let next = Thing::enrol(&house, "next");
    assert!(next.code().sequence() > forgotten.code().sequence() + 1);
    house.kill();
    let stations = house.inside(async |inside| inside.ledger.stations().await.unwrap());
    assert_eq!(stations.len(), 2);
}
