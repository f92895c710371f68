//! Credentials that are good for longer.

use crate::support::*;
use ledger::{NewCredentials, Thing, ThingState};
use protocol::chain::ActKind;
use protocol::{Digest, Status, Timestamp};
use sha2::{Digest as _, Sha256};

const ENDS: Timestamp = NOW.plus_s(1_000);

fn after(before: &Thing, fill: u8, before_ends: Timestamp) -> NewCredentials {
    NewCredentials {
        code: before.code,
        before: before.certificate.clone(),
        before_ends,
        certificate: vec![fill; 300],
        pass: vec![fill; 150],
    }
}

#[tokio::test]
async fn the_first_to_follow_a_certificate_counts_and_repeats_change_nothing() {
    let (_folder, world, ledger) = house().await;
    let (payer, _) = pair(&ledger, &world, 600).await;
    let known = ledger.thing(&payer.code).await.unwrap().unwrap();
    let request = [payer.seed; 32];
    let by_request = ledger.thing_of_request(&request).await.unwrap();
    assert_eq!(by_request.as_ref(), Some(&known));
    assert!(ledger.thing_of_request(&[9; 32]).await.unwrap().is_none());

    let new = after(&known, 61, ENDS);
    let renewed = ledger.renew_credentials(new.clone(), NOW).await.unwrap();
    assert_eq!(renewed.certificate, new.certificate);
    assert_eq!(renewed.pass, new.pass);
    for late in [new.clone(), after(&known, 62, ENDS)] {
        let again = ledger.renew_credentials(late, NOW).await.unwrap();
        assert_eq!(again, renewed);
    }
    let acts = ledger.acts(&payer.code.into()).await.unwrap();
    let acts: Vec<_> = acts.iter().map(|logged| logged.act).collect();
    assert_eq!(acts.len(), 3);
    assert_eq!(acts[2].kind, ActKind::Renewed);
    let hash = |bytes: &[u8]| Some(Digest(Sha256::digest(bytes).into()));
    assert_eq!(acts[2].certificate, hash(&new.certificate));
    assert_eq!(acts[2].signed, hash(&new.pass));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn whoever_is_revoked_renews_nothing_and_all_its_certificates_are_named_until_they_end() {
    let (_folder, world, ledger) = house().await;
    let (payer, payee) = pair(&ledger, &world, 600).await;
    let first = ledger.thing(&payer.code).await.unwrap().unwrap();
    let frozen = ThingState::Frozen;
    let set = async |code, state| ledger.set_state(code, state, "seen twice", "op", NOW).await;
    set(&payer.code, frozen).await.unwrap();
    let changed = ledger.newest_state_change(0).await.unwrap();
    let second = ledger.renew_credentials(after(&first, 61, ENDS), NOW).await;
    let second = second.unwrap();
    assert_eq!(
        second.state, frozen,
        "it may come back, and is still frozen"
    );
    let still = ledger.newest_state_change(0).await.unwrap();
    assert_eq!(still, changed, "no list has to be made anew");

    set(&payer.code, ThingState::Revoked).await.unwrap();
    let named = async || {
        let withdrawn = ledger.withdrawn_certificates().await.unwrap();
        let mut all: Vec<_> = withdrawn.into_iter().map(|one| one.certificate).collect();
        all.sort();
        all
    };
    let mut both = vec![first.certificate.clone(), second.certificate.clone()];
    both.sort();
    assert_eq!(named().await, both);
    let third = ledger
        .renew_credentials(after(&second, 63, ENDS), NOW)
        .await;
    assert_eq!(third.unwrap_err(), Status::NotPermitted);
    assert_eq!(named().await, both);

    // What has ended need not be named any more.
    let ended = ledger.thing(&payee.code).await.unwrap().unwrap();
    let renewed = ledger.renew_credentials(after(&ended, 71, NOW), NOW).await;
    let renewed = renewed.unwrap();
    set(&payee.code, ThingState::Revoked).await.unwrap();
    assert!(named().await.contains(&renewed.certificate));
    assert!(!named().await.contains(&ended.certificate));
}
