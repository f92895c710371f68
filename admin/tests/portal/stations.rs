//! Stations, orders, manifests, and the codes that come of them.

use crate::api::{self, read};
use crate::browser::{Browser, Page, Scene, send};
use crate::house::thing::Keys;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ledger::people::{Role, Roles};
use serde_json::json;

async fn admit(browser: &mut Browser, request: &str, kind: &str) -> Page {
    let token = browser.get("/stations").await.field("form_token");
    let parts = [
        ("form_token", None, token.as_str()),
        ("request", Some("request.pem"), request),
        ("name", None, "Line 3"),
        (kind, None, "1"),
        ("first", None, "1"),
        ("last", None, "1000"),
        ("days", None, "365"),
    ];
    browser.upload("/stations", &parts).await
}

async fn order(browser: &mut Browser, station: &str, count: &str) -> Page {
    let fields = [
        ("station", station),
        ("kind", "passive item"),
        ("count", count),
        ("product", "Seal \"5\""),
        ("batch", "B-17"),
        ("life_days", "3650"),
        ("days", "30"),
        ("class", "0"),
    ];
    browser.submit("/orders", "/orders", &fields).await
}

pub async fn bring(browser: &mut Browser, content: &str) -> Page {
    let token = browser.get("/manifests").await.field("form_token");
    let parts = [
        ("form_token", None, token.as_str()),
        ("manifest", Some("000001.manifest"), content),
    ];
    browser.upload("/manifests", &parts).await
}

/// A station, an order for three, and its address.
pub async fn ordered(browser: &mut Browser) -> String {
    let admitted = admit(browser, &Keys::new(7).request_pem(), "passive item").await;
    assert_eq!(
        admitted.status,
        StatusCode::SEE_OTHER,
        "{}",
        admitted.text()
    );
    let station = admitted.location().split('?').next().unwrap();
    let station = station.strip_prefix("/stations/").unwrap();
    let placed = order(browser, station, "3").await;
    assert_eq!(placed.status, StatusCode::SEE_OTHER, "{}", placed.text());
    placed.location().split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn from_a_request_to_codes_with_labels_and_proofs() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let order = ordered(&mut ada).await;
    let stations = ada.get("/stations").await.text();
    assert!(stations.contains("Line 3") && stations.contains("1 to 1,000"));
    let waiting = ada.get(&order).await.text();
    assert!(waiting.contains("Nothing has come back yet") && waiting.contains("0 of 3"));
    let signed = ada.get(&format!("{order}/order.txt")).await;
    assert!(issuer::order::SignedOrder::read(&signed.text()).is_ok());
    let none = ada.get(&format!("{order}/proofs.tar")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);

    assert_eq!(
        bring(&mut ada, "items 3").await.status,
        StatusCode::SEE_OTHER
    );
    let manifests = ada.get("/manifests").await.text();
    assert!(manifests.contains("3 codes came in"), "{manifests}");
    let page = ada.get(&order).await.text();
    assert!(page.contains("complete"), "{page}");
    let csv = ada.get(&format!("{order}/codes.csv")).await.text();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 4, "{csv}");
    assert!(lines[1].starts_with("1,2") && lines[1].contains("\"Seal \"\"5\"\"\""));
    let code = lines[1].split(',').nth(1).unwrap();

    let soon = ada.get(&format!("{order}/proofs.tar")).await;
    assert_eq!(soon.status, StatusCode::SERVICE_UNAVAILABLE);
    scene.house.ledger.publish(scene.house.now()).await.unwrap();
    let proofs = ada.get(&format!("{order}/proofs.tar")).await;
    assert_eq!(proofs.headers[header::CONTENT_TYPE], "application/x-tar");
    let held = String::from_utf8_lossy(&proofs.body);
    assert_eq!(held.matches("c2sp.org/tlog-proof").count(), 3);

    for (on, kind) in [("a4-65", "application/pdf"), ("zpl-4", "application/zpl")] {
        for signed in ["", "&signed=1"] {
            let labels = ada.get(&format!("{order}/labels?on={on}{signed}")).await;
            assert_eq!(labels.status, StatusCode::OK, "{on}");
            assert_eq!(labels.headers[header::CONTENT_TYPE], kind);
        }
    }
    let none = ada.get(&format!("{order}/labels?part=2")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);

    let item = ada.get(&format!("/codes/{code}")).await.text();
    for part in [
        "passive item",
        "Line 3",
        "B-17",
        &order,
        &format!("/1/{code}/proof"),
    ] {
        assert!(item.contains(part), "{part}: {item}");
    }
    let label = ada.get(&format!("/codes/{code}/label?on=a4-21")).await;
    assert_eq!(label.headers[header::CONTENT_TYPE], "application/pdf");
    let found = ada.get(&format!("/codes?q={code}")).await;
    assert_eq!(found.location(), format!("/codes/{code}"));
    let public = ada.get(&format!("/1/{code}")).await.text();
    assert!(public.contains("Genuine") && !public.contains("B-17"));
}

#[tokio::test]
async fn what_is_wrong_with_a_manifest_is_said_with_its_line() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let order = ordered(&mut ada).await;
    assert_eq!(bring(&mut ada, "torn").await.status, StatusCode::SEE_OTHER);
    let page = ada.get("/manifests").await.text();
    assert!(
        page.contains("Not taken, and nothing changed: line 3 of its journal"),
        "{page}"
    );
    assert_eq!(
        bring(&mut ada, "items 4").await.status,
        StatusCode::SEE_OTHER
    );
    assert!(
        ada.get(&order).await.text().contains("0 of 3"),
        "more than was ordered"
    );
    assert_eq!(
        bring(&mut ada, "").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let left = std::fs::exists(scene.house.spool.join("manifest")).unwrap();
    assert!(!left, "what was read does not stay");
    let trail = ada.get("/audit").await.text();
    assert!(trail.contains("manifest taken in") && trail.contains("refused: line 3"));
}

#[tokio::test]
async fn an_upload_without_the_token_of_its_form_changes_nothing() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    ordered(&mut ada).await;
    let token = ada.get("/manifests").await.field("form_token");
    let file = ("manifest", Some("m"), "items 3");
    for parts in [
        vec![file],
        vec![("form_token", None, "0123"), file],
        vec![file, ("form_token", None, token.as_str())],
    ] {
        let page = ada.upload("/manifests", &parts).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    ada.origin = Some("http://elsewhere.test".to_owned());
    let foreign = [("form_token", None, token.as_str()), file];
    let page = ada.upload("/manifests", &foreign).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        ada.get("/manifests")
            .await
            .text()
            .contains("No station has brought")
    );
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_with_the_next_step() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let pem = Keys::new(7).request_pem();
    let key = pem.replace("CERTIFICATE REQUEST", "PRIVATE KEY");
    for (request, kind, sentence) in [
        ("hello", "device", "Not admitted:"),
        ("", "device", "request.pem"),
        (key.as_str(), "device", "private key"),
        (pem.as_str(), "person", "at least one kind"),
    ] {
        let page = admit(&mut ada, request, kind).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(sentence), "{sentence}");
    }
    let long = "x".repeat(100_000);
    let page = admit(&mut ada, &long, "device").await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        ada.get("/stations")
            .await
            .text()
            .contains("No station is admitted")
    );
}

#[tokio::test]
async fn who_may_look_may_not_order() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let order = ordered(&mut ada).await;
    let mut auditor = scene.somebody(Roles::of(&[Role::Auditor])).await;
    let page = auditor.get(&order).await.text();
    assert!(page.contains("B-17") && !page.contains("Signed order"));
    assert!(
        !auditor
            .get("/stations")
            .await
            .text()
            .contains("Admit a station")
    );
    assert!(!auditor.get("/orders").await.text().contains("Order codes"));
    assert!(
        !auditor
            .get("/manifests")
            .await
            .text()
            .contains("Bring it in")
    );
    let mut factory = scene.somebody(Roles::of(&[Role::Factory])).await;
    assert!(
        factory
            .get("/manifests")
            .await
            .text()
            .contains("Bring it in")
    );
    assert!(
        !factory
            .get("/stations")
            .await
            .text()
            .contains("Admit a station")
    );
}

#[tokio::test]
async fn a_station_that_was_dismissed_says_so_and_brings_nothing_more() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let order = ordered(&mut ada).await;
    let stations = ada.get("/stations").await.text();
    let path = stations.split("href=\"/stations/").nth(1).unwrap();
    let path = format!("/stations/{}", path.split('"').next().unwrap());
    let mut factory = scene.somebody(Roles::of(&[Role::Factory])).await;
    assert!(
        !factory
            .get(&path)
            .await
            .text()
            .contains("Dismiss this station")
    );
    let dismiss = format!("{path}/dismiss");
    let empty = ada.submit(&path, &dismiss, &[("reason", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = ada
        .submit(&path, &dismiss, &[("reason", "line sold")])
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("Dismissed 2026") && page.contains("line sold"),
        "{page}"
    );
    assert!(!page.contains("Dismiss this station") && !page.contains("Order codes"));
    bring(&mut ada, "items 3").await;
    assert!(ada.get(&order).await.text().contains("0 of 3"));
    let trail = ada.get("/audit").await.text();
    assert!(trail.contains("station dismissed"), "{trail}");
}

/// A program brings a file.
async fn program(scene: &Scene, content: &'static str, key: Option<&str>) -> Page {
    let request = Request::post("/api/v1/manifests")
        .header(header::AUTHORIZATION, format!("Bearer {}", api::TOKEN))
        .header(header::CONTENT_TYPE, "application/octet-stream");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    send(&scene.app, request.body(Body::from(content)).unwrap()).await
}

#[tokio::test]
async fn a_program_brings_a_manifest_once() {
    let (scene, _) = api::scene().await;
    let mut ada = scene.owner().await;
    let order = ordered(&mut ada).await;
    let torn = program(&scene, "torn", Some("m1")).await;
    assert_eq!(torn.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = read(&torn)["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.starts_with("Not taken, and nothing changed: line 3"),
        "{detail}"
    );
    assert_eq!(
        program(&scene, "", None).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let first = program(&scene, "items 3", Some("m1")).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let told = read(&first);
    assert_eq!(
        (&told["number"], &told["made"]),
        (&json!(1), &json!(3)),
        "{told}"
    );
    let again = program(&scene, "items 3", Some("m1")).await;
    assert_eq!(first.body, again.body);
    let other = program(&scene, "items 2", Some("m1")).await;
    assert_eq!(read(&other)["error"], json!("key_reused"));
    assert!(ada.get(&order).await.text().contains("complete"));

    let listed = read(&api::call(&scene, "/api/v1/manifests", None).await);
    assert_eq!(listed["items"], json!([told]));
    let reading = read(&api::call(&scene, "/api/v1/manifests/reading", None).await);
    let states = ["taken", "refused"].map(|state| json!(state));
    let rows = reading["items"].as_array().unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row["state"].clone())
            .collect::<Vec<_>>(),
        states
    );
    assert_eq!(rows[0]["codes"], json!(3), "{reading}");
    let left = std::fs::exists(scene.house.spool.join("manifest")).unwrap();
    assert!(!left, "what was read does not stay");
    let trail = ada.get("/audit").await.text();
    assert_eq!(
        trail.matches("manifest taken in").count(),
        2,
        "once a deed: {trail}"
    );
    assert!(trail.contains("till 4"), "{trail}");
}

#[tokio::test]
async fn a_manifest_that_comes_while_another_does_is_put_off() {
    let (scene, _) = api::scene().await;
    let mut ada = scene.owner().await;
    ordered(&mut ada).await;
    let (sender, pieces) = tokio::sync::mpsc::channel::<Result<&'static str, std::io::Error>>(1);
    let body = Body::from_stream(futures_util::stream::unfold(pieces, |mut pieces| async {
        pieces.recv().await.map(|piece| (piece, pieces))
    }));
    let slow = Request::post("/api/v1/manifests")
        .header(header::AUTHORIZATION, format!("Bearer {}", api::TOKEN))
        .header(header::CONTENT_TYPE, "application/octet-stream");
    let app = scene.app.clone();
    let slow = tokio::spawn(async move { send(&app, slow.body(body).unwrap()).await });
    sender.send(Ok("ite")).await.unwrap();
    // The channel has room for one piece: that the second goes in says that the first came out.
    sender.send(Ok("ms ")).await.unwrap();
    sender.reserve().await.unwrap();
    for _ in 0..2 {
        let second = program(&scene, "items 3", None).await;
        assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
        let page = bring(&mut ada, "items 3").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    sender.send(Ok("3")).await.unwrap();
    drop(sender);
    let page = slow.await.unwrap();
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let again = program(&scene, "items", None).await;
    assert_eq!(
        again.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the turn was given back"
    );
}
