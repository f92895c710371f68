use crate::workshop::*;
use issuer::{Authorities, IssueError, IssueOrder, OrderFault, Plan, certs_only, identity};
use protocol::objects::Rights;
use protocol::rules::trust::current;
use protocol::{AssuranceClass, Kind, Status, Timestamp};

#[test]
fn the_same_order_and_request_give_the_same_bytes() {
    let (first, second) = (authorities(), authorities());
    assert_eq!(issue(&first, 1), issue(&second, 1));
    assert_ne!(issue(&first, 1), issue(&first, 2));
    assert_eq!(server(&first), server(&second));
}

#[test]
fn only_a_gateway_that_is_its_own_centre_may_issue_money() {
    for under_centre in [false, true] {
        let plan = Plan {
            under_centre,
            ..plan()
        };
        let authorities = Authorities::create(&plan, NOW, &mut counter(1)).unwrap();
        let (issuer, gateway) = (authorities.issuer.pass(), authorities.gateway.pass());
        let trust = authorities.trust();
        assert!(trust.gateway(issuer, gateway).is_ok());
        assert_eq!(trust.centre(issuer, gateway).is_ok(), !under_centre);
    }
}

#[test]
fn a_thing_gets_a_code_that_commits_to_its_key() {
    let authorities = authorities();
    let (thing, order) = (thing(101), order(1));
    let issued = authorities
        .gateway
        .issue_device(&order, &thing.checked())
        .unwrap();
    assert!(issued.code.commits_to(&thing.spki()));
    let by = issued.code.issued_by();
    assert_eq!((by.issuer, by.station, issued.code.sequence()), (1, 1, 1));
    assert_eq!(identity(&issued.certificate), Some(issued.code));
}

#[test]
fn passes_verify_from_the_root_down() {
    let authorities = authorities();
    let trust = authorities.trust();
    let gateway = trust
        .gateway(authorities.issuer.pass(), authorities.gateway.pass())
        .unwrap();
    assert_eq!(gateway.get().subject.0, authorities.gateway.code());
    assert_eq!(gateway.get().grace_s, Some(GRACE_S));
    let issued = issue(&authorities, 7);
    let pass = trust.issued(&gateway, &issued.pass).unwrap();
    assert_eq!(pass.get().subject.0, issued.code);
    assert_eq!(pass.get().rights, Rights::PAY.and(Rights::ACCEPT));
    assert_eq!(pass.get().key.0, thing(107).checked().wallet_key());
    assert_eq!(current(pass.get(), NOW), Ok(()));
    assert_eq!(
        current(pass.get(), NOW.plus_s(YEAR_S)),
        Err(Status::Expired)
    );
    let mut stranger = trust;
    stranger.root_key = issuer_of_another_house();
    assert!(stranger.issuer(authorities.issuer.pass()).is_err());
    assert!(authorities.root.pass().is_empty());
}

fn issuer_of_another_house() -> protocol::PublicKey {
    issuer::Authorities::create(&plan(), NOW, &mut counter(2))
        .unwrap()
        .root
        .pass_key()
}

#[test]
fn a_draft_shows_what_will_be_signed() {
    let authorities = authorities();
    let request = thing(5).checked();
    let draft = authorities
        .gateway
        .draft_device(&order(5), &request)
        .unwrap();
    let recorded = draft.to_be_signed().to_vec();
    let (code, pass) = (draft.code(), *draft.pass());
    let issued = draft.sign().unwrap();
    assert_eq!(issued.code, code);
    assert_eq!(pass.subject.0, code);
    let at = issued
        .certificate
        .windows(recorded.len())
        .position(|part| part == recorded);
    assert!(at.is_some());
}

type Change = fn(&mut IssueOrder);

#[test]
fn orders_beyond_the_authority_are_refused() {
    let authorities = authorities();
    let request = thing(1).checked();
    let refused = |change: Change| {
        let mut order = order(1);
        change(&mut order);
        authorities
            .gateway
            .issue_device(&order, &request)
            .unwrap_err()
    };
    let cases: [(OrderFault, Change); 12] = [
        (OrderFault::Kind, |o| o.kind = Kind::Issuer),
        (OrderFault::Kind, |o| o.kind = Kind::Gateway),
        (OrderFault::Kind, |o| o.kind = Kind::Place),
        (OrderFault::Kind, |o| o.kind = Kind::PassiveItem),
        (OrderFault::Rights, |o| o.rights = Rights::SETTLE),
        (OrderFault::Rights, |o| o.rights = Rights::ISSUE_CODES),
        (OrderFault::Sequence, |o| o.sequence = 0),
        (OrderFault::Sequence, |o| o.sequence = 1 << 36),
        (OrderFault::Serial, |o| o.serial = [0; 16]),
        (OrderFault::Validity, |o| o.not_after = Timestamp(u32::MAX)),
        (OrderFault::Validity, |o| {
            o.not_after = o.issued.minus_s(600)
        }),
        (OrderFault::Validity, |o| o.issued = NOW.minus_s(86_400)),
    ];
    for (fault, change) in cases {
        assert_eq!(refused(change), IssueError::Order(fault));
    }
    for other in [&authorities.root, &authorities.issuer] {
        assert_eq!(
            other.issue_device(&order(1), &request),
            Err(IssueError::Order(OrderFault::Role))
        );
    }
    let key = protocol::keys::SoftwareKey::ed25519(&[1; 32]);
    let key = protocol::Signer::public_key(&key);
    let order = server_order(&authorities);
    assert_eq!(
        authorities.gateway.issue_server(&order, &key),
        Err(IssueError::Order(OrderFault::Role))
    );
    assert_eq!(
        authorities.issuer.issue_server(&order, &key),
        Err(IssueError::Order(OrderFault::Key))
    );
}

#[test]
fn kinds_and_classes_stand_in_both_credentials() {
    let authorities = authorities();
    let gateway = authorities
        .trust()
        .gateway(authorities.issuer.pass(), authorities.gateway.pass())
        .unwrap();
    let kinds = [Kind::Device, Kind::Module, Kind::Person, Kind::Service];
    let classes = [
        AssuranceClass::Software,
        AssuranceClass::Isolated,
        AssuranceClass::SecureElement,
    ];
    for (n, kind) in (1..).zip(kinds) {
        for class in classes {
            let order = IssueOrder {
                kind,
                class,
                rights: Rights::PAY,
                ..order(n)
            };
            let issued = authorities
                .gateway
                .issue_device(&order, &thing(9).checked())
                .unwrap();
            let pass = authorities.trust().issued(&gateway, &issued.pass).unwrap();
            assert_eq!(issued.code.kind(), kind);
            assert_eq!(identity(&issued.certificate), Some(issued.code));
            assert_eq!((pass.get().class, pass.get().rights), (class, Rights::PAY));
        }
    }
}

#[test]
fn only_the_certificate_of_a_thing_has_an_identity() {
    let authorities = authorities();
    for other in authorities.all() {
        assert_eq!(identity(other.certificate()), None);
    }
    assert_eq!(identity(&server(&authorities)), None);
    assert_eq!(identity(b""), None);
    let good = issue(&authorities, 3).certificate;
    for cut in [1, good.len() / 2, good.len() - 1] {
        assert_eq!(identity(&good[..cut]), None);
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(identity(&longer), None);
}

#[test]
fn an_identity_survives_no_change_of_its_names() {
    let authorities = authorities();
    let issued = issue(&authorities, 4);
    let text = issued.code.to_string();
    for needle in [text.to_lowercase(), text] {
        let places: Vec<usize> = (0..issued.certificate.len() - needle.len())
            .filter(|at| issued.certificate[*at..].starts_with(needle.as_bytes()))
            .collect();
        assert!(!places.is_empty());
        for at in places {
            // The URI is for people: it is not part of the identity.
            if issued.certificate[..at].ends_with(b"/1/") {
                continue;
            }
            let mut changed = issued.certificate.clone();
            changed[at + 20] = if changed[at + 20] == b'7' { b'8' } else { b'7' };
            assert_eq!(identity(&changed), None, "at {at}");
        }
    }
}

#[test]
fn private_keys_are_never_printed() {
    let authorities = authorities();
    let printed = format!("{authorities:?} {authorities:#?}");
    assert!(printed.contains(&authorities.gateway.code().to_string()));
    assert!(printed.len() < 600, "{printed}");
}

#[test]
fn only_certificates_travel_in_a_certs_only_message() {
    let fault = Err(IssueError::Order(OrderFault::Certificates));
    let authorities = authorities();
    let root = authorities.root.certificate();
    assert_eq!(certs_only(&[]), fault);
    assert_eq!(certs_only(&[b"nothing"]), fault);
    assert_eq!(certs_only(&[root; 17]), fault);
    assert_eq!(certs_only(&[root, root]), certs_only(&[root]));
}
