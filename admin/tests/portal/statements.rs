//! Statements and the trail as files.

use crate::api::{call, scene};
use crate::browser::Scene;
use axum::http::{StatusCode, header};
use serde_json::Value;

/// A purse that was loaded twice, so far apart, and paid once.
async fn moved(scene: &Scene, apart_s: u32) -> String {
    let house = &scene.house;
    house.declare_usd().await;
    let mut car = house.thing(1, "=Car, \"red\"").await;
    let charger = house.thing(2, "Charger").await;
    house.load(car.code, 9_000_001, "first").await;
    car.renew(&house.ledger, 8_000_000, house.now()).await;
    let evidence = car.pay(&charger.code, 1_500_009, "session", false);
    let receipt = charger.receipt(&evidence, house.now());
    let handed = house
        .ledger
        .hand_in(evidence, Some(receipt), house.now())
        .await;
    handed.unwrap();
    house.wait_s(apart_s);
    house.load(car.code, 500_000, "second").await;
    car.code.to_string()
}

#[tokio::test]
async fn a_statement_adds_up_and_goes_on_where_the_one_before_ended() {
    let scene = Scene::new().await;
    let code = moved(&scene, 86_400).await;
    let mut ada = scene.owner().await;
    let path = format!("/purses/{code}/statement?currency=1.USD&form=csv");
    let page = ada.get(&path).await;
    let disposition = page.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert!(disposition.contains("statement-") && disposition.ends_with("-USD.csv\""));
    let text = page.text();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 6, "{text}");
    assert!(rows[1].contains(",opening,,,,,,0.000000,USD"));
    assert!(rows[2].contains(",load,issuer,,") && rows[2].contains(",9.000001,9.000001,USD,"));
    assert!(rows[3].contains(",-1.500009,7.499992,USD,"), "{}", rows[3]);
    assert!(
        rows[3].contains("\"'=Car, \"\"red\"\"\""),
        "a name is no formula"
    );
    assert!(rows[4].contains(",0.500000,7.999992,USD,"));
    assert!(rows[5].contains(",closing,,,,,,7.999992,USD"));
    // The second day alone begins with what the first one left.
    let page = ada.get(&format!("{path}&from=2026-11-23")).await.text();
    let rows: Vec<&str> = page.lines().collect();
    assert_eq!(rows.len(), 4, "{page}");
    assert!(rows[1].contains(",opening,,,,,,7.499992,USD"));
    let page = ada.get(&format!("{path}&until=2026-11-22")).await.text();
    assert!(page.contains(",closing,,,,,,7.499992,USD"), "{page}");
    let books = ada.get("/money/statement?currency=1.USD&form=csv").await;
    assert!(books.text().contains(",closing,,,,,,9.500001,USD"));
    for (query, status) in [
        ("currency=1.USD&form=pdf", StatusCode::UNPROCESSABLE_ENTITY),
        ("currency=1.EUR&form=csv", StatusCode::UNPROCESSABLE_ENTITY),
        (
            "currency=1.USD&form=csv&from=yesterday",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "currency=1.USD&form=csv&from=2026-11-23&until=2026-11-21",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let page = ada.get(&format!("/money/statement?{query}")).await;
        assert_eq!(page.status, status, "{query}");
    }
}

#[tokio::test]
async fn amounts_in_camt_are_rounded_by_their_balances_and_exact_in_words() {
    let (scene, _) = scene().await;
    let code = moved(&scene, 60).await;
    let path = format!("/api/v1/purses/{code}/statement?currency=USD&form=camt053");
    let page = call(&scene, &path, None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let text = page.text();
    // 9.000001 is 9.00000; 7.499992 is 7.49999, so 1.50001 left; 7.999992 is 7.99999.
    for part in [
        "<Ntry><NtryRef>",
        "<Amt Ccy=\"USD\">9.00000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>",
        "<Amt Ccy=\"USD\">1.50001</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>",
        "<Amt Ccy=\"USD\">7.99999</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt>",
        "exact -1.500009 USD",
        "<Nm>=Car, &#34;red&#34;</Nm>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let csv = call(&scene, "/api/v1/books/statement?currency=USD", None).await;
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let unknown = call(&scene, "/api/v1/books/statement?currency=EUR", None).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_trail_is_one_file_from_its_first_row_on() {
    let (scene, _) = scene().await;
    let mut ada = scene.owner().await;
    let page = ada.get("/audit/trail.ndjson").await;
    assert_eq!(page.headers[header::CONTENT_TYPE], "application/x-ndjson");
    let text = page.text();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers = rows.iter().map(|row| row["number"].as_i64().unwrap());
    assert!(numbers.eq(1..=rows.len() as i64) && rows.len() >= 2);
    let same = call(&scene, "/api/v1/export/audit", None).await;
    assert_eq!(same.body, page.body);
}
