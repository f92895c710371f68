use crate::house::*;
use crate::support::held;
use ledger::federation::WithdrawalState;
use protocol::Status;

#[tokio::test]
async fn a_payment_to_somebody_at_home_elsewhere_arrives_by_credit() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    let answer = house.hand_in(A, &signed, None).await.unwrap();
    assert_eq!(house.outcome(&answer), (Status::InTransit, false));
    house.assert_sound().await;
    // Its payee is told at home, and collects there.
    house.calm().await;
    let inbox = house.ledger(B).inbox(&payee.code, 0, 9).await.unwrap();
    assert_eq!(inbox.last().unwrap().bytes, evidence(&signed));
    let answer = house.hand_in(B, &signed, Some(&payee)).await.unwrap();
    assert_eq!(house.outcome(&answer), (Status::Settled, true));
    house.calm().await;
    assert_eq!(held(house.ledger(A), &payer).await, (0, 700));
    assert_eq!(held(house.ledger(B), &payee).await, (300, 0));
    house.assert_settled().await;
}

#[tokio::test]
async fn loads_and_redemptions_of_purses_elsewhere_go_through_the_centre() {
    let house = House::new().await;
    let purse = house.payee(B, 12).await;
    house.load(&purse, 500, "in").await;
    house.assert_sound().await;
    house.calm().await;
    assert_eq!(held(house.ledger(B), &purse).await, (500, 0));
    let order = house.order(&purse, 200, "out");
    let centre = house.ledger(CENTRE);
    let (asked, paid) = (WithdrawalState::Asked, WithdrawalState::Paid);
    assert_eq!(centre.withdraw(order.clone(), house.now).await, Ok(asked));
    house.calm().await;
    assert_eq!(centre.withdraw(order, house.now).await, Ok(paid));
    assert_eq!(held(house.ledger(B), &purse).await, (300, 0));
    house.assert_settled().await;
    // More than is free stays where it is.
    let too_much = house.order(&purse, 301, "too much");
    centre.withdraw(too_much.clone(), house.now).await.unwrap();
    house.calm().await;
    let refused = WithdrawalState::Refused(Status::NotFunded);
    assert_eq!(centre.withdraw(too_much, house.now).await, Ok(refused));
    // A gateway under a centre neither issues nor redeems.
    let local = house.order(&purse, 1, "local");
    let refused = house.ledger(B).load(local, house.now).await.unwrap_err();
    assert_eq!(refused, Status::NotPermitted);
    house.assert_settled().await;
}

#[tokio::test]
async fn what_goes_back_to_a_payer_that_moved_follows_it() {
    let mut house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let signed = payer.pay(&payee.code, 300);
    house.hand_in(A, &signed, None).await.unwrap();
    let order = house.moves(&payer, A, B, 2);
    house
        .ledger(A)
        .move_home(&order, &[], house.now)
        .await
        .unwrap();
    house.calm().await;
    assert_eq!(held(house.ledger(B), &payer).await, (0, 0));
    house.now = house
        .now
        .plus_s(crate::support::LIFE_S + crate::support::GRACE_S + 1);
    house.calm().await;
    let returned = house.ledger(A).return_overdue(house.now, 9).await.unwrap();
    assert_eq!(returned.0, 1);
    house.calm().await;
    assert_eq!(held(house.ledger(B), &payer).await, (1_000, 0));
    assert_eq!(held(house.ledger(A), &payer).await, (0, 0));
    house.assert_settled().await;
}

#[tokio::test]
async fn steps_of_a_credit_that_overtake_each_other_are_all_taken() {
    let house = House::new().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    let stream = payer.stream(&payee.code, 10, 10);
    let claims = async |units| {
        let (evidence, released) = (stream.evidence(), stream.released(units));
        let claimed = house
            .ledger(A)
            .claim_units(evidence, released, None, house.now);
        claimed.await.unwrap();
        house.carry(A, CENTRE).await;
    };
    // The first step waits for B, which the payee leaves; the second goes where the payee is then.
    claims(3).await;
    let order = house.moves(&payee, B, CENTRE, 2);
    let left = house.ledger(B).move_home(&order, &[], house.now);
    left.await.unwrap();
    house.carry(B, CENTRE).await;
    claims(5).await;
    assert_eq!(held(house.ledger(CENTRE), &payee).await, (20, 0));
    house.calm().await;
    assert_eq!(held(house.ledger(CENTRE), &payee).await, (50, 0));
    house.assert_settled().await;
}
