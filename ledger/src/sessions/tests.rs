//! What was answered is there when the file is opened again, and nothing else is.

use super::{Change, MessageRow, Posting, Sessions, SubscriptionRow};
use protocol::code::IssuedBy;
use protocol::{Code, Kind, Timestamp};
use std::path::Path;

async fn open(folder: &Path) -> Sessions {
    Sessions::open(&folder.join("sessions.db")).await.unwrap()
}

fn code() -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, 1, b"key").unwrap()
}

fn begin(session: i64, suffix: &str) -> Change {
    Change::Begin {
        session,
        code: code(),
        suffix: suffix.into(),
        life_s: 60,
    }
}

fn listens(filter: &str, options: u8) -> SubscriptionRow {
    SubscriptionRow {
        share: String::new(),
        filter: filter.into(),
        options,
        identifier: 7,
    }
}

fn post(text: &str, to: Vec<(i64, u64, u8)>) -> Posting {
    Posting {
        bytes: text.into(),
        to,
        ..Posting::default()
    }
}

#[tokio::test]
async fn a_session_is_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(folder.path()).await;
    let away = Some(Timestamp(1_700_000_000));
    for change in [
        begin(1, ""),
        begin(2, "second"),
        Change::Subscribe(1, listens("oc/1/A/t/#", 1)),
        Change::Subscribe(1, listens("oc/1/A/t/#", 2)),
        Change::Subscribe(1, listens("oc/1/A/s", 1)),
        Change::Unsubscribe {
            session: 1,
            share: String::new(),
            filter: "oc/1/A/s".into(),
        },
        Change::Post(Posting {
            received: Some((2, 9)),
            ..post("one", vec![(1, 1, 5), (2, 4, 6), (3, 1, 6)])
        }),
        Change::Post(post("two", vec![(1, 2, 5)])),
        Change::Post(post("three", vec![(1, 3, 5)])),
        Change::Released(1, 2),
        Change::Taken(1, vec![1]),
        Change::Presence {
            session: 1,
            life_s: 90,
            away,
        },
    ] {
        sessions.write(change.clone()).await.unwrap();
        if !matches!(change, Change::Post(_)) {
            sessions.write(change).await.expect("twice changes nothing");
        }
    }
    sessions.close().await;

    let sessions = open(folder.path()).await;
    let all = sessions.all().await.unwrap();
    let [first, second] = all.as_slice() else {
        panic!("two sessions: {all:?}");
    };
    assert_eq!((first.life_s, first.away, first.number), (90, away, 1));
    assert_eq!(first.subscriptions, [listens("oc/1/A/t/#", 2)]);
    assert_eq!(first.waiting, [(2, 3), (3, 5)]);
    assert_eq!((second.code, second.suffix.as_str()), (code(), "second"));
    assert_eq!(second.away, None);
    assert_eq!(sessions.received(2).await.unwrap(), [9]);
    let message = |number, released, text: &str| MessageRow {
        number,
        options: 5,
        released,
        bytes: text.into(),
    };
    let next = sessions.next(1, 1, 1).await.unwrap();
    assert_eq!(next, [message(2, true, "two")]);
    let next = sessions.next(1, 2, 9).await.unwrap();
    assert_eq!(next, [message(3, false, "three")]);
}

#[tokio::test]
async fn a_session_ends_with_all_it_was_owed() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(folder.path()).await;
    let posting = Posting {
        received: Some((1, 9)),
        ..post("one", vec![(1, 1, 5)])
    };
    sessions.write(begin(1, "")).await.unwrap();
    sessions.write(Change::Post(posting)).await.unwrap();
    let listens = Change::Subscribe(1, listens("oc/1/A/s", 1));
    sessions.write(listens).await.unwrap();
    sessions.write(Change::End(1)).await.unwrap();
    sessions.write(begin(1, "")).await.unwrap();
    let all = sessions.all().await.unwrap();
    assert!(all[0].waiting.is_empty());
    assert!(sessions.received(1).await.unwrap().is_empty());
    assert!(all[0].subscriptions.is_empty());
    sessions.close().await;
}

#[tokio::test]
async fn topics_retain_their_newest_until_it_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(folder.path()).await;
    let retain = |topic: &str, text: &str| {
        Change::Post(Posting {
            retain: Some(topic.into()),
            ..post(text, vec![])
        })
    };
    for (topic, text) in [("a", "1"), ("a", "2"), ("b", "3")] {
        sessions.write_soon(retain(topic, text)).await;
    }
    let clear = Posting {
        clear: Some("b".into()),
        ..Posting::default()
    };
    sessions.write(Change::Post(clear)).await.unwrap();
    assert_eq!(sessions.retained().await.unwrap(), [b"2"]);
    sessions.close().await;
    let closed = sessions.write(begin(1, "")).await;
    assert!(closed.is_err(), "after the end nothing is promised");
}

#[tokio::test]
async fn what_comes_for_a_session_that_has_ended_harms_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(folder.path()).await;
    sessions.write(begin(1, "")).await.unwrap();
    // One in place of it, though nobody has ended it; then what is late for the first.
    sessions.write(begin(2, "")).await.unwrap();
    for late in [
        Change::Subscribe(1, listens("oc/1/A/s", 1)),
        Change::Post(post("one", vec![(1, 1, 5), (2, 1, 5)])),
        Change::Released(1, 1),
        Change::Completed(1, 9),
    ] {
        sessions.write(late).await.unwrap();
    }
    let all = sessions.all().await.unwrap();
    let [second] = all.as_slice() else {
        panic!("one session: {all:?}");
    };
    assert_eq!(
        (second.number, second.waiting.as_slice()),
        (2, &[(1, 3)][..])
    );
    sessions.close().await;
}
