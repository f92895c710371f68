//! Who comes in and who does not, with real certificates of stations that keep to their quota and
//! of such that do not.

use super::*;
use crate::wallet::tests::town::Town;
use der::asn1::BitString;
use device_sdk::enrol::Keys;
use issuer::{
    CheckedRequest, IssueOrder, Key, ListOrder, Names, Plan, Quota, Revoked, StationOrder,
};
use ledger::{StationGrant, StationRequest};
use protocol::keys::SoftwareKey;
use protocol::objects::Rights;
use protocol::{AssuranceClass, Digest, Kind, Network};

const NOW: Timestamp = Timestamp(1_700_000_000);
const DAY_S: u32 = 86_400;

fn network() -> Network {
    Network::new("test").unwrap()
}

fn names() -> Names {
    Names::new("onecode.internal", "localhost:8080").unwrap()
}

fn authorities(seed: u8) -> Authorities {
    let mut next = 0;
    let mut random = move |out: &mut [u8]| {
        next += 1;
        out.fill(next);
        out[0] = seed;
        Ok(())
    };
    Authorities::create(&Plan::new(network(), names(), 3600), NOW, &mut random).unwrap()
}

fn wall(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::from(at.0)))
}

/// A station's keys: the same seed is the same station.
fn keys(seed: u8) -> (Key, Key) {
    let ca = SoftwareKey::p256(&[seed; 32]).unwrap();
    (Arc::new(ca), Arc::new(SoftwareKey::ed25519(&[seed; 32])))
}

fn admit(by: &Authorities, seed: u8, quota: Quota, days: u32) -> Grant {
    let (ca, pass) = keys(seed);
    let request = issuer::authority_request(&network(), &ca, &pass).unwrap();
    let request = CheckedRequest::read(&request, &network()).unwrap();
    let order = StationOrder {
        number: u64::from(quota.station) + 100,
        serial: [seed; 16],
        quota,
        issued: NOW,
        not_after: NOW.plus_s(days * DAY_S),
    };
    let issued = by.issuer.issue_station(&order, &request).unwrap();
    Grant {
        network: network(),
        root_key: by.root.pass_key(),
        names: names(),
        certificates: [
            by.root.certificate().to_vec(),
            by.issuer.certificate().to_vec(),
            issued.certificate,
        ],
        passes: [by.issuer.pass().to_vec(), issued.pass],
    }
}

fn bench(grant: &Grant, seed: u8) -> Authority {
    let (ca, pass) = keys(seed);
    grant.station(ca, pass).unwrap()
}

/// A thing's certificate.
fn leaf(by: &Authority, kind: Kind, sequence: u64, days: u32) -> Vec<u8> {
    leaf_for(200, by, (kind, sequence), days)
}

/// The same for a thing of its own keys.
fn leaf_for(seed: u8, by: &Authority, (kind, sequence): (Kind, u64), days: u32) -> Vec<u8> {
    let keys = Keys::from_random(&[seed; 32], &[201; 32]).unwrap();
    let request = CheckedRequest::read(&keys.request(&network()).unwrap(), &network()).unwrap();
    let order = IssueOrder {
        sequence,
        serial: [u8::try_from(sequence % 250).unwrap() + 1; 16],
        issued: NOW,
        not_after: NOW.plus_s(days * DAY_S),
        kind,
        class: AssuranceClass::Software,
        rights: Rights::PAY,
    };
    by.issue_device(&order, &request).unwrap().certificate
}

/// The same certificate for the key in another one, by whoever has stolen the station's.
fn for_another_key(leaf: &[u8], another: &[u8], seed: u8) -> Vec<u8> {
    let [certificate, another] = [leaf, another].map(|der| Certificate::from_der(der).unwrap());
    let [own, other] = [&certificate, &another].map(|certificate| {
        let spki = certificate.tbs_certificate().subject_public_key_info();
        spki.to_der().unwrap()
    });
    let tbs = certificate.tbs_certificate().to_der().unwrap();
    let at = tbs.windows(own.len()).position(|part| part == own).unwrap();
    let tbs = [&tbs[..at], &other, &tbs[at + own.len()..]].concat();
    let raw = keys(seed).0.sign(&tbs).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&raw).unwrap();
    let signature = BitString::from_bytes(signature.to_der().as_bytes()).unwrap();
    let algorithm = certificate.signature_algorithm().to_der().unwrap();
    let body = [tbs, algorithm, signature.to_der().unwrap()].concat();
    let mut out = vec![0x30, 0x82];
    out.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    out.extend(body);
    out
}

#[test]
fn a_certificate_for_a_key_that_its_code_does_not_commit_to_stays_out() {
    let house = authorities(1);
    let grant = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let store = store(&house, &[&grant]);
    let station = bench(&grant, 7);
    let made = leaf(&station, Kind::Device, 5, 20);
    assert!(store.code(&made, wall(NOW)).is_ok());
    let another = leaf_for(99, &station, (Kind::Device, 6), 20);
    let stolen = for_another_key(&made, &another, 7);
    assert_eq!(store.code(&stolen, wall(NOW)), Err(Refused::Wrong));
}

fn quota(station: u16, kinds: &[Kind], first: u64, last: u64) -> Quota {
    Quota::new(station, kinds, first, last).unwrap()
}

fn store(house: &Authorities, grants: &[&Grant]) -> TrustStore {
    let grants: Vec<(Code, String)> = grants
        .iter()
        .map(|grant| (house.gateway.code(), grant.text()))
        .collect();
    let store = TrustStore::of(&[&house.gateway]).unwrap();
    store.with_stations(house, &grants)
}

#[test]
fn the_gateways_own_things_and_those_of_an_admitted_station_come_in() {
    let house = authorities(1);
    let grant = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let own = leaf(&house.gateway, Kind::Device, 5, 1000);
    let made = leaf(&bench(&grant, 7), Kind::Device, 5, 20);
    let empty = store(&house, &[]);
    assert!(empty.code(&own, wall(NOW)).is_ok());
    assert_eq!(
        empty.code(&made, wall(NOW)),
        Err(Refused::UnknownAuthority),
        "nobody admitted it"
    );
    let store = store(&house, &[&grant]);
    let code = store.code(&made, wall(NOW)).unwrap();
    assert_eq!((code.issued_by().station, code.sequence()), (2, 5));
    assert!(store.covers(&code, NOW));
    assert!(!empty.covers(&code, NOW));
    assert!(store.code(&own, wall(NOW)).is_ok());
}

/// The station's keys sign what its quota does not cover: the same keys under a wider one.
#[test]
fn what_a_tampered_station_signs_outside_its_kinds_numbers_and_time_stays_out() {
    let house = authorities(1);
    let narrow = admit(&house, 7, quota(2, &[Kind::Device], 10, 20), 30);
    let wide = quota(2, &[Kind::Device, Kind::Module], 1, 1000);
    let wide = admit(&house, 7, wide, 3000);
    let tampered = bench(&wide, 7);
    let store = store(&house, &[&narrow]);
    let judge = |kind, sequence, days| {
        let leaf = leaf(&tampered, kind, sequence, days);
        store.code(&leaf, wall(NOW)).map(|_| ())
    };
    for sequence in [10, 20] {
        assert_eq!(judge(Kind::Device, sequence, 30), Ok(()));
    }
    for (kind, sequence, days) in [
        (Kind::Device, 9, 30),
        (Kind::Device, 21, 30),
        (Kind::Module, 10, 30),
        (Kind::Device, 10, 31),
    ] {
        let refused = Err(Refused::OutsideQuota);
        assert_eq!(judge(kind, sequence, days), refused, "{kind:?} {sequence}");
    }
}

#[test]
fn a_station_cannot_speak_for_another_or_for_the_gateway() {
    let house = authorities(1);
    let two = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let three = admit(&house, 8, quota(3, &[Kind::Device], 1, 100), 30);
    let store = store(&house, &[&two, &three]);
    // Station 3's number in the hands of station 2, and the gateway's.
    for station in [3, 1] {
        let stolen = admit(&house, 7, quota(station, &[Kind::Device], 1, 100), 30);
        let leaf = leaf(&bench(&stolen, 7), Kind::Device, 5, 20);
        let refused = Err(Refused::UnknownAuthority);
        assert_eq!(store.code(&leaf, wall(NOW)), refused);
    }
}

#[test]
fn a_station_of_another_house_is_left_out_and_the_others_stay() {
    let (house, strangers) = (authorities(1), authorities(2));
    let foreign = admit(&strangers, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let ours = admit(&house, 8, quota(3, &[Kind::Device], 1, 100), 30);
    let store = store(&house, &[&foreign, &ours]);
    let made = |grant, seed| leaf(&bench(grant, seed), Kind::Device, 5, 20);
    assert_eq!(
        store.code(&made(&foreign, 7), wall(NOW)),
        Err(Refused::UnknownAuthority)
    );
    assert!(store.code(&made(&ours, 8), wall(NOW)).is_ok());
}

#[test]
fn when_a_stations_period_is_over_its_things_stay_out() {
    let house = authorities(1);
    let grant = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let made = leaf(&bench(&grant, 7), Kind::Device, 5, 30);
    let store = store(&house, &[&grant]);
    let last = NOW.plus_s(30 * DAY_S);
    let code = store.code(&made, wall(last.minus_s(1))).unwrap();
    assert_eq!(store.code(&made, wall(last)), Err(Refused::OutOfTime));
    assert!(!store.covers(&code, last));
    // Admitted again for longer, what it made before is good to its own end.
    let longer = admit(&house, 7, quota(2, &[Kind::Device], 1, 200), 60);
    let store = store.with_stations(&house, &[(code, longer.text())]);
    assert!(store.code(&made, wall(last)).is_ok());
    let later = wall(last.plus_s(1));
    assert_eq!(store.code(&made, later), Err(Refused::OutOfTime));
}

#[test]
fn the_list_counts_for_the_gateways_own_things_and_stations_need_none() {
    let house = authorities(1);
    let grant = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let [listed, free] = [5, 6].map(|sequence| leaf(&house.gateway, Kind::Device, sequence, 30));
    let made = leaf(&bench(&grant, 7), Kind::Device, 5, 20);
    let revoked = Revoked {
        serial: [6; 16],
        at: NOW,
    };
    let order = ListOrder {
        number: 1,
        this_update: NOW,
        next_update: NOW.plus_s(3600),
    };
    let list = house.gateway.revocation_list(&order, &[revoked]).unwrap();
    let store = store(&house, &[&grant]).with_crl(&list).unwrap();
    assert_eq!(store.code(&listed, wall(NOW)), Err(Refused::Revoked));
    assert!(store.code(&free, wall(NOW)).is_ok());
    assert!(store.code(&made, wall(NOW)).is_ok());
    // New stations do not take the list away.
    let store = store.with_stations(&house, &[]);
    assert_eq!(store.code(&listed, wall(NOW)), Err(Refused::Revoked));
}

#[test]
fn a_station_stays_out_that_its_issuer_revoked_or_whose_issuer_the_root_did() {
    let house = authorities(1);
    let grant = admit(&house, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let other = admit(&house, 8, quota(3, &[Kind::Device], 1, 100), 30);
    let things = [(&grant, 7), (&other, 8)];
    let things = things.map(|(grant, seed)| leaf(&bench(grant, seed), Kind::Device, 5, 20));
    let own = leaf(&house.gateway, Kind::Device, 5, 30);
    let [_, of_issuer, of_station] = &grant.certificates;
    let order = ListOrder {
        number: 1,
        this_update: NOW,
        next_update: NOW.plus_s(3600),
    };
    let judged = |signer: &Authority, by: &Authority, certificate: &[u8]| {
        let revoked = Revoked {
            serial: issuer::serial(certificate).unwrap(),
            at: NOW,
        };
        let list = signer.revocation_list(&order, &[revoked]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        crate::withdrawn::keep(folder.path(), &by.code(), &list).unwrap();
        let named = Withdrawn::load(folder.path()).unwrap().read(&house);
        let grants = [&grant, &other].map(|grant| (house.gateway.code(), grant.text()));
        let store = store(&house, &[]).with_withdrawn(named);
        let store = store.with_stations(&house, &grants);
        assert!(store.code(&own, wall(NOW)).is_ok());
        things
            .each_ref()
            .map(|leaf| store.code(leaf, wall(NOW)).is_ok())
    };
    let (root, issuer) = (&house.root, &house.issuer);
    assert_eq!(judged(issuer, issuer, of_station), [false, true]);
    assert_eq!(judged(root, root, of_issuer), [false, false]);
    // A list counts for whom its signer signed, and under its signer's name.
    assert_eq!(judged(root, root, of_station), [true, true]);
    assert_eq!(judged(&house.gateway, issuer, of_station), [true, true]);
}

#[test]
fn a_station_under_an_issuer_whose_overlap_has_ended_stays_out() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("authorities");
    let plan = Plan::new(network(), names(), 3600);
    let mut seed = 0;
    let mut random = move |out: &mut [u8]| {
        seed += 1;
        out.fill(seed);
        Ok(())
    };
    let before = issuer::open(&folder, &plan, NOW, &mut random).unwrap();
    let grant = admit(&before, 7, quota(2, &[Kind::Device], 1, 100), 30);
    let made = leaf(&bench(&grant, 7), Kind::Device, 5, 20);
    let (later, ends) = (NOW.plus_s(60), NOW.plus_s(DAY_S));
    before
        .rotate_issuer(&folder, &plan, &before.root, (later, ends), &mut random)
        .unwrap();
    for (at, outcome) in [(later, true), (ends, false)] {
        let house = issuer::open(&folder, &plan, at, &mut random).unwrap();
        let store = store(&house, &[&grant]);
        assert_eq!(store.code(&made, wall(at)).is_ok(), outcome);
    }
}

#[tokio::test]
async fn a_station_that_is_admitted_while_the_doors_are_open_counts_from_then_on() {
    let town = Town::new().await;
    let (house, ledger) = (&town.house.authorities, &town.house.ledger);
    let asked = StationRequest {
        request: [7; 32],
        serial: [7; 16],
        name: "Line 3".into(),
        by: "test".into(),
        first: 1,
    };
    let row = ledger.begin_station(asked, town.now()).await.unwrap();
    // Its own number is the one that `admit` gives it.
    let grant = admit(house, 7, quota(row.station, &[Kind::Device], 1, 100), 3000);
    let made = leaf(&bench(&grant, 7), Kind::Device, 5, 2900);
    let trusted = town.keeper.trusted();
    let judge = || trusted.borrow().code(&made, wall(town.now())).map(|_| ());
    assert_eq!(judge(), Err(Refused::UnknownAuthority));
    let mut kept = StationGrant {
        number: row.number,
        code: Code::derive(
            Kind::Issuer,
            IssuedBy {
                issuer: 1,
                station: 0,
            },
            row.number,
            b"key",
        )
        .unwrap(),
        granted: "damaged".into(),
        certificate: Digest([1; 32]),
        pass: vec![1],
    };
    for (text, outcome) in [
        ("damaged".to_owned(), Err(Refused::UnknownAuthority)),
        (grant.text(), Ok(())),
    ] {
        kept.granted = text;
        ledger
            .grant_station(kept.clone(), town.now())
            .await
            .unwrap();
        town.keeper.look().await.unwrap();
        assert_eq!(judge(), outcome);
    }
}
