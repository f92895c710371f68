//! What a client hears of others' branches, as far as it was granted.

use super::{BOTH, Client, Hello, House};
use crate::mqtt::packet::Version;
use crate::tree::tests::Library;
use std::sync::Arc;

/// A house with a library, A that speaks and B that reads.
async fn pair(house: &House, version: Version) -> (Arc<Library>, Client, Client) {
    let library = Arc::<Library>::default();
    house.tree.read_by(library.clone());
    let speaker = house.client("A", version).await;
    (library, speaker, house.client("B", version).await)
}

#[tokio::test]
async fn a_granted_part_of_a_branch_is_heard_and_the_rest_is_refused() {
    for version in BOTH {
        let house = House::new();
        let (library, mut speaker, mut reader) = pair(&house, version).await;
        assert!(reader.subscribe("oc/1/A/t/heat", 1).await >= 0x80);
        library.give("oc/1/A/t/#", "B", None);
        assert_eq!(reader.subscribe("oc/1/A/t/heat", 1).await, 1);
        assert_eq!(reader.subscribe("oc/1/B/t/own", 0).await, 0);
        for refused in ["oc/1/A/#", "oc/1/A/e/#", "$share/g/oc/1/A/t/heat"] {
            assert!(reader.subscribe(refused, 1).await >= 0x80, "{refused}");
        }
        speaker.publish("oc/1/A/e/door", b"open").await;
        speaker.publish("oc/1/A/t/light", b"3").await;
        speaker.publish("oc/1/A/t/heat", b"21").await;
        let heard = reader.message().await;
        assert_eq!((&heard.payload[..], heard.qos), (b"21".as_slice(), 1));
        reader.puback(heard.id.unwrap()).await;
        // Its own branch is heard beside it.
        assert_eq!(reader.publish("oc/1/B/t/own", b"me").await, 0);
        assert_eq!(&reader.message().await.payload[..], b"me");
        library.end_all();
        speaker.publish("oc/1/A/t/heat", b"22").await;
        reader.ping().await;
    }
}

#[tokio::test]
async fn reads_with_a_price_come_as_often_as_they_are_paid() {
    for version in BOTH {
        let house = House::new();
        let (library, mut speaker, mut reader) = pair(&house, version).await;
        library.give("oc/1/A/t/heat", "B", Some(2));
        assert_eq!(reader.subscribe("oc/1/A/t/heat", 1).await, 0, "QoS 0 alone");
        for value in [b"1", b"2", b"3"] {
            speaker.publish("oc/1/A/t/heat", value).await;
        }
        for value in [b"1", b"2"] {
            assert_eq!(&reader.message().await.payload[..], value);
        }
        reader.ping().await;
        assert_eq!(library.left(), 0);
        // What nobody listens to costs nothing.
        library.give("oc/1/A/t/light", "B", Some(5));
        speaker.publish("oc/1/A/t/light", b"1").await;
        reader.ping().await;
        assert_eq!(library.left(), 5);
    }
}

#[tokio::test]
async fn a_kept_session_is_owed_what_it_was_granted_and_nothing_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::keeping(folder.path()).await;
    let (library, mut speaker, reader) = pair(&house, Version::V311).await;
    reader.hang_up().await;
    library.give("oc/1/A/t/#", "B", None);
    let resume = Hello {
        id: "B",
        resume: true,
        ..Hello::default()
    };
    let mut reader = house.dial("B", Version::V311);
    reader.open(&resume).await;
    assert_eq!(reader.subscribe("oc/1/A/t/heat", 1).await, 1);
    reader.hang_up().await;
    speaker.publish("oc/1/A/t/heat", b"while granted").await;
    library.end_all();
    speaker.publish("oc/1/A/t/heat", b"after the end").await;
    let mut reader = house.dial("B", Version::V311);
    assert!(reader.open(&resume).await);
    assert_eq!(&reader.message().await.payload[..], b"while granted");
    reader.ping().await;
}
