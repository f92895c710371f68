//! Where exactly places are: the owner's survey, recorded once, with a leaf.

use crate::support::*;
use ledger::Ledger;
use ledger::ThingState;
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::objects::{Confirmation, Datum, Method, Party, Pass, Rights, Survey};
use protocol::rules::survey::judge;
use protocol::{AssuranceClass, Code, GridCode, Signer, Status};

const LATITUDE: i64 = 48_858_370_012;
const LONGITUDE: i64 = 2_294_481_077;

async fn place(ledger: &Ledger, owner: Code) -> GridCode {
    let grid = GridCode::derive(&Place {
        by: IssuedBy {
            issuer: 1,
            station: 1,
        },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(LATITUDE, LONGITUDE).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner,
    });
    let issued = ledger.issue_grid(grid.unwrap(), "Bay", owner, "ada", NOW);
    issued.await.unwrap().code
}

fn survey(place: GridCode, owner: Code) -> Survey {
    Survey {
        place,
        owner,
        latitude_nanodeg: LATITUDE,
        longitude_nanodeg: LONGITUDE,
        height_mm: Some(35_120),
        accuracy_mm: 12,
        height_accuracy_mm: Some(20),
        datum: Datum::Wgs84,
        method: Method::CorrectedSatellites,
        measured_by: None,
        measured: NOW,
        time: NOW,
    }
}

/// As the gateway gave it to the owner.
fn pass(world: &World, owner: &Purse) -> Vec<u8> {
    let pass = Pass {
        issuer: Party(world.gateway),
        subject: Party(owner.code),
        expires: NOW.plus_s(86_400),
        issued: NOW,
        key: Confirmation(owner.key().public_key()),
        class: AssuranceClass::Software,
        rights: Rights::default(),
        grace_s: None,
        station: None,
        first_sequence: None,
        last_sequence: None,
    };
    sealed(&pass, &world.gateway_key).0
}

#[tokio::test]
async fn a_survey_is_recorded_once_and_holds_under_the_root_alone() {
    let (_folder, world, ledger) = house().await;
    let owner = Purse::register(&ledger, &world, 21).await;
    let bay = place(&ledger, owner.code).await;
    assert_eq!(ledger.place_record(&bay).await.unwrap(), None);
    let pass = pass(&world, &owner);
    let before = ledger.publish(NOW).await.unwrap().size;
    let said = survey(bay, owner.code);
    let (signed, _) = sealed(&said, &owner.key());
    let record = async |now| ledger.record_place(signed.clone(), pass.clone(), now).await;
    let first = record(NOW).await.unwrap();
    // The same survey again, later: the answer of then.
    assert_eq!(record(NOW.plus_s(500)).await.unwrap(), first);
    assert_eq!(ledger.publish(NOW).await.unwrap().size, before + 1);
    let held = judge(&world.trust, &first.signed).unwrap();
    assert_eq!(held.surveyed.survey, said);
    assert_eq!(ledger.place_record(&bay).await.unwrap(), Some(first));

    let better = Survey {
        accuracy_mm: 3,
        time: NOW.plus_s(60),
        ..said
    };
    let (better, _) = sealed(&better, &owner.key());
    let newer = ledger.record_place(better, pass, NOW.plus_s(60)).await;
    assert_eq!(ledger.place_record(&bay).await.unwrap(), newer.ok());
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_survey_of_another_owner_place_or_time_changes_nothing() {
    let (_folder, world, ledger) = house().await;
    let owner = Purse::register(&ledger, &world, 21).await;
    let other = Purse::register(&ledger, &world, 22).await;
    let bay = place(&ledger, owner.code).await;
    let theirs = place(&ledger, other.code).await;
    let pass = pass(&world, &owner);
    let said = survey(bay, owner.code);
    let nowhere = GridCode::derive(&Place {
        by: bay.issued_by(),
        level: Level::new(3).unwrap(),
        point: Point::from_nanodegrees(LATITUDE, LONGITUDE).unwrap(),
        height_dm: None,
        span: bay.span(),
        owner: owner.code,
    });
    let nowhere = nowhere.unwrap();
    for (said, key, status) in [
        (said, other.key(), Status::BadSignature),
        (
            survey(theirs, owner.code),
            owner.key(),
            Status::NotPermitted,
        ),
        (
            survey(nowhere, owner.code),
            owner.key(),
            Status::UnknownCode,
        ),
        (
            Survey {
                latitude_nanodeg: LATITUDE + 1_000_000,
                ..said
            },
            owner.key(),
            Status::OutsideArea,
        ),
        (
            Survey {
                time: NOW.plus_s(301),
                ..said
            },
            owner.key(),
            Status::Expired,
        ),
    ] {
        let (signed, _) = sealed(&said, &key);
        let refused = ledger.record_place(signed, pass.clone(), NOW).await;
        assert_eq!(refused, Err(status));
    }
    let (signed, _) = sealed(&said, &owner.key());
    let frozen = ThingState::Frozen;
    let stopped = ledger.set_state(&owner.code, frozen, "seen twice", "ada", NOW);
    stopped.await.unwrap();
    let refused = ledger.record_place(signed, pass, NOW).await;
    assert_eq!(refused, Err(Status::Frozen));
    assert_eq!(ledger.place_record(&bay).await.unwrap(), None);
}
