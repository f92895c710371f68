use crate::support::*;
use protocol::Status;
use protocol::message::Message;

#[tokio::test]
async fn either_order_of_hand_in_gives_the_same_balances() {
    let mut ends = Vec::new();
    for payer_first in [true, false] {
        let (_folder, world, ledger) = house().await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let payment = payer.pay(&payee.code, 300);
        let receipt = payee.receipt(&payment);
        if payer_first {
            let answer = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
            assert_eq!(world.outcome(&answer), Status::InTransit);
            assert_eq!(answer.told, [payee.code]);
            assert_eq!(held(&ledger, &payer).await, (0, 700));
            assert_eq!(held(&ledger, &payee).await, (0, 0));
            assert_sound(&ledger).await;
        }
        let claim = ledger
            .hand_in(payment.evidence(), Some(receipt), NOW)
            .await
            .unwrap();
        assert_eq!(world.outcome(&claim), Status::Settled);
        if !payer_first {
            let late = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
            assert_eq!(late.message, claim.message);
            assert_eq!(late.told, []);
        }
        ends.push((held(&ledger, &payer).await, held(&ledger, &payee).await));
        assert_sound(&ledger).await;
    }
    assert_eq!(ends, [((0, 700), (300, 0)); 2]);
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes_and_changes_nothing() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let renewal = payer.renewal(usd(), 5, NOW.plus_s(1));
    let payment = payer.pay(&payee.code, 300);

    let grant = ledger.renew(renewal.clone(), NOW).await.unwrap();
    let alone = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    let claim = ledger
        .hand_in(payment.evidence(), Some(payee.receipt(&payment)), NOW)
        .await
        .unwrap();
    let head = ledger.journal().await.unwrap();
    for later in [NOW, NOW.plus_s(5), NOW.plus_s(30 * LIFE_S)] {
        let again = ledger.renew(renewal.clone(), later).await.unwrap();
        assert_eq!(again.message, grant.message);
        let again = ledger.hand_in(payment.evidence(), None, later).await;
        assert_eq!(again.unwrap().message, alone.message);
        let again = ledger
            .hand_in(payment.evidence(), Some(payee.receipt(&payment)), later)
            .await;
        assert_eq!(again.unwrap().message, claim.message);
    }
    assert_eq!(ledger.journal().await.unwrap(), head);
    assert_eq!(ledger.inbox(&payee.code, 0, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_others_are_told_and_the_bringer_is_not() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 300);
    let evidence = payment.evidence().brought_by(payer.code);
    let answer = ledger.hand_in(evidence, None, NOW).await.unwrap();
    assert_eq!(answer.told, [payee.code]);
    let waiting = ledger.inbox(&payee.code, 0, 9).await.unwrap();
    let expected = Message::Evidence {
        allowance: &payment.allowance,
        payment: &payment.payment,
    };
    assert_eq!(Message::read(&waiting[0].bytes).unwrap(), expected);

    let receipt = payee.receipt(&payment);
    let evidence = payment.evidence().brought_by(payee.code);
    let answer = ledger.hand_in(evidence, Some(receipt), NOW).await.unwrap();
    assert_eq!(answer.told, [payer.code]);
    let waiting = ledger.inbox(&payer.code, 0, 9).await.unwrap();
    assert_eq!(waiting[0].bytes, answer.message);
    assert_eq!(ledger.inbox(&payee.code, 1, 9).await.unwrap(), []);
}

#[tokio::test]
async fn many_at_once_settle_once() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 100_000).await;
    let payments: Vec<_> = (0..20).map(|_| payer.pay(&payee.code, 100)).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for round in 0..10 {
        for (i, payment) in payments.iter().enumerate() {
            let (ledger, evidence) = (ledger.clone(), payment.evidence());
            let receipt = (round % 2 == 0).then(|| payee.receipt(payment));
            tasks.spawn(async move { (i, ledger.hand_in(evidence, receipt, NOW).await) });
        }
    }
    while let Some(done) = tasks.join_next().await {
        let (_, answer) = done.unwrap();
        let outcome = world.outcome(&answer.unwrap());
        assert!(matches!(outcome, Status::Settled | Status::InTransit));
    }
    assert_eq!(held(&ledger, &payer).await, (0, 98_000));
    assert_eq!(held(&ledger, &payee).await, (2_000, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn money_received_can_be_allowed_and_spent() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, mut payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 300);
    let receipt = payee.receipt(&payment);
    ledger
        .hand_in(payment.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    let given = payee.renew(&ledger, 1_000, NOW).await;
    assert_eq!(given.limit.get(), 300);
    let back = payee.pay(&payer.code, 300);
    let receipt = payer.receipt(&back);
    ledger
        .hand_in(back.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payer).await, (300, 700));
    assert_eq!(held(&ledger, &payee).await, (0, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn statements_name_the_entry_that_settled() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 300);
    let answer = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    let statement = world.statement(&answer.message);
    let head = ledger.journal().await.unwrap();
    assert_eq!((statement.height, statement.root), (head.height, head.root));
    assert_eq!((statement.payment, statement.time), (payment.id, NOW));
}

#[tokio::test]
async fn a_recorded_payment_gives_its_evidence_back() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 300);
    assert_eq!(ledger.evidence(&payment.id).await.unwrap(), None);
    ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    let evidence = ledger.evidence(&payment.id).await.unwrap();
    assert_eq!(evidence, Some(payment.evidence()));
}
