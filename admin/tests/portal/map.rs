//! The map and what it asks for.

use crate::browser::Scene;
use axum::http::{StatusCode, header};
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, GridCode};
use serde_json::Value;

async fn bay(
    scene: &Scene,
    owner: Code,
    name: &str,
    (latitude, longitude): (i64, i64),
) -> GridCode {
    let place = Place {
        by: crate::house::STATION,
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(latitude, longitude).unwrap(),
        height_dm: None,
        span: Span::new(30_000_000, None).unwrap(),
        owner,
    };
    let grid = GridCode::derive(&place).unwrap();
    let now = scene.house.now();
    let issued = scene
        .house
        .ledger
        .issue_grid(grid, name, owner, "test", now);
    issued.await.unwrap();
    grid
}

#[tokio::test]
async fn close_by_a_place_is_a_cell_and_from_afar_many_are_a_number() {
    let scene = Scene::new().await;
    let owner = scene.house.thing(1, "Car park").await.code;
    let first = bay(&scene, owner, "Bay <1>", (48_858_370_000, 2_294_481_000)).await;
    bay(&scene, owner, "Bay 2", (48_858_370_000, 2_294_581_000)).await;
    bay(&scene, owner, "Suva", (-18_124_800_000, 179_990_000_000)).await;
    let mut ada = scene.owner().await;
    let places = |answer: crate::browser::Page| {
        let json: Value = serde_json::from_slice(&answer.body).unwrap();
        json["places"].as_array().unwrap().clone()
    };
    let world = "/map/places.json?south=-90&west=-180&north=90&east=180";
    let afar = places(ada.get(world).await);
    let counts: Vec<_> = afar
        .iter()
        .map(|place| place["count"].as_u64().unwrap())
        .collect();
    assert_eq!(
        (counts.len(), counts.iter().sum::<u64>()),
        (2, 3),
        "{afar:?}"
    );
    assert!(
        afar.iter()
            .any(|place| place["grid"].is_null() && place["count"] == 2)
    );
    let near = "/map/places.json?south=48.8583&west=2.29444&north=48.8584&east=2.29452";
    let near = places(ada.get(near).await);
    let corner = first.corner();
    let found = near
        .iter()
        .find(|place| place["grid"] == first.to_string())
        .unwrap();
    assert_eq!(found["name"], "Bay <1>");
    assert_eq!(found["south"], corner.latitude());
    assert_eq!(found["north"], corner.latitude() + 64);
    for wrong in [
        "south=x&west=0&north=1&east=1",
        "south=0&west=0&north=91&east=1",
    ] {
        let answer = ada.get(&format!("/map/places.json?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let upside_down = "/map/places.json?south=1&west=1&north=0&east=0";
    assert_eq!(
        ada.get(upside_down).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn tiles_come_from_where_they_are_configured_and_from_nowhere_else() {
    let mut scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let page = ada.get("/map").await;
    assert!(page.text().contains("data-tiles=\"\""));
    let policy = |page: &crate::browser::Page| {
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str();
        policy.unwrap().to_owned()
    };
    assert!(
        policy(&page).ends_with("img-src 'self'"),
        "{}",
        policy(&page)
    );
    let mut portal = scene.house.portal();
    portal.tiles = Some("https://tiles.example/{z}/{x}/{y}.png".parse().unwrap());
    scene.app = admin::router(portal);
    let mut ada = scene.owner().await;
    let page = ada.get("/map").await;
    assert!(
        page.text()
            .contains("data-tiles=\"https://tiles.example/{z}/{x}/{y}.png\"")
    );
    assert!(policy(&page).ends_with("img-src 'self' https://tiles.example"));
}
