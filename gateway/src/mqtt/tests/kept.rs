//! Sessions that outlive their connections and the house.

use super::{BOTH, Client, Hello, House, pass_s, publish_with, unsubscribe};
use crate::{
    mqtt::packet::Version,
    tree::{
        Caller, Door, Manner, Name,
        tests::{code, topic},
    },
};
use bytes::Bytes;
use std::{collections::HashMap, sync::Arc};

/// Keep it: for 256 s in MQTT 5, for as long as the house keeps any in MQTT 3.1.1.
fn keep() -> Hello<'static> {
    Hello {
        id: "A",
        resume: true,
        properties: &[0x11, 0, 0, 1, 0],
        ..Hello::default()
    }
}

fn other() -> Hello<'static> {
    Hello {
        id: "A.other",
        ..Hello::default()
    }
}

async fn back(house: &House, version: Version) -> (Client, bool) {
    let mut client = house.dial("A", version);
    let resumed = client.open(&keep()).await;
    (client, resumed)
}

/// Somebody else of the same code publishes with this QoS.
async fn publish(house: &House, payload: &str, qos: u8) {
    let mut publisher = house.dial("A", Version::V5);
    publisher.open(&other()).await;
    let (first, id) = (0x30 | qos << 1, (qos > 0).then_some(3));
    let packet = publish_with(
        Version::V5,
        first,
        "oc/1/A/t/x",
        payload.as_bytes(),
        id,
        &[],
    );
    publisher.send(&packet).await;
    if id.is_some() {
        publisher.acked().await;
    }
    publisher.ping().await;
}

#[tokio::test]
async fn what_was_assured_waits_for_who_is_away_and_for_nobody_else() {
    for version in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let house = House::keeping(folder.path()).await;
        let (mut client, resumed) = back(&house, version).await;
        assert!(!resumed);
        client.subscribe("oc/1/A/t/#", 1).await;
        client.hang_up().await;
        publish(&house, "1", 1).await;
        publish(&house, "passing", 0).await;
        publish(&house, "2", 2).await;

        let (mut client, resumed) = back(&house, version).await;
        assert!(resumed);
        for payload in [b"1", b"2"] {
            let message = client.message().await;
            assert_eq!((&message.payload[..], message.qos), (payload.as_slice(), 1));
            client.puback(message.id.unwrap()).await;
        }
        client.ping().await;
        // It goes on listening, and is told at once what comes now.
        publish(&house, "3", 1).await;
        let message = client.message().await;
        assert_eq!(
            (&message.payload[..], message.again),
            (b"3".as_slice(), false)
        );
        client.hang_up().await;
        let (mut client, _) = back(&house, version).await;
        let again = client.message().await;
        assert_eq!((again.payload, again.again), (message.payload, true));
        assert_eq!(again.id, message.id, "under the same identifier");
        client.puback(again.id.unwrap()).await;
        client.ping().await;
        client.send(&unsubscribe(version, "oc/1/A/t/#")).await;
        assert_eq!(client.next().await.first, 0xb0);
        client.hang_up().await;
        publish(&house, "4", 1).await;
        let (mut client, _) = back(&house, version).await;
        client.ping().await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_house_that_begins_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let (mut client, _) = back(&house, Version::V5).await;
    client.subscribe("oc/1/A/t/#", 2).await;
    client.subscribe("oc/1/A/c/+", 1).await;
    publish(&house, "released", 2).await;
    publish(&house, "sent", 2).await;
    let ids = [client.message().await, client.message().await].map(|m| m.id.unwrap());
    client.ack(0x50, ids[0]).await;
    assert_eq!(client.acked().await, (0x62, ids[0]));
    // And a publication of its own that it has not released.
    let own = publish_with(Version::V5, 0x34, "oc/1/A/e/x", b"own", Some(9), &[]);
    client.send(&own).await;
    assert_eq!(client.acked().await, (0x50, 9));
    house.close().await;

    let house = House::keeping(folder.path()).await;
    let command = Bytes::from_static(b"open");
    house
        .tree
        .command(code("A"), Name::new("1").unwrap(), command)
        .await
        .unwrap();
    let mut watch = house.watch("A").await;
    let (mut client, resumed) = back(&house, Version::V5).await;
    assert!(resumed);
    assert_eq!(client.acked().await, (0x62, ids[0]), "only to be forgotten");
    let sent = client.message().await;
    assert_eq!(
        (&sent.payload[..], sent.id),
        (b"sent".as_slice(), Some(ids[1]))
    );
    assert!(sent.again);
    assert_eq!(&client.message().await.payload[..], b"open");
    for id in ids {
        client.ack(0x70, id).await;
    }
    client.send(&own).await;
    assert_eq!(client.acked().await, (0x50, 9));
    client.ack(0x62, 9).await;
    assert_eq!(client.acked().await, (0x70, 9));
    assert!(watch.try_next().is_none(), "it was published before");
    house.close().await;
}

#[tokio::test]
async fn what_topics_retain_outlives_the_house() {
    let folder = tempfile::tempdir().unwrap();
    let retain = |first, payload| {
        let id = (first & 6 > 0).then_some(3);
        publish_with(
            Version::V5,
            first,
            "oc/1/A/t/x",
            payload,
            id,
            &[0x26, 0, 1, b'k', 0, 1, b'v'],
        )
    };
    for (first, payload) in [(0x33, b"1".as_slice()), (0x31, b"2"), (0x33, b"")] {
        let house = House::keeping(folder.path()).await;
        let mut client = house.client("A", Version::V5).await;
        client.send(&retain(first, payload)).await;
        if first & 6 > 0 {
            client.acked().await;
        }
        client.ping().await;
        house.close().await;

        let house = House::keeping(folder.path()).await;
        let kept = house.tree.look(&topic("oc/1/A/t/x"));
        assert_eq!(kept.as_deref().unwrap_or_default(), payload);
        if !payload.is_empty() {
            let mut client = house.client("A", Version::V5).await;
            client.subscribe("oc/1/A/t/x", 0).await;
            assert_eq!(client.message().await.properties.len(), 7);
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_to_be_new_or_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let (mut client, _) = back(&house, Version::V5).await;
    client.subscribe("oc/1/A/t/#", 1).await;
    client.hang_up().await;
    publish(&house, "1", 1).await;
    // Clean start, and none kept afterwards.
    let mut client = house.client("A", Version::V5).await;
    client.ping().await;
    client.hang_up().await;
    let (mut client, resumed) = back(&house, Version::V5).await;
    assert!(!resumed);
    client.subscribe("oc/1/A/t/#", 1).await;
    client.hang_up().await;
    pass_s(257);
    publish(&house, "2", 1).await;
    let (mut client, resumed) = back(&house, Version::V5).await;
    assert!(!resumed, "256 s are over");
    client.ping().await;
    // A goodbye may say that it is not to be kept after all.
    client.send(&[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 0]).await;
    client.end().await;
    assert!(!back(&house, Version::V5).await.1);
    house.close().await;
}

#[tokio::test]
async fn what_was_retained_is_assured_to_a_kept_session_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let desired = Bytes::from_static(b"{\"rate\":5}");
    house
        .tree
        .set_desired(code("A"), desired.clone())
        .await
        .unwrap();
    let (mut client, _) = back(&house, Version::V5).await;
    client.subscribe("oc/1/A/twin/desired", 1).await;
    let message = client.message().await;
    assert_eq!((&message.payload, message.retain), (&desired, true));
    client.hang_up().await;
    let (mut client, _) = back(&house, Version::V5).await;
    let again = client.message().await;
    assert_eq!(
        (again.payload, again.id),
        (desired, message.id),
        "not acknowledged"
    );
    house.close().await;
}

#[tokio::test]
async fn a_revoked_code_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let (mut client, _) = back(&house, Version::V5).await;
    client.subscribe("oc/1/A/t/#", 1).await;
    house.door.revoke(code("A"));
    client.end().await;
    let sessions = house.sessions.clone().unwrap();
    for _ in 0..200 {
        if sessions.all().await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the session is still kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_publish_at_once_comes_to_a_listener_without_a_gap() {
    const PUBLISHERS: usize = 6;
    const MESSAGES: usize = 120;
    let folder = tempfile::tempdir().unwrap();
    let house = Arc::new(House::keeping(folder.path()).await);
    let (mut client, _) = back(&house, Version::V5).await;
    client.subscribe("oc/1/A/t/#", 1).await;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let tree = Arc::clone(&house.tree);
            tokio::spawn(async move {
                let topic = topic(&format!("oc/1/A/t/{publisher}"));
                let caller = Caller {
                    code: code("A"),
                    door: Door::Coaps,
                };
                let assured = Manner {
                    assured: true,
                    ..Manner::default()
                };
                for number in 0..MESSAGES {
                    let payload = number.to_string().into();
                    let published = tree.publish(&caller, &topic, payload, assured.clone());
                    published.await.unwrap();
                }
            })
        })
        .collect();
    let mut heard = HashMap::<String, usize>::new();
    for _ in 0..PUBLISHERS * MESSAGES {
        let message = client.message().await;
        client.puback(message.id.unwrap()).await;
        let next = heard.entry(message.topic).or_default();
        assert_eq!(message.payload, next.to_string());
        *next += 1;
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    client.ping().await;
    house.sessions.clone().unwrap().close().await;
}

#[tokio::test]
async fn a_code_keeps_a_bounded_number_of_sessions_and_is_told_why_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    for number in 0..=8 {
        let id = format!("A.{number}");
        let hello = Hello { id: &id, ..keep() };
        let mut client = house.dial("A", Version::V5);
        let connack = client.say_hello(&hello).await;
        let wanted = if number < 8 { 0 } else { 0x97 };
        assert_eq!(connack.body[1], wanted, "session {number}");
        client.hang_up().await;
    }
    house.close().await;
}
