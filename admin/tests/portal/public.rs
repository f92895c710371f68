//! What strangers see.

use crate::browser::Scene;
use axum::http::{StatusCode, header};
use ledger::ThingState;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::objects::Pass;
use protocol::{GridCode, cose};
use sqlx::Connection as _;

#[tokio::test]
async fn a_code_is_genuine_suspended_revoked_or_unknown_in_words() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let car = house.thing(1, "Ada's private car").await;
    let mut stranger = scene.browser();
    let path = format!("/1/{}", car.code.to_string().to_lowercase());
    let page = stranger.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("<h1>Genuine</h1>") && page.text().contains("verdict good"));
    assert!(
        !page.text().contains("private car"),
        "strangers learn no names"
    );
    for (state, title) in [
        (ThingState::Frozen, "Suspended"),
        (ThingState::Active, "Genuine"),
        (ThingState::Revoked, "Revoked"),
    ] {
        house
            .ledger
            .set_state(&car.code, state, "secret reason", "test", house.now())
            .await
            .unwrap();
        let text = stranger.get(&path).await.text();
        assert!(text.contains(&format!("<h1>{title}</h1>")), "{title}");
        assert!(!text.contains("secret reason"));
    }
    let van = house.thing(3, "Van").await;
    let retired = ThingState::Retired;
    let now = house.now();
    let done = house
        .ledger
        .set_state(&van.code, retired, "old", "test", now);
    done.await.unwrap();
    let text = stranger.get(&format!("/1/{}", van.code)).await.text();
    assert!(text.contains("<h1>Retired</h1>"), "{text}");
    let bike = house.thing(2, "Bike").await;
    house
        .ledger
        .recover(&car.code, &bike.code, "test", now)
        .await
        .unwrap();
    let text = stranger.get(&path).await.text();
    assert!(
        text.contains("<h1>Revoked</h1>"),
        "what is revoked stays so"
    );
    let truck = house.thing(4, "Truck").await;
    house
        .ledger
        .recover(&truck.code, &bike.code, "test", now)
        .await
        .unwrap();
    let text = stranger.get(&format!("/1/{}", truck.code)).await.text();
    assert!(text.contains("<h1>Replaced</h1>"), "{text}");
    assert!(
        !text.contains(&bike.code.to_string()),
        "strangers learn no other code"
    );
    house.wait_s(2 * 31_536_000);
    let late = stranger.get(&format!("/1/{}", bike.code)).await.text();
    assert!(late.contains("out of date"));
}

#[tokio::test]
async fn the_public_page_holds_the_proof_for_the_browser_once_a_checkpoint_covers_it() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await;
    let mut stranger = scene.browser();
    let path = format!("/1/{}", car.code);
    let before = stranger.get(&path).await.text();
    assert!(!before.contains("data-proof"), "{before}");
    let looks_again = "http-equiv=\"refresh\"";
    assert!(before.contains(looks_again), "the proof comes by itself");
    scene.house.ledger.publish(scene.house.now()).await.unwrap();
    let page = stranger.get(&path).await.text();
    assert!(page.contains("c2sp.org/tlog-proof@v1"), "{page}");
    assert!(!page.contains(looks_again));
    assert!(page.contains(&format!("data-of=\"{}\"", car.code)));
    let root = scene.house.authorities.root.pass_key();
    let hex: String = root.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert!(page.contains(&format!("data-root=\"-8:{hex}\"")), "{page}");
    let mut scripts = page.split("src=\"");
    let script = scripts.find(|script| script.starts_with("/assets/proof.js"));
    let script = script.unwrap();
    let address = script.split('"').next().unwrap();
    let script = stranger.get(address).await;
    assert_eq!(
        script.headers[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    assert!(script.text().contains("export async function judge"));
}

#[tokio::test]
async fn unknown_and_mistyped_codes_are_told_apart() {
    let scene = Scene::new().await;
    let code = protocol::Code::derive(protocol::Kind::Device, crate::house::STATION, 99, b"other")
        .unwrap();
    let mut stranger = scene.browser();
    let unknown = stranger.get(&format!("/1/{code}")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.text().contains("Not known here"));
    let mut text = code.to_string();
    let wrong = if text.ends_with('7') { '8' } else { '7' };
    text.pop();
    text.push(wrong);
    let mistyped = stranger.get(&format!("/1/{text}")).await;
    assert_eq!(mistyped.status, StatusCode::BAD_REQUEST);
    assert!(mistyped.text().contains("one symbol was misread"));
    let short = stranger.get("/1/hello").await.text();
    assert!(short.contains("a symbol is missing or too many") && short.contains("HELL-O"));
}

#[tokio::test]
async fn passes_of_things_and_authorities_are_handed_out() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await;
    let authorities = &scene.house.authorities;
    let mut stranger = scene.browser();
    for (code, signer) in [
        (car.code, authorities.gateway.pass_key()),
        (authorities.gateway.code(), authorities.issuer.pass_key()),
        (authorities.issuer.code(), authorities.root.pass_key()),
    ] {
        for path in [
            format!("/1/{code}/pass"),
            format!("/1/{}/PASS", code.to_string().to_lowercase()),
        ] {
            let page = stranger.get(&path).await;
            assert_eq!(page.headers[header::CONTENT_TYPE], "application/cbor");
            let network = crate::house::network();
            let pass = cose::open::<Pass>(&page.body, &network)
                .unwrap()
                .verify(&signer)
                .unwrap();
            assert_eq!(pass.get().subject.0, code);
        }
        let page = stranger.get(&format!("/1/{code}")).await.text();
        assert!(page.contains("<h1>Genuine"), "{page}");
    }
    let root = authorities.root.code();
    assert_eq!(
        stranger.get(&format!("/1/{root}/pass")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        stranger
            .get(&format!("/1/{}/wallet", car.code))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        stranger.get("/1/hello/pass").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_place_reads_with_no_registry_and_says_whether_it_is_registered() {
    let scene = Scene::new().await;
    let house = &scene.house;
    let owner = house.thing(1, "Ada").await.code;
    let start = u64::from(house.now().0) / 60;
    let grid = |start, minutes| {
        GridCode::derive(&Place {
            by: crate::house::STATION,
            level: Level::DEFAULT,
            point: Point::from_nanodegrees(48_858_370_000, 2_294_481_000).unwrap(),
            height_dm: None,
            span: Span::new(start, minutes).unwrap(),
            owner,
        })
        .unwrap()
    };
    let mut stranger = scene.browser();
    let open = grid(start, None);
    let unknown = stranger.get(&format!("/g/{open}")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(unknown.text().contains("Not known here") && unknown.text().contains("48.8583681° N"));
    for (grid, title) in [
        (open, "Genuine"),
        (grid(start + 60, Some(60)), "not yet in force"),
        (grid(start - 600, Some(64)), "but over"),
    ] {
        house
            .ledger
            .issue_grid(grid, "secret den", owner, "test", house.now())
            .await
            .unwrap();
        for path in [
            format!("/g/{grid}"),
            format!("/G/{}", grid.to_string().to_lowercase()),
        ] {
            let page = stranger.get(&path).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.text().contains(title), "{title}");
            assert!(
                !page.text().contains("secret den") && !page.text().contains(&owner.to_string())
            );
        }
    }
    let code = stranger.get(&format!("/g/{owner}")).await;
    assert_eq!(
        code.status,
        StatusCode::BAD_REQUEST,
        "a code is no grid code"
    );
}

#[tokio::test]
async fn strangers_look_up_only_so_often_and_staff_as_they_like() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await;
    let path = format!("/1/{}", car.code);
    let mut stranger = scene.browser();
    stranger.address = [203, 0, 113, 1];
    let mut seen = 0;
    let refused = loop {
        let page = stranger.get(&path).await;
        match page.status {
            StatusCode::OK => seen += 1,
            _ => break page,
        }
        assert!(seen <= 1_000, "no bound");
    };
    assert!(seen >= 100, "{seen}");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers[header::RETRY_AFTER], "1");
    // Things that enrol fetch their passes, many from one address.
    let pass = stranger.get(&format!("{path}/pass")).await;
    assert_eq!(pass.status, StatusCode::OK);
    let elsewhere = stranger.get("/check?text=x").await;
    assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS);
    // Neither the next address nor whoever is signed in waits for it.
    let mut other = scene.browser();
    other.address = [203, 0, 113, 2];
    assert_eq!(other.get(&path).await.status, StatusCode::OK);
    let mut staff = scene.owner().await;
    staff.address = stranger.address;
    assert_eq!(staff.get(&path).await.status, StatusCode::OK);
    scene.house.wait_s(1);
    assert_eq!(stranger.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_label_that_only_looks_like_one_of_this_house_is_told_so() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await;
    let mut stranger = scene.browser();
    let own = stranger
        .get(&format!(
            "/check?text=HTTPS%3A%2F%2FID.EXAMPLE.COM%2F1%2F{}",
            car.code
        ))
        .await;
    assert_eq!(own.status, StatusCode::SEE_OTHER);
    assert_eq!(own.location(), format!("/1/{}", car.code));
    for (host, sentence) in [
        (
            "id.examp1e.com",
            "which looks like ID.EXAMPLE.COM and is not",
        ),
        ("shop.test", "Labels of this house lead to ID.EXAMPLE.COM"),
    ] {
        let path = format!("/check?text=https%3A%2F%2F{host}%2F1%2F{}", car.code);
        let page = stranger.get(&path).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        let text = page.text();
        assert!(text.contains(sentence) && text.contains(host), "{text}");
        let about = format!("href=\"/1/{}\"", car.code);
        assert!(text.contains(&about), "what is known of the code in it");
        assert!(
            !text.contains(&format!("href=\"https://{host}")),
            "no way there"
        );
    }
    let empty = stranger.get("/check").await;
    assert_eq!(empty.status, StatusCode::OK);
    // The host in these tests is another one than that on labels.
    let page = stranger.get(&format!("/1/{}", car.code)).await.text();
    assert!(page.contains("You came here by"), "{page}");
}

#[tokio::test]
async fn a_code_that_is_in_the_registry_and_not_in_the_log_is_not_called_genuine() {
    let scene = Scene::new().await;
    let car = scene.house.thing(1, "Car").await;
    let path = format!("/1/{}", car.code);
    let mut stranger = scene.browser();
    let page = stranger.get(&path).await.text();
    assert!(page.contains("<h1>Genuine</h1>") && page.contains("comes with the next checkpoint"));
    let books = scene.house.spool.join("ledger.db");
    let mut books = sqlx::SqliteConnection::connect(&format!("sqlite:{}", books.display()))
        .await
        .unwrap();
    sqlx::query("DELETE FROM chain_leaf")
        .execute(&mut books)
        .await
        .unwrap();
    let page = stranger.get(&path).await.text();
    assert!(page.contains("<h1>Do not rely on it</h1>"), "{page}");
    assert!(page.contains("does not stand in the code chain"), "{page}");
}

#[tokio::test]
async fn behind_a_proxy_visitors_are_told_apart_by_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let house = crate::house::House::open(folder.path(), crate::browser::NOW).await;
    let mut portal = house.portal();
    portal.proxies = "127.0.0.1".parse().unwrap();
    let app = admin::router(portal);
    let asked = async |from: &str| {
        let request = axum::http::Request::builder()
            .uri("/1/none")
            .header("x-forwarded-for", from)
            .extension(axum::extract::ConnectInfo(std::net::SocketAddr::from((
                [127, 0, 0, 1],
                40_000,
            ))))
            .body(axum::body::Body::empty())
            .unwrap();
        crate::browser::send(&app, request).await.status
    };
    for _ in 0..200 {
        asked("198.51.100.7, 203.0.113.1").await;
    }
    assert_eq!(asked("203.0.113.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(asked("203.0.113.2").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_takes_payments_says_so_while_it_is_genuine_and_says_nothing_else_of_money() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house.declare_usd().await;
    let charger = house.thing(1, "Charger").await;
    house.load(charger.code, 4_711_000_000, "in").await;
    let mut stranger = scene.browser();
    let path = format!("/1/{}", charger.code);
    let link = format!("href=\"/wallet?pay={}\"", charger.code);
    let text = stranger.get(&path).await.text();
    assert!(text.contains(&link), "{text}");
    assert!(!text.contains("4,711") && !text.contains("4711"));
    let frozen = ThingState::Frozen;
    let (ledger, now) = (&house.ledger, house.now());
    let set = ledger.set_state(&charger.code, frozen, "why", "test", now);
    set.await.unwrap();
    assert!(!stranger.get(&path).await.text().contains(&link));
}

#[tokio::test]
async fn the_wallets_page_names_nobody_and_says_what_to_do_without_scripts() {
    let scene = Scene::new().await;
    let house = &scene.house;
    house.declare_usd().await;
    let ada = house.thing(1, "Ada's purse").await;
    house.load(ada.code, 4_711_000_000, "in").await;
    let page = scene.browser().get("/wallet").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(text.contains("<noscript>") && text.contains("needs scripts"));
    assert!(text.contains("US dollar") && text.contains("data-exponent=\"6\""));
    for hidden in ["Ada", "4711", "4,711", &ada.code.to_string()] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    assert!(text.len() < 40_000, "{} bytes", text.len());
    // Its scripts ask for each other by the same number, and are kept for ever under it.
    let (_, rest) = text.split_once("src=\"/assets/wallet/page.js?v=").unwrap();
    let number = rest.split('"').next().unwrap().to_owned();
    for name in ["page", "objects", "keys", "purse", "store", "teller"] {
        let script = scene
            .browser()
            .get(&format!("/assets/wallet/{name}.js"))
            .await;
        assert_eq!(script.status, StatusCode::OK, "{name}");
        let text = script.text();
        let imports = text.matches("from \"").count();
        assert_eq!(
            text.matches(&format!(".js?v={number}\";")).count(),
            imports,
            "{name}"
        );
    }
    let other = scene.browser().get("/assets/wallet/other.js").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
