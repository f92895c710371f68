//! What stations bring: each manifest whole or not at all, once, and in order.

use crate::support::factory::{Batch, FIRST, Factory, id};
use crate::support::*;
use ledger::{Ledger, StationRow, Taken, ThingState};
use protocol::chain::ActKind;
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, Digest, GridCode, Status};

async fn ordered() -> (tempfile::TempDir, Ledger, Factory) {
    let (folder, _, ledger) = house().await;
    let factory = Factory::admit(&ledger, 60).await;
    factory.order(&ledger, 1, 5).await.unwrap();
    factory.order(&ledger, 2, 300).await.unwrap();
    (folder, ledger, factory)
}

async fn row(ledger: &Ledger, factory: &Factory) -> StationRow {
    ledger.station(&factory.code).await.unwrap().unwrap()
}

/// How many leaves the code chain will have, and how many of each order were brought.
async fn extent(ledger: &Ledger) -> (u64, Vec<(protocol::Reference, u32)>) {
    let head = ledger.publish(NOW).await.unwrap();
    let orders = ledger.orders().await.unwrap();
    (
        head.size,
        orders.iter().map(|it| (it.id, it.made)).collect(),
    )
}

#[tokio::test]
async fn a_manifest_brings_its_things_and_items_and_the_same_again_changes_nothing() {
    let (_folder, ledger, factory) = ordered().await;
    let before = extent(&ledger).await;
    let batch = Batch::first(3, 250, 2);
    assert_eq!(factory.bring(&ledger, batch).await, Ok(Taken::Now));
    for sequence in FIRST..FIRST + 3 {
        let thing = ledger
            .thing(&factory.thing(sequence))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(thing.state, ThingState::Active);
        assert_eq!(thing.product, "Meter 3");
    }
    for sequence in [FIRST + 3, FIRST + 252] {
        assert!(
            ledger
                .item(&factory.item(sequence))
                .await
                .unwrap()
                .is_some()
        );
    }
    assert!(
        ledger
            .item(&factory.item(FIRST + 253))
            .await
            .unwrap()
            .is_none()
    );
    let station = row(&ledger, &factory).await;
    assert_eq!(
        (station.next_manifest, station.next_sequence),
        (2, FIRST + 255)
    );
    assert_eq!(station.head, batch.head());
    let after = extent(&ledger).await;
    // Issued and activated for a thing, issued for an item.
    assert_eq!(after.0, before.0 + 2 * 3 + 250);
    assert_eq!(after.1, [(id(2), 250), (id(1), 3)]);
    for _ in 0..2 {
        assert_eq!(factory.bring(&ledger, batch).await, Ok(Taken::Before));
        assert_eq!(row(&ledger, &factory).await, station);
        assert_eq!(extent(&ledger).await, after);
    }
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn another_manifest_with_the_number_of_a_taken_one_is_refused() {
    let (_folder, ledger, factory) = ordered().await;
    factory.bring(&ledger, Batch::first(3, 0, 0)).await.unwrap();
    let (station, extent_before) = (row(&ledger, &factory).await, extent(&ledger).await);
    let other = factory.bring(&ledger, Batch::first(2, 0, 1)).await;
    assert_eq!(other, Err(Status::Contradiction));
    assert_eq!(row(&ledger, &factory).await, station);
    assert_eq!(extent(&ledger).await, extent_before);
    assert!(
        ledger
            .thing(&factory.thing(FIRST + 2))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn what_does_not_follow_the_last_manifest_is_refused_whole() {
    let (_folder, ledger, factory) = ordered().await;
    let first = Batch::first(2, 0, 0);
    factory.bring(&ledger, first).await.unwrap();
    let next = first.after(1);
    let (station, extent_before) = (row(&ledger, &factory).await, extent(&ledger).await);
    for wrong in [
        // A manifest is missing in between.
        Batch { number: 3, ..next },
        // Numbers are missing, or used twice.
        Batch {
            first: next.first + 1,
            ..next
        },
        Batch {
            first: next.first - 1,
            ..next
        },
        // Its journal is another one.
        Batch {
            before: Digest([9; 32]),
            ..next
        },
    ] {
        let refused = factory.bring(&ledger, wrong).await;
        assert_eq!(refused, Err(Status::OutOfSequence));
    }
    assert_eq!(row(&ledger, &factory).await, station);
    assert_eq!(extent(&ledger).await, extent_before);
    assert_eq!(factory.bring(&ledger, next).await, Ok(Taken::Now));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn more_than_was_ordered_or_an_order_nobody_gave_is_refused_whole() {
    let (_folder, ledger, factory) = ordered().await;
    let first = Batch::first(4, 0, 0);
    factory.bring(&ledger, first).await.unwrap();
    let extent_before = extent(&ledger).await;
    // Five were ordered and four brought.
    let more = factory.bring(&ledger, first.after(2)).await;
    assert_eq!(more, Err(Status::NotPermitted));
    let mut unknown = factory.manifest(first.after(1));
    unknown.orders = vec![(id(3), 1)];
    let unknown = ledger.take_manifest(unknown, "test", NOW).await;
    assert!(unknown.is_err());
    assert_eq!(extent(&ledger).await, extent_before);
    assert!(
        ledger
            .thing(&factory.thing(FIRST + 4))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(factory.bring(&ledger, first.after(1)).await, Ok(Taken::Now));
}

#[tokio::test]
async fn a_manifest_of_a_station_nobody_admitted_is_refused() {
    let (_folder, ledger, factory) = ordered().await;
    let (_other_folder, _, other_house) = house().await;
    let stranger = Factory::admit(&other_house, 61).await;
    let refused = stranger.bring(&ledger, Batch::first(1, 0, 0)).await;
    assert_eq!(refused, Err(Status::UnknownCode));
    let ordered = stranger.order(&ledger, 9, 5).await;
    assert_eq!(ordered, Err(Status::UnknownCode));
    assert_eq!(row(&ledger, &factory).await.next_manifest, 1);
}

#[tokio::test]
async fn a_request_or_a_serial_that_is_registered_already_is_refused_whole() {
    let (_folder, ledger, factory) = ordered().await;
    let first = Batch::first(2, 0, 0);
    factory.bring(&ledger, first).await.unwrap();
    let (known, next) = (factory.manifest(first), first.after(2));
    for taken in [0, 1] {
        let mut again = factory.manifest(next);
        match taken {
            0 => again.things[1].request = known.things[0].request,
            _ => again.things[1].serial = known.things[0].serial,
        }
        let refused = ledger.take_manifest(again, "test", NOW).await;
        assert_eq!(refused, Err(Status::NotPermitted));
        // The good one before it did not stay either.
        assert!(
            ledger
                .thing(&factory.thing(next.first))
                .await
                .unwrap()
                .is_none()
        );
    }
    assert_eq!(factory.bring(&ledger, next).await, Ok(Taken::Now));
}

#[tokio::test]
async fn two_stations_with_the_same_numbers_are_apart() {
    let (_folder, ledger, one) = ordered().await;
    let two = Factory::admit(&ledger, 61).await;
    one.bring(&ledger, Batch::first(2, 0, 0)).await.unwrap();
    two.bring(&ledger, Batch::first(2, 0, 0)).await.unwrap();
    for factory in [&one, &two] {
        assert!(ledger.thing(&factory.thing(FIRST)).await.unwrap().is_some());
        assert_eq!(row(&ledger, factory).await.next_manifest, 2);
    }
    // The same station asks again: its numbers stay.
    let again = Factory::admit(&ledger, 61).await;
    assert_eq!(again.code, two.code);
    let grants = ledger.grants().await.unwrap();
    let codes: Vec<_> = grants.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [one.code, two.code]);
}

#[tokio::test]
async fn things_without_keys_live_and_end_like_others_and_come_on_the_lists() {
    let (_folder, ledger, factory) = ordered().await;
    let batch = Batch::first(1, 3, 0);
    factory.bring(&ledger, batch).await.unwrap();
    let [seal, plate, tag] = [1, 2, 3].map(|nth| factory.item(FIRST + nth));
    let live = async |code: &Code, act| ledger.live(code, act, "seen", "ada", NOW).await;
    let state = async |code: &Code| ledger.item(code).await.unwrap().unwrap().state;
    let withdrawn = async || {
        let states = ledger.code_states().await.unwrap();
        let known: Vec<Code> = states.iter().map(|it| it.code).collect();
        assert!([seal, plate, tag].iter().all(|code| known.contains(code)));
        let stopped = states.iter().filter(|it| it.is_withdrawn);
        stopped.map(|it| it.code).collect::<Vec<_>>()
    };
    assert_eq!(state(&seal).await, ThingState::Active);
    assert_eq!(withdrawn().await, []);
    let before = extent(&ledger).await.0;

    live(&seal, ActKind::Suspended).await.unwrap();
    assert_eq!(withdrawn().await, [seal]);
    live(&seal, ActKind::Resumed).await.unwrap();
    assert_eq!(withdrawn().await, []);
    live(&plate, ActKind::Retired).await.unwrap();
    for _ in 0..2 {
        live(&seal, ActKind::Revoked).await.unwrap();
    }
    assert_eq!(
        live(&seal, ActKind::Resumed).await,
        Err(Status::NotPermitted)
    );
    assert_eq!(state(&seal).await, ThingState::Revoked);
    assert_eq!(state(&tag).await, ThingState::Active);
    let mut stopped = withdrawn().await;
    stopped.sort_unstable();
    assert_eq!(stopped, [seal, plate]);
    // A leaf for each act, and none for the one that said nothing new.
    assert_eq!(extent(&ledger).await.0, before + 4);
    let steps = ledger.life(&seal).await.unwrap();
    assert_eq!((steps.len(), steps[0].reason.as_str()), (3, "seen"));
    let row = ledger.label(&seal).await.unwrap().unwrap();
    assert_eq!(row.state, ThingState::Revoked);

    // The same manifest again gives nothing back.
    assert_eq!(factory.bring(&ledger, batch).await, Ok(Taken::Before));
    assert_eq!(state(&seal).await, ThingState::Revoked);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_thing_without_a_key_stands_somewhere_until_it_ends() {
    let (_folder, ledger, factory) = ordered().await;
    factory.bring(&ledger, Batch::first(1, 1, 0)).await.unwrap();
    let (owner, plate) = (factory.thing(FIRST), factory.item(FIRST + 1));
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    let bay = GridCode::derive(&Place {
        by,
        level: Level::DEFAULT,
        point: Point::from_units(0, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner,
    });
    let bay = ledger.issue_grid(bay.unwrap(), "Bay", owner, "ada", NOW);
    let bay = bay.await.unwrap().code;
    let bound = ledger.bind(&plate, Some(bay), "screwed on", "ada", NOW);
    bound.await.unwrap();
    assert_eq!(ledger.places_of(&plate).await.unwrap()[0].until, None);
    let act = ActKind::Revoked;
    ledger
        .live(&plate, act, "torn off", "ada", NOW)
        .await
        .unwrap();
    let left = ledger.places_of(&plate).await.unwrap()[0].until;
    assert_eq!(left, Some(NOW));
    let again = ledger.bind(&plate, Some(bay), "again", "ada", NOW).await;
    assert_eq!(again, Err(Status::NotPermitted));
}

#[tokio::test]
async fn nothing_more_is_taken_from_a_station_that_was_dismissed_and_what_it_brought_stays() {
    let (_folder, ledger, factory) = ordered().await;
    let first = Batch::first(2, 1, 0);
    factory.bring(&ledger, first).await.unwrap();
    let dismissal = |reason: &str| ledger::Dismissal {
        at: NOW,
        reason: reason.into(),
        by: "test".into(),
    };
    let before = extent(&ledger).await;
    for reason in ["its key was copied", "said again"] {
        let said = ledger.dismiss_station(factory.code, dismissal(reason));
        said.await.unwrap();
    }
    let station = row(&ledger, &factory).await;
    assert_eq!(station.dismissed, Some(dismissal("its key was copied")));
    assert_eq!(extent(&ledger).await.0, before.0 + 1, "one leaf says so");
    let refused = factory.bring(&ledger, first.after(1)).await;
    assert_eq!(refused, Err(Status::Frozen));
    assert_eq!(factory.order(&ledger, 3, 5).await, Err(Status::Frozen));
    let again = ledger::StationGrant {
        number: station.number,
        code: factory.code,
        granted: "another grant".into(),
        certificate: Digest([1; 32]),
        pass: vec![1; 32],
    };
    let again = ledger.grant_station(again, NOW).await;
    assert_eq!(again, Err(Status::Frozen));
    // Its answer was lost: what was taken is told, and what it made is as good as before.
    assert_eq!(factory.bring(&ledger, first).await, Ok(Taken::Before));
    let thing = ledger.thing(&factory.thing(FIRST)).await.unwrap().unwrap();
    assert_eq!(thing.state, ThingState::Active);
    let stranger = ledger.dismiss_station(factory.thing(FIRST), dismissal("no station"));
    assert_eq!(stranger.await, Err(Status::UnknownCode));
    assert_sound(&ledger).await;
}
