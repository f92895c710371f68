//! Batches of requests by table.

use crate::browser::{Browser, Scene};
use crate::house::{House, thing};
use axum::http::{StatusCode, header};
use ledger::people::{Role, Roles};
use std::collections::BTreeSet;
use std::time::Duration;

/// Requests of these things, with one line that is none.
fn table(seeds: std::ops::Range<u8>) -> String {
    let mut text = "name,product,kind,request\n".to_owned();
    for seed in seeds {
        let pem = thing::Keys::new(seed).request_pem();
        text += &format!("\"Meter {seed}\",M7,device,\"{pem}\"\n");
    }
    text
}

async fn bring(browser: &mut Browser, table: &str) -> crate::browser::Page {
    let token = browser.get("/batches").await.field("form_token");
    let parts = [
        ("form_token", None, token.as_str()),
        ("title", None, "Harbour"),
        ("table", Some("meters.csv"), table),
    ];
    browser.upload("/batches", &parts).await
}

/// Until the batch is worked off.
async fn done(house: &House, number: u64) -> ledger::JobRow {
    for _ in 0..200 {
        let row = house.ledger.job(number).await.unwrap().unwrap();
        if row.state == ledger::JobState::Done {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the batch is not worked off");
}

fn codes(csv: &str) -> Vec<String> {
    let cell = |line: &str| line.split(',').nth(4).unwrap_or_default().to_owned();
    csv.lines().skip(1).map(cell).collect()
}

#[tokio::test]
async fn a_table_becomes_codes_one_each_however_often_it_is_brought() {
    let scene = Scene::new().await;
    let known = scene.house.thing(40, "Meter 40").await;
    let mut ada = scene.somebody(Roles::of(&[Role::Factory])).await;
    // The proof in the last request is of another key: it reads, and is refused.
    let mut text = table(40..60);
    let broken = thing::Keys::new(60).request();
    let pem = thing::pem_of(&spoiled(broken));
    text += &format!("Broken,M7,device,\"{pem}\"\n");
    let begun = bring(&mut ada, &text).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text());
    assert_eq!(begun.location(), "/batches/1");
    let row = done(&scene.house, 1).await;
    assert_eq!((row.lines, row.issued, row.failed), (21, 20, 1));
    let csv = ada.get("/batches/1/codes.csv").await;
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let issued = codes(&csv.text());
    assert_eq!(issued[0], known.code.to_string(), "its request had a code");
    assert_eq!(issued[20], "");
    let different: BTreeSet<&String> = issued[..20].iter().collect();
    assert_eq!(different.len(), 20);
    // The same table again is the same batch, and no code is new.
    let again = bring(&mut ada, &text).await;
    assert_eq!(again.location(), "/batches/1");
    let things = scene.house.ledger.overview().await.unwrap().things;
    // Another table with the same requests gets the same codes.
    let begun = bring(&mut ada, &table(41..44)).await;
    assert_eq!(begun.location(), "/batches/2");
    done(&scene.house, 2).await;
    let second = codes(&ada.get("/batches/2/codes.csv").await.text());
    assert_eq!(second, issued[1..4]);
    assert_eq!(scene.house.ledger.overview().await.unwrap().things, things);
    let page = ada.get("/batches/1").await.text();
    assert!(page.contains("have a code, 1 were refused") && !page.contains("http-equiv"));
    let labels = ada.get("/batches/1/labels?on=a4-65").await;
    assert!(labels.body.starts_with(b"%PDF"));
    let everything = ada.get("/codes.csv").await.text();
    assert!(issued[..20].iter().all(|code| everything.contains(code)));
}

/// With a byte of its signature changed.
fn spoiled(mut request: Vec<u8>) -> Vec<u8> {
    let last = request.len() - 1;
    request[last] ^= 1;
    request
}

#[tokio::test]
async fn what_does_not_read_begins_nothing() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    for (text, expected) in [
        ("".to_owned(), "empty"),
        ("a,b,c,d\n1,2,3,4\n".to_owned(), "first row"),
        (table(70..71) + "X,Y,device,zzz\n", "Request 2: "),
        (
            table(70..71).replace("REQUEST", "PRIVATE KEY"),
            "private key",
        ),
    ] {
        let page = bring(&mut ada, &text).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            page.text().contains(expected),
            "{expected}: {}",
            page.text()
        );
    }
    assert!(scene.house.ledger.job(1).await.unwrap().is_none());
    let mut eve = scene.somebody(Roles::of(&[Role::Auditor])).await;
    assert_eq!(bring_as_reader(&mut eve).await, StatusCode::FORBIDDEN);
}

async fn bring_as_reader(browser: &mut Browser) -> StatusCode {
    let token = browser.get("/codes").await.field("form_token");
    let parts = [("form_token", None, token.as_str())];
    browser.upload("/batches", &parts).await.status
}

#[tokio::test]
async fn a_batch_that_was_stopped_goes_on_where_it_was() {
    let scene = Scene::new().await;
    let mut ada = scene.owner().await;
    let text = table(80..200);
    assert_eq!(bring(&mut ada, &text).await.location(), "/batches/1");
    let stop = [("go", "stop")];
    let stopped = ada.submit("/batches/1", "/batches/1", &stop).await;
    assert_eq!(stopped.location(), "/batches/1");
    // What was begun may still end; then nothing moves.
    let job = async || scene.house.ledger.job(1).await.unwrap().unwrap();
    let mut row = job().await;
    loop {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let next = job().await;
        if next == row {
            break;
        }
        row = next;
    }
    if row.state != ledger::JobState::Done {
        assert_eq!(row.state, ledger::JobState::Stopped);
    }
    // Another portal over the same books, as after a restart, goes on.
    let other = admin::router(scene.house.portal());
    ada.submit("/batches/1", "/batches/1", &[("go", "on")])
        .await;
    let row = done(&scene.house, 1).await;
    assert_eq!((row.issued, row.failed), (120, 0));
    drop(other);
    let issued = codes(&ada.get("/batches/1/codes.csv").await.text());
    let different: BTreeSet<&String> = issued.iter().collect();
    assert_eq!(different.len(), 120, "nothing is issued twice");
    let things = scene.house.ledger.overview().await.unwrap().things;
    assert_eq!(things, 120);
    for path in ["/batches/9", "/batches/x", "/batches/9/codes.csv"] {
        assert_eq!(ada.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
