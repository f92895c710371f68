//! What neighbours tell each other: a fork is found, proven and remembered; nobody is framed.

use super::super::{Event, FORKED, HEARD, NoticeCursor, SeenCursor};
use super::branches::{Restarting, plainly, settles, through_every_cut};
use super::*;
use protocol::rules::{Charge, judge};

fn all_seen(purse: &mut Roomy) -> Vec<Vec<u8>> {
    let (mut cursor, mut out) = (SeenCursor::default(), [0; OUT_MAX]);
    let mut messages = Vec::new();
    while let Some(len) = purse.seen(&mut cursor, &mut out).unwrap() {
        messages.push(out[..len].to_vec());
    }
    messages
}

pub(super) fn proofs(purse: &mut Roomy) -> Result<Vec<Vec<u8>>, Status> {
    let (mut cursor, mut out) = (NoticeCursor::default(), [0; OUT_MAX]);
    let mut messages = Vec::new();
    while let Some(len) = purse.notices(&mut cursor, &mut out)? {
        messages.push(out[..len].to_vec());
    }
    Ok(messages)
}

pub(super) fn seen(evidence: &[u8]) -> Vec<u8> {
    let Ok(Message::Evidence { allowance, payment }) = Message::read(evidence) else {
        panic!("not evidence");
    };
    written(&Message::Seen { allowance, payment })
}

/// One purse and its clone, which pay two payees over the same money.
struct Fork {
    world: World,
    forker: Thing,
    payees: [Thing; 2],
    evidence: [Vec<u8>; 2],
}

fn fork() -> Fork {
    let mut world = World::new();
    let (a, b, c) = (world.thing(10), world.thing(11), world.thing(12));
    let mut car = world.funded(&a, 1_000);
    let mut clone = world.roomy(&a.copied());
    let pay = |car: &mut Roomy, to: &Thing, number| {
        bytes(|out| car.pay(&order(to.code, 300, number), NOW, out)).unwrap()
    };
    let evidence = [pay(&mut car, &b, 1), pay(&mut clone, &c, 2)];
    Fork {
        world,
        forker: a,
        payees: [b, c],
        evidence,
    }
}

fn take(purse: &mut Roomy, evidence: &[u8]) -> Result<(), Status> {
    bytes(|out| purse.accept(evidence, None, NOW, out)).map(drop)
}

#[test]
fn what_two_payees_took_from_a_forked_key_becomes_a_proof_when_they_meet() {
    let Fork {
        world,
        forker,
        payees,
        evidence,
    } = fork();
    let mut charger = world.roomy(&payees[0]);
    let mut other = world.roomy(&payees[1]);
    take(&mut charger, &evidence[0]).unwrap();
    take(&mut other, &evidence[1]).unwrap();
    let news = all_seen(&mut other);
    assert_eq!(news, [seen(&evidence[1])]);
    let code = forker.code;
    assert_eq!(charger.receive(&news[0], NOW), Ok(Event::Fraud { code }));
    let proof = proofs(&mut charger).unwrap();
    assert_eq!(proof.len(), 1);
    let verdict = judge(&world.trust, &proof[0]).unwrap();
    assert_eq!((verdict.code, verdict.charge), (code, Charge::Payments));
    // From then on nothing is taken from that key, also after a restart and when it is handed in.
    for _ in 0..2 {
        let mut car = world.roomy(&forker);
        let next = bytes(|out| car.pay(&order(payees[0].code, 1, 9), NOW, out)).unwrap();
        assert_eq!(take(&mut charger, &next), Err(Status::Revoked));
        charger = world.roomy(&payees[0]);
        assert!(proofs(&mut charger).unwrap().len() <= 1);
        let (mut cursor, mut out) = (NoticeCursor::default(), [0; OUT_MAX]);
        charger.notices(&mut cursor, &mut out).unwrap();
        charger.noticed(&cursor).unwrap();
        assert_eq!(proofs(&mut charger), Ok(vec![]));
    }
    // Whoever is shown the proof refuses too, and does not need to hand it in.
    let mut third = world.roomy(&world.thing(13));
    assert_eq!(third.receive(&proof[0], NOW), Ok(Event::Fraud { code }));
    assert_eq!(third.receive(&proof[0], NOW), Ok(Event::Known));
    assert_eq!(proofs(&mut third), Ok(vec![]));
}

#[test]
fn a_payment_that_contradicts_what_a_neighbour_took_is_refused_at_once() {
    let Fork {
        world,
        forker,
        payees,
        evidence,
    } = fork();
    let mut charger = world.roomy(&payees[0]);
    assert_eq!(charger.receive(&seen(&evidence[1]), NOW), Ok(Event::Known));
    assert_eq!(take(&mut charger, &evidence[0]), Err(Status::Contradiction));
    assert_eq!(
        proofs(&mut charger),
        Ok(vec![]),
        "half of it was only heard"
    );
    let mut charger = world.roomy(&payees[0]);
    assert_eq!(take(&mut charger, &evidence[0]), Err(Status::Revoked));
    let code = forker.code;
    let again = charger.receive(&seen(&evidence[1]), NOW);
    assert_eq!(again, Ok(Event::Fraud { code }));
    let proof = proofs(&mut charger).unwrap();
    assert_eq!(judge(&world.trust, &proof[0]).unwrap().code, code);
}

#[test]
fn the_same_payee_sees_a_fork_itself() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut clone = world.roomy(&a.copied());
    let pay = |car: &mut Roomy, number| {
        bytes(|out| car.pay(&order(b.code, 300, number), NOW, out)).unwrap()
    };
    let mut charger = world.roomy(&b);
    take(&mut charger, &pay(&mut car, 1)).unwrap();
    let second = pay(&mut clone, 2);
    assert_eq!(take(&mut charger, &second), Err(Status::Contradiction));
    let proof = proofs(&mut charger).unwrap();
    assert_eq!(judge(&world.trust, &proof[0]).unwrap().code, a.code);
}

#[test]
fn a_retry_of_one_invoice_is_no_fork() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut clone = world.roomy(&a.copied());
    let mut charger = world.roomy(&b);
    let pay =
        |car: &mut Roomy, value| bytes(|out| car.pay(&order(b.code, value, 1), NOW, out)).unwrap();
    take(&mut charger, &pay(&mut car, 300)).unwrap();
    let other = pay(&mut clone, 301);
    assert_eq!(take(&mut charger, &other), Err(Status::Contradiction));
    assert_eq!(proofs(&mut charger), Ok(vec![]));
    let next = bytes(|out| car.pay(&order(b.code, 1, 2), NOW, out)).unwrap();
    take(&mut charger, &next).unwrap();
}

#[test]
fn a_hostile_neighbour_frames_nobody() {
    let mut world = World::new();
    let (a, b, liar) = (world.thing(10), world.thing(11), world.thing(12));
    let mut car = world.funded(&a, 1_000);
    let mut charger = world.roomy(&b);
    let honest = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    take(&mut charger, &honest).unwrap();
    let Ok(Message::Evidence { allowance, payment }) = Message::read(&honest) else {
        panic!("not evidence");
    };
    let mut altered = *open::<Payment>(payment, &network()).unwrap().peek();
    altered.amount = amount(200);
    altered.payee = liar.code;
    let liar_key = SoftwareKey::ed25519(&[12; 32]);
    let forged = sealed(&altered, &liar_key);
    // Under the honest allowance, under the liar's own, under one of a strange gateway.
    let own = sealed(&world.allowance(&liar, 1_000), &world.gateway_key);
    let mut renamed = altered;
    renamed.allowance = open::<Allowance>(&own, &network())
        .unwrap()
        .id()
        .reference();
    let strange = world.branch(4, settles());
    let by_stranger = Allowance {
        wallet_key: liar_key.public_key(),
        ..world.allowance_by(&strange, &a, 1_000)
    };
    let by_stranger = sealed(&by_stranger, &strange.key);
    let renamed = sealed(&renamed, &liar_key);
    let tries = [
        (allowance, forged.as_slice(), Err(Status::BadSignature)),
        (&own, renamed.as_slice(), Err(Status::WrongAllowance)),
        (&by_stranger, forged.as_slice(), Err(Status::UnknownGateway)),
        (allowance, payment, Ok(Event::Known)),
    ];
    for (allowance, payment, expected) in tries {
        let message = written(&Message::Seen { allowance, payment });
        assert_eq!(charger.receive(&message, NOW), expected);
    }
    let proof = written(&Message::Proof {
        issuer: &world.issuer_pass,
        gateway: &world.gateway_pass,
        allowances: [allowance, &own],
        payments: [payment, &renamed],
    });
    assert!(charger.receive(&proof, NOW).is_err());
    let evidence = written(&Message::Evidence {
        allowance: &own,
        payment: &renamed,
    });
    assert!(take(&mut charger, &evidence).is_err());
    let next = bytes(|out| car.pay(&order(b.code, 1, 2), NOW, out)).unwrap();
    take(&mut charger, &next).unwrap();
    assert_eq!(proofs(&mut charger), Ok(vec![]));
}

#[test]
fn many_payments_heard_of_push_out_the_oldest_and_write_nothing() {
    let mut world = World::new();
    let b = world.thing(11);
    let mut charger = world.roomy(&b);
    let left = b.disk.len();
    for seed in 20..20 + 3 * HEARD as u8 {
        let thing = world.thing(seed);
        let mut car = world.funded(&thing, 1_000);
        let evidence = bytes(|out| car.pay(&order(world.gateway, 1, 1), NOW, out)).unwrap();
        assert_eq!(charger.receive(&seen(&evidence), NOW), Ok(Event::Known));
    }
    assert_eq!(b.disk.len(), left);
}

#[test]
fn proofs_held_are_never_dropped_for_more() {
    let mut charger = None;
    let mut world = World::new();
    let b = world.thing(11);
    for seed in 20..=20 + FORKED as u8 {
        let thing = world.thing(seed);
        let mut car = world.funded(&thing, 1_000);
        let mut clone = world.roomy(&thing.copied());
        let pay = |car: &mut Roomy, number| {
            bytes(|out| car.pay(&order(b.code, 300, number), NOW, out)).unwrap()
        };
        let charger = charger.get_or_insert_with(|| world.roomy(&b));
        // One place for payers is enough: each is settled before the next.
        let receipt = bytes(|out| charger.accept(&pay(&mut car, 1), None, NOW, out));
        if receipt == Err(Status::Full) {
            break;
        }
        let second = pay(&mut clone, 2);
        assert_eq!(take(charger, &second), Err(Status::Contradiction));
    }
    let mut charger = charger.unwrap();
    assert_eq!(proofs(&mut charger).unwrap().len(), FORKED);
}

#[test]
fn a_key_that_was_renewed_after_a_fork_may_pay_again() {
    let Fork {
        mut world,
        forker,
        payees,
        evidence,
    } = fork();
    let mut charger = world.roomy(&payees[0]);
    take(&mut charger, &evidence[0]).unwrap();
    charger.receive(&seen(&evidence[1]), NOW).unwrap();
    let mut pay_as = |key_seed: u8, key_epoch| {
        let renewed = Thing {
            seed: key_seed,
            ..world.thing(10)
        };
        let key = renewed.key().public_key();
        let renewed = Thing {
            pass: sealed(
                &pass(
                    world.gateway,
                    forker.code,
                    key,
                    Rights::PAY.and(Rights::ACCEPT),
                ),
                &world.gateway_key,
            ),
            ..renewed
        };
        let mut car = world.roomy(&renewed);
        let mut allowance = world.allowance(&renewed, 100);
        allowance.key_epoch = KeyEpoch(key_epoch);
        car.receive(&world.grant(&allowance), NOW).unwrap();
        bytes(|out| car.pay(&order(payees[0].code, 10, 5), NOW, out)).unwrap()
    };
    let (same_key, new_key) = (pay_as(10, 2), pay_as(77, 2));
    assert_eq!(take(&mut charger, &same_key), Err(Status::Revoked));
    take(&mut charger, &new_key).unwrap();
}

#[test]
fn a_purse_that_hears_of_its_own_unknown_payment_stops() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let copy = a.copied();
    let first = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    assert_eq!(car.receive(&seen(&first), NOW), Ok(Event::Known));
    let mut clone = world.roomy(&copy);
    assert_eq!(clone.receive(&seen(&first), NOW), Ok(Event::Behind));
    let frozen = bytes(|out| clone.pay(&order(b.code, 1, 2), NOW, out));
    assert_eq!(frozen, Err(Status::Frozen));
}

#[test]
fn a_proof_is_whole_or_not_there_wherever_the_power_is_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        let payee = stage.thing.code;
        let mut world = World::new();
        let forker = world.thing(30);
        let mut car = world.funded(&forker, 1_000);
        let mut clone = world.roomy(&forker.copied());
        let pay = |car: &mut Roomy, number| {
            bytes(|out| car.pay(&order(payee, 300, number), NOW, out)).unwrap()
        };
        let (first, second) = (pay(&mut car, 1), pay(&mut clone, 2));
        stage.with(|purse| take(purse, &first)).unwrap();
        let refused = stage.with(|purse| take(purse, &second));
        assert!(matches!(
            refused,
            Err(Status::Contradiction | Status::Revoked)
        ));
        let trust = stage.world.trust;
        let held = stage.with(proofs).unwrap();
        assert_eq!(held.len(), 1);
        assert!(judge(&trust, &held[0]).is_ok());
        let hand_in = |purse: &mut Roomy| {
            let (mut cursor, mut out) = (NoticeCursor::default(), [0; OUT_MAX]);
            match purse.notices(&mut cursor, &mut out)? {
                Some(_) => purse.noticed(&cursor),
                None => Ok(()),
            }
        };
        stage.with(hand_in).unwrap();
        stage.restart();
        let third = pay(&mut car, 3);
        let refused = stage.with(|purse| take(purse, &third));
        (refused, stage.with(proofs))
    });
}
