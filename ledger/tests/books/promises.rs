//! Voids and closings: a word that extinguishes nothing, and is held against who breaks it.

use crate::claims::{about, into};
use crate::support::*;
use ledger::views::Page;
use ledger::{ClassTerms, Fund, Ledger, Owned, ThingState, Way};
use protocol::cose::open;
use protocol::objects::{Allowance, Closing, Void};
use protocol::rules::proof::{Charge, judge};
use protocol::{KeyEpoch, Odometer, Sequence, Signer, Status};

fn void(purse: &Purse, first: u32, last: u32) -> Owned<Void> {
    let void = Void {
        code: purse.code,
        key_epoch: KeyEpoch(1),
        first: Sequence(first),
        last: Sequence(last),
        time: NOW,
    };
    let (bytes, _) = sealed(&void, &purse.key());
    let open = open::<Void>(&bytes, &network()).unwrap();
    Owned::from(open.verify(&purse.key().public_key()).unwrap())
}

fn closing(purse: &Purse, sequence: u32, odometer: u64) -> Owned<Closing> {
    let allowance = &purse.allowances[usd().as_bytes()];
    let allowance = open::<Allowance>(allowance, &network()).unwrap();
    let closing = Closing {
        code: purse.code,
        key_epoch: KeyEpoch(1),
        currency: usd(),
        allowance: allowance.id().reference(),
        sequence: Sequence(sequence),
        odometer: Odometer::new(odometer).unwrap(),
        time: NOW,
    };
    let (bytes, _) = sealed(&closing, &purse.key());
    let open = open::<Closing>(&bytes, &network()).unwrap();
    Owned::from(open.verify(&purse.key().public_key()).unwrap())
}

/// The one accusation there is, judged with nothing but the root's key.
async fn accused(world: &World, ledger: &Ledger) -> (protocol::Code, Charge) {
    let rows = ledger.accusation_cases(&Page::first(9)).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    let proof = ledger
        .accusation_proof(rows[0].number)
        .await
        .unwrap()
        .unwrap();
    let verdict = judge(&world.trust, &proof).unwrap();
    (verdict.code, verdict.charge)
}

#[tokio::test]
async fn a_payment_inside_a_void_or_beyond_a_closing_is_paid_and_proven_in_either_order() {
    for (charge, word_first) in [
        (Charge::Void, true),
        (Charge::Void, false),
        (Charge::Closing, true),
        (Charge::Closing, false),
    ] {
        let (_folder, world, ledger) = house().await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let first = payer.pay(&payee.code, 10);
        ledger.hand_in(first.evidence(), None, NOW).await.unwrap();
        let second = payer.pay(&payee.code, 100);
        for turn in [true, false] {
            if turn != word_first {
                let receipt = Some(payee.receipt(&second));
                let answer = ledger
                    .hand_in(second.evidence(), receipt, NOW)
                    .await
                    .unwrap();
                assert_eq!(world.outcome(&answer), Status::Settled);
                continue;
            }
            for _ in 0..2 {
                match charge {
                    Charge::Void => ledger.declare_void(void(&payer, 2, 5), NOW).await.unwrap(),
                    _ => ledger
                        .declare_closing(closing(&payer, 1, 10), NOW)
                        .await
                        .unwrap(),
                }
            }
        }
        assert_eq!(held(&ledger, &payee).await, (100, 0));
        assert_eq!(accused(&world, &ledger).await, (payer.code, charge));
        let thing = ledger.thing(&payer.code).await.unwrap().unwrap();
        assert_eq!(thing.state, ThingState::Frozen);
        assert_sound(&ledger).await;
    }
}

#[tokio::test]
async fn an_honest_word_frees_nothing_early_unless_the_issuer_takes_the_risk() {
    for (early, free) in [(0, 0), (300, 300), (5_000, 900)] {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(folder.path());
        let mut bearings = world.bearings();
        bearings.policy.usual = [ClassTerms {
            early_release: amount(early),
            ..ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
        }; 3];
        let ledger = Ledger::open(&world.path, bearings).await.unwrap();
        declare(&ledger).await;
        let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
        let paid = payer.pay(&payee.code, 100);
        ledger
            .hand_in(paid.evidence(), Some(payee.receipt(&paid)), NOW)
            .await
            .unwrap();
        for _ in 0..2 {
            ledger
                .declare_closing(closing(&payer, 1, 100), NOW)
                .await
                .unwrap();
        }
        ledger.declare_void(void(&payer, 2, 9), NOW).await.unwrap();
        assert_eq!(held(&ledger, &payer).await, (free, 900 - free));
        assert_sound(&ledger).await;
    }
}

#[tokio::test]
async fn what_was_set_free_for_a_broken_word_is_for_the_issuer_to_bear() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    bearings.policy.usual = [ClassTerms {
        early_release: amount(5_000),
        ..ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
    }; 3];
    let ledger = Ledger::open(&world.path, bearings).await.unwrap();
    declare(&ledger).await;
    let (mut payer, payee) = pair(&ledger, &world, 1_000).await;
    let bond = into(Fund::Bond, 500, "bond");
    ledger.fund(bond, Way::Load, NOW).await.unwrap();
    let paid = payer.pay(&payee.code, 400);
    ledger
        .declare_closing(closing(&payer, 0, 0), NOW)
        .await
        .unwrap();
    assert_eq!(held(&ledger, &payer).await, (1_000, 0));
    let out = order(&payer, 900, "out");
    ledger.redeem(out, NOW).await.unwrap();
    for _ in 0..2 {
        let receipt = Some(payee.receipt(&paid));
        let answer = ledger.hand_in(paid.evidence(), receipt, NOW).await.unwrap();
        assert_eq!(world.outcome(&answer), Status::WaitingForCover);
        assert_eq!(held(&ledger, &payee).await, (100, 0));
    }
    assert_eq!(
        accused(&world, &ledger).await,
        (payer.code, Charge::Closing)
    );
    let over = NOW.plus_s(LIFE_S + GRACE_S);
    ledger.return_overdue(over, 9).await.unwrap();
    let decided = ledger
        .decide_claim(about(paid.id, "k"), over)
        .await
        .unwrap();
    assert_eq!(
        (decided.missing.get(), decided.given.bond.get()),
        (300, 300)
    );
    assert_eq!(held(&ledger, &payee).await, (400, 0));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn declarations_that_speak_of_nothing_are_refused() {
    let (_folder, world, ledger) = house().await;
    let (payer, _) = pair(&ledger, &world, 1_000).await;
    let stranger = Purse {
        code: world.gateway,
        ..payer.clone()
    };
    for (declared, status) in [
        (
            ledger.declare_void(void(&stranger, 1, 2), NOW).await,
            Status::UnknownCode,
        ),
        (
            ledger.declare_void(void(&payer, 0, 2), NOW).await,
            Status::Malformed,
        ),
        (
            ledger.declare_void(void(&payer, 3, 2), NOW).await,
            Status::Malformed,
        ),
    ] {
        assert_eq!(declared.unwrap_err(), status);
    }
    assert_sound(&ledger).await;
}
