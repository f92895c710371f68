//! Every form of the table, sent by somebody else.

use crate::browser::{Browser, HOST, Scene, send};
use admin::door::Who;
use admin::routes::table;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

fn forms() -> Vec<&'static str> {
    let forms: Vec<_> = table()
        .into_iter()
        .filter(|route| route.method == Method::POST && !matches!(route.who, Who::Tokens(..)))
        .map(|route| route.path)
        .collect();
    assert!(forms.len() >= 12, "{forms:?}");
    forms
}

async fn refused(browser: &mut Browser, path: &str, fields: &[(&str, &str)], why: &str) {
    let page = browser.post(path, fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}: {why}");
    assert!(page.text().contains("Nothing was changed"), "{path}: {why}");
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_another_origin() {
    let scene = Scene::new().await;
    let (mut ada, mut bob) = (scene.owner().await, scene.owner().await);
    let own = ada.get("/people").await.field("form_token");
    let foreign = bob.get("/people").await.field("form_token");
    assert_ne!(own, foreign);
    let rows = scene.house.people.audit(None, 1000).await.unwrap().len();
    for path in forms() {
        refused(&mut ada, path, &[], "no token").await;
        refused(&mut ada, path, &[("form_token", "")], "empty token").await;
        refused(
            &mut ada,
            path,
            &[("form_token", &foreign)],
            "another session's token",
        )
        .await;
        let twice = [("form_token", own.as_str()), ("form_token", &foreign)];
        refused(&mut ada, path, &twice, "two tokens").await;
        for origin in [
            None,
            Some("null"),
            Some("http://evil.test"),
            Some("https://portal.test"),
            Some("http://portal.test.evil.test"),
        ] {
            let mut elsewhere = ada.clone();
            elsewhere.origin = origin.map(str::to_owned);
            refused(
                &mut elsewhere,
                path,
                &[("form_token", &own)],
                "another origin",
            )
            .await;
        }
    }
    let after = scene.house.people.audit(None, 1000).await.unwrap().len();
    assert_eq!(rows, after, "nothing happened");
    assert_eq!(
        ada.get("/").await.status,
        StatusCode::OK,
        "and nobody was signed out"
    );
}

#[tokio::test]
async fn the_same_form_with_its_token_is_taken() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    for path in forms() {
        if path == "/sign-out" {
            continue;
        }
        let own = ada.get("/people").await.field("form_token");
        let page = ada.post(path, &[("form_token", &own)]).await;
        assert_ne!(page.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn signing_in_is_protected_too() {
    let scene = Scene::new().await;
    let mut victim = scene.browser();
    let mut attacker = scene.browser();
    let token = attacker.get("/sign-in").await.field("form_token");
    victim.get("/sign-in").await;
    let fields = [
        ("form_token", token.as_str()),
        ("name", "x"),
        ("password", "y"),
    ];
    refused(&mut victim, "/sign-in", &fields, "another browser's token").await;
}

#[tokio::test]
async fn a_form_is_a_form() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let own = ada.get("/people").await.field("form_token");
    let cookie = format!("onecode={}", ada.cookies["onecode"]);
    let request = |content_type: &str, body: String| {
        Request::post("/money/currency")
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap()
    };
    let json = request("application/json", format!("{{\"form_token\":\"{own}\"}}"));
    assert_eq!(send(&scene.app, json).await.status, StatusCode::FORBIDDEN);
    let text = request("text/plain", format!("form_token={own}"));
    assert_eq!(send(&scene.app, text).await.status, StatusCode::FORBIDDEN);
    let form = "application/x-www-form-urlencoded";
    let large = request(
        form,
        format!("form_token={own}&name={}", "x".repeat(100_000)),
    );
    assert_eq!(
        send(&scene.app, large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}
