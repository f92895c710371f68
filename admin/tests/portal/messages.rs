//! What a thing says, and what it is told.

use crate::browser::{Browser, Scene};
use crate::live::Heard;
use axum::http::StatusCode;
use ledger::ThingState;
use ledger::diary::{Measured, NewReading};
use ledger::people::{Role, Roles};
use protocol::Code;

async fn measured(scene: &Scene, code: Code, name: &str, values: &[f64]) {
    let now = scene.house.now();
    let start_ms = u64::from(now.0) * 1_000 - 60_000 * values.len() as u64;
    let reading = |(at, value): (usize, &f64)| NewReading {
        code,
        name: name.to_owned(),
        at_ms: start_ms + 60_000 * at as u64,
        value: Measured::Number(*value),
        unit: "Cel".to_owned(),
    };
    let readings: Vec<_> = values.iter().enumerate().map(reading).collect();
    let kept = scene.house.diary.add_readings(&readings, now).await;
    assert_eq!(kept.unwrap(), values.len());
}

async fn text(browser: &mut Browser, path: &str) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}");
    page.text()
}

#[tokio::test]
async fn telemetry_is_shown_with_its_chart_and_how_long_it_is_kept() {
    let scene = Scene::new().await;
    let thing = scene.house.thing(1, "Cold store").await;
    let mut ada = scene.owner().await;
    let path = format!("/codes/{}/messages", thing.code);
    let empty = text(&mut ada, &path).await;
    assert!(empty.contains("It has said no number yet"), "{empty}");
    measured(&scene, thing.code, "room/temperature", &[3.5, 4.25, -1.0]).await;
    measured(&scene, thing.code, "door", &[0.0, 1.0]).await;
    let page = text(&mut ada, &format!("{path}?name=room%2Ftemperature&hours=1")).await;
    for part in [
        "room/temperature (Cel), from \u{2212}1 to 4.25",
        "\u{2212}1",
        "none longer than 30 d",
        "Up to 20,000 values of a thing",
        "5 values are kept of it",
        "live?hours=1&#38;name=room/temperature",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let other = text(&mut ada, &format!("{path}?name=door&hours=99")).await;
    let wide = text(&mut ada, &format!("{path}?name=door&hours=6")).await;
    assert!(wide.contains("live?hours=6"));
    assert!(other.contains("door (Cel), from 0 to 1") && other.contains("hours=1"));
    assert!(
        text(&mut ada, &format!("/codes/{}", thing.code))
            .await
            .contains(&path)
    );
}

#[tokio::test]
async fn what_it_says_is_told_as_it_comes_and_to_nobody_else() {
    let scene = Scene::new().await;
    let (one, two) = (
        scene.house.thing(1, "One").await,
        scene.house.thing(2, "Two").await,
    );
    let ada = scene.owner().await;
    let open = ada.open(&format!("/codes/{}/live", one.code)).await;
    let mut heard = Heard::of(open);
    let tree = &scene.house.tree;
    tree.say(two.code, Some("MQTT"), "t/x", b"not yours");
    tree.say(one.code, Some("CoAP"), "t/x", b"<b>21.5</b>");
    measured(&scene, one.code, "x", &[21.5]).await;
    let row = heard.next().await.unwrap();
    assert!(row.starts_with("event: row\n"), "{row}");
    assert!(row.contains("CoAP") && row.contains("t/x") && !row.contains("<b>21.5"));
    let parts = heard.next().await.unwrap();
    assert!(parts.starts_with("event: parts\n"), "{parts}");
    assert!(parts.contains("21.5") && parts.contains("data-part=\"chart\""));
    // A flood is counted, and what is shown of it is bounded.
    for _ in 0..50 {
        tree.say(one.code, Some("MQTT"), "t/flood", b"1");
    }
    let mut rows = 0;
    loop {
        let event = heard.next().await.unwrap();
        match event.starts_with("event: row\n") {
            true if event.contains("too many") => break,
            true => rows += 1,
            false => tree.say(one.code, Some("MQTT"), "t/after", b"1"),
        }
        assert!(rows <= 50, "nothing was held back");
    }
}

#[tokio::test]
async fn operators_tell_a_thing_and_others_do_not() {
    let scene = Scene::new().await;
    let thing = scene.house.thing(1, "Pump").await;
    let page = format!("/codes/{}/messages", thing.code);
    let mut operator = scene.somebody(Roles::of(&[Role::Operator])).await;
    let desired = format!("/codes/{}/desired", thing.code);
    let command = format!("/codes/{}/command", thing.code);
    let wish = [("payload", " {\"limit\":16} ")];
    let told = operator.submit(&page, &desired, &wish).await;
    assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text());
    let twin = &scene.house.tree.twins.lock().unwrap()[&thing.code].clone();
    assert_eq!(twin.desired.as_deref(), Some(b"{\"limit\":16}".as_slice()));
    let kept = scene.house.diary.desired(&thing.code).await.unwrap();
    assert_eq!(kept.unwrap().payload, b"{\"limit\":16}");
    let told = operator
        .submit(&page, &command, &[("payload", "open")])
        .await;
    assert_eq!(told.location(), format!("{page}?done=command"));
    let diary = &scene.house.diary;
    let answered = diary.command_answered(&thing.code, 1, "done", scene.house.now());
    assert!(answered.await.unwrap());
    let shown = text(&mut operator, &page).await;
    for part in ["{&#34;limit&#34;:16}", "answered", "done (", "open"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Nothing, too much, and a thing whose life is over.
    let long = "x".repeat(4_097);
    for payload in ["", long.as_str()] {
        let refused = operator
            .submit(&page, &command, &[("payload", payload)])
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let taken = operator.submit(&page, &desired, &[("payload", "")]).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER);
    assert_eq!(diary.desired(&thing.code).await.unwrap(), None);
    let now = scene.house.now();
    let over =
        (scene.house.ledger).set_state(&thing.code, ThingState::Revoked, "lost", "test", now);
    over.await.unwrap();
    let token = operator.get("/codes").await.field("form_token");
    let fields = [("form_token", token.as_str()), ("payload", "open")];
    let refused = operator.post(&command, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("hears nothing any more"));
    // Others see it and have no forms; the trail names who told it what.
    let mut auditor = scene.somebody(Roles::of(&[Role::Auditor])).await;
    assert!(!text(&mut auditor, &page).await.contains("Give a command"));
    let trail = text(&mut auditor, "/audit").await;
    assert!(trail.contains("command given") && trail.contains("desired twin set"));
}
