//! What MQTT 5 says beside a payload, from one client to another.

use super::{Client, Hello, House, now, pass_s, publish_with, subscribe};
use crate::mqtt::packet::Version;
use std::time::Duration;

/// Payload format, content type, response topic, correlation data, two user properties of one name.
const SAID: &[u8] = &[
    0x01, 1, 0x03, 0, 4, b't', b'e', b'x', b't', 0x08, 0, 3, b'a', b'/', b'b', 0x09, 0, 2, 0xff, 0,
    0x26, 0, 1, b'k', 0, 1, b'v', 0x26, 0, 1, b'k', 0, 1, b'w',
];

async fn say(client: &mut Client, first: u8, topic: &str, properties: &[u8]) {
    let id = (first & 6 > 0).then_some(3);
    let packet = publish_with(Version::V5, first, topic, b"hello", id, properties);
    client.send(&packet).await;
    if id.is_some() {
        assert_eq!(client.acked().await, (0x40, 3));
    }
}

#[tokio::test]
async fn readers_get_them_word_by_word_and_older_readers_do_without() {
    let house = House::new();
    let mut new = house.dial("A", Version::V5);
    new.open(&Hello {
        id: "A.new",
        ..Hello::default()
    })
    .await;
    let mut old = house.client("A", Version::V311).await;
    let mut publisher = house.dial("A", Version::V5);
    let name = Hello {
        id: "A.publisher",
        ..Hello::default()
    };
    publisher.open(&name).await;
    for reader in [&mut new, &mut old] {
        assert_eq!(reader.subscribe("oc/1/A/t/#", 1).await, 1);
    }
    say(&mut publisher, 0x33, "oc/1/A/t/x", SAID).await;
    let message = new.message().await;
    assert_eq!(message.properties, SAID);
    assert_eq!(&old.message().await.payload[..], b"hello");
    // The same for who comes later and finds it retained.
    let mut late = house.dial("A", Version::V5);
    let name = Hello {
        id: "A.late",
        ..Hello::default()
    };
    late.open(&name).await;
    late.subscribe("oc/1/A/t/x", 0).await;
    assert_eq!(late.message().await.properties, SAID);
}

#[tokio::test]
async fn a_message_says_how_long_it_is_still_wanted_and_is_not_sent_after_that() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    let in_90_s = [0x02, 0, 0, 0, 90];
    say(&mut client, 0x31, "oc/1/A/t/x", &in_90_s).await;
    client.ping().await;
    client.subscribe("oc/1/A/t/x", 0).await;
    let left = |message: super::Message| message.properties[4];
    assert_eq!(left(client.message().await), 90);
    pass_s(30);
    client.subscribe("oc/1/A/t/x", 0).await;
    assert_eq!(left(client.message().await), 60);

    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let kept = Hello {
        resume: true,
        properties: &[0x11, 0, 0, 1, 0],
        ..Hello::default()
    };
    let mut client = house.dial("A", Version::V5);
    client.open(&kept).await;
    client.subscribe("oc/1/A/t/#", 1).await;
    client.hang_up().await;
    let other = Hello {
        id: "A.other",
        ..Hello::default()
    };
    let mut publisher = house.dial("A", Version::V5);
    publisher.open(&other).await;
    for seconds in [50, 200] {
        let expiry = [0x02, 0, 0, 0, seconds];
        say(&mut publisher, 0x32, "oc/1/A/t/x", &expiry).await;
    }
    pass_s(60);
    let mut client = house.dial("A", Version::V5);
    assert!(client.open(&kept).await);
    let message = client.message().await;
    assert_eq!(
        message.properties,
        [0x02, 0, 0, 0, 140],
        "the first is over"
    );
    client.puback(message.id.unwrap()).await;
    client.ping().await;
    house.close().await;
}

#[tokio::test]
async fn subscription_identifiers_come_back_with_what_they_brought() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    for (identifier, filter) in [(7, "oc/1/A/t/#"), (8, "oc/1/A/#")] {
        let mut packet = subscribe(Version::V5, &[(filter, 1)]);
        // In place of no properties: this one.
        packet.splice(4..5, [2, 0x0b, identifier]);
        packet[1] += 2;
        client.send(&packet).await;
        assert_eq!(client.next().await.first, 0x90);
    }
    say(&mut client, 0x30, "oc/1/A/t/x", &[]).await;
    assert_eq!(client.message().await.properties, [0x0b, 7, 0x0b, 8]);
    say(&mut client, 0x30, "oc/1/A/s", &[]).await;
    assert_eq!(client.message().await.properties, [0x0b, 8]);
}

#[tokio::test]
async fn those_who_share_take_turns() {
    let house = House::new();
    let mut members = Vec::new();
    for id in ["A.1", "A.2"] {
        let mut member = house.dial("A", Version::V5);
        let name = Hello {
            id,
            ..Hello::default()
        };
        member.open(&name).await;
        assert_eq!(member.subscribe("$share/g/oc/1/A/t/#", 0).await, 0);
        members.push(member);
    }
    let mut publisher = house.client("A", Version::V5).await;
    for _ in 0..4 {
        say(&mut publisher, 0x32, "oc/1/A/t/x", &[]).await;
    }
    for member in &mut members {
        for _ in 0..2 {
            assert_eq!(&member.message().await.payload[..], b"hello");
        }
        member.ping().await;
    }
    // Who is left gets all.
    members.remove(0).hang_up().await;
    for _ in 0..2 {
        say(&mut publisher, 0x32, "oc/1/A/t/x", &[]).await;
        members[0].message().await;
    }
    for (filter, code) in [
        ("$share/g/oc/1/B/t/#", 0x87),
        ("$share/g/oc/1/A/w/in", 0x9e),
        ("$share//oc/1/A/t/#", 0x87),
        ("$share/+/oc/1/A/t/#", 0x87),
        ("$share/g", 0x87),
    ] {
        assert_eq!(publisher.subscribe(filter, 0).await, code, "{filter}");
    }
}

#[tokio::test]
async fn a_will_may_wait_and_is_withdrawn_when_the_client_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let mut watch = house.watch("A").await;
    let in_1_s = Hello {
        resume: true,
        properties: &[0x11, 0, 0, 1, 0],
        will: Some(("oc/1/A/s", "gone", 1)),
        will_properties: &[0x18, 0, 0, 0, 1, 0x26, 0, 1, b'k', 0, 1, b'v'],
        ..Hello::default()
    };
    let mut client = house.dial("A", Version::V5);
    client.open(&in_1_s).await;
    client.hang_up().await;
    let mut client = house.dial("A", Version::V5);
    assert!(client.open(&in_1_s).await, "back in time");
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert!(watch.try_next().is_none());
    client.hang_up().await;
    let event = watch.next().await.unwrap();
    assert_eq!(&event.payload[..], b"gone");
    assert_eq!(&event.extras.0[..], [0x26, 0, 1, b'k', 0, 1, b'v']);
    house.close().await;
}

#[tokio::test]
async fn the_time_of_a_will_begins_when_it_is_published() {
    let house = House::new();
    let mut watch = house.watch("A").await;
    let mut client = house.dial("A", Version::V5);
    let wanted_60_s = Hello {
        will: Some(("oc/1/A/s", "gone", 1)),
        will_properties: &[0x02, 0, 0, 0, 60],
        ..Hello::default()
    };
    client.open(&wanted_60_s).await;
    pass_s(3_600);
    client.hang_up().await;
    let event = watch.next().await.unwrap();
    assert_eq!(event.expires, Some(now().plus_s(60)));
}
