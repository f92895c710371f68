//! The second step at sign-in, with an app of our own.

use crate::browser::{Browser, PASSWORD, Page, Scene};
use axum::http::StatusCode;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ledger::people::{HALFWAY_LIFE_S, OFFER_LIFE_S, Role, Roles};
use protocol::Timestamp;
use sha1::Sha1;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_S: u32 = 30;

/// An app that was given the secret of a page.
#[derive(Clone)]
struct App(Vec<u8>);

impl App {
    fn of(page: &Page) -> Self {
        let text = page.text();
        let mark = "id=\"secret\">";
        let at = text.find(mark).expect("the page shows a secret") + mark.len();
        let spelled = text[at..].split('<').next().unwrap();
        let symbols = spelled.chars().filter(|c| *c != ' ');
        let bits: Vec<usize> = symbols
            .flat_map(|c| {
                let value = ALPHABET.find(c).unwrap();
                (0..5).rev().map(move |bit| value >> bit & 1)
            })
            .collect();
        let byte = |bits: &[usize]| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8);
        Self(bits.chunks_exact(8).map(byte).collect())
    }

    fn code(&self, now: Timestamp) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&u64::from(now.0 / STEP_S).to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let word = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", word % 1_000_000)
    }
}

/// The recovery codes on a page.
fn recovery(page: &Page) -> Vec<String> {
    let text = page.text();
    let parts = text.split("<li class=\"code\">").skip(1);
    parts.map(|part| part[..19].to_owned()).collect()
}

/// Somebody with a second step: their name, browser, app and recovery codes.
struct Member {
    name: String,
    browser: Browser,
    app: App,
    recovery: Vec<String>,
}

async fn offer(browser: &mut Browser) -> Page {
    let fields = [("password", PASSWORD)];
    let to = "/account/second-step";
    browser.submit("/account", to, &fields).await
}

/// The code goes with the token of the page that is answered, as a person sends it.
async fn confirm(browser: &mut Browser, shown: &Page, code: &str) -> Page {
    let token = shown.field("form_token");
    let fields = [("form_token", token.as_str()), ("code", code)];
    browser.post("/account/second-step/code", &fields).await
}

async fn newest_name(scene: &Scene) -> String {
    let persons = scene.house.people.persons().await.unwrap();
    let newest = persons.into_iter().max_by_key(|person| person.id.0);
    newest.unwrap().name
}

async fn member(scene: &Scene, role: Role) -> Member {
    let mut browser = scene.somebody(Roles::of(&[role])).await;
    let name = newest_name(scene).await;
    let shown = offer(&mut browser).await;
    let app = App::of(&shown);
    let page = confirm(&mut browser, &shown, &app.code(scene.house.now())).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    scene.house.wait_s(STEP_S);
    Member {
        name,
        browser,
        app,
        recovery: recovery(&page),
    }
}

/// A browser in which the password was right.
async fn halfway(scene: &Scene, name: &str) -> Browser {
    let mut browser = scene.browser();
    let page = browser.sign_in(name, PASSWORD).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.location(), "/sign-in/code");
    browser
}

async fn type_code(browser: &mut Browser, code: &str) -> Page {
    let path = "/sign-in/code";
    browser.submit(path, path, &[("code", code)]).await
}

#[tokio::test]
async fn a_second_step_takes_the_password_and_a_code_and_ends_the_other_sessions() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let name = newest_name(&scene).await;
    let mut elsewhere = scene.browser();
    elsewhere.sign_in(&name, PASSWORD).await;
    assert_eq!(elsewhere.get("/").await.status, StatusCode::OK);

    let to = "/account/second-step";
    let wrong = ada
        .submit("/account", to, &[("password", "wrong one")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("not your password") && !wrong.text().contains("class=\"qr\""));
    let nothing = ada.submit(
        "/account",
        "/account/second-step/code",
        &[("code", "123456")],
    );
    assert_eq!(nothing.await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let shown = offer(&mut ada).await;
    let app = App::of(&shown);
    assert!(shown.text().contains("class=\"qr\""));
    let code = app.code(scene.house.now());
    let mistyped = if code == "000000" { "000001" } else { "000000" };
    let again = confirm(&mut ada, &shown, mistyped).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(App::of(&again).0, app.0, "the same secret is shown again");
    assert_eq!(
        elsewhere.get("/").await.status,
        StatusCode::OK,
        "nothing has changed yet"
    );

    let before = ada.cookies["onecode"].clone();
    let done = confirm(&mut ada, &again, &code).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    assert_eq!(recovery(&done).len(), 10);
    assert_ne!(
        ada.cookies["onecode"], before,
        "the session goes on under another secret"
    );
    assert_eq!(ada.get("/").await.status, StatusCode::OK);
    assert_eq!(elsewhere.get("/").await.location(), "/sign-in");
    let renewed = done.field("form_token");
    let out = ada.post("/sign-out", &[("form_token", &renewed)]).await;
    assert_eq!(
        out.location(),
        "/sign-in",
        "the page's forms belong to the new session"
    );
}

#[tokio::test]
async fn nobody_is_signed_in_before_the_code_and_each_code_is_taken_once() {
    let scene = Scene::new().await;
    let Member { name, app, .. } = member(&scene, Role::Owner).await;
    let used = app.code(scene.house.now().minus_s(STEP_S));
    let mut ada = halfway(&scene, &name).await;
    let before = ada.cookies["onecode"].clone();
    assert_eq!(ada.get("/").await.location(), "/sign-in");
    assert_eq!(ada.get("/account").await.location(), "/sign-in");
    let replayed = type_code(&mut ada, &used).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert!(replayed.text().contains("was used before"));
    let code = app.code(scene.house.now());
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let done = type_code(&mut ada, &spaced).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/"));
    assert_ne!(
        ada.cookies["onecode"], before,
        "a secret that did not exist before"
    );
    assert_eq!(ada.get("/").await.status, StatusCode::OK);
    // Somebody looked over her shoulder, and has the password, too.
    let mut eve = halfway(&scene, &name).await;
    assert_eq!(
        type_code(&mut eve, &code).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(eve.get("/").await.location(), "/sign-in");
    // The code that comes next is good already: clocks are half a minute off.
    let next = app.code(scene.house.now().plus_s(STEP_S));
    assert_eq!(
        type_code(&mut eve, &next).await.status,
        StatusCode::SEE_OTHER
    );
    let far = app.code(scene.house.now().plus_s(3 * STEP_S));
    let mut late = halfway(&scene, &name).await;
    assert_eq!(
        type_code(&mut late, &far).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn one_code_sent_twice_at_once_lets_one_in() {
    let scene = Scene::new().await;
    let Member { name, app, .. } = member(&scene, Role::Auditor).await;
    let mut doors = Vec::new();
    for _ in 0..3 {
        let mut browser = halfway(&scene, &name).await;
        let token = browser.get("/sign-in/code").await.field("form_token");
        doors.push((browser, token));
    }
    let code = app.code(scene.house.now());
    let tries = doors.into_iter().map(|(mut browser, token)| {
        let code = code.clone();
        tokio::spawn(async move {
            let fields = [("form_token", token.as_str()), ("code", code.as_str())];
            browser.post("/sign-in/code", &fields).await.status
        })
    });
    let mut in_by_it = 0;
    for tried in tries.collect::<Vec<_>>() {
        in_by_it += u32::from(tried.await.unwrap() == StatusCode::SEE_OTHER);
    }
    assert_eq!(in_by_it, 1);
}

#[tokio::test]
async fn a_recovery_code_lets_in_once_and_new_ones_end_the_old() {
    let scene = Scene::new().await;
    let mut ada = member(&scene, Role::Owner).await;
    let mut lost = halfway(&scene, &ada.name).await;
    let typed = ada.recovery[0].to_lowercase().replace('-', "");
    let done = type_code(&mut lost, &typed).await;
    assert_eq!(done.location(), "/account?done=recovery");
    let page = lost.get(done.location()).await.text();
    assert!(page.contains("9 recovery codes are left"), "{page}");
    let mut again = halfway(&scene, &ada.name).await;
    assert_eq!(
        type_code(&mut again, &typed).await.status,
        StatusCode::UNAUTHORIZED
    );
    let fields = [("password", PASSWORD)];
    let browser = &mut ada.browser;
    let renewed = browser
        .submit("/account", "/account/recovery", &fields)
        .await;
    let fresh = recovery(&renewed);
    assert_eq!(fresh.len(), 10);
    assert_eq!(
        recovery(&browser.get("/account").await),
        [""; 0],
        "they are shown once"
    );
    assert_eq!(
        type_code(&mut again, &ada.recovery[1]).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        type_code(&mut again, &fresh[1]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_and_begins_again_at_the_password() {
    let scene = Scene::new().await;
    let Member {
        name,
        app,
        mut browser,
        ..
    } = member(&scene, Role::Owner).await;
    let mut eve = halfway(&scene, &name).await;
    eve.address = [10, 0, 0, 1];
    for guess in ["1", "12345x", "ABCD-EFGH-JKLM-NPQR", "0000000"] {
        assert_eq!(
            type_code(&mut eve, guess).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let token = eve.get("/sign-in/code").await.field("form_token");
    type_code(&mut eve, "x").await;
    let fields = [("form_token", token.as_str()), ("code", "y")];
    let over = eve.post("/sign-in/code", &fields).await;
    assert_eq!(over.status, StatusCode::UNAUTHORIZED);
    assert!(over.text().contains("Begin again"), "{}", over.text());
    // The password is right once more, from another address; the code has to wait all the same.
    let mut eve = halfway(&scene, &name).await;
    eve.address = [10, 0, 0, 2];
    let wait = type_code(&mut eve, &app.code(scene.house.now())).await;
    assert_eq!(wait.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(wait.text().contains("Wait 15 s"), "{}", wait.text());
    scene.house.wait_s(16);
    let done = type_code(&mut eve, &app.code(scene.house.now())).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let audit = browser.get("/audit").await.text();
    assert!(audit.contains("code refused") && audit.contains("whose password was right"));
}

#[tokio::test]
async fn a_sign_in_does_not_wait_for_its_code_for_ever() {
    let scene = Scene::new().await;
    let Member { name, app, .. } = member(&scene, Role::Owner).await;
    let mut ada = halfway(&scene, &name).await;
    let token = ada.get("/sign-in/code").await.field("form_token");
    scene.house.wait_s(HALFWAY_LIFE_S + 1);
    assert_eq!(
        ada.get("/sign-in/code").await.status,
        StatusCode::UNAUTHORIZED
    );
    let code = app.code(scene.house.now());
    let fields = [("form_token", token.as_str()), ("code", code.as_str())];
    let late = ada.post("/sign-in/code", &fields).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    let mut stranger = scene.browser();
    assert_eq!(
        stranger.get("/sign-in/code").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn whose_role_takes_a_second_step_opens_nothing_else_before() {
    let scene = Scene::new().await;
    let mut owner = scene.owner().await;
    let mut bob = scene.somebody(Roles::of(&[Role::Operator])).await;
    let rule = [("operator", "1"), ("treasurer", "1")];
    let required = owner.submit("/people", "/people/second-step", &rule).await;
    assert_eq!(required.location(), "/people?done=rule");
    assert_eq!(
        owner.get("/").await.status,
        StatusCode::OK,
        "owners need none"
    );
    for path in ["/", "/codes", "/live", "/payments", "/audit", "/people"] {
        assert_eq!(bob.get(path).await.location(), "/account", "{path}");
    }
    let refused = bob.submit("/account", "/areas", &[("name", "x")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("Set up your second step first"));
    assert!(
        bob.get("/account")
            .await
            .text()
            .contains("takes a second step")
    );
    let shown = offer(&mut bob).await;
    let code = App::of(&shown).code(scene.house.now());
    assert_eq!(
        confirm(&mut bob, &shown, &code).await.status,
        StatusCode::OK
    );
    assert_eq!(bob.get("/").await.status, StatusCode::OK);
    let page = bob.get("/account").await;
    assert!(
        !page.text().contains("/account/remove"),
        "it cannot be turned off"
    );
    let token = page.field("form_token");
    let fields = [("form_token", token.as_str()), ("password", PASSWORD)];
    let kept = bob.post("/account/remove", &fields).await;
    assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        owner
            .get("/audit")
            .await
            .text()
            .contains("second step required")
    );
}

#[tokio::test]
async fn an_owner_takes_it_away_and_the_person_is_signed_out() {
    let scene = Scene::new().await;
    let mut owner = member(&scene, Role::Owner).await;
    let mut bob = member(&scene, Role::Operator).await;
    let persons = scene.house.people.persons().await.unwrap();
    let id_of = |name: &str| {
        let found = persons.iter().find(|person| person.name == name);
        found.unwrap().id.0.to_string()
    };
    let (own, other) = (id_of(&owner.name), id_of(&bob.name));
    let browser = &mut owner.browser;
    let reset = async |browser: &mut Browser, id: &str| {
        let fields = [("person", id)];
        browser.submit("/people", "/people/reset", &fields).await
    };
    let refused = reset(browser, &own).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("under Your account"));
    assert_eq!(bob.browser.get("/").await.status, StatusCode::OK);
    let done = reset(browser, &other).await;
    assert_eq!(done.location(), "/people?done=reset");
    assert_eq!(bob.browser.get("/").await.location(), "/sign-in");
    assert_eq!(reset(browser, &other).await.status, StatusCode::NOT_FOUND);
    let page = scene.browser().sign_in(&bob.name, PASSWORD).await;
    assert_eq!(page.location(), "/", "the password is enough again");
    let audit = browser.get("/audit").await.text();
    assert!(audit.contains("second step reset") && audit.contains(&format!("person {other}")));
}

#[tokio::test]
async fn another_app_takes_over_when_it_is_confirmed_and_turning_off_asks_for_the_password() {
    let scene = Scene::new().await;
    let mut ada = member(&scene, Role::Owner).await;
    let shown = offer(&mut ada.browser).await;
    let new = App::of(&shown);
    assert_ne!(new.0, ada.app.0);
    let mut by_old = halfway(&scene, &ada.name).await;
    let old = ada.app.code(scene.house.now());
    assert_eq!(
        type_code(&mut by_old, &old).await.status,
        StatusCode::SEE_OTHER
    );
    scene.house.wait_s(OFFER_LIFE_S + 1);
    let late = confirm(&mut ada.browser, &shown, &new.code(scene.house.now())).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "too late");
    let shown = offer(&mut ada.browser).await;
    let new = App::of(&shown);
    let code = new.code(scene.house.now());
    assert_eq!(
        confirm(&mut ada.browser, &shown, &code).await.status,
        StatusCode::OK
    );
    assert_eq!(by_old.get("/").await.location(), "/sign-in");
    scene.house.wait_s(STEP_S);
    let mut again = halfway(&scene, &ada.name).await;
    let old = ada.app.code(scene.house.now());
    assert_eq!(
        type_code(&mut again, &old).await.status,
        StatusCode::UNAUTHORIZED
    );
    let code = new.code(scene.house.now());
    assert_eq!(
        type_code(&mut again, &code).await.status,
        StatusCode::SEE_OTHER
    );

    let browser = &mut ada.browser;
    let remove = async |browser: &mut Browser, password: &str| {
        let fields = [("password", password)];
        browser.submit("/account", "/account/remove", &fields).await
    };
    let wrong = remove(browser, "not the password").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let off = remove(browser, PASSWORD).await;
    assert_eq!(off.location(), "/account?done=removed");
    assert_eq!(
        browser.get("/").await.status,
        StatusCode::OK,
        "here it goes on"
    );
    assert_eq!(
        again.get("/").await.location(),
        "/sign-in",
        "elsewhere it ends"
    );
    assert_eq!(
        scene
            .browser()
            .sign_in(&ada.name, PASSWORD)
            .await
            .location(),
        "/"
    );
}

#[tokio::test]
async fn neither_secret_nor_recovery_codes_stand_on_any_other_page() {
    let scene = Scene::new().await;
    let mut ada = member(&scene, Role::Owner).await;
    let hex: String = ada.app.0.iter().map(|b| format!("{b:02x}")).collect();
    let bits = ada
        .app
        .0
        .iter()
        .fold(String::new(), |text, b| text + &format!("{b:08b}"));
    let symbol = |at: usize| {
        let value = usize::from_str_radix(&bits[at * 5..at * 5 + 5], 2).unwrap();
        &ALPHABET[value..=value]
    };
    let spelled: String = (0..4).map(symbol).collect();
    let mut lost = halfway(&scene, &ada.name).await;
    type_code(&mut lost, &ada.recovery[9]).await;
    for path in ["/account", "/people", "/audit", "/audit/trail.ndjson", "/"] {
        let text = ada.browser.get(path).await.text();
        assert!(
            !text.contains(&hex) && !text.contains(&format!(">{spelled} ")),
            "{path}"
        );
        for code in &ada.recovery {
            assert!(!text.contains(code), "{path}");
        }
    }
    let people = ada.browser.get("/people").await.text();
    assert!(
        people.contains("<span class=\"pill good\">on</span>"),
        "{people}"
    );
}
