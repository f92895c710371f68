use crate::house::*;
use crate::support::*;
use ledger::ThingState;
use ledger::federation::Moving;
use protocol::rules::judge;
use protocol::rules::proof::Charge;
use protocol::{KeyEpoch, Signer, Status, Timestamp};

#[tokio::test]
async fn only_the_home_gives_allowances_and_none_outlives_the_lease() {
    let mut house = House::new().await;
    let purse = house.payer(A, 11, 1_000).await;
    let home = house.ledger(A).home(&purse.code).await.unwrap().unwrap();
    assert_eq!((home.home, home.number), (house.code(A), 1));
    // Elsewhere it is not known, and to the centre it is at home elsewhere.
    let asked = || purse.renewal(usd(), 10, NOW.plus_s(9));
    let refused = house.ledger(B).renew(asked(), house.now).await.unwrap_err();
    assert_eq!(refused, Status::UnknownCode);
    let refused = house
        .ledger(CENTRE)
        .renew(asked(), house.now)
        .await
        .unwrap_err();
    assert_eq!(refused, Status::WrongHome);
    // Cut off, its home gives shorter ones, and then none.
    house.now = home.ends.minus_s(100);
    let mut purse = purse;
    let given = purse.renew(house.ledger(A), 10, house.now).await;
    assert_eq!(given.expires, home.ends);
    house.now = home.ends;
    let asked = purse.renewal(usd(), 10, house.now);
    let refused = house.ledger(A).renew(asked, house.now).await.unwrap_err();
    assert_eq!(refused, Status::Busy);
    house.calm().await;
    house.calm().await;
    let asked = purse.renewal(usd(), 10, house.now.plus_s(1));
    assert!(house.ledger(A).renew(asked, house.now).await.is_ok());
}

#[tokio::test]
async fn a_purse_moves_with_what_is_free_and_the_rest_follows() {
    let mut house = House::new().await;
    let mut purse = house.payer(A, 11, 1_000).await;
    let payee = house.payee(A, 12).await;
    let signed = purse.pay(&payee.code, 100);
    house.hand_in(A, &signed, Some(&payee)).await.unwrap();
    house.load(&purse, 500, "more").await;
    house.calm().await;
    assert_eq!(held(house.ledger(A), &purse).await, (500, 900));
    let order = house.moves(&purse, A, B, 2);
    let moving = house.ledger(A).move_home(&order, &[], house.now).await;
    assert_eq!(moving, Ok(Moving::Asked));
    house.assert_sound().await;
    let asked = purse.renewal(usd(), 10, NOW.plus_s(9));
    let refused = house.ledger(A).renew(asked, house.now).await.unwrap_err();
    assert_eq!(refused, Status::WrongHome);
    house.calm().await;
    let home = house.ledger(B).home(&purse.code).await.unwrap().unwrap();
    assert_eq!((home.home, home.number), (house.code(B), 2));
    assert_eq!(held(house.ledger(B), &purse).await, (500, 0));
    assert_eq!(held(house.ledger(A), &purse).await, (0, 900));
    // The new home goes on in the same key epoch, from the same reading.
    purse.gateway_key = house.offices[B].key.public_key();
    let given = purse.renew(house.ledger(B), 400, house.now).await;
    assert_eq!(given.key_epoch, KeyEpoch(1));
    assert_eq!((given.base_odometer.get(), given.limit.get()), (100, 500));
    let signed = purse.pay(&payee.code, 50);
    house.hand_in(B, &signed, None).await.unwrap();
    house.calm().await;
    let answer = house.hand_in(A, &signed, Some(&payee)).await.unwrap();
    assert_eq!(house.outcome(&answer), (Status::Settled, true));
    house.calm().await;
    assert_eq!(held(house.ledger(A), &payee).await, (150, 0));
    house.assert_settled().await;
    // What was reserved follows after expiry and grace.
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    assert_eq!(held(house.ledger(A), &purse).await, (0, 0));
    let (free, reserved) = held(house.ledger(B), &purse).await;
    assert_eq!(free + reserved, 1_350);
    house.assert_settled().await;
}

#[tokio::test]
async fn what_two_homes_before_had_reserved_comes_to_the_third() {
    let mut house = House::new().await;
    let mut purse = house.payer(A, 11, 1_000).await;
    house.load(&purse, 500, "more").await;
    house.calm().await;
    let order = house.moves(&purse, A, B, 2);
    let pass = sealed_pass(&house, &purse);
    let moving = house.ledger(B).move_home(&order, &pass, house.now).await;
    assert_eq!(moving, Ok(Moving::Asked));
    house.calm().await;
    purse.gateway_key = house.offices[B].key.public_key();
    purse.renew(house.ledger(B), 400, house.now).await;
    let order = house.moves(&purse, B, CENTRE, 3);
    let moving = house.ledger(B).move_home(&order, &[], house.now).await;
    assert_eq!(moving, Ok(Moving::Asked));
    house.calm().await;
    assert_eq!(held(house.ledger(A), &purse).await, (0, 1_000));
    assert_eq!(held(house.ledger(B), &purse).await, (0, 400));
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    house.calm().await;
    assert_eq!(held(house.ledger(CENTRE), &purse).await, (1_500, 0));
    house.assert_settled().await;
}

#[tokio::test]
async fn a_purse_moves_there_and_back_again() {
    let house = House::new().await;
    let purse = house.payee(A, 11).await;
    house.load(&purse, 700, "in").await;
    house.calm().await;
    for (from, to, lease) in [(A, B, 2), (B, A, 3), (A, CENTRE, 4), (CENTRE, B, 5)] {
        // Asked for at the new home, which passes it on.
        let order = house.moves(&purse, from, to, lease);
        let pass = sealed_pass(&house, &purse);
        let asked = house.ledger(to).move_home(&order, &pass, house.now).await;
        assert_eq!(asked, Ok(Moving::Asked), "{lease}");
        house.calm().await;
        assert_eq!(held(house.ledger(to), &purse).await, (700, 0), "{lease}");
        assert_eq!(held(house.ledger(from), &purse).await, (0, 0), "{lease}");
        let again = house.ledger(to).move_home(&order, &pass, house.now).await;
        assert!(matches!(again, Ok(Moving::Moved(_))), "{lease} {again:?}");
        house.assert_settled().await;
    }
    let old = house.moves(&purse, A, B, 2);
    let old = house.ledger(B).move_home(&old, &[], house.now).await;
    assert!(matches!(old, Ok(Moving::Moved(_))));
}

#[tokio::test]
async fn two_moves_with_one_lease_number_are_proven_and_freeze() {
    let house = House::new().await;
    let purse = house.payee(A, 11).await;
    house.load(&purse, 700, "in").await;
    house.calm().await;
    let order = house.moves(&purse, A, B, 2);
    house
        .ledger(A)
        .move_home(&order, &[], house.now)
        .await
        .unwrap();
    let other = house.moves(&purse, A, CENTRE, 2);
    let moving = house.ledger(A).move_home(&other, &[], house.now).await;
    assert_eq!(moving, Ok(Moving::Contradicts));
    let thing = house.ledger(A).thing(&purse.code).await.unwrap().unwrap();
    assert_eq!(thing.state, ThingState::Frozen);
    let accusations = house.ledger(A).accusations(&purse.code).await.unwrap();
    let verdict = judge(&house.trust, &accusations[0]).unwrap();
    assert_eq!((verdict.code, verdict.charge), (purse.code, Charge::Moves));
    // Skipping a number is no move.
    let skipped = house.moves(&purse, B, CENTRE, 7);
    house.calm().await;
    let refused = house.ledger(B).move_home(&skipped, &[], house.now).await;
    assert_eq!(refused, Err(Status::WrongLease));
}

#[tokio::test]
async fn a_lost_home_is_given_up_only_after_lease_and_grace() {
    let mut house = House::new().await;
    let mut purse = house.payer(A, 11, 1_000).await;
    house.load(&purse, 500, "more").await;
    house.calm().await;
    let ends = house
        .ledger(CENTRE)
        .home(&purse.code)
        .await
        .unwrap()
        .unwrap()
        .ends;
    // The gateway is gone; its purse asks for another home there.
    let order = house.moves(&purse, A, B, 2);
    let pass = sealed_pass(&house, &purse);
    house
        .ledger(B)
        .move_home(&order, &pass, house.now)
        .await
        .unwrap();
    house.exchange(B).await;
    for (now, number) in [
        (ends, 1),
        (ends.plus_s(GRACE_S), 1),
        (ends.plus_s(GRACE_S + 1), 2),
    ] {
        house.now = now;
        house.ledger(CENTRE).sweep(now).await.unwrap();
        house.exchange(B).await;
        let home = house
            .ledger(CENTRE)
            .home(&purse.code)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(home.number, number);
    }
    house.assert_sound().await;
    assert_eq!(held(house.ledger(B), &purse).await, (1_500, 0));
    // It goes on in a new life of its key.
    let holder = house.ledger(B).thing(&purse.code).await.unwrap().unwrap();
    assert_eq!(holder.key_epoch, KeyEpoch(2));
    purse.gateway_key = house.offices[B].key.public_key();
    // The lost home comes back and writes it off.
    house.calm().await;
    assert_eq!(held(house.ledger(A), &purse).await, (0, 0));
    assert_eq!(held(house.ledger(B), &purse).await, (1_500, 0));
    house.assert_settled().await;
    assert_ne!(house.now, Timestamp(0));
}

#[tokio::test]
async fn what_a_lost_home_promised_and_never_saw_is_settled_by_the_next() {
    for comes_back in [true, false] {
        let mut house = House::new().await;
        let mut payer = house.payer(A, 11, 1_000).await;
        let payee = house.payee(B, 12).await;
        let signed = payer.pay(&payee.code, 300);
        house.calm().await;
        // A is gone with the payment unheard; the claim waits for it at the centre.
        house.hand_in(B, &signed, Some(&payee)).await.unwrap();
        house.exchange(B).await;
        let order = house.moves(&payer, A, B, 2);
        let pass = sealed_pass(&house, &payer);
        let b = house.ledger(B);
        b.move_home(&order, &pass, house.now).await.unwrap();
        house.exchange(B).await;
        house.now = house.now.plus_s(LEASE_S + GRACE_S + 1);
        let without_a = async |house: &House| {
            for _ in 0..3 {
                house.ledger(CENTRE).sweep(house.now).await.unwrap();
                house.ledger(B).sweep(house.now).await.unwrap();
                house.exchange(B).await;
            }
        };
        without_a(&house).await;
        // Whether A has settled it nobody knows: nobody says more, and the money is put aside.
        let word = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
        assert_eq!(house.outcome(&word), (Status::Settled, true));
        assert_eq!(held(house.ledger(B), &payer).await, (700, 0));
        assert_eq!(held(house.ledger(B), &payee).await, (0, 0));
        house.assert_sound().await;
        // It moves nowhere before that is known.
        let onward = house.moves(&payer, B, CENTRE, 3);
        let asked = house.ledger(B).move_home(&onward, &[], house.now).await;
        assert_eq!(asked, Ok(Moving::Asked));
        without_a(&house).await;
        assert_eq!(held(house.ledger(B), &payer).await, (700, 0));
        match comes_back {
            true => house.calm().await,
            false => {
                let wait_s = ledger::bounds::LOST_HOME_WAIT_S;
                house.now = house.now.plus_s(wait_s + 1);
                without_a(&house).await;
            }
        }
        let word = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
        assert_eq!(
            house.outcome(&word),
            (Status::Settled, false),
            "{comes_back}"
        );
        assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
        house.assert_sound().await;
        house.calm().await;
        house.calm().await;
        assert_eq!(held(house.ledger(A), &payer).await, (0, 0));
        assert_eq!(held(house.ledger(CENTRE), &payer).await, (700, 0));
        assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
        house.assert_settled().await;
    }
}
