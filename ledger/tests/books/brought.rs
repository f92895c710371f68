//! What somebody else proved: kept if it holds, and nothing else is.

use crate::support::*;
use ledger::views::Page;
use ledger::{Accusation, Ledger, ThingState};
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::Void;
use protocol::rules::proof::Charge;
use protocol::{Code, KeyEpoch, Sequence, Status};

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut out = vec![0; MESSAGE_MAX];
    let len = message.write(&mut out).unwrap();
    out.truncate(len);
    out
}

/// A void and a payment inside it, proven by whoever saw both.
fn broken_word(world: &World, payer: &mut Purse, payee: &Code) -> Vec<u8> {
    let payment = payer.pay(payee, 5);
    let void = Void {
        code: payer.code,
        key_epoch: KeyEpoch(1),
        first: Sequence(1),
        last: Sequence(u32::MAX),
        time: NOW,
    };
    let (void, _) = sealed(&void, &payer.key());
    let bearings = world.bearings();
    written(&Message::Accusation {
        how: Charge::Void as u8,
        credentials: [
            Some(&bearings.issuer_pass),
            Some(&bearings.gateway_pass),
            None,
        ],
        objects: [
            Some(&payment.allowance),
            Some(&payment.payment),
            Some(&void),
            None,
            None,
            None,
        ],
    })
}

async fn cases(ledger: &Ledger) -> usize {
    let page = Page::first(200);
    ledger.accusation_cases(&page).await.unwrap().rows.len()
}

#[tokio::test]
async fn a_proof_that_somebody_brings_is_kept_once_and_freezes_the_code() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let proof = broken_word(&world, &mut payer, &payee.code);
    for _ in 0..2 {
        let accusation = Accusation::check(&world.trust, &proof).unwrap();
        assert_eq!(accusation.verdict().code, payer.code);
        ledger.accuse(accusation, NOW).await.unwrap();
        assert_eq!(cases(&ledger).await, 1);
    }
    let thing = ledger.thing(&payer.code).await.unwrap().unwrap();
    assert_eq!(thing.state, ThingState::Frozen);
    let row = &ledger.accusation_cases(&Page::first(9)).await.unwrap().rows[0];
    assert_eq!(row.charge, Charge::Void);
    let kept = ledger.accusation_proof(row.number).await.unwrap();
    assert_eq!(kept, Some(proof));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_proof_with_a_byte_changed_accuses_nobody() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let proof = broken_word(&world, &mut payer, &payee.code);
    for place in 0..proof.len() {
        let mut changed = proof.clone();
        changed[place] ^= 1;
        assert!(
            Accusation::check(&world.trust, &changed).is_err(),
            "{place}"
        );
    }
}

#[tokio::test]
async fn two_proofs_swapped_are_one_case() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let mut copy = payer.clone();
    let (first, second) = (payer.pay(&payee.code, 5), copy.pay(&payee.code, 6));
    let bearings = world.bearings();
    let message = |a: &Signed, b: &Signed| {
        written(&Message::Proof {
            issuer: &bearings.issuer_pass,
            gateway: &bearings.gateway_pass,
            allowances: [&a.allowance, &b.allowance],
            payments: [&a.payment, &b.payment],
        })
    };
    for proof in [message(&first, &second), message(&second, &first)] {
        let accusation = Accusation::check(&world.trust, &proof).unwrap();
        assert_eq!(accusation.verdict().charge, Charge::Payments);
        ledger.accuse(accusation, NOW).await.unwrap();
        assert_eq!(cases(&ledger).await, 1);
    }
}

#[tokio::test]
async fn whoever_forks_at_will_fills_no_books() {
    let (_folder, world, ledger) = house().await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    for _ in 0..=ledger::bounds::ACCUSATIONS_MOST {
        let proof = broken_word(&world, &mut payer, &payee.code);
        let accusation = Accusation::check(&world.trust, &proof).unwrap();
        ledger.accuse(accusation, NOW).await.unwrap();
    }
    let kept = cases(&ledger).await as u64;
    assert_eq!(kept, ledger::bounds::ACCUSATIONS_MOST);
    // Its payments are paid as before.
    let payment = payer.pay(&payee.code, 5);
    let answer = ledger.hand_in(payment.evidence(), None, NOW).await.unwrap();
    assert_eq!(world.outcome(&answer), Status::InTransit);
}
