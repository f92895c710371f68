use crate::support::*;
use ledger::views::{Spot, Window};
use ledger::{IssueRequest, NewThing, ThingState};
use protocol::code::IssuedBy;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{AssuranceClass, Code, GridCode, Kind, Signer, Status};

fn request(secret: Option<u8>, hash: u8) -> IssueRequest {
    IssueRequest {
        secret_hash: secret.map(|byte| [byte; 32]),
        request_hash: [hash; 32],
        kind: Kind::Device,
        name: format!("Charger {hash}"),
        by: "est".into(),
        serial: [hash; 16],
    }
}

fn thing(sequence: u64) -> NewThing {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    NewThing {
        sequence,
        code: Code::derive(Kind::Device, by, sequence, b"spki").unwrap(),
        kind: Kind::Device,
        name: "Charger".into(),
        product: String::new(),
        transport_spki: b"spki".to_vec(),
        wallet_key: protocol::keys::SoftwareKey::ed25519(&[5; 32]).public_key(),
        class: AssuranceClass::Software,
        certificate: vec![1; 300],
        pass: vec![2; 150],
    }
}

#[tokio::test]
async fn a_number_belongs_to_one_request_for_ever() {
    let (_folder, world, ledger) = house().await;
    let first = ledger.begin_issue(request(None, 1), NOW).await.unwrap();
    let second = ledger.begin_issue(request(None, 2), NOW).await.unwrap();
    assert_eq!((first.sequence, second.sequence), (1, 2));
    let mut again = request(None, 1);
    again.serial = [99; 16];
    let again = ledger.begin_issue(again, NOW.plus_s(60)).await.unwrap();
    assert_eq!(again, first);

    let stored = ledger.finish_issue(thing(1), NOW).await.unwrap();
    assert_eq!((stored.state, stored.issued), (ThingState::Active, NOW));
    let repeated = ledger.finish_issue(thing(1), NOW.plus_s(9)).await.unwrap();
    assert_eq!(repeated, stored);
    assert_eq!(
        ledger.thing(&stored.code).await.unwrap(),
        Some(stored.clone())
    );
    let done = ledger.begin_issue(request(None, 1), NOW).await.unwrap();
    assert_eq!(done.done, Some(stored));

    ledger.close().await;
    let ledger = world.open().await;
    let third = ledger.begin_issue(request(None, 3), NOW).await.unwrap();
    assert_eq!(third.sequence, 3);
}

#[tokio::test]
async fn things_that_do_not_match_their_reservation_are_refused() {
    let (_folder, _world, ledger) = house().await;
    ledger.begin_issue(request(None, 1), NOW).await.unwrap();
    let refused = ledger.finish_issue(thing(7), NOW).await;
    assert_eq!(refused.unwrap_err(), Status::NotPermitted);
    let mut strange = thing(1);
    strange.code = thing(2).code;
    let mut person = thing(1);
    person.kind = Kind::Person;
    let mut long = thing(1);
    long.certificate = vec![0; ledger::bounds::CERTIFICATE_BYTES_MOST + 1];
    let mut unprintable = thing(1);
    unprintable.name = "a\u{1b}[2J".into();
    for wrong in [strange, person, long, unprintable] {
        let refused = ledger.finish_issue(wrong, NOW).await;
        assert_eq!(refused.unwrap_err(), Status::Malformed);
    }
    ledger.finish_issue(thing(1), NOW).await.unwrap();
    let mut other = thing(1);
    other.certificate.push(0);
    let refused = ledger.finish_issue(other, NOW).await;
    assert_eq!(refused.unwrap_err(), Status::NotPermitted);
}

#[tokio::test]
async fn a_secret_is_good_once() {
    let (_folder, _world, ledger) = house().await;
    let until = NOW.plus_s(100);
    let secrets = vec![[1; 32], [2; 32]];
    for _ in 0..2 {
        let added = ledger.add_secrets(secrets.clone(), Kind::Device, until);
        added.await.unwrap();
    }
    ledger
        .add_secrets(vec![[3; 32]], Kind::Person, until)
        .await
        .unwrap();
    let first = ledger.begin_issue(request(Some(1), 10), NOW).await.unwrap();
    // A repetition, even after the secret's end, is the same request.
    let again = ledger.begin_issue(request(Some(1), 10), until).await;
    assert_eq!(again.unwrap(), first);
    for (wrong, at, status) in [
        (request(Some(1), 11), NOW, Status::NotPermitted),
        (request(Some(9), 11), NOW, Status::NotPermitted),
        (request(Some(3), 11), NOW, Status::NotPermitted),
        (request(Some(2), 11), until, Status::Expired),
    ] {
        let refused = ledger.begin_issue(wrong, at).await;
        assert_eq!(refused.unwrap_err(), status);
    }
    let second = ledger.begin_issue(request(Some(2), 11), NOW).await.unwrap();
    assert_eq!(second.sequence, 2);
}

#[tokio::test]
async fn many_requests_with_one_secret_give_one_number() {
    let (_folder, _world, ledger) = house().await;
    ledger
        .add_secrets(vec![[1; 32]], Kind::Device, NOW.plus_s(9))
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for hash in 0..32 {
        let ledger = ledger.clone();
        tasks.spawn(async move { ledger.begin_issue(request(Some(1), hash), NOW).await });
    }
    let answers = tasks.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn states_change_with_a_reason_and_revoked_is_for_good() {
    let (_folder, world, ledger) = house().await;
    let purse = Purse::register(&ledger, &world, 11).await;
    let set = |state, why: &'static str| {
        let ledger = ledger.clone();
        async move {
            ledger
                .set_state(&purse.code, state, why, "operator", NOW)
                .await
        }
    };
    set(ThingState::Frozen, "lost").await.unwrap();
    set(ThingState::Frozen, "lost").await.unwrap();
    set(ThingState::Active, "found").await.unwrap();
    set(ThingState::Revoked, "scrapped").await.unwrap();
    assert_eq!(set(ThingState::Active, "").await, Err(Status::NotPermitted));
    let changes = ledger.life(&purse.code).await.unwrap();
    let reasons: Vec<_> = changes
        .iter()
        .map(|change| change.reason.as_str())
        .collect();
    assert_eq!(reasons, ["scrapped", "found", "lost", "", ""]);
    let nobody = ledger.set_state(&world.gateway, ThingState::Frozen, "", "", NOW);
    assert_eq!(nobody.await, Err(Status::UnknownCode));
}

#[tokio::test]
async fn a_place_is_registered_once() {
    let (_folder, world, ledger) = house().await;
    let owner = Purse::register(&ledger, &world, 11).await.code;
    let place = Place {
        by: IssuedBy {
            issuer: 1,
            station: 1,
        },
        level: Level::DEFAULT,
        point: Point::from_nanodegrees(31_230_400_000, 121_473_700_000).unwrap(),
        height_dm: None,
        span: Span::new(30_000_000, None).unwrap(),
        owner,
    };
    let code = GridCode::derive(&place).unwrap();
    let issue = |name: &'static str, owner: Code| {
        let ledger = ledger.clone();
        async move { ledger.issue_grid(code, name, owner, "operator", NOW).await }
    };
    assert_eq!(issue("Bay", world.gateway).await, Err(Status::Malformed));
    let row = issue("Bay", owner).await.unwrap();
    assert_eq!(issue("Bay", owner).await.unwrap(), row);
    assert_eq!(issue("Other", owner).await, Err(Status::NotPermitted));
    assert_eq!(ledger.grid(&code).await.unwrap(), Some(row.clone()));
    let page = ledger::views::Page::first(9);
    assert_eq!(ledger.grids(&page).await.unwrap().rows, [row]);
}

#[tokio::test]
async fn a_map_shows_every_place_once_however_far_away_one_looks() {
    let (_folder, _world, ledger) = house().await;
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    let owner = Code::derive(Kind::Person, by, 1, b"spki").unwrap();
    let place = |latitude: i32, longitude: i32, minute: u64| {
        let place = Place {
            by,
            level: Level::DEFAULT,
            point: Point::from_units(latitude, longitude).unwrap(),
            height_dm: None,
            span: Span::new(30_000_000 + minute, None).unwrap(),
            owner,
        };
        GridCode::derive(&place).unwrap()
    };
    // A car park of forty bays ten metres apart, a bay twice, and one place at the other end of the world.
    let bays = (0..40).map(|bay| {
        place(
            350_000_000 + 640 * (bay / 8),
            16_000_000 + 640 * (bay % 8),
            0,
        )
    });
    let again = place(350_000_000, 16_000_000, 9);
    let far = place(-249_708_037, 1_114_835_897, 0);
    for grid in bays.chain([again, far]) {
        ledger
            .issue_grid(grid, "Bay", owner, "op", NOW)
            .await
            .unwrap();
    }
    let window = |south, west, north, east| Window {
        south,
        west,
        north,
        east,
    };
    let shown = |spots: &[Spot]| spots.iter().map(|spot| spot.places).sum::<u64>();
    let world = window(-663_552_000, -1_327_104_000, 663_552_000, 1_327_103_999);
    let spots = ledger.map(world).await.unwrap();
    assert_eq!((spots.len(), shown(&spots)), (2, 42));
    let park = window(349_999_500, 15_999_500, 350_003_500, 16_005_000);
    let spots = ledger.map(park).await.unwrap();
    assert_eq!((spots.len(), shown(&spots)), (40, 41));
    let twice: Vec<_> = spots.iter().filter(|spot| spot.places == 2).collect();
    assert!(matches!(twice[..], [spot] if spot.is_one_corner && spot.newest.code == again));
    let sea = ledger.map(window(0, 0, 9_999, 9_999)).await.unwrap();
    assert_eq!(sea, []);
}
