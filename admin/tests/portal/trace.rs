//! Where a load is and where money came from, as pages.

use crate::browser::Scene;
use crate::house::House;
use axum::http::StatusCode;

/// A load that went to `payees` things, the first of which paid one on.
async fn spent(house: &House, payees: u8) -> (String, Vec<String>) {
    house.declare_usd().await;
    let mut car = house.thing(1, "Car").await;
    house.load(car.code, 90_000_000, "first load").await;
    car.renew(&house.ledger, 80_000_000, house.now()).await;
    let mut things = Vec::new();
    for seed in 0..payees {
        things.push(house.thing(10 + seed, &format!("Charger {seed}")).await);
    }
    for (at, charger) in things.iter().enumerate() {
        let minor = 1_000_000 + at as u64 * 250_000;
        let evidence = car.pay(&charger.code, minor, "session", false);
        let receipt = charger.receipt(&evidence, house.now());
        let handed = house
            .ledger
            .hand_in(evidence, Some(receipt), house.now())
            .await;
        handed.unwrap();
    }
    let codes = things.iter().map(|thing| thing.code.to_string()).collect();
    let [first, second, ..] = &mut things[..] else {
        return (car.code.to_string(), codes);
    };
    first.renew(&house.ledger, 900_000, house.now()).await;
    let evidence = first.pay(&second.code, 400_000, "on", false);
    let receipt = second.receipt(&evidence, house.now());
    let handed = house
        .ledger
        .hand_in(evidence, Some(receipt), house.now())
        .await;
    handed.unwrap();
    (car.code.to_string(), codes)
}

#[tokio::test]
async fn a_load_leads_forwards_to_everybody_who_holds_of_it() {
    let scene = Scene::new().await;
    let (car, chargers) = spent(&scene.house, 3).await;
    let mut ada = scene.owner().await;
    let money = ada.get("/money").await.text();
    assert!(money.contains("href=\"/trace/load/1\""));
    let page = ada.get("/trace/load/1").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    for code in chargers.iter().chain([&car]) {
        assert!(text.contains(&format!("href=\"/trace/purse/{code}\"")));
    }
    // Sums on the curves: the load, three payments, and one that went on.
    for sum in ["90.000000", "1.000000", "1.250000", "1.500000", "0.400000"] {
        let label = format!(">{sum} USD</text>");
        assert!(text.contains(&label), "{sum}: {text}");
    }
    assert!(
        text.contains("holds 1.650000 USD"),
        "what came twice is one box"
    );
    // The table says the same: every coin of the load.
    assert!(text.contains("1\u{2013}"), "serials");
    for path in ["/trace/load/2", "/trace/load/x", "/trace/purse/2000"] {
        let status = ada.get(path).await.status;
        assert!(status.is_client_error(), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_purse_leads_back_to_its_loads() {
    let scene = Scene::new().await;
    let (_, chargers) = spent(&scene.house, 2).await;
    let code: protocol::Code = chargers[1].parse().unwrap();
    scene.house.load(code, 7_000_000, "second load").await;
    let mut ada = scene.owner().await;
    let text = ada.get(&format!("/trace/purse/{code}")).await.text();
    assert_eq!(text.matches("<rect class=\"load\"").count(), 2, "{text}");
    assert!(text.contains("href=\"/trace/load/1\"") && text.contains("Car"));
    for sum in ["1.250000", "0.400000", "7.000000"] {
        assert!(text.contains(&format!(">{sum} USD</text>")), "{sum}");
    }
    let empty = scene.house.thing(70, "Empty").await;
    let text = ada
        .get(&format!("/trace/purse/{}", empty.code))
        .await
        .text();
    assert!(text.contains("holds no money") && !text.contains("<svg class=\"layers\""));
}
