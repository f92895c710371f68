//! Who may read what a thing says.

use crate::api;
use crate::browser::Scene;
use axum::http::StatusCode;
use serde_json::json;

fn wish<'w>(reader: &'w str, branch: &'w str, price: &'w str) -> [(&'w str, &'w str); 4] {
    [
        ("reader", reader),
        ("branch", branch),
        ("price", price),
        ("currency", "1.USD"),
    ]
}

#[tokio::test]
async fn an_operator_lets_a_code_read_and_ends_it() {
    let scene = Scene::new().await;
    let (sensor, reader) = (
        scene.house.thing(1, "Sensor").await.code,
        scene.house.thing(2, "Reader").await.code,
    );
    scene.house.declare_usd().await;
    let mut ada = scene.owner().await;
    let path = format!("/codes/{sensor}/readers");
    let empty = ada.get(&path).await.text();
    assert!(
        empty.contains("None yet. A grant lets another code"),
        "{empty}"
    );
    let (own, other) = (sensor.to_string(), reader.to_string());
    for (reader, branch, price, why) in [
        (
            other.as_str(),
            "c/#",
            "",
            "nothing else of a thing is for others",
        ),
        (
            other.as_str(),
            "twin/desired",
            "",
            "nothing else of a thing is for others",
        ),
        (own.as_str(), "t/#", "", "reads its own branch anyway"),
        (other.as_str(), "t/#", "0", "at least one smallest unit"),
        (other.as_str(), "t/#", "x", "Amount"),
    ] {
        let refused = ada.submit(&path, &path, &wish(reader, branch, price)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{branch}");
        assert!(refused.text().contains(why), "{}", refused.text());
    }
    let made = ada
        .submit(&path, &path, &wish(&other, "t/#", "0.000025"))
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let page = ada.get(&path).await.text();
    assert!(
        page.contains("0 of 0 paid") && page.contains("Reader"),
        "{page}"
    );
    let got = ada.get(&format!("/codes/{reader}/readers")).await.text();
    assert!(got.contains("Sensor") && !got.contains("/end\""), "{got}");
    // The same again changes nothing; at another price it is another grant.
    ada.submit(&path, &path, &wish(&other, "t/#", "0.000025"))
        .await;
    let dearer = ada
        .submit(&path, &path, &wish(&other, "t/#", "0.000026"))
        .await;
    assert_eq!(dearer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let given = scene.house.grants.given(sensor, reader);
    let [grant] = given.as_slice() else {
        panic!("{given:?}")
    };
    assert_eq!(grant.price.unwrap().each.get(), 25);
    let end = format!("{path}/{}/end", grant.id);
    assert_eq!(
        ada.submit(&path, &end, &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        ada.submit(&path, &end, &[]).await.status,
        StatusCode::NOT_FOUND
    );
    assert!(scene.house.grants.given(sensor, reader).is_empty());
    assert!(ada.get(&path).await.text().contains("ended"));
    let trail = ada.get("/audit").await.text();
    assert!(
        trail.contains(&format!("{reader} may read t/# of {sensor}")),
        "{trail}"
    );
}

#[tokio::test]
async fn programs_grant_and_are_told_what_was_paid() {
    let (scene, _) = api::scene().await;
    let (sensor, reader) = (
        scene.house.thing(1, "Sensor").await.code,
        scene.house.thing(2, "Reader").await.code,
    );
    let path = format!("/api/v1/codes/{sensor}/readers");
    let half = json!({"reader": reader.to_string(), "branch": "s", "price_minor": 3});
    let refused = api::call(&scene, &path, Some(half)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wish = json!({"reader": reader.to_string(), "branch": "s"});
    let made = api::read(&api::call(&scene, &path, Some(wish)).await);
    let listed = api::read(&api::call(&scene, &path, None).await);
    let one = &listed["items"][0];
    assert_eq!(one["grant"], made["grant"]);
    assert!(
        one["reads_paid"].is_null() && one["ended"].is_null(),
        "{one}"
    );
    let end = format!("{path}/{}/end", made["grant"].as_str().unwrap());
    let ended = api::call(&scene, &end, Some(json!({}))).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
}
