use super::super::{Event, GATEWAYS, OpenError, Settings, Totals};
use super::*;
use protocol::rules::Expected;

fn id_of(evidence: &[u8]) -> Digest {
    let Message::Evidence { payment, .. } = Message::read(evidence).unwrap() else {
        panic!("not evidence");
    };
    open::<Payment>(payment, &network()).unwrap().id()
}

#[test]
fn a_payment_goes_from_order_to_settlement() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));

    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    assert!(evidence.len() <= 560, "{} bytes", evidence.len());
    assert_eq!(car.spendable(usd()), amount(700));
    let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    assert_eq!(charger.totals(usd()).received_unsettled, amount(300));
    let payment = id_of(&evidence);
    assert_eq!(car.receive(&receipt, NOW), Ok(Event::Receipted { payment }));

    let claims = handed_in(&mut car).unwrap();
    assert_eq!(claims, handed_in(&mut charger).unwrap());
    assert_eq!(claims.len(), 1);
    let statement = world.settle(&claims[0]);
    let outcome = Status::Settled;
    for purse in [&mut car, &mut charger] {
        let stated = purse.receive(&statement, NOW);
        assert_eq!(stated, Ok(Event::Stated { payment, outcome }));
        assert_eq!(purse.receive(&statement, NOW), Ok(Event::Known));
        assert_eq!(handed_in(purse), Ok(vec![]));
        assert_eq!(purse.unanswered(), 0);
    }
    assert_eq!(
        charger.totals(usd()),
        Totals {
            received_settled: amount(300),
            ..Totals::default()
        }
    );
}

#[test]
fn the_same_order_is_the_same_payment_and_the_same_payment_gets_the_same_receipt() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let later = NOW.plus_s(100);
    let again = bytes(|out| car.pay(&order(b.code, 300, 1), later, out)).unwrap();
    assert_eq!(again, evidence);
    assert_eq!(
        bytes(|out| car.pay(&order(b.code, 301, 1), NOW, out)),
        Err(Status::WrongReference)
    );
    let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let again = bytes(|out| charger.accept(&evidence, None, later, out)).unwrap();
    assert_eq!(again, receipt);
    assert_eq!(charger.totals(usd()).received_unsettled, amount(300));
    assert_eq!(car.standing().1, Sequence(1));
}

#[test]
fn the_payers_own_rules_refuse_before_anything_is_written() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.roomy(&a);
    let refused = |car: &mut Roomy, order: &Order, now| {
        let (operations, signed) = (a.disk.0.borrow().operations, a.signed.0.borrow().len());
        let status = bytes(|out| car.pay(order, now, out)).unwrap_err();
        assert_eq!(a.disk.0.borrow().operations, operations);
        assert_eq!(a.signed.0.borrow().len(), signed);
        status
    };
    let fine = order(b.code, 100, 1);
    assert_eq!(refused(&mut car, &fine, NOW), Status::NoAllowance);
    let mut allowance = world.allowance(&a, 500);
    allowance.most_payments = 1;
    car.receive(&world.grant(&allowance), NOW).unwrap();
    let cases = [
        (order(b.code, 0, 1), NOW, Status::Malformed),
        (order(a.code, 100, 1), NOW, Status::Malformed),
        (order(b.code, 401, 1), NOW, Status::AboveMost),
        (fine, allowance.expires, Status::Expired),
        (
            fine,
            allowance.expires.minus_s(MARGIN_S - 1),
            Status::TooLate,
        ),
    ];
    for (order, now, status) in cases {
        assert_eq!(refused(&mut car, &order, now), status);
    }
    bytes(|out| car.pay(&fine, NOW, out)).unwrap();
    assert_eq!(
        refused(&mut car, &order(b.code, 1, 2), NOW),
        Status::OutOfSequence
    );
    allowance.most_payments = 100;
    allowance.number = 9;
    car.receive(&world.grant(&allowance), NOW).unwrap();
    bytes(|out| car.pay(&order(b.code, 400, 3), NOW, out)).unwrap();
    assert_eq!(
        refused(&mut car, &order(b.code, 1, 4), NOW),
        Status::AboveLimit
    );
    let short = car.pay(&fine, NOW, &mut [0; OUT_MAX - 1]);
    assert_eq!(short, Err(Status::Full));
}

#[test]
fn the_payee_refuses_what_it_may_not_take_and_changes_nothing() {
    let mut world = World::new();
    let (a, b, c) = (world.thing(10), world.thing(11), world.thing(12));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let records = b.disk.len();
    let mut refused = |evidence: &[u8], expected, now| {
        bytes(|out| charger.accept(evidence, expected, now, out)).unwrap_err()
    };
    let expected = |value, number| {
        Some(Expected {
            amount: amount(value),
            reference: reference(number),
        })
    };
    assert_eq!(refused(&evidence[1..], None, NOW), Status::Malformed);
    assert_eq!(
        refused(&evidence, expected(299, 1), NOW),
        Status::WrongAmount
    );
    assert_eq!(
        refused(&evidence, expected(300, 2), NOW),
        Status::WrongReference
    );
    let end = NOW.plus_s(7 * DAY_S);
    assert_eq!(refused(&evidence, None, end), Status::Expired);
    assert_eq!(refused(&evidence, None, end.minus_s(60)), Status::TooLate);

    let Message::Evidence { allowance, payment } = Message::read(&evidence).unwrap() else {
        panic!("not evidence");
    };
    let mut flipped = payment.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let forged = written(&Message::Evidence {
        allowance,
        payment: &flipped,
    });
    assert_eq!(refused(&forged, None, NOW), Status::BadSignature);
    let mut flipped = allowance.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let forged = written(&Message::Evidence {
        allowance: &flipped,
        payment,
    });
    assert_eq!(refused(&forged, None, NOW), Status::BadSignature);
    let own_money = world.allowance(&a, 1_000);
    let forged = sealed(&own_money, &SoftwareKey::ed25519(&[10; 32]));
    let forged = written(&Message::Evidence {
        allowance: &forged,
        payment,
    });
    assert_eq!(refused(&forged, None, NOW), Status::BadSignature);

    let other = bytes(|out| car.pay(&order(c.code, 10, 2), NOW, out)).unwrap();
    assert_eq!(refused(&other, None, NOW), Status::NotForYou);
    assert_eq!(b.disk.len(), records);
    assert!(b.signed.0.borrow().is_empty());
    assert_eq!(charger.totals(usd()), Totals::default());

    let mut stranger: Roomy = c.open(world.trust).unwrap();
    let evidence = bytes(|out| car.pay(&order(c.code, 10, 3), NOW, out)).unwrap();
    let taken = bytes(|out| stranger.accept(&evidence, None, NOW, out));
    assert_eq!(taken, Err(Status::UnknownGateway));
}

#[test]
fn a_cloned_purse_is_caught_by_a_payee_that_sees_both_branches() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    drop(car);
    let mut twin = world.thing(10);
    twin.disk = a.disk.copy();
    let (mut car, mut clone) = (world.roomy(&a), world.roomy(&twin));
    let first = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let second = bytes(|out| clone.pay(&order(b.code, 200, 2), NOW, out)).unwrap();
    bytes(|out| charger.accept(&first, None, NOW, out)).unwrap();
    let caught = bytes(|out| charger.accept(&second, None, NOW, out));
    assert_eq!(caught, Err(Status::Contradiction));
    let third = bytes(|out| clone.pay(&order(b.code, 50, 3), NOW, out)).unwrap();
    let caught = bytes(|out| charger.accept(&third, None, NOW, out));
    assert_eq!(caught, Err(Status::Contradiction));
}

#[test]
fn an_older_payment_than_the_newest_goes_to_the_gateway() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let first = bytes(|out| car.pay(&order(b.code, 30, 1), NOW, out)).unwrap();
    let second = bytes(|out| car.pay(&order(b.code, 20, 2), NOW, out)).unwrap();
    bytes(|out| charger.accept(&second, None, NOW, out)).unwrap();
    let old = bytes(|out| charger.accept(&first, None, NOW, out));
    assert_eq!(old, Err(Status::AskGateway));
}

#[test]
fn a_full_outbox_refuses_before_signing_and_takes_room_only_from_what_is_closed() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car: Small = a.open(world.trust).unwrap();
    car.trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW)
        .unwrap();
    let allowance = world.allowance(&a, 1_000);
    car.receive(&world.grant(&allowance), NOW).unwrap();
    let mut first = None;
    for number in 1..=4 {
        let evidence = bytes(|out| car.pay(&order(b.code, 10, number), NOW, out)).unwrap();
        first.get_or_insert(evidence);
    }
    let signed = a.signed.0.borrow().len();
    let full = bytes(|out| car.pay(&order(b.code, 10, 5), NOW, out));
    assert_eq!(full, Err(Status::Full));
    assert_eq!(a.signed.0.borrow().len(), signed);

    let first = first.unwrap();
    let settled = world.statement(id_of(&first), Status::Settled);
    car.receive(&settled, NOW).unwrap();
    let again = bytes(|out| car.pay(&order(b.code, 10, 1), NOW, out));
    assert_eq!(again, Ok(first), "closed, and still known");
    bytes(|out| car.pay(&order(b.code, 10, 5), NOW, out)).unwrap();
    assert_eq!(handed_in(&mut car).unwrap().len(), 4);
    assert_eq!(car.totals(usd()).paid_out, Odometer::new(50).unwrap());
    let mut car: Small = a.open(world.trust).unwrap();
    assert_eq!(handed_in(&mut car).unwrap().len(), 4);
    let full = bytes(|out| car.pay(&order(b.code, 10, 6), NOW, out));
    assert_eq!(full, Err(Status::Full));
}

#[test]
fn a_forgotten_payer_pays_only_against_an_invoice() {
    let mut world = World::new();
    let (a, b, c) = (world.thing(10), world.thing(11), world.thing(12));
    let (mut first, mut second) = (world.funded(&a, 100), world.funded(&c, 100));
    let mut charger: Small = b.open(world.trust).unwrap();
    charger
        .trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW)
        .unwrap();
    let old = bytes(|out| first.pay(&order(b.code, 10, 1), NOW, out)).unwrap();
    bytes(|out| charger.accept(&old, None, NOW, out)).unwrap();
    let newcomer = bytes(|out| second.pay(&order(b.code, 7, 2), NOW, out)).unwrap();
    // Nobody is forgotten while the payee still waits for a gateway.
    let full = bytes(|out| charger.accept(&newcomer, None, NOW, out));
    assert_eq!(full, Err(Status::Full));
    for claim in handed_in(&mut charger).unwrap() {
        charger.receive(&world.settle(&claim), NOW).unwrap();
    }
    bytes(|out| charger.accept(&newcomer, None, NOW, out)).unwrap();
    for claim in handed_in(&mut charger).unwrap() {
        charger.receive(&world.settle(&claim), NOW).unwrap();
    }
    // Now the first one is forgotten: its old payment must not be taken a second time.
    for _ in 0..2 {
        let replayed = bytes(|out| charger.accept(&old, None, NOW, out));
        assert_eq!(replayed, Err(Status::AskGateway));
        charger = b.open(world.trust).unwrap();
    }
    let fresh = bytes(|out| first.pay(&order(b.code, 10, 3), NOW, out)).unwrap();
    let invoice = Some(Expected {
        amount: amount(10),
        reference: reference(3),
    });
    bytes(|out| charger.accept(&fresh, invoice, NOW, out)).unwrap();
    let totals = charger.totals(usd());
    assert_eq!(
        (totals.received_settled, totals.received_unsettled),
        (amount(17), amount(10))
    );
}

#[test]
fn an_allowance_is_taken_only_for_this_code_and_key_and_only_if_newer() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let for_b = world.allowance(&b, 5_000);
    assert_eq!(
        car.receive(&world.grant(&for_b), NOW),
        Err(Status::NotForYou)
    );
    let mut wrong_key = world.allowance(&a, 5_000);
    wrong_key.wallet_key = for_b.wallet_key;
    assert_eq!(
        car.receive(&world.grant(&wrong_key), NOW),
        Err(Status::WrongAllowance)
    );
    let mut expired = world.allowance(&a, 5_000);
    expired.expires = NOW;
    assert_eq!(
        car.receive(&world.grant(&expired), NOW),
        Err(Status::Expired)
    );
    let mut older = world.allowance(&a, 5_000);
    older.number = 0;
    assert_eq!(car.receive(&world.grant(&older), NOW), Ok(Event::Known));
    let mut foreign = world.allowance(&a, 5_000);
    foreign.gateway = b.code;
    assert_eq!(
        car.receive(&world.grant(&foreign), NOW),
        Err(Status::UnknownGateway)
    );
    let forged = written(&Message::Grant {
        allowance: &sealed(
            &world.allowance(&a, 5_000),
            &SoftwareKey::ed25519(&[10; 32]),
        ),
    });
    assert_eq!(car.receive(&forged, NOW), Err(Status::BadSignature));
    assert_eq!(car.spendable(usd()), amount(1_000));
    let newer = world.allowance(&a, 5_000);
    let limit = newer.limit;
    assert_eq!(
        car.receive(&world.grant(&newer), NOW),
        Ok(Event::Granted {
            currency: usd(),
            limit
        })
    );
    assert_eq!(car.receive(&world.grant(&newer), NOW), Ok(Event::Known));
}

#[test]
fn a_restored_copy_stops_until_it_is_given_a_new_key_epoch() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let mut restored = world.thing(10);
    restored.disk = a.disk.copy();
    restored.signed = a.signed.clone();
    bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let renewal = bytes(|out| car.renewal(usd(), amount(1_000), NOW, out)).unwrap();
    let grant = world.renew(&a, &renewal);

    let mut copy = world.roomy(&restored);
    assert_eq!(copy.receive(&grant, NOW), Ok(Event::Behind));
    for _ in 0..2 {
        let frozen = bytes(|out| copy.pay(&order(b.code, 1, 2), NOW, out));
        assert_eq!(frozen, Err(Status::Frozen));
        assert_eq!(copy.spendable(usd()), AmountMinor::ZERO);
        copy = world.roomy(&restored);
    }
    let mut fresh = world.allowance(&restored, 50);
    fresh.key_epoch = KeyEpoch(2);
    // Not asked for, it may be one that the lost journal knew.
    assert_eq!(copy.receive(&world.grant(&fresh), NOW), Ok(Event::Known));
    bytes(|out| copy.renewal(usd(), amount(50), NOW, out)).unwrap();
    copy.receive(&world.grant(&fresh), NOW).unwrap();
    for _ in 0..2 {
        assert_eq!(copy.standing().0, KeyEpoch(2));
        bytes(|out| copy.pay(&order(b.code, 1, 2), NOW, out)).unwrap();
        copy = world.roomy(&restored);
    }
    assert_eq!(copy.standing().1, Sequence(1));
    assert_eq!(restored.signed.assert_one_content_per_sequence(), 2);
}

#[test]
fn a_receipt_counts_only_from_the_payee() {
    let mut world = World::new();
    let (a, b, c) = (world.thing(10), world.thing(11), world.thing(12));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let answer = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    let Message::Receipt { receipt, pass } = Message::read(&answer).unwrap() else {
        panic!("not a receipt");
    };
    let swapped = written(&Message::Receipt {
        receipt,
        pass: &c.pass,
    });
    assert_eq!(car.receive(&swapped, NOW), Err(Status::WrongReceipt));
    let mut by_another = *open::<Receipt>(receipt, &network()).unwrap().peek();
    let forged = written(&Message::Receipt {
        receipt: &sealed(&by_another, &SoftwareKey::ed25519(&[12; 32])),
        pass,
    });
    assert_eq!(car.receive(&forged, NOW), Err(Status::BadSignature));
    by_another.payee = c.code;
    let forged = written(&Message::Receipt {
        receipt: &sealed(&by_another, &SoftwareKey::ed25519(&[12; 32])),
        pass: &c.pass,
    });
    assert_eq!(car.receive(&forged, NOW), Err(Status::WrongReceipt));
    let claims = handed_in(&mut car).unwrap();
    assert!(matches!(
        Message::read(&claims[0]),
        Ok(Message::Evidence { .. })
    ));
    car.receive(&answer, NOW).unwrap();
    let claims = handed_in(&mut car).unwrap();
    assert!(matches!(
        Message::read(&claims[0]),
        Ok(Message::Claim { .. })
    ));
}

#[test]
fn in_transit_is_not_handed_in_again_until_there_is_a_receipt() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let statement = world.settle(&evidence);
    car.receive(&statement, NOW).unwrap();
    for _ in 0..2 {
        assert_eq!(handed_in(&mut car), Ok(vec![]));
        car = world.roomy(&a);
    }
    let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
    charger.receive(&statement, NOW).unwrap();
    assert_eq!(handed_in(&mut charger).unwrap().len(), 1, "still to claim");
    car.receive(&receipt, NOW).unwrap();
    let claims = handed_in(&mut car).unwrap();
    assert_eq!(claims.len(), 1);
    car.receive(&world.settle(&claims[0]), NOW).unwrap();
    assert_eq!(car.receive(&statement, NOW), Ok(Event::Known));
    assert_eq!(handed_in(&mut car), Ok(vec![]));
}

#[test]
fn an_open_claim_is_closed_and_counted_apart() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (mut car, mut charger) = (world.funded(&a, 1_000), world.roomy(&b));
    for number in 1..=2 {
        let evidence = bytes(|out| car.pay(&order(b.code, 30, number), NOW, out)).unwrap();
        bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
        let open = world.statement(id_of(&evidence), Status::OpenClaim);
        charger.receive(&open, NOW).unwrap();
    }
    for _ in 0..2 {
        let totals = charger.totals(usd());
        assert_eq!(totals.received_contested, amount(60));
        assert_eq!(totals.received_settled, AmountMinor::ZERO);
        assert_eq!(handed_in(&mut charger), Ok(vec![]));
        charger = world.roomy(&b);
    }
}

#[test]
fn a_locked_key_store_delays_a_payment_and_never_changes_it() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    *a.locked.borrow_mut() = true;
    let busy = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out));
    assert_eq!(busy, Err(Status::Busy));
    let mut car = world.roomy(&a);
    assert_eq!(handed_in(&mut car), Ok(vec![]));
    *a.locked.borrow_mut() = false;
    let other = bytes(|out| car.pay(&order(b.code, 200, 2), NOW, out)).unwrap();
    assert_eq!(handed_in(&mut car).unwrap().len(), 2);
    assert_eq!(handed_in(&mut car).unwrap()[1], other);
    assert_eq!(car.totals(usd()).paid_out, Odometer::new(500).unwrap());
}

#[test]
fn a_full_journal_refuses_and_still_opens() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    a.disk.0.borrow_mut().room = Some(a.disk.len());
    let full = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out));
    assert_eq!(full, Err(Status::Full));
    assert!(a.signed.0.borrow().is_empty());
    let mut car: Roomy = a.open(world.trust).unwrap();
    a.disk.0.borrow_mut().room = Some(a.disk.len() + 1);
    let full = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out));
    assert_eq!(full, Err(Status::Full), "room to intend, none to sign");
    let mut car: Roomy = a.open(world.trust).unwrap();
    a.disk.0.borrow_mut().room = None;
    let evidence = bytes(|out| car.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    assert_eq!(handed_in(&mut car), Ok(vec![evidence]));
    assert_eq!(a.signed.assert_one_content_per_sequence(), 1);
}

/// A journal of any size: work goes on, or is refused before anything is signed, and what ends the
/// work that is begun always has room.
#[test]
fn what_ends_old_work_has_room_in_a_journal_of_any_size() {
    let (mut most, mut refusals) = (0, 0);
    for spare in 0..60 {
        let mut world = World::new();
        let (a, b) = (world.thing(10), world.thing(11));
        let (mut car, mut charger) = (world.funded(&a, 10_000), world.roomy(&b));
        for thing in [&a, &b] {
            thing.disk.0.borrow_mut().room = Some(thing.disk.len() + spare);
        }
        let mut made = 0;
        for round in 0..4 {
            for number in 1..=8 {
                let signed = a.signed.0.borrow().len();
                let order = order(b.code, 10, round * 8 + number);
                let Ok(evidence) = bytes(|out| car.pay(&order, NOW, out)) else {
                    assert_eq!(a.signed.0.borrow().len(), signed, "{spare} records");
                    refusals += 1;
                    continue;
                };
                made += 1;
                let taken = bytes(|out| charger.accept(&evidence, None, NOW, out));
                assert!(matches!(taken, Ok(_) | Err(Status::Full)), "{taken:?}");
            }
            for claim in handed_in(&mut charger).unwrap() {
                let settled = world.settle(&claim);
                charger.receive(&settled, NOW).unwrap();
                car.receive(&settled, NOW).unwrap();
            }
            for claim in handed_in(&mut car).unwrap() {
                car.receive(&world.settle(&claim), NOW).unwrap();
            }
            car = a.open(world.trust).unwrap();
            charger = b.open(world.trust).unwrap();
        }
        most = made.max(most);
    }
    assert_eq!(most, 32, "the largest of these journals stops nothing");
    assert!(refusals > 100, "the smallest do: {refusals}");
}

#[test]
fn a_journal_opens_only_for_its_own_code_and_key() {
    let world = World::new();
    let (a, mut b) = (world.thing(10), world.thing(11));
    drop(world.roomy(&a));
    b.disk = a.disk.copy();
    let foreign = b.open::<16, 8>(world.trust).map(|_| ());
    assert_eq!(foreign, Err(OpenError::NotMine));
    let settings = Settings {
        pass: &b.pass,
        ..a.settings(world.trust)
    };
    let wrong = super::super::Purse::<_, _, 4, 4>::open(settings, a.key(), Disk::default());
    assert_eq!(wrong.map(|_| ()), Err(OpenError::Pass(Status::NotForYou)));
}

#[test]
fn a_gateway_is_trusted_only_through_the_root() {
    let world = World::new();
    let a = world.thing(10);
    let mut car: Roomy = a.open(world.trust).unwrap();
    let issuer_as_root = car.trust_gateway(&world.gateway_pass, &world.gateway_pass, NOW);
    assert_eq!(issuer_as_root, Err(Status::BadSignature));
    let thing_as_gateway = car.trust_gateway(&world.issuer_pass, &a.pass, NOW);
    assert_eq!(thing_as_gateway, Err(Status::BadSignature));
    let late = NOW.plus_s(366 * DAY_S);
    let expired = car.trust_gateway(&world.issuer_pass, &world.gateway_pass, late);
    assert_eq!(expired, Err(Status::Expired));
    for _ in 0..GATEWAYS + 1 {
        let trusted = car.trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW);
        assert_eq!(trusted, Ok(world.gateway));
    }
    assert_eq!(a.disk.len(), 2, "the owner and one gateway");
}

#[test]
fn the_journal_does_not_grow_with_the_number_of_payments() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car: Small = a.open(world.trust).unwrap();
    let mut charger: Small = b.open(world.trust).unwrap();
    for purse in [&mut car, &mut charger] {
        purse
            .trust_gateway(&world.issuer_pass, &world.gateway_pass, NOW)
            .unwrap();
    }
    let mut most = [0, 0];
    for number in 0..40 {
        let renewal = bytes(|out| car.renewal(usd(), amount(10), NOW, out)).unwrap();
        car.receive(&world.renew(&a, &renewal), NOW).unwrap();
        let evidence = bytes(|out| car.pay(&order(b.code, 10, number), NOW, out)).unwrap();
        car.receive(&world.settle(&evidence), NOW).unwrap();
        let receipt = bytes(|out| charger.accept(&evidence, None, NOW, out)).unwrap();
        car.receive(&receipt, NOW).unwrap();
        for claim in handed_in(&mut car).unwrap() {
            let statement = world.settle(&claim);
            car.receive(&statement, NOW).unwrap();
            charger.receive(&statement, NOW).unwrap();
        }
        let now = [a.disk.len(), b.disk.len()];
        if number == 10 {
            most = now;
        }
        if number > 10 {
            assert_eq!(now, most, "after payment {number}");
        }
    }
    assert_eq!(charger.totals(usd()).received_settled, amount(400));
    assert_eq!(car.totals(usd()).paid_out, Odometer::new(400).unwrap());
}

#[test]
fn a_purse_for_a_small_machine_is_small() {
    let bytes = size_of::<super::super::Purse<(), (), 16, 8>>();
    assert!(bytes <= 20 * 1024, "{bytes} bytes");
}
