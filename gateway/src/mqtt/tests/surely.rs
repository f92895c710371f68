//! QoS 2 on one connection.

use super::{BOTH, House, publish_with};
use crate::mqtt::{Reason, packet::Version, session::End};
use bytes::Bytes;

const ONCE: u8 = 0x34;
const ONCE_AGAIN: u8 = 0x3c;

fn once(version: Version, first: u8, payload: &[u8], id: u16) -> Vec<u8> {
    publish_with(version, first, "oc/1/A/t/x", payload, Some(id), &[])
}

#[tokio::test]
async fn a_publication_of_qos_2_is_taken_once_until_it_is_released() {
    for version in BOTH {
        let house = House::new();
        let mut watch = house.watch("A").await;
        let mut client = house.client("A", version).await;
        for (first, payload) in [(ONCE, b"1"), (ONCE_AGAIN, b"1"), (ONCE_AGAIN, b"1")] {
            client.send(&once(version, first, payload, 7)).await;
            assert_eq!(client.acked().await, (0x50, 7));
        }
        assert_eq!(&watch.next().await.unwrap().payload[..], b"1");
        assert!(watch.try_next().is_none(), "one publication, three packets");
        for _ in 0..2 {
            client.ack(0x62, 7).await;
            assert_eq!(client.acked().await, (0x70, 7));
        }
        client.send(&once(version, ONCE, b"2", 7)).await;
        assert_eq!(client.acked().await, (0x50, 7));
        let event = watch.next().await.unwrap();
        assert_eq!((&event.payload[..], event.once), (b"2".as_slice(), true));
    }
}

#[tokio::test]
async fn a_refused_publication_of_qos_2_leaves_its_identifier_free() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    let foreign = publish_with(Version::V5, ONCE, "oc/1/B/t/x", b"1", Some(7), &[]);
    for _ in 0..2 {
        client.send(&foreign).await;
        let refused = client.next().await;
        assert_eq!(
            (refused.first, &refused.body[..]),
            (0x50, [0, 7, 0x87].as_slice())
        );
    }
    client.send(&once(Version::V5, ONCE, b"1", 7)).await;
    assert_eq!(client.next().await.body.len(), 2, "taken");
    // Of MQTT 3.1.1 there is no way to say no.
    let mut client = house.client("A", Version::V311).await;
    client
        .send(&publish_with(
            Version::V311,
            ONCE,
            "oc/1/B/t/x",
            b"1",
            Some(7),
            &[],
        ))
        .await;
    assert_eq!(client.end().await.0, End::Refused(Reason::PublishForbidden));
}

#[tokio::test]
async fn a_message_of_qos_2_is_delivered_in_four_packets() {
    for version in BOTH {
        let house = House::new();
        let mut client = house.client("A", version).await;
        assert_eq!(client.subscribe("oc/1/A/t/#", 2).await, 2);
        client.send(&once(version, ONCE, b"1", 7)).await;
        assert_eq!(client.acked().await, (0x50, 7));
        let message = client.message().await;
        assert_eq!((message.qos, message.again), (2, false));
        let id = message.id.unwrap();
        client.ack(0x50, id).await;
        assert_eq!(client.acked().await, (0x62, id));
        client.ack(0x70, id).await;
        client.ping().await;
        // What was published with less is delivered with less.
        client
            .send(&publish_with(version, 0x30, "oc/1/A/t/x", b"2", None, &[]))
            .await;
        assert_eq!(client.message().await.qos, 0);
        let command = Bytes::from_static(b"open");
        let name = crate::tree::Name::new("1").unwrap();
        client.subscribe("oc/1/A/c/+", 2).await;
        let code = crate::tree::tests::code("A");
        house.tree.command(code, name, command).await.unwrap();
        assert_eq!(client.message().await.qos, 1);
    }
}

#[tokio::test]
async fn an_identifier_that_stands_for_nothing_is_answered_as_such() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    for (said, answered) in [(0x50, 0x62), (0x62, 0x70)] {
        client.ack(said, 9).await;
        let answer = client.next().await;
        assert_eq!(
            (answer.first, &answer.body[..]),
            (answered, [0, 9, 0x92].as_slice())
        );
    }
    client.ack(0x40, 9).await;
    client.ack(0x70, 9).await;
    client.ping().await;
}

#[tokio::test]
async fn more_unreleased_publications_than_agreed_end_the_session() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    for id in 1..=1_024 {
        client.send(&once(Version::V5, ONCE, b"1", id)).await;
        assert_eq!(client.acked().await, (0x50, id));
    }
    client.send(&once(Version::V5, ONCE, b"1", 2_000)).await;
    let (end, code) = client.end().await;
    assert_eq!(
        (end, code),
        (End::Refused(Reason::ReceiveMaximum), Some(0x93))
    );
}
