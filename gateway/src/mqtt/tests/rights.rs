//! Who may do what, on both versions.

use super::{
    super::{Limits, Reason, session::End},
    BOTH, Hello, House, publish, publish_by_alias, subscribe,
};
use crate::{mqtt::packet::Version, tree::tests::code};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What nobody may publish on but whom it belongs to, seen by A.
const FORBIDDEN_TOPICS: [&str; 17] = [
    "oc/1/B/t/x",
    "oc/1/B/e/x",
    "oc/1/B/s",
    "oc/1/B/twin/reported",
    "oc/1/B/twin/desired",
    "oc/1/B/c/1",
    "oc/1/B/r/1",
    "oc/1/B/w/in",
    "oc/1/B/w/out/gateway",
    "oc/1/B/w/out/A",
    "oc/1/A/w/in",
    "oc/1/A/twin/desired",
    "oc/1/A/c/1",
    "oc/1/me/t/x",
    "$SYS/broker/uptime",
    "é/x",
    "x",
];

const FORBIDDEN_FILTERS: [&str; 14] = [
    "#",
    "+",
    "+/+/+/#",
    "oc/#",
    "oc/1/#",
    "oc/1/+/t/x",
    "oc/1/B/#",
    "oc/1/B/w/in",
    "oc/1/B/s",
    "$SYS/#",
    "$share/g/#",
    "$share/g/oc/1/B/#",
    "$share/g/oc/1/B/t/x",
    "é/#",
];

#[tokio::test]
async fn own_topics_pass_and_are_acknowledged() {
    for version in BOTH {
        let house = House::new();
        let mut watch = house.watch("A").await;
        let mut client = house.client("A", version).await;
        for own in ["t/x", "t/room/x", "e/x", "s", "twin/reported", "r/1"] {
            let topic = format!("oc/1/A/{own}");
            assert_eq!(client.publish(&topic, own.as_bytes()).await, 0);
            let event = watch.next().await.unwrap();
            assert_eq!((&event.payload[..], event.assured), (own.as_bytes(), true));
        }
        client
            .send(&publish(version, "oc/1/A/t/x", b"0", None))
            .await;
        assert!(!watch.next().await.unwrap().assured);
    }
}

#[tokio::test]
async fn forbidden_publications_are_refused_by_code_or_by_closing() {
    let house = House::new();
    let mut watches = [house.watch("A").await, house.watch("B").await];
    let mut client = house.client("A", Version::V5).await;
    for topic in FORBIDDEN_TOPICS {
        assert_eq!(client.publish(topic, b"x").await, 0x87, "{topic}");
        // With QoS 0 nothing can be said.
        client.send(&publish(Version::V5, topic, b"x", None)).await;
        client.ping().await;
    }
    assert_eq!(client.publish("oc/1/A/t/+", b"x").await, 0x90);
    assert_eq!(client.publish("oc/1/A/t/x", b"still here").await, 0);
    for topic in FORBIDDEN_TOPICS {
        for id in [None, Some(1)] {
            let mut client = house.client("A", Version::V311).await;
            client.send(&publish(Version::V311, topic, b"x", id)).await;
            let end = client.end().await.0;
            assert_eq!(end, End::Refused(Reason::PublishForbidden), "{topic}");
        }
    }
    let count = house.door.counters().of(Reason::PublishForbidden);
    assert_eq!(count, 4 * FORBIDDEN_TOPICS.len() as u64);
    assert_eq!(&watches[0].next().await.unwrap().payload[..], b"still here");
    assert!(watches.iter_mut().all(|watch| watch.try_next().is_none()));
    assert_eq!(house.office.handled.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn forbidden_subscriptions_are_refused_filter_by_filter() {
    for (version, no) in [(Version::V311, 0x80), (Version::V5, 0x87)] {
        let house = House::new();
        let mut client = house.client("A", version).await;
        for filter in FORBIDDEN_FILTERS {
            assert_eq!(client.subscribe(filter, 1).await, no, "{filter}");
        }
        let mixed = [("oc/1/A/c/+", 1), ("oc/1/B/c/+", 1), ("oc/1/A/t/#", 0)];
        client.send(&subscribe(version, &mixed)).await;
        let suback = client.next().await;
        assert_eq!(suback.body[suback.body.len() - 3..], [1, no, 0]);
        assert_eq!(client.subscribe("oc/1/A/#", 2).await, 2);
        let mut other = house.client("B", version).await;
        assert_eq!(other.publish("oc/1/B/t/x", b"secret").await, 0);
        client.ping().await;
        let count = house.door.counters().of(Reason::SubscribeForbidden);
        assert_eq!(count, 1 + FORBIDDEN_FILTERS.len() as u64);
    }
}

#[tokio::test]
async fn a_will_on_a_foreign_topic_is_refused_at_connect() {
    for (version, no) in [(Version::V311, 5), (Version::V5, 0x87)] {
        let house = House::new();
        for topic in FORBIDDEN_TOPICS.iter().chain(&["oc/1/A/w/out/gateway"]) {
            let mut client = house.dial("A", version);
            let hello = Hello {
                will: Some((topic, "gone", 0)),
                ..Hello::default()
            };
            assert_eq!(client.say_hello(&hello).await.body[1], no, "{topic}");
            assert_eq!(client.end().await.0, End::Refused(Reason::WillForbidden));
        }
    }
}

#[tokio::test]
async fn the_client_id_is_empty_or_the_code_with_a_short_suffix() {
    for (version, no) in [(Version::V311, 2), (Version::V5, 0x85)] {
        let house = House::new();
        let spoofed = [
            "B".to_owned(),
            "oc".to_owned(),
            format!("{}.x", code("B")),
            format!("{}x", code("A")),
            format!("{}.", code("A")),
            format!("{}.12345678901234567", code("A")),
            format!("{}.a+b", code("A")),
            format!("{}.é", code("A")),
            code("A").to_string().to_lowercase(),
        ];
        for id in &spoofed {
            let mut client = house.dial("A", version);
            let hello = Hello {
                id,
                ..Hello::default()
            };
            assert_eq!(client.say_hello(&hello).await.body[1], no, "{id}");
            assert_eq!(client.end().await.0, End::Refused(Reason::ClientId));
        }
        let mut open = Vec::new();
        for id in [
            code("A").to_string(),
            format!("{}.1234567890123456", code("A")),
        ] {
            let mut client = house.dial("A", version);
            let hello = Hello {
                id: &id,
                ..Hello::default()
            };
            client.open(&hello).await;
            open.push(client);
        }
        let sessions = house.door.counters().sessions.load(Ordering::Relaxed);
        assert_eq!(sessions, 2);
    }
}

#[tokio::test]
async fn an_alias_has_the_rights_of_its_topic() {
    let house = House::new();
    let mut watch = house.watch("A").await;
    let mut client = house.client("A", Version::V5).await;
    for (topic, alias, code) in [
        ("oc/1/A/t/x", 1, None),
        ("", 1, None),
        ("oc/1/B/t/x", 2, Some(0x87)),
        ("", 2, Some(0x87)),
        ("oc/1/A/t/y", 2, None),
        ("", 2, None),
    ] {
        client.send(&publish_by_alias(topic, alias)).await;
        assert_eq!(
            client.next().await.body.get(2).copied(),
            code,
            "{topic} {alias}"
        );
    }
    let mut heard = Vec::new();
    while let Some(event) = watch.try_next() {
        heard.push(event.topic.leaf.to_string());
    }
    assert_eq!(heard, ["t/x", "t/x", "t/y", "t/y"]);
    for (topic, alias) in [("", 3), ("oc/1/A/t/x", 0), ("oc/1/A/t/x", 33)] {
        let mut client = house.client("A", Version::V5).await;
        client.send(&publish_by_alias(topic, alias)).await;
        let ended = client.end().await;
        assert_eq!(ended, (End::Refused(Reason::TopicAlias), Some(0x94)));
    }
}

#[tokio::test]
async fn a_code_the_registry_does_not_know_gets_no_session() {
    let known = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&known);
    let check = Arc::new(move |_| {
        let known = asked.load(Ordering::Relaxed);
        Box::pin(std::future::ready(known)) as futures_util::future::BoxFuture<'static, bool>
    });
    let house = House::with(Limits::default(), check);
    for (version, no) in [(Version::V311, 5), (Version::V5, 0x87)] {
        let mut client = house.dial("A", version);
        assert_eq!(client.say_hello(&Hello::default()).await.body[1], no);
        assert_eq!(client.end().await.0, End::Refused(Reason::UnknownCode));
    }
    known.store(true, Ordering::Relaxed);
    house.client("A", Version::V5).await.ping().await;
}

#[tokio::test]
async fn revoking_ends_the_sessions_of_the_code_and_only_these() {
    let house = House::new();
    let mut watch = house.watch("A").await;
    let mut revoked = house.dial("A", Version::V5);
    let hello = Hello {
        will: Some(("oc/1/A/s", "gone", 0)),
        ..Hello::default()
    };
    revoked.open(&hello).await;
    let mut other = house.client("B", Version::V5).await;
    house.door.revoke(code("A"));
    let ended = revoked.end().await;
    assert_eq!(ended, (End::Refused(Reason::Revoked), Some(0x98)));
    assert!(watch.try_next().is_none(), "no last word of a revoked code");
    other.ping().await;
}

#[tokio::test]
async fn a_code_has_a_bounded_number_of_sessions() {
    let limits = Limits {
        sessions_per_code: 2,
        ..Limits::default()
    };
    let house = House::with(limits, Arc::new(|_| Box::pin(async { true })));
    let mut open = Vec::new();
    for (n, taken) in [(1, true), (2, true), (3, false), (2, true)] {
        let mut client = house.dial("A", Version::V5);
        let id = format!("{}.{n}", code("A"));
        let hello = Hello {
            id: &id,
            ..Hello::default()
        };
        let connack = client.say_hello(&hello).await;
        assert_eq!(connack.body[1], if taken { 0 } else { 0x97 }, "{n}");
        open.push(client);
    }
}
