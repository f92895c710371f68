//! What is watched, who is told, and what becomes of the letters.

use crate::browser::{Browser, NOW, Page, Scene, send};
use crate::house::usd;
use crate::pending::ask;
use admin::{Disk, Watchman};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ledger::alerts::{Event, Kind, Letter, LetterState};
use ledger::diary::{Measured, NewReading};
use ledger::people::{Act, NewToken, Role, Roles, Scopes};
use protocol::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

const URL: &str = "http://127.0.0.1:9/services/T0/secret-path";

/// A scene with somebody who watches.
struct Watched {
    scene: Scene,
    watchman: Watchman,
    ada: Browser,
}

impl Watched {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let watchman = Watchman::of(&scene.house.portal());
        let ada = scene.owner().await;
        Self {
            scene,
            watchman,
            ada,
        }
    }

    fn now(&self) -> Timestamp {
        self.scene.house.now()
    }

    /// Makes a destination; its identifier.
    async fn destination(&mut self, way: &str, address: &str) -> String {
        let fields = [("name", "Duty room"), ("way", way), ("address", address)];
        let page = self
            .ada
            .submit("/alerts/destinations", "/alerts/destinations", &fields);
        let page = page.await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        let all = self.scene.house.alerts.destinations().await.unwrap();
        all.iter()
            .find(|one| one.address.text() == address)
            .unwrap()
            .id
            .to_string()
    }

    async fn rule(&mut self, fields: &[(&str, &str)]) -> Page {
        let mut all = vec![("name", "Watch"), ("quiet_s", "60")];
        all.extend_from_slice(fields);
        self.ada.submit("/alerts", "/alerts/rules", &all).await
    }

    async fn look(&self) -> usize {
        self.watchman.look(self.now()).await.unwrap()
    }

    async fn letters(&self) -> Vec<Letter> {
        self.scene.house.alerts.letters(None, 99).await.unwrap()
    }

    /// Lets the post work until what waits has been tried.
    async fn post(&self) {
        let now = self.now();
        let waits = async {
            while !self.scene.house.alerts.due(now).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        self.scene.house.post().keep(move || now, waits).await;
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_of_an_address_no_more_than_its_host() {
    let mut watched = Watched::new().await;
    let page = watched.ada.get("/alerts").await.text();
    assert!(page.contains("Nothing is watched"), "{page}");
    let fields = [("name", "Duty room"), ("way", "webhook"), ("address", URL)];
    let made = watched
        .ada
        .submit("/alerts/destinations", "/alerts/destinations", &fields)
        .await;
    let text = made.text();
    let at = text.find("whsec_").unwrap();
    let secret = text[at..].split('<').next().unwrap().to_owned();
    assert_eq!(secret.len(), "whsec_".len() + 44);
    for path in ["/alerts/destinations", "/alerts", "/audit"] {
        let page = watched.ada.get(path).await.text();
        assert!(
            !page.contains(&secret) && !page.contains("secret-path"),
            "{path}"
        );
    }
    let page = watched.ada.get("/alerts/destinations").await.text();
    assert!(page.contains("http://127.0.0.1:9/…"), "{page}");
    let trail = watched.ada.get("/audit").await.text();
    assert!(trail.contains("alert destination made"));
}

#[tokio::test]
async fn where_letters_may_not_go_no_destination_is_made() {
    let mut watched = Watched::new().await;
    for (way, address) in [
        ("webhook", "http://example.com/"),
        ("webhook", "https://192.168.1.1/"),
        ("webhook", "https://169.254.169.254/latest/meta-data"),
        ("webhook", "javascript:alert(1)"),
        ("mail", "nobody"),
        ("mail", "a@b@c"),
        ("mail", "a@example.com\r\nBcc: b@example.com"),
        ("mail", "<a@example.com>"),
        ("pigeon", "roof"),
    ] {
        let fields = [("name", "x"), ("way", way), ("address", address)];
        let page = watched
            .ada
            .submit("/alerts/destinations", "/alerts/destinations", &fields);
        assert_eq!(
            page.await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{address}"
        );
    }
    let house = &watched.scene.house;
    house.courier.without_mail.store(true, Ordering::SeqCst);
    let fields = [("name", "x"), ("way", "mail"), ("address", "a@example.com")];
    let page = watched
        .ada
        .submit("/alerts/destinations", "/alerts/destinations", &fields)
        .await;
    assert!(page.text().contains("mail.relay"));
    assert!(house.alerts.destinations().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_device_that_asks_is_told_of_once_more_when_more_ask_and_when_none_does() {
    let mut watched = Watched::new().await;
    let to = watched.destination("webhook", URL).await;
    let fields = [
        ("kind", "pending"),
        ("destination", to.as_str()),
        ("says_over", "1"),
    ];
    let made = watched.rule(&fields).await;
    assert_eq!(made.location(), "/alerts?done=made", "{}", made.text());
    assert_eq!(watched.look().await, 0);
    let first = ask(&watched.scene.house, 41, "CN=sensor").await;
    assert_eq!((watched.look().await, watched.look().await), (1, 0));
    let second = ask(&watched.scene.house, 42, "CN=sensor").await;
    assert_eq!(watched.look().await, 0, "it is quiet");
    watched.scene.house.wait_s(60);
    assert_eq!(watched.look().await, 1);
    for asker in [first, second] {
        let no = ledger::diary::Verdict::Rejected("not ours".to_owned());
        let house = &watched.scene.house;
        house
            .diary
            .decide(&asker.id, &no, "ada", house.now())
            .await
            .unwrap();
    }
    assert_eq!(watched.look().await, 1);
    let told: Vec<_> = watched.letters().await.into_iter().rev().collect();
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.event, one.fact.words.as_str()))
        .collect();
    let two = "2 devices ask for a code.";
    let expected = [
        (Event::Begins, "One device asks for a code."),
        (Event::More, two),
        (Event::Over, two),
    ];
    assert_eq!(told, expected);
    // The overview says the same words, because it is the same list.
    ask(&watched.scene.house, 43, "CN=sensor").await;
    let overview = watched.ada.get("/").await.text();
    assert!(overview.contains("One device asks for a code."));

    watched.post().await;
    let calls: Vec<_> = std::mem::take(&mut *watched.scene.house.courier.calls.lock().unwrap());
    assert_eq!(calls.len(), 3);
    let said: Value = serde_json::from_slice(calls[0].body()).unwrap();
    assert_eq!(said["kind"], "pending");
    assert_eq!(said["link"], "https://portal.test/pending");
    assert_eq!(
        said["id"],
        calls[0].headers()["webhook-id"].to_str().unwrap()
    );
    assert!(
        watched
            .letters()
            .await
            .iter()
            .all(|one| one.state == LetterState::Delivered)
    );
    let page = watched.ada.get("/alerts").await.text();
    assert!(page.contains("delivered") && page.contains(two), "{page}");
}

#[tokio::test]
async fn a_letter_that_is_not_taken_keeps_its_identifier_and_names_no_secret() {
    let mut watched = Watched::new().await;
    let to = watched.destination("webhook", URL).await;
    let path = format!("/alerts/destinations/{to}/trial");
    let courier = watched.scene.house.courier.clone();
    courier.refuses.store(true, Ordering::SeqCst);
    let tried = watched.ada.submit("/alerts/destinations", &path, &[]).await;
    assert_eq!(tried.location(), "/alerts/destinations?done=tried");
    watched.post().await;
    let letters = watched.letters().await;
    assert_eq!(
        (letters[0].state, letters[0].tries),
        (LetterState::Waiting, 1)
    );
    assert_eq!(letters[0].problem, "nobody is at http://127.0.0.1:9/…");
    let page = watched.ada.get("/alerts/destinations").await.text();
    assert!(page.contains("one try in vain"), "{page}");
    courier.refuses.store(false, Ordering::SeqCst);
    watched.scene.house.wait_s(10);
    watched.post().await;
    let calls = std::mem::take(&mut *courier.calls.lock().unwrap());
    let ids: Vec<_> = calls
        .iter()
        .map(|call| call.headers()["webhook-id"].clone())
        .collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    assert_eq!(calls[0].body(), calls[1].body());
    assert_eq!(watched.letters().await[0].state, LetterState::Delivered);
}

#[tokio::test]
async fn a_thing_that_measures_nothing_is_told_of_and_a_mail_says_which() {
    let mut watched = Watched::new().await;
    let house = &watched.scene.house;
    let (code, started) = (house.thing(7, "Cold store").await.code, house.now());
    let to = watched.destination("mail", "duty@example.com").await;
    let text = code.to_string();
    let mut fields = vec![
        ("kind", "silent"),
        ("destination", to.as_str()),
        ("minutes", "10"),
    ];
    let nameless = watched.rule(&fields).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    fields.push(("codes", text.as_str()));
    assert_eq!(watched.rule(&fields).await.location(), "/alerts?done=made");
    let says = async |watched: &Watched| {
        let house = &watched.scene.house;
        let reading = NewReading {
            code,
            name: "t".to_owned(),
            at_ms: 1,
            value: Measured::Number(4.0),
            unit: "Cel".to_owned(),
        };
        house
            .diary
            .add_readings(&[reading], house.now())
            .await
            .unwrap();
    };
    watched.scene.house.wait_s(599);
    assert_eq!(watched.look().await, 0, "the rule is younger than that");
    watched.scene.house.wait_s(1);
    assert_eq!(watched.look().await, 1);
    says(&watched).await;
    assert_eq!(watched.look().await, 0);
    watched.scene.house.wait_s(600);
    assert_eq!(watched.look().await, 1);
    watched.post().await;
    let mails: Vec<_> = watched.scene.house.courier.mails.lock().unwrap().clone();
    assert_eq!(mails[0].to, "duty@example.com");
    let so_far = format!("Cold store ({code}) has measured nothing so far.");
    assert!(mails[0].text.starts_with(&so_far), "{}", mails[0].text);
    assert!(mails[1].text.contains(&format!("/codes/{code}/messages")));
    assert!(
        mails[1]
            .subject
            .contains("has measured nothing since 2026-"),
        "{started:?}"
    );
    assert_ne!(mails[0].id, mails[1].id);
    // Nobody waits for a thing whose life is over.
    let ledger = &watched.scene.house.ledger;
    let state = ledger::ThingState::Revoked;
    ledger
        .set_state(&code, state, "lost", "ada", watched.now())
        .await
        .unwrap();
    watched.scene.house.wait_s(6_000);
    assert_eq!(watched.look().await, 0);
}

#[tokio::test]
async fn a_purse_that_passes_a_bound_is_told_of() {
    let mut watched = Watched::new().await;
    let code = watched.scene.house.thing(7, "Meter").await.code;
    watched.scene.house.declare_usd().await;
    let to = watched.destination("mail", "duty@example.com").await;
    let text = format!("{code:#}");
    for (kind, bound) in [("purse_below", "5"), ("purse_above", "20.5")] {
        let currency = format!("1.{}", usd().name());
        let fields = [
            ("kind", kind),
            ("destination", to.as_str()),
            ("codes", text.as_str()),
            ("bound", bound),
            ("currency", currency.as_str()),
        ];
        let made = watched.rule(&fields).await;
        assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    }
    assert_eq!(watched.look().await, 1);
    let house = &watched.scene.house;
    house.load(code, 20_500_000, "load-1").await;
    assert_eq!(watched.look().await, 0);
    house.load(code, 1, "load-2").await;
    assert_eq!(watched.look().await, 1);
    let words: Vec<_> = watched
        .letters()
        .await
        .into_iter()
        .map(|one| one.fact.words)
        .collect();
    let more = format!("Meter ({code}) holds 20.500001 USD, more than 20.500000 USD.");
    assert_eq!(words[0], more);
    assert!(words[1].ends_with("holds 0.000000 USD, less than 5.000000 USD."));
}

#[tokio::test]
async fn a_disk_that_fills_is_told_of_and_shown() {
    let mut watched = Watched::new().await;
    let to = watched.destination("mail", "duty@example.com").await;
    let fields = [("kind", "disk"), ("destination", to.as_str())];
    assert_eq!(watched.rule(&fields).await.status, StatusCode::SEE_OTHER);
    let disk = |free_bytes| {
        let all_bytes = 1 << 40;
        *watched.scene.house.live.disk.lock().unwrap() = Some(Disk {
            free_bytes,
            all_bytes,
        });
    };
    disk(1 << 30);
    assert_eq!(watched.look().await, 0);
    disk((1 << 30) - 1);
    assert_eq!(watched.look().await, 1);
    let page = watched.ada.get("/").await.text();
    assert!(
        page.contains("1,023 MiB of 1,048,576 MiB are free"),
        "{page}"
    );
}

#[tokio::test]
async fn who_may_only_look_makes_nothing() {
    let mut watched = Watched::new().await;
    watched.destination("webhook", URL).await;
    let mut grace = watched.scene.somebody(Roles::of(&[Role::Auditor])).await;
    let page = grace.get("/alerts/destinations").await.text();
    assert!(
        page.contains("Duty room") && !page.contains("<form class=\"card"),
        "{page}"
    );
    let mut factory = watched.scene.somebody(Roles::of(&[Role::Factory])).await;
    assert_eq!(factory.get("/alerts").await.status, StatusCode::FORBIDDEN);
}

async fn call(watched: &Watched, path: &str, key: &str, body: Option<Value>) -> (u16, Value) {
    let token = "a".repeat(64);
    let request = Request::builder()
        .method(if body.is_some() { "POST" } else { "GET" })
        .uri(format!("/api/v1/alerts/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(
            body.map_or(String::new(), |body| body.to_string()),
        ));
    let page = send(&watched.scene.app, request.unwrap()).await;
    (
        page.status.as_u16(),
        serde_json::from_slice(&page.body).unwrap(),
    )
}

#[tokio::test]
async fn programs_do_what_people_do_and_the_same_again_is_one() {
    let watched = Watched::new().await;
    let new = NewToken {
        hash: admin::door::secret::hash(&"a".repeat(64)),
        label: "tests",
        roles: Roles::of(&[Role::Operator]),
        scopes: Scopes::EVERY,
        life_s: 3_600,
    };
    let act = Act {
        who: "test",
        what: "token made",
        about: "",
        origin: "test",
    };
    watched
        .scene
        .house
        .people
        .add_token(new, &act, NOW)
        .await
        .unwrap();
    let wish = json!({"name": "Hook", "way": "webhook", "address": URL});
    let (status, made) = call(&watched, "destinations", "d", Some(wish.clone())).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(
        call(&watched, "destinations", "d", Some(wish)).await.1,
        made
    );
    let to = made["id"].as_str().unwrap();
    let wish = json!({"name": "Pending", "kind": "pending", "destination": to});
    let (status, rule) = call(&watched, "rules", "r", Some(wish.clone())).await;
    assert_eq!(status, 200, "{rule}");
    assert_eq!(call(&watched, "rules", "r", Some(wish)).await.1, rule);
    let (_, rules) = call(&watched, "rules", "-", None).await;
    assert_eq!(rules["items"], json!([rule]));
    let tried = call(
        &watched,
        &format!("destinations/{to}/trial"),
        "t",
        Some(json!({})),
    )
    .await;
    assert_eq!(tried.0, 200, "{}", tried.1);
    ask(&watched.scene.house, 41, "CN=sensor").await;
    watched.look().await;
    let (_, letters) = call(&watched, "letters?limit=1", "-", None).await;
    assert_eq!(letters["items"][0]["kind"], Kind::Pending.word());
    let next = letters["next"].as_str().unwrap();
    let (_, letters) = call(&watched, &format!("letters?cursor={next}"), "-", None).await;
    assert_eq!(letters["items"][0]["id"], tried.1["letter"]);
    let (_, all) = call(&watched, "destinations", "-", None).await;
    assert!(
        !all.to_string().contains("secret") && all["items"][0]["waiting"] == 2,
        "{all}"
    );
    let removal = format!("destinations/{to}/removal");
    assert_eq!(call(&watched, &removal, "x", Some(json!({}))).await.0, 422);
    let gone = format!("rules/{}/removal", rule["id"].as_str().unwrap());
    assert_eq!(call(&watched, &gone, "y", Some(json!({}))).await.0, 200);
    assert_eq!(call(&watched, &removal, "z", Some(json!({}))).await.0, 200);
    for wish in [
        json!({"name": "x", "kind": "nothing", "destination": to}),
        json!({"name": "x", "kind": "pending", "destination": "x"}),
        json!({"name": "x", "kind": "pending", "destination": to, "after_s": 60}),
        json!({"name": "x", "kind": "silent", "destination": to, "after_s": 60}),
        json!({"name": "x", "kind": "purse_below", "destination": to, "bound_minor": 1}),
    ] {
        let (status, problem) = call(&watched, "rules", "-", Some(wish)).await;
        assert_eq!(status, 422, "{problem}");
    }
}
