//! A car of one gateway pays a charger of another, both under a centre.

use device_sdk::purse::Event;
use protocol::Status;

use super::land::Land;
use super::replay::pay;
use super::seed;
use tests::by_hand::{USD, amount};

#[test]
fn provisional_becomes_final_when_the_link_is_back_and_nobody_is_paid_twice() {
    let mut land = Land::new(seed());
    let mut car = land.holder(0, "car");
    let mut charger = land.holder(1, "charger");
    car.trusts_gateway_of(&charger.thing);
    charger.trusts_gateway_of(&car.thing);
    land.load(0, &car, 10_000_000);
    land.grant(0, &mut car, 4_000_000);
    land.until("the warrant is shown", || {
        car.shows_warrants(&land.sites[0], &mut [&mut charger])
    });

    // The centre is gone: both gateways are alone with their things.
    land.centre.kill();
    let paid = amount(2_530_000);
    pay(&land, (&mut car, &mut charger), (2037, 2_530_000));
    let said = charger.synchronise(&land.sites[1]);
    let provisional = |event: &Event| matches!(event, Event::Provisional { .. });
    assert!(said.iter().any(provisional), "{said:?}");
    let totals = charger.purse.totals(USD);
    assert_eq!(totals.received_settled, amount(0), "nothing is final");
    assert_eq!(totals.received_unsettled, paid);
    // Letters about it wait here, also through a kill.
    land.sites[1].kill();
    land.sites[1].restart();

    land.centre.restart();
    land.until("the charger hears that it is final", || {
        let said = charger.synchronise(&land.sites[1]);
        let finally = |event: &Event| {
            matches!(
                event,
                Event::Stated {
                    outcome: Status::Settled,
                    ..
                }
            )
        };
        said.iter().any(finally) || charger.purse.totals(USD).received_settled == paid
    });
    car.synchronise(&land.sites[0]);
    land.until("the money has come", || land.purses(1) == 2_530_000);
    assert_eq!(car.purse.unanswered(), 0);
    let (books, held) = land.close(&[(0, &car), (1, &charger)]);
    assert!(books.holds && books.in_flight == 0, "{books:?}");
    assert_eq!(held, [7_470_000, 2_530_000]);
}

#[test]
fn what_a_thing_says_is_said_at_the_centre_once_and_only_for_its_own_gateway() {
    let mut land = Land::new(seed());
    let meter = land.holder(0, "meter");
    land.sites[0].kill();
    land.sites[0].restart_with(&[("ONECODE_UPSTREAM_RULES", "+/t/# out 1 oc/1/ oc/1/")]);
    land.set_bad(true);
    for number in 0..50 {
        let mut publisher = meter
            .thing
            .mosquitto("mosquitto_pub", &land.sites[0], "mqttv5", "p");
        publisher.args(["-q", "1", "-t", &meter.thing.topic("t/count")]);
        tests::program::run(publisher.args(["-m", &format!("{{\"count\":{number}}}")])).succeeded();
    }
    land.set_bad(false);
    land.until("all of it is above", || {
        land.sites[0].metric("onecode_upstream_waiting", "") == 0
    });
    // The diary is written down a few times a second, and nobody was promised that.
    std::thread::sleep(std::time::Duration::from_secs(2));
    land.centre.kill();
    let code = meter.thing.code();
    let series = land
        .centre
        .inside(async |inside| inside.diary.series(&code).await.unwrap());
    assert_eq!(series.len(), 1, "{series:?}");
    assert_eq!(format!("{:?}", series[0].value), "Number(49.0)");
}
