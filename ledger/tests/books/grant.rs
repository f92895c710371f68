use crate::support::*;
use ledger::{ClassTerms, Ledger, ThingState};
use protocol::objects::Renewal;
use protocol::{AssuranceClass, Reference, Sequence, Status};

#[tokio::test]
async fn an_allowance_says_where_the_purse_stands() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let payments = [payer.pay(&payee.code, 100), payer.pay(&payee.code, 50)];
    for payment in &payments {
        ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    }
    let given = payer.renew(&ledger, 400, NOW.plus_s(60)).await;
    assert_eq!((given.code, given.currency), (payer.code, usd()));
    assert_eq!(given.wallet_key, protocol::Signer::public_key(&payer.key()));
    assert_eq!(given.class, AssuranceClass::Software);
    assert_eq!(given.base_sequence, Sequence(2));
    assert_eq!(given.base_head, payments[1].id.reference());
    assert_eq!((given.base_odometer.get(), given.limit.get()), (150, 550));
    assert_eq!(given.most_per_payment, amount(MOST_PER_PAYMENT));
    assert_eq!(given.issued, NOW.plus_s(60));
    assert_eq!(given.expires, NOW.plus_s(60 + LIFE_S));
    assert_eq!((given.gateway, given.number), (world.gateway, 2));
    assert_eq!(given.issued_total.get(), 1_000 + 400);
    // The first allowance still reaches to 1,000, so nothing of the reserve is set free.
    assert_eq!(held(&ledger, &payer).await, (0, 850));
}

#[tokio::test]
async fn the_room_is_the_least_of_what_is_wanted_held_and_permitted() {
    for (loaded, wanted, room) in [
        (900, 500, 500),
        (900, 2_000, 900),
        (5 * CLASS_LIMIT, 3 * CLASS_LIMIT, CLASS_LIMIT),
    ] {
        let (_folder, world, ledger) = house().await;
        let mut purse = Purse::register(&ledger, &world, 11).await;
        ledger.load(order(&purse, loaded, "k"), NOW).await.unwrap();
        let given = purse.renew(&ledger, wanted, NOW).await;
        assert_eq!((given.base_odometer.get(), given.limit.get()), (0, room));
        assert_eq!(held(&ledger, &purse).await, (loaded - room, room));
        // What is reserved ahead is given out again, not set aside a second time.
        let given = purse.renew(&ledger, wanted, NOW.plus_s(1)).await;
        assert_eq!(given.limit.get(), room);
        assert_eq!(held(&ledger, &purse).await, (loaded - room, room));
        assert_sound(&ledger).await;
    }
}

#[tokio::test]
async fn a_purse_that_hides_or_forgets_payments_gets_nothing() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let before = payer.clone();
    let payments = [payer.pay(&payee.code, 100), payer.pay(&payee.code, 50)];
    let missing = ledger.renew(payer.renewal(usd(), 9, NOW), NOW).await;
    assert_eq!(missing.unwrap_err(), Status::LinksBroken);
    ledger
        .hand_in(payments[1].evidence(), None, NOW)
        .await
        .unwrap();
    let gap = ledger.renew(payer.renewal(usd(), 9, NOW), NOW).await;
    assert_eq!(gap.unwrap_err(), Status::LinksBroken);
    ledger
        .hand_in(payments[0].evidence(), None, NOW)
        .await
        .unwrap();
    let forgot = ledger.renew(before.renewal(usd(), 9, NOW), NOW).await;
    assert_eq!(forgot.unwrap_err(), Status::LinksBroken);
    let given = payer.renew(&ledger, 9, NOW).await;
    assert_eq!(given.base_odometer.get(), 150);
}

#[tokio::test]
async fn skipped_numbers_are_void_when_the_links_hold() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let first = payer.pay(&payee.code, 100);
    payer.sequence = Sequence(7);
    let second = payer.pay(&payee.code, 50);
    for payment in [&first, &second] {
        ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    }
    let given = payer.renew(&ledger, 9, NOW).await;
    assert_eq!(given.base_sequence, Sequence(8));
}

#[tokio::test]
async fn a_long_history_is_walked_in_steps() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let long = ledger::bounds::SCAN_STEP + 3;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..long {
        let (ledger, evidence) = (ledger.clone(), payer.pay(&payee.code, 1).evidence());
        let evidence = evidence.brought_by(payee.code);
        tasks.spawn(async move { ledger.hand_in(evidence, None, NOW).await.unwrap() });
    }
    tasks.join_all().await;
    let given = payer.renew(&ledger, 9, NOW).await;
    assert_eq!(given.base_sequence, Sequence(long));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn refusals_of_renewals_are_precise_and_change_nothing() {
    let (_folder, world, ledger) = house().await;
    let (payer, _) = pair(&ledger, &world, 1_000).await;
    let frozen = Purse::register(&ledger, &world, 21).await;
    ledger
        .set_state(&frozen.code, ThingState::Frozen, "lost", "operator", NOW)
        .await
        .unwrap();
    let stranger = Purse {
        code: world.gateway,
        ..payer.clone()
    };
    let ask = |purse: &Purse, change: &dyn Fn(&mut Renewal)| {
        let mut renewal = *purse.renewal(usd(), 10, NOW.plus_s(7)).get();
        change(&mut renewal);
        purse.signed_renewal(&renewal)
    };
    let head = ledger.journal().await.unwrap();
    let yen = protocol::Currency::new(1, *b"JPY").unwrap();
    for (renewal, status) in [
        (ask(&stranger, &|_| ()), Status::UnknownCode),
        (ask(&frozen, &|_| ()), Status::Frozen),
        (ask(&payer, &|r| r.wanted = amount(0)), Status::Malformed),
        (ask(&payer, &|r| r.key_epoch.0 = 2), Status::WrongAllowance),
        (ask(&payer, &|r| r.currency = yen), Status::NoAllowance),
        (ask(&payer, &|r| r.sequence.0 = 1), Status::LinksBroken),
        (
            ask(&payer, &|r| r.head = Reference([1; 16])),
            Status::LinksBroken,
        ),
        (
            ask(&payer, &|r| {
                r.odometer = protocol::Odometer::new(1).unwrap()
            }),
            Status::OutOfInterval,
        ),
    ] {
        assert_eq!(ledger.renew(renewal, NOW).await.unwrap_err(), status);
    }
    assert_eq!(ledger.journal().await.unwrap(), head);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_class_that_may_spend_nothing_offline_gets_not_even_an_empty_allowance() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    bearings.policy.usual = [ClassTerms::offline(amount(0), amount(0)); 3];
    let ledger = Ledger::open(&world.path, bearings).await.unwrap();
    declare(&ledger).await;
    let poor = Purse::register(&ledger, &world, 20).await;
    let asked = ledger.renew(poor.renewal(usd(), 10, NOW), NOW).await;
    assert_eq!(asked.unwrap_err(), Status::AboveLimit);
}

#[tokio::test]
async fn a_reserve_is_free_again_after_expiry_and_grace() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut late = payer.clone();
    let payment = payer.pay(&payee.code, 300);
    ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    let too_soon = NOW.plus_s(LIFE_S + GRACE_S - 1);
    let out = |key: &str| order(&payer, 600, key);
    let asked = ledger.redeem(out("soon"), too_soon).await;
    assert_eq!(asked.unwrap_err(), Status::NotFunded);
    ledger
        .redeem(out("then"), too_soon.plus_s(1))
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payer).await, (100, 0));

    // What was signed in time and comes now is paid from what is left.
    late.sequence = payer.sequence;
    late.head = payer.head;
    late.odometers = payer.odometers.clone();
    let small = late.pay(&payee.code, 100);
    let large = late.pay(&payee.code, 1);
    let after = NOW.plus_s(3 * LIFE_S);
    let claim = |signed: &Signed| {
        let receipt = Some(payee.receipt(signed));
        ledger.hand_in(signed.evidence(), receipt, after)
    };
    claim(&small).await.unwrap();
    assert_eq!(held(&ledger, &payer).await, (0, 0));
    // What nothing stands behind any more is over, and everybody hears so as often as it asks.
    for _ in 0..2 {
        let answer = claim(&large).await.unwrap();
        assert_eq!(world.outcome(&answer), Status::Returned);
    }
    assert_eq!(held(&ledger, &payer).await, (0, 0));
    assert_sound(&ledger).await;
}
