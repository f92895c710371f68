//! The way in.

use crate::browser::{NOW, PASSWORD, Scene};
use admin::first_owner_link;
use axum::http::{StatusCode, header};
use ledger::people::{ABSOLUTE_LIFE_S, IDLE_LIFE_S};

#[tokio::test]
async fn the_first_owner_comes_in_by_a_link_that_works_once() {
    let scene = Scene::new().await;
    let random = scene.house.draw();
    let link = first_owner_link(&scene.house.people, &random, NOW)
        .await
        .unwrap()
        .unwrap();
    let mut ada = scene.browser();
    let fields = [("name", "Ada"), ("password", PASSWORD), ("again", PASSWORD)];
    let mut short = fields;
    (short[1].1, short[2].1) = ("too short", "too short");
    let refused = ada.submit(&link, &link, &short).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let made = ada.submit(&link, &link, &fields).await;
    assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(ada.get("/").await.status, StatusCode::OK);
    let mut eve = scene.browser();
    assert_eq!(eve.get(&link).await.status, StatusCode::NOT_FOUND);
    let token = eve.get("/sign-in").await.field("form_token");
    let mut again = vec![("form_token", token.as_str())];
    again.extend_from_slice(&fields);
    assert_eq!(eve.post(&link, &again).await.status, StatusCode::NOT_FOUND);
    let none = first_owner_link(&scene.house.people, &random, NOW)
        .await
        .unwrap();
    assert_eq!(none, None, "somebody is there already");
}

#[tokio::test]
async fn a_session_is_new_at_every_sign_in_and_ends_at_sign_out() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let name = scene.house.people.persons().await.unwrap()[0].name.clone();
    let first = ada.cookies["onecode"].clone();
    let old = ada.clone();
    // Somebody plants a session of their own; signing in replaces it.
    let mut planted = scene.browser();
    planted.cookies.insert("onecode".into(), "ab".repeat(32));
    let page = planted.sign_in(&name, PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_ne!(planted.cookies["onecode"], "ab".repeat(32));
    assert_ne!(planted.cookies["onecode"], first);
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");

    let out = ada.submit("/", "/sign-out", &[]).await;
    assert_eq!(
        (out.status, out.location()),
        (StatusCode::SEE_OTHER, "/sign-in")
    );
    let mut kept = old;
    assert_eq!(
        kept.get("/").await.location(),
        "/sign-in",
        "the old cookie is dead"
    );
    assert_eq!(
        planted.get("/").await.status,
        StatusCode::OK,
        "the other session is not"
    );
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    for _ in 0..ABSOLUTE_LIFE_S / IDLE_LIFE_S - 1 {
        scene.house.wait_s(IDLE_LIFE_S);
        assert_eq!(ada.get("/").await.status, StatusCode::OK);
    }
    let mut idle = ada.clone();
    scene.house.wait_s(IDLE_LIFE_S + 1);
    assert_eq!(idle.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_tells_nothing() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let name = scene.house.people.persons().await.unwrap()[0].name.clone();
    let mut eve = scene.browser();
    eve.address = [10, 0, 0, 1];
    let wrong = eve.sign_in(&name, "wrong password").await;
    let unknown = eve.sign_in("nobody at all", "wrong password").await;
    let words = |page: &crate::browser::Page| {
        page.text()
            .contains("The name or the password is not right.")
    };
    assert_eq!(
        (wrong.status, unknown.status),
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
    );
    assert!(words(&wrong) && words(&unknown));
    for _ in 0..4 {
        eve.sign_in(&name, "wrong password").await;
    }
    // Locked out, even with the right password, and told how long.
    let locked = eve.sign_in(&name, PASSWORD).await;
    assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(locked.text().contains("Wait 15 s"), "{}", locked.text());
    // The owner, elsewhere, is not.
    let mut elsewhere = scene.browser();
    elsewhere.address = [10, 0, 0, 2];
    assert_eq!(
        elsewhere.sign_in(&name, PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    scene.house.wait_s(16);
    assert_eq!(
        eve.sign_in(&name, PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    let audit = ada.get("/audit").await.text();
    assert!(audit.contains("sign-in refused") && audit.contains("10.0.0.1"));
    assert!(!audit.contains("wrong password") && !audit.contains(PASSWORD));
}

#[tokio::test]
async fn unknown_names_take_as_long_as_known_ones() {
    let scene = Scene::new().await;
    scene.owner().await;
    let name = scene.house.people.persons().await.unwrap()[0].name.clone();
    let mut times_us = [Vec::new(), Vec::new()];
    for round in 0..8u8 {
        for (who, name) in [name.as_str(), "nobody at all"].into_iter().enumerate() {
            let mut eve = scene.browser();
            eve.address = [10, who as u8, 0, round];
            let started = std::time::Instant::now();
            assert_eq!(
                eve.sign_in(name, "wrong password").await.status,
                StatusCode::UNAUTHORIZED
            );
            times_us[who].push(started.elapsed().as_micros());
        }
    }
    let [known, unknown] = times_us.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    // Without the stand-in hash, an unknown name is about a hundred times faster.
    assert!(
        unknown * 3 > known && known * 3 > unknown,
        "{known} us and {unknown} us"
    );
}

#[tokio::test]
async fn over_tls_cookies_are_bound_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let house = crate::house::House::open(folder.path(), NOW).await;
    let mut portal = house.portal();
    portal.proxies = "10.0.0.1".parse().unwrap();
    let app = admin::router(portal);
    let page = crate::browser::Browser::new(&app).get("/sign-in").await;
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-onecode-form=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert!(page.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
}
