//! Pages with something on them.

use crate::browser::{Scene, send};
use crate::house::{House, thing};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use ledger::people::{Act, NewToken, Role, Roles, Scopes};
use protocol::message::Message;
use protocol::rules::judge_proof;

pub async fn one_payment(house: &House) -> (thing::Thing, thing::Thing, String) {
    house.declare_usd().await;
    let mut car = house.thing(1, "Car").await;
    let charger = house.thing(2, "Charger").await;
    house.load(car.code, 10_000_000, "first").await;
    car.renew(&house.ledger, 8_000_000, house.now()).await;
    let evidence = car.pay(&charger.code, 2_345_600, "session-1", false);
    let id = evidence.payment().id().to_string();
    let receipt = charger.receipt(&evidence, house.now());
    house
        .ledger
        .hand_in(evidence, Some(receipt), house.now())
        .await
        .unwrap();
    (car, charger, id)
}

#[tokio::test]
async fn a_payment_is_shown_with_everything_signed_about_it() {
    let scene = Scene::new().await;
    let (car, charger, id) = one_payment(&scene.house).await;
    let mut ada = scene.owner().await;
    let page = ada.get(&format!("/payments/{id}")).await.text();
    assert_eq!(page.matches("✓ signature fits").count(), 4, "{page}");
    for part in [
        "2.345600 USD",
        "session-1",
        "settled",
        "Charger",
        &format!("{:#}", car.code),
        &format!("{:#}", charger.code),
    ] {
        assert!(page.contains(part), "{part}");
    }
    let list = ada.get("/payments").await.text();
    assert!(list.contains(&id) && list.contains("settled"));
    let other = ada
        .get(&format!("/payments?payer={}", charger.code))
        .await
        .text();
    assert!(!other.contains(&id));
    let evidence = ada.get(&format!("/payments/{id}/evidence.cbor")).await;
    assert_eq!(evidence.headers[header::CONTENT_TYPE], "application/cbor");
    assert!(matches!(
        Message::read(&evidence.body),
        Ok(Message::Claim { .. })
    ));
    assert_eq!(
        ada.get(&format!("/payments/{id}/secret.cbor")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        ada.get(&format!("/payments/{}", "0".repeat(64)))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let overview = ada.get("/").await.text();
    assert!(overview.contains("✓ conserved") && overview.contains("10.000000"));
}

async fn auditors_token(scene: &Scene) -> String {
    let text = format!("{:064x}", 1);
    let act = Act {
        who: "test",
        what: "token made",
        about: "",
        origin: "test",
    };
    let new = NewToken {
        hash: admin::door::secret::hash(&text),
        label: "watch",
        roles: Roles::of(&[Role::Auditor]),
        scopes: Scopes::EVERY,
        life_s: 60,
    };
    let now = scene.house.now();
    scene.house.people.add_token(new, &act, now).await.unwrap();
    text
}

fn call(path: &str, token: &str) -> Request<Body> {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_fork_is_shown_with_a_proof_that_holds_anywhere() {
    let scene = Scene::new().await;
    let (mut car, charger, _) = one_payment(&scene.house).await;
    let house = &scene.house;
    for reference in ["copy a", "copy b"] {
        let evidence = car.pay(&charger.code, 1_000_000, reference, true);
        let receipt = charger.receipt(&evidence, house.now());
        house
            .ledger
            .hand_in(evidence, Some(receipt), house.now())
            .await
            .unwrap();
    }
    let mut ada = scene.owner().await;
    assert!(ada.get("/").await.text().contains("One fraud case"));
    assert!(
        ada.get("/frauds")
            .await
            .text()
            .contains("two payments under one number")
    );
    let proof = ada.get("/frauds/1/proof.cbor").await;
    let judged = judge_proof(&house.authorities.trust(), &proof.body).unwrap();
    assert_eq!(judged.code, car.code);
    let token = auditors_token(&scene).await;
    let listed = send(&scene.app, call("/api/v1/frauds", &token)).await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.body).unwrap();
    assert_eq!(listed["items"][0]["code"], car.code.to_string());
    let same = send(&scene.app, call("/api/v1/frauds/1/proof", &token)).await;
    assert_eq!(same.body, proof.body);
    assert!(
        ada.get(&format!("/codes/{}", car.code))
            .await
            .text()
            .contains("frozen")
    );
    for number in ["2", "-1", "x", "99999999999999999999"] {
        let page = ada.get(&format!("/frauds/{number}/proof.cbor")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{number}");
    }
}

#[tokio::test]
async fn a_pasted_request_becomes_one_code_however_often() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let pem = thing::Keys::new(9).request_pem();
    let fields = [
        ("name", "Kiosk"),
        ("product", "K7"),
        ("kind", "device"),
        ("request", pem.as_str()),
    ];
    let first = ada.submit("/issue", "/issue", &fields).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text());
    let second = ada.submit("/issue", "/issue", &fields).await;
    assert_eq!(first.location(), second.location());
    let page = ada.get(first.location()).await.text();
    for part in [
        "Kiosk",
        "K7",
        "✓ signature fits",
        "HTTPS://ID.EXAMPLE.COM/1/",
        "pay, accept",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let path = first.location().split('?').next().unwrap().to_owned();
    let certificate = ada.get(&format!("{path}/certificate.pem")).await.text();
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    let label = ada.get(&format!("{path}/qr.svg")).await;
    assert_eq!(label.headers[header::CONTENT_TYPE], "image/svg+xml");

    // Found by name, by whole code in any spelling, not under another state.
    assert!(ada.get("/codes?q=kio").await.text().contains("Kiosk"));
    let code = path.trim_start_matches("/codes/").to_lowercase();
    assert_eq!(ada.get(&format!("/codes?q={code}")).await.location(), path);
    assert!(
        !ada.get("/codes?state=revoked")
            .await
            .text()
            .contains("Kiosk")
    );

    let changed = ada
        .submit(
            &path,
            &format!("{path}/state"),
            &[("act", "revoked"), ("reason", "stolen")],
        )
        .await;
    assert_eq!(changed.status, StatusCode::SEE_OTHER);
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("stolen") && !page.contains("Change the state"),
        "revoked is for good"
    );
    let back = ada
        .submit(
            "/people",
            &format!("{path}/state"),
            &[("act", "resumed"), ("reason", "found")],
        )
        .await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        back.text()
            .contains("The code is revoked, and that is for good.")
    );
    let audit = ada.get("/audit?check=1").await.text();
    assert!(
        audit.contains("rows stand as they were written")
            && audit.contains("stolen (done)")
            && audit.contains("found (unfit)")
    );
}

#[tokio::test]
async fn a_request_that_proves_nothing_is_refused_and_sent_back() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let key = "-----BEGIN PRIVATE KEY-----\nMAYCAQECAQI=\n-----END PRIVATE KEY-----";
    let other =
        "-----BEGIN CERTIFICATE REQUEST-----\nMAYCAQECAQI=\n-----END CERTIFICATE REQUEST-----";
    for (request, expected) in [
        ("", "Paste the whole request"),
        (key, "private key"),
        (other, "not a PKCS#10 request"),
    ] {
        let fields = [
            ("name", "Kiosk"),
            ("product", ""),
            ("kind", "device"),
            ("request", request),
        ];
        let page = ada.submit("/issue", "/issue", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text().contains(expected), "{expected}");
        assert!(page.text().contains("Kiosk"), "what was typed is kept");
        assert!(
            !page.text().contains("BEGIN PRIVATE KEY"),
            "a key is not sent back"
        );
    }
    assert_eq!(scene.house.ledger.overview().await.unwrap().things, 0);
}

#[tokio::test]
async fn lists_go_on_from_a_cursor() {
    let scene = Scene::new().await;
    for seed in 1..=60 {
        scene
            .house
            .thing(seed, &format!("Thing no. {seed:02}"))
            .await;
    }
    let mut ada = scene.owner().await;
    let first = ada.get("/codes?q=thing").await.text();
    assert!(
        first.contains("Thing no. 01")
            && first.contains("Thing no. 50")
            && !first.contains("Thing no. 51")
    );
    let at = first.find("href=\"/codes?q=").unwrap() + 6;
    let next = first[at..]
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let second = ada.get(&next).await.text();
    assert!(
        second.contains("Thing no. 51")
            && second.contains("Thing no. 60")
            && !second.contains("Thing no. 50")
    );
    assert_eq!(
        ada.get("/codes?after=nonsense").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_grid_code_is_issued_from_exact_coordinates() {
    let scene = Scene::new().await;
    let owner = scene.house.thing(1, "Ada").await.code.to_string();
    let mut ada = scene.owner().await;
    let fields = [
        ("name", "Bay 12"),
        ("latitude", "48.858370"),
        ("longitude", "-2.294481"),
        ("level", "8"),
        ("height", "-1.5"),
        ("start", "2026-11-22T12:00"),
        ("length", "3"),
        ("unit", "days"),
        ("owner", owner.as_str()),
    ];
    let issued = ada.submit("/issue-grid", "/issue-grid", &fields).await;
    assert_eq!(issued.status, StatusCode::SEE_OTHER, "{}", issued.text());
    let again = ada.submit("/issue-grid", "/issue-grid", &fields).await;
    assert_eq!(issued.location(), again.location());
    let page = ada.get(issued.location()).await.text();
    for part in [
        "48.8583681° N",
        "2.2944878° W",
        "5 d 16 h",
        "\u{2212}1.5 m above",
        "HTTPS://ID.EXAMPLE.COM/G/",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for (at, wrong, expected) in [
        (1, "48,858", "Latitude"),
        (2, "181", "Longitude"),
        (3, "11", "level"),
        (4, "high", "Height"),
        (5, "yesterday", "Start"),
        (6, "-1", "Duration"),
        (8, "2000", "Owner"),
        (0, "", "name"),
        (8, "2R00-0080-0000-0000-0000-0000-0000-0000-00", "Owner"),
    ] {
        let mut fields = fields;
        fields[at].1 = wrong;
        let page = ada.submit("/issue-grid", "/issue-grid", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(page.text().contains(expected), "{expected}");
    }
    let mut renamed = fields;
    renamed[0].1 = "Bay 13";
    let page = ada.submit("/issue-grid", "/issue-grid", &renamed).await;
    assert!(page.text().contains("under another name"));
    assert_eq!(scene.house.ledger.overview().await.unwrap().grids, 1);
}

#[tokio::test]
async fn where_the_keys_of_each_authority_lie_and_when_it_ends_is_on_one_page() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let page = ada.get("/authorities").await.text();
    let rows: Vec<&str> = page.split("<tr>").collect();
    for authority in scene.house.authorities.all() {
        let code = format!("{:#}", authority.code());
        let row = rows.iter().find(|row| row.contains(&code)).unwrap();
        assert!(row.contains(authority.role().word()), "{row}");
        assert!(row.contains(authority.key_place().sentence()), "{row}");
        let year = 1970 + authority.not_after().0 / 31_556_952;
        assert!(row.contains(&format!("{year}-")), "{row}");
    }
}
