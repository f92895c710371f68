//! A process that dies at any durable step of the federation loses nothing and doubles nothing: after
//! a restart everything is sent again, and the balances in all books are those of a run that nobody
//! interrupted.

use crate::deaths;
use crate::house::*;
use crate::support::*;
use ledger::CrashPoint;
use std::fmt::Write;

/// How often a step is let pass, at most, before the process dies at it.
const PASSES_MOST: u32 = 2;

#[test]
fn a_crash_among_gateways_loses_nothing_and_doubles_nothing() {
    deaths::at_every_step("crash::scenario_child", CrashPoint::FEDERATION, PASSES_MOST);
}

#[tokio::test]
async fn scenario_child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let folder = folder.as_path();
    let mut house = House::within(folder).await;
    let purses = scenario(&mut house).await;
    let mut said = String::new();
    for purse in &purses {
        for office in [CENTRE, A, B] {
            let held = held(house.ledger(office), purse).await;
            writeln!(said, "{} at {office}: {held:?}", purse.seed).unwrap();
        }
    }
    house.assert_settled().await;
    assert_nothing_waits(&house).await;
    for office in &house.offices {
        office.ledger.close().await;
    }
    deaths::write_outcome(folder, &said);
}

/// Every step of the federation at least once, each carried to its end before the next.
async fn scenario(house: &mut House) -> Vec<Purse> {
    house.calm().await;
    let mut payer = house.payer(A, 11, 1_000).await;
    let payee = house.payee(B, 12).await;
    // Paid by credit, relayed, and withdrawn.
    let first = payer.pay(&payee.code, 300);
    let _ = house.hand_in(A, &first, None).await;
    house.calm().await;
    let _ = house.hand_in(B, &first, Some(&payee)).await;
    house.calm().await;
    let order = house.order(&payee, 50, "out");
    house
        .ledger(CENTRE)
        .withdraw(order, house.now)
        .await
        .unwrap();
    house.calm().await;
    // The payer moves; what it left behind follows.
    let order = house.moves(&payer, A, B, 2);
    let _ = house.ledger(A).move_home(&order, &[], house.now).await;
    house.calm().await;
    house.now = house.now.plus_s(LIFE_S + GRACE_S + 1);
    house.calm().await;
    // B settles something that nobody hears of, is lost, and the payee goes on at A.
    let mut payee = payee;
    payee.renew(house.ledger(B), 100, house.now).await;
    let unheard = payee.pay(&payer.code, 60);
    let unseen = payee.pay(&payer.code, 20);
    let _ = house.hand_in(B, &unheard, None).await;
    let order = house.moves(&payee, B, A, 2);
    let pass = sealed_pass(house, &payee);
    let _ = house.ledger(A).move_home(&order, &pass, house.now).await;
    house.exchange(A).await;
    house.now = house.now.plus_s(LEASE_S + GRACE_S + 1);
    for _ in 0..3 {
        house.ledger(CENTRE).sweep(house.now).await.unwrap();
        house.exchange(A).await;
    }
    let _ = house.hand_in(A, &unseen, Some(&payer)).await;
    // And it is back.
    house.calm().await;
    house.calm().await;
    // Started again, the centre has heard of that payment, and B keeps the word on it. Whoever has it,
    // nobody claimed it: it goes back.
    for office in &house.offices {
        office.ledger.return_overdue(house.now, 10).await.unwrap();
    }
    house.calm().await;
    vec![payer, payee]
}

async fn assert_nothing_waits(house: &House) {
    for office in &house.offices {
        for books in office.ledger.conservation().await.unwrap() {
            assert_eq!(books.in_transit, 0, "{}: {books:?}", office.code);
        }
    }
}
