//! Programs.

use crate::browser::{Page, Scene, send};
use crate::house::{thing, usd};
use crate::pages::one_payment;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ledger::people::{Act, Begun, KeyedCall, NewToken, Roles, Scopes};
use ledger::views::{self, PaymentQuery};
use ledger::{IssueRequest, people::TokenId};
use protocol::{Kind, Status};
use serde_json::{Value, json};
use sha2::Digest as _;

pub const TOKEN: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

pub async fn scene() -> (Scene, TokenId) {
    let scene = Scene::new().await;
    let act = Act {
        who: "test",
        what: "token made",
        about: "",
        origin: "test",
    };
    let new = NewToken {
        hash: admin::door::secret::hash(TOKEN),
        label: "till 4",
        roles: Roles::EVERY,
        scopes: Scopes::EVERY,
        life_s: 7 * 86_400,
    };
    let id = scene
        .house
        .people
        .add_token(new, &act, scene.house.now())
        .await
        .unwrap();
    (scene, id)
}

pub async fn call(scene: &Scene, path: &str, body: Option<Value>) -> Page {
    let request = Request::builder()
        .method(if body.is_some() { "POST" } else { "GET" })
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
        .unwrap();
    send(&scene.app, request).await
}

pub fn read(page: &Page) -> Value {
    serde_json::from_slice(&page.body).unwrap()
}

#[tokio::test]
async fn a_load_with_one_key_is_carried_out_once() {
    let (scene, token) = scene().await;
    scene.house.declare_usd().await;
    let car = scene.house.thing(1, "Car").await;
    let order = json!({"code": car.code.to_string(), "currency": "USD", "amount_minor": 5_000_000, "key": "receipt 17"});
    let first = call(&scene, "/api/v1/loads", Some(order.clone())).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let second = call(&scene, "/api/v1/loads", Some(order.clone())).await;
    assert_eq!(first.body, second.body);
    let mut other = order.clone();
    other["amount_minor"] = json!(6_000_000);
    let refused = call(&scene, "/api/v1/loads", Some(other)).await;
    assert_eq!(
        (refused.status, read(&refused)["error"].clone()),
        (StatusCode::UNPROCESSABLE_ENTITY, json!("not_permitted"))
    );
    let books = read(&call(&scene, "/api/v1/conservation", None).await);
    assert_eq!(books["holds"], json!(true));
    assert_eq!(books["currencies"][0]["purses"], json!(5_000_000));
    assert_eq!(books["currencies"][0]["currency"], json!("1.USD"));
    let act = Act {
        who: "test",
        what: "token taken back",
        about: "",
        origin: "test",
    };
    scene
        .house
        .people
        .revoke_token(token, &act, scene.house.now())
        .await
        .unwrap();
    assert_eq!(
        call(&scene, "/api/v1/loads", Some(order)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn numbers_outside_their_range_are_refused() {
    let (scene, _) = scene().await;
    scene.house.declare_usd().await;
    let code = scene.house.thing(1, "Car").await.code.to_string();
    for amount in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("1"),
        json!(1u64 << 63),
        json!(u64::MAX),
        json!(1e30),
        json!(null),
    ] {
        let order = json!({"code": code, "currency": "USD", "amount_minor": amount, "key": format!("key {amount}")});
        let page = call(&scene, "/api/v1/loads", Some(order)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{amount}");
    }
    for (field, value) in [
        ("code", "2000"),
        ("currency", "usd"),
        ("currency", "EUR"),
        ("key", ""),
        ("key", "a\u{0}b"),
    ] {
        let mut order = json!({"code": code, "currency": "USD", "amount_minor": 1, "key": "k"});
        order[field] = json!(value);
        let page = call(&scene, "/api/v1/loads", Some(order)).await;
        assert_eq!(
            page.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{field} {value:?}"
        );
    }
    let extra =
        json!({"code": code, "currency": "USD", "amount_minor": 1, "key": "k", "admin": true});
    assert!(
        call(&scene, "/api/v1/loads", Some(extra))
            .await
            .status
            .is_client_error()
    );
    let rows = scene.house.ledger.conservation().await.unwrap();
    assert!(rows.iter().all(|row| row.accounts_sum == 0));
}

#[tokio::test]
async fn secrets_are_good_for_one_request_of_their_kind() {
    let (scene, _) = scene().await;
    let order = json!({"count": 3, "kind": "device", "life_s": 600});
    let made = read(&call(&scene, "/api/v1/secrets", Some(order)).await);
    let secrets = made["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 3);
    let text = secrets[0].as_str().unwrap();
    assert_ne!(secrets[0], secrets[1]);
    let request = |hash: &str, seed: u8| IssueRequest {
        secret_hash: Some(admin::door::secret::hash(hash)),
        request_hash: [seed; 32],
        kind: Kind::Device,
        name: "Car".into(),
        by: "test".into(),
        serial: [seed; 16],
    };
    let (ledger, now) = (&scene.house.ledger, scene.house.now());
    ledger.begin_issue(request(text, 1), now).await.unwrap();
    ledger.begin_issue(request(text, 1), now).await.unwrap();
    let other = ledger.begin_issue(request(text, 2), now).await;
    assert_eq!(other.err(), Some(Status::NotPermitted));
    let unknown = ledger.begin_issue(request("no secret", 3), now).await;
    assert_eq!(unknown.err(), Some(Status::NotPermitted));
    for order in [
        json!({"count": 0, "kind": "device", "life_s": 600}),
        json!({"count": 1001, "kind": "device", "life_s": 600}),
        json!({"count": 1, "kind": "place", "life_s": 600}),
        json!({"count": 1, "kind": "device", "life_s": 0}),
        json!({"count": 1}),
    ] {
        let page = call(&scene, "/api/v1/secrets", Some(order)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let rows = scene.house.people.audit(None, 10).await.unwrap();
    assert!(
        rows.iter().all(|row| !row.about.contains(text)),
        "no secret in the trail"
    );
}

#[tokio::test]
async fn what_is_no_json_is_refused_in_json() {
    let (scene, _) = scene().await;
    let request = Request::post("/api/v1/loads")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{"))
        .unwrap();
    let page = send(&scene.app, request).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(read(&page)["error"], json!("unfit"));
    let summary = read(&call(&scene, "/api/v1/payments/summary", None).await);
    assert_eq!(summary["error"], json!(null));
    assert_eq!(summary["payments"], json!(0));
}

#[tokio::test]
async fn a_currency_has_a_name() {
    let (scene, _) = scene().await;
    for name in ["", "  "] {
        let wish = json!({"letters": "USD", "exponent": 2, "name": name});
        let page = call(&scene, "/api/v1/currencies", Some(wish)).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(scene.house.ledger.currencies().await.unwrap(), []);
}

#[tokio::test]
async fn coins_are_followed_from_a_load_to_a_purse_and_back() {
    let (scene, _) = scene().await;
    let (ledger, now) = (&scene.house.ledger, scene.house.now());
    ledger
        .declare_currency(usd(), 6, "US dollar")
        .await
        .unwrap();
    let mut car = scene.house.thing(1, "Car").await;
    let charger = scene.house.thing(2, "Charger").await;
    let order =
        json!({"code": car.code.to_string(), "currency": "USD", "amount_minor": 1_000, "key": "1"});
    let load = read(&call(&scene, "/api/v1/loads", Some(order)).await);
    car.renew(ledger, 1_000, now).await;
    let evidence = car.pay(&charger.code, 300, "x", false);
    let receipt = charger.receipt(&evidence, now);
    ledger.hand_in(evidence, Some(receipt), now).await.unwrap();

    let get = async |path: String| read(&call(&scene, &path, None).await);
    let height = &load["journal_height"];
    let traced = get(format!("/api/v1/trace/load/{height}?limit=1")).await;
    assert_eq!(
        traced["serials"],
        json!([{"source": 1, "first": "1", "last": "1000"}])
    );
    assert_eq!(
        traced["now"],
        json!([{"source": 1, "first": "1", "last": "300",
            "holder": {"kind": "purse", "code": charger.code.to_string()}}])
    );
    let next = traced["next"].as_str().unwrap();
    let rest = get(format!("/api/v1/trace/load/{height}?cursor={next}")).await;
    assert_eq!(rest["now"][0]["holder"]["kind"], json!("reserved"));
    assert_eq!((&rest["next"], &rest["behind"]), (&json!(null), &json!(0)));

    let held = get(format!("/api/v1/trace/purse/{}?currency=USD", charger.code)).await;
    let coins = &held["coins"][0];
    assert_eq!(
        (&coins["first"], &coins["last"]),
        (&json!("1"), &json!("300"))
    );
    assert_eq!(
        (&coins["load"]["height"], &coins["from"]["kind"]),
        (height, &json!("issuer"))
    );
    let path = get("/api/v1/trace/path/1/1?last=300".to_owned()).await;
    let kinds = path["hops"].as_array().unwrap().iter();
    let kinds: Vec<&Value> = kinds.map(|hop| &hop["entry"]["kind"]).collect();
    assert_eq!(kinds, ["load", "allow", "settle"]);
    assert_eq!(path["together"]["last"], json!("300"));
    let chain = get(format!(
        "/api/v1/chain/{}?from=0&until=4294967295",
        charger.code
    ))
    .await;
    let links = chain["links"].as_array().unwrap();
    assert_eq!((links.len(), &links[0]["amount_minor"]), (1, &json!(300)));
    assert_eq!(links[0]["payer"]["code"], json!(car.code.to_string()));

    for (path, status) in [
        ("/api/v1/trace/load/99", StatusCode::NOT_FOUND),
        ("/api/v1/trace/load/2", StatusCode::NOT_FOUND),
        ("/api/v1/trace/path/1/1001", StatusCode::NOT_FOUND),
        ("/api/v1/trace/path/7/1", StatusCode::NOT_FOUND),
        ("/api/v1/trace/load/x", StatusCode::UNPROCESSABLE_ENTITY),
        (
            "/api/v1/trace/load/1?cursor=x",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/api/v1/trace/load/1?after=1.2.3",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("/api/v1/trace/purse/2000", StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/trace/path/1/-1", StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/chain/2000", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let page = call(&scene, path, None).await;
        assert_eq!(page.status, status, "{path}");
        assert!(read(&page)["error"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn a_claim_is_listed_decided_once_and_shown() {
    let (scene, _token) = scene().await;
    let house = &scene.house;
    let (mut car, charger, _) = one_payment(house).await;
    for reference in ["copy a", "copy b"] {
        let evidence = car.pay(&charger.code, 1_000_000, reference, true);
        let receipt = Some(charger.receipt(&evidence, house.now()));
        let handed = house.ledger.hand_in(evidence, receipt, house.now()).await;
        handed.unwrap();
    }
    let deposit = json!({ "fund": "deposit", "code": car.code.to_string(), "way": "in",
        "currency": "USD", "amount_minor": 400_000, "key": "deposit" });
    let done = call(&scene, "/api/v1/funds", Some(deposit)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    for wrong in [
        json!({ "fund": "bond", "code": car.code.to_string(), "way": "in",
            "currency": "USD", "amount_minor": 1, "key": "x" }),
        json!({ "fund": "bond", "way": "up", "currency": "USD", "amount_minor": 1, "key": "x" }),
    ] {
        let refused = call(&scene, "/api/v1/funds", Some(wrong)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let listed = read(&call(&scene, "/api/v1/claims", None).await);
    let payment = listed["items"][0]["payment"].as_str().unwrap().to_owned();
    assert_eq!(listed["items"][0]["outcome"], "open_claim");
    let order = json!({ "payment": payment, "key": "k" });
    let decided = read(&call(&scene, "/api/v1/decisions", Some(order.clone())).await);
    let from_forker = ["purse_minor", "deposit_minor"].map(|part| decided[part].as_u64());
    assert_eq!(from_forker.into_iter().flatten().sum::<u64>(), 1_000_000);
    let again = read(&call(&scene, "/api/v1/decisions", Some(order)).await);
    assert_eq!(again, decided);
    let listed = read(&call(&scene, "/api/v1/claims", None).await);
    assert_eq!(listed["items"][0]["outcome"], "guaranteed");
    let decisions = read(&call(&scene, "/api/v1/decisions", None).await);
    assert_eq!(decisions["items"][0], decided);
    let mut ada = scene.owner().await;
    let page = ada.get("/frauds").await.text();
    assert!(page.contains("Claims") && page.contains("guaranteed"));
    let purse = ada.get(&format!("/purses/{}", car.code)).await.text();
    assert!(purse.contains("Exposure"));
}

async fn keyed(scene: &Scene, path: &str, key: &str, body: &Value) -> Page {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))
        .unwrap();
    send(&scene.app, request).await
}

#[tokio::test]
async fn a_key_makes_a_call_happen_once() {
    let (scene, _) = scene().await;
    let order = json!({"count": 2, "kind": "device", "life_s": 600});
    let first = keyed(&scene, "/api/v1/secrets", "k-1", &order).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    scene.house.wait_s(5);
    let again = keyed(&scene, "/api/v1/secrets", "k-1", &order).await;
    assert_eq!(again.body, first.body, "secrets that are drawn again");
    let another = keyed(&scene, "/api/v1/secrets", "k-2", &order).await;
    assert_ne!(another.body, first.body);
    let more = json!({"count": 3, "kind": "device", "life_s": 600});
    let reused = keyed(&scene, "/api/v1/secrets", "k-1", &more).await;
    let said = (reused.status, read(&reused)["error"].clone());
    assert_eq!(
        said,
        (StatusCode::UNPROCESSABLE_ENTITY, json!("key_reused"))
    );
    let later = json!({"count": 0, "kind": "device", "life_s": 600});
    let refused = keyed(&scene, "/api/v1/secrets", "k-3", &later).await;
    assert_eq!(read(&refused)["error"], json!("unfit"));
    let mended = keyed(&scene, "/api/v1/secrets", "k-3", &order).await;
    assert_eq!(
        mended.status,
        StatusCode::OK,
        "a refused call frees its key"
    );
    for key in ["", "a b", &"k".repeat(129)] {
        let page = keyed(&scene, "/api/v1/secrets", key, &order).await;
        assert_eq!(read(&page)["error"], json!("key_unfit"), "{key}");
    }
    scene.house.wait_s(3_000);
    let other_day = keyed(&scene, "/api/v1/loads", "k-1", &order).await;
    assert_eq!(read(&other_day)["error"], json!("key_reused"));
}

#[tokio::test]
async fn a_call_that_broke_off_is_taken_up_where_it_was() {
    let (scene, token) = scene().await;
    let order = json!({"count": 1, "kind": "device", "life_s": 600}).to_string();
    // As the gateway leaves it that stops between the key and the answer.
    let mut hash = sha2::Sha256::new();
    hash.update(format!("POST /api/v1/secrets\n{order}"));
    let begun = KeyedCall {
        token,
        key: "k",
        request: hash.finalize().into(),
        seed: [7; 32],
    };
    let then = scene.house.now();
    let people = &scene.house.people;
    assert_eq!(people.begin_call(begun, then).await.unwrap(), Begun::New);
    scene.house.wait_s(9);
    let order = serde_json::from_str(&order).unwrap();
    let first = keyed(&scene, "/api/v1/secrets", "k", &order).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert_eq!(
        read(&first)["expires"],
        json!(then.0 + 600),
        "its first time"
    );
    let again = keyed(&scene, "/api/v1/secrets", "k", &order).await;
    assert_eq!(again.body, first.body);
}

#[tokio::test]
async fn a_page_is_the_same_whatever_comes_in_meanwhile() {
    let (scene, _) = scene().await;
    scene.house.declare_usd().await;
    let car = scene.house.thing(1, "Car").await;
    for number in 0..5 {
        scene
            .house
            .load(car.code, 100 + number, &format!("{number}"))
            .await;
    }
    let amounts = |page: &Page| -> Vec<u64> {
        let page = read(page);
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["amount_minor"].as_u64().unwrap())
            .collect()
    };
    let first = call(&scene, "/api/v1/loads?limit=2", None).await;
    assert_eq!(amounts(&first), [104, 103]);
    scene.house.load(car.code, 999, "new").await;
    let next = read(&first)["next"].as_str().unwrap().to_owned();
    let second = format!("/api/v1/loads?limit=2&cursor={next}");
    assert_eq!(amounts(&call(&scene, &second, None).await), [102, 101]);
    let whole = call(&scene, "/api/v1/loads?limit=200", None).await;
    assert_eq!(amounts(&whole), [999, 104, 103, 102, 101, 100]);
    assert_eq!(read(&whole)["next"], json!(null));
    let wrong = [
        "/api/v1/loads?limit=0".to_owned(),
        "/api/v1/loads?limit=201".to_owned(),
        "/api/v1/loads?limit=x".to_owned(),
        "/api/v1/loads?page=2".to_owned(),
        "/api/v1/loads?cursor=".to_owned(),
        format!("/api/v1/frauds?cursor={next}"),
    ];
    for path in wrong {
        let page = call(&scene, &path, None).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
}

#[tokio::test]
async fn what_is_refused_says_of_which_type_it_is_and_what_to_do() {
    let (scene, _) = scene().await;
    let ask = async |method: &str, path: &str, kind: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        send(&scene.app, request).await
    };
    const JSON: &str = "application/json";
    let large = "x".repeat(70_000);
    for (method, path, kind, body, status, end) in [
        ("POST", "/api/v1/secrets", "text/plain", "{}", 415, "form"),
        ("POST", "/api/v1/secrets", JSON, "{", 422, "unfit"),
        (
            "POST",
            "/api/v1/secrets",
            JSON,
            large.as_str(),
            413,
            "too-large",
        ),
        ("DELETE", "/api/v1/secrets", JSON, "", 405, "method"),
        ("GET", "/api/v1/nothing", JSON, "", 404, "not-found"),
        ("GET", "/api/v1/frauds/7/proof", JSON, "", 404, "not-found"),
        ("GET", "/api/v1/frauds/x/proof", JSON, "", 422, "unfit"),
    ] {
        let page = ask(method, path, kind, body).await;
        let said = read(&page);
        assert_eq!(page.status.as_u16(), status, "{method} {path}: {said}");
        assert_eq!(
            page.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(said["type"], json!(format!("/api/v1/problems#{end}")));
        assert_eq!(said["status"], json!(status));
        for member in ["title", "detail", "next", "error"] {
            assert!(!said[member].as_str().unwrap().is_empty(), "{member}");
        }
    }
    let page = ask("DELETE", "/api/v1/loads", JSON, "").await;
    assert!(page.headers.contains_key(header::ALLOW));
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits() {
    let (scene, _) = scene().await;
    let mut last = call(&scene, "/api/v1/conservation", None).await;
    for _ in 0..1_000 {
        last = call(&scene, "/api/v1/conservation", None).await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.headers[header::RETRY_AFTER], "1");
    assert_eq!(read(&last)["type"], json!("/api/v1/problems#rate"));
    scene.house.wait_s(1);
    let page = call(&scene, "/api/v1/conservation", None).await;
    assert_eq!(page.status, StatusCode::OK);
}

async fn lines(scene: &Scene, path: &str, key: Option<&str>, body: &str) -> Page {
    let mut request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/x-ndjson");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let body = Body::from(body.to_owned());
    send(&scene.app, request.body(body).unwrap()).await
}

fn each_line(page: &Page) -> Vec<Value> {
    let text = page.text();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_bad_line_does_not_keep_the_others_from_being_carried_out() {
    let (scene, _) = scene().await;
    let things = [
        scene.house.thing(1, "Car").await,
        scene.house.thing(2, "Van").await,
    ];
    let line = |at: usize, act: &str| {
        let code = things[at].code.to_string();
        json!({"code": code, "act": act, "reason": "lent out"}).to_string()
    };
    let body = [
        line(0, "suspended"),
        "{".to_owned(),
        line(1, "issued"),
        line(1, "suspended"),
    ];
    let body = body.join("\n");
    let page = lines(&scene, "/api/v1/bulk/states", Some("b-1"), &body).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert_eq!(page.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let said = each_line(&page);
    assert_eq!(said.len(), 4);
    assert_eq!(said[0]["done"]["act"], json!("suspended"));
    assert_eq!(said[1]["problem"]["error"], json!("unfit"));
    assert_eq!((&said[2]["line"], said[2].get("done")), (&json!(3), None));
    assert_eq!(said[3]["done"]["code"], json!(things[1].code.to_string()));
    let again = lines(&scene, "/api/v1/bulk/states", Some("b-1"), &body).await;
    assert_eq!(again.body, page.body);
    let most = vec!["{}"; 1_001].join("\n");
    for body in ["", &most] {
        let page = lines(&scene, "/api/v1/bulk/states", None, body).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let request = thing::Keys::new(9).request_pem();
    let wish = json!({"name": "Bus", "kind": "device", "request": request}).to_string();
    let body = format!("{wish}\n{wish}\n");
    let issued = each_line(&lines(&scene, "/api/v1/bulk/codes", None, &body).await);
    assert_eq!(issued[0]["done"], issued[1]["done"], "the same request");
    let export = call(&scene, "/api/v1/export/codes", None).await;
    let export = each_line(&export);
    assert_eq!(export.len(), 3);
    assert_eq!(export[0]["code"], issued[0]["done"]["code"]);
    let listed = read(&call(&scene, "/api/v1/codes?state=frozen", None).await);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn money_is_asked_back_and_a_program_answers_once() {
    let (scene, _) = scene().await;
    let (car, _charger, id) = one_payment(&scene.house).await;
    let (ledger, now) = (&scene.house.ledger, scene.house.now());
    let none = read(&call(&scene, "/api/v1/refunds", None).await);
    assert_eq!(none["items"], json!([]));
    let (all, newest) = (PaymentQuery::default(), views::Page::first(1));
    let paid = ledger.payments(&all, &newest).await.unwrap().rows[0].id;
    let request = car.ask_back(paid, "It did not charge.", now);
    ledger.ask_back(request, now).await.unwrap();
    let asked = read(&call(&scene, "/api/v1/refunds", None).await);
    let asked = &asked["items"][0];
    assert_eq!(asked["state"], "waiting");
    assert_eq!(
        (&asked["payment"], &asked["words"]),
        (&json!(id), &json!("It did not charge."))
    );
    let path = format!("/api/v1/refunds/{}/answer", asked["number"]);
    let words = "The meter says that it did.";
    for (wish, because) in [
        (json!({}), "Say why"),
        (json!({"words": "x".repeat(161)}), "160 bytes"),
        (json!({"paid_back": id}), "no payment back"),
    ] {
        let refused = call(&scene, &path, Some(wish)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains(because), "{}", refused.text());
    }
    let decline = json!({"words": words});
    let first = call(&scene, &path, Some(decline.clone())).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert_eq!(read(&first)["state"], "declined");
    assert_eq!(call(&scene, &path, Some(decline)).await.body, first.body);
    let other = call(&scene, &path, Some(json!({"words": "Another one."}))).await;
    assert!(other.text().contains("answered before"), "{}", other.text());
    let unknown = call(
        &scene,
        "/api/v1/refunds/99/answer",
        Some(json!({"words": "x"})),
    )
    .await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
}
