//! Devices that ask for a code and are not known.

use crate::browser::Scene;
use crate::house::House;
use crate::house::thing::Keys;
use axum::http::StatusCode;
use ledger::diary::{Asker, Standing};
use protocol::Digest;
use sha2::{Digest as _, Sha256};

pub async fn ask(house: &House, seed: u8, product: &str) -> Asker {
    let request = Keys::new(seed).request();
    let asker = Asker {
        id: Digest(Sha256::digest(&request).into()),
        request,
        fingerprint: Digest([seed; 32]),
        product: product.to_owned(),
        address: format!("192.0.2.{seed}"),
    };
    house.diary.ask(&asker, house.now()).await.unwrap();
    asker
}

#[tokio::test]
async fn devices_are_accepted_together_and_each_gets_its_own_code() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let mut ada = scene.owner().await;
    assert!(ada.get("/pending").await.text().contains("No device waits"));
    let (one, two) = (
        ask(house, 41, "CN=<sensor>").await,
        ask(house, 42, "CN=sensor").await,
    );
    let page = ada.get("/pending").await.text();
    assert!(
        page.contains("2929 2929") && page.contains("192.0.2.42"),
        "{page}"
    );
    assert!(page.contains("CN=&#60;sensor&#62;"), "{page}");
    assert!(
        ada.get("/")
            .await
            .text()
            .contains("2 devices ask for a code")
    );
    let (first, second) = (one.id.to_string(), two.id.to_string());
    let fields = [
        ("device", first.as_str()),
        ("device", second.as_str()),
        ("name", "Sensor"),
        ("product", "Model 1"),
        ("kind", "device"),
    ];
    let done = ada.submit("/pending", "/pending/accept", &fields).await;
    assert_eq!(done.location(), "/pending?accepted=2", "{}", done.text());
    let mut codes = Vec::new();
    for (asker, name) in [(&one, "Sensor 1"), (&two, "Sensor 2")] {
        let Standing::Accepted(code) = house.diary.ask(asker, house.now()).await.unwrap() else {
            panic!("it was accepted");
        };
        let thing = house.ledger.thing(&code).await.unwrap().unwrap();
        assert_eq!(thing.name, name);
        codes.push(code);
    }
    assert_ne!(codes[0], codes[1]);
    // The same form again changes nothing.
    let token = ada.get("/codes").await.field("form_token");
    let mut again = vec![("form_token", token.as_str())];
    again.extend_from_slice(&fields);
    assert_eq!(
        ada.post("/pending/accept", &again).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        house.diary.ask(&one, house.now()).await.unwrap(),
        Standing::Accepted(codes[0])
    );
    let trail = ada.get("/audit").await.text();
    assert!(trail.contains("pending device accepted"));
}

#[tokio::test]
async fn a_rejected_device_is_told_why_and_may_be_accepted_after_all() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let mut ada = scene.owner().await;
    let asker = ask(house, 41, "").await;
    let id = asker.id.to_string();
    for fields in [
        vec![("reason", "not ours")],
        vec![("device", id.as_str())],
        vec![("device", "nonsense"), ("reason", "x")],
    ] {
        let refused = ada.submit("/pending", "/pending/reject", &fields).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{fields:?}"
        );
    }
    let fields = [("device", id.as_str()), ("reason", "not ours")];
    let done = ada.submit("/pending", "/pending/reject", &fields).await;
    assert_eq!(done.location(), "/pending?rejected=1");
    assert_eq!(
        house.diary.ask(&asker, house.now()).await.unwrap(),
        Standing::Rejected("not ours".to_owned())
    );
    let page = ada.get("/pending?rejected=1").await.text();
    assert!(page.contains("One device is rejected") && page.contains("not ours"));
    let token = ada.get("/codes").await.field("form_token");
    let fields = [
        ("form_token", token.as_str()),
        ("device", id.as_str()),
        ("name", "Sensor"),
        ("kind", "device"),
    ];
    let done = ada.post("/pending/accept", &fields).await;
    assert_eq!(done.location(), "/pending?accepted=1", "{}", done.text());
    let unknown = "f".repeat(64);
    let fields = [
        ("form_token", token.as_str()),
        ("device", unknown.as_str()),
        ("name", "Sensor"),
        ("kind", "device"),
    ];
    assert_eq!(
        ada.post("/pending/accept", &fields).await.status,
        StatusCode::NOT_FOUND
    );
}
