use crate::support::*;
use ledger::bounds::{INBOX_ENTRIES_MOST, INBOX_READ_MOST};
use protocol::message::Message;
use protocol::objects::Beacon;
use protocol::{Status, Timestamp};

#[tokio::test]
async fn messages_wait_in_order_until_they_are_taken() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut changes = ledger.inbox_changed();
    for _ in 0..3 {
        let payment = payer.pay(&payee.code, 1);
        ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
        assert_eq!(changes.recv().await.unwrap(), payee.code);
    }
    let numbers = |entries: Vec<ledger::InboxEntry>| {
        entries
            .into_iter()
            .map(|entry| entry.number)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        numbers(ledger.inbox(&payee.code, 0, 2).await.unwrap()),
        [1, 2]
    );
    assert_eq!(numbers(ledger.inbox(&payee.code, 2, 2).await.unwrap()), [3]);
    for _ in 0..2 {
        ledger.acknowledge(&payee.code, 2).await.unwrap();
        assert_eq!(numbers(ledger.inbox(&payee.code, 0, 9).await.unwrap()), [3]);
    }
    ledger.acknowledge(&payee.code, u64::MAX).await.unwrap();
    let payment = payer.pay(&payee.code, 1);
    ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    assert_eq!(numbers(ledger.inbox(&payee.code, 0, 9).await.unwrap()), [4]);
    assert_eq!(ledger.overview().await.unwrap().inbox_entries, 1);
}

#[tokio::test]
async fn a_full_inbox_refuses_new_money_but_never_a_claim() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 10_000).await;
    let mut tasks = tokio::task::JoinSet::new();
    let payments: Vec<_> = (0..INBOX_ENTRIES_MOST)
        .map(|_| payer.pay(&payee.code, 1))
        .collect();
    for payment in &payments {
        let (ledger, evidence) = (ledger.clone(), payment.evidence());
        tasks.spawn(async move { ledger.hand_in(evidence, None, NOW).await.unwrap() });
    }
    tasks.join_all().await;
    let entries = ledger.inbox(&payee.code, 0, u32::MAX).await.unwrap();
    assert_eq!(entries.len(), INBOX_READ_MOST as usize);

    let before = held(&ledger, &payer).await;
    let one_more = payer.pay(&payee.code, 1);
    let refused = ledger.hand_in(one_more.evidence(), None, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::Full);
    assert_eq!(held(&ledger, &payer).await, before);

    let claim = ledger
        .hand_in(one_more.evidence(), Some(payee.receipt(&one_more)), NOW)
        .await
        .unwrap();
    assert_eq!(world.outcome(&claim), Status::Settled);
    assert_eq!(claim.told, [payer.code]);

    ledger.acknowledge(&payee.code, 1).await.unwrap();
    let next = payer.pay(&payee.code, 1);
    ledger.hand_in(next.evidence(), None, NOW).await.unwrap();
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_payer_whose_inbox_is_full_learns_the_outcome_by_asking() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, mut payee) = pair(&ledger, &world, 10_000).await;
    // Fill the payer's inbox with payments to it.
    ledger
        .load(order(&payee, 10_000, "payee"), NOW)
        .await
        .unwrap();
    payee.renew(&ledger, 10_000, NOW).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..INBOX_ENTRIES_MOST {
        let (ledger, evidence) = (ledger.clone(), payee.pay(&payer.code, 1).evidence());
        tasks.spawn(async move { ledger.hand_in(evidence, None, NOW).await.unwrap() });
    }
    tasks.join_all().await;

    let payment = payer.pay(&payee.code, 7);
    let evidence = || payment.evidence();
    let alone = ledger.hand_in(evidence(), None, NOW).await.unwrap();
    assert_eq!(world.outcome(&alone), Status::InTransit);
    let receipt = payee.receipt(&payment);
    let claim = ledger
        .hand_in(evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(claim.told, [payee.code]);
    let again = ledger.hand_in(evidence(), None, NOW).await.unwrap();
    assert_eq!(again.message, claim.message);
}

fn beacon(world: &World, time: Timestamp) -> Vec<u8> {
    let beacon = Beacon {
        gateway: world.gateway,
        time,
        filter_version: None,
        filter: None,
    };
    let (beacon, _) = sealed(&beacon, &world.gateway_key);
    let mut out = vec![0; 256];
    let len = Message::Beacon { beacon: &beacon }.write(&mut out).unwrap();
    out.truncate(len);
    out
}

#[tokio::test]
async fn of_the_times_that_wait_for_a_code_only_the_newest_stays() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payment = payer.pay(&payee.code, 1);
    for turn in 0..3 {
        let news = beacon(&world, NOW.plus_s(turn));
        assert!(ledger.tell_news(&payee.code, vec![news]).await.unwrap());
        if turn == 0 {
            ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
        }
    }
    let entries = ledger.inbox(&payee.code, 0, 9).await.unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [2, 4], "the payment, and the newest time");
    assert_eq!(entries[1].bytes, beacon(&world, NOW.plus_s(2)));
    ledger.acknowledge(&payee.code, 4).await.unwrap();
    assert_eq!(ledger.overview().await.unwrap().inbox_entries, 0);
}

#[tokio::test]
async fn news_leaves_half_of_an_inbox_to_money() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 10_000).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..INBOX_ENTRIES_MOST / 2 {
        let (ledger, payment) = (ledger.clone(), payer.pay(&payee.code, 1));
        tasks.spawn(async move { ledger.hand_in(payment.evidence(), None, NOW).await.unwrap() });
    }
    tasks.join_all().await;
    let news = vec![beacon(&world, NOW)];
    assert!(!ledger.tell_news(&payee.code, news.clone()).await.unwrap());
    ledger.acknowledge(&payee.code, 1).await.unwrap();
    assert!(ledger.tell_news(&payee.code, news).await.unwrap());
}
