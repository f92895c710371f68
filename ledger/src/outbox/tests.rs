//! What was put in leaves in order and once forgotten stays so; what finds no room is counted.

use super::{Leaving, Outbox};
use protocol::code::IssuedBy;
use protocol::{Code, Kind, Timestamp};
use std::path::Path;

const BORN: Timestamp = Timestamp(1_700_000_000);

async fn open(folder: &Path, most_bytes: u64, now: Timestamp) -> Outbox {
    let path = folder.join("outbox.db");
    Outbox::open(&path, most_bytes, now).await.unwrap()
}

fn saying(text: &str) -> Leaving {
    Leaving {
        topic: "t".into(),
        payload: text.into(),
        qos: 1,
        retain: false,
    }
}

async fn waiting(outbox: &Outbox) -> Vec<(u64, String)> {
    let rows = outbox.next(0, 99).await.unwrap();
    let text =
        |(number, leaving): (u64, Leaving)| (number, String::from_utf8(leaving.payload).unwrap());
    rows.into_iter().map(text).collect()
}

#[tokio::test]
async fn what_was_put_in_is_there_after_a_restart_and_no_number_is_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path(), 1_000, BORN).await;
    for text in ["one", "two", "three"] {
        outbox.put(saying(text)).await.unwrap();
    }
    outbox.gone(vec![2]).await;
    outbox.gone_up_to(1).await;
    outbox.close().await;
    assert!(outbox.put(saying("late")).await.is_err());

    let outbox = open(folder.path(), 1_000, Timestamp(BORN.0 + 9)).await;
    assert_eq!(waiting(&outbox).await, [(3, "three".into())]);
    let standing = outbox.standing();
    assert_eq!((standing.waiting, standing.bytes), (1, 6));
    assert_eq!(standing.epoch, BORN, "the file was made then, not now");
    outbox.gone_up_to(3).await;
    outbox.put(saying("four")).await.unwrap();
    assert_eq!(waiting(&outbox).await, [(4, "four".into())]);
    assert!(outbox.next(4, 9).await.unwrap().is_empty());
    let path = folder.path().join("outbox.db");
    let looked = Outbox::look(&path).await.unwrap();
    assert_eq!(looked, Some(outbox.standing()));
}

#[tokio::test]
async fn when_it_is_full_the_oldest_goes_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path(), 10, BORN).await;
    for text in ["aaa", "bbb", "ccc"] {
        outbox.put(saying(text)).await.unwrap();
    }
    assert_eq!(
        waiting(&outbox).await,
        [(2, "bbb".into()), (3, "ccc".into())]
    );
    outbox.put(saying("larger than the file")).await.unwrap();
    outbox.put(saying("dddddd")).await.unwrap();
    assert_eq!(waiting(&outbox).await, [(4, "dddddd".into())]);
    outbox.close().await;
    let standing = open(folder.path(), 10, BORN).await.standing();
    assert_eq!(
        (standing.waiting, standing.bytes, standing.dropped),
        (1, 7, 4)
    );
}

#[tokio::test]
async fn how_far_a_gateway_below_came_is_known_for_the_file_it_counts_in() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = open(folder.path(), 10, BORN).await;
    let by = IssuedBy {
        issuer: 1,
        station: 0,
    };
    let below = Code::derive(Kind::Gateway, by, 2, b"key").unwrap();
    assert_eq!(outbox.brought(&below, BORN).await.unwrap(), 0);
    outbox.bring(&below, BORN, 7).await.unwrap();
    outbox.bring(&below, BORN, 9).await.unwrap();
    assert_eq!(outbox.brought(&below, BORN).await.unwrap(), 9);
    let another = Timestamp(BORN.0 + 1);
    assert_eq!(outbox.brought(&below, another).await.unwrap(), 0);
}
