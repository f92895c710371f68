//! Signing in by a provider, with a provider of our own that tells the truth or lies.

use crate::browser::{Browser, HOST, NOW, Page, Scene};
use crate::house::House;
use admin::{Admit, BACK_PATH, NoAnswer, ProviderLink, Sso, SsoSettings};
use axum::http::{Request, Response, StatusCode, header};
use base64ct::{Base64UrlUnpadded as Base64, Encoding as _};
use ledger::people::{Act, Role, Roles};
use openidconnect::url::Url;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const ISSUER: &str = "https://id.example.com/realms/one";
const CLIENT: &str = "onecode";

type Answer = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, NoAnswer>> + Send>>;
type Lie = Box<dyn Fn(&mut Value, &mut Value) + Send>;

/// A key of the provider's, by which its tokens are signed.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn jwk(seed: u8) -> Value {
    let point = key(seed).verifying_key().to_sec1_point(false);
    let part = |bytes: &[u8]| Base64::encode_string(bytes);
    json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": format!("key {seed}"),
        "x": part(point.x().unwrap()), "y": part(point.y().unwrap()),
    })
}

/// What the provider does.
struct State {
    down: bool,
    /// Published, and by which it signs.
    published: Vec<u8>,
    signs: u8,
    /// Codes it gave, with the challenge and the nonce.
    codes: HashMap<String, (String, String)>,
    given: u32,
    asked: Vec<String>,
    claims: Value,
    lie: Option<Lie>,
    metadata: Value,
}

struct Provider {
    state: Mutex<State>,
    clock: Arc<AtomicU32>,
}

impl Provider {
    fn new(house: &House) -> Arc<Self> {
        let state = State {
            down: false,
            published: vec![1],
            signs: 1,
            codes: HashMap::new(),
            given: 0,
            asked: Vec::new(),
            claims: json!({"sub": "a-1", "preferred_username": "ada"}),
            lie: None,
            metadata: json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}/auth"),
                "token_endpoint": format!("{ISSUER}/token"),
                "jwks_uri": format!("{ISSUER}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            clock: Arc::clone(&house.clock),
        })
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// The person says yes at the provider: the answer that the browser brings.
    fn consent(&self, there: &str) -> String {
        let address = Url::parse(there).unwrap();
        let asked: HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert!(there.starts_with(&format!("{ISSUER}/auth?")), "{there}");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["redirect_uri"], format!("https://{HOST}{BACK_PATH}"));
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].contains("openid"));
        let mut state = self.state.lock().unwrap();
        state.given += 1;
        let code = format!("code {}", state.given);
        let kept = (asked["code_challenge"].clone(), asked["nonce"].clone());
        state.codes.insert(code.clone(), kept);
        let code = code.replace(' ', "%20");
        format!("{BACK_PATH}?code={code}&state={}", asked["state"])
    }

    fn token(&self, body: &str) -> (StatusCode, Value) {
        let now = self.clock.load(Ordering::SeqCst);
        let form = Url::parse(&format!("http://x/?{body}")).unwrap();
        let form: HashMap<_, _> = form.query_pairs().into_owned().collect();
        let mut state = self.state.lock().unwrap();
        let refused = |error: &str| (StatusCode::BAD_REQUEST, json!({"error": error}));
        // A code is good once.
        let Some((challenge, nonce)) = state.codes.remove(&form["code"]) else {
            return refused("invalid_grant");
        };
        let verifier = Sha256::digest(form["code_verifier"].as_bytes());
        if Base64::encode_string(&verifier) != challenge {
            return refused("invalid_grant");
        }
        assert_eq!(form["redirect_uri"], format!("https://{HOST}{BACK_PATH}"));
        let signs = state.signs;
        let mut head = json!({"alg": "ES256", "kid": format!("key {signs}")});
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300,
        });
        for (name, value) in state.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        if let Some(lie) = &state.lie {
            lie(&mut head, &mut claims);
        }
        let part = |value: &Value| Base64::encode_string(value.to_string().as_bytes());
        let text = format!("{}.{}", part(&head), part(&claims));
        let signature: Signature = key(state.signs).sign(text.as_bytes());
        let signature = match head["alg"].as_str() {
            Some("none") => String::new(),
            _ => Base64::encode_string(&signature.to_bytes()),
        };
        let token = format!("{text}.{signature}");
        let answer = json!({"access_token": "x", "token_type": "Bearer", "id_token": token});
        (StatusCode::OK, answer)
    }

    fn answer(&self, request: &Request<Vec<u8>>) -> (StatusCode, Value) {
        let path = request.uri().path().to_owned();
        self.set(|state| state.asked.push(path.clone()));
        if path.ends_with("/token") {
            return self.token(std::str::from_utf8(request.body()).unwrap());
        }
        let state = self.state.lock().unwrap();
        match path.rsplit('/').next() {
            Some("openid-configuration") => (StatusCode::OK, state.metadata.clone()),
            Some("keys") => {
                let keys: Vec<Value> = state.published.iter().map(|seed| jwk(*seed)).collect();
                (StatusCode::OK, json!({ "keys": keys }))
            }
            _ => (StatusCode::NOT_FOUND, json!({})),
        }
    }
}

struct Link(Arc<Provider>);

impl ProviderLink for Link {
    fn ask(&self, request: Request<Vec<u8>>) -> Answer {
        let down = self.0.state.lock().unwrap().down;
        let answer = match down {
            true => Err(NoAnswer("nobody is there".to_owned())),
            false => {
                let (status, body) = self.0.answer(&request);
                let answer = Response::builder()
                    .status(status)
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.to_string().into_bytes());
                Ok(answer.unwrap())
            }
        };
        Box::pin(async move { answer })
    }
}

fn settings(admit: Admit) -> SsoSettings {
    SsoSettings {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: None,
        redirect: format!("https://{HOST}{BACK_PATH}"),
        name: "Example".to_owned(),
        scopes: vec!["profile".to_owned()],
        roles_claim: None,
        roles: "staff=operator, boss=owner".parse().unwrap(),
        admit,
        loopback: false,
    }
}

/// A scene whose portal signs in by a provider, and everybody there gets in as auditor.
async fn scene() -> (Scene, Arc<Provider>) {
    with(settings(Admit::Everybody(Roles::of(&[Role::Auditor])))).await
}

async fn with(settings: SsoSettings) -> (Scene, Arc<Provider>) {
    assert_eq!(settings.check(), Ok(()));
    let mut scene = Scene::new().await;
    let provider = Provider::new(&scene.house);
    let mut portal = scene.house.portal();
    portal.sso = Some(Arc::new(Sso::new(
        settings,
        Arc::new(Link(provider.clone())),
    )));
    scene.app = admin::router(portal);
    (scene, provider)
}

/// From the sign-in page to the provider; the answer it gives.
async fn there(browser: &mut Browser, provider: &Provider) -> String {
    let page = browser.get("/sign-in/provider").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text());
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    provider.consent(page.location())
}

async fn sign_in(browser: &mut Browser, provider: &Provider) -> Page {
    let back = there(browser, provider).await;
    browser.get(&back).await
}

async fn trail(scene: &Scene) -> String {
    let rows = scene.house.people.audit(None, 100).await.unwrap();
    let line = |row: ledger::people::AuditRow| format!("{}: {} {}\n", row.who, row.what, row.about);
    rows.into_iter().map(line).collect()
}

#[tokio::test]
async fn whom_the_provider_vouches_for_is_signed_in_and_shown_as_such() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    assert!(
        ada.get("/sign-in")
            .await
            .text()
            .contains("Sign in by Example")
    );
    let page = sign_in(&mut ada, &provider).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert_eq!(page.headers[header::REFRESH], "0; url=/");
    assert!(
        !ada.cookies.contains_key("onecode-journey"),
        "the way is over"
    );
    assert_eq!(ada.get("/").await.status, StatusCode::OK);
    let account = ada.get("/account").await.text();
    assert!(account.contains("id.example.com") && !account.contains("type=\"password\""));
    let mut owner = scene.owner().await;
    let people = owner.get("/people").await.text();
    assert!(people.contains("id.example.com") && people.contains("at the provider"));
    // No password opens it, not even an empty one.
    for password in ["", "x", "correct horse battery"] {
        let refused = scene.browser().sign_in("ada", password).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let trail = trail(&scene).await;
    assert!(
        trail.contains(&format!("ada: signed in by {ISSUER}")),
        "{trail}"
    );
    let first = ada.cookies["onecode"].clone();
    sign_in(&mut ada, &provider).await;
    assert_ne!(
        ada.cookies["onecode"], first,
        "a session of its own each time"
    );
    assert_eq!(
        scene.house.people.persons().await.unwrap().len(),
        2,
        "and one account"
    );
}

#[tokio::test]
async fn an_answer_counts_in_the_browser_that_asked_and_once() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    let mut eve = scene.browser();
    // Eve's own answer, given to somebody else, would sign them in as Eve.
    let planted = there(&mut eve, &provider).await;
    let refused = ada.get(&planted).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("belongs to no sign-in"));
    there(&mut ada, &provider).await;
    let refused = ada.get(&planted).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "another state"
    );
    assert_eq!(ada.get("/").await.location(), "/sign-in");

    let mut bob = scene.browser();
    let own = there(&mut bob, &provider).await;
    let kept = bob.clone();
    assert_eq!(bob.get(&own).await.status, StatusCode::OK);
    assert_eq!(bob.get(&own).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // With the cookie of the way still there: the provider takes its code once, and a code of
    // another way there does not fit this one's verifier.
    let mut again = kept.clone();
    assert_eq!(again.get(&own).await.status, StatusCode::BAD_GATEWAY);
    let foreign = there(&mut eve, &provider).await;
    let foreign = foreign.split("&state").next().unwrap();
    let state = own.split("&state").nth(1).unwrap();
    let mut mixed = kept;
    let mixed = mixed.get(&format!("{foreign}&state{state}")).await;
    assert_eq!(mixed.status, StatusCode::BAD_GATEWAY);
    assert!(mixed.text().contains("did not confirm"));
}

#[tokio::test]
async fn a_way_there_ends_in_one_sign_in_even_if_the_provider_is_careless() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    let back = there(&mut ada, &provider).await;
    let mut thief = ada.clone();
    let kept = provider.state.lock().unwrap().codes.clone();
    assert_eq!(ada.get(&back).await.status, StatusCode::OK);
    provider.set(|state| state.codes = kept);
    let refused = thief.get(&back).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text()
    );
    assert_eq!(thief.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_redeemed_here() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    let back = there(&mut ada, &provider).await;
    let named = format!("{back}&iss=https%3A%2F%2Fevil.example.com");
    assert_eq!(
        ada.get(&named).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let back = there(&mut ada, &provider).await;
    let own: String = ISSUER.bytes().map(|b| format!("%{b:02X}")).collect();
    assert_eq!(
        ada.get(&format!("{back}&iss={own}")).await.status,
        StatusCode::OK
    );

    // A provider that says it always names itself, and once does not.
    let (scene, provider) = self::scene().await;
    provider.set(|state| {
        state.metadata["authorization_response_iss_parameter_supported"] = json!(true);
    });
    let mut ada = scene.browser();
    let back = there(&mut ada, &provider).await;
    assert_eq!(
        ada.get(&back).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let asked = provider.state.lock().unwrap().asked.clone();
    assert!(
        !asked.iter().any(|path| path.ends_with("/token")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn tokens_that_do_not_hold_sign_nobody_in() {
    type Forge = fn(&mut Value, &mut Value);
    let lies: [(&str, Forge); 17] = [
        ("no signature", |head, _| head["alg"] = json!("none")),
        ("another algorithm", |head, _| head["alg"] = json!("ES384")),
        ("a secret in place of a key", |head, _| {
            head["alg"] = json!("HS256")
        }),
        ("an unknown key", |head, _| head["kid"] = json!("key 9")),
        ("a critical extension", |head, _| {
            head["crit"] = json!(["x"])
        }),
        ("another issuer", |_, claims| {
            claims["iss"] = json!("https://id.example.com")
        }),
        ("another audience", |_, claims| {
            claims["aud"] = json!("other")
        }),
        ("a second audience", |_, claims| {
            claims["aud"] = json!([CLIENT, "other"])
        }),
        ("no audience", |_, claims| claims["aud"] = json!([])),
        ("another party", |_, claims| claims["azp"] = json!("other")),
        ("no party", |_, claims| claims["azp"] = json!(7)),
        ("expired", |_, claims| {
            claims["exp"] = json!(claims["iat"].as_u64().unwrap() - 1)
        }),
        ("issued long ago", |_, claims| {
            claims["iat"] = json!(NOW.0 - 601)
        }),
        ("issued tomorrow", |_, claims| {
            claims["iat"] = json!(NOW.0 + 86_400)
        }),
        ("another nonce", |_, claims| claims["nonce"] = json!("x")),
        ("no nonce", |_, claims| claims["nonce"] = Value::Null),
        ("a subject without end", |_, claims| {
            claims["sub"] = json!("x".repeat(256))
        }),
    ];
    let (scene, provider) = scene().await;
    for (which, lie) in lies {
        provider.set(|state| state.lie = Some(Box::new(lie)));
        let mut eve = scene.browser();
        let page = sign_in(&mut eve, &provider).await;
        assert_eq!(
            page.status,
            StatusCode::BAD_GATEWAY,
            "{which}: {}",
            page.text()
        );
        assert_eq!(eve.get("/").await.location(), "/sign-in", "{which}");
        scene.house.wait_s(1);
    }
    // Signed by somebody else under the name of the right key.
    provider.set(|state| {
        state.lie = Some(Box::new(|head, _| head["kid"] = json!("key 1")));
        state.signs = 2;
    });
    let page = sign_in(&mut scene.browser(), &provider).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text().contains("does not hold"), "{}", page.text());
    assert!(scene.house.people.is_empty().await.unwrap());
    assert!(trail(&scene).await.contains("sign-in refused"));
    // The truth still counts.
    provider.set(|state| (state.lie, state.signs) = (None, 1));
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_provider_that_changes_its_keys_is_asked_for_them_again_and_not_too_often() {
    let (scene, provider) = scene().await;
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::OK
    );
    provider.set(|state| (state.published, state.signs) = (vec![2, 1], 2));
    // Whoever sends tokens with made-up keys makes us ask once a minute at most.
    let refused = sign_in(&mut scene.browser(), &provider).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    scene.house.wait_s(61);
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::OK
    );
    let asked = provider.state.lock().unwrap().asked.clone();
    let keys = asked.iter().filter(|path| path.ends_with("/keys")).count();
    assert_eq!(keys, 2, "{asked:?}");
}

#[tokio::test]
async fn a_provider_that_is_down_or_calls_itself_something_else_is_named_as_the_reason() {
    let (scene, provider) = scene().await;
    type Change = fn(&mut State);
    let changes: [(&str, Change); 5] = [
        ("down", |state| state.down = true),
        ("another issuer", |state| {
            state.metadata["issuer"] = json!("https://evil.example.com")
        }),
        ("no TLS", |state| {
            state.metadata["token_endpoint"] = json!("http://id.example.com/token");
        }),
        ("no token endpoint", |state| {
            state.metadata["token_endpoint"] = Value::Null
        }),
        ("no document", |state| state.metadata = json!([])),
    ];
    let whole = provider.state.lock().unwrap().metadata.clone();
    for (which, change) in changes {
        provider.set(change);
        let mut ada = scene.browser();
        let page = ada.get("/sign-in/provider").await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{which}");
        assert!(
            page.text().contains("does not answer as it should"),
            "{which}"
        );
        provider.set(|state| (state.down, state.metadata) = (false, whole.clone()));
    }
    // What was no answer is not remembered as one.
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::OK
    );
    let mut bob = scene.browser();
    let back = there(&mut bob, &provider).await;
    let state = back.split("&state=").nth(1).unwrap();
    let denied = bob
        .get(&format!("{BACK_PATH}?error=access_denied&state={state}"))
        .await;
    assert_eq!(denied.status, StatusCode::BAD_GATEWAY);
    assert!(denied.text().contains("said no"));
}

#[tokio::test]
async fn whoever_comes_for_the_first_time_needs_an_invitation() {
    let (scene, provider) = with(settings(Admit::Invited)).await;
    let mut ada = scene.browser();
    let page = sign_in(&mut ada, &provider).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text().contains("Ask an owner for an invitation"));
    let text = "ab".repeat(32);
    let act = Act {
        who: "test",
        what: "link made",
        about: "",
        origin: "test",
    };
    let people = &scene.house.people;
    let hash = admin::door::secret::hash(&text);
    let link = people.add_link(hash, Roles::of(&[Role::Treasurer]), 60, &act, NOW);
    link.await.unwrap();
    let welcome = format!("/welcome/{text}");
    assert!(
        ada.get(&welcome)
            .await
            .text()
            .contains("Come in by Example")
    );
    let page = ada.get(&format!("{welcome}/provider")).await;
    let back = provider.consent(page.location());
    assert!(
        !page.location().contains(&text),
        "the link stays between us"
    );
    assert_eq!(ada.get(&back).await.status, StatusCode::OK);
    assert_eq!(
        ada.get("/money").await.status,
        StatusCode::OK,
        "a treasurer"
    );
    assert_eq!(
        ada.get(&welcome).await.status,
        StatusCode::NOT_FOUND,
        "used up"
    );
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::OK
    );
    let nowhere = scene
        .browser()
        .get(&format!("/welcome/{}/provider", "cd".repeat(32)))
        .await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn roles_are_read_at_every_sign_in_and_end_with_the_claim() {
    let mut by_claim = settings(Admit::Mapped);
    by_claim.roles_claim = Some("realm_access.roles".to_owned());
    let (scene, provider) = with(by_claim).await;
    let gives = |roles: Value| {
        provider.set(|state| state.claims["realm_access"] = json!({ "roles": roles }));
    };
    let mut ada = scene.browser();
    gives(json!(["guests"]));
    let page = sign_in(&mut ada, &provider).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text().contains("gives you no role"));
    assert!(scene.house.people.is_empty().await.unwrap());
    gives(json!(["staff"]));
    sign_in(&mut ada, &provider).await;
    assert_eq!(ada.get("/people").await.status, StatusCode::FORBIDDEN);
    gives(json!(["boss"]));
    assert_eq!(
        ada.get("/people").await.status,
        StatusCode::FORBIDDEN,
        "not before"
    );
    let before = ada.clone();
    sign_in(&mut ada, &provider).await;
    assert_eq!(ada.get("/people").await.status, StatusCode::OK);
    assert_eq!({ before }.get("/").await.location(), "/sign-in");
    gives(json!([]));
    assert_eq!(
        sign_in(&mut scene.browser(), &provider).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        ada.get("/").await.location(),
        "/sign-in",
        "open sessions end with it"
    );
}

#[tokio::test]
async fn whom_an_owner_closed_stays_out_until_an_owner_opens() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    sign_in(&mut ada, &provider).await;
    let person = scene.house.people.persons().await.unwrap()[0]
        .id
        .0
        .to_string();
    let mut owner = scene.owner().await;
    let closed = [("person", person.as_str()), ("auditor", "1")];
    owner.submit("/people", "/people/change", &closed).await;
    assert_eq!(ada.get("/").await.location(), "/sign-in");
    let page = sign_in(&mut ada, &provider).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text().contains("closed your account"));
    let opened = [
        ("person", person.as_str()),
        ("auditor", "1"),
        ("active", "1"),
    ];
    owner.submit("/people", "/people/change", &opened).await;
    assert_eq!(sign_in(&mut ada, &provider).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_the_provider_and_home() {
    let (scene, provider) = scene().await;
    let mut ada = scene.browser();
    let page = ada
        .get("/sign-in/provider?next=https://evil.example.com&redirect_uri=x")
        .await;
    assert!(!page.location().contains("evil"), "{}", page.location());
    let back = provider.consent(page.location());
    let back = format!("{back}&next=https://evil.example.com&url=//evil.example.com");
    let page = ada.get(&back).await;
    assert_eq!(page.headers[header::REFRESH], "0; url=/");
    assert!(!page.text().contains("evil"));
}

#[tokio::test]
async fn answers_made_up_by_one_address_are_slowed_down() {
    let (scene, _provider) = scene().await;
    let mut statuses = Vec::new();
    for _ in 0..45 {
        let mut eve = scene.browser();
        let page = eve.get("/sign-in/provider").await;
        let address = Url::parse(page.location()).unwrap();
        let state = address
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1;
        let back = format!("{BACK_PATH}?code=made-up&state={state}");
        statuses.push(eve.get(&back).await.status);
    }
    assert_eq!(statuses[0], StatusCode::BAD_GATEWAY);
    assert_eq!(statuses[44], StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_one() {
    let scene = Scene::new().await;
    let mut ada = scene.browser();
    assert!(
        !ada.get("/sign-in")
            .await
            .text()
            .contains("/sign-in/provider")
    );
    assert_eq!(
        ada.get("/sign-in/provider").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(ada.get(BACK_PATH).await.status, StatusCode::NOT_FOUND);
}
