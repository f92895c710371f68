//! Time without a clock: beacons, allowances and own ticks.

use super::super::{Event, TIME_JUMP_S};
use super::branches::{Branch, Restarting, settles, through_every_cut};
use super::*;
use protocol::objects::Beacon;

const STALE_S: u32 = 6 * 3_600;
/// When the passes of these tests were given.
const GIVEN: Timestamp = NOW.minus_s(DAY_S);

fn open_clockless(world: &World, thing: &Thing) -> Result<Roomy, super::super::OpenError> {
    let settings = Settings {
        most_by_class: [amount(50), amount(5_000), amount(50_000)],
        clock: Clock::Ticks {
            stale_after_s: STALE_S,
        },
        ..thing.settings(world.trust)
    };
    Purse::open(settings, thing.key(), thing.disk.clone())
}

fn clockless(world: &World, thing: &Thing, others: &[&Branch]) -> Roomy {
    let mut purse = open_clockless(world, thing).unwrap();
    let own = world.gateway_pass.as_slice();
    for pass in others
        .iter()
        .map(|other| other.pass.as_slice())
        .chain([own])
    {
        purse.trust_gateway(&world.issuer_pass, pass, NOW).unwrap();
    }
    purse
}

fn beacon(by: Code, key: &SoftwareKey, time: Timestamp) -> Vec<u8> {
    let beacon = Beacon {
        gateway: by,
        time,
        filter_version: None,
        filter: None,
    };
    written(&Message::Beacon {
        beacon: &sealed(&beacon, key),
    })
}

fn tell(purse: &mut Roomy, message: &[u8], ticks_s: u32) -> Timestamp {
    let now = purse.time(ticks_s);
    match purse.receive(message, now).unwrap() {
        Event::Time { now, .. } => now,
        other => panic!("{other:?}"),
    }
}

#[test]
fn time_is_the_highest_of_beacons_allowances_and_own_ticks() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut charger = clockless(&world, &b, &[]);
    assert_eq!(
        charger.time(10),
        GIVEN.plus_s(10),
        "since its pass was given"
    );
    let said = GIVEN.plus_s(1_000);
    let here = beacon(world.gateway, &world.gateway_key, said);
    assert_eq!(tell(&mut charger, &here, 20), said);
    assert_eq!(charger.time(50), said.plus_s(30));
    assert_eq!(charger.time(40), said.plus_s(30), "ticks do not run back");
    let late = beacon(world.gateway, &world.gateway_key, said.minus_s(500));
    assert_eq!(tell(&mut charger, &late, 60), said.plus_s(40));
    // The allowance was issued NOW.
    let evidence = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    let now = charger.time(60);
    bytes(|out| charger.accept(&evidence, None, now, out)).unwrap();
    assert_eq!(charger.time(60), NOW);
}

#[test]
fn one_gateway_alone_moves_time_no_further_than_a_day() {
    let world = World::new();
    let (second, third) = (world.branch(4, settles()), world.branch(5, settles()));
    let b = world.thing(11);
    let mut charger = clockless(&world, &b, &[&second, &third]);
    let far = GIVEN.plus_s(30 * DAY_S);
    let first = beacon(world.gateway, &world.gateway_key, far);
    for _ in 0..3 {
        assert_eq!(
            tell(&mut charger, &first, 0),
            GIVEN,
            "however often it says so"
        );
    }
    let near = beacon(second.code, &second.key, GIVEN.plus_s(TIME_JUMP_S));
    assert_eq!(tell(&mut charger, &near, 0), GIVEN.plus_s(TIME_JUMP_S));
    // A second one says it too: the lesser of both is believed.
    let also = beacon(third.code, &third.key, far.plus_s(10 * DAY_S));
    assert_eq!(tell(&mut charger, &also, 100), far.plus_s(100));
    assert!(!charger.has_time(far), "neither beacon was believed whole");
    tell(
        &mut charger,
        &beacon(second.code, &second.key, far.plus_s(100)),
        100,
    );
    assert!(charger.has_time(far.plus_s(100)));
    assert!(!charger.has_time(far.plus_s(101 + STALE_S)));
}

#[test]
fn a_purse_that_trusts_one_gateway_takes_its_word() {
    let world = World::new();
    let b = world.thing(11);
    let mut charger = clockless(&world, &b, &[]);
    let far = GIVEN.plus_s(30 * DAY_S);
    let first = beacon(world.gateway, &world.gateway_key, far);
    assert_eq!(tell(&mut charger, &first, 0), far);
    let forged = beacon(
        world.gateway,
        &SoftwareKey::ed25519(&[9; 32]),
        far.plus_s(1),
    );
    assert_eq!(charger.receive(&forged, far), Err(Status::BadSignature));
}

#[test]
fn without_recent_signed_time_only_small_payments_are_taken() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.roomy(&a);
    let mut allowance = world.allowance(&a, 1_000);
    allowance.class = AssuranceClass::SecureElement;
    car.receive(&world.grant(&allowance), NOW).unwrap();
    let mut pay =
        |value, number| bytes(|out| car.pay(&order(b.code, value, number), NOW, out)).unwrap();
    let (small, large, later) = (pay(50, 1), pay(51, 2), pay(51, 3));
    let mut charger = clockless(&world, &b, &[]);
    let take = |charger: &mut Roomy, evidence: &[u8], ticks_s| {
        let now = charger.time(ticks_s);
        bytes(|out| charger.accept(evidence, None, now, out)).map(|_| ())
    };
    assert_eq!(take(&mut charger, &small, 1), Ok(()));
    assert_eq!(take(&mut charger, &large, 1), Err(Status::NoTime));
    let here = beacon(world.gateway, &world.gateway_key, NOW);
    tell(&mut charger, &here, 2);
    assert_eq!(take(&mut charger, &large, 2), Ok(()));
    assert_eq!(
        take(&mut charger, &later, 3 + STALE_S),
        Err(Status::NoTime),
        "it is stale"
    );
    // After a restart nobody knows how long it was away, and an old beacon does not say.
    drop(charger);
    let mut charger = clockless(&world, &b, &[]);
    assert!(charger.time(0) >= NOW, "but time has not run back");
    tell(&mut charger, &here, 1);
    assert_eq!(take(&mut charger, &later, 1), Err(Status::NoTime));
    let fresh = charger.time(1).plus_s(60);
    tell(
        &mut charger,
        &beacon(world.gateway, &world.gateway_key, fresh),
        1,
    );
    assert_eq!(take(&mut charger, &later, 1), Ok(()));
}

#[test]
fn a_purse_with_a_kept_clock_believes_its_caller() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut charger = world.roomy(&b);
    let far = beacon(world.gateway, &world.gateway_key, NOW.plus_s(9 * DAY_S));
    let event = charger.receive(&far, NOW);
    let newer_filter = false;
    assert_eq!(
        event,
        Ok(Event::Time {
            now: NOW,
            newer_filter
        })
    );
    let evidence = bytes(|out| car.pay(&order(b.code, 400, 1), NOW, out)).unwrap();
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    assert_eq!(b.disk.len(), 3, "owner, gateway, payment: no times");
}

#[test]
fn what_time_it_was_survives_every_power_cut_and_is_written_seldom() {
    through_every_cut(open_clockless, |stage: &mut Restarting| {
        let (issuer, gateway) = (
            stage.world.issuer_pass.clone(),
            stage.world.gateway_pass.clone(),
        );
        stage
            .with(|purse| purse.trust_gateway(&issuer, &gateway, NOW))
            .unwrap();
        let world = &stage.world;
        let beacons = [0, 3_600, 7 * 3_600, 14 * 3_600]
            .map(|later_s| beacon(world.gateway, &world.gateway_key, NOW.plus_s(later_s)));
        for beacon in &beacons {
            stage.with(|purse| purse.receive(beacon, NOW)).unwrap();
        }
        stage.restart();
        let known = stage.with(|purse| Ok(purse.time(0))).unwrap();
        assert!(known >= NOW.plus_s(7 * 3_600) && known <= NOW.plus_s(14 * 3_600));
    });
}
