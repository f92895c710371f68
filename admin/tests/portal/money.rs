//! Loading and redeeming by form.

use crate::browser::{Page, Scene};
use axum::http::StatusCode;

async fn declared(scene: &Scene) {
    scene.house.declare_usd().await;
}

async fn put_in(scene: &Scene) -> i64 {
    let rows = scene.house.ledger.conservation().await.unwrap();
    assert!(rows.iter().all(|row| row.holds));
    rows.iter().map(|row| row.issued_minus_redeemed).sum()
}

fn problem(page: &Page) -> String {
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        page.text()
    );
    let text = page.text();
    let at = text.find("role=\"alert\">").unwrap() + 13;
    text[at..].split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_form_sent_twice_moves_money_once() {
    let scene = Scene::new().await;
    declared(&scene).await;
    let car = scene.house.thing(1, "Car").await;
    let mut ada = scene.owner().await;
    let form = ada.get("/money").await;
    let (token, key, code) = (
        form.field("form_token"),
        form.field("key"),
        car.code.to_string(),
    );
    let fields = [
        ("form_token", token.as_str()),
        ("key", &key),
        ("code", &code),
        ("currency", "1.USD"),
        ("amount", "12.5"),
    ];
    let mut first = ada.clone();
    let mut second = ada.clone();
    let (one, two) = tokio::join!(
        first.post("/money/load", &fields),
        second.post("/money/load", &fields)
    );
    assert_eq!(
        (one.location(), two.location()),
        ("/money?done=load", "/money?done=load")
    );
    let third = ada.post("/money/load", &fields).await;
    assert_eq!(third.status, StatusCode::SEE_OTHER);
    assert_eq!(put_in(&scene).await, 12_500_000);
    // The same key for another amount is a stale form, not an order.
    let mut other = fields;
    other[4].1 = "99";
    let refused = ada.post("/money/load", &other).await;
    assert!(problem(&refused).contains("sent before"));
    assert_ne!(
        refused.field("key"),
        key,
        "the form sent back is a fresh one"
    );
    assert_eq!(put_in(&scene).await, 12_500_000);
    let purse = ada.get(&format!("/purses/{code}")).await.text();
    assert!(purse.contains("12.500000 USD"), "{purse}");
}

#[tokio::test]
async fn what_cannot_be_carried_out_says_why_and_changes_nothing() {
    let scene = Scene::new().await;
    declared(&scene).await;
    let car = scene.house.thing(1, "Car").await;
    let mut ada = scene.owner().await;
    let code = car.code.to_string();
    for (fields, expected) in [
        (
            [
                ("code", code.as_str()),
                ("currency", "1.USD"),
                ("amount", "1.1234567"),
            ],
            "decimals",
        ),
        (
            [
                ("code", code.as_str()),
                ("currency", "1.USD"),
                ("amount", "0"),
            ],
            "more than nothing",
        ),
        (
            [
                ("code", code.as_str()),
                ("currency", "1.EUR"),
                ("amount", "1"),
            ],
            "currency",
        ),
        (
            [("code", "2000"), ("currency", "1.USD"), ("amount", "1")],
            "Code: a symbol is missing",
        ),
        (
            [
                ("code", code.as_str()),
                ("currency", "1.USD"),
                ("amount", "9223372036854.775808"),
            ],
            "at most",
        ),
    ] {
        let key = ada.get("/money").await.field("key");
        let mut all = vec![("key", key.as_str())];
        all.extend_from_slice(&fields);
        let page = ada.submit("/money", "/money/load", &all).await;
        assert!(
            problem(&page).contains(expected),
            "{expected}: {}",
            problem(&page)
        );
        assert_eq!(page.field("key"), key, "sent again it is the same order");
    }
    let key = ada.get("/money").await.field("key");
    let redeem = [
        ("key", key.as_str()),
        ("code", &code),
        ("currency", "1.USD"),
        ("amount", "1"),
    ];
    let page = ada.submit("/money", "/money/redeem", &redeem).await;
    assert!(problem(&page).contains("too little that is free"));
    assert_eq!(put_in(&scene).await, 0);
}

#[tokio::test]
async fn currencies_are_declared_once_and_for_good() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let declare = [("letters", "EUR"), ("exponent", "2"), ("name", "euro")];
    let page = ada.submit("/money", "/money/currency", &declare).await;
    assert_eq!(page.location(), "/money?done=currency");
    let mut other = declare;
    other[1].1 = "3";
    let page = ada.submit("/money", "/money/currency", &other).await;
    assert!(problem(&page).contains("never changes"));
    for wrong in [
        [("letters", "eur"), ("exponent", "2"), ("name", "x")],
        [("letters", "EURO"), ("exponent", "2"), ("name", "x")],
        [("letters", "XYZ"), ("exponent", "19"), ("name", "x")],
    ] {
        problem(&ada.submit("/money", "/money/currency", &wrong).await);
    }
    assert_eq!(scene.house.ledger.currencies().await.unwrap().len(), 1);
}
