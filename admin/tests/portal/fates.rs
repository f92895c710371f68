//! Payments that end in other ways than settled at once.

use crate::browser::Scene;
use crate::house::House;
use crate::house::thing::{Thing, released};
use axum::http::StatusCode;
use protocol::Status;
use protocol::message::Message;

const LIFE_AND_GRACE_S: u32 = 8 * 86_400 + 1;

async fn pair(house: &House) -> (Thing, Thing) {
    house.declare_usd().await;
    let mut car = house.thing(1, "Car").await;
    let charger = house.thing(2, "Charger").await;
    house.load(car.code, 10_000_000, "first").await;
    car.renew(&house.ledger, 8_000_000, house.now()).await;
    (car, charger)
}

fn assert_holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_stream_is_shown_with_its_terms_and_the_units_taken() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let (mut car, charger) = pair(house).await;
    let stream = car.stream(&charger.code, 250_000, 12, "kWh");
    let id = stream.payment().id().to_string();
    let claim = |units, receipt| {
        let released = released(&stream, units);
        let claimed = house
            .ledger
            .claim_units(stream.clone(), released, receipt, house.now());
        async { claimed.await.unwrap() }
    };
    let mut ada = scene.owner().await;
    let path = format!("/payments/{id}");
    claim(5, None).await;
    assert_holds(
        &ada.get(&path).await.text(),
        &[
            "in transit",
            "The payee has the price of 5 units",
            "stream: price of a unit",
            "0.250000 USD",
            "stream: most units",
            "stream: anchor",
            "units paid for",
        ],
    );
    let evidence = ada.get(&format!("{path}/evidence.cbor")).await;
    assert!(matches!(
        Message::read(&evidence.body),
        Ok(Message::StreamClaim {
            units: 5,
            receipt: None,
            ..
        })
    ));
    let closing = charger.receipt_saying(&stream, None, Some(7), house.now());
    claim(7, Some(closing)).await;
    let page = ada.get(&path).await.text();
    assert_holds(
        &page,
        &[
            "settled",
            "The payee signed how many units it took",
            "units taken",
            "The payee has the price of 7 units",
        ],
    );
    assert_eq!(page.matches("✓ signature fits").count(), 4, "{page}");
    assert!(ada.get("/payments").await.text().contains("7 units"));
}

#[tokio::test]
async fn declined_and_returned_money_is_the_payers_again() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let (mut car, charger) = pair(house).await;
    let declined = car.pay(&charger.code, 1_000_000, "wrong bay", false);
    let lost = car.pay(&charger.code, 2_000_000, "never claimed", false);
    let receipt = charger.receipt_saying(&declined, Some(Status::WrongAmount), None, house.now());
    for (evidence, receipt) in [(&declined, Some(receipt)), (&lost, None)] {
        let handed_in = house.ledger.hand_in(evidence.clone(), receipt, house.now());
        handed_in.await.unwrap();
    }
    house.wait_s(LIFE_AND_GRACE_S);
    let returned = house.ledger.return_overdue(house.now(), 10).await;
    assert_eq!(returned.unwrap().0, 1);
    let mut ada = scene.owner().await;
    let page = |evidence: &ledger::Evidence| format!("/payments/{}", evidence.payment().id());
    assert_holds(
        &ada.get(&page(&declined)).await.text(),
        &[
            "pill warn\">declined",
            "declined because",
            "The payee declined it, signed",
            "What the payee did not take is the payer's again",
        ],
    );
    assert_holds(
        &ada.get(&page(&lost)).await.text(),
        &["pill warn\">returned", "Nobody claimed it in time"],
    );
    let list = ada.get("/payments").await.text();
    assert_holds(&list, &["declined", "returned"]);
}

#[tokio::test]
async fn a_payee_that_contradicts_itself_is_shown_with_both_receipts() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let (mut car, charger) = pair(house).await;
    let payment = car.pay(&charger.code, 1_000_000, "both", false);
    let takes = charger.receipt(&payment, house.now());
    let declines = charger.receipt_saying(&payment, Some(Status::WrongAmount), None, house.now());
    let hand_in = |receipt| {
        house
            .ledger
            .hand_in(payment.clone(), Some(receipt), house.now())
    };
    hand_in(takes).await.unwrap();
    assert_eq!(
        hand_in(declines.clone()).await.err(),
        Some(Status::Contradiction)
    );
    let mut ada = scene.owner().await;
    let path = format!("/payments/{}", payment.payment().id());
    let page = ada.get(&path).await.text();
    assert_holds(
        &page,
        &["two receipts that contradict each other", "settled"],
    );
    assert_eq!(page.matches("✓ signature fits").count(), 5, "{page}");
    let file = ada.get(&format!("{path}/contrary-receipt.cbor")).await;
    assert_eq!(
        (file.status, file.body.as_slice()),
        (StatusCode::OK, declines.bytes())
    );
}
