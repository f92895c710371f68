//! Areas: defined, seen, and carried by allowances.

use crate::browser::{Browser, Scene};
use crate::house::{House, network};
use axum::http::StatusCode;
use ledger::people::{Role, Roles};
use protocol::cose::open;
use protocol::objects::Area;

async fn define(browser: &mut Browser, name: &str, cells: &str) -> crate::browser::Page {
    let fields = [("name", name), ("cells", cells)];
    browser.submit("/areas", "/areas", &fields).await
}

async fn car(house: &House) -> crate::house::thing::Thing {
    house.declare_usd().await;
    let car = house.thing(1, "Car").await;
    house.load(car.code, 10_000_000, "first").await;
    car
}

#[tokio::test]
async fn an_area_is_signed_once_and_named_by_the_next_allowance() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let mut car = car(house).await;
    let mut ada = scene.owner().await;
    let cells = "48.858370, 2.294481, 4\n33.8568 S, 151.2153 E, 6";
    let made = define(&mut ada, "Yard", cells).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text());
    let page = ada.get(made.location()).await.text();
    for part in [
        "Yard",
        "signed and kept",
        "48.8",
        "S, 151.2",
        "Places in it",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (path, _) = made.location().split_once('?').unwrap();
    let file = ada.get(&format!("{path}/area.cbor")).await;
    let signed = open::<Area>(&file.body, &network()).unwrap();
    let key = house.authorities.gateway.pass_key();
    assert_eq!(signed.verify(&key).unwrap().get().cells.iter().count(), 2);

    let known = define(&mut ada, "Other name", cells).await;
    assert_eq!(known.location(), format!("{path}?done=known"));
    let list = ada.get("/areas").await.text();
    assert!(list.contains("Yard") && !list.contains("Other name"));

    let form = format!("/codes/{}", car.code);
    let reference = path.strip_prefix("/areas/").unwrap();
    let set = ada
        .submit(&form, &format!("{form}/area"), &[("area", reference)])
        .await;
    assert!(
        ada.get(set.location())
            .await
            .text()
            .contains("From its next allowance on")
    );
    let page = ada.get(&form).await.text();
    assert!(
        page.contains(&format!("in <a href='{path}'>Yard</a>")),
        "{page}"
    );
    let granted = car.renew(&house.ledger, 1_000_000, house.now()).await;
    assert_eq!(granted.area.unwrap().to_string(), reference);
    ada.submit(&form, &format!("{form}/area"), &[("area", "")])
        .await;
    house.wait_s(1);
    let granted = car.renew(&house.ledger, 1_000_000, house.now()).await;
    assert_eq!(granted.area, None);
    let class = [("class", "0"), ("area", reference)];
    let set = ada.submit("/areas", "/areas/class", &class).await;
    let page = ada.get(set.location()).await.text();
    assert!(
        page.contains("that is where they may pay") && page.contains("<dd>Yard</dd>"),
        "{page}"
    );
    house.wait_s(1);
    let granted = car.renew(&house.ledger, 1_000_000, house.now()).await;
    assert_eq!(granted.area.unwrap().to_string(), reference);
    assert!(ada.get("/audit").await.text().contains("area assigned"));
}

#[tokio::test]
async fn what_is_no_area_is_refused_and_the_form_keeps_what_was_typed() {
    let scene = Scene::new().await;
    let car = car(&scene.house).await;
    let mut ada = scene.owner().await;
    let refused = define(&mut ada, "Yard", "48.85, 2.29, 4\nhere & there").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = refused.text();
    assert!(
        text.contains("Line 2: write latitude") && text.contains("here &#38; there"),
        "{text}"
    );
    assert!(
        ada.get("/areas")
            .await
            .text()
            .contains("No area is defined")
    );
    for path in [
        "/areas/00",
        "/areas/hello",
        "/areas/00000000000000000000000000000000",
    ] {
        assert_eq!(ada.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let form = format!("/codes/{}", car.code);
    let nowhere = [("area", "00000000000000000000000000000000")];
    let page = ada.submit(&form, &format!("{form}/area"), &nowhere).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    let standing = scene.house.ledger.standing(&car.code).await.unwrap();
    assert_eq!(standing.area, None);
}

#[tokio::test]
async fn who_only_looks_is_offered_no_form() {
    let scene = Scene::new().await;
    let mut eve = scene.somebody(Roles::of(&[Role::Auditor])).await;
    let page = eve.get("/areas").await.text();
    assert!(!page.contains("Define an area") && page.contains("No area is defined"));
}
