//! What comes to a client, and when it is gone.

use super::{
    super::{Kept, Limits, Reason, session::End},
    BOTH, Hello, House, now, publish, subscribe, unsubscribe,
};
use crate::{
    mqtt::{MqttDoor, packet::Version},
    tree::{
        Caller, Declined, Name, Peer, Tree, WalletDesk,
        fanout::{MemoryFanout, RouterFanout},
        tests::{MemoryInbox, code, spell, topic},
    },
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::{Status, message::Message as WalletMessage};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[tokio::test]
async fn commands_come_with_the_granted_qos() {
    for version in BOTH {
        for qos in [0, 1] {
            let house = House::new();
            let mut client = house.client("A", version).await;
            assert_eq!(client.subscribe("oc/1/A/c/+", qos).await, qos);
            let command = Bytes::from_static(b"open");
            house
                .tree
                .command(code("A"), name("1"), command.clone())
                .await
                .unwrap();
            let message = client.message().await;
            assert_eq!(message.topic, spell("oc/1/A/c/1"));
            assert_eq!(
                (&message.payload, message.id.is_some()),
                (&command, qos == 1)
            );
            client.send(&unsubscribe(version, "oc/1/A/c/+")).await;
            assert_eq!(client.next().await.first, 0xb0);
            house
                .tree
                .command(code("A"), name("2"), command)
                .await
                .unwrap();
            client.ping().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_of_rumqttd_carries_what_the_memory_fanout_carries() {
    let mut house = House::new();
    let office = Arc::clone(&house.office);
    let inbox = Arc::clone(&office.inbox);
    let tree = Tree::new(Arc::new(RouterFanout::new()), office, inbox, now);
    let open: crate::mqtt::Check = Arc::new(|_| Box::pin(async { true }));
    house.door = MqttDoor::new(
        Arc::clone(&tree),
        open,
        Limits::default(),
        Kept::nothing(now),
    );
    for version in BOTH {
        let mut client = house.client("A", version).await;
        client.subscribe("oc/1/A/+/#", 1).await;
        client
            .send(&publish(version, "oc/1/A/t/room/x", b"21.5", None))
            .await;
        let message = client.message().await;
        assert_eq!(message.topic, spell("oc/1/A/t/room/x"));
        assert_eq!(
            (&message.payload[..], message.id),
            (b"21.5".as_slice(), None)
        );
        let command = Bytes::from(vec![7; 60_000]);
        tree.command(code("A"), name("1"), command.clone())
            .await
            .unwrap();
        let message = client.message().await;
        assert_eq!((message.payload, message.id.is_some()), (command, true));
        client.send(&[0xe0, 0]).await;
        assert_eq!(client.end().await.0, End::Disconnected);
    }
}

#[tokio::test]
async fn one_message_comes_once_however_many_subscriptions_take_it() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    client.subscribe("oc/1/A/#", 0).await;
    client.subscribe("oc/1/A/c/+", 1).await;
    house
        .tree
        .command(code("A"), name("1"), Bytes::new())
        .await
        .unwrap();
    assert!(
        client.message().await.id.is_some(),
        "the highest QoS of them"
    );
    client.ping().await;
}

#[tokio::test]
async fn a_client_hears_itself_unless_it_asked_not_to() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    client.subscribe("oc/1/A/t/#", 0).await;
    client
        .send(&publish(Version::V5, "oc/1/A/t/x", b"1", None))
        .await;
    assert_eq!(&client.message().await.payload[..], b"1");
    client.subscribe("oc/1/A/t/#", 4).await;
    client
        .send(&publish(Version::V5, "oc/1/A/t/x", b"2", None))
        .await;
    client.ping().await;
}

#[tokio::test]
async fn retained_payloads_come_when_subscribing() {
    for version in BOTH {
        let house = House::new();
        let mut client = house.client("A", version).await;
        client.publish("oc/1/A/s", b"here").await;
        client.publish("oc/1/A/t/x", b"passing").await;
        let desired = Bytes::from_static(b"{\"rate\":5}");
        house
            .tree
            .set_desired(code("A"), desired.clone())
            .await
            .unwrap();
        client.subscribe("oc/1/A/#", 1).await;
        let (first, second) = (client.message().await, client.message().await);
        assert_eq!(
            (&first.payload[..], first.retain),
            (b"here".as_slice(), true)
        );
        assert_eq!((second.payload, second.retain), (desired, true));
        client.puback(first.id.unwrap()).await;
        client.puback(second.id.unwrap()).await;
        client.ping().await;
        // An empty payload clears, and comes to those who watch.
        client.publish("oc/1/A/s", b"").await;
        let cleared = client.message().await;
        assert!(cleared.payload.is_empty() && !cleared.retain);
        assert_eq!(house.tree.look(&topic("oc/1/A/s")), None);
    }
}

#[tokio::test]
async fn mqtt_5_says_whether_it_wants_what_is_retained() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    client.publish("oc/1/A/s", b"here").await;
    let (never, if_new) = (0x20, 0x10);
    client.subscribe("oc/1/A/s", never).await;
    client.ping().await;
    client.subscribe("oc/1/A/s", if_new).await;
    client.ping().await;
    client.subscribe("oc/1/A/+", if_new).await;
    assert!(client.message().await.retain);
}

#[tokio::test]
async fn a_will_is_published_when_a_session_ends_without_goodbye() {
    for version in BOTH {
        let house = House::new();
        let mut watch = house.watch("A").await;
        let hello = Hello {
            will: Some(("oc/1/A/s", "gone", 1)),
            ..Hello::default()
        };
        let mut client = house.dial("A", version);
        client.open(&hello).await;
        client.send(&[0xe0, 0]).await;
        assert_eq!(client.end().await.0, End::Disconnected);
        assert!(watch.try_next().is_none(), "goodbye was said");

        let mut client = house.dial("A", version);
        client.open(&hello).await;
        let ended = client.ended;
        drop(client.io);
        assert!(matches!(ended.await.unwrap(), End::Closed(_)));
        let event = watch.next().await.unwrap();
        assert_eq!(
            (&event.payload[..], event.assured),
            (b"gone".as_slice(), true)
        );
        let kept = house.tree.look(&topic("oc/1/A/s"));
        assert_eq!(kept.as_deref(), Some(b"gone".as_slice()));
    }
    let house = House::new();
    let mut watch = house.watch("A").await;
    let mut client = house.dial("A", Version::V5);
    let hello = Hello {
        will: Some(("oc/1/A/s", "gone", 0)),
        ..Hello::default()
    };
    client.open(&hello).await;
    client.send(&[0xe0, 1, 4]).await;
    assert_eq!(client.end().await.0, End::DisconnectedWithWill);
    assert_eq!(&watch.next().await.unwrap().payload[..], b"gone");
}

#[tokio::test]
async fn wallet_messages_cross_and_wait_until_they_are_acknowledged() {
    for version in BOTH {
        let house = House::new();
        let mut payer = house.client("A", version).await;
        for payment in [b"1".as_slice(), b"2", b"3"] {
            assert_eq!(payer.publish("oc/1/A/w/out/B", payment).await, 0);
        }
        // The payee was away; it takes the first two, acknowledges one, and is gone again.
        let mut payee = house.client("B", version).await;
        payee.subscribe("oc/1/B/w/in", 1).await;
        let first = payee.message().await;
        assert_eq!(
            (first.topic.as_str(), &first.payload[..]),
            (&*spell("oc/1/B/w/in"), b"1".as_slice())
        );
        payee.puback(first.id.unwrap()).await;
        payee.message().await;
        payee.message().await;
        payee.ping().await;
        assert_eq!(house.office.inbox.waiting(code("B")), 2);
        drop(payee);

        let mut payee = house.client("B", version).await;
        payee.subscribe("oc/1/B/#", 1).await;
        let (second, third) = (payee.message().await, payee.message().await);
        assert_eq!([&second.payload[..], &third.payload[..]], [b"2", b"3"]);
        // Out of order: the second keeps the third in the books.
        payee.puback(third.id.unwrap()).await;
        payee.ping().await;
        assert_eq!(house.office.inbox.waiting(code("B")), 2);
        payee.puback(second.id.unwrap()).await;
        payee.ping().await;
        assert_eq!(house.office.inbox.waiting(code("B")), 0);
        // What comes while it is there comes at once.
        payer.publish("oc/1/A/w/out/B", b"4").await;
        assert_eq!(&payee.message().await.payload[..], b"4");
    }
}

#[tokio::test]
async fn with_qos_0_the_inbox_is_looked_at_and_not_taken() {
    let house = House::new();
    house.office.inbox.put(code("A"), Bytes::from_static(b"1"));
    for _ in 0..2 {
        let mut client = house.client("A", Version::V311).await;
        client.subscribe("oc/1/A/w/in", 0).await;
        assert_eq!(client.message().await.id, None);
        client.ping().await;
    }
    assert_eq!(house.office.inbox.waiting(code("A")), 1);
}

#[tokio::test]
async fn a_long_inbox_comes_in_order_through_a_small_window() {
    let house = House::new();
    for n in 0..100_u8 {
        house.office.inbox.put(code("A"), Bytes::from(vec![n]));
    }
    let mut client = house.dial("A", Version::V5);
    let hello = Hello {
        properties: &[0x21, 0, 3],
        ..Hello::default()
    };
    client.open(&hello).await;
    client.subscribe("oc/1/A/w/in", 1).await;
    let mut owed = Vec::new();
    for n in 0..100_u8 {
        let message = client.message().await;
        assert_eq!(message.payload[..], [n]);
        owed.push(message.id.unwrap());
        if owed.len() == 3 {
            // Nothing more comes while three are owed.
            client.ping().await;
            for id in owed.drain(..) {
                client.puback(id).await;
            }
        }
    }
    for id in owed {
        client.puback(id).await;
    }
    client.ping().await;
    assert_eq!(house.office.inbox.waiting(code("A")), 0);
}

#[tokio::test]
async fn the_wallets_answer_comes_into_the_inbox_with_qos_1() {
    for version in BOTH {
        let house = House::new();
        let mut client = house.client("A", version).await;
        assert_eq!(client.publish("oc/1/A/w/out/gateway", b"ask").await, 0);
        client.ping().await;
        assert_eq!(house.door.counters().of(Reason::ReplyUnheard), 1);
        client.subscribe("oc/1/A/w/in", 1).await;
        assert_eq!(client.publish("oc/1/A/w/out/gateway", b"ask").await, 0);
        let answer = client.message().await;
        assert_eq!(answer.topic, spell("oc/1/A/w/in"));
        let read = WalletMessage::read(&answer.payload);
        assert_eq!(read, Ok(WalletMessage::refusal(Status::Accepted, None)));
        client.puback(answer.id.unwrap()).await;
        client.ping().await;
    }
}

#[tokio::test]
async fn a_refused_wallet_message_is_answered_on_both_versions() {
    for (version, message, code, status) in [
        (Version::V5, "malformed", 0x99, Status::Malformed),
        (Version::V311, "malformed", 0, Status::Malformed),
        (Version::V5, "full", 0x97, Status::Full),
        (Version::V311, "full", 0, Status::Full),
    ] {
        let house = House::new();
        let mut client = house.client("A", version).await;
        client.subscribe("oc/1/A/w/in", 1).await;
        let puback = client
            .publish("oc/1/A/w/out/gateway", message.as_bytes())
            .await;
        assert_eq!(puback, code);
        let answer = client.message().await;
        let read = WalletMessage::read(&answer.payload);
        assert_eq!(read, Ok(WalletMessage::refusal(status, None)));
    }
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    let large = vec![0; crate::tree::WALLET_MESSAGE_MAX + 1];
    assert_eq!(client.publish("oc/1/A/w/out/gateway", &large).await, 0x99);
}

/// A wallet that takes its time with the disk.
struct SlowDesk(Arc<Semaphore>);

impl WalletDesk for SlowDesk {
    fn handle(
        &self,
        _: Option<Caller>,
        _: Peer,
        _: Bytes,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, Declined>> {
        let written = Arc::clone(&self.0);
        Box::pin(async move {
            written.acquire().await.unwrap().forget();
            Ok(None)
        })
    }
}

#[tokio::test]
async fn a_puback_leaves_only_after_the_durable_record() {
    let mut house = House::new();
    let written = Arc::new(Semaphore::new(0));
    let desk = Arc::new(SlowDesk(Arc::clone(&written)));
    let inbox = Arc::<MemoryInbox>::default();
    let tree = Tree::new(Arc::new(MemoryFanout::default()), desk, inbox, now);
    house.door = MqttDoor::new(
        tree,
        Arc::new(|_| Box::pin(async { true })),
        Limits::default(),
        Kept::nothing(now),
    );
    let mut client = house.client("A", Version::V5).await;
    let payment = publish(Version::V5, "oc/1/A/w/out/gateway", b"pay", Some(3));
    client.send(&payment).await;
    let early = tokio::time::timeout(Duration::from_millis(100), client.next()).await;
    assert!(early.is_err(), "acknowledged before it was written");
    written.add_permits(1);
    assert_eq!(&client.next().await.body[..], [0, 3]);
    // A client that waits for the disk can be taken over all the same.
    client.send(&payment).await;
    house.client("A", Version::V5).await.ping().await;
    assert_eq!(client.end().await.0, End::Refused(Reason::TakenOver));
}

#[tokio::test]
async fn the_same_client_id_takes_over_and_another_suffix_does_not() {
    let house = House::new();
    let mut watch = house.watch("A").await;
    let mut old = house.dial("A", Version::V5);
    let hello = Hello {
        will: Some(("oc/1/A/s", "taken over", 0)),
        ..Hello::default()
    };
    old.open(&hello).await;
    let id = format!("{}.second", code("A"));
    let mut other = house.dial("A", Version::V5);
    let hello = Hello {
        id: &id,
        ..Hello::default()
    };
    other.open(&hello).await;
    let mut new = house.client("A", Version::V311).await;
    // The old session was over, with its will, before the new one was told that it is in.
    assert_eq!(&watch.try_next().unwrap().payload[..], b"taken over");
    let ended = old.end().await;
    assert_eq!(ended, (End::Refused(Reason::TakenOver), Some(0x8e)));
    new.ping().await;
    other.ping().await;
}

#[tokio::test]
async fn connack_tells_the_bounds_and_the_assigned_client_id() {
    let house = House::new();
    let mut client = house.dial("A", Version::V5);
    let connack = client.say_hello(&Hello::default()).await;
    let packet_bytes = Limits::default().packet_bytes as u32;
    let mut properties = vec![0x21, 4, 0, 0x27];
    properties.extend(packet_bytes.to_be_bytes());
    properties.extend([0x22, 0, 32, 0x13, 14, 16, 0x12, 0, 34]);
    properties.extend(code("A").to_string().bytes());
    let mut wanted = vec![0, 0, properties.len() as u8];
    wanted.extend(properties);
    assert_eq!(connack.body, wanted);
}

#[tokio::test]
async fn silence_beyond_the_keep_alive_ends_the_session() {
    let house = House::new();
    let mut client = house.dial("A", Version::V5);
    let hello = Hello {
        keep_alive_s: 1,
        ..Hello::default()
    };
    client.open(&hello).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    client.ping().await;
    let ended = client.end().await;
    assert_eq!(ended, (End::Refused(Reason::KeepAlive), Some(0x8d)));
}

#[tokio::test]
async fn unsubscribing_the_inbox_stops_it() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    client
        .send(&subscribe(
            Version::V5,
            &[("oc/1/A/w/in", 1), ("oc/1/A/w/#", 0)],
        ))
        .await;
    client.next().await;
    client.send(&unsubscribe(Version::V5, "oc/1/A/w/in")).await;
    assert_eq!(client.next().await.body.last(), Some(&0));
    house.office.inbox.put(code("A"), Bytes::from_static(b"1"));
    assert_eq!(
        client.message().await.id,
        None,
        "by the other subscription, with its QoS"
    );
    client.send(&unsubscribe(Version::V5, "oc/1/A/w/#")).await;
    client.next().await;
    client.send(&unsubscribe(Version::V5, "oc/1/A/w/#")).await;
    assert_eq!(
        client.next().await.body.last(),
        Some(&0x11),
        "there is none"
    );
    house.office.inbox.put(code("A"), Bytes::from_static(b"2"));
    client.ping().await;
}
