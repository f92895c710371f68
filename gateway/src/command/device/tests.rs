//! The commands of a thing against a gateway with open doors.

use super::Via;
use super::doors::Doors;
use super::renew::{Sync, sync};
use super::words::whereabouts;
use crate::thing_folder::{keep_lease, lease, purse, set_place};
use crate::wallet::tests::town::{Town, place, point};
use protocol::code::grid::{Level, Place, Span};
use protocol::cose::{SIGNED_MAX, seal};
use protocol::objects::Lease;
use protocol::{AmountMinor, Code, GridCode, Timestamp};

fn yard(owner: Code) -> GridCode {
    let place = Place {
        by: owner.issued_by(),
        level: Level::DEFAULT,
        point: point(),
        height_dm: None,
        span: Span::new(40_000_000, None).unwrap(),
        owner,
    };
    GridCode::derive(&place).unwrap()
}

#[tokio::test]
async fn a_thing_that_synchronises_knows_its_areas_by_either_door() {
    let town = Town::new().await;
    let (cells, now) = ([place()], town.now());
    let ledger = &town.house.ledger;
    ledger
        .define_area(&cells, "yard", "test", now)
        .await
        .unwrap();
    for (seed, via) in [(1, Via::Mqtt), (2, Via::Coap)] {
        let identity = town.enrol(seed).await;
        let folder = town.folder().join(format!("thing {seed}"));
        identity.save(&folder).unwrap();
        set_place(&folder, &yard(identity.credentials.code)).unwrap();
        let doors = Doors::at(folder.clone(), town.mqtt(), town.coaps());
        sync(&Sync { doors, via }).await.unwrap();
        let purse = purse(&identity, &folder, AmountMinor::ZERO).unwrap();
        let words = whereabouts(&purse, &folder).unwrap();
        assert!(words.contains("in 1 area"), "{words}");
        let gateway = format!("at home at {:#}", town.house.authorities.gateway.code());
        assert!(words.contains(&gateway), "{words}");
    }
}

#[tokio::test]
async fn an_older_lease_or_that_of_another_takes_no_place() {
    let town = Town::new().await;
    let identity = town.enrol(1).await;
    let folder = town.folder().join("thing");
    identity.save(&folder).unwrap();
    let gateway = &town.house.authorities.gateway;
    let told = |code: Code, number: u64, ends: u32| {
        let lease = Lease {
            centre: gateway.code(),
            code,
            home: gateway.code(),
            number,
            issued: Timestamp(1),
            ends: Timestamp(ends),
        };
        let mut out = [0; SIGNED_MAX];
        let signer = gateway.signer();
        let network = &identity.trust.network;
        let (len, _) = seal(&lease, network, &*signer, &mut out).unwrap();
        keep_lease(&identity, &folder, &out[..len]).unwrap()
    };
    let me = identity.credentials.code;
    assert!(told(me, 2, 500));
    assert!(told(me, 2, 600));
    assert!(!told(me, 2, 500));
    assert!(!told(me, 1, 900));
    assert!(!told(gateway.code(), 3, 900));
    let kept = lease(&folder, &identity.trust.network).unwrap().unwrap();
    assert_eq!((kept.number, kept.ends), (2, Timestamp(600)));
}
