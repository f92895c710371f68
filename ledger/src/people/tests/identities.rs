use super::*;

const ISSUER: &str = "https://id.example.com";
const AUDITOR: Roles = Roles::of(&[Role::Auditor]);
const OPERATOR: Roles = Roles::of(&[Role::Operator]);

fn arrival(subject: &str, session: u8) -> Arrival<'_> {
    Arrival {
        issuer: ISSUER,
        subject,
        name: "Ada",
        roles: Some(AUDITOR),
        admission: Admission::Known,
        session: [session; 32],
        replaces: None,
    }
}

async fn come(people: &People, arrival: Arrival<'_>) -> Result<Person, NotAdmitted> {
    people.arrive(arrival, "here", NOW).await?;
    let session = people.session(arrival.session, NOW).await.unwrap();
    Ok(session.unwrap().person)
}

#[tokio::test]
async fn whoever_is_unknown_stays_out_and_leaves_nothing_behind() {
    let (_folder, people) = store().await;
    let refused = come(&people, arrival("a", 1)).await;
    assert!(matches!(refused, Err(NotAdmitted::Unknown)));
    let by_link = Arrival {
        admission: Admission::Link([7; 32]),
        ..arrival("a", 1)
    };
    assert!(matches!(
        come(&people, by_link).await,
        Err(NotAdmitted::LinkGone)
    ));
    let no_role = Arrival {
        roles: Some(Roles::NONE),
        admission: Admission::With(Roles::NONE),
        ..arrival("a", 1)
    };
    assert!(matches!(
        come(&people, no_role).await,
        Err(NotAdmitted::NoRole)
    ));
    assert!(people.is_empty().await.unwrap());
    assert!(people.audit(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_invitation_admits_one_and_is_kept_by_who_gets_no_role() {
    let (_folder, people) = store().await;
    let link = people.add_link([7; 32], OPERATOR, 60, &ACT, NOW);
    link.await.unwrap();
    let by_link = |subject, roles, session| Arrival {
        admission: Admission::Link([7; 32]),
        roles,
        ..arrival(subject, session)
    };
    let nothing = come(&people, by_link("a", Some(Roles::NONE), 1)).await;
    assert!(matches!(nothing, Err(NotAdmitted::NoRole)));
    let ada = come(&people, by_link("a", None, 1)).await.unwrap();
    assert_eq!(
        (ada.roles, ada.provider.as_deref()),
        (OPERATOR, Some(ISSUER))
    );
    let second = come(&people, by_link("b", None, 2)).await;
    assert!(matches!(second, Err(NotAdmitted::LinkGone)));
    // From now on she is known, without a link.
    let again = Arrival {
        roles: None,
        ..arrival("a", 3)
    };
    assert_eq!(come(&people, again).await.unwrap().id, ada.id);
}

#[tokio::test]
async fn nobody_takes_over_an_account_by_its_name_or_another_providers_subject() {
    let (_folder, people) = store().await;
    let local = owner(&people, 1, "Ada").await;
    let everybody = |issuer, subject, session| Arrival {
        issuer,
        admission: Admission::With(Roles::NONE),
        ..arrival(subject, session)
    };
    let ada = come(&people, everybody(ISSUER, "a", 1)).await.unwrap();
    assert_eq!(ada.name, "Ada 2");
    assert_ne!(ada.id, local.id);
    let elsewhere = everybody("https://other.example.com", "a", 2);
    let other = come(&people, elsewhere).await.unwrap();
    assert_eq!((other.name.as_str(), other.id == ada.id), ("Ada 3", false));
    assert!(
        people.by_name("Ada 2").await.unwrap().is_none(),
        "no password"
    );
    assert!(people.by_name("Ada").await.unwrap().is_some());
}

#[tokio::test]
async fn roles_are_the_providers_of_today_and_taken_away_at_once() {
    let (_folder, people) = store().await;
    let with = |roles, session| Arrival {
        roles: Some(roles),
        admission: Admission::With(Roles::NONE),
        ..arrival("a", session)
    };
    assert_eq!(
        come(&people, with(AUDITOR, 1)).await.unwrap().roles,
        AUDITOR
    );
    assert_eq!(
        come(&people, with(OPERATOR, 2)).await.unwrap().roles,
        OPERATOR
    );
    let first = people.session([1; 32], NOW).await.unwrap();
    assert!(first.is_none(), "what was open ended with the old roles");
    let none = come(&people, with(Roles::NONE, 3)).await;
    assert!(matches!(none, Err(NotAdmitted::NoRole)));
    assert!(people.session([2; 32], NOW).await.unwrap().is_none());
    assert!(people.session([3; 32], NOW).await.unwrap().is_none());
    let known = people.persons().await.unwrap();
    assert_eq!(known[0].roles, Roles::NONE);
    let trail = people.audit(None, 10).await.unwrap();
    let read_again = trail.iter().filter(|row| row.what == "roles read again");
    assert_eq!(read_again.count(), 2);
}

#[tokio::test]
async fn a_closed_account_opens_by_an_owners_word_alone() {
    let (_folder, people) = store().await;
    owner(&people, 1, "Owner").await;
    let everybody = |session| Arrival {
        admission: Admission::With(AUDITOR),
        ..arrival("a", session)
    };
    let ada = come(&people, everybody(1)).await.unwrap();
    let set = async |active| {
        let set = people.set_person(ada.id, AUDITOR, active, &ACT, NOW);
        set.await.unwrap();
    };
    set(false).await;
    assert!(people.session([1; 32], NOW).await.unwrap().is_none());
    people
        .add_link([7; 32], AUDITOR, 60, &ACT, NOW)
        .await
        .unwrap();
    for admission in [Admission::With(AUDITOR), Admission::Link([7; 32])] {
        let again = Arrival {
            admission,
            ..arrival("a", 2)
        };
        assert!(matches!(
            come(&people, again).await,
            Err(NotAdmitted::Closed)
        ));
    }
    set(true).await;
    assert_eq!(come(&people, everybody(3)).await.unwrap().id, ada.id);
}

#[tokio::test]
async fn a_second_step_is_not_asked_of_who_has_no_password_here() {
    let (_folder, people) = store().await;
    people
        .require_second_step(AUDITOR, &ACT, NOW)
        .await
        .unwrap();
    let everybody = Arrival {
        admission: Admission::With(AUDITOR),
        ..arrival("a", 1)
    };
    assert!(!come(&people, everybody).await.unwrap().owes_second_step);
}
