//! Clients that err or mean harm, and the others, who must not notice.

use super::{
    super::{Limits, Reason, connect as first_packet, packet, reader::take_frame, session::End},
    BOTH, Hello, House, connect, publish, publish_by_alias, subscribe, unsubscribe,
};
use crate::mqtt::packet::Version;
use bytes::BytesMut;
use std::{sync::Arc, time::Duration};
use tokio::io::AsyncWriteExt;

/// Numbers that look random and repeat with the seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn valid_packets(version: Version) -> Vec<Vec<u8>> {
    let hello = Hello {
        id: "A",
        keep_alive_s: 60,
        will: Some(("oc/1/A/s", "gone", 1)),
        properties: if version == Version::V5 {
            &[0x21, 0, 9, 0x27, 0, 1, 0, 0]
        } else {
            &[]
        },
        ..Hello::default()
    };
    let mut packets = vec![
        connect(version, &hello),
        publish(version, "oc/1/A/t/x", b"21.5", None),
        publish(version, "oc/1/A/s", b"here", Some(7)),
        publish(version, "oc/1/A/w/out/gateway", b"ask", Some(8)),
        publish(version, "oc/1/B/t/x", b"foreign", Some(8)),
        subscribe(version, &[("oc/1/A/#", 1), ("oc/1/A/c/+", 0), ("#", 2)]),
        unsubscribe(version, "oc/1/A/#"),
        vec![0x40, 2, 0, 1],
        vec![0xc0, 0],
        vec![0xe0, 0],
        vec![0x50, 2, 0, 1],
        vec![0x20, 2, 0, 0],
        vec![0xb0, 2, 0, 6],
    ];
    if version == Version::V5 {
        packets.push(publish_by_alias("oc/1/A/t/x", 1));
        packets.push(publish_by_alias("", 1));
        packets.push(vec![0x40, 6, 0, 1, 0x10, 2, 0x1f, 0]);
        packets.push(vec![0xf0, 2, 0x18, 0]);
    }
    packets
}

fn mutate(dice: &mut Dice, packet: &mut Vec<u8>) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(packet.len().max(1));
        match dice.roll(5) {
            0 if !packet.is_empty() => packet[at] ^= 1 << dice.roll(8),
            1 if !packet.is_empty() => packet[at] = dice.roll(256) as u8,
            2 if !packet.is_empty() => {
                packet.remove(at);
            }
            3 => packet.insert(at, dice.roll(256) as u8),
            _ => packet.truncate(at),
        }
    }
}

fn seed() -> u64 {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    let seed = std::env::var("ONECODE_SEED").map_or(seed, |text| text.parse().unwrap());
    eprintln!("ONECODE_SEED={seed}");
    seed
}

#[test]
fn the_codec_never_panics_on_mutated_packets() {
    let mut dice = Dice(seed());
    let packets: Vec<_> = BOTH
        .into_iter()
        .flat_map(|version| {
            valid_packets(version)
                .into_iter()
                .map(move |p| (version, p))
        })
        .collect();
    for _ in 0..200_000 {
        let (version, packet) = &packets[dice.roll(packets.len())];
        let mut packet = packet.clone();
        mutate(&mut dice, &mut packet);
        let mut bytes = BytesMut::from(&packet[..]);
        if let Ok(Some(frame)) = take_frame(&mut bytes, 4096) {
            let _ = first_packet::read_connect(frame.clone());
            let _ = packet::read(frame, *version);
        }
    }
}

#[tokio::test]
async fn ten_thousand_malformed_packets_with_one_client_id_harm_nobody() {
    let mut dice = Dice(seed());
    let house = House::new();
    let mut good = house.client("C", Version::V5).await;
    for round in 0..10_000 {
        let version = BOTH[dice.roll(2)];
        let packets = valid_packets(version);
        let mut bad = house.dial("A", version);
        let mut bytes = Vec::new();
        if dice.roll(8) > 0 {
            bytes.extend(connect(version, &Hello::default()));
        }
        for _ in 0..=dice.roll(3) {
            let mut packet = packets[dice.roll(packets.len())].clone();
            mutate(&mut dice, &mut packet);
            bytes.extend(packet);
        }
        // The far end may close before all of it is written.
        let _ = bad.io.write_all(&bytes).await;
        let _ = bad.io.shutdown().await;
        let (io, ended) = (bad.io, bad.ended);
        drop(io);
        ended.await.expect("no panic");
        if round % 500 == 0 {
            assert_eq!(good.publish("oc/1/C/t/x", b"fine").await, 0);
        }
    }
    let counters = house.door.counters();
    assert!(counters.of(Reason::Malformed) > 100);
    assert!(counters.of(Reason::ProtocolError) > 100);
    good.ping().await;
}

#[tokio::test]
async fn each_broken_packet_has_its_reason() {
    for (version, packet, reason) in [
        // packets only servers send, a second CONNECT, AUTH
        (Version::V5, vec![0x20, 2, 0, 0], Reason::ProtocolError),
        (Version::V5, vec![0xb0, 2, 0, 0], Reason::ProtocolError),
        (Version::V5, vec![0x60, 2, 0, 1], Reason::Malformed),
        (Version::V311, vec![0x50, 2, 0, 0], Reason::Malformed),
        (Version::V311, vec![0x70, 3, 0, 1, 0], Reason::Malformed),
        (
            Version::V5,
            connect(Version::V5, &Hello::default()),
            Reason::ProtocolError,
        ),
        (Version::V5, vec![0xf0, 0], Reason::ProtocolError),
        (Version::V311, vec![0x00, 0], Reason::Malformed),
        // flags, lengths, identifiers
        (Version::V5, vec![0x80, 4, 0, 1, 0, 0], Reason::Malformed),
        (
            Version::V5,
            vec![0x36, 5, 0, 1, b'x', 0, 1],
            Reason::Malformed,
        ),
        (Version::V5, vec![0x38, 4, 0, 1, b'x', 0], Reason::Malformed),
        (
            Version::V5,
            vec![0x32, 6, 0, 1, b'x', 0, 0, 0],
            Reason::Malformed,
        ),
        (Version::V5, vec![0x30, 3, 0, 9, b'x'], Reason::Malformed),
        (
            Version::V5,
            vec![0x30, 0xff, 0xff, 0xff, 0xff, 1],
            Reason::Malformed,
        ),
        (Version::V5, vec![0x30, 4, 0, 1, 0, 0], Reason::Malformed),
        (Version::V5, vec![0x30, 4, 0, 1, 0xff, 0], Reason::Malformed),
        (Version::V5, vec![0x30, 3, 0, 0, 0], Reason::ProtocolError),
        (Version::V5, vec![0x82, 3, 0, 1, 0], Reason::ProtocolError),
        (
            Version::V5,
            vec![0x82, 9, 0, 1, 2, 0x0b, 0, 0, 1, b'x', 0],
            Reason::ProtocolError,
        ),
        (
            Version::V5,
            vec![0x82, 7, 0, 1, 0, 0, 1, b'x', 0x30],
            Reason::Malformed,
        ),
        // a property twice, and one that does not belong here
        (
            Version::V5,
            vec![0x30, 8, 0, 1, b'x', 4, 1, 0, 1, 0],
            Reason::ProtocolError,
        ),
        (
            Version::V5,
            vec![0x30, 7, 0, 1, b'x', 3, 0x21, 0, 1],
            Reason::ProtocolError,
        ),
    ] {
        let house = House::new();
        let mut client = house.client("A", version).await;
        client.send(&packet).await;
        let (end, code) = client.end().await;
        assert_eq!(end, End::Refused(reason), "{packet:x?}");
        assert_eq!(code, (version == Version::V5).then_some(reason.code()));
        assert_eq!(house.door.counters().of(reason), 1);
    }
}

#[tokio::test]
async fn what_is_no_connect_gets_no_session() {
    let will_qos_3 = connect(
        Version::V5,
        &Hello {
            will: Some(("oc/1/A/s", "gone", 3)),
            ..Hello::default()
        },
    );
    let method = Hello {
        properties: &[0x15, 0, 1, b'x'],
        ..Hello::default()
    };
    let zero = Hello {
        properties: &[0x21, 0, 0],
        ..Hello::default()
    };
    let mut old = connect(Version::V311, &Hello::default());
    old[8] = 3;
    let mut reserved = connect(Version::V311, &Hello::default());
    reserved[9] |= 1;
    for (bytes, reason) in [
        (vec![0xc0, 0], Reason::NotConnect),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Reason::NotConnect),
        (will_qos_3, Reason::Malformed),
        (connect(Version::V5, &method), Reason::AuthMethod),
        (connect(Version::V5, &zero), Reason::ProtocolError),
        (old, Reason::Version),
        (reserved, Reason::Malformed),
        (vec![0x10, 0xff, 0xff, 0x7f], Reason::TooLarge),
    ] {
        let house = House::new();
        let mut client = house.dial("A", Version::V5);
        client.send(&bytes).await;
        let _ = client.io.write_all(&[0; 64]).await;
        assert_eq!(
            client.ended.await.unwrap(),
            End::Refused(reason),
            "{bytes:x?}"
        );
        assert_eq!(house.door.counters().of(reason), 1);
    }
}

#[tokio::test]
async fn an_oversized_packet_is_refused_before_it_is_read() {
    for version in BOTH {
        let house = House::new();
        let mut client = house.client("A", version).await;
        // 200 MB announced, nothing sent.
        client.send(&[0x30, 0x80, 0x80, 0xaf, 0x5f]).await;
        let (end, _) = client.end().await;
        assert_eq!(end, End::Refused(Reason::TooLarge));
        let mut client = house.client("A", version).await;
        let large = publish(
            version,
            "oc/1/A/t/x",
            &vec![0; crate::tree::PAYLOAD_MAX],
            Some(1),
        );
        client.send(&large).await;
        assert_eq!(
            client.next().await.first,
            0x40,
            "the largest payload passes"
        );
    }
}

#[tokio::test]
async fn who_never_says_connect_is_let_go() {
    let limits = Limits {
        open_deadline_ms: 50,
        ..Limits::default()
    };
    let house = House::with(limits, Arc::new(|_| Box::pin(async { true })));
    let mut client = house.dial("A", Version::V5);
    client.send(&[0x10]).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), client.ended).await;
    assert_eq!(
        ended.unwrap().unwrap(),
        End::Refused(Reason::HandshakeTimeout)
    );
}

#[tokio::test]
async fn a_reader_that_stops_costs_a_bounded_amount_and_only_itself() {
    let limits = Limits {
        write_stall_ms: 1_500,
        ..Limits::default()
    };
    let house = House::with(limits, Arc::new(|_| Box::pin(async { true })));
    let mut stuck = house.client("A", Version::V5).await;
    stuck.subscribe("oc/1/A/t/#", 1).await;
    let id = format!("{}.loud", crate::tree::tests::code("A"));
    let hello = Hello {
        id: &id,
        ..Hello::default()
    };
    let mut loud = house.dial("A", Version::V5);
    loud.open(&hello).await;
    let mut good = house.client("B", Version::V5).await;
    good.subscribe("oc/1/B/t/#", 1).await;
    let payload = vec![b'x'; 2_000];
    for _ in 0..2_000 {
        loud.send(&publish(Version::V5, "oc/1/A/t/x", &payload, None))
            .await;
    }
    loud.ping().await;
    assert_eq!(good.publish("oc/1/B/t/x", b"fine").await, 0);
    assert_eq!(&good.message().await.payload[..], b"fine");
    // Far less than was published was ever queued; the stuck one is cut off in time.
    assert!(
        house
            .door
            .counters()
            .delivered
            .load(std::sync::atomic::Ordering::Relaxed)
            < 200
    );
    let ended = tokio::time::timeout(Duration::from_secs(10), stuck.ended).await;
    let end = ended.unwrap().unwrap();
    assert_eq!(end, End::Refused(Reason::SlowReader));
    loud.ping().await;
    good.ping().await;
}

#[tokio::test]
async fn a_reader_that_is_merely_slow_misses_messages_and_it_is_counted() {
    let house = House::new();
    let mut slow = house.client("A", Version::V5).await;
    slow.subscribe("oc/1/A/t/#", 1).await;
    let id = format!("{}.loud", crate::tree::tests::code("A"));
    let hello = Hello {
        id: &id,
        ..Hello::default()
    };
    let mut loud = house.dial("A", Version::V5);
    loud.open(&hello).await;
    for _ in 0..1_000 {
        // With QoS 1, so that it counts against the window of the slow one.
        loud.publish("oc/1/A/t/x", b"x").await;
    }
    let mut got = 0;
    loop {
        let message = slow.message().await;
        slow.puback(message.id.unwrap()).await;
        got += 1;
        let missed = house.door.counters().of(Reason::Missed);
        if got + missed == 1_000 {
            assert!(missed > 0 && got < 400);
            return;
        }
    }
}

#[tokio::test]
async fn who_does_not_acknowledge_answers_is_cut_off() {
    let house = House::new();
    let mut client = house.client("A", Version::V5).await;
    client.subscribe("oc/1/A/w/in", 1).await;
    for id in 1..400_u16 {
        let ask = publish(Version::V5, "oc/1/A/w/out/gateway", b"ask", Some(id));
        if client.io.write_all(&ask).await.is_err() {
            break;
        }
    }
    assert_eq!(client.end().await.0, End::Refused(Reason::SlowReader));
}

#[tokio::test]
async fn who_sends_too_fast_is_slowed_down_and_loses_nothing() {
    let limits = Limits {
        packets_per_s: 200,
        ..Limits::default()
    };
    let house = House::with(limits, Arc::new(|_| Box::pin(async { true })));
    let started = std::time::Instant::now();
    let mut client = house.client("A", Version::V311).await;
    for _ in 0..300 {
        assert_eq!(client.publish("oc/1/A/t/x", b"x").await, 0);
    }
    let took = started.elapsed();
    assert!(
        took > Duration::from_millis(400),
        "300 at 200 per second took {took:?}"
    );
    assert!(house.door.counters().of(Reason::Throttled) > 0);
}

#[tokio::test]
async fn subscriptions_are_bounded() {
    for (version, no) in [(Version::V311, 0x80), (Version::V5, 0x97)] {
        let house = House::new();
        let mut client = house.client("A", version).await;
        for n in 0..32 {
            assert_eq!(client.subscribe(&format!("oc/1/A/t/{n}"), 0).await, 0);
        }
        assert_eq!(client.subscribe("oc/1/A/t/one-more", 0).await, no);
        assert_eq!(
            client.subscribe("oc/1/A/t/0", 1).await,
            1,
            "one that is there"
        );
    }
}
