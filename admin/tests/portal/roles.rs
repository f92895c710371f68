//! Every route of the table, tried by everybody.

use crate::browser::{Browser, Scene, send};
use admin::door::Who;
use admin::routes::table;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use ledger::people::{Act, NewToken, Role, Roles, Scope, Scopes};

async fn visit(browser: &mut Browser, method: &Method, path: &str) -> StatusCode {
    if *method == Method::POST {
        let token = browser.get("/codes").await;
        let token = if token.status == StatusCode::OK {
            token.field("form_token")
        } else {
            browser.get("/sign-in").await.field("form_token")
        };
        browser.post(path, &[("form_token", &token)]).await.status
    } else {
        browser.get(path).await.status
    }
}

#[tokio::test]
async fn each_route_is_for_its_roles_only() {
    let scene = Scene::new().await;
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push((role, scene.somebody(Roles::of(&[role])).await));
    }
    let mut stranger = scene.browser();
    let mut counts = [0; 3];
    for route in table() {
        let (method, path) = (&route.method, route.path);
        if path == "/sign-out" {
            continue; // it would end what the rest of the walk needs; see sign_in
        }
        let roles = route.who.people();
        match route.who {
            Who::Everybody | Who::Strangers => {
                counts[0] += 1;
                let status = visit(&mut stranger, method, path).await;
                assert_ne!(status, StatusCode::FORBIDDEN, "{path}");
                assert_ne!(status, StatusCode::SEE_OTHER, "{path}");
            }
            Who::Own | Who::People(_) | Who::Uploads(_) => {
                let roles = roles.unwrap();
                counts[1] += 1;
                let status = visit(&mut stranger, method, path).await;
                let closed = match *method {
                    Method::POST => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::SEE_OTHER,
                };
                assert_eq!(status, closed, "{path} for strangers");
                assert!(roles.has(Role::Owner), "an owner may do everything: {path}");
                for (role, browser) in &mut people {
                    let status = visit(browser, method, path).await;
                    let let_in =
                        !matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
                    assert_eq!(
                        let_in,
                        roles.has(*role),
                        "{method} {path} for {}: {status}",
                        role.word()
                    );
                    assert!(!status.is_server_error(), "{method} {path}: {status}");
                }
            }
            Who::Tokens(..) => counts[2] += 1,
        }
    }
    assert!(
        counts[0] >= 14 && counts[1] >= 62 && counts[2] >= 6,
        "{counts:?}"
    );
}

#[tokio::test]
async fn each_call_is_for_tokens_with_its_roles_only() {
    let scene = Scene::new().await;
    let act = Act {
        who: "test",
        what: "token made",
        about: "",
        origin: "test",
    };
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let text = format!("{:064x}", role as u8);
        let new = NewToken {
            hash: admin::door::secret::hash(&text),
            label: role.word(),
            roles: Roles::of(&[role]),
            scopes: Scopes::EVERY,
            life_s: 60,
        };
        scene
            .house
            .people
            .add_token(new, &act, scene.house.now())
            .await
            .unwrap();
        tokens.push((role, text));
    }
    let mut signed_in = scene.owner().await;
    let call = |method: &Method, path: &str, authorization: Option<String>| {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Body::from("{}")).unwrap()
    };
    for route in table() {
        let Who::Tokens(roles, _) = route.who else {
            continue;
        };
        let (method, path) = (&route.method, route.path);
        for authorization in [
            None,
            Some("Bearer".to_owned()),
            Some(format!("Bearer {}", "f".repeat(64))),
            Some(format!("Basic {}", tokens[0].1)),
        ] {
            let page = send(&scene.app, call(method, path, authorization)).await;
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(
                page.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
        }
        let page = match *method {
            Method::POST => signed_in.post(path, &[]).await,
            _ => signed_in.get(path).await,
        };
        assert_eq!(
            page.status,
            StatusCode::UNAUTHORIZED,
            "{path}: a cookie is no token"
        );
        for (role, token) in &tokens {
            let page = send(
                &scene.app,
                call(method, path, Some(format!("bearer {token}"))),
            )
            .await;
            let let_in = page.status != StatusCode::FORBIDDEN;
            assert_eq!(let_in, roles.has(*role), "{path} for {}", role.word());
        }
    }
    scene.house.wait_s(61);
    let late = call(
        &Method::GET,
        "/api/v1/conservation",
        Some(format!("Bearer {}", tokens[0].1)),
    );
    assert_eq!(
        send(&scene.app, late).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_token_does_what_its_scopes_name_and_nothing_else() {
    let scene = Scene::new().await;
    let act = Act {
        who: "test",
        what: "token made",
        about: "",
        origin: "test",
    };
    let calls: Vec<_> = table()
        .into_iter()
        .filter_map(|route| match route.who {
            Who::Tokens(_, scope) => Some((route.method, route.path, scope)),
            _ => None,
        })
        .collect();
    for (number, only) in Scope::all().enumerate() {
        let text = format!("{number:064x}");
        let new = NewToken {
            hash: admin::door::secret::hash(&text),
            label: "narrow",
            roles: Roles::EVERY,
            scopes: Scopes::of([only]),
            life_s: 60,
        };
        let now = scene.house.now();
        let people = &scene.house.people;
        people.add_token(new, &act, now).await.unwrap();
        for (method, path, scope) in &calls {
            let request = Request::builder()
                .method(method.clone())
                .uri(*path)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::AUTHORIZATION, format!("Bearer {text}"))
                .body(Body::from("{}"))
                .unwrap();
            let page = send(&scene.app, request).await;
            let let_in = page.status != StatusCode::FORBIDDEN;
            assert_eq!(let_in, *scope == only, "{path} for {only}: {}", page.text());
            assert!(let_in || page.text().contains(&format!("not for {scope}")));
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    for path in [
        "/",
        "/codes",
        "/sign-in",
        "/1/x",
        "/assets/style.css",
        "/nowhere",
        "/api/v1/conservation",
    ] {
        let page = ada.get(path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(
            page.headers[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
        assert_eq!(page.headers[header::X_FRAME_OPTIONS], "DENY", "{path}");
        assert!(page.headers.contains_key(header::CACHE_CONTROL), "{path}");
    }
}
