//! Money that is spent before it is settled.

use crate::support::*;
use ledger::{CoveredEvidence, Ledger};
use proptest::prelude::*;
use protocol::{Status, Timestamp};

/// Seconds after which nothing is pending any more.
const OVER: Timestamp = NOW.plus_s(LIFE_S + GRACE_S);

/// Three purses; the first has 1,000 behind an allowance, the second 100, the third nothing.
struct Three {
    _folder: tempfile::TempDir,
    world: World,
    ledger: Ledger,
    a: Purse,
    b: Purse,
    c: Purse,
}

async fn three() -> Three {
    let (_folder, world, ledger) = house().await;
    let mut purses = Vec::new();
    for (seed, minor) in [(31, 1_000), (32, 100), (33, 0)] {
        let mut purse = Purse::register(&ledger, &world, seed).await;
        if minor > 0 {
            let load = order(&purse, minor, &seed.to_string());
            ledger.load(load, NOW).await.unwrap();
            purse.renew(&ledger, minor, NOW).await;
        }
        purses.push(purse);
    }
    let [a, b, c] = purses.try_into().ok().unwrap();
    Three {
        _folder,
        world,
        ledger,
        a,
        b,
        c,
    }
}

impl Three {
    async fn claim(&self, covered: &CoveredEvidence, payment: &Signed, payee: &Purse) -> Status {
        let receipt = payee.receipt(payment);
        let answer = self
            .ledger
            .hand_in_covered(covered.clone(), Some(receipt), NOW)
            .await
            .unwrap();
        self.world.outcome(&answer)
    }

    async fn held(&self) -> [(u64, u64); 3] {
        [
            held(&self.ledger, &self.a).await,
            held(&self.ledger, &self.b).await,
            held(&self.ledger, &self.c).await,
        ]
    }
}

#[tokio::test]
async fn handing_in_a_payment_hands_in_its_covers() {
    let mut t = three().await;
    let cover = t.a.pay_for(&t.b, 300);
    let payment = t.b.pay_covered(&t.c.code, 250, &[&cover]);
    let covered = covered(&[(&cover, &[]), (&payment, &[0])]).unwrap();
    assert_eq!(t.claim(&covered, &payment, &t.c).await, Status::Settled);
    // What the cover brought and the payment did not take stands behind the allowance it names.
    assert_eq!(t.held().await, [(0, 700), (0, 150), (250, 0)]);
    // Nobody had to sign a receipt for the cover: spending it on says the same.
    let alone = t
        .ledger
        .hand_in(cover.evidence(), Some(t.b.receipt(&cover)), NOW);
    assert_eq!(t.world.outcome(&alone.await.unwrap()), Status::Settled);
    let head = t.ledger.journal().await.unwrap();
    assert_eq!(t.claim(&covered, &payment, &t.c).await, Status::Settled);
    assert_eq!(t.ledger.journal().await.unwrap(), head);
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn a_purse_that_holds_nothing_spends_what_it_is_paid_before_it_is_settled() {
    let mut t = three().await;
    let given = t.c.renew(&t.ledger, 10, NOW).await;
    assert_eq!((given.limit, given.base_odometer), Default::default());
    assert_eq!(given.issued_total.get(), 1_100, "it takes no float");
    let head = t.ledger.journal().await.unwrap();
    let again = t.c.renewal(usd(), 10, NOW);
    t.ledger.renew(again, NOW).await.unwrap();
    assert_eq!(t.ledger.journal().await.unwrap(), head, "the same request");

    let cover = t.a.pay_for(&t.c, 300);
    let payment = t.c.pay_covered(&t.b.code, 250, &[&cover]);
    let covered = covered(&[(&cover, &[]), (&payment, &[0])]).unwrap();
    assert_eq!(t.claim(&covered, &payment, &t.b).await, Status::Settled);
    assert_eq!(t.held().await, [(0, 700), (250, 100), (0, 50)]);
    // What is left of it is money like any other.
    let given = t.c.renew(&t.ledger, 100, NOW.plus_s(1)).await;
    assert_eq!((given.base_odometer.get(), given.limit.get()), (250, 300));
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn money_that_a_cover_brought_cannot_be_withdrawn_before_its_allowance_lapses() {
    let t = &mut three().await;
    let cover = t.a.pay_for(&t.b, 300);
    let receipt = t.b.receipt(&cover);
    t.ledger
        .hand_in(cover.evidence(), Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(held(&t.ledger, &t.b).await, (0, 400));
    let out = t.ledger.redeem(order(&t.b, 1, "out"), NOW).await;
    assert_eq!(out.unwrap_err(), Status::NotFunded);
    // It can be given out again at once: a limit is a reading.
    let given = t.b.renew(&t.ledger, 1_000, NOW.plus_s(1)).await;
    assert_eq!((given.base_odometer.get(), given.limit.get()), (0, 400));
    assert_eq!(held(&t.ledger, &t.b).await, (0, 400));
    t.ledger
        .redeem(order(&t.b, 400, "later"), OVER.plus_s(1))
        .await
        .unwrap();
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn a_payment_whose_cover_forked_waits_and_ends_with_what_there_is() {
    let t = &mut three().await;
    let mut clone = t.a.clone();
    let stands = t.a.pay(&t.c.code, 900);
    t.ledger
        .hand_in(stands.evidence(), Some(t.c.receipt(&stands)), NOW)
        .await
        .unwrap();
    let cover = clone.pay_for(&t.b, 300);
    let payment = t.b.pay_covered(&t.c.code, 250, &[&cover]);
    let covered = covered(&[(&cover, &[]), (&payment, &[0])]).unwrap();
    let claim = t
        .ledger
        .hand_in_covered(covered.clone(), Some(t.c.receipt(&payment)), NOW)
        .await
        .unwrap();
    let said = t.world.statement(&claim.message);
    assert_eq!(said.outcome, Status::WaitingForCover as u32);
    assert_eq!(said.paid, Some(amount(100)));
    assert!(claim.fraud.is_some());
    assert_eq!(t.held().await, [(0, 100), (0, 0), (1_000, 0)]);

    t.ledger.return_overdue(OVER.minus_s(1), 9).await.unwrap();
    assert_eq!(
        t.claim(&covered, &payment, &t.c).await,
        Status::WaitingForCover
    );
    t.ledger.return_overdue(OVER, 9).await.unwrap();
    let again = t
        .ledger
        .hand_in_covered(covered, Some(t.c.receipt(&payment)), OVER)
        .await
        .unwrap();
    let said = t.world.statement(&again.message);
    assert_eq!(
        (said.outcome, said.paid),
        (Status::Settled as u32, Some(amount(100)))
    );
    assert_eq!(t.held().await, [(0, 100), (0, 0), (1_000, 0)]);
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn the_answer_knows_what_the_same_commit_has_paid_on() {
    let t = &mut three().await;
    let mut forker = Purse::register(&t.ledger, &t.world, 34).await;
    let load = order(&forker, 50, "d");
    t.ledger.load(load, NOW).await.unwrap();
    forker.renew(&t.ledger, 50, NOW).await;
    let mut clone = forker.clone();
    let stands = forker.pay(&t.c.code, 50);
    let receipt = Some(t.c.receipt(&stands));
    t.ledger
        .hand_in(stands.evidence(), receipt, NOW)
        .await
        .unwrap();
    // The first stands on a cover that forked; the second on the first, and it covers that.
    let forked = clone.pay_for(&t.a, 50);
    let first = t.a.pay_covered_for(&t.b, 1_020, &[&forked]);
    let second = t.b.pay_covered_for(&t.a, 1_110, &[&first]);
    let items = [(&forked, &[][..]), (&first, &[0]), (&second, &[1])];
    let covered = covered(&items).unwrap();
    let hand_in = || {
        let receipt = Some(t.a.receipt(&second));
        t.ledger.hand_in_covered(covered.clone(), receipt, NOW)
    };
    let answer = hand_in().await.unwrap();
    assert_eq!(t.world.outcome(&answer), Status::Settled);
    assert!(answer.fraud.is_some());
    assert_eq!(hand_in().await.unwrap().message, answer.message);
    let inbox = t.ledger.inbox(&t.b.code, 0, 99).await.unwrap();
    assert_eq!(inbox.last().unwrap().bytes, answer.message);
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn a_waiting_payment_is_paid_as_credits_arrive_down_the_whole_chain() {
    let t = &mut three().await;
    let mut clone = t.a.clone();
    let stands = t.a.pay(&t.c.code, 1);
    t.ledger
        .hand_in(stands.evidence(), None, NOW)
        .await
        .unwrap();
    // The first cover contradicts what stands; another payment to the same allowance comes later.
    let cover = clone.pay_for(&t.b, 300);
    let mut d = Purse::register(&t.ledger, &t.world, 34).await;
    let first = t.b.pay_covered(&d.code, 200, &[&cover]);
    let load = order(&d, 50, "d");
    t.ledger.load(load, NOW).await.unwrap();
    d.renew(&t.ledger, 50, NOW).await;
    // `first` names no allowance of d, so it lifts nothing; d spends what it has.
    let claimed = covered(&[(&cover, &[]), (&first, &[0])]).unwrap();
    assert_eq!(t.claim(&claimed, &first, &d).await, Status::WaitingForCover);
    assert_eq!(held(&t.ledger, &d).await, (100, 50));
    for (minor, expected) in [(60, (160, 50)), (60, (200, 50))] {
        let late = t.a.pay_for(&t.b, minor);
        t.ledger
            .hand_in(late.evidence(), Some(t.b.receipt(&late)), NOW)
            .await
            .unwrap();
        assert_eq!(held(&t.ledger, &d).await, expected);
    }
    assert_eq!(held(&t.ledger, &t.b).await, (0, 20));
    assert_eq!(t.claim(&claimed, &first, &d).await, Status::Settled);
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn units_of_a_stream_cover_and_the_stream_goes_on() {
    let t = &mut three().await;
    let stream = t.a.stream_for(&t.b, 10, 30);
    let payment = t.b.pay_covered_by_units(&t.c.code, 220, &[(&stream, 12)]);
    let items = [(&stream, &[][..]), (&payment, &[0])];
    let covered = covered_with(&items, &[Some(12), None]).unwrap();
    assert_eq!(t.claim(&covered, &payment, &t.c).await, Status::Settled);
    assert_eq!(t.held().await, [(0, 700), (0, 0), (220, 0)]);
    let more = t
        .ledger
        .claim_units(stream.evidence(), stream.released(20), None, NOW)
        .await
        .unwrap();
    assert_eq!(t.world.statement(&more.message).units, Some(20));
    assert_eq!(held(&t.ledger, &t.b).await, (0, 80));
    // Fewer than it spent on is a contradiction; as many or more is not.
    let fewer = t.ledger.claim_units(
        stream.evidence(),
        stream.released(20),
        Some(t.b.close(&stream, 11)),
        NOW,
    );
    assert_eq!(fewer.await.unwrap_err(), Status::Contradiction);
    assert_sound(&t.ledger).await;
}

#[tokio::test]
async fn a_decline_of_a_payment_that_was_spent_on_is_proven_against_its_payee() {
    for decline_first in [true, false] {
        let t = &mut three().await;
        let cover = t.a.pay_for(&t.b, 300);
        let payment = t.b.pay_covered(&t.c.code, 250, &[&cover]);
        let covered = covered(&[(&cover, &[]), (&payment, &[0])]).unwrap();
        let decline = || {
            t.ledger
                .hand_in(cover.evidence(), Some(t.b.decline(&cover)), NOW)
        };
        if decline_first {
            assert_eq!(t.world.outcome(&decline().await.unwrap()), Status::Declined);
            let waits = t.claim(&covered, &payment, &t.c).await;
            assert_eq!(waits, Status::WaitingForCover);
            assert_eq!(t.held().await, [(300, 700), (0, 0), (100, 0)]);
        } else {
            assert_eq!(t.claim(&covered, &payment, &t.c).await, Status::Settled);
            assert_eq!(decline().await.unwrap_err(), Status::Contradiction);
            assert_eq!(t.held().await, [(0, 700), (0, 150), (250, 0)]);
        }
        let accused = t
            .ledger
            .accusation_cases(&ledger::views::Page::first(9))
            .await
            .unwrap()
            .rows;
        assert_eq!(accused.len(), 1);
        let proof = t
            .ledger
            .accusation_proof(accused[0].number)
            .await
            .unwrap()
            .unwrap();
        let verdict = protocol::rules::proof::judge(&t.world.trust, &proof).unwrap();
        assert_eq!(verdict.code, t.b.code);
        assert_eq!(
            verdict.charge,
            protocol::rules::proof::Charge::DeclinedCover
        );
        let thing = t.ledger.thing(&t.b.code).await.unwrap().unwrap();
        assert_eq!(thing.state, ledger::ThingState::Frozen);
        assert_sound(&t.ledger).await;
    }
}

#[tokio::test]
async fn a_covered_payment_in_transit_returns_and_its_cover_stays_with_its_payee() {
    let t = &mut three().await;
    let cover = t.a.pay_for(&t.b, 300);
    let payment = t.b.pay_covered(&t.c.code, 250, &[&cover]);
    let items = covered(&[(&cover, &[]), (&payment, &[0])]).unwrap();
    let alone = t
        .ledger
        .hand_in_covered(items.clone(), None, NOW)
        .await
        .unwrap();
    assert_eq!(t.world.outcome(&alone), Status::InTransit);
    assert_eq!(alone.told, [t.a.code, t.b.code, t.c.code]);
    let waiting = t.ledger.inbox(&t.c.code, 0, 9).await.unwrap();
    let expected = protocol::message::Message::Covered {
        items: items.bytes(),
        receipt: None,
    };
    assert_eq!(
        protocol::message::Message::read(&waiting[0].bytes).unwrap(),
        expected
    );
    t.ledger.return_overdue(OVER, 9).await.unwrap();
    assert_eq!(t.held().await, [(0, 700), (250, 150), (0, 0)]);
    assert_sound(&t.ledger).await;
}

/// How money travels in the test below: who pays whom, by what, and what covers it.
struct Travel {
    payments: Vec<(Signed, Option<CoveredEvidence>, usize)>,
    purses: Vec<Purse>,
}

/// a pays b twice, b pays c on both, c pays d on that; and d pays a little back.
async fn travel(ledger: &Ledger, world: &World) -> Travel {
    let mut purses = Vec::new();
    for (seed, minor) in [(41u8, 500), (42, 40), (43, 30), (44, 20)] {
        let mut purse = Purse::register(ledger, world, seed).await;
        ledger
            .load(order(&purse, minor, &seed.to_string()), NOW)
            .await
            .unwrap();
        purse.renew(ledger, minor, NOW).await;
        purses.push(purse);
    }
    let [a, b, c, d] = &mut purses[..] else {
        unreachable!()
    };
    let ab = [a.pay_for(b, 60), a.pay_for(b, 70)];
    let small = b.pay_for(c, 25);
    let bc = b.pay_covered_for(c, 100, &[&ab[0], &ab[1]]);
    let cd = c.pay_covered_for(d, 120, &[&bc]);
    let back = d.pay_covered(&a.code, 90, &[&cd]);
    let cover_b: [(&Signed, &[usize]); 3] = [(&ab[0], &[]), (&ab[1], &[]), (&bc, &[0, 1])];
    let cover_c: Vec<(&Signed, &[usize])> = cover_b
        .iter()
        .copied()
        .chain([(&cd, &[2usize][..])])
        .collect();
    let cover_d: Vec<(&Signed, &[usize])> = cover_c
        .iter()
        .copied()
        .chain([(&back, &[3usize][..])])
        .collect();
    let evidences = [&cover_b[..], &cover_c, &cover_d].map(|items| covered(items).unwrap());
    let [with_b, with_c, with_d] = evidences;
    let [ab0, ab1] = ab;
    Travel {
        payments: vec![
            (ab0, None, 1),
            (ab1, None, 1),
            (small, None, 2),
            (bc, Some(with_b), 2),
            (cd, Some(with_c), 3),
            (back, Some(with_d), 0),
        ],
        purses,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_hand_in_changes_a_final_balance(
        order in prop::collection::vec((0..6usize, any::<bool>()), 0..18),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, world, ledger) = house().await;
            let Travel { payments, purses } = travel(&ledger, &world).await;
            let all = (0..6).map(|which| (which, true));
            for (which, claims) in order.into_iter().chain(all) {
                let (signed, items, payee) = &payments[which];
                let receipt = claims.then(|| purses[*payee].receipt(signed));
                let answer = match items {
                    Some(items) => ledger.hand_in_covered(items.clone(), receipt, NOW).await,
                    None => ledger.hand_in(signed.evidence(), receipt, NOW).await,
                };
                let outcome = world.outcome(&answer.unwrap());
                assert!(matches!(outcome, Status::Settled | Status::InTransit), "{outcome}");
            }
            let mut ends = Vec::new();
            for purse in &purses {
                ends.push(held(&ledger, purse).await);
            }
            assert_eq!(ends, [(90, 370), (0, 45), (0, 35), (0, 50)]);
            assert_sound(&ledger).await;
        });
    }
}
