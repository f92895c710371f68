//! Pages as readers of each language get them.

use crate::browser::{Browser, HOST, Scene, send};
use admin::door::Who;
use admin::routes::table;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode, header};
use std::net::SocketAddr;

async fn ask(scene: &Scene, path: &str, accepts: &str) -> crate::browser::Page {
    let request = Request::builder()
        .uri(path)
        .header(header::HOST, HOST)
        .header(header::ACCEPT_LANGUAGE, accepts)
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    send(&scene.app, request.body(Body::empty()).unwrap()).await
}

async fn chinese(mut browser: Browser) -> Browser {
    let chosen = browser.get("/language/zh-CN").await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER);
    browser
}

#[tokio::test]
async fn a_browser_gets_the_language_it_asks_for() {
    let scene = Scene::new().await;
    for (accepts, tag, word) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN", "登录"),
        ("de,en;q=0.5,zh;q=0.4", "en", "Sign in"),
        ("", "en", "Sign in"),
    ] {
        let page = ask(&scene, "/sign-in", accepts).await;
        let text = page.text();
        assert!(
            text.contains(&format!("<html lang=\"{tag}\">")),
            "{accepts}"
        );
        assert!(text.contains(&format!("<h1>{word}</h1>")), "{accepts}");
        assert_eq!(page.headers[header::CONTENT_LANGUAGE], tag);
        // Whoever keeps copies must not hand the page to readers of the other language.
        assert_eq!(page.headers[header::VARY], "Accept-Language, Cookie");
    }
    let nowhere = ask(&scene, "/nowhere", "zh").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert!(nowhere.text().contains("<h1>未找到</h1>"));
}

#[tokio::test]
async fn a_chosen_language_stays_and_leads_back_to_the_page() {
    let scene = Scene::new().await;
    let mut browser = scene.browser();
    let page = browser.get("/sign-in?a=b%20c").await.text();
    let switch = "/language/zh-CN?back=/sign-in%3Fa%3Db%2520c";
    assert!(page.contains(&format!("href=\"{switch}\"")), "{page}");
    let chosen = browser.get(switch).await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER);
    assert_eq!(chosen.location(), "/sign-in?a=b%20c");
    let page = browser.get(chosen.location()).await.text();
    assert!(page.contains("<html lang=\"zh-CN\">"));
    assert!(
        page.contains("lang=\"en\""),
        "the other language is offered"
    );
    let refused = browser.sign_in("nobody", "no password at all").await;
    assert!(refused.text().contains("名称或密码不正确。"));
    browser.get("/language/en").await;
    assert!(
        browser
            .get("/sign-in")
            .await
            .text()
            .contains("<html lang=\"en\">")
    );
}

#[tokio::test]
async fn a_switch_leads_nowhere_else() {
    let scene = Scene::new().await;
    let mut browser = scene.browser();
    for back in [
        "https://evil.example/",
        "//evil.example/",
        "/%5Cevil.example",
        "x",
    ] {
        let chosen = browser.get(&format!("/language/zh-CN?back={back}")).await;
        assert_eq!(chosen.location(), "/", "{back}");
    }
    let unknown = browser.get("/language/tlh").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

/// Every page that needs nothing in its address, and one of each kind of refusal.
#[tokio::test]
async fn no_page_in_chinese_has_english_left_in_it() {
    let scene = Scene::new().await;
    let mut owner = chinese(scene.owner().await).await;
    let mut seen = 0;
    let paths = table()
        .into_iter()
        .filter(|route| route.method == Method::GET);
    let paths = paths.filter(|route| !route.path.contains('{') && !route.path.contains('.'));
    for route in paths {
        // The API and its document are English.
        if matches!(route.who, Who::Tokens(..)) || route.path.starts_with("/api/") {
            continue;
        }
        let page = owner.get(route.path).await;
        let kind = page.headers.get(header::CONTENT_TYPE);
        let is_page = kind.is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
        if page.status == StatusCode::OK && is_page {
            assert_chinese(route.path, &page.text());
            seen += 1;
        }
    }
    assert!(seen >= 17, "{seen} pages were read");
    for path in [
        "/nowhere",
        "/1/1000",
        "/g/1000",
        "/codes/1000",
        "/orders/1000",
        "/welcome/1000",
        "/codes?q=2000-0080-AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-00",
        "/issue-grid?latitude=1",
        "/audit?check=1",
    ] {
        assert_chinese(path, &owner.get(path).await.text());
    }
    for (path, fields) in [
        (
            "/issue",
            [
                ("name", ""),
                ("product", ""),
                ("kind", "device"),
                ("request", "x"),
            ],
        ),
        (
            "/orders",
            [
                ("station", ""),
                ("kind", "device"),
                ("count", "1"),
                ("days", "x"),
            ],
        ),
        (
            "/money",
            [("code", "x"), ("currency", ""), ("amount", ""), ("key", "")],
        ),
        (
            "/areas",
            [("name", "x"), ("cells", "1,1,99"), ("done", ""), ("x", "")],
        ),
    ] {
        let to = if path == "/money" {
            "/money/load"
        } else {
            path
        };
        let page = owner.submit(path, to, &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_chinese(path, &page.text());
    }
}

fn assert_chinese(path: &str, html: &str) {
    assert!(html.contains("<html lang=\"zh-CN\">"), "{path}: {html}");
    let left = english(html);
    assert!(left.is_empty(), "{path} says in English: {left:#?}");
}

/// Runs of two words in what a reader sees, but for what is nobody's to translate.
fn english(html: &str) -> Vec<String> {
    let mut left = Vec::new();
    let mut skip: Option<(String, u32)> = None;
    for piece in html.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric())
            .collect();
        match &mut skip {
            Some((of, depth)) if *of == name => {
                *depth = if tag.starts_with('/') {
                    *depth - 1
                } else {
                    *depth + 1
                };
                if *depth == 0 {
                    skip = None;
                }
            }
            Some(_) => {}
            None => {
                let own = [
                    "translate=\"no\"",
                    "class=\"code",
                    "class=\"name\"",
                    "class=\"secret",
                ];
                let kept = own.iter().any(|mark| tag.contains(mark))
                    || matches!(name.as_str(), "code" | "pre" | "script" | "b");
                if kept && !tag.starts_with('/') && name != "input" {
                    skip = Some((name, 1));
                }
            }
        }
        if skip.is_none() && has_two_words(text) {
            left.push(text.trim().to_owned());
        }
    }
    left
}

fn has_two_words(text: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase());
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .windows(2)
        .any(|two| two.iter().all(|word| is_word(word)))
}

#[test]
fn english_that_is_left_is_found() {
    assert_eq!(english("<p>still to be done</p>"), ["still to be done"]);
    assert!(english("<p>编码 GTIN 12 min</p><code>one two three</code>").is_empty());
    assert!(
        english("<a class=\"name\">one two</a><p translate=\"no\"><i>one two</i></p>").is_empty()
    );
}
