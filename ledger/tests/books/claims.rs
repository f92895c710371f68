//! Who bears what a fork left short.

use crate::support::*;
use ledger::views::Page;
use ledger::{ClaimOrder, ClassTerms, CoveredEvidence, Fund, FundOrder, Ledger, Way};
use protocol::objects::ClaimNote;
use protocol::{Code, Digest, Signer, Status};

pub(crate) fn into(fund: Fund, minor: u64, key: &str) -> FundOrder {
    FundOrder {
        fund,
        currency: usd(),
        amount: amount(minor),
        key: key.into(),
        by: "treasurer".into(),
    }
}

pub(crate) fn about(payment: Digest, key: &str) -> ClaimOrder {
    ClaimOrder {
        payment,
        key: key.into(),
        by: "operator".into(),
    }
}

/// A house that guarantees 400 for each allowance.
pub(crate) async fn guaranteeing() -> (tempfile::TempDir, World, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path());
    let mut bearings = world.bearings();
    bearings.policy.usual = [ClassTerms {
        hops: 3,
        guarantee: amount(400),
        ..ClassTerms::offline(amount(CLASS_LIMIT), amount(MOST_PER_PAYMENT))
    }; 3];
    let ledger = Ledger::open(&world.path, bearings).await.unwrap();
    declare(&ledger).await;
    (folder, world, ledger)
}

pub(crate) async fn owned_by(ledger: &Ledger, purse: &Purse, owner: &Code, enrolled: bool) {
    ledger
        .set_owner(&purse.code, owner, "op", NOW)
        .await
        .unwrap();
    if enrolled {
        ledger
            .enrol_owner(owner, "An owner", "op", NOW)
            .await
            .unwrap();
    }
}

/// A deposit of 150, a bond of 200 and a fund of 5,000 for guarantees.
pub(crate) async fn put_behind_forks(ledger: &Ledger, forker: &Purse) {
    for (fund, minor, key) in [
        (Fund::Deposit(forker.code), 150, "deposit"),
        (Fund::Bond, 200, "bond"),
        (Fund::Guarantee, 5_000, "guarantee"),
    ] {
        ledger
            .fund(into(fund, minor, key), Way::Load, NOW)
            .await
            .unwrap();
    }
}

/// The payer forks: the first branch stands, the second moved nothing.
pub(crate) async fn forked(
    ledger: &Ledger,
    payer: &mut Purse,
    first: &Purse,
    second: &Purse,
) -> Signed {
    let mut clone = payer.clone();
    let stands = payer.pay(&first.code, 500);
    let claim = clone.pay(&second.code, 900);
    for (payment, payee) in [(&stands, first), (&claim, second)] {
        let receipt = payee.receipt(payment);
        ledger
            .hand_in(payment.evidence(), Some(receipt), NOW)
            .await
            .unwrap();
    }
    claim
}

#[tokio::test]
async fn a_claim_runs_down_purse_deposit_bond_and_guarantee_once() {
    let (_folder, world, ledger) = guaranteeing().await;
    let (mut payer, first) = pair(&ledger, &world, 1_000).await;
    let second = Purse::register(&ledger, &world, 13).await;
    owned_by(&ledger, &second, &world.gateway, true).await;
    ledger.load(order(&payer, 100, "free"), NOW).await.unwrap();
    put_behind_forks(&ledger, &payer).await;
    let claim = forked(&ledger, &mut payer, &first, &second).await;
    let open = ledger.claims(&Page::first(9)).await.unwrap().rows;
    let newest = (open.len(), open[0].payment, open[0].claimed);
    assert_eq!(newest, (1, claim.id, Some(NOW)));
    let detail = ledger.payment(&claim.id).await.unwrap().unwrap();
    let note = detail.claim_note.unwrap();
    let note = protocol::cose::open::<ClaimNote>(&note, &network()).unwrap();
    let note = *note.verify(&world.gateway_key.public_key()).unwrap().get();
    assert_eq!(
        (note.payment, note.time, note.covers),
        (claim.id, NOW, None)
    );
    let nobodys = about(Digest([9; 32]), "another key");
    let refused = ledger.decide_claim(nobodys, NOW).await;
    assert_eq!(refused, Err(Status::NotPermitted));
    let decided = ledger
        .decide_claim(about(claim.id, "k"), NOW)
        .await
        .unwrap();
    let given = decided.given;
    let parts = [given.purse, given.deposit, given.bond, given.guarantee];
    assert_eq!(parts.map(|part| part.get()), [100, 150, 200, 400]);
    assert_eq!(decided.missing.get(), 900);
    assert_eq!(held(&ledger, &second).await, (850, 0));
    let answer = ledger
        .hand_in(claim.evidence(), Some(second.receipt(&claim)), NOW)
        .await;
    let said = world.statement(&answer.unwrap().message);
    assert_eq!(
        (said.outcome, said.paid),
        (Status::Guaranteed as u32, Some(amount(850)))
    );
    // The same order is the same decision; another one finds it decided.
    let again = ledger
        .decide_claim(about(claim.id, "k"), NOW.plus_s(9))
        .await
        .unwrap();
    assert_eq!(again, decided);
    let other = ledger.decide_claim(about(claim.id, "l"), NOW).await;
    assert_eq!(other.unwrap_err(), Status::NotPermitted);
    assert_eq!(ledger.decisions(&claim.id).await.unwrap(), [decided]);
    ledger
        .fund(into(Fund::Guarantee, 4_600, "out"), Way::Redeem, NOW)
        .await
        .unwrap();
    let empty = ledger
        .fund(into(Fund::Guarantee, 1, "more"), Way::Redeem, NOW)
        .await;
    assert_eq!(empty.unwrap_err(), Status::NotFunded);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn guarantees_go_to_enrolled_owners_who_are_not_the_forkers_and_claimed_in_time() {
    for (owner, enrolled, own, late, expected) in [
        (1, true, false, false, 400),
        (1, false, false, false, 0),
        (1, true, true, false, 0),
        (1, true, false, true, 0),
    ] {
        let (_folder, world, ledger) = guaranteeing().await;
        let (mut payer, first) = pair(&ledger, &world, 1_000).await;
        let second = Purse::register(&ledger, &world, 13).await;
        let owners = [first.code, second.code];
        owned_by(&ledger, &second, &owners[owner], enrolled).await;
        if own {
            owned_by(&ledger, &payer, &owners[owner], false).await;
        }
        ledger
            .fund(into(Fund::Guarantee, 5_000, "g"), Way::Load, NOW)
            .await
            .unwrap();
        let mut clone = payer.clone();
        let stands = payer.pay(&first.code, 500);
        ledger.hand_in(stands.evidence(), None, NOW).await.unwrap();
        let claim = clone.pay(&second.code, 900);
        let when = if late { NOW.plus_s(LIFE_S + 1) } else { NOW };
        let receipt = second.receipt(&claim);
        ledger
            .hand_in(claim.evidence(), Some(receipt), when)
            .await
            .unwrap();
        let decided = ledger
            .decide_claim(about(claim.id, "k"), when)
            .await
            .unwrap();
        assert_eq!(
            decided.given.guarantee.get(),
            expected,
            "{enrolled} {own} {late}"
        );
        assert_sound(&ledger).await;
    }
}

#[tokio::test]
async fn many_branches_at_codes_of_one_owner_are_guaranteed_as_one() {
    let (_folder, world, ledger) = guaranteeing().await;
    let (payer, first) = pair(&ledger, &world, 300).await;
    ledger
        .fund(into(Fund::Guarantee, 5_000, "g"), Way::Load, NOW)
        .await
        .unwrap();
    let stands = payer.clone().pay(&first.code, 300);
    ledger
        .hand_in(stands.evidence(), Some(first.receipt(&stands)), NOW)
        .await
        .unwrap();
    let mut given = Vec::new();
    for seed in 13..16 {
        let payee = Purse::register(&ledger, &world, seed).await;
        owned_by(&ledger, &payee, &world.gateway, true).await;
        let claim = payer.clone().pay(&payee.code, 200);
        ledger
            .hand_in(claim.evidence(), Some(payee.receipt(&claim)), NOW)
            .await
            .unwrap();
        let order = about(claim.id, &seed.to_string());
        let decided = ledger.decide_claim(order, NOW).await.unwrap();
        given.push(decided.given.guarantee.get());
    }
    // The owner could have lost no more than the allowance had: 300.
    assert_eq!(given, [200, 100, 0]);
    assert_sound(&ledger).await;
}

/// a forks; its losing branch covers what b pays c, which covers what c pays d.
async fn chain(ledger: &Ledger, world: &World) -> (Vec<Purse>, [Signed; 3], CoveredEvidence) {
    let mut purses = Vec::new();
    for (seed, minor) in [(41u8, 500), (42, 40), (43, 30), (44, 0)] {
        let mut purse = Purse::register(ledger, world, seed).await;
        if minor > 0 {
            let load = order(&purse, minor, &seed.to_string());
            ledger.load(load, NOW).await.unwrap();
            purse.renew(ledger, minor, NOW).await;
        }
        owned_by(ledger, &purse, &purse.code, true).await;
        purses.push(purse);
    }
    let other = Purse::register(ledger, world, 45).await;
    let [a, b, c, d] = &mut purses[..] else {
        unreachable!()
    };
    let mut clone = a.clone();
    let stands = a.pay(&other.code, 500);
    ledger
        .hand_in(stands.evidence(), Some(other.receipt(&stands)), NOW)
        .await
        .unwrap();
    let ab = clone.pay_for(b, 200);
    let bc = b.pay_covered_for(c, 180, &[&ab]);
    let cd = c.pay_covered(&d.code, 110, &[&bc]);
    let items = covered(&[(&ab, &[]), (&bc, &[0]), (&cd, &[1])]).unwrap();
    (purses, [ab, bc, cd], items)
}

#[tokio::test]
async fn what_a_forked_cover_left_short_is_made_good_where_it_is_missing() {
    let (_folder, world, ledger) = guaranteeing().await;
    ledger
        .fund(into(Fund::Guarantee, 5_000, "g"), Way::Load, NOW)
        .await
        .unwrap();
    let (purses, [ab, bc, cd], items) = chain(&ledger, &world).await;
    let receipt = purses[3].receipt(&cd);
    let claim = ledger
        .hand_in_covered(items, Some(receipt), NOW)
        .await
        .unwrap();
    let said = world.statement(&claim.message);
    // c held 30 and b paid it 40 of 180.
    assert_eq!(
        (said.outcome, said.paid),
        (Status::WaitingForCover as u32, Some(amount(70)))
    );
    for payment in [&bc, &cd] {
        let order = about(payment.id, &payment.id.to_string());
        let waiting = ledger.decide_claim(order, NOW).await;
        assert!(waiting.is_err());
    }
    let over = NOW.plus_s(LIFE_S + GRACE_S);
    ledger.return_overdue(over, 9).await.unwrap();
    let early = ledger.decide_claim(about(cd.id, "cd"), over).await;
    assert_eq!(early.unwrap_err(), Status::WrongCover);
    let decided = ledger.decide_claim(about(ab.id, "ab"), over).await.unwrap();
    assert_eq!(
        (decided.missing.get(), decided.given.guarantee.get()),
        (200, 200)
    );
    // d lacked 40; c lacked 140 and owed 40 of them; b lacked 200 and owed 140 of them.
    let mut ends = Vec::new();
    for purse in &purses {
        let (free, reserved) = held(&ledger, purse).await;
        ends.push(free + reserved);
    }
    assert_eq!(ends, [0, 60, 100, 110]);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn what_is_made_good_carries_a_payment_that_nobody_has_claimed_yet() {
    let (_folder, world, ledger) = guaranteeing().await;
    ledger
        .fund(into(Fund::Guarantee, 5_000, "g"), Way::Load, NOW)
        .await
        .unwrap();
    let (purses, [ab, bc, _], _) = chain(&ledger, &world).await;
    let items = covered(&[(&ab, &[]), (&bc, &[0])]).unwrap();
    let shown = ledger
        .hand_in_covered(items.clone(), None, NOW)
        .await
        .unwrap();
    assert_eq!(world.outcome(&shown), Status::InTransit);
    ledger.decide_claim(about(ab.id, "ab"), NOW).await.unwrap();
    let receipt = purses[2].receipt(&bc);
    let claim = ledger
        .hand_in_covered(items, Some(receipt), NOW)
        .await
        .unwrap();
    assert_eq!(world.outcome(&claim), Status::Settled);
    let mut ends = Vec::new();
    for purse in &purses[1..3] {
        let (free, reserved) = held(&ledger, purse).await;
        ends.push(free + reserved);
    }
    // b had 40 and 200 of a's, and paid c 180.
    assert_eq!(ends, [60, 210]);
    assert_sound(&ledger).await;
}
