//! Warrants, areas and filters: what makes an allowance count for this payee.

use super::super::{AREAS, Event};
use super::branches::{Branch, Restarting, plainly, settles, through_every_cut};
use super::*;
use protocol::code::grid::{Cell, Level, Point};
use protocol::objects::{AREA_CELLS, Area, Filter, FloatWarrant, Set};

fn warrant(world: &World, branch: &Branch, limit: u64, issued: Timestamp) -> FloatWarrant {
    FloatWarrant {
        centre: world.gateway,
        gateway: branch.code,
        gateway_epoch: KeyEpoch(1),
        currency: usd(),
        limit: Odometer::new(limit).unwrap(),
        issued,
        expires: NOW.plus_s(DAY_S),
    }
}

fn shown(world: &World, warrant: &FloatWarrant) -> Vec<u8> {
    written(&Message::Warrant {
        centre: &world.gateway_pass,
        warrant: &sealed(warrant, &world.gateway_key),
    })
}

fn cell(degrees: i64) -> Cell {
    let point = Point::from_nanodegrees(degrees * 1_000_000_000, 0).unwrap();
    Cell::around(point, Level::DEFAULT)
}

fn wide(degrees: i64) -> Cell {
    let point = Point::from_nanodegrees(degrees * 1_000_000_000, 0).unwrap();
    Cell::around(point, Level::new(1).unwrap())
}

fn area(by: Code, key: &SoftwareKey, cells: &[Cell]) -> (Vec<u8>, Reference) {
    let area = Area {
        by,
        cells: Set::<Cell, AREA_CELLS>::new(cells).unwrap(),
        issued: NOW,
    };
    let area = sealed(&area, key);
    let reference = open::<Area>(&area, &network()).unwrap().id().reference();
    (written(&Message::Area { area: &area }), reference)
}

fn filter(by: Code, key: &SoftwareKey, version: u32, codes: &[Code]) -> Vec<u8> {
    let filter = Filter {
        gateway: by,
        version,
        time: NOW,
        codes: Set::new(codes),
    };
    written(&Message::Filter {
        filter: &sealed(&filter, key),
    })
}

fn standing_at(world: &World, thing: &Thing, place: Option<Cell>) -> Roomy {
    let settings = Settings {
        most_by_class: [amount(500); 3],
        place,
        ..thing.settings(world.trust)
    };
    world.trusted(Purse::open(settings, thing.key(), thing.disk.clone()).unwrap())
}

fn paid(car: &mut Roomy, payee: Code, number: u8) -> Vec<u8> {
    bytes(|out| car.pay(&order(payee, 10, number), NOW, out)).unwrap()
}

#[test]
fn an_allowance_counts_as_far_as_its_gateways_warrant_goes() {
    let mut world = World::new();
    let branch = world.branch(4, settles());
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = branch.trusted_by(&world, &a);
    let allowance = world.allowance_by(&branch, &a, 1_000);
    car.receive(&branch.grant(&allowance), NOW).unwrap();
    let evidence = paid(&mut car, b.code, 1);

    let mut charger = branch.trusted_by(&world, &b);
    let take = |charger: &mut Roomy| bytes(|out| charger.accept(&evidence, None, NOW, out));
    assert_eq!(take(&mut charger), Err(Status::AboveFloat), "no warrant");
    let short = warrant(&world, &branch, 999, NOW);
    let learnt = charger.receive(&shown(&world, &short), NOW);
    assert_eq!(learnt, Ok(Event::Learnt));
    assert_eq!(take(&mut charger), Err(Status::AboveFloat), "beyond it");
    let mut over = warrant(&world, &branch, 5_000, NOW.plus_s(1));
    over.expires = NOW.minus_s(1);
    charger.receive(&shown(&world, &over), NOW).unwrap();
    assert_eq!(
        take(&mut charger),
        Err(Status::AboveFloat),
        "issued after it"
    );
    let enough = warrant(&world, &branch, 1_000, NOW.plus_s(2));
    charger.receive(&shown(&world, &enough), NOW).unwrap();
    // An earlier one does not come back, and a restart changes nothing.
    assert_eq!(
        charger.receive(&shown(&world, &short), NOW),
        Ok(Event::Known)
    );
    drop(charger);
    let mut charger = branch.trusted_by(&world, &b);
    take(&mut charger).unwrap();
}

#[test]
fn a_warrant_counts_only_from_a_centre_of_the_same_issuer() {
    let world = World::new();
    let branch = world.branch(4, settles());
    let b = world.thing(11);
    let mut charger = branch.trusted_by(&world, &b);
    let mut by_itself = warrant(&world, &branch, 1_000, NOW);
    by_itself.centre = branch.code;
    let by_itself = written(&Message::Warrant {
        centre: &branch.pass,
        warrant: &sealed(&by_itself, &branch.key),
    });
    assert_eq!(
        charger.receive(&by_itself, NOW),
        Err(Status::NotPermitted),
        "it may not issue money"
    );
    let forged = written(&Message::Warrant {
        centre: &world.gateway_pass,
        warrant: &sealed(&warrant(&world, &branch, 1_000, NOW), &branch.key),
    });
    assert_eq!(charger.receive(&forged, NOW), Err(Status::BadSignature));
    let stranger = world.branch(5, settles());
    let stranger = shown(&world, &warrant(&world, &stranger, 1_000, NOW));
    assert_eq!(charger.receive(&stranger, NOW), Err(Status::UnknownGateway));
}

#[test]
fn an_allowance_with_an_area_is_good_only_at_payees_who_stand_in_it() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let (here, reference) = area(world.gateway, &world.gateway_key, &[wide(47)]);
    let mut car = world.roomy(&a);
    let mut allowance = world.allowance(&a, 1_000);
    allowance.area = Some(reference);
    car.receive(&world.grant(&allowance), NOW).unwrap();
    let evidence = paid(&mut car, b.code, 1);
    let take = |charger: &mut Roomy| bytes(|out| charger.accept(&evidence, None, NOW, out));

    for (place, learnt) in [(None, Event::Known), (Some(cell(60)), Event::Known)] {
        let mut elsewhere = standing_at(&world, &world.thing(11), place);
        assert_eq!(elsewhere.receive(&here, NOW), Ok(learnt));
        assert_eq!(take(&mut elsewhere), Err(Status::OutsideArea));
    }
    let mut charger = standing_at(&world, &b, Some(cell(47)));
    assert_eq!(take(&mut charger), Err(Status::OutsideArea), "not shown");
    assert_eq!(charger.receive(&here, NOW), Ok(Event::Learnt));
    assert_eq!(charger.receive(&here, NOW), Ok(Event::Known));
    // Moved away over night, it stands in it no more.
    drop(charger);
    let left = b.disk.len();
    let mut charger = standing_at(&world, &b, Some(cell(60)));
    assert_eq!(take(&mut charger), Err(Status::OutsideArea));
    assert_eq!(b.disk.len(), left - 1, "and forgets it");
    drop(charger);
    let mut charger = standing_at(&world, &b, Some(cell(47)));
    charger.receive(&here, NOW).unwrap();
    drop(charger);
    let mut charger = standing_at(&world, &b, Some(cell(47)));
    take(&mut charger).unwrap();
}

#[test]
fn areas_by_strangers_are_refused_and_too_many_push_out_the_oldest() {
    let world = World::new();
    let b = world.thing(11);
    let mut charger = standing_at(&world, &b, Some(cell(47)));
    let (strange, _) = area(b.code, &SoftwareKey::ed25519(&[11; 32]), &[wide(47)]);
    assert_eq!(charger.receive(&strange, NOW), Err(Status::UnknownGateway));
    let issuer = code(Kind::Issuer, 0, 1);
    let areas: Vec<_> = (0..=AREAS as i64)
        .map(|n| {
            let cells = [wide(47), wide(-10 - 5 * n)];
            area(issuer, &SoftwareKey::ed25519(&[2; 32]), &cells).0
        })
        .collect();
    for area in &areas {
        assert_eq!(charger.receive(area, NOW), Ok(Event::Learnt));
    }
    assert_eq!(b.disk.len(), 2 + AREAS);
    drop(charger);
    let mut charger = standing_at(&world, &b, Some(cell(47)));
    assert_eq!(charger.receive(&areas[1], NOW), Ok(Event::Known));
    assert_eq!(charger.receive(&areas[0], NOW), Ok(Event::Learnt));
}

#[test]
fn a_payer_on_a_filter_is_refused_until_a_newer_one_says_otherwise() {
    let mut world = World::new();
    let (a, b) = (world.thing(10), world.thing(11));
    let mut car = world.funded(&a, 1_000);
    let evidence = paid(&mut car, b.code, 1);
    let mut charger = world.roomy(&b);
    let of = |version, codes: &[Code]| filter(world.gateway, &world.gateway_key, version, codes);
    let take = |charger: &mut Roomy| bytes(|out| charger.accept(&evidence, None, NOW, out));
    assert_eq!(charger.receive(&of(7, &[a.code]), NOW), Ok(Event::Learnt));
    assert_eq!(take(&mut charger), Err(Status::Revoked));
    assert_eq!(charger.receive(&of(6, &[]), NOW), Ok(Event::Known));
    let mut charger = world.roomy(&b);
    assert_eq!(take(&mut charger), Err(Status::Revoked), "after a restart");
    assert_eq!(charger.receive(&of(8, &[b.code]), NOW), Ok(Event::Learnt));
    take(&mut charger).unwrap();
    let forged = filter(world.gateway, &SoftwareKey::ed25519(&[9; 32]), 9, &[a.code]);
    assert_eq!(charger.receive(&forged, NOW), Err(Status::BadSignature));
}

#[test]
fn holdings_survive_every_power_cut() {
    through_every_cut(plainly, |stage: &mut Restarting| {
        let branch = stage.world.branch(4, settles());
        let issuer_pass = stage.world.issuer_pass.clone();
        let pass = branch.pass.clone();
        stage
            .with(|purse| purse.trust_gateway(&issuer_pass, &pass, NOW))
            .unwrap();
        let world = &stage.world;
        let messages = [
            shown(world, &warrant(world, &branch, 500, NOW)),
            shown(world, &warrant(world, &branch, 1_000, NOW.plus_s(1))),
            filter(world.gateway, &world.gateway_key, 1, &[stage.thing.code]),
            filter(
                world.gateway,
                &world.gateway_key,
                2,
                &[world.thing(40).code],
            ),
            filter(branch.code, &branch.key, 1, &[world.thing(41).code]),
        ];
        for message in &messages {
            stage.with(|purse| purse.receive(message, NOW)).unwrap();
        }
        stage.restart();
        let payers = [
            world_thing(stage, 40),
            world_thing(stage, 41),
            world_thing(stage, 42),
        ];
        payers.map(|payer| {
            let allowance = stage.world.allowance_by(&branch, &payer, 800);
            let mut car = branch.trusted_by(&stage.world, &payer);
            car.receive(&branch.grant(&allowance), NOW).unwrap();
            let evidence = paid(&mut car, stage.thing.code, 1);
            let take = |purse: &mut Roomy| bytes(|out| purse.accept(&evidence, None, NOW, out));
            stage.with(take).map(|_| ())
        })
    });
}

fn world_thing(stage: &Restarting, seed: u8) -> Thing {
    stage.world.thing(seed)
}
