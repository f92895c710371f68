//! What is refused leaves a number behind.

use crate::browser::{PASSWORD, Scene, send};
use admin::{Counters, Lookup, Mistyped, Refused};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use ledger::ThingState;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, GridCode, Kind};

/// One symbol changed.
fn misread(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "7" { '8' } else { '7' })
}

fn lookups(counters: &Counters) -> Vec<(Lookup, u64)> {
    counters.lookups().filter(|(_, count)| *count > 0).collect()
}

fn mistypings(counters: &Counters) -> Vec<(Mistyped, u64)> {
    counters
        .mistypings()
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn refused(counters: &Counters, reason: Refused) -> u64 {
    let found = counters.refusals().find(|(known, _)| *known == reason);
    found.unwrap().1
}

#[tokio::test]
async fn lookups_of_strangers_are_counted_by_how_the_code_stands() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let counters = &house.counters;
    let (car, bike) = (house.thing(1, "Car").await, house.thing(2, "Bike").await);
    let now = house.now();
    let state = ThingState::Revoked;
    let revoked = house
        .ledger
        .set_state(&bike.code, state, "lost", "test", now);
    revoked.await.unwrap();
    let by = crate::house::STATION;
    let other = Code::derive(Kind::Device, by, 99, b"other").unwrap();
    let grid = GridCode::derive(&Place {
        by,
        level: Level::DEFAULT,
        point: Point::from_units(0, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(now.0) / 60, None).unwrap(),
        owner: car.code,
    })
    .unwrap();
    let mut stranger = scene.browser();
    for path in [
        format!("/1/{}", car.code),
        format!("/1/{}/pass", car.code),
        format!("/1/{}", bike.code),
        format!("/1/{other}"),
        format!("/1/{}", misread(&car.code.to_string())),
        "/1/hello".to_owned(),
        format!("/g/{grid}"),
        format!("/G/{}", misread(&grid.to_string())),
    ] {
        stranger.get(&path).await;
    }
    assert_eq!(
        lookups(counters),
        [
            (Lookup::Genuine, 2),
            (Lookup::Revoked, 1),
            (Lookup::Unknown, 2),
            (Lookup::Mistyped, 3),
        ]
    );
    let expected = [(Mistyped::Length, 1), (Mistyped::Check, 2)];
    assert_eq!(mistypings(counters), expected);
}

#[tokio::test]
async fn mistyped_searches_are_counted_and_names_are_not() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let car = scene.house.thing(1, "Car").await.code.to_string();
    for path in [
        "/codes?q=nobody".to_owned(),
        format!("/codes?q={car}"),
        format!("/codes?q={}", misread(&car)),
        format!("/codes?q={}", "2".repeat(49)),
        format!("/payments?payer={}", misread(&car)),
        "/payments?payee=2000".to_owned(),
    ] {
        ada.get(&path).await;
    }
    let expected = [(Mistyped::Length, 2), (Mistyped::Check, 2)];
    assert_eq!(mistypings(&scene.house.counters), expected);
    assert_eq!(lookups(&scene.house.counters), []);
}

#[tokio::test]
async fn refusals_are_counted_by_reason() {
    let scene = Scene::new().await;
    let counters = &scene.house.counters;
    let mut ada = scene.owner().await;
    let name = scene.house.people.persons().await.unwrap()[0].name.clone();
    let mut eve = scene.browser();
    eve.address = [10, 0, 0, 1];
    for _ in 0..5 {
        eve.sign_in(&name, "wrong password").await;
    }
    let locked = eve.sign_in(&name, PASSWORD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        ada.post("/sign-out", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    ada.get("/nowhere").await;
    ada.get("/codes/2000").await;
    let call = Request::get("/api/v1/frauds").body(Body::empty()).unwrap();
    send(&scene.app, call).await;
    for (reason, count) in [
        (Refused::Password, 5),
        (Refused::Wait, 1),
        (Refused::Forged, 1),
        (Refused::NotFound, 1),
        (Refused::Unfit, 1),
        (Refused::SignIn, 1),
        (Refused::Role, 0),
        (Refused::Broken, 0),
    ] {
        assert_eq!(refused(counters, reason), count, "{}", reason.word());
    }
}
