//! Money that takes two persons, by form and by call.

use crate::api::{call, read, scene};
use crate::browser::{Browser, Page, Scene};
use crate::house::{amount, usd};
use axum::http::StatusCode;
use ledger::people::{AuditRow, Role, Roles};
use serde_json::json;

async fn limited() -> (Scene, String) {
    let scene = Scene::new().await;
    let (ledger, now) = (&scene.house.ledger, scene.house.now());
    ledger
        .declare_currency(usd(), 6, "US dollar")
        .await
        .unwrap();
    let most = Some(amount(10_000_000));
    ledger.limit_alone(usd(), most, "owner", now).await.unwrap();
    let code = scene.house.thing(1, "Car").await.code.to_string();
    (scene, code)
}

async fn treasurer(scene: &Scene) -> Browser {
    scene.somebody(Roles::of(&[Role::Treasurer])).await
}

async fn order(browser: &mut Browser, code: &str, sum: &str) -> Page {
    let key = browser.get("/money").await.field("key");
    let fields = [
        ("key", key.as_str()),
        ("code", code),
        ("currency", "1.USD"),
        ("amount", sum),
    ];
    browser.submit("/money", "/money/load", &fields).await
}

async fn decide(browser: &mut Browser, number: u32, verdict: &str) -> Page {
    let path = format!("/money/requests/{number}");
    let fields = [("verdict", verdict)];
    browser.submit("/money/requests", &path, &fields).await
}

async fn held(scene: &Scene) -> i64 {
    let sums = scene.house.ledger.conservation().await.unwrap();
    sums.iter().map(|row| row.purses).sum()
}

async fn newest(scene: &Scene, what: &str) -> AuditRow {
    let rows = scene.house.people.audit(None, 50).await.unwrap();
    rows.into_iter().find(|row| row.what == what).unwrap()
}

#[tokio::test]
async fn a_second_treasurer_confirms_what_the_first_one_asked_for() {
    let (scene, code) = limited().await;
    let (mut ada, mut ben) = (treasurer(&scene).await, treasurer(&scene).await);
    let small = order(&mut ada, &code, "10").await;
    assert_eq!(small.location(), "/money?done=load");
    let large = order(&mut ada, &code, "10.000001").await;
    assert_eq!(large.location(), "/money/requests?done=asked");
    assert_eq!(held(&scene).await, 10_000_000);
    assert!(ben.get("/money").await.text().contains("1 waiting"));
    let mine = ada.get("/money/requests").await.text();
    assert!(mine.contains("10.000001") && !mine.contains("value=\"confirm\""));
    assert!(
        ben.get("/money/requests")
            .await
            .text()
            .contains("value=\"confirm\"")
    );

    let own = decide(&mut ada, 1, "confirm").await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(own.text().contains("does not decide"));
    assert_eq!(held(&scene).await, 10_000_000);
    for _ in 0..2 {
        let done = decide(&mut ben, 1, "confirm").await;
        assert_eq!(done.location(), "/money/requests?done=confirmed");
        assert_eq!(held(&scene).await, 20_000_001);
    }
    assert!(
        newest(&scene, "money confirmed")
            .await
            .about
            .contains("10000001 of 1.USD")
    );
    assert!(
        newest(&scene, "money asked for")
            .await
            .about
            .starts_with("request 1: ")
    );
    let mut eve = scene.somebody(Roles::of(&[Role::Auditor])).await;
    assert!(
        !eve.get("/money/requests")
            .await
            .text()
            .contains("value=\"confirm\"")
    );
    assert_eq!(
        decide(&mut eve, 1, "refuse").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_refused_request_moves_nothing_and_says_so() {
    let (scene, code) = limited().await;
    let (mut ada, mut ben) = (treasurer(&scene).await, treasurer(&scene).await);
    order(&mut ada, &code, "99").await;
    assert_eq!(
        decide(&mut ben, 1, "perhaps").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(
        decide(&mut ben, 2, "refuse").await.status,
        StatusCode::NOT_FOUND
    );
    let refused = decide(&mut ben, 1, "refuse").await;
    assert_eq!(refused.location(), "/money/requests?done=refused");
    let confirmed = decide(&mut ben, 1, "confirm").await;
    assert!(confirmed.text().contains("decided before"));
    assert_eq!(held(&scene).await, 0);
    assert!(ada.get("/money/requests").await.text().contains("refused"));
}

#[tokio::test]
async fn only_an_owner_says_how_much_one_person_moves_and_the_trail_has_it() {
    let (scene, code) = limited().await;
    let mut ada = treasurer(&scene).await;
    let fields = [("currency", "1.USD"), ("most", "50")];
    let denied = ada.submit("/money/requests", "/money/limit", &fields).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    let mut owner = scene.owner().await;
    let set = owner
        .submit("/money/requests", "/money/limit", &fields)
        .await;
    assert_eq!(set.location(), "/money/requests?done=limit");
    let row = newest(&scene, "limit of one person set").await;
    assert_eq!(row.about, "1.USD, 50000000 (done)");
    assert_eq!(
        order(&mut ada, &code, "50").await.location(),
        "/money?done=load"
    );
    let wrong = [("currency", "1.USD"), ("most", "1.2345678")];
    let wrong = owner
        .submit("/money/requests", "/money/limit", &wrong)
        .await;
    assert!(wrong.text().contains("decimals"));
    let none = [("currency", "1.USD"), ("most", "")];
    owner.submit("/money/requests", "/money/limit", &none).await;
    assert_eq!(
        order(&mut ada, &code, "5000").await.location(),
        "/money?done=load"
    );
}

#[tokio::test]
async fn tokens_of_one_person_are_one_person() {
    let (scene, _token) = scene().await;
    let ledger = &scene.house.ledger;
    ledger
        .declare_currency(usd(), 6, "US dollar")
        .await
        .unwrap();
    let code = scene.house.thing(1, "Car").await.code.to_string();
    let limit = json!({"currency": "USD", "most_minor": 5});
    let set = call(&scene, "/api/v1/limits", Some(limit)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let mut wish = json!({"code": code, "currency": "USD", "amount_minor": 6, "key": "k"});
    let refused = call(&scene, "/api/v1/loads", Some(wish.clone())).await;
    assert!(
        read(&refused)["detail"]
            .as_str()
            .unwrap()
            .contains("/api/v1/requests")
    );
    wish["way"] = json!("in");
    let asked = call(&scene, "/api/v1/requests", Some(wish.clone())).await;
    assert_eq!(read(&asked)["state"], json!("waiting"), "{}", asked.text());
    let again = call(&scene, "/api/v1/requests", Some(wish)).await;
    assert_eq!(asked.body, again.body);
    let decision = || Some(json!({"verdict": "confirm"}));
    let own = call(&scene, "/api/v1/requests/1/decision", decision()).await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(own.text().contains("does not decide"), "{}", own.text());
    let mut ben = treasurer(&scene).await;
    assert_eq!(
        decide(&mut ben, 1, "confirm").await.status,
        StatusCode::SEE_OTHER
    );
    let shown = read(&call(&scene, "/api/v1/requests/1", None).await);
    assert_eq!(shown["state"], json!("confirmed"));
    let loads = read(&call(&scene, "/api/v1/loads", None).await);
    assert_eq!(loads["items"][0]["second"], shown["decided_by"]);
    let missing = call(&scene, "/api/v1/requests/7", None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
