use crate::support::*;
use ledger::views::Page;
use ledger::{ThingState, Way};
use protocol::Status;
use protocol::units::AMOUNT_MAX;

#[tokio::test]
async fn one_key_is_one_order() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let first = ledger.load(order(&purse, 100, "k"), NOW).await.unwrap();
    let again = ledger.load(order(&purse, 100, "k"), NOW.plus_s(9)).await;
    assert_eq!(again.unwrap(), first);
    let other_amount = ledger.load(order(&purse, 101, "k"), NOW).await;
    assert_eq!(other_amount.unwrap_err(), Status::NotPermitted);
    let other_way = ledger.redeem(order(&purse, 100, "k"), NOW).await;
    assert_eq!(other_way.unwrap_err(), Status::NotPermitted);
    assert_eq!(held(&ledger, &purse).await, (100, 0));

    let back = ledger.redeem(order(&purse, 40, "back"), NOW).await.unwrap();
    assert_eq!((back.way, back.number), (Way::Redeem, 2));
    let loads = ledger.loads(&Page::first(9)).await.unwrap().rows;
    assert_eq!(loads, [back, first]);
    let sums = ledger.conservation().await.unwrap();
    let dollars = sums.iter().find(|row| row.currency == usd()).unwrap();
    assert_eq!((dollars.issued_minus_redeemed, dollars.purses), (60, 60));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn orders_that_cannot_be_are_refused() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let nobody = Purse {
        code: world.gateway,
        ..purse.clone()
    };
    let mut yen = order(&purse, 1, "yen");
    yen.currency = protocol::Currency::new(1, *b"JPY").unwrap();
    let long = "k".repeat(ledger::bounds::KEY_BYTES_MOST + 1);
    for (order, status) in [
        (order(&purse, 0, "zero"), Status::Malformed),
        (order(&purse, 1, ""), Status::Malformed),
        (order(&purse, 1, &long), Status::Malformed),
        (order(&purse, 1, "a\nb"), Status::Malformed),
        (order(&nobody, 1, "nobody"), Status::UnknownCode),
        (yen, Status::NotPermitted),
    ] {
        assert_eq!(ledger.load(order.clone(), NOW).await.unwrap_err(), status);
        assert_eq!(ledger.redeem(order, NOW).await.unwrap_err(), status);
    }
    let empty = ledger.redeem(order(&purse, 1, "empty"), NOW).await;
    assert_eq!(empty.unwrap_err(), Status::NotFunded);
}

#[tokio::test]
async fn a_frozen_purse_takes_money_but_gives_none() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    ledger
        .set_state(&purse.code, ThingState::Frozen, "", "operator", NOW)
        .await
        .unwrap();
    ledger.load(order(&purse, 5, "in"), NOW).await.unwrap();
    let out = ledger.redeem(order(&purse, 5, "out"), NOW).await;
    assert_eq!(out.unwrap_err(), Status::Frozen);
    ledger
        .set_state(&purse.code, ThingState::Revoked, "", "operator", NOW)
        .await
        .unwrap();
    let more = ledger.load(order(&purse, 5, "more"), NOW).await;
    assert_eq!(more.unwrap_err(), Status::Frozen);
}

#[tokio::test]
async fn nothing_overflows_at_the_bounds() {
    let (_folder, world, ledger) = house().await;
    let rich = Purse::register(&ledger, &world, 11).await;
    let other = Purse::register(&ledger, &world, 12).await;
    ledger
        .load(order(&rich, AMOUNT_MAX, "all there is"), NOW)
        .await
        .unwrap();
    for (purse, minor, key) in [(&rich, 1, "a"), (&other, 1, "b"), (&other, AMOUNT_MAX, "c")] {
        let refused = ledger.load(order(purse, minor, key), NOW).await;
        assert_eq!(refused.unwrap_err(), Status::AboveLimit);
    }
    assert_sound(&ledger).await;
    ledger
        .redeem(order(&rich, AMOUNT_MAX, "back"), NOW)
        .await
        .unwrap();
    ledger.load(order(&other, 1, "d"), NOW).await.unwrap();
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_gateway_counts_what_it_grants_up_to_the_end_and_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    let most = amount(AMOUNT_MAX);
    bearings.policy.usual = [ledger::ClassTerms::offline(most, most); 3];
    let ledger = ledger::Ledger::open(&world.path, bearings).await.unwrap();
    declare(&ledger).await;
    let mut purse = Purse::register(&ledger, &world, 11).await;
    let payee = Purse::register(&ledger, &world, 12).await;
    ledger
        .load(order(&purse, AMOUNT_MAX, "all"), NOW)
        .await
        .unwrap();
    let given = purse.renew(&ledger, AMOUNT_MAX, NOW).await;
    assert_eq!(
        (given.limit.get(), given.issued_total.get()),
        (AMOUNT_MAX, AMOUNT_MAX)
    );
    let beyond = ledger.renew(purse.renewal(usd(), 1, NOW), NOW).await;
    assert_eq!(beyond.unwrap_err(), Status::AboveLimit);

    let payment = purse.pay(&payee.code, AMOUNT_MAX);
    let receipt = payee.receipt(&payment);
    ledger
        .hand_in(payment.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payee).await, (AMOUNT_MAX, 0));
    // The payer's odometer has come to its end; only a new key epoch has readings left.
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_currency_never_changes() {
    let (_folder, _world, ledger) = house().await;
    assert_eq!(ledger.declare_currency(usd(), 6, "US dollar").await, Ok(()));
    for (exponent, name) in [(2, "US dollar"), (6, "Dollar")] {
        let changed = ledger.declare_currency(usd(), exponent, name).await;
        assert_eq!(changed, Err(Status::NotPermitted));
    }
    assert_eq!(ledger.currencies().await.unwrap().len(), 2);
}
