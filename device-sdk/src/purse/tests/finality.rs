//! What a gateway with no money of its own says is final when the centre covers it.

use super::super::Event;
use super::branches::{Branch, Restarting, plainly, settles, through_every_cut};
use super::streams::SEED;
use super::*;
use crate::purse::StreamOrder;
use protocol::objects::{FloatWarrant, Present, Watermark};

fn said(branch: &Branch, payment: Digest, outcome: Status, place: (u32, u64)) -> Statement {
    Statement {
        gateway: branch.code,
        gateway_epoch: KeyEpoch(place.0),
        payment,
        outcome: u32::from(outcome as u8),
        height: place.1,
        root: Digest::default(),
        time: NOW,
        units: None,
        provisional: None,
        paid: None,
    }
}

fn shown(branch: &Branch, statement: &Statement) -> Vec<u8> {
    written(&Message::Statement {
        statement: &sealed(statement, &branch.key),
    })
}

fn covered(world: &World, branch: &Branch, key: &SoftwareKey, place: (u32, u64)) -> Vec<u8> {
    let watermark = Watermark {
        centre: world.gateway,
        gateway: branch.code,
        gateway_epoch: KeyEpoch(place.0),
        height: place.1,
        time: NOW,
    };
    written(&Message::Watermark {
        watermark: &sealed(&watermark, key),
    })
}

fn id_of(evidence: &[u8]) -> Digest {
    let Ok(Message::Evidence { payment, .. }) = Message::read(evidence) else {
        panic!("not evidence");
    };
    open::<Payment>(payment, &network()).unwrap().id()
}

/// A payee that trusts a branch, and the payments it took.
fn taken(values: &[u64]) -> (World, Branch, Thing, Roomy, Vec<Digest>) {
    let mut world = World::new();
    let branch = world.branch(4, settles());
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut charger = branch.trusted_by(&world, &b);
    let payments = values.iter().enumerate().map(|(at, value)| {
        let order = order(b.code, *value, at as u8);
        let evidence = bytes(|out| car.pay(&order, NOW, out)).unwrap();
        bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
        id_of(&evidence)
    });
    let payments = payments.collect();
    (world, branch, b, charger, payments)
}

#[test]
fn evidence_stays_until_the_centre_covers_what_was_said_of_it() {
    let (world, branch, b, mut charger, payments) = taken(&[10, 20]);
    let outcome = Status::Settled;
    for (at, payment) in payments.iter().enumerate() {
        let statement = shown(
            &branch,
            &said(&branch, *payment, outcome, (1, 7 + at as u64)),
        );
        let stated = Event::Stated {
            payment: *payment,
            outcome,
        };
        assert_eq!(charger.receive(&statement, NOW), Ok(stated));
        assert_eq!(charger.receive(&statement, NOW), Ok(Event::Known));
    }
    for _ in 0..2 {
        assert_eq!(
            handed_in(&mut charger),
            Ok(vec![]),
            "there is nothing new to say"
        );
        assert_eq!(charger.unanswered(), 0);
        assert_eq!(charger.totals(usd()).received_unsettled, amount(30));
        charger = branch.trusted_by(&world, &b);
    }
    let left = b.disk.len();
    for (height, payments, settled) in [(6, 0, 0), (7, 1, 10), (7, 0, 10), (90, 1, 30)] {
        let mark = covered(&world, &branch, &world.gateway_key, (1, height));
        assert_eq!(charger.receive(&mark, NOW), Ok(Event::Final { payments }));
        assert_eq!(charger.totals(usd()).received_settled, amount(settled));
    }
    assert!(b.disk.len() < left, "and then it is forgotten");
}

#[test]
fn a_gateway_that_issues_money_has_the_last_word_itself() {
    let (world, _, _, mut charger, payments) = taken(&[10]);
    charger
        .receive(&world.statement(payments[0], Status::Settled), NOW)
        .unwrap();
    assert_eq!(charger.totals(usd()).received_settled, amount(10));
}

#[test]
fn what_is_provisional_changes_nothing() {
    let (world, branch, b, mut charger, payments) = taken(&[10]);
    let claim = handed_in(&mut charger).unwrap();
    let left = b.disk.len();
    let mut statement = said(&branch, payments[0], Status::Settled, (1, 7));
    statement.provisional = Some(Present);
    let provisional = Event::Provisional {
        payment: payments[0],
        outcome: Status::Settled,
    };
    for _ in 0..2 {
        let event = charger.receive(&shown(&branch, &statement), NOW);
        assert_eq!(event, Ok(provisional));
        let mark = covered(&world, &branch, &world.gateway_key, (1, 9));
        assert_eq!(
            charger.receive(&mark, NOW),
            Ok(Event::Final { payments: 0 })
        );
        assert_eq!(
            handed_in(&mut charger).unwrap(),
            claim,
            "it is handed in again"
        );
        assert_eq!(charger.totals(usd()).received_settled, AmountMinor::ZERO);
    }
    assert_eq!(b.disk.len(), left);
    // The mark went before: the last word is final when it comes.
    statement.provisional = None;
    charger.receive(&shown(&branch, &statement), NOW).unwrap();
    assert_eq!(charger.totals(usd()).received_settled, amount(10));
}

#[test]
fn what_a_restored_gateway_may_have_forgotten_is_handed_in_again() {
    let (world, branch, b, mut charger, payments) = taken(&[10, 20, 30]);
    let settled = |at: usize, place| {
        shown(
            &branch,
            &said(&branch, payments[at], Status::Settled, place),
        )
    };
    charger.receive(&settled(0, (1, 7)), NOW).unwrap();
    charger.receive(&settled(1, (1, 8)), NOW).unwrap();
    let mark = covered(&world, &branch, &world.gateway_key, (1, 7));
    charger.receive(&mark, NOW).unwrap();
    // Its second life says something of the third payment only.
    charger.receive(&settled(2, (2, 8)), NOW).unwrap();
    assert_eq!(
        handed_in(&mut charger).unwrap().len(),
        1,
        "the second payment"
    );
    assert_eq!(charger.receive(&settled(1, (1, 8)), NOW), Ok(Event::Known));
    charger.receive(&settled(1, (2, 9)), NOW).unwrap();
    let mut charger = branch.trusted_by(&world, &b);
    assert_eq!(handed_in(&mut charger), Ok(vec![]));
    let mark = covered(&world, &branch, &world.gateway_key, (2, 9));
    assert_eq!(
        charger.receive(&mark, NOW),
        Ok(Event::Final { payments: 2 })
    );
    assert_eq!(charger.totals(usd()).received_settled, amount(60));
}

#[test]
fn a_watermark_counts_only_from_a_centre_of_the_gateways_issuer() {
    let (world, branch, _, mut charger, payments) = taken(&[10]);
    let settled = said(&branch, payments[0], Status::Settled, (1, 7));
    charger.receive(&shown(&branch, &settled), NOW).unwrap();
    let forged = covered(&world, &branch, &branch.key, (1, 7));
    assert_eq!(charger.receive(&forged, NOW), Err(Status::BadSignature));
    let by_itself = Watermark {
        centre: branch.code,
        gateway: branch.code,
        gateway_epoch: KeyEpoch(1),
        height: 7,
        time: NOW,
    };
    let by_itself = written(&Message::Watermark {
        watermark: &sealed(&by_itself, &branch.key),
    });
    assert_eq!(
        charger.receive(&by_itself, NOW),
        Err(Status::UnknownGateway)
    );
    assert_eq!(charger.totals(usd()).received_settled, AmountMinor::ZERO);
}

#[test]
fn the_centre_is_known_from_its_warrant() {
    let world = World::new();
    let branch = world.branch(4, settles());
    let mut purse: Roomy = world.thing(11).open(world.trust).unwrap();
    purse
        .trust_gateway(&world.issuer_pass, &branch.pass, NOW)
        .unwrap();
    let mark = covered(&world, &branch, &world.gateway_key, (1, 7));
    assert_eq!(purse.receive(&mark, NOW), Err(Status::UnknownGateway));
    let warrant = FloatWarrant {
        centre: world.gateway,
        gateway: branch.code,
        gateway_epoch: KeyEpoch(1),
        currency: usd(),
        limit: Odometer::new(9).unwrap(),
        issued: NOW,
        expires: NOW.plus_s(DAY_S),
    };
    let warrant = written(&Message::Warrant {
        centre: &world.gateway_pass,
        warrant: &sealed(&warrant, &world.gateway_key),
    });
    purse.receive(&warrant, NOW).unwrap();
    assert_eq!(purse.receive(&mark, NOW), Ok(Event::Final { payments: 0 }));
}

#[test]
fn a_full_outbox_makes_no_room_of_what_is_not_covered() {
    let mut world = World::new();
    let branch = world.branch(4, settles());
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car: Small = a.open(world.trust).unwrap();
    for pass in [&world.gateway_pass, &branch.pass] {
        car.trust_gateway(&world.issuer_pass, pass, NOW).unwrap();
    }
    let allowance = world.allowance(&a, 1_000);
    car.receive(&world.grant(&allowance), NOW).unwrap();
    let pay = |car: &mut Small, number| bytes(|out| car.pay(&order(b.code, 10, number), NOW, out));
    for number in 0..4 {
        let payment = id_of(&pay(&mut car, number).unwrap());
        let in_transit = said(&branch, payment, Status::InTransit, (1, u64::from(number)));
        car.receive(&shown(&branch, &in_transit), NOW).unwrap();
    }
    assert_eq!(pay(&mut car, 4), Err(Status::Full));
    let mark = covered(&world, &branch, &world.gateway_key, (1, 0));
    car.receive(&mark, NOW).unwrap();
    pay(&mut car, 4).unwrap();
    assert_eq!(pay(&mut car, 5), Err(Status::Full));
}

#[test]
fn no_units_are_taken_or_released_once_a_gateway_has_spoken() {
    let mut world = World::new();
    let branch = world.branch(4, settles());
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    car.trust_gateway(&world.issuer_pass, &branch.pass, NOW)
        .unwrap();
    let mut charger = branch.trusted_by(&world, &b);
    let order = StreamOrder {
        payee: b.code,
        currency: usd(),
        unit: amount(3),
        count: 50,
        reference: reference(1),
    };
    let evidence = bytes(|out| car.pay_stream(&order, SEED, NOW, out)).unwrap();
    bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let payment = id_of(&evidence);
    let first = bytes(|out| car.release(payment, 10, out)).unwrap();
    charger.take_unit(&first).unwrap();
    let second = bytes(|out| car.release(payment, 20, out)).unwrap();
    let mut settled = said(&branch, payment, Status::Settled, (1, 7));
    settled.units = Some(10);
    for purse in [&mut car, &mut charger] {
        purse.receive(&shown(&branch, &settled), NOW).unwrap();
    }
    assert_eq!(charger.take_unit(&second), Err(Status::WrongUnit));
    let third = bytes(|out| car.release(payment, 30, out));
    assert_eq!(third, Err(Status::WrongUnit));
    for purse in [&mut car, &mut charger] {
        let mark = covered(&world, &branch, &world.gateway_key, (1, 7));
        assert_eq!(purse.receive(&mark, NOW), Ok(Event::Final { payments: 1 }));
    }
    assert_eq!(charger.totals(usd()).received_settled, amount(30));
    assert_eq!(car.totals(usd()).returned, amount(120));
}

#[test]
fn what_was_said_survives_every_power_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        let branch = stage.world.branch(4, settles());
        let (issuer, pass) = (stage.world.issuer_pass.clone(), branch.pass.clone());
        stage
            .with(|purse| purse.trust_gateway(&issuer, &pass, NOW))
            .unwrap();
        let mut elsewhere = World::new();
        let mut car = elsewhere.funded(&elsewhere.thing(30), 1_000);
        let payee = stage.thing.code;
        let payments: Vec<_> = (1..=3)
            .map(|number| {
                let order = order(payee, 10, number);
                let evidence = bytes(|out| car.pay(&order, NOW, out)).unwrap();
                let take = |purse: &mut Roomy| bytes(|out| purse.accept(&evidence, None, NOW, out));
                stage.with(take).unwrap();
                id_of(&evidence)
            })
            .collect();
        let outcomes = [Status::Settled, Status::Declined, Status::Settled];
        for (at, (payment, outcome)) in payments.iter().zip(outcomes).enumerate() {
            let statement = shown(&branch, &said(&branch, *payment, outcome, (1, at as u64)));
            stage.with(|purse| purse.receive(&statement, NOW)).unwrap();
        }
        for height in [0, 2] {
            let mark = covered(&stage.world, &branch, &stage.world.gateway_key, (1, height));
            stage.with(|purse| purse.receive(&mark, NOW)).unwrap();
        }
        stage.restart();
        let end = |purse: &mut Roomy| Ok((purse.totals(usd()), handed_in(purse)?));
        stage.with(end).unwrap()
    });
}
