//! The overview, and pages that are kept up to date.

use crate::browser::{Browser, PASSWORD, Scene};
use crate::house::usd;
use crate::pages::one_payment;
use admin::STREAMS_PER_SESSION;
use axum::body::{Body, BodyDataStream};
use axum::http::{Response, StatusCode, header};
use futures_util::StreamExt as _;
use ledger::people::{Act, IDLE_LIFE_S, Role, Roles};
use std::sync::atomic::Ordering;
use std::time::Duration;

const ACT: Act = Act {
    who: "test",
    what: "test",
    about: "",
    origin: "test",
};

/// An open stream.
pub struct Heard(BodyDataStream);

impl Heard {
    pub fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        Self(response.into_body().into_data_stream())
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next());
        let bytes = next.await.expect("in time")?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// That there will be no more, and why.
    pub async fn over(&mut self) -> String {
        loop {
            let event = self.next().await.expect("it says why");
            if let Some(word) = event.strip_prefix("event: over\ndata: ") {
                assert_eq!(self.next().await, None);
                return word.trim().to_owned();
            }
        }
    }
}

async fn listen(browser: &Browser) -> Heard {
    Heard::of(browser.open("/live").await)
}

/// One look, for all who listen.
async fn look(scene: &Scene) {
    let now = scene.house.now();
    let once = tokio::time::sleep(Duration::from_millis(1));
    scene.house.pulse.keep(move || now, once).await;
}

#[tokio::test]
async fn the_overview_is_told_what_is_new() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let page = ada.get("/").await.text();
    assert!(page.contains("Reload the page for newer numbers") && page.contains("data-live"));
    let mut heard = listen(&ada).await;
    one_payment(&scene.house).await;
    scene.house.live.messages.store(7, Ordering::SeqCst);
    look(&scene).await;
    let parts = heard.next().await.unwrap();
    assert!(parts.starts_with("event: parts\n"), "{parts}");
    for part in [
        "data-part=\"counts\"",
        "✓ conserved",
        "10.000000",
        "1 now",
        "MQTT: 7 now",
    ] {
        assert!(parts.contains(part), "{part}: {parts}");
    }
    assert!(!parts.contains("<html"), "only what changes");
}

#[tokio::test]
async fn who_may_not_see_money_hears_of_none() {
    let scene = Scene::new().await;
    one_payment(&scene.house).await;
    let mut factory = scene.somebody(Roles::of(&[Role::Factory])).await;
    let page = factory.get("/").await.text();
    let mut heard = listen(&factory).await;
    look(&scene).await;
    let parts = heard.next().await.unwrap();
    for text in [page, parts] {
        assert!(text.contains("Things online"));
        for money in ["conserved", "In transit", "Payments", usd().name(), "fraud"] {
            assert!(!text.contains(money), "{money}: {text}");
        }
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_its_roles_and_the_house() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let ada = scene.owner().await;
    // A session that is signed out.
    let mut bob = scene.somebody(Roles::of(&[Role::Auditor])).await;
    let mut heard = listen(&bob).await;
    bob.submit("/", "/sign-out", &[]).await;
    assert_eq!(heard.over().await, "session");
    // An account that is switched off, and one whose roles change.
    for (active, roles) in [(false, Role::Auditor), (true, Role::Issuer)] {
        let cid = scene.somebody(Roles::of(&[Role::Auditor])).await;
        let mut heard = listen(&cid).await;
        let persons = house.people.persons().await.unwrap();
        let newest = persons.iter().max_by_key(|person| person.id.0).unwrap();
        let changed = Roles::of(&[roles]);
        let change = (house.people).set_person(newest.id, changed, active, &ACT, house.now());
        change.await.unwrap();
        assert_eq!(heard.over().await, "session");
    }
    // What goes idle opens nothing new; the open page is still told.
    let mut idle = listen(&ada).await;
    house.wait_s(IDLE_LIFE_S + 1);
    assert_eq!(ada.open("/live").await.status(), StatusCode::SEE_OTHER);
    look(&scene).await;
    assert!(idle.next().await.unwrap().starts_with("event: parts"));
    // The house stops.
    house.streams.stop();
    assert_eq!(idle.over().await, "stopped");
}

#[tokio::test]
async fn strangers_and_too_many_pages_get_no_stream() {
    let scene = Scene::new().await;
    let stranger = scene.browser();
    assert_eq!(stranger.open("/live").await.status(), StatusCode::SEE_OTHER);
    let mut ada = scene.owner().await;
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_SESSION {
        open.push(listen(&ada).await);
    }
    let refused = ada.get("/live").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        refused
            .text()
            .contains("As many pages are kept up to date as can be")
    );
    assert_eq!(
        ada.get("/").await.status,
        StatusCode::OK,
        "the page itself is there"
    );
    open.pop();
    listen(&ada).await;
    let name = scene.house.people.persons().await.unwrap()[0].name.clone();
    let mut other = scene.browser();
    other.sign_in(&name, PASSWORD).await;
    listen(&other).await;
}
