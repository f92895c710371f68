//! Grants are known as long as they count, and no read is taken that was not paid.

use super::{GRANTS_PER_CODE_MAX, Grant, GrantId, Grants, Price, Unmade};
use protocol::code::IssuedBy;
use protocol::{AmountMinor, Code, Currency, Kind, Timestamp};
use std::path::Path;

const NOW: Timestamp = Timestamp(1_700_000_000);

fn code(number: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 2,
    };
    Code::derive(Kind::Device, by, number, b"key").unwrap()
}

fn grant(number: u8, reader: u64) -> Grant {
    Grant {
        id: GrantId([number; 12]),
        giver: code(1),
        reader: code(reader),
        branch: format!("t/{number}"),
        price: Some(Price {
            currency: Currency::new(1, *b"USD").unwrap(),
            each: AmountMinor::new(25).unwrap(),
        }),
        by: "Ada".into(),
        made: NOW,
    }
}

async fn open(folder: &Path) -> Grants {
    Grants::open(&folder.join("grants.db")).await.unwrap()
}

#[tokio::test]
async fn what_was_made_is_known_until_it_is_ended_also_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let grants = open(folder.path()).await;
    let mut news = grants.changed();
    let (one, free) = (
        grant(1, 2),
        Grant {
            price: None,
            ..grant(2, 2)
        },
    );
    grants.make(one.clone()).await.unwrap();
    grants.make(free.clone()).await.unwrap();
    assert_eq!(news.recv().await.unwrap(), code(2));
    // Nothing was closed: as a process that was killed leaves it.
    let again = open(folder.path()).await;
    let given: Vec<Grant> = (again.given(code(1), code(2)).iter())
        .map(|grant| Grant::clone(grant))
        .collect();
    assert_eq!(given, [one.clone(), free]);
    assert!(again.given(code(1), code(3)).is_empty());
    assert!(again.given(code(2), code(1)).is_empty());
    assert!(
        !again.end(code(2), &one.id, NOW).await.unwrap(),
        "not its own"
    );
    assert!(again.end(code(1), &one.id, NOW).await.unwrap());
    assert!(!again.end(code(1), &one.id, NOW).await.unwrap(), "once");
    assert_eq!(again.given_by(code(1)).len(), 1);
    let last = open(folder.path()).await;
    assert_eq!(last.given_by(code(1)).len(), 1);
    assert_eq!(last.got(&code(2)).await.unwrap().len(), 1);
    assert_eq!(last.about(&code(2)).await.unwrap().len(), 2);
    last.make(Grant {
        id: grant(9, 2).id,
        ..one
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_same_is_granted_once_and_a_code_has_a_bounded_number() {
    let folder = tempfile::tempdir().unwrap();
    let grants = open(folder.path()).await;
    grants.make(grant(0, 2)).await.unwrap();
    let again = Grant {
        id: grant(77, 2).id,
        ..grant(0, 2)
    };
    assert!(matches!(grants.make(again).await, Err(Unmade::Exists)));
    for number in 1..GRANTS_PER_CODE_MAX as u8 {
        grants.make(grant(number, 2)).await.unwrap();
    }
    let one_more = grant(GRANTS_PER_CODE_MAX as u8, 2);
    let refused = grants.make(one_more.clone()).await;
    assert!(matches!(refused, Err(Unmade::Full)));
    assert!(grants.end(code(1), &grant(5, 2).id, NOW).await.unwrap());
    grants.make(one_more).await.unwrap();
}

#[tokio::test]
async fn no_read_is_taken_that_was_not_paid_however_many_ask_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let grants = open(folder.path()).await;
    let id = grant(1, 2).id;
    grants.make(grant(1, 2)).await.unwrap();
    assert!(!grants.take(&id, 0).await.unwrap());
    let asking = (0..20).map(|_| {
        let grants = grants.clone();
        tokio::spawn(async move { grants.take(&id, 7).await.unwrap() })
    });
    let mut taken = 0;
    for asked in asking.collect::<Vec<_>>() {
        taken += u64::from(asked.await.unwrap());
    }
    assert_eq!(taken, 7);
    let again = open(folder.path()).await;
    assert!(!again.take(&id, 7).await.unwrap(), "they stay taken");
    assert!(again.take(&id, 8).await.unwrap());
    again.end(code(1), &id, NOW).await.unwrap();
    assert!(!again.take(&id, 9).await.unwrap(), "it has ended");
    assert_eq!(again.about(&code(1)).await.unwrap()[0].taken, 8);
}
