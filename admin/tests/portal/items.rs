//! Things without keys: what their labels prove to strangers, and how they are stopped.

use crate::api;
use crate::browser::{Browser, Scene};
use crate::house::stations::inside;
use crate::house::thing::Keys;
use crate::house::{STATION, network};
use crate::stations::{bring, ordered};
use axum::http::StatusCode;
use ledger::people::{Role, Roles};
use protocol::Code;
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::keys::SoftwareKey;
use protocol::objects::{Labelled, MarkText};
use protocol::{GridCode, Kind};

/// Three things without keys that a station made, and their order's page.
async fn made(ada: &mut Browser) -> (String, [Code; 3]) {
    let order = ordered(ada).await;
    bring(ada, "items 3").await;
    let csv = ada.get(&format!("{order}/codes.csv")).await.text();
    let code = |line: &str| line.split(',').nth(1).unwrap().parse().unwrap();
    let codes: Vec<Code> = csv.lines().skip(1).map(code).collect();
    (order, codes.try_into().unwrap())
}

fn title(page: &str) -> &str {
    let (_, rest) = page.split_once("<h1>").unwrap();
    rest.split_once("</h1>").unwrap().0
}

#[tokio::test]
async fn the_signature_of_a_label_is_judged_and_so_is_the_lack_of_one() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let (_, [first, second, _]) = made(&mut ada).await;
    let authorities = &scene.house.authorities;
    let issuer = (authorities.issuer.code(), authorities.issuer.signer());
    let sign = |code: Code| {
        let mark = Labelled::Thing(code).sign(issuer.0, &network(), &*issuer.1);
        mark.unwrap()
    };
    let station = scene.house.ledger.stations().await.unwrap();
    let station = station[0].granted.clone().unwrap().0;
    let by_station = |number: u8, code: Code| {
        let key = Keys::new(number).wallet;
        Labelled::Thing(code)
            .sign(station, &network(), &key)
            .unwrap()
    };
    let mut stranger = scene.browser();
    let mut read = async |code: Code, mark: &str| {
        let page = stranger.get(&format!("/1/{code}/{mark}")).await;
        (page.status, page.text())
    };
    for (mark, role) in [(sign(first), "issuer"), (by_station(7, first), "station")] {
        for mark in [mark.as_str().to_owned(), mark.as_str().to_lowercase()] {
            let (status, page) = read(first, &mark).await;
            assert_eq!((status, title(&page)), (StatusCode::OK, "Genuine"));
            let said = format!("signed by the {role} of this network");
            assert!(page.contains(&said), "{page}");
        }
    }
    // Of another label, and by a key that nobody here knows.
    for mark in [sign(second), by_station(8, first)] {
        let (status, page) = read(first, mark.as_str()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(title(&page), "Do not trust this label");
        assert!(page.contains("the label is forged"), "{page}");
    }
    let damaged = sign(first).as_str().replace(['0', '1'], "2");
    let (_, page) = read(first, &damaged).await;
    assert!(
        title(&page) == "Genuine" && page.contains("cannot be read"),
        "{page}"
    );
    let (status, _) = read(first, "short").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let none = IssuedBy {
        issuer: 1,
        station: 9,
    };
    let none = Code::derive(Kind::PassiveItem, none, 1, b"nobody").unwrap();
    let (_, unknown) = read(none, sign(none).as_str()).await;
    assert_eq!(title(&unknown), "Not known here");
    let bare = stranger.get(&format!("/1/{first}")).await.text();
    assert!(bare.contains("Nothing but the code was scanned"), "{bare}");
}

#[tokio::test]
async fn the_secret_inside_tells_the_original_from_a_copy() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let (_, [first, ..]) = made(&mut ada).await;
    let car = scene.house.thing(1, "Car").await.code;
    let mut stranger = scene.browser();
    let right = inside(first.sequence()).text().as_str().to_owned();
    let wrong = inside(99).text().as_str().to_owned();
    let grouped = format!("{}-{}", &right[..9], &right[9..]).to_lowercase();
    for (code, secret, expected, said) in [
        (first, &right, "Genuine", "only the original has it"),
        (first, &grouped, "Genuine", "only the original has it"),
        (
            first,
            &wrong,
            "Do not trust this label",
            "this is no original",
        ),
        (
            car,
            &right,
            "Do not trust this label",
            "this is no original",
        ),
    ] {
        for path in [
            format!("/1/{code}/{secret}"),
            format!("/1/{code}?inside={secret}"),
        ] {
            let page = stranger.get(&path).await.text();
            assert_eq!(title(&page), expected, "{path}");
            assert!(page.contains(said), "{page}");
        }
    }
    let page = stranger.get(&format!("/1/{first}")).await.text();
    assert!(page.contains("Secret printed inside"));
    let page = stranger.get(&format!("/1/{car}")).await.text();
    assert!(!page.contains("Secret printed inside"), "a car has a key");
}

#[tokio::test]
async fn programs_are_told_of_a_thing_without_a_key_what_there_is() {
    let (scene, _) = api::scene().await;
    let mut ada = scene.owner().await;
    let (order, [first, ..]) = made(&mut ada).await;
    let path = format!("/api/v1/codes/{first}");
    let page = api::call(&scene, &path, None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let item = api::read(&page);
    assert_eq!(item["code"], first.to_string());
    assert_eq!(item["state"], "active");
    assert_eq!(item["order"], order.rsplit('/').next().unwrap());
    assert!(item["issued"].as_u64().unwrap() > 0 && item["batch"].is_string());
    for key in [
        "class",
        "registered",
        "key_epoch",
        "wallet_key",
        "certificate",
        "pass",
    ] {
        assert!(item[key].is_null(), "{key}: {item}");
    }
    let life = api::call(&scene, &format!("{path}/life"), None).await;
    assert_eq!(api::read(&life)["items"], serde_json::json!([]));
    let step = serde_json::json!({"act": "suspended", "reason": "torn off"});
    let done = api::call(&scene, &format!("{path}/state"), Some(step)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let item = api::read(&api::call(&scene, &path, None).await);
    assert_eq!(item["state"], "frozen");
}

#[tokio::test]
async fn a_thing_without_a_key_is_stopped_and_revoked_with_a_reason() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let (order, [first, second, _]) = made(&mut ada).await;
    let path = format!("/codes/{first}");
    let mut stranger = scene.browser();
    for (act, title_after, pill) in [
        ("suspended", "Suspended", "frozen"),
        ("resumed", "Genuine", "active"),
        ("revoked", "Revoked", "revoked"),
    ] {
        let fields = [("act", act), ("reason", "torn off at the dock")];
        let done = ada.submit(&path, &format!("{path}/state"), &fields).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        let page = ada.get(done.location()).await.text();
        assert!(page.contains("The state was changed"), "{page}");
        assert!(
            page.contains("torn off at the dock") && page.contains(pill),
            "{page}"
        );
        let public = stranger.get(&format!("/1/{first}")).await.text();
        assert_eq!(title(&public), title_after);
        assert!(!public.contains("dock"), "strangers learn no reasons");
    }
    let token = ada
        .get(&format!("/codes/{second}"))
        .await
        .field("form_token");
    let fields = [
        ("form_token", token.as_str()),
        ("act", "resumed"),
        ("reason", "again"),
    ];
    let refused = ada.post(&format!("{path}/state"), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("revoked, and that is for good"));
    assert!(!ada.get(&path).await.text().contains("Change the state"));
    let csv = ada.get(&format!("{order}/codes.csv")).await.text();
    assert_eq!(csv.matches(",revoked,").count(), 1);
    assert_eq!(csv.matches(",active,").count(), 2);
    assert!(
        ada.get("/audit")
            .await
            .text()
            .contains("torn off at the dock")
    );

    let mut reader = scene.somebody(Roles::of(&[Role::Auditor])).await;
    let page = reader.get(&format!("/codes/{second}")).await.text();
    assert!(!page.contains("Change the state"), "an auditor only reads");
    scene.house.ledger.publish(scene.house.now()).await.unwrap();
    let (_, leaf) = csv.lines().nth(1).unwrap().rsplit_once(',').unwrap();
    assert_eq!(leaf, format!("/1/{first}/proof"));
}

#[tokio::test]
async fn the_signature_of_a_places_label_is_judged_as_well() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let owner = house.thing(1, "Ada").await.code;
    let place = Place {
        by: STATION,
        level: Level::DEFAULT,
        point: Point::from_units(0, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(house.now().0) / 60, None).unwrap(),
        owner,
    };
    let grid = GridCode::derive(&place).unwrap();
    let kept = house
        .ledger
        .issue_grid(grid, "Bay", owner, "ada", house.now());
    kept.await.unwrap();
    let gateway = &house.authorities.gateway;
    let mark = |key: &dyn protocol::Signer| -> MarkText {
        let mark = Labelled::Place(grid).sign(gateway.code(), &network(), key);
        mark.unwrap()
    };
    let (ours, theirs) = (mark(&*gateway.signer()), SoftwareKey::ed25519(&[9; 32]));
    let mut stranger = scene.browser();
    let page = stranger.get(&format!("/G/{grid}/{}", ours.as_str())).await;
    let page = page.text();
    assert_eq!(title(&page), "Genuine");
    assert!(page.contains("signed by the gateway"), "{page}");
    let path = format!("/g/{grid}/{}", mark(&theirs).as_str());
    assert_eq!(
        title(&stranger.get(&path).await.text()),
        "Do not trust this label"
    );
    let path = format!("/g/{grid}/else");
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
}
