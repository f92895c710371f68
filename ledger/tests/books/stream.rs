use crate::support::*;
use ledger::grants::GrantId;
use ledger::rules::settle::Fate;
use ledger::{Answer, Ledger, Owned, Released};
use protocol::message::Message;
use protocol::objects::Receipt;
use protocol::{Currency, Digest, Status};

/// What a claim is answered: the outcome and the units paid for.
async fn claim(
    ledger: &Ledger,
    world: &World,
    payment: &Signed,
    units: u32,
    receipt: Option<Owned<Receipt>>,
) -> (Status, Option<u32>) {
    let (evidence, released) = (payment.evidence(), payment.released(units));
    let answer = ledger.claim_units(evidence, released, receipt, NOW).await;
    said(world, &answer.unwrap())
}

fn said(world: &World, answer: &Answer) -> (Status, Option<u32>) {
    (
        world.outcome(answer),
        world.statement(&answer.message).units,
    )
}

#[tokio::test]
async fn a_claim_posts_only_the_difference_and_the_receipt_closes() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 3, 100);
    for (units, paid) in [(0, 0), (10, 30), (10, 30), (40, 120), (25, 120)] {
        let answer = claim(&ledger, &world, &stream, units, None).await;
        assert_eq!(answer, (Status::InTransit, Some(paid / 3)));
        assert_eq!(held(&ledger, &payer).await, (0, 700));
        assert_eq!(held(&ledger, &payee).await, (u64::from(paid), 0));
        assert_sound(&ledger).await;
    }
    let receipt = Some(payee.close(&stream, 50));
    for _ in 0..2 {
        let answer = claim(&ledger, &world, &stream, 50, receipt.clone()).await;
        assert_eq!(answer, (Status::Settled, Some(50)));
        assert_eq!(held(&ledger, &payer).await, (150, 700));
        assert_eq!(held(&ledger, &payee).await, (150, 0));
    }
    // Closed is closed, and the readings of the rest stay taken.
    let answer = claim(&ledger, &world, &stream, 60, None).await;
    assert_eq!(answer, (Status::Settled, Some(50)));
    let view = ledger.purse(&payer.code).await.unwrap().remove(0);
    assert_eq!((view.odometer.get(), view.exposed.get()), (300, 700));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn either_order_of_hand_in_gives_the_same_balances_by_the_unit() {
    let mut ends = Vec::new();
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let (_folder, world, ledger) = house().await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let stream = payer.stream(&payee.code, 5, 20);
        for step in order {
            let (evidence, released) = (stream.evidence(), |units| stream.released(units));
            let answer = match step {
                0 => ledger.hand_in(evidence, None, NOW).await,
                1 => ledger.claim_units(evidence, released(4), None, NOW).await,
                _ => {
                    let receipt = Some(payee.close(&stream, 9));
                    ledger
                        .claim_units(evidence, released(9), receipt, NOW)
                        .await
                }
            };
            answer.unwrap();
            assert_sound(&ledger).await;
        }
        ends.push((held(&ledger, &payer).await, held(&ledger, &payee).await));
    }
    assert_eq!(ends, [((55, 900), (45, 0)); 6]);
}

#[tokio::test]
async fn the_last_unit_closes_a_stream_and_the_receipt_confirms_it() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 5, 20);
    let full = (Status::Settled, Some(20));
    assert_eq!(claim(&ledger, &world, &stream, 20, None).await, full);
    let receipt = payee.close(&stream, 20);
    let again = claim(&ledger, &world, &stream, 20, Some(receipt.clone())).await;
    assert_eq!(again, full);
    let detail = ledger.payment(&stream.id).await.unwrap().unwrap();
    assert_eq!(detail.receipt.as_deref(), Some(receipt.bytes()));
    assert_eq!(held(&ledger, &payee).await, (100, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_stream_nobody_used_goes_back_whole() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 5, 20);
    let receipt = Some(payee.close(&stream, 0));
    let answer = ledger.hand_in(stream.evidence(), receipt, NOW).await;
    let closed = (Status::Settled, Some(0));
    assert_eq!(said(&world, &answer.unwrap()), closed);
    assert_eq!(held(&ledger, &payer).await, (100, 900));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn what_does_not_fit_a_stream_is_refused_and_changes_nothing() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 5, 20);
    let plain = payer.pay(&payee.code, 7);
    let before = ledger.journal().await.unwrap();
    for (payment, receipt, status) in [
        (&stream, payee.receipt(&stream), Status::WrongReceipt),
        (&plain, payee.close(&plain, 1), Status::WrongReceipt),
        (&stream, payee.close(&stream, 21), Status::WrongUnit),
        // More than anybody has shown.
        (&stream, payee.close(&stream, 1), Status::WrongUnit),
        // Declined and taken at once, or for no reason.
        (
            &stream,
            payee.receipt_saying(&stream, Some(48), Some(1)),
            Status::WrongReceipt,
        ),
        (
            &plain,
            payee.receipt_saying(&plain, Some(Status::Settled as u32), None),
            Status::WrongReceipt,
        ),
        (
            &plain,
            payee.receipt_saying(&plain, Some(4_711), None),
            Status::WrongReceipt,
        ),
    ] {
        let evidence = payment.evidence();
        let refused = ledger.hand_in(evidence, Some(receipt), NOW).await;
        assert_eq!(refused.unwrap_err(), status);
    }
    let other = payer.stream(&payee.code, 5, 20).released(3);
    let refused = ledger
        .claim_units(stream.evidence(), other, None, NOW)
        .await;
    assert_eq!(refused.unwrap_err(), Status::WrongUnit);
    assert_eq!(ledger.journal().await.unwrap(), before);
    assert_eq!(ledger.payment(&stream.id).await.unwrap(), None);
}

#[tokio::test]
async fn only_values_of_the_chain_release_units() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 5, 20);
    let evidence = stream.evidence();
    let payment = evidence.payment();
    assert_eq!(ledger.released(&stream.id).await.unwrap(), None);
    claim(&ledger, &world, &stream, 8, None).await;
    let known = ledger.released(&stream.id).await.unwrap();
    assert_eq!(known, Some(stream.released(8)));
    // From the newest value on, or back down to an older one.
    for units in [0, 3, 8, 9, 20] {
        let right = stream.released(units);
        let check = |units, value| Released::check(payment, known.as_ref(), units, value);
        assert_eq!(check(units, *right.value()), Ok(right));
        for (units, value) in [
            (units, Digest([1; 32])),
            (units + 1, *right.value()),
            (21, *right.value()),
            (u32::MAX, *right.value()),
        ] {
            assert_eq!(check(units, value), Err(Status::WrongUnit));
        }
    }
    let plain = payer.pay(&payee.code, 7).evidence();
    let none = Released::check(plain.payment(), None, 0, Digest::default());
    assert_eq!(none, Err(Status::WrongUnit));
}

#[tokio::test]
async fn many_claims_at_once_pay_each_unit_once() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 2, 64);
    let mut tasks = tokio::task::JoinSet::new();
    for units in (0..=60).rev() {
        let (ledger, evidence) = (ledger.clone(), stream.evidence());
        let released = stream.released(units);
        tasks.spawn(async move { ledger.claim_units(evidence, released, None, NOW).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(held(&ledger, &payee).await, (120, 0));
    assert_eq!(held(&ledger, &payer).await, (0, 872));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_forked_stream_is_an_open_claim_however_many_units_it_shows() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut clone = payer.clone();
    let (first, forked) = (payer.pay(&payee.code, 9), clone.stream(&payee.code, 2, 10));
    ledger.hand_in(first.evidence(), None, NOW).await.unwrap();
    let open = (Status::OpenClaim, Some(0));
    for (units, receipt) in [(3, None), (5, None), (5, Some(payee.close(&forked, 5)))] {
        assert_eq!(claim(&ledger, &world, &forked, units, receipt).await, open);
    }
    assert_eq!(held(&ledger, &payee).await, (0, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn both_sides_hear_of_a_stream_when_it_is_closed() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 3, 10);
    let by_payer = || stream.evidence().brought_by(payer.code);
    let by_payee = || stream.evidence().brought_by(payee.code);
    let handed = ledger.hand_in(by_payer(), None, NOW).await.unwrap();
    assert_eq!(handed.told, [payee.code]);
    let units = stream.released(4);
    let moved = ledger
        .claim_units(by_payee(), units, None, NOW)
        .await
        .unwrap();
    assert_eq!(moved.told, []);
    let receipt = Some(payee.close(&stream, 6));
    let units = stream.released(6);
    let closed = ledger.claim_units(by_payee(), units, receipt, NOW).await;
    let closed = closed.unwrap();
    assert_eq!(closed.told, [payer.code]);
    let waiting = ledger.inbox(&payer.code, 0, 9).await.unwrap();
    assert_eq!(waiting[0].bytes, closed.message);
    let waiting = ledger.inbox(&payee.code, 0, 9).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let evidence = Message::read(&waiting[0].bytes).unwrap();
    assert!(matches!(evidence, Message::Evidence { .. }));
    let row = ledger.payment(&stream.id).await.unwrap().unwrap().row;
    assert_eq!((row.fate, row.units), (Fate::Settled, Some(6)));
    assert_eq!(row.waiting.get(), 0);
}

#[tokio::test]
async fn what_was_paid_for_a_grant_is_what_has_reached_the_payee() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let stream = payer.stream(&payee.code, 3, 100);
    let (name, payer_code) = (GrantId([payer.seed; 12]), payer.code);
    let paid = async |name: GrantId, currency| {
        let pair = (&payer_code, &payee.code);
        let paid = ledger.paid_for(pair, &name, currency).await;
        paid.unwrap().get()
    };
    assert_eq!(paid(name, usd()).await, 0);
    for (units, expected) in [(0, 0), (10, 30), (40, 120), (25, 120)] {
        claim(&ledger, &world, &stream, units, None).await;
        assert_eq!(paid(name, usd()).await, expected, "while it is open");
    }
    let receipt = Some(payee.close(&stream, 50));
    claim(&ledger, &world, &stream, 50, receipt).await;
    assert_eq!(paid(name, usd()).await, 150);
    let once = payer.pay(&payee.code, 70);
    ledger.hand_in(once.evidence(), None, NOW).await.unwrap();
    assert_eq!(paid(name, usd()).await, 150, "in transit is not paid");
    let receipt = Some(payee.receipt(&once));
    ledger.hand_in(once.evidence(), receipt, NOW).await.unwrap();
    assert_eq!(paid(name, usd()).await, 220);
    assert_eq!(paid(GrantId([99; 12]), usd()).await, 0);
    assert_eq!(paid(name, Currency::new(1, *b"EUR").unwrap()).await, 0);
}
