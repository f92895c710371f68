mod identities;
mod second_step;

use super::*;
use protocol::Timestamp;

const NOW: Timestamp = Timestamp(1_800_000_000);
const ACT: Act<'static> = Act {
    who: "test",
    what: "acted",
    about: "",
    origin: "127.0.0.1",
};

async fn store() -> (tempfile::TempDir, People) {
    let folder = tempfile::tempdir().unwrap();
    let people = People::open(&folder.path().join("people.db"))
        .await
        .unwrap();
    (folder, people)
}

async fn owner(people: &People, secret: u8, name: &str) -> Person {
    let roles = Roles::of(&[Role::Owner]);
    people
        .add_link([secret; 32], roles, 60, &ACT, NOW)
        .await
        .unwrap();
    let new = NewPerson {
        name,
        password: "phc",
    };
    people
        .use_link([secret; 32], new, "here", NOW)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_link_makes_one_account_once() {
    let (_folder, people) = store().await;
    assert!(people.is_empty().await.unwrap());
    let ada = owner(&people, 1, " Ada ").await;
    assert_eq!((ada.name.as_str(), ada.active), ("Ada", true));
    assert!(!people.is_empty().await.unwrap());
    let again = NewPerson {
        name: "Eve",
        password: "phc",
    };
    let refused = people.use_link([1; 32], again, "here", NOW).await;
    assert!(matches!(refused, Err(Refused::LinkGone)));
    assert_eq!(people.link([1; 32], NOW).await.unwrap(), None);
    let (found, phc) = people.by_name("aDA").await.unwrap().unwrap();
    assert_eq!((found, phc.as_str()), (ada, "phc"));
    assert_eq!(people.by_name("Eve").await.unwrap(), None);
}

#[tokio::test]
async fn a_name_that_does_not_fit_leaves_the_link_usable() {
    let (_folder, people) = store().await;
    owner(&people, 1, "Ada").await;
    people
        .add_link([2; 32], Roles::NONE, 60, &ACT, NOW)
        .await
        .unwrap();
    let long = "x".repeat(NAME_CHARS_MAX + 1);
    for name in ["", "  ", "a\nb", "a\u{202e}b", &long] {
        let new = NewPerson {
            name,
            password: "phc",
        };
        let refused = people.use_link([2; 32], new, "here", NOW).await;
        assert!(matches!(refused, Err(Refused::NameUnfit)), "{name:?}");
    }
    let taken = NewPerson {
        name: "ADA",
        password: "phc",
    };
    let refused = people.use_link([2; 32], taken, "here", NOW).await;
    assert!(matches!(refused, Err(Refused::NameTaken)));
    assert!(people.link([2; 32], NOW).await.unwrap().is_some());
    assert_eq!(people.link([2; 32], NOW.plus_s(60)).await.unwrap(), None);
}

#[tokio::test]
async fn two_who_race_for_a_link_make_one_account() {
    let (_folder, people) = store().await;
    people
        .add_link([3; 32], Roles::EVERY, 60, &ACT, NOW)
        .await
        .unwrap();
    let race = (0..8).map(|i| {
        let people = people.clone();
        tokio::spawn(async move {
            let name = format!("person {i}");
            let new = NewPerson {
                name: &name,
                password: "phc",
            };
            people.use_link([3; 32], new, "here", NOW).await.is_ok()
        })
    });
    let mut made = 0;
    for racer in race.collect::<Vec<_>>() {
        made += u32::from(racer.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(people.persons().await.unwrap().len(), 1);
}

#[tokio::test]
async fn sessions_end_when_idle_when_old_and_when_replaced() {
    let (_folder, people) = store().await;
    let ada = owner(&people, 1, "Ada").await;
    people
        .begin_session([9; 32], ada.id, None, &ACT, NOW)
        .await
        .unwrap();
    assert!(people.session([8; 32], NOW).await.unwrap().is_none());
    let late = NOW.plus_s(IDLE_LIFE_S + 1);
    assert!(people.session([9; 32], late).await.unwrap().is_none());
    let mut now = NOW;
    while now.0 + IDLE_LIFE_S / 2 <= NOW.0 + ABSOLUTE_LIFE_S {
        now = now.plus_s(IDLE_LIFE_S / 2);
        assert!(people.session([9; 32], now).await.unwrap().is_some());
    }
    let over = NOW.plus_s(ABSOLUTE_LIFE_S + 1);
    assert!(people.session([9; 32], over).await.unwrap().is_none());
    people
        .begin_session([10; 32], ada.id, Some([9; 32]), &ACT, now)
        .await
        .unwrap();
    assert!(people.session([9; 32], now).await.unwrap().is_none());
    people.end_session([10; 32]).await.unwrap();
    assert!(people.session([10; 32], now).await.unwrap().is_none());
}

#[tokio::test]
async fn the_oldest_session_gives_way() {
    let (_folder, people) = store().await;
    let ada = owner(&people, 1, "Ada").await;
    for i in 0..=SESSIONS_PER_PERSON as u8 {
        let now = NOW.plus_s(u32::from(i));
        people
            .begin_session([i; 32], ada.id, None, &ACT, now)
            .await
            .unwrap();
    }
    let now = NOW.plus_s(60);
    assert!(people.session([0; 32], now).await.unwrap().is_none());
    assert!(people.session([1; 32], now).await.unwrap().is_some());
}

#[tokio::test]
async fn a_changed_account_is_signed_out_and_an_owner_always_stays() {
    let (_folder, people) = store().await;
    let ada = owner(&people, 1, "Ada").await;
    people
        .begin_session([9; 32], ada.id, None, &ACT, NOW)
        .await
        .unwrap();
    let auditor = Roles::of(&[Role::Auditor]);
    let refused = people.set_person(ada.id, auditor, true, &ACT, NOW).await;
    assert!(matches!(refused, Err(Refused::LastOwner)));
    assert!(people.session([9; 32], NOW).await.unwrap().is_some());
    owner(&people, 2, "Bob").await;
    people
        .set_person(ada.id, auditor, true, &ACT, NOW)
        .await
        .unwrap();
    assert!(people.session([9; 32], NOW).await.unwrap().is_none());
    let nobody = people
        .set_person(PersonId(99), auditor, true, &ACT, NOW)
        .await;
    assert!(matches!(nobody, Err(Refused::Unknown)));
}

#[tokio::test]
async fn tokens_end_when_expired_or_taken_back() {
    let (_folder, people) = store().await;
    let new = |hash, life_s| NewToken {
        hash,
        label: "line 1",
        roles: Roles::of(&[Role::Factory]),
        scopes: Scopes::EVERY,
        life_s,
    };
    let id = people.add_token(new([1; 32], 60), &ACT, NOW).await.unwrap();
    let token = people.token([1; 32], NOW).await.unwrap().unwrap();
    assert_eq!((token.id, token.made_by.as_str()), (id, "test"));
    let later = NOW.plus_s(60);
    assert_eq!(people.token([1; 32], later).await.unwrap(), None);
    assert!(people.revoke_token(id, &ACT, NOW).await.unwrap());
    assert!(!people.revoke_token(id, &ACT, NOW).await.unwrap());
    assert_eq!(people.token([1; 32], NOW).await.unwrap(), None);
    let id = people
        .add_token(new([2; 32], u32::MAX), &ACT, NOW)
        .await
        .unwrap();
    let tokens = people.tokens().await.unwrap();
    assert_eq!(tokens[0].id, id);
    assert_eq!(tokens[0].expires, NOW.plus_s(TOKEN_LIFE_MAX_S));
}

#[tokio::test]
async fn any_changed_audit_row_is_found() {
    let (_folder, people) = store().await;
    for about in [
        "one",
        "two",
        "thr\u{0}ee",
        "'; DROP TABLE audit; --",
        "five",
    ] {
        people.record(&Act { about, ..ACT }, NOW).await.unwrap();
    }
    let rows = people.audit(None, 10).await.unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[1].about, "'; DROP TABLE audit; --");
    let whole = AuditCheck::Whole {
        rows: 5,
        tip: rows[0].chain,
    };
    assert_eq!(people.check_audit().await.unwrap(), whole);
    assert_eq!(people.audit(Some(3), 1).await.unwrap()[0].number, 2);
    for column in ["who", "what", "about", "origin"] {
        let set = |value: &'static str| {
            let sql = format!("UPDATE audit SET {column} = $1 WHERE number = 3");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(value)
                .execute(&people.pool)
        };
        let was = match column {
            "who" => ACT.who,
            "what" => ACT.what,
            "about" => "thr\u{0}ee",
            _ => ACT.origin,
        };
        set("changed").await.unwrap();
        let broken = AuditCheck::Broken { number: 3 };
        assert_eq!(people.check_audit().await.unwrap(), broken, "{column}");
        set(was).await.unwrap();
        assert_eq!(people.check_audit().await.unwrap(), whole);
    }
    sqlx::query("DELETE FROM audit WHERE number = 2")
        .execute(&people.pool)
        .await
        .unwrap();
    let gap = AuditCheck::Broken { number: 2 };
    assert_eq!(people.check_audit().await.unwrap(), gap);
}

#[tokio::test]
async fn accounts_survive_a_restart() {
    let (folder, people) = store().await;
    let ada = owner(&people, 1, "Ada").await;
    people.close().await;
    let again = People::open(&folder.path().join("people.db"))
        .await
        .unwrap();
    assert_eq!(again.persons().await.unwrap(), [ada]);
}

async fn token_of(people: &People, secret: u8, scopes: Scopes) -> TokenId {
    let new = NewToken {
        hash: [secret; 32],
        label: "line 3",
        roles: Roles::of(&[Role::Issuer]),
        scopes,
        life_s: 600,
    };
    people.add_token(new, &ACT, NOW).await.unwrap()
}

#[tokio::test]
async fn a_token_keeps_its_scopes() {
    let (_folder, people) = store().await;
    let narrow = Scopes::of([Scope::read(Part::Codes), Scope::write(Part::Places)]);
    for (secret, scopes) in [(1, narrow), (2, Scopes::EVERY)] {
        token_of(&people, secret, scopes).await;
        let found = people.token([secret; 32], NOW).await.unwrap().unwrap();
        assert_eq!(found.scopes, scopes);
    }
}

#[tokio::test]
async fn a_call_under_a_key_is_begun_once_and_answered_alike() {
    let (folder, people) = store().await;
    let token = token_of(&people, 1, Scopes::EVERY).await;
    let call = KeyedCall {
        token,
        key: "k",
        request: [1; 32],
        seed: [7; 32],
    };
    assert_eq!(people.begin_call(call, NOW).await.unwrap(), Begun::New);
    // The program ends here; the next one finds what the first had begun.
    people.close().await;
    let people = People::open(&folder.path().join("people.db"))
        .await
        .unwrap();
    let again = KeyedCall {
        seed: [8; 32],
        ..call
    };
    let later = NOW.plus_s(9);
    let unfinished = Begun::Unfinished {
        seed: [7; 32],
        at: NOW,
    };
    assert_eq!(people.begin_call(again, later).await.unwrap(), unfinished);
    let answer = KeptAnswer {
        kind: "application/json".to_owned(),
        body: b"{}".to_vec(),
    };
    people.finish_call(token, "k", &answer).await.unwrap();
    let answered = Begun::Answered(answer);
    assert_eq!(people.begin_call(again, later).await.unwrap(), answered);
    let other = KeyedCall {
        request: [2; 32],
        ..call
    };
    let begun = people.begin_call(other, later).await.unwrap();
    assert_eq!(begun, Begun::Other);
    let mine = KeyedCall {
        token: token_of(&people, 2, Scopes::EVERY).await,
        ..other
    };
    assert_eq!(people.begin_call(mine, later).await.unwrap(), Begun::New);
    people.forget_call(mine.token, "k").await.unwrap();
    assert_eq!(people.begin_call(mine, later).await.unwrap(), Begun::New);
    let over = NOW.plus_s(ANSWER_LIFE_S);
    assert_eq!(people.begin_call(other, over).await.unwrap(), Begun::New);
}

#[tokio::test]
async fn only_so_many_keys_of_a_token_are_remembered() {
    let (_folder, people) = store().await;
    let token = token_of(&people, 1, Scopes::EVERY).await;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO answer (token, key, request, seed, at) SELECT $2, i, x'00', x'00', $3 FROM n",
    )
    .bind(ANSWERS_PER_TOKEN)
    .bind(token.0)
    .bind(NOW.0)
    .execute(&people.pool)
    .await
    .unwrap();
    let call = KeyedCall {
        token,
        key: "one more",
        request: [1; 32],
        seed: [7; 32],
    };
    assert_eq!(people.begin_call(call, NOW).await.unwrap(), Begun::Full);
    let over = NOW.plus_s(ANSWER_LIFE_S);
    assert_eq!(people.begin_call(call, over).await.unwrap(), Begun::New);
}
