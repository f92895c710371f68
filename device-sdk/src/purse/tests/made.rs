//! Neighbours that a station made: their passes carry the station's behind them, and whoever knows
//! the issuer needs nobody else.

use super::super::Event;
use super::*;
use protocol::objects::{Filter, Set};

/// The station's number.
const STATION: u16 = 2;

fn station_key() -> SoftwareKey {
    SoftwareKey::ed25519(&[40; 32])
}

fn issuer_code() -> Code {
    code(Kind::Issuer, 0, 1)
}

/// What the issuer gives a station: devices 1 to 100.
fn station() -> Pass {
    let rights = Rights::PAY.and(Rights::ACCEPT).and(Rights::ISSUE_CODES);
    let rights = rights.and(Rights::kind(Kind::Device));
    let key = station_key().public_key();
    Pass {
        station: Some(u32::from(STATION)),
        first_sequence: Some(1),
        last_sequence: Some(100),
        ..pass(issuer_code(), code(Kind::Issuer, 0, 16), key, rights)
    }
}

fn by_issuer(station: &Pass) -> Vec<u8> {
    sealed(station, &SoftwareKey::ed25519(&[2; 32]))
}

/// A thing of the station, as it carries its passes; `tamper` is what the station does besides.
fn made(world: &World, by: &Pass, tamper: impl FnOnce(&mut Pass)) -> Thing {
    let mut thing = world.thing(50);
    let key = thing.key().public_key();
    let rights = Rights::PAY.and(Rights::ACCEPT);
    let mut own = pass(by.subject.0, code(Kind::Device, STATION, 50), key, rights);
    tamper(&mut own);
    thing.code = own.subject.0;
    thing.pass = [sealed(&own, &station_key()), by_issuer(by)].concat();
    thing
}

/// A car pays a charger that a station made; what the car makes of the receipt.
fn answered(world: &mut World, charger: &Thing, now: Timestamp) -> Result<Event, Status> {
    let a = world.thing(10);
    let (mut car, mut payee) = (world.funded(&a, 1_000), world.roomy(charger));
    let evidence = bytes(|out| car.pay(&order(charger.code, 300, 1), NOW, out)).unwrap();
    let receipt = bytes(|out| payee.accept(&evidence, None, NOW, out)).unwrap();
    car.receive(&receipt, now)
}

#[test]
fn a_neighbour_that_a_station_made_is_paid_and_pays_with_nobody_in_reach() {
    let mut world = World::new();
    let charger = made(&world, &station(), |_| {});
    let said = answered(&mut world, &charger, NOW);
    assert!(matches!(said, Ok(Event::Receipted { .. })), "{said:?}");
    // The other way round, the payer's allowance is all the payee looks at.
    let car = made(&world, &station(), |_| {});
    let b = world.thing(11);
    let (mut payer, mut payee) = (world.funded(&car, 1_000), world.roomy(&b));
    let evidence = bytes(|out| payer.pay(&order(b.code, 300, 1), NOW, out)).unwrap();
    let receipt = bytes(|out| payee.accept(&evidence, None, NOW, out)).unwrap();
    let said = payer.receive(&receipt, NOW);
    assert!(matches!(said, Ok(Event::Receipted { .. })), "{said:?}");
}

#[test]
fn whoever_a_station_made_outside_its_quota_gets_no_receipt_taken() {
    let mut world = World::new();
    let other = |kind, number, sequence| code(kind, number, sequence);
    let tampered: [(Code, Status); 4] = [
        (other(Kind::Device, STATION, 101), Status::NotPermitted),
        (other(Kind::Module, STATION, 50), Status::NotPermitted),
        (other(Kind::Device, 3, 50), Status::NotPermitted),
        (other(Kind::Device, 1, 50), Status::NotPermitted),
    ];
    for (subject, status) in tampered {
        let charger = made(&world, &station(), |own| own.subject = Party(subject));
        assert_eq!(
            answered(&mut world, &charger, NOW),
            Err(status),
            "{subject}"
        );
    }
    let longer = made(&world, &station(), |own| {
        own.expires = own.expires.plus_s(1)
    });
    let refused = Err(Status::NotPermitted);
    assert_eq!(
        answered(&mut world, &longer, NOW),
        refused,
        "it outlives its station"
    );
    let more = made(&world, &station(), |own| {
        own.rights = own.rights.and(Rights::SETTLE)
    });
    assert_eq!(
        answered(&mut world, &more, NOW),
        refused,
        "more than the station may"
    );
}

#[test]
fn a_station_that_is_over_unknown_or_warned_of_vouches_for_nobody() {
    let mut world = World::new();
    let brief = Pass {
        expires: NOW.plus_s(DAY_S),
        ..station()
    };
    for (now, outcome) in [(NOW, None), (NOW.plus_s(DAY_S), Some(Status::Expired))] {
        let charger = made(&world, &brief, |own| own.expires = NOW.plus_s(DAY_S));
        assert_eq!(answered(&mut world, &charger, now).err(), outcome);
    }
    // Under an issuer of whom no trusted gateway is, and without the station's own pass.
    let elsewhere = Pass {
        issuer: Party(code(Kind::Issuer, 0, 9)),
        ..station()
    };
    let charger = made(&world, &elsewhere, |_| {});
    let unknown = Err(Status::UnknownGateway);
    assert_eq!(answered(&mut world, &charger, NOW), unknown);
    let mut alone = made(&world, &station(), |_| {});
    alone
        .pass
        .truncate(alone.pass.len() - by_issuer(&station()).len());
    assert_eq!(answered(&mut world, &alone, NOW), unknown);
    // Signed by somebody else than it says.
    let mut forged = made(&world, &station(), |_| {});
    let own = forged.pass.len() - by_issuer(&station()).len();
    forged.pass.truncate(own);
    forged.pass.extend(sealed(&station(), &station_key()));
    assert!(answered(&mut world, &forged, NOW).is_err());

    let charger = made(&world, &station(), |_| {});
    let a = world.thing(10);
    let (mut car, mut payee) = (world.funded(&a, 1_000), world.roomy(&charger));
    let evidence = bytes(|out| car.pay(&order(charger.code, 300, 1), NOW, out)).unwrap();
    let receipt = bytes(|out| payee.accept(&evidence, None, NOW, out)).unwrap();
    let filter = Filter {
        gateway: world.gateway,
        version: 1,
        time: NOW,
        codes: Set::new(&[station().subject.0]),
    };
    let filter = sealed(&filter, &world.gateway_key);
    car.receive(&written(&Message::Filter { filter: &filter }), NOW)
        .unwrap();
    assert_eq!(car.receive(&receipt, NOW), Err(Status::Revoked));
}

#[test]
fn a_purse_opens_with_its_own_passes_only() {
    let world = World::new();
    let good = made(&world, &station(), |_| {});
    let opened = good.open::<8, 8>(world.trust).map(|_| ());
    assert_eq!(opened, Ok(()));
    // Followed by that of a station that did not give it, twice, or by half of one.
    let stranger = Pass {
        subject: Party(code(Kind::Issuer, 0, 17)),
        ..station()
    };
    let own = good.pass.len() - by_issuer(&station()).len();
    for behind in [
        by_issuer(&stranger),
        [by_issuer(&station()), by_issuer(&station())].concat(),
        by_issuer(&station())[..20].to_vec(),
        vec![0],
    ] {
        let mut wrong = made(&world, &station(), |_| {});
        wrong.pass.truncate(own);
        wrong.pass.extend(behind);
        assert!(wrong.open::<8, 8>(world.trust).is_err());
    }
}
