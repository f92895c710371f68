//! Other names of codes: who sets them, and what the resolver answers.

use crate::browser::Scene;
use axum::http::{StatusCode, header};
use ledger::people::{Role, Roles};

#[tokio::test]
async fn a_gs1_name_is_set_by_who_registers_and_leads_to_the_code() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await.code;
    let van = scene.house.thing(2, "Van").await.code;
    let mut ada = scene.owner().await;
    let mut stranger = scene.browser();
    let link = "/01/9506000134352/21/A-7";
    let none = stranger.get(link).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let name = [("gtin", "9506000134352"), ("serial", "A-7")];
    let form = format!("/codes/{car}");
    let set = ada.submit(&form, &format!("{form}/alias"), &name).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text());
    let page = ada.get(set.location()).await.text();
    assert!(page.contains("01/09506000134352/21/A-7"), "{page}");
    for link in [link, "/01/09506000134352/21/A-7"] {
        let sent_on = stranger.get(link).await;
        assert_eq!(sent_on.status, StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(sent_on.location(), format!("/1/{car}"));
    }
    let other = format!("/codes/{van}");
    let taken = ada.submit(&other, &format!("{other}/alias"), &name).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.text().contains("Another code has that name"));
    let mistyped = stranger.get("/01/9506000134353/21/A-7").await;
    assert_eq!(mistyped.status, StatusCode::UNPROCESSABLE_ENTITY);
    let away = [name[0], name[1], ("away", "1")];
    ada.submit(&form, &format!("{form}/alias"), &away).await;
    assert_eq!(stranger.get(link).await.status, StatusCode::NOT_FOUND);
    let trail = ada.get("/audit").await.text();
    assert!(
        trail.contains("other name") && trail.contains("(refused)"),
        "{trail}"
    );
    let mut reader = scene.somebody(Roles::of(&[Role::Auditor])).await;
    let page = reader.get(&form).await.text();
    assert!(!page.contains("Set the name"), "an auditor only reads");
}

#[tokio::test]
async fn a_code_that_counts_has_a_did_document_and_one_that_is_over_has_none() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let car = house.thing(1, "Car").await.code;
    let named = house
        .ledger
        .set_alias("01/09506000134352/21/7", &car, true, "ada", house.now());
    named.await.unwrap();
    let mut stranger = scene.browser();
    let path = format!("/1/{car}/did.json");
    let page = stranger.get(&path).await;
    assert_eq!(page.headers[header::CONTENT_TYPE], "application/did+json");
    let document: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(document["id"], format!("did:web:id.example.com:1:{car}"));
    let known_as = document["alsoKnownAs"].as_array().unwrap();
    assert!(known_as.contains(&"https://id.example.com/01/09506000134352/21/7".into()));
    let key = document["verificationMethod"][0]["publicKeyMultibase"].as_str();
    assert!(key.unwrap().starts_with("z6Mk"), "an Ed25519 key");
    assert!(!page.text().contains("Car"), "strangers learn no names");
    let over = ledger::ThingState::Revoked;
    let done = house
        .ledger
        .set_state(&car, over, "lost", "ada", house.now());
    done.await.unwrap();
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
}
