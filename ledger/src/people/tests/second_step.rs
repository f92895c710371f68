use super::*;

const SHARED: SharedSecret = SharedSecret([7; 20]);
const HASHES: [SecretHash; RECOVERY_CODES] = [
    [20; 32], [21; 32], [22; 32], [23; 32], [24; 32], [25; 32], [26; 32], [27; 32], [28; 32],
    [29; 32],
];

/// Ada, whose second step was set up with the code of step 100, in session 9.
async fn ada(people: &People) -> Person {
    let ada = owner(people, 1, "Ada").await;
    people
        .offer_second_step(ada.id, &SHARED, NOW)
        .await
        .unwrap();
    assert!(confirm(people, ada.id, &SHARED).await);
    ada
}

async fn confirm(people: &People, person: PersonId, secret: &SharedSecret) -> bool {
    let new = Confirmation {
        secret,
        step: 100,
        recovery: &HASHES,
        session: [9; 32],
    };
    let confirmed = people.confirm_second_step(person, new, &ACT, NOW);
    confirmed.await.unwrap()
}

async fn finish(people: &People, halfway: u8, proof: Proof, session: u8, now: Timestamp) -> bool {
    let finished = people.finish_halfway([halfway; 32], proof, [session; 32], &ACT, now);
    finished.await.unwrap()
}

#[tokio::test]
async fn an_offer_counts_once_it_is_confirmed_and_ends_every_other_session() {
    let (_folder, people) = store().await;
    let ada = owner(&people, 1, "Ada").await;
    people
        .begin_session([8; 32], ada.id, None, &ACT, NOW)
        .await
        .unwrap();
    assert!(
        !confirm(&people, ada.id, &SHARED).await,
        "nothing is offered"
    );
    people
        .offer_second_step(ada.id, &SHARED, NOW)
        .await
        .unwrap();
    assert_eq!(people.second_step(ada.id).await.unwrap(), None);
    let late = NOW.plus_s(OFFER_LIFE_S + 1);
    assert_eq!(people.second_step_offer(ada.id, late).await.unwrap(), None);
    let offered = people.second_step_offer(ada.id, NOW).await.unwrap();
    assert_eq!(offered, Some(SHARED));
    let other = SharedSecret([6; 20]);
    assert!(
        !confirm(&people, ada.id, &other).await,
        "not what is offered"
    );
    assert!(confirm(&people, ada.id, &SHARED).await);
    assert!(
        !confirm(&people, ada.id, &SHARED).await,
        "an offer counts once"
    );
    assert!(people.session([8; 32], NOW).await.unwrap().is_none());
    let session = people.session([9; 32], NOW).await.unwrap().unwrap();
    assert!(session.person.second_step && !session.person.owes_second_step);
    let stands = people.second_step(ada.id).await.unwrap().unwrap();
    assert_eq!((stands.since, stands.recovery_left), (NOW, 10));
}

#[tokio::test]
async fn a_step_is_taken_once_and_none_before_it_even_after_opening_again() {
    let (folder, people) = store().await;
    let ada = ada(&people).await;
    for halfway in 1..=4 {
        people
            .begin_halfway([halfway; 32], ada.id, None, NOW)
            .await
            .unwrap();
    }
    // The code of the confirmation is used as well.
    assert!(!finish(&people, 1, Proof::Step(100), 50, NOW).await);
    assert!(!finish(&people, 1, Proof::Step(99), 50, NOW).await);
    assert!(finish(&people, 1, Proof::Step(101), 50, NOW).await);
    assert!(people.session([50; 32], NOW).await.unwrap().is_some());
    people.close().await;
    let people = People::open(&folder.path().join("people.db"))
        .await
        .unwrap();
    assert!(
        !finish(&people, 2, Proof::Step(101), 51, NOW).await,
        "it is used"
    );
    assert!(
        !finish(&people, 1, Proof::Step(102), 51, NOW).await,
        "it is over"
    );
    assert!(people.session([51; 32], NOW).await.unwrap().is_none());
    let race = [3, 4].map(|halfway| {
        let people = people.clone();
        tokio::spawn(async move { finish(&people, halfway, Proof::Step(102), halfway, NOW).await })
    });
    let mut done = 0;
    for racer in race {
        done += u32::from(racer.await.unwrap());
    }
    assert_eq!(done, 1, "two who race with one code");
}

#[tokio::test]
async fn a_recovery_code_is_used_up_and_new_ones_take_its_place() {
    let (_folder, people) = store().await;
    let ada = ada(&people).await;
    for halfway in 1..=3 {
        people
            .begin_halfway([halfway; 32], ada.id, None, NOW)
            .await
            .unwrap();
    }
    assert!(!finish(&people, 1, Proof::Recovery([1; 32]), 50, NOW).await);
    assert!(finish(&people, 1, Proof::Recovery(HASHES[3]), 50, NOW).await);
    assert!(!finish(&people, 2, Proof::Recovery(HASHES[3]), 51, NOW).await);
    let left = people.second_step(ada.id).await.unwrap().unwrap();
    assert_eq!(left.recovery_left, 9);
    let fresh = HASHES.map(|[byte, ..]| [byte + 100; 32]);
    assert!(
        people
            .renew_recovery(ada.id, &fresh, &ACT, NOW)
            .await
            .unwrap()
    );
    assert!(!finish(&people, 2, Proof::Recovery(HASHES[4]), 51, NOW).await);
    assert!(finish(&people, 2, Proof::Recovery(fresh[4]), 51, NOW).await);
    let bob = owner(&people, 2, "Bob").await;
    assert!(
        !people
            .renew_recovery(bob.id, &fresh, &ACT, NOW)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_sign_in_waits_five_minutes_and_five_tries() {
    let (_folder, people) = store().await;
    let ada = ada(&people).await;
    let begin = async |hash: u8, replaces: Option<SecretHash>| {
        let now = NOW.plus_s(u32::from(hash));
        let begun = people.begin_halfway([hash; 32], ada.id, replaces, now);
        begun.await.unwrap();
    };
    begin(1, Some([9; 32])).await;
    let replaced = people.session([9; 32], NOW).await.unwrap();
    assert_eq!(replaced, None, "whose place it takes");
    let waiting = people.halfway([1; 32], NOW).await.unwrap().unwrap();
    assert_eq!((waiting.person.id, waiting.secret), (ada.id, SHARED));
    assert!(
        people.session([1; 32], NOW).await.unwrap().is_none(),
        "no session"
    );
    let late = NOW.plus_s(1 + HALFWAY_LIFE_S + 1);
    assert!(people.halfway([1; 32], late).await.unwrap().is_none());
    assert!(!finish(&people, 1, Proof::Step(101), 50, late).await);
    for _ in 0..HALFWAY_TRIES {
        assert!(people.try_halfway([1; 32]).await.unwrap());
    }
    assert!(!people.try_halfway([1; 32]).await.unwrap());
    assert!(people.halfway([1; 32], NOW).await.unwrap().is_none());
    for hash in 2..=6 {
        begin(hash, None).await;
    }
    let mut waiting = 0;
    for hash in 1..=6 {
        waiting += u32::from(people.try_halfway([hash; 32]).await.unwrap());
    }
    assert_eq!(waiting, 4, "the oldest gave way");
}

#[tokio::test]
async fn whoever_is_closed_or_reset_is_out_at_once() {
    let (_folder, people) = store().await;
    let ada = ada(&people).await;
    owner(&people, 2, "Bob").await;
    people
        .begin_halfway([1; 32], ada.id, None, NOW)
        .await
        .unwrap();
    people
        .set_person(ada.id, ada.roles, false, &ACT, NOW)
        .await
        .unwrap();
    assert!(people.halfway([1; 32], NOW).await.unwrap().is_none());
    people
        .begin_halfway([2; 32], ada.id, None, NOW)
        .await
        .unwrap();
    assert!(
        !finish(&people, 2, Proof::Step(101), 50, NOW).await,
        "closed"
    );
    let opened = people.set_person(ada.id, ada.roles, true, &ACT, NOW);
    opened.await.unwrap();
    people
        .begin_session([51; 32], ada.id, None, &ACT, NOW)
        .await
        .unwrap();
    let reset = async || {
        let reset = people.remove_second_step(ada.id, None, &ACT, NOW);
        reset.await.unwrap()
    };
    assert!(reset().await);
    assert!(!reset().await);
    assert!(people.session([51; 32], NOW).await.unwrap().is_none());
    let (found, _) = people.by_name("Ada").await.unwrap().unwrap();
    assert!(!found.second_step);
}

#[tokio::test]
async fn a_rule_reaches_open_sessions() {
    let (_folder, people) = store().await;
    let ada = ada(&people).await;
    let bob = owner(&people, 2, "Bob").await;
    people
        .begin_session([8; 32], bob.id, None, &ACT, NOW)
        .await
        .unwrap();
    let owes = async || {
        let session = people.session([8; 32], NOW).await.unwrap().unwrap();
        session.person.owes_second_step
    };
    let require = async |roles: &[Role]| {
        let roles = Roles::of(roles);
        people.require_second_step(roles, &ACT, NOW).await.unwrap();
        assert_eq!(people.second_step_rule().await.unwrap(), roles);
    };
    require(&[Role::Auditor]).await;
    assert!(!owes().await);
    require(&[Role::Auditor, Role::Owner]).await;
    assert!(owes().await);
    let behind = people.still_signed_in([8; 32], NOW).await.unwrap();
    assert_eq!(behind, None, "open pages go quiet");
    let (ada, _) = people.by_name(&ada.name).await.unwrap().unwrap();
    assert!(!ada.owes_second_step, "she has one");
    require(&[]).await;
    assert!(!owes().await);
}
