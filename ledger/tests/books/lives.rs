//! Lives of keys: a lost journal, a forked key, a lost thing.

use crate::support::*;
use ledger::{NewKey, ThingState};
use protocol::objects::{Present, Renewal};
use protocol::{AssuranceClass, KeyEpoch, Sequence, Signer, Status, Timestamp};

fn lost(purse: &Purse, wanted: u64, time: Timestamp) -> ledger::Owned<Renewal> {
    let renewal = *purse.renewal(usd(), wanted, time).get();
    purse.signed_renewal(&Renewal {
        lost: Some(Present),
        ..renewal
    })
}

#[tokio::test]
async fn a_purse_without_its_journal_begins_again_from_what_is_free() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 600).await;
    let hidden = payer.pay(&payee.code, 500);
    let asked = lost(&payer, 900, NOW.plus_s(9));
    ledger.load(order(&payer, 70, "more"), NOW).await.unwrap();
    let grant = ledger.renew(asked.clone(), NOW).await.unwrap();
    let mut reborn = payer.clone();
    let given = reborn.take(&grant);
    assert_eq!(given.key_epoch, KeyEpoch(2));
    assert_eq!(
        (given.base_sequence, given.base_odometer.get()),
        (Sequence(0), 0)
    );
    assert_eq!(given.limit.get(), 70);
    let again = ledger.renew(asked, NOW.plus_s(99)).await.unwrap();
    assert_eq!(again.message, grant.message);

    // Whoever holds nothing begins again, too.
    let poor = Purse::register(&ledger, &world, 40).await;
    let grant = ledger.renew(lost(&poor, 1, NOW), NOW).await.unwrap();
    let given = poor.clone().take(&grant);
    assert_eq!((given.key_epoch, given.limit.get()), (KeyEpoch(2), 0));

    // What the earlier life hid is still paid, and out of its own reserve.
    let receipt = payee.receipt(&hidden);
    ledger
        .hand_in(hidden.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payer).await, (0, 170));
    assert_eq!(held(&ledger, &payee).await, (500, 0));
    // An old request must not end the new life.
    for time in [NOW, NOW.plus_s(9)] {
        let late = ledger.renew(lost(&payer, 901, time), NOW).await;
        assert_eq!(late.unwrap_err(), Status::Expired);
    }
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_key_that_forked_is_never_renewed_again_and_another_one_is() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 600).await;
    let mut clone = payer.clone();
    for branch in [payer.pay(&payee.code, 1), clone.pay(&payee.code, 2)] {
        ledger.hand_in(branch.evidence(), None, NOW).await.unwrap();
    }
    ledger.load(order(&payer, 50, "more"), NOW).await.unwrap();
    let thaw = ThingState::Active;
    ledger
        .set_state(&payer.code, thaw, "talked to", "op", NOW)
        .await
        .unwrap();
    for asked in [payer.renewal(usd(), 9, NOW), lost(&payer, 9, NOW.plus_s(1))] {
        assert_eq!(
            ledger.renew(asked, NOW).await.unwrap_err(),
            Status::NeedsKey
        );
    }
    let before = payer.key().public_key();
    let mut reborn = Purse {
        seed: 99,
        ..payer.clone()
    };
    let new = NewKey {
        code: payer.code,
        wallet_key: reborn.key().public_key(),
        class: AssuranceClass::Software,
        pass: vec![7; 150],
        by: "operator".into(),
    };
    let thing = ledger.replace_wallet_key(new.clone(), NOW).await.unwrap();
    assert_eq!(thing.key_epoch, KeyEpoch(2));
    let again = ledger.replace_wallet_key(new.clone(), NOW).await.unwrap();
    assert_eq!(again, thing);
    let keys = ledger.wallet_keys(&payer.code).await.unwrap();
    assert_eq!(keys, [new.wallet_key, before]);
    let back = NewKey {
        wallet_key: before,
        ..new
    };
    let back = ledger.replace_wallet_key(back, NOW).await;
    assert_eq!(back.unwrap_err(), Status::NotPermitted);
    let grant = ledger
        .renew(lost(&reborn, 40, NOW.plus_s(2)), NOW)
        .await
        .unwrap();
    let given = reborn.take(&grant);
    assert_eq!((given.key_epoch, given.limit.get()), (KeyEpoch(3), 40));
    assert_eq!(given.wallet_key, reborn.key().public_key());
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_lost_things_money_goes_to_its_owners_new_code() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 600).await;
    let new = Purse::register(&ledger, &world, 13).await;
    let stranger = Purse::register(&ledger, &world, 14).await;
    ledger.load(order(&payer, 50, "more"), NOW).await.unwrap();
    let late = payer.pay(&payee.code, 100);
    ledger
        .set_owner(&payer.code, &payee.code, "op", NOW)
        .await
        .unwrap();
    let wrong = ledger.recover(&payer.code, &stranger.code, "op", NOW).await;
    assert_eq!(wrong.unwrap_err(), Status::NotPermitted);
    ledger
        .set_owner(&new.code, &payee.code, "op", NOW)
        .await
        .unwrap();
    for _ in 0..2 {
        ledger
            .recover(&payer.code, &new.code, "op", NOW)
            .await
            .unwrap();
    }
    assert_eq!(held(&ledger, &payer).await, (0, 600));
    assert_eq!(held(&ledger, &new).await, (50, 0));
    let thing = ledger.thing(&payer.code).await.unwrap().unwrap();
    assert_eq!(thing.state, ThingState::Superseded);
    // What was paid before it was lost is still paid.
    ledger
        .hand_in(late.evidence(), Some(payee.receipt(&late)), NOW)
        .await
        .unwrap();
    let over = NOW.plus_s(LIFE_S + GRACE_S);
    ledger.return_overdue(over.minus_s(1), 9).await.unwrap();
    assert_eq!(held(&ledger, &new).await, (50, 0));
    ledger.return_overdue(over, 9).await.unwrap();
    assert_eq!(held(&ledger, &new).await, (550, 0));
    assert_eq!(held(&ledger, &payer).await, (0, 0));
    let twice = ledger.recover(&payer.code, &stranger.code, "op", NOW).await;
    assert_eq!(twice.unwrap_err(), Status::NotPermitted);
    assert_sound(&ledger).await;
}
