//! Money that goes back: declined, or claimed by nobody.

use crate::support::*;
use ledger::ReturnedCount;
use ledger::rules::settle::Fate;
use protocol::Status;

const DUE: protocol::Timestamp = protocol::Timestamp(NOW.0 + LIFE_S + GRACE_S);

#[tokio::test]
async fn declined_money_is_free_again_whether_or_not_it_was_in_transit() {
    let mut ends = Vec::new();
    for payer_first in [true, false] {
        let (_folder, world, ledger) = house().await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let payment = payer.pay(&payee.code, 300);
        if payer_first {
            ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
        }
        let decline = || Some(payee.decline(&payment));
        let declined = ledger.hand_in(payment.evidence(), decline(), NOW).await;
        let declined = declined.unwrap();
        assert_eq!(world.outcome(&declined), Status::Declined);
        assert_eq!(declined.told, [payer.code, payee.code]);
        for receipt in [None, decline()] {
            let again = ledger
                .hand_in(payment.evidence(), receipt, NOW.plus_s(5))
                .await;
            let again = again.unwrap();
            assert_eq!(
                (again.message, again.told),
                (declined.message.clone(), vec![])
            );
        }
        ends.push((held(&ledger, &payer).await, held(&ledger, &payee).await));
        assert_sound(&ledger).await;
    }
    assert_eq!(ends, [((300, 700), (0, 0)); 2]);
}

#[tokio::test]
async fn a_payee_who_takes_and_declines_is_refused_and_kept_on_record() {
    for declines_first in [true, false] {
        let (_folder, world, ledger) = house().await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let payment = payer.pay(&payee.code, 300);
        let mut receipts = [payee.receipt(&payment), payee.decline(&payment)];
        if declines_first {
            receipts.reverse();
        }
        let [first, second] = receipts;
        let hand_in = |receipt| ledger.hand_in(payment.evidence(), Some(receipt), NOW);
        let stands = hand_in(first.clone()).await.unwrap();
        let before = (held(&ledger, &payer).await, held(&ledger, &payee).await);
        for _ in 0..2 {
            let refused = hand_in(second.clone()).await;
            assert_eq!(refused.unwrap_err(), Status::Contradiction);
        }
        assert_eq!(
            hand_in(first.clone()).await.unwrap().message,
            stands.message
        );
        // Its payer is not to blame: it hears what stands.
        let brought = payment.evidence().brought_by(payer.code);
        let heard = ledger.hand_in(brought, Some(second.clone()), NOW).await;
        assert_eq!(heard.unwrap().message, stands.message);
        let detail = ledger.payment(&payment.id).await.unwrap().unwrap();
        assert_eq!(detail.receipt.as_deref(), Some(first.bytes()));
        assert_eq!(detail.contrary_receipt.as_deref(), Some(second.bytes()));
        let after = (held(&ledger, &payer).await, held(&ledger, &payee).await);
        assert_eq!(after, before);
        assert_sound(&ledger).await;
    }
}

#[tokio::test]
async fn a_declined_stream_keeps_what_was_released() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 10, 30);
    let released = stream.released(4);
    ledger
        .claim_units(stream.evidence(), released, None, NOW)
        .await
        .unwrap();
    let decline = Some(payee.decline(&stream));
    let answer = ledger
        .hand_in(stream.evidence(), decline, NOW)
        .await
        .unwrap();
    let statement = world.statement(&answer.message);
    assert_eq!(world.outcome(&answer), Status::Declined);
    assert_eq!(statement.units, Some(4));
    assert_eq!(held(&ledger, &payer).await, (260, 700));
    assert_eq!(held(&ledger, &payee).await, (40, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn overdue_money_goes_back_once_and_both_sides_are_told() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let plain = payer.pay(&payee.code, 300);
    let stream = payer.stream(&payee.code, 10, 30);
    ledger.hand_in(plain.evidence(), None, NOW).await.unwrap();
    let released = stream.released(4);
    ledger
        .claim_units(stream.evidence(), released, None, NOW)
        .await
        .unwrap();
    for code in [&payer.code, &payee.code] {
        ledger.acknowledge(code, u64::MAX).await.unwrap();
    }
    let early = ledger.return_overdue(DUE.minus_s(1), 9).await.unwrap();
    assert_eq!(early, ReturnedCount(0));
    for count in [1, 1, 0] {
        let returned = ledger.return_overdue(DUE, 1).await.unwrap();
        assert_eq!(returned, ReturnedCount(count));
        assert_sound(&ledger).await;
    }
    assert_eq!(held(&ledger, &payer).await, (560, 400));
    assert_eq!(held(&ledger, &payee).await, (40, 0));
    for (payment, units) in [(&plain, None), (&stream, Some(4))] {
        let again = ledger.hand_in(payment.evidence(), None, DUE).await.unwrap();
        assert_eq!(world.outcome(&again), Status::Returned);
        assert_eq!(world.statement(&again.message).units, units);
        for code in [&payer.code, &payee.code] {
            let told = ledger.inbox(code, 0, 9).await.unwrap();
            assert!(told.iter().any(|entry| entry.bytes == again.message));
        }
        let row = ledger.payment(&payment.id).await.unwrap().unwrap().row;
        assert_eq!((row.fate, row.settled), (Fate::Returned, None));
    }
}

#[tokio::test]
async fn whoever_claims_after_the_return_hears_of_it_and_gets_nothing() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let plain = payer.pay(&payee.code, 300);
    let stream = payer.stream(&payee.code, 10, 30);
    ledger.hand_in(plain.evidence(), None, NOW).await.unwrap();
    let released = stream.released(4);
    ledger
        .claim_units(stream.evidence(), released, None, NOW)
        .await
        .unwrap();
    ledger.return_overdue(DUE, 9).await.unwrap();
    // Its inbox message may be lost: the stored statement is the answer to whatever comes.
    let said = |signed: &Signed| ledger.hand_in(signed.evidence(), None, DUE);
    let (plain_word, stream_word) = (said(&plain).await.unwrap(), said(&stream).await.unwrap());
    assert_eq!(world.outcome(&plain_word), Status::Returned);
    assert_eq!(world.outcome(&stream_word), Status::Returned);
    let head = ledger.journal().await.unwrap();

    for _ in 0..2 {
        let late = Some(payee.receipt(&plain));
        let late = ledger.hand_in(plain.evidence(), late, DUE).await.unwrap();
        assert_eq!(late.message, plain_word.message);
    }
    let kept = ledger.payment(&plain.id).await.unwrap().unwrap();
    let receipt = payee.receipt(&plain);
    assert_eq!(kept.receipt.as_deref(), Some(receipt.bytes()));
    for (units, receipt) in [
        (4, None),
        (5, None),
        (5, Some(payee.close(&stream, 5))),
        (6, None),
    ] {
        let released = stream.released(units);
        let claim = ledger.claim_units(stream.evidence(), released, receipt, DUE);
        assert_eq!(claim.await.unwrap().message, stream_word.message);
    }
    assert_eq!(ledger.journal().await.unwrap(), head);
    assert_eq!(held(&ledger, &payee).await, (40, 0));
    // Whoever took it cannot have declined it as well.
    let decline = Some(payee.decline(&plain));
    let both = ledger.hand_in(plain.evidence(), decline, DUE).await;
    assert_eq!(both.unwrap_err(), Status::Contradiction);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn evidence_that_comes_when_all_is_over_needs_no_money_and_the_links_go_on() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let lost = payer.pay(&payee.code, 300);
    let stream = payer.stream(&payee.code, 10, 30);
    // Nobody hears of them until the reserve has lapsed and its owner has withdrawn all of it.
    ledger
        .redeem(order(&payer, 1_000, "out"), DUE)
        .await
        .unwrap();
    for payment in [&lost, &stream] {
        let answer = ledger.hand_in(payment.evidence(), None, DUE).await.unwrap();
        assert_eq!(world.outcome(&answer), Status::Returned);
        let again = ledger
            .hand_in(payment.evidence(), None, DUE.plus_s(9))
            .await;
        assert_eq!(again.unwrap().message, answer.message);
    }
    let late = Some(payee.receipt(&lost));
    let late = ledger.hand_in(lost.evidence(), late, DUE).await.unwrap();
    assert_eq!(world.outcome(&late), Status::Returned);
    assert_eq!(held(&ledger, &payer).await, (0, 0));
    assert_eq!(held(&ledger, &payee).await, (0, 0));
    assert_sound(&ledger).await;
    // The purse goes on where it stands.
    ledger.load(order(&payer, 50, "more"), DUE).await.unwrap();
    let given = payer.renew(&ledger, 50, DUE).await;
    assert_eq!((given.base_odometer.get(), given.limit.get()), (600, 650));
}

#[tokio::test]
async fn what_a_reserve_still_holds_for_evidence_that_comes_too_late_is_free_at_once() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let old = payer.allowances.clone();
    let later = NOW.plus_s(LIFE_S / 2);
    // The newer allowance keeps the reserve alive; the payment is made under the older one.
    payer.renew(&ledger, 600, later).await;
    payer.allowances = old;
    let lost = payer.pay(&payee.code, 700);
    let early = ledger.hand_in(lost.evidence(), None, DUE.minus_s(1));
    let mut ends = vec![world.outcome(&early.await.unwrap())];
    let other = payer.pay(&payee.code, 100);
    ledger.return_overdue(DUE, 9).await.unwrap();
    let claimed = ledger.hand_in(other.evidence(), Some(payee.receipt(&other)), DUE);
    ends.push(world.outcome(&claimed.await.unwrap()));
    let last = payer.pay(&payee.code, 50);
    let answer = ledger.hand_in(last.evidence(), None, DUE).await.unwrap();
    ends.push(world.outcome(&answer));
    assert_eq!(answer.told, [payer.code]);
    let expected = [Status::InTransit, Status::Settled, Status::Returned];
    assert_eq!(ends, expected);
    assert_eq!(ledger.return_overdue(DUE, 9).await, Ok(ReturnedCount(0)));
    let (free, reserved) = held(&ledger, &payer).await;
    assert_eq!(free + reserved, 900);
    assert_eq!(held(&ledger, &payee).await, (100, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn readings_that_went_back_stay_taken() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut clone = payer.clone();
    let payment = payer.pay(&payee.code, 300);
    let decline = Some(payee.decline(&payment));
    ledger
        .hand_in(payment.evidence(), decline, NOW)
        .await
        .unwrap();
    // The next allowance stands on the reading after it, and a second use of it is a fork.
    let given = payer.renew(&ledger, 1_000, NOW).await;
    assert_eq!((given.base_odometer.get(), given.limit.get()), (300, 1_300));
    assert_eq!(held(&ledger, &payer).await, (0, 1_000));
    let forked = clone.pay(&payee.code, 200);
    let claim = ledger.hand_in(forked.evidence(), None, NOW).await.unwrap();
    assert_eq!(world.outcome(&claim), Status::OpenClaim);
    assert_sound(&ledger).await;
}
