//! Lives of codes: in use, stopped, standing somewhere, somebody's, over.

use crate::support::*;
use ledger::rules::life::{Unfit, after};
use ledger::{Ledger, LifeStep, ThingState};
use protocol::chain::{ActKind, Named};
use protocol::code::IssuedBy;
use protocol::code::grid::{Cell, Level, Place, Point, Span};
use protocol::objects::{Acceptance, Transfer};
use protocol::{AssuranceClass, Code, Digest, GridCode, Status};
use sqlx::{Connection, SqliteConnection};

async fn live(ledger: &Ledger, code: &Code, act: ActKind, why: &str) -> Result<(), Status> {
    ledger.live(code, act, why, "operator", NOW).await
}

async fn state(ledger: &Ledger, code: &Code) -> ThingState {
    ledger.thing(code).await.unwrap().unwrap().state
}

async fn place(ledger: &Ledger, owner: Code, bay: i64, minutes: Option<u64>) -> GridCode {
    let place = Place {
        by: IssuedBy {
            issuer: 1,
            station: 1,
        },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(bay * 1_000_000, 0).unwrap(),
        height_dm: None,
        span: Span::new(u64::from(NOW.0) / 60, minutes).unwrap(),
        owner,
    };
    let grid = GridCode::derive(&place).unwrap();
    let issued = ledger.issue_grid(grid, "Bay", owner, "op", NOW);
    issued.await.unwrap().code
}

fn acts(steps: &[LifeStep]) -> Vec<ActKind> {
    steps.iter().rev().map(|step| step.act).collect()
}

#[tokio::test]
async fn every_step_of_a_life_is_kept_with_who_and_why() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let code = purse.code;
    let bay = place(&ledger, code, 1, None).await;
    for _ in 0..2 {
        live(&ledger, &code, ActKind::Suspended, "seen twice")
            .await
            .unwrap();
    }
    let retire = |why| live(&ledger, &code, ActKind::Retired, why);
    assert_eq!(retire("too early").await, Err(Status::NotPermitted));
    live(&ledger, &code, ActKind::Resumed, "a mistake")
        .await
        .unwrap();
    for _ in 0..2 {
        let bound = ledger.bind(&code, Some(bay), "mounted", "fitter", NOW.plus_s(5));
        bound.await.unwrap();
    }
    ledger.load(order(&purse, 70, "in"), NOW).await.unwrap();
    assert_eq!(retire("worn out").await, Err(Status::NotFunded));
    ledger.redeem(order(&purse, 70, "out"), NOW).await.unwrap();
    for _ in 0..2 {
        retire("worn out").await.unwrap();
    }
    assert_eq!(state(&ledger, &code).await, ThingState::Retired);
    let steps = ledger.life(&code).await.unwrap();
    assert_eq!(
        acts(&steps),
        [
            ActKind::Issued,
            ActKind::Activated,
            ActKind::Suspended,
            ActKind::Resumed,
            ActKind::Bound,
            ActKind::Retired,
            ActKind::Unbound,
        ]
    );
    let bound = LifeStep {
        act: ActKind::Bound,
        other: Some(Named::Place(bay)),
        reason: "mounted".to_owned(),
        by: "fitter".to_owned(),
        at: NOW.plus_s(5),
    };
    assert_eq!(steps[2], bound);
    assert_eq!(
        (steps[1].reason.as_str(), steps[1].by.as_str()),
        ("worn out", "operator")
    );
    for act in [
        ActKind::Resumed,
        ActKind::Suspended,
        ActKind::Revoked,
        ActKind::Activated,
    ] {
        assert_eq!(
            live(&ledger, &code, act, "").await,
            Err(Status::NotPermitted)
        );
    }
    let load = ledger.load(order(&purse, 1, "late"), NOW).await;
    assert_eq!(load.unwrap_err(), Status::Frozen);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_thing_stands_at_one_place_at_a_time_and_only_while_the_place_holds() {
    let (_folder, world, ledger) = house().await;
    let [first, second] = [11, 12].map(|seed| Purse::register(&ledger, &world, seed));
    let (first, second) = (first.await.code, second.await.code);
    let bay = place(&ledger, first, 1, None).await;
    let other = place(&ledger, first, 2, None).await;
    let short = place(&ledger, first, 3, Some(60)).await;
    let bind = |code, place, at| ledger.bind(code, place, "", "op", at);
    bind(&first, Some(bay), NOW).await.unwrap();
    bind(&second, Some(bay), NOW.plus_s(1)).await.unwrap();
    bind(&first, Some(other), NOW.plus_s(2)).await.unwrap();
    bind(&first, None, NOW.plus_s(3)).await.unwrap();
    bind(&first, None, NOW.plus_s(4)).await.unwrap();
    let spans = |rows: Vec<ledger::Binding>| {
        let span = |row: ledger::Binding| (row.code, row.place, row.since, row.until);
        rows.into_iter().map(span).collect::<Vec<_>>()
    };
    let at = |after_s| NOW.plus_s(after_s);
    assert_eq!(
        spans(ledger.places_of(&first).await.unwrap()),
        [
            (first, other, at(2), Some(at(3))),
            (first, bay, at(0), Some(at(2)))
        ]
    );
    assert_eq!(
        spans(ledger.things_at(&bay).await.unwrap()),
        [(second, bay, at(1), None), (first, bay, at(0), Some(at(2)))]
    );
    bind(&first, Some(short), NOW).await.unwrap();
    let late = bind(&second, Some(short), NOW.plus_s(65 * 60)).await;
    assert_eq!(late, Err(Status::Expired));
    let nowhere = Place {
        by: short.issued_by(),
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(9, 9).unwrap(),
        height_dm: None,
        span: short.span(),
        owner: first,
    };
    let nowhere = GridCode::derive(&nowhere).unwrap();
    let unknown = bind(&first, Some(nowhere), NOW).await;
    assert_eq!(unknown, Err(Status::UnknownCode));
    live(&ledger, &second, ActKind::Suspended, "")
        .await
        .unwrap();
    assert_eq!(
        bind(&second, Some(other), NOW).await,
        Err(Status::NotPermitted)
    );
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_code_that_waits_is_used_only_once_it_is_activated() {
    let (_folder, world, ledger) = house().await;
    let mut purse = Purse::register(&ledger, &world, 11).await;
    ledger.load(order(&purse, 70, "in"), NOW).await.unwrap();
    // As things stand that come from a factory.
    let address = format!("sqlite://{}", world.path.display());
    let mut file = SqliteConnection::connect(&address).await.unwrap();
    let waits = sqlx::query("UPDATE thing SET state = 3 WHERE code = $1");
    let waits = waits
        .bind(purse.code.as_bytes().as_slice())
        .execute(&mut file);
    waits.await.unwrap();
    assert_eq!(state(&ledger, &purse.code).await, ThingState::Issued);
    let early = ledger.renew(purse.renewal(usd(), 50, NOW), NOW).await;
    assert_eq!(early.unwrap_err(), Status::Frozen);
    let suspend = live(&ledger, &purse.code, ActKind::Suspended, "").await;
    assert_eq!(suspend, Err(Status::NotPermitted));
    let why = after(ThingState::Issued, ActKind::Suspended).unwrap_err();
    assert_eq!(why, Unfit::NotActivated);
    for _ in 0..2 {
        live(&ledger, &purse.code, ActKind::Activated, "sold")
            .await
            .unwrap();
    }
    let given = purse.renew(&ledger, 50, NOW.plus_s(1)).await;
    assert_eq!(given.limit.get(), 50);
    let steps = ledger.life(&purse.code).await.unwrap();
    assert_eq!(
        (steps[0].act, steps[0].reason.as_str()),
        (ActKind::Activated, "sold")
    );
    assert_eq!(steps.len(), 3);
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn an_owner_is_named_once_and_again_only_when_it_is_over() {
    let (_folder, world, ledger) = house().await;
    let mut codes = Vec::new();
    for seed in 11..14 {
        codes.push(Purse::register(&ledger, &world, seed).await.code);
    }
    let [thing, owner, other] = codes[..] else {
        unreachable!()
    };
    let own = |owner| ledger.set_owner(&thing, owner, "op", NOW);
    own(&owner).await.unwrap();
    own(&owner).await.unwrap();
    assert_eq!(own(&other).await, Err(Status::NotPermitted));
    live(&ledger, &owner, ActKind::Revoked, "closed down")
        .await
        .unwrap();
    own(&other).await.unwrap();
    let standing = ledger.standing(&thing).await.unwrap();
    assert_eq!(standing.owner, Some(other));
    let steps = ledger.life(&thing).await.unwrap();
    let owners: Vec<_> = steps.iter().rev().filter_map(|step| step.other).collect();
    assert_eq!(owners, [Named::Thing(owner), Named::Thing(other)]);
}

struct Deal {
    thing: Code,
    seller: Purse,
    buyer: Purse,
}

impl Deal {
    async fn begin(ledger: &Ledger, world: &World) -> Self {
        let thing = Purse::register(ledger, world, 11).await.code;
        let seller = Purse::register(ledger, world, 12).await;
        let buyer = Purse::register(ledger, world, 13).await;
        ledger
            .set_owner(&thing, &seller.code, "op", NOW)
            .await
            .unwrap();
        Self {
            thing,
            seller,
            buyer,
        }
    }

    fn transfer(&self, number: u32) -> Transfer {
        Transfer {
            code: self.thing,
            from: self.seller.code,
            to: self.buyer.code,
            number,
            time: NOW,
            expires: NOW.plus_s(LIFE_S),
        }
    }

    fn signed(&self, transfer: &Transfer) -> (Vec<u8>, Digest) {
        sealed(transfer, &self.seller.key())
    }

    fn taken(&self, id: Digest) -> Vec<u8> {
        let acceptance = Acceptance {
            by: self.buyer.code,
            transfer: id,
            time: NOW,
        };
        sealed(&acceptance, &self.buyer.key()).0
    }
}

#[tokio::test]
async fn a_thing_goes_from_owner_to_owner_by_both_their_words_and_once() {
    let (_folder, world, ledger) = house().await;
    let deal = Deal::begin(&ledger, &world).await;
    let (transfer, id) = deal.signed(&deal.transfer(2));
    let taken = deal.taken(id);
    let over = |now| ledger.hand_over(transfer.clone(), taken.clone(), now);
    let first = over(NOW).await.unwrap();
    assert_eq!(over(NOW.plus_s(2 * LIFE_S)).await, Ok(first.clone()));
    let owned = ledger.ownership(&deal.thing).await.unwrap();
    assert_eq!((owned.owner, owned.owners), (Some(deal.buyer.code), 2));
    let steps = ledger.life(&deal.thing).await.unwrap();
    let newest = steps.first().unwrap();
    assert_eq!(newest.act, ActKind::Transferred);
    assert_eq!(newest.other, Some(Named::Thing(deal.buyer.code)));
    assert_eq!(newest.by, deal.seller.code.to_string());
    let back = Transfer {
        from: deal.buyer.code,
        to: deal.seller.code,
        ..deal.transfer(3)
    };
    let (back, id) = sealed(&back, &deal.buyer.key());
    let acceptance = Acceptance {
        by: deal.seller.code,
        transfer: id,
        time: NOW,
    };
    let acceptance = sealed(&acceptance, &deal.seller.key()).0;
    ledger.hand_over(back, acceptance, NOW).await.unwrap();
    // The first one again gives nothing away a second time.
    assert_eq!(over(NOW).await, Ok(first));
    let owned = ledger.ownership(&deal.thing).await.unwrap();
    assert_eq!((owned.owner, owned.owners), (Some(deal.seller.code), 3));
    assert_sound(&ledger).await;
}

#[tokio::test]
async fn a_transfer_that_is_stale_or_by_the_wrong_owner_changes_nothing() {
    let (_folder, world, ledger) = house().await;
    let deal = Deal::begin(&ledger, &world).await;
    let tried = async |transfer: &Transfer, now| {
        let (transfer, id) = deal.signed(transfer);
        let over = ledger.hand_over(transfer, deal.taken(id), now).await;
        over.map(drop)
    };
    let good = deal.transfer(2);
    let late = NOW.plus_s(LIFE_S);
    assert_eq!(tried(&good, late).await, Err(Status::Expired));
    let stale = deal.transfer(1);
    assert_eq!(tried(&stale, NOW).await, Err(Status::OutOfSequence));
    let other = Purse::register(&ledger, &world, 14).await.code;
    let unowned = Transfer {
        code: other,
        ..good
    };
    assert_eq!(tried(&unowned, NOW).await, Err(Status::NotPermitted));
    let borrowed = Transfer {
        code: deal.seller.code,
        number: 1,
        ..good
    };
    assert_eq!(tried(&borrowed, NOW).await, Err(Status::NotPermitted));
    let (transfer, id) = sealed(&good, &deal.buyer.key());
    let forged = ledger.hand_over(transfer, deal.taken(id), NOW).await;
    assert_eq!(forged, Err(Status::BadSignature));
    let (transfer, _) = deal.signed(&good);
    let other = deal.taken(Digest([7; 32]));
    let mixed = ledger.hand_over(transfer, other, NOW).await;
    assert_eq!(mixed, Err(Status::NotForYou));
    let owned = ledger.ownership(&deal.thing).await.unwrap();
    assert_eq!((owned.owner, owned.owners), (Some(deal.seller.code), 1));
}

#[tokio::test]
async fn nothing_changes_hands_that_is_stopped_or_over_or_to_whom_is() {
    let (_folder, world, ledger) = house().await;
    let deal = Deal::begin(&ledger, &world).await;
    let (transfer, id) = deal.signed(&deal.transfer(2));
    let over = async || {
        let over = ledger
            .hand_over(transfer.clone(), deal.taken(id), NOW)
            .await;
        over.map(drop)
    };
    for code in [deal.thing, deal.seller.code, deal.buyer.code] {
        live(&ledger, &code, ActKind::Suspended, "seen twice")
            .await
            .unwrap();
        assert_eq!(over().await, Err(Status::Frozen));
        live(&ledger, &code, ActKind::Resumed, "a mistake")
            .await
            .unwrap();
    }
    live(&ledger, &deal.thing, ActKind::Revoked, "stolen")
        .await
        .unwrap();
    assert_eq!(over().await, Err(Status::NotPermitted));
}

#[tokio::test]
async fn a_lost_code_is_superseded_by_the_one_that_takes_over() {
    let (_folder, world, ledger) = house().await;
    let lost = Purse::register(&ledger, &world, 11).await.code;
    let new = Purse::register(&ledger, &world, 12).await.code;
    let bay = place(&ledger, lost, 1, None).await;
    ledger.bind(&lost, Some(bay), "", "op", NOW).await.unwrap();
    for _ in 0..2 {
        ledger.recover(&lost, &new, "op", NOW).await.unwrap();
    }
    assert_eq!(state(&ledger, &lost).await, ThingState::Superseded);
    let steps = ledger.life(&lost).await.unwrap();
    let ends = &acts(&steps)[3..];
    assert_eq!(ends, [ActKind::Superseded, ActKind::Unbound]);
    assert_eq!(steps[1].other, Some(Named::Thing(new)));
    let revived = live(&ledger, &lost, ActKind::Resumed, "").await;
    assert_eq!(revived, Err(Status::NotPermitted));
}

#[tokio::test]
async fn the_area_of_a_class_is_that_of_things_with_none_of_their_own() {
    let (_folder, world, ledger) = house().await;
    let mut purse = Purse::register(&ledger, &world, 11).await;
    ledger.load(order(&purse, 900, "in"), NOW).await.unwrap();
    let mut areas = Vec::new();
    for bay in 1..3 {
        let point = Point::from_nanodegrees(bay * 1_000_000_000, 0).unwrap();
        let cells = [Cell::around(point, Level::DEFAULT)];
        let area = ledger.define_area(&cells, "Yard", "op", NOW).await;
        areas.push(area.unwrap().reference);
    }
    let class = AssuranceClass::Software;
    ledger
        .assign_class_area(class, Some(areas[0]))
        .await
        .unwrap();
    assert_eq!(
        ledger.class_areas().await.unwrap(),
        [Some(areas[0]), None, None]
    );
    let mut later = 0;
    let code = purse.code;
    let mut granted = async |ledger: &Ledger| {
        later += 1;
        purse.renew(ledger, 5, NOW.plus_s(later)).await.area
    };
    assert_eq!(granted(&ledger).await, Some(areas[0]));
    ledger.assign_area(&code, Some(areas[1])).await.unwrap();
    assert_eq!(granted(&ledger).await, Some(areas[1]));
    ledger.assign_area(&code, None).await.unwrap();
    ledger.assign_class_area(class, None).await.unwrap();
    assert_eq!(granted(&ledger).await, None);
}
