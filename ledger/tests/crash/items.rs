//! Things without keys come into use, stand somewhere, are stopped and end, and the gateway dies on
//! the way: state, life, place and code chain say the same afterwards, each step once.

use crate::deaths;
use crate::support::factory::{Batch, FIRST, Factory};
use crate::support::{NOW, World, declare};
use ledger::{CrashPoint, Ledger};
use protocol::chain::ActKind;
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, GridCode};
use std::fmt::Write;

/// Admission and manifest come by some of these as well.
const PASSES_MOST: u32 = 8;

#[test]
fn a_crash_while_things_without_keys_change_their_state_loses_and_doubles_nothing() {
    let points = [
        CrashPoint::StateWritten,
        CrashPoint::StepKept,
        CrashPoint::StateSet,
        CrashPoint::Unbound,
        CrashPoint::Bound,
    ];
    deaths::at_every_step("items::child", &points, PASSES_MOST);
}

#[tokio::test]
async fn child() {
    let Some(folder) = deaths::folder() else {
        return;
    };
    let world = World::new(&folder);
    let ledger = world.open().await;
    declare(&ledger).await;
    let factory = Factory::admit(&ledger, 60).await;
    for (id, count) in [(1, 1), (2, 4)] {
        factory.order(&ledger, id, count).await.unwrap();
    }
    factory.bring(&ledger, Batch::first(1, 4, 0)).await.unwrap();
    let owner = factory.thing(FIRST);
    let [seal, plate, tag, spare] = [1, 2, 3, 4].map(|nth| factory.item(FIRST + nth));
    let bay = bay(&ledger, owner).await;
    for (code, act) in [
        (seal, ActKind::Suspended),
        (seal, ActKind::Resumed),
        (seal, ActKind::Revoked),
        (plate, ActKind::Bound),
        (plate, ActKind::Revoked),
        (tag, ActKind::Retired),
    ] {
        step(&ledger, code, act, bay).await;
    }
    // It was in use from the beginning: there is nothing to say.
    let activated = ledger.live(&spare, ActKind::Activated, "", "ada", NOW);
    activated.await.unwrap();

    let mut said = String::new();
    for code in [seal, plate, tag, spare] {
        let row = ledger.label(&code).await.unwrap();
        let life = ledger.life(&code).await.unwrap();
        let places = ledger.places_of(&code).await.unwrap();
        let acts = ledger.acts(&code.into()).await.unwrap();
        // The first leaf says that it was issued, and its manifest says why.
        assert_eq!(acts.len(), life.len() + 1);
        writeln!(said, "{row:?}\n{life:?}\n{places:?}\n{acts:?}").unwrap();
    }
    let states = ledger.code_states().await.unwrap();
    let head = ledger.publish(NOW).await.unwrap();
    assert_eq!(ledger.check_chain().await.unwrap(), head);
    writeln!(said, "{states:?}\n{head:?}").unwrap();
    super::remains(&ledger, &world, &[], &mut said).await;
    ledger.close().await;
    deaths::write_outcome(&folder, &said);
}

/// A person looks what a code's life says, and does what is not there yet; sent twice, it is done
/// once.
async fn step(ledger: &Ledger, code: Code, act: ActKind, bay: GridCode) {
    let has_been = async || {
        let life = ledger.life(&code).await.unwrap();
        life.iter().filter(|step| step.act == act).count()
    };
    if has_been().await > 0 {
        return;
    }
    for _ in 0..2 {
        let done = match act {
            ActKind::Bound => {
                ledger
                    .bind(&code, Some(bay), "screwed on", "ada", NOW)
                    .await
            }
            _ => ledger.live(&code, act, "seen", "ada", NOW).await,
        };
        done.unwrap();
    }
    assert_eq!(has_been().await, 1);
}

async fn bay(ledger: &Ledger, owner: Code) -> GridCode {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    let place = Place {
        by,
        level: Level::DEFAULT,
        point: Point::from_units(0, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, None).unwrap(),
        owner,
    };
    let bay = GridCode::derive(&place).unwrap();
    let issued = ledger.issue_grid(bay, "Bay", owner, "ada", NOW).await;
    issued.unwrap().code
}
