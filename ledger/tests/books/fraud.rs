use crate::support::*;
use ledger::views::Page;
use ledger::{FraudId, ThingState};
use protocol::Status;
use protocol::rules::{Contradiction, judge_proof};

/// Two payees, each with one branch of a forked purse; `second` first spends something else so that
/// its branch overlaps under another sequence number.
async fn fork(how: Contradiction, turned: bool) {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let other = Purse::register(&ledger, &world, 13).await;
    let mut clone = payer.clone();
    let mut branches = vec![(payer.pay(&payee.code, 300), &payee, 300)];
    if how == Contradiction::Overlap {
        clone.sequence = protocol::Sequence(1);
    }
    branches.push((clone.pay(&other.code, 400), &other, 400));
    if turned {
        branches.reverse();
    }
    let [(first, first_payee, minor), (second, second_payee, _)] = &branches[..] else {
        unreachable!()
    };
    let receipt = first_payee.receipt(first);
    let stands = ledger
        .hand_in(first.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(world.outcome(&stands), Status::Settled);

    let receipt = second_payee.receipt(second);
    let claim = ledger
        .hand_in(second.evidence(), Some(receipt.clone()), NOW)
        .await
        .unwrap();
    assert_eq!(world.outcome(&claim), Status::OpenClaim);
    assert_eq!(claim.fraud, Some(FraudId(1)));
    assert_eq!(held(&ledger, &payer).await, (0, 1_000 - minor));
    assert_eq!(held(&ledger, first_payee).await, (*minor, 0));
    assert_eq!(held(&ledger, second_payee).await, (0, 0));

    let thing = ledger.thing(&payer.code).await.unwrap().unwrap();
    assert_eq!(thing.state, ThingState::Frozen);
    let asked = ledger.renew(payer.renewal(usd(), 1, NOW), NOW).await;
    assert_eq!(asked.unwrap_err(), Status::Frozen);

    let proof = ledger.fraud_proof(FraudId(1)).await.unwrap().unwrap();
    let judgement = judge_proof(&world.trust, &proof).unwrap();
    assert_eq!((judgement.code, judgement.how), (payer.code, how));
    let cases = ledger.fraud_cases(&Page::first(9)).await.unwrap().rows;
    assert_eq!((cases[0].stands, cases[0].claim), (first.id, second.id));

    let again = ledger
        .hand_in(second.evidence(), Some(receipt), NOW.plus_s(9))
        .await
        .unwrap();
    assert_eq!((again.message, again.fraud), (claim.message, None));
    assert_eq!(
        ledger
            .fraud_cases(&Page::first(9))
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn the_first_branch_stands_whichever_it_is() {
    for how in [Contradiction::SameSequence, Contradiction::Overlap] {
        for turned in [false, true] {
            fork(how, turned).await;
        }
    }
}

#[tokio::test]
async fn what_does_not_contradict_still_settles_for_a_frozen_payer() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut clone = payer.clone();
    let honest = [payer.pay(&payee.code, 100), payer.pay(&payee.code, 200)];
    let forked = clone.pay(&payee.code, 150);
    for (payment, expected) in [
        (&honest[0], Status::Settled),
        (&forked, Status::OpenClaim),
        (&honest[1], Status::Settled),
    ] {
        let receipt = payee.receipt(payment);
        let answer = ledger
            .hand_in(payment.evidence(), Some(receipt), NOW)
            .await
            .unwrap();
        assert_eq!(world.outcome(&answer), expected);
    }
    assert_eq!(held(&ledger, &payee).await, (300, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_receipt_that_comes_later_stays_beside_the_open_claim() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut clone = payer.clone();
    let (first, second) = (payer.pay(&payee.code, 1), clone.pay(&payee.code, 2));
    ledger.hand_in(first.evidence(), None, NOW).await.unwrap();
    let alone = ledger.hand_in(second.evidence(), None, NOW).await.unwrap();
    let receipt = payee.receipt(&second);
    let claim = ledger
        .hand_in(second.evidence(), Some(receipt.clone()), NOW)
        .await
        .unwrap();
    assert_eq!(claim.message, alone.message);
    let detail = ledger.payment(&second.id).await.unwrap().unwrap();
    assert_eq!(detail.receipt.as_deref(), Some(receipt.bytes()));
    assert_eq!(detail.fraud, Some(1));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_currency_has_its_own_odometer_but_not_its_own_sequence() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut load = order(&payer, 500, "euros");
    load.currency = eur();
    ledger.load(load, NOW).await.unwrap();
    let grant = ledger.renew(payer.renewal(eur(), 500, NOW), NOW).await;
    payer.take(&grant.unwrap());
    let mut clone = payer.clone();
    let dollars = payer.pay(&payee.code, 10);
    let euros = payer.pay_in(eur(), &payee.code, 10);
    let forked = clone.pay_in(eur(), &payee.code, 20);
    for (payment, expected) in [
        (&dollars, Status::InTransit),
        (&euros, Status::InTransit),
        (&forked, Status::OpenClaim),
    ] {
        let answer = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
        assert_eq!(world.outcome(&answer), expected);
    }
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn many_forks_at_once_settle_one_branch() {
    let (_folder, world, ledger) = house().await;
    let (payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut tasks = tokio::task::JoinSet::new();
    for minor in 1..=32 {
        let branch = payer.clone().pay(&payee.code, minor);
        let (ledger, receipt) = (ledger.clone(), payee.receipt(&branch));
        tasks.spawn(async move { ledger.hand_in(branch.evidence(), Some(receipt), NOW).await });
    }
    let mut settled = 0;
    while let Some(done) = tasks.join_next().await {
        let answer = done.unwrap().unwrap();
        settled += u32::from(world.outcome(&answer) == Status::Settled);
    }
    assert_eq!(settled, 1);
    assert_eq!(ledger.overview().await.unwrap().fraud_cases, 31);
    assert_sound(&ledger).await;
}
