//! Proofs that things bring.

use super::town::{Town, post};
use super::*;
use ledger::ThingState;
use ledger::views::Page;
use protocol::objects::Void;
use protocol::rules::proof::Charge;

/// A payment and a void that contradict each other, as whoever saw both shows them.
fn proof(town: &Town, payer: &Signatory, allowance: &[u8], payee: Code) -> Vec<u8> {
    let payment = payer.payment(allowance, payee, 5);
    let void = Void {
        code: payer.code,
        key_epoch: KeyEpoch(1),
        first: Sequence(1),
        last: Sequence(9),
        time: town.now(),
    };
    let void = signed(&void, &payer.key);
    let authorities = &town.house.authorities;
    message(&Message::Accusation {
        how: Charge::Void as u8,
        credentials: [
            Some(authorities.issuer.pass()),
            Some(authorities.gateway.pass()),
            None,
        ],
        objects: [
            Some(allowance),
            Some(&payment),
            Some(&void),
            None,
            None,
            None,
        ],
    })
}

#[tokio::test]
async fn an_accusation_that_a_neighbour_brings_freezes_whom_it_accuses() {
    let town = Town::new().await;
    let (car, charger) = (town.enrol(1).await, town.enrol(2).await);
    let payer = Signatory::of(&car);
    town.load(payer.code, 1_000).await;
    let grant = ask(&town.desk, None, &payer.renewal(1_000, town.now())).await;
    let allowance = granted(&grant.unwrap());
    let proof = proof(&town, &payer, &allowance, charger.credentials.code);

    let neighbour = town.by_coap(&charger);
    let mut forged = proof.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let answer = post(&neighbour, forged).await;
    assert!(matches!(
        Message::read(&answer.payload),
        Ok(Message::Refusal { .. })
    ));
    let state = async || {
        let thing = town.house.ledger.thing(&payer.code).await.unwrap();
        thing.unwrap().state
    };
    assert_eq!(state().await, ThingState::Active);

    for _ in 0..2 {
        let answer = post(&neighbour, proof.clone()).await;
        assert_eq!(answer.payload, Vec::<u8>::new());
        assert_eq!(state().await, ThingState::Frozen);
    }
    let cases = town.house.ledger.accusation_cases(&Page::first(9)).await;
    assert_eq!(cases.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_proof_against_a_payer_of_another_gateway_is_kept() {
    let town = Town::new().await;
    let village = super::town::Village::under(&town).await;
    let payer = village.enrol(5).await;
    village.carry(&town).await;
    town.load(payer.code, 1_000).await;
    village.carry(&town).await;
    let grant = ask(&village.desk, None, &payer.renewal(1_000, town.now())).await;
    let allowance = granted(&grant.unwrap());
    let payee = town.enrol(1).await.credentials.code;
    let payments = [5, 6].map(|minor| payer.payment(&allowance, payee, minor));
    let proof = message(&Message::Proof {
        issuer: town.house.authorities.issuer.pass(),
        gateway: &village.pass,
        allowances: [&allowance, &allowance],
        payments: [&payments[0], &payments[1]],
    });
    ask(&town.desk, Some(payee), &proof).await.unwrap();
    let kept = town.house.ledger.accusations(&payer.code).await.unwrap();
    assert_eq!(kept, [proof]);
}
