//! Enrolment secrets made by people.

use crate::browser::Scene;
use axum::http::{StatusCode, header};
use ledger::IssueRequest;
use protocol::{Kind, Status};

/// The lines of `<pre id="...">`.
fn lines(page: &str, id: &str) -> Vec<String> {
    let mark = format!("id=\"{id}\">");
    let at = page
        .find(&mark)
        .unwrap_or_else(|| panic!("no {id}: {page}"));
    let rest = &page[at + mark.len()..];
    let text = &rest[..rest.find('<').unwrap()];
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn secrets_are_shown_once_with_the_command_that_uses_them() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    assert!(ada.get("/codes").await.text().contains("href=\"/secrets\""));
    let fields = [("count", "3"), ("kind", "person"), ("life_s", "3600")];
    let page = ada.submit("/secrets", "/secrets", &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    let secrets = lines(&page.text(), "fresh");
    let commands = lines(&page.text(), "commands");
    assert_eq!((secrets.len(), commands.len()), (3, 3));
    for (secret, command) in secrets.iter().zip(&commands) {
        assert!(command.starts_with("onecode device init --folder thing-"));
        assert!(command.contains(" --gateway http://portal.test --trust trust.toml "));
        assert!(command.ends_with(&format!(" --secret {secret}")));
    }

    let request = |secret: &str, kind, seed: u8| IssueRequest {
        secret_hash: Some(admin::door::secret::hash(secret)),
        request_hash: [seed; 32],
        kind,
        name: String::new(),
        by: "test".into(),
        serial: [seed; 16],
    };
    let (ledger, now) = (&scene.house.ledger, scene.house.now());
    let device = ledger.begin_issue(request(&secrets[0], Kind::Device, 1), now);
    assert_eq!(device.await.err(), Some(Status::NotPermitted));
    let person = ledger.begin_issue(request(&secrets[0], Kind::Person, 1), now);
    assert_eq!(person.await.unwrap().kind, Kind::Person);
    let late = ledger.begin_issue(request(&secrets[1], Kind::Person, 2), now.plus_s(3_600));
    assert_eq!(late.await.err(), Some(Status::Expired));

    for path in ["/secrets", "/codes", "/audit"] {
        let text = ada.get(path).await.text();
        assert!(
            secrets.iter().all(|secret| !text.contains(secret)),
            "{path}"
        );
    }
    let audit = ada.get("/audit").await.text();
    assert!(
        audit.contains("enrolment secrets made") && audit.contains("3 for person, good for 1 h")
    );
    let trust = ada.get("/trust.toml").await;
    assert_eq!(trust.headers[header::CONTENT_TYPE], "application/toml");
    assert!(trust.text().contains("network = \"test\""));
}

#[tokio::test]
async fn unfit_wishes_come_back_and_make_nothing() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let before = scene.house.people.audit(None, 1).await.unwrap()[0].number;
    for fields in [
        [("count", "0"), ("kind", "device"), ("life_s", "3600")],
        [("count", "101"), ("kind", "device"), ("life_s", "3600")],
        [("count", "1"), ("kind", "issuer"), ("life_s", "3600")],
        [("count", "1"), ("kind", "device"), ("life_s", "99999999")],
    ] {
        let page = ada.submit("/secrets", "/secrets", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        let text = page.text();
        assert!(text.contains("role=\"alert\"") && !text.contains("id=\"fresh\""));
    }
    let after = scene.house.people.audit(None, 1).await.unwrap()[0].number;
    assert_eq!(before, after);
}
