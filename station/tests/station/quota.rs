//! A station's whole power is its quota: itself, the gateway and any stranger hold it to that.

use crate::workshop::{FIRST, Hand, NOW, Workshop, network};
use issuer::order::OrderRefused;
use issuer::{Grant, GrantFault, IssueOrder, OrderFault, Quota};
use protocol::cose::{SIGNED_MAX, open, seal};
use protocol::keys::SoftwareKey;
use protocol::objects::{Party, Pass, Rights};
use protocol::{AssuranceClass, Code, Kind, Signer, Status};
use station::panel::Stop;
use station::world::Device;

fn order(sequence: u64, kind: Kind) -> IssueOrder {
    IssueOrder {
        sequence,
        serial: [3; 16],
        issued: NOW,
        not_after: NOW.plus_s(1000),
        kind,
        class: AssuranceClass::Software,
        rights: Rights::PAY,
    }
}

#[test]
fn a_station_signs_nothing_outside_its_numbers_kinds_and_time() {
    let shop = Workshop::with_quota(Quota::new(7, &[Kind::Module], 10, 20).unwrap());
    let request = Hand::default().request(1).unwrap();
    let request = issuer::CheckedRequest::read(&request, &network()).unwrap();
    let station = &shop.station.authority;
    let issue = |order: &IssueOrder| station.issue_device(order, &request).map(|_| ());
    for sequence in [10, 20] {
        assert_eq!(issue(&order(sequence, Kind::Module)), Ok(()));
    }
    for outside in [
        order(9, Kind::Module),
        order(21, Kind::Module),
        order(10, Kind::Device),
    ] {
        assert_eq!(issue(&outside), Err(OrderFault::Sequence.into()));
    }
    let late = IssueOrder {
        not_after: station.not_after().plus_s(1),
        ..order(10, Kind::Module)
    };
    assert_eq!(issue(&late), Err(OrderFault::Validity.into()));
}

/// Whoever has the station's key can sign what it likes; nobody believes it.
#[test]
fn any_verifier_refuses_a_code_outside_the_quota_that_the_station_did_sign() {
    let shop = Workshop::with_quota(Quota::new(7, &[Kind::Module], 10, 20).unwrap());
    let grant = &shop.station.grant;
    let trust = grant.trust();
    let above = trust.issuer(&grant.passes[0]).unwrap();
    let station = trust.issued(&above, &grant.passes[1]).unwrap();
    let key = SoftwareKey::ed25519(&[50; 32]);
    assert_eq!(
        key.public_key(),
        station.get().key.0,
        "the station's own key"
    );
    let judge = |kind, sequence, rights| {
        let by = shop.station.authority.issues_as().unwrap();
        let code = Code::derive(kind, by, sequence, b"any key").unwrap();
        let pass = Pass {
            issuer: Party(shop.station.authority.code()),
            subject: Party(code),
            rights,
            station: None,
            first_sequence: None,
            last_sequence: None,
            ..*station.get()
        };
        let mut out = [0; SIGNED_MAX];
        let (len, _) = seal(&pass, &network(), &key, &mut out).unwrap();
        assert!(open::<Pass>(&out[..len], &network()).is_ok());
        trust.issued(&station, &out[..len]).map(|_| ())
    };
    assert_eq!(judge(Kind::Module, 10, Rights::PAY), Ok(()));
    let refused = Err(Status::NotPermitted);
    assert_eq!(judge(Kind::Module, 9, Rights::PAY), refused);
    assert_eq!(judge(Kind::Module, 21, Rights::PAY), refused);
    assert_eq!(judge(Kind::Device, 10, Rights::PAY), refused);
    assert_eq!(judge(Kind::Module, 10, Rights::SETTLE), refused);
    assert_eq!(judge(Kind::Module, 10, Rights::ISSUE_CODES), refused);
}

#[test]
fn an_order_beyond_the_quota_or_for_another_station_is_not_begun() {
    let shop = Workshop::with_quota(Quota::new(7, &[Kind::Device], FIRST, FIRST + 2).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::default();
    let begin = |name: &str, order| {
        let mut journal = shop.open(&folder.path().join(name));
        journal.append(vec![shop.order_line(&order)]).unwrap();
        match hand.panel(&shop.station, &mut journal, 4) {
            Err(Stop::Order(refused)) => Some(refused),
            other => panic!("{other:?}"),
        }
    };
    let good = shop.work_order(Kind::Device, 4);
    assert_eq!(begin("many", good), Some(OrderRefused::Quota));
    let mut other = good;
    other.station = shop.authorities.gateway.code();
    assert_eq!(begin("other", other), Some(OrderRefused::OtherStation));
    let mut kind = good;
    (kind.kind, kind.count) = (Kind::Module, 1);
    assert_eq!(begin("kind", kind), Some(OrderRefused::Quota));
    let mut old = good;
    (old.count, old.expires) = (1, NOW);
    assert_eq!(begin("old", old), Some(OrderRefused::Time));
    let mut much = good;
    (much.count, much.rights) = (1, Rights::SETTLE);
    assert_eq!(begin("much", much), Some(OrderRefused::Empty));
    assert!(
        hand.0.lock().unwrap().things.is_empty(),
        "no thing was asked"
    );
}

#[test]
fn an_order_is_believed_only_from_a_gateway_under_the_same_issuer() {
    let shop = Workshop::new(&[Kind::Device]);
    let grant = &shop.station.grant;
    let order = shop.work_order(Kind::Device, 4);
    let signed = shop.signed(&order);
    let check =
        |signed: &issuer::order::SignedOrder| signed.check(&grant.trust(), &grant.passes[0]);
    assert_eq!(check(&signed), Ok(order));
    let mut forged = signed.clone();
    let mut out = [0; SIGNED_MAX];
    let stranger = crate::workshop::stranger();
    let (len, _) = seal(&order, &network(), &stranger, &mut out).unwrap();
    forged.order = out[..len].to_vec();
    assert_eq!(
        check(&forged),
        Err(OrderRefused::Signature(Status::BadSignature))
    );
    // A station's pass may issue codes, too, and yet it orders nothing in a gateway's name.
    forged.order = signed.order;
    forged.pass = grant.passes[1].clone();
    assert!(check(&forged).is_err());
}

#[test]
fn a_grant_fits_the_keys_it_was_asked_for_and_nothing_in_it_can_be_exchanged() {
    let shop = Workshop::new(&[Kind::Device]);
    let other = Workshop::with_quota(Quota::new(8, &[Kind::Device], 1, 5).unwrap());
    let grant = &shop.station.grant;
    assert!(grant.view().is_ok());
    let mut mixed = grant.clone();
    mixed.passes[1] = other.station.grant.passes[1].clone();
    assert_eq!(mixed.view().err(), Some(GrantFault::NotSignedFromAbove));
    let mut mixed = grant.clone();
    mixed.certificates[2] = other.station.grant.certificates[2].clone();
    assert_eq!(mixed.view().err(), Some(GrantFault::NotSignedFromAbove));
    let keys = [1, 2].map(|seed| SoftwareKey::p256(&[seed; 32]).unwrap());
    let [ca, pass]: [issuer::Key; 2] = keys.map(|key| std::sync::Arc::new(key) as issuer::Key);
    assert_eq!(grant.station(ca, pass).err(), Some(GrantFault::OtherKeys));
    let text = grant.text();
    assert_eq!(Grant::read(&text).as_ref(), Ok(grant));
    assert!(Grant::read(&text.replace("root-key", "root key")).is_err());
}
