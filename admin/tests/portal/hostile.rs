//! Texts that want to be more than text.

use crate::browser::Scene;
use crate::house::usd;
use axum::http::StatusCode;
use protocol::GridCode;
use protocol::code::grid::{Level, Place, Point, Span};

const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }} {% raw %}",
    "javascript:alert(1)",
    "&lt;script&gt;&#60;",
    "'; DROP TABLE thing; --",
    "\u{202e}txet\u{2066}",
    "=HYPERLINK(\"http://evil\")",
    "%3Cscript%3E%00",
    "${jndi:ldap://evil}",
    "🦀 ＜script＞",
];

/// Markup that only a hostile text can have brought in.
fn assert_escaped(page: &str, path: &str) {
    for mark in [
        "<script>",
        "<img src=x",
        "onmouseover='",
        "onerror=alert(1)>",
    ] {
        assert!(!page.contains(mark), "{path} lets {mark} through");
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts_on_every_page() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house
        .ledger
        .declare_currency(usd(), 2, HOSTILE[0])
        .await
        .unwrap();
    let mut ada = scene.owner().await;
    let mut paths: Vec<String> = [
        "/",
        "/codes",
        "/grids",
        "/payments",
        "/frauds",
        "/money",
        "/people",
        "/audit",
        "/issue",
        "/issue-grid",
        "/secrets",
    ]
    .map(str::to_owned)
    .to_vec();
    for (seed, text) in HOSTILE.into_iter().enumerate() {
        let thing = house.thing(seed as u8 + 1, text).await;
        assert_eq!(
            house.ledger.thing(&thing.code).await.unwrap().unwrap().name,
            text,
            "kept byte for byte"
        );
        house.load(thing.code, 100, &format!("load {seed}")).await;
        let grid = GridCode::derive(&Place {
            by: crate::house::STATION,
            level: Level::DEFAULT,
            point: Point::from_units(seed as i32 * 64, 0).unwrap(),
            height_dm: None,
            span: Span::new(30_000_000, None).unwrap(),
            owner: thing.code,
        })
        .unwrap();
        house
            .ledger
            .issue_grid(grid, text, thing.code, text, house.now())
            .await
            .unwrap();
        let path = format!("/codes/{}", thing.code);
        ada.submit(
            &path,
            &format!("{path}/state"),
            &[("act", "suspended"), ("reason", text)],
        )
        .await;
        let token = [("label", text), ("days", "1"), ("auditor", "1")];
        assert_eq!(
            ada.submit("/people", "/people/token", &token).await.status,
            StatusCode::OK
        );
        scene.browser().sign_in(text, text).await;
        paths.extend([
            path,
            format!("/grids/{grid}"),
            format!("/purses/{}", thing.code),
            format!("/1/{}", thing.code),
            format!("/g/{grid}"),
        ]);
    }
    for path in &paths {
        let page = ada.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_escaped(&page.text(), path);
    }
    assert!(
        ada.get("/codes")
            .await
            .text()
            .contains("&#60;script&#62;alert(1)")
    );
}

#[tokio::test]
async fn hostile_texts_in_addresses_and_forms_come_back_as_texts() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    for text in HOSTILE {
        let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        for path in [
            "/codes?q=",
            "/1/",
            "/g/",
            "/codes/",
            "/grids/",
            "/payments/",
            "/purses/",
            "/payments?payer=",
            "/money?code=",
            "/welcome/",
            "/audit?before=",
            "/issue-grid?owner=",
            "/people?done=",
        ] {
            let path = format!("{path}{encoded}");
            let page = ada.get(&path).await;
            assert!(!page.status.is_server_error(), "{path}");
            assert_escaped(&page.text(), &path);
        }
        for (form, fields) in [
            (
                "/issue",
                vec![
                    ("name", text),
                    ("product", text),
                    ("kind", text),
                    ("request", text),
                ],
            ),
            (
                "/secrets",
                vec![("count", text), ("kind", text), ("life_s", text)],
            ),
            (
                "/issue-grid",
                vec![
                    ("name", text),
                    ("latitude", text),
                    ("longitude", text),
                    ("level", text),
                    ("owner", text),
                    ("unit", text),
                ],
            ),
            (
                "/money/load",
                vec![
                    ("code", text),
                    ("amount", text),
                    ("currency", text),
                    ("key", text),
                ],
            ),
            (
                "/money/currency",
                vec![("letters", text), ("exponent", text), ("name", text)],
            ),
            ("/people/change", vec![("person", text), ("owner", "1")]),
            ("/people/revoke", vec![("token", text)]),
        ] {
            let page = ada.submit("/people", form, &fields).await;
            assert!(
                page.status.is_client_error(),
                "{form} {text}: {}",
                page.status
            );
            assert_escaped(&page.text(), form);
        }
    }
    let mut stranger = scene.browser();
    for text in HOSTILE {
        let page = stranger.sign_in(text, text).await;
        assert_escaped(&page.text(), "/sign-in");
    }
}

#[test]
fn no_template_switches_escaping_off() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in [
            "|safe",
            "| safe",
            "|escape",
            "autoescape",
            "<script>",
            "style=\"",
            " onclick",
            "http://",
            "https://",
        ] {
            let allowed = mark == "http://" && text.contains("http://www.w3.org/2000/svg");
            assert!(
                allowed || !text.contains(mark),
                "{} holds {mark}",
                path.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 20);
}
