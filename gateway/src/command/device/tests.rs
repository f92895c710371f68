//! The commands of a thing against a gateway with open doors.

use super::Via;
use super::doors::Doors;
use super::renew::{Sync, sync};
use super::words::whereabouts;
use crate::thing_folder::{keep_lease, lease, purse, set_place};
use crate::wallet::tests::town::{Town, place, point};
use der::Decode;
use issuer::{ListOrder, Revoked};
use protocol::code::grid::{Level, Place, Span};
use protocol::cose::{SIGNED_MAX, seal};
use protocol::keys::SoftwareKey;
use protocol::objects::Lease;
use protocol::{AmountMinor, Code, GridCode, Signer, Timestamp};
use std::time::Duration;
use x509_cert::Certificate;

const LET_IN_WITHIN: Duration = Duration::from_secs(60);
const REFUSED_WITHIN: Duration = Duration::from_secs(4);

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
    let mut purse = purse::<8, 8>(&identity, &folder, AmountMinor::ZERO).unwrap();
    let mut told_by = |signer: &dyn Signer, centre: Code, code: Code, number: u64, ends: u32| {
        let lease = Lease {
            centre,
            code,
            home: gateway.code(),
            number,
            issued: Timestamp(1),
            ends: Timestamp(ends),
        };
        let mut out = [0; SIGNED_MAX];
        let network = &identity.trust.network;
        let (len, _) = seal(&lease, network, signer, &mut out).unwrap();
        keep_lease(&mut purse, network, &folder, &out[..len]).unwrap()
    };
    let (me, own) = (identity.credentials.code, gateway.signer());
    // Signed by somebody else, by itself, and in the name of a centre that nobody knows.
    let other = SoftwareKey::ed25519(&[9; 32]);
    assert!(!told_by(&other, gateway.code(), me, 7, 900));
    assert!(!told_by(&identity.keys.wallet(), me, me, 7, 900));
    assert!(!told_by(
        &other,
        town.house.authorities.root.code(),
        me,
        7,
        900
    ));
    let mut told = |code, number, ends| told_by(&*own, gateway.code(), code, number, ends);
    assert!(told(me, 2, 500));
    assert!(told(me, 2, 600));
    assert!(!told(me, 2, 500));
    assert!(!told(me, 1, 900));
    assert!(!told(gateway.code(), 3, 900));
    let kept = lease(&folder, &identity.trust.network).unwrap().unwrap();
    assert_eq!((kept.number, kept.ends), (2, Timestamp(600)));
}

/// The list is the only thing that changes: the registry lets both in all the time.
#[tokio::test(flavor = "multi_thread")]
async fn both_doors_go_by_a_new_list_from_the_next_handshake_on() {
    let town = Town::new().await;
    // A door that refuses says nothing over DTLS: that is waited for, and being let in for longer.
    let comes_in = async |name: &str, via, within| {
        let folder = town.folder().join(name);
        let doors = Doors::at(folder, town.mqtt(), town.coaps());
        let came = tokio::time::timeout(within, sync(&Sync { doors, via })).await;
        matches!(came, Ok(Ok(())))
    };
    let mut serials = Vec::new();
    for (seed, name) in [(1, "listed"), (2, "free")] {
        let identity = town.enrol(seed).await;
        identity.save(&town.folder().join(name)).unwrap();
        let leaf = Certificate::from_der(&identity.credentials.certificate).unwrap();
        let serial = leaf.tbs_certificate().serial_number().as_bytes();
        // DER leaves leading zeros out and puts one before a high bit.
        let mut sixteen = [0; 16];
        for (to, from) in sixteen.iter_mut().rev().zip(serial.iter().rev()) {
            *to = *from;
        }
        serials.push(sixteen);
    }
    let order = ListOrder {
        number: 1,
        this_update: town.now(),
        next_update: town.now().plus_s(3_600),
    };
    let gateway = &town.house.authorities.gateway;
    for (listed, expected) in [(vec![], true), (vec![serials[0]], false), (vec![], true)] {
        let at = town.now();
        let revoked: Vec<Revoked> = listed
            .iter()
            .map(|it| Revoked { serial: *it, at })
            .collect();
        let list = gateway.revocation_list(&order, &revoked).unwrap();
        town.keeper.use_crl(&list).unwrap();
        for via in [Via::Mqtt, Via::Coap] {
            let within = if expected {
                LET_IN_WITHIN
            } else {
                REFUSED_WITHIN
            };
            assert_eq!(comes_in("listed", via, within).await, expected);
            assert!(comes_in("free", via, LET_IN_WITHIN).await);
        }
    }
}
