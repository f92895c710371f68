//! What people do about one thing: another key, another owner, its money to another code.

use crate::browser::{Browser, Page, Scene};
use crate::house::thing::Keys;
use crate::house::{House, network};
use axum::http::StatusCode;
use protocol::cose::open;
use protocol::objects::Pass;
use protocol::{Code, KeyEpoch, Signer as _};

async fn act(browser: &mut Browser, code: &Code, what: &str, field: (&str, &str)) -> Page {
    let form = format!("/codes/{code}");
    browser
        .submit(&form, &format!("{form}/{what}"), &[field])
        .await
}

async fn refused(browser: &mut Browser, code: &Code, what: &str, field: (&str, &str), why: &str) {
    let page = act(browser, code, what, field).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    assert!(page.text().contains(why), "{why}: {}", page.text());
}

#[tokio::test]
async fn a_thing_gets_another_wallet_key_only_by_its_own_request() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let car = house.thing(1, "Car").await;
    let bike = house.thing(2, "Bike").await;
    let mut ada = scene.owner().await;
    let request = |transport, wallet| Keys::with_wallet(transport, wallet).request_pem();
    refused(
        &mut ada,
        &car.code,
        "key",
        ("request", "x"),
        "Paste the whole request",
    )
    .await;
    let other = request(2, 9);
    let why = "not signed by the thing that has this code";
    refused(&mut ada, &car.code, "key", ("request", &other), why).await;
    house.wait_s(60);
    for _ in 0..2 {
        let done = act(&mut ada, &car.code, "key", ("request", &request(1, 9))).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text());
        let page = ada.get(done.location()).await.text();
        for part in ["another wallet key", "✓ signature fits", "epoch 2"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
    let pass = ada.get(&format!("/1/{}/pass", car.code)).await.body;
    let pass = open::<Pass>(&pass, &network()).unwrap();
    let pass = pass.verify(&house.authorities.gateway.pass_key()).unwrap();
    let wallet = Keys::with_wallet(1, 9).wallet.public_key();
    assert_eq!((pass.get().key.0, pass.get().issued), (wallet, house.now()));
    let thing = house.ledger.thing(&car.code).await.unwrap().unwrap();
    assert_eq!((thing.wallet_key, thing.key_epoch), (wallet, KeyEpoch(2)));
    let old = request(1, 1);
    refused(
        &mut ada,
        &car.code,
        "key",
        ("request", &old),
        "given this key up before",
    )
    .await;
    let nobody = Code::derive(car.code.kind(), car.code.issued_by(), 77, b"x").unwrap();
    let token = ada.get("/areas").await.field("form_token");
    let fields = [("form_token", token.as_str()), ("request", &old)];
    let unknown = ada.post(&format!("/codes/{nobody}/key"), &fields).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let bike = house.ledger.thing(&bike.code).await.unwrap().unwrap();
    assert_eq!(bike.key_epoch, KeyEpoch(1));
}

async fn free(house: &House, code: &Code) -> u64 {
    let purse = house.ledger.purse(code).await.unwrap();
    purse.first().map_or(0, |view| view.row.free.get())
}

#[tokio::test]
async fn a_lost_things_money_goes_to_its_owners_new_code_and_nowhere_else() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house.declare_usd().await;
    let [lost, new, stranger] = [(1, "Car"), (2, "New car"), (3, "Ada")];
    let lost = house.thing(lost.0, lost.1).await;
    let new = house.thing(new.0, new.1).await;
    let stranger = house.thing(stranger.0, stranger.1).await;
    house.load(lost.code, 10_000_000, "first").await;
    let mut ada = scene.owner().await;
    let owner = stranger.code.to_string();
    refused(
        &mut ada,
        &lost.code,
        "owner",
        ("owner", "hello"),
        "That is no code",
    )
    .await;
    let owned = act(&mut ada, &lost.code, "owner", ("owner", &owner)).await;
    assert_eq!(owned.status, StatusCode::SEE_OTHER, "{}", owned.text());
    let to = new.code.to_string();
    refused(
        &mut ada,
        &lost.code,
        "recover",
        ("to", &to),
        "its owner the same",
    )
    .await;
    assert_eq!(free(house, &lost.code).await, 10_000_000);
    act(&mut ada, &new.code, "owner", ("owner", &owner)).await;
    let moved = act(&mut ada, &lost.code, "recover", ("to", &to)).await;
    let page = ada.get(moved.location()).await.text();
    for part in [
        "What was free has gone",
        "Recovered to",
        "New car",
        "superseded",
        ">Ada<",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for gone in [
        "recover its money",
        "Name the owner",
        "Replace the key",
        "Load money",
    ] {
        assert!(!page.contains(gone), "{gone}: {page}");
    }
    assert_eq!(free(house, &lost.code).await, 0);
    assert_eq!(free(house, &new.code).await, 10_000_000);
    let trail = ada.get("/audit").await.text();
    for part in ["lost thing recovered", "owner named", "(unfit)"] {
        assert!(trail.contains(part), "{part}: {trail}");
    }
}

async fn live(browser: &mut Browser, code: &Code, act: &str, reason: &str) -> Page {
    let form = format!("/codes/{code}");
    let fields = [("act", act), ("reason", reason)];
    browser
        .submit("/areas", &format!("{form}/state"), &fields)
        .await
}

async fn bay(browser: &mut Browser, owner: &Code) -> String {
    let fields = [
        ("name", "Bay 12"),
        ("latitude", "1"),
        ("longitude", "2"),
        ("level", "8"),
        ("start", "2026-01-01T00:00"),
        ("owner", &owner.to_string()),
    ];
    let issued = browser.submit("/issue-grid", "/issue-grid", &fields).await;
    let path = issued.location().split('?').next().unwrap();
    path.strip_prefix("/grids/").unwrap().to_owned()
}

#[tokio::test]
async fn the_life_of_a_code_is_offered_kept_and_shown() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house.declare_usd().await;
    let charger = house.thing(1, "Charger").await.code;
    let mut ada = scene.owner().await;
    let path = format!("/codes/{charger}");
    let grid = bay(&mut ada, &charger).await;
    let page = ada.get(&path).await.text();
    for (act, there) in [
        ("suspended", true),
        ("retired", true),
        ("revoked", true),
        ("resumed", false),
        ("activated", false),
    ] {
        let offered = page.contains(&format!("<option value=\"{act}\">"));
        assert_eq!(offered, there, "{act}: {page}");
    }
    for part in [">issued<", ">activated<", "by test"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let nothing = live(&mut ada, &charger, "suspended", " ").await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    live(&mut ada, &charger, "suspended", "dripping").await;
    let stand = [("place", grid.as_str()), ("reason", "mounted")];
    let place = format!("{path}/place");
    let why = "suspended; release or revoke it first";
    let bound = ada.submit("/areas", &place, &stand).await.text();
    assert!(bound.contains(why), "{bound}");
    let retired = live(&mut ada, &charger, "retired", "old").await.text();
    assert!(retired.contains(why), "{retired}");
    live(&mut ada, &charger, "resumed", "dried").await;
    let bound = ada.submit("/areas", &place, &stand).await;
    let page = ada.get(bound.location()).await.text();
    let here = format!("<a href=\"/grids/{grid}\">Bay 12</a>");
    for part in ["Where it stands is recorded", &here, "mounted", "dripping"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let bay = ada.get(&format!("/grids/{grid}")).await.text();
    assert!(bay.contains(&path) && !bay.contains(", until"), "{bay}");
    house.load(charger, 7, "coin").await;
    let retired = live(&mut ada, &charger, "retired", "old").await.text();
    assert!(retired.contains("It still holds money"), "{retired}");
    live(&mut ada, &charger, "revoked", "scrapped").await;
    let page = ada.get(&path).await.text();
    assert!(!page.contains("Change the state") && !page.contains("Record the place"));
    let bay = ada.get(&format!("/grids/{grid}")).await.text();
    assert!(bay.contains(", until"), "{bay}");
    let trail = ada.get("/audit").await.text();
    for part in ["place changed", "mounted (done)", "old (unfit)"] {
        assert!(trail.contains(part), "{part}: {trail}");
    }
}
