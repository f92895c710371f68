//! The whole life of things that a factory station made: keys made inside over a serial line, home
//! in a manifest, through both doors, money, a payment with nobody else in reach, and the end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use device_sdk::identity_file::{Identity, save_keys};
use device_sdk::purse::{Event, Order};
use gateway::house::House as Inside;
use issuer::{CheckedRequest, Grant, IssueOrder, Quota, StationOrder, key_file};
use ledger::ThingState;
use protocol::keys::Algorithm;
use protocol::message::Message;
use protocol::objects::{Receipt, Rights};
use protocol::rules::proof::{Charge, judge};
use protocol::{AssuranceClass, Code, Digest, Kind, Reference, Status};
use tests::by_hand::{USD, amount, message};
use tests::factory::{Factory, OnTheBench};
use tests::house::{House, now};
use tests::program::{Ended, onecode, run};
use tests::thing::{Thing, granted, pays, synchronise};

/// Doors look at the lists of revoked authorities every two seconds.
const TAKEN_UP_WITHIN: Duration = Duration::from_secs(20);
/// The station may make things numbered 1 to this.
const LAST: u64 = 100;

/// Orders as many as there are folders, and makes a thing in each.
fn make(factory: &Factory, house: &House, station: Code, folders: &[&Path]) {
    let count = folders.len().to_string();
    let order = factory.order(house, station, &["--count", &count]);
    let things: Vec<OnTheBench> = folders.iter().copied().map(OnTheBench::new).collect();
    let lines: Vec<String> = things.iter().map(OnTheBench::line).collect();
    let mut arguments = vec!["run", &order];
    for line in &lines {
        arguments.extend(["--serial", line]);
    }
    factory.station(&arguments);
    factory.station(&["manifest"]);
}

/// `onecode device` with a thing's folder and the house's doors.
fn device(house: &House, folder: &Path, command: &str, arguments: &[&str]) -> Ended {
    let doors = house.doors();
    let mut program = Command::new(onecode());
    program
        .args(["device", command])
        .arg("--folder")
        .arg(folder);
    program.args(["--mqtt", &doors.mqtt.to_string()]);
    program.args(["--coaps", &doors.coaps.to_string()]);
    run(program.args(arguments))
}

fn publish(house: &House, thing: &Thing, via: &str) -> Ended {
    let what = ["--via", via, "t/temperature", r#"{"temperature":25}"#];
    device(house, thing.folder(), "pub", &what)
}

fn meets(house: &House, folder: &Path) -> Thing {
    for _ in 0..2 {
        run(Command::new(onecode())
            .args(["device", "init", "--gateway", &house.url("")])
            .arg("--folder")
            .arg(folder))
        .succeeded();
    }
    Thing::in_folder(folder)
}

/// A certificate by the station's own key for a number that the station was never given.
fn outside_the_quota(factory: &Factory, inside: &Inside, like: &Thing, folder: &Path) {
    let key = |name: &str, algorithm| {
        let path = PathBuf::from(factory.path("station")).join(name);
        key_file::read(&path, algorithm, None).unwrap()
    };
    let ca: issuer::Key = Arc::new(key("ca.key.pem", Algorithm::P256));
    let pass: issuer::Key = Arc::new(key("pass.key.pem", Algorithm::Ed25519));
    let network = like.identity().trust.network;
    let request = issuer::authority_request(&network, &ca, &pass).unwrap();
    let request = CheckedRequest::read(&request, &network).unwrap();
    let text = std::fs::read_to_string(factory.path("grant.txt")).unwrap();
    let mut grant = Grant::read(&text).unwrap();
    let code = grant.view().unwrap();
    let wide = StationOrder {
        number: code.code().sequence(),
        serial: [5; 16],
        quota: Quota::new(code.quota().unwrap().station, &[Kind::Device], 1, 10 * LAST).unwrap(),
        issued: now(),
        not_after: code.not_after(),
    };
    let issued = inside.authorities.issuer.issue_station(&wide, &request);
    let issued = issued.unwrap();
    grant.certificates[2] = issued.certificate;
    grant.passes[1] = issued.pass;
    let tampered = grant.station(ca, pass).unwrap();
    let keys = device_sdk::enrol::Keys::from_random(&[31; 32], &[32; 32]).unwrap();
    let request = keys.request(&network).unwrap();
    let order = IssueOrder {
        sequence: LAST + 1,
        serial: [6; 16],
        issued: now(),
        not_after: now().plus_s(86_400),
        kind: Kind::Device,
        class: AssuranceClass::Software,
        rights: Rights::PAY.and(Rights::ACCEPT),
    };
    let request = CheckedRequest::read(&request, &network).unwrap();
    let made = tampered.issue_device(&order, &request).unwrap();
    save_keys(folder, &keys).unwrap();
    let mut credentials = like.identity().credentials.clone();
    credentials.code = made.code;
    credentials.certificate = made.certificate;
    credentials.pass = made.pass;
    let identity = Identity {
        trust: like.identity().trust,
        keys,
        credentials,
    };
    identity.save(folder).unwrap();
}

/// A payment with the gateway killed, settled when it is back.
fn pays_alone(house: &mut House, car: &Thing, charger: &Thing) -> Digest {
    let (mut payer, mut payee) = (car.purse(), charger.purse());
    granted(house, &mut payer, 10_000_000, 4_000_000);
    house.kill();
    let order = Order {
        payee: charger.code(),
        currency: USD,
        amount: amount(250_000),
        reference: Reference(*b"made by stations"),
    };
    // The payer has never seen the station's pass: it comes with the receipt.
    let receipted = pays(&mut payer, &mut payee, &order);
    let Event::Receipted { payment } = receipted else {
        panic!("{receipted:?}");
    };
    house.restart();
    for purse in [&mut payee, &mut payer] {
        let events = synchronise(house, purse);
        let settled = |event: &Event| {
            let outcome = Status::Settled;
            matches!(event, Event::Stated { outcome: said, .. } if *said == outcome)
        };
        assert!(events.iter().any(settled), "{events:?}");
        assert_eq!(purse.unanswered(), 0);
    }
    assert_eq!(payee.totals(USD).received_settled, order.amount);
    payment
}

/// The payee denies what it has taken: the two receipts are proven by its station's pass, to
/// whoever knows the root.
fn denies(house: &House, charger: &Thing, payment: Digest) {
    let receipt = charger.signatory().sign(&Receipt {
        payee: charger.code(),
        payment,
        time: now(),
        declined: Some(Status::AboveLimit as u32),
        units: None,
    });
    let denial = message(&Message::Receipt {
        receipt: &receipt,
        pass: &charger.identity().credentials.passes(),
    });
    let refused = house.wallet(charger.code(), &denial).payload;
    let Ok(Message::Refusal { status, .. }) = Message::read(&refused) else {
        panic!("{refused:?}");
    };
    assert_eq!(status, Status::Contradiction);
}

#[test]
fn what_a_station_made_connects_is_paid_and_ends_like_any_other_thing() {
    let mut house = House::start();
    let factory = Factory::beside(&house);
    let [car, charger] = ["car", "charger"].map(|name| house.folder().join(name));
    house.kill();
    let station = factory.admitted(&house, &["--plain-keys"], "device", LAST);
    make(&factory, &house, station, &[&car, &charger]);
    let said = factory.import(&house, 1);
    assert!(said.contains("2 codes"), "{said}");
    let again = factory.import(&house, 1);
    assert!(again.contains("nothing changed"), "{again}");
    house.restart();

    let [car, charger] = [car, charger].map(|folder| meets(&house, &folder));
    publish(&house, &car, "mqtt").succeeded();
    publish(&house, &charger, "coap").succeeded();
    let payment = pays_alone(&mut house, &car, &charger);
    denies(&house, &charger, payment);

    house.kill();
    let bad = house.folder().join("outside");
    house.inside(async |inside| {
        outside_the_quota(&factory, inside, &car, &bad);
        let (state, code) = (ThingState::Revoked, car.code());
        let set = inside
            .ledger
            .set_state(&code, state, "stolen", "operator", now());
        set.await.unwrap();
        let proofs = inside.ledger.accusations(&charger.code()).await.unwrap();
        let verdict = judge(&car.identity().trust, &proofs[0]).unwrap();
        assert_eq!((verdict.code, proofs.len()), (charger.code(), 1));
        assert_eq!(verdict.charge, Charge::Receipts);
    });
    house.restart();
    let outside = Thing::in_folder(&bad);
    assert_eq!(outside.code().sequence(), LAST + 1);
    for via in ["mqtt", "coap"] {
        publish(&house, &car, via).failed();
        publish(&house, &outside, via).failed();
        publish(&house, &charger, via).succeeded();
    }
    // In the handshake, before anybody asked the registry.
    assert!(house.metric("onecode_coap_refused", "bad_certificate") > 0);
    assert!(house.metric("onecode_mqtt_refused", "handshake_failed") > 0);

    // Whoever is shown what the station signed asks the gateway who the station is.
    let grant = std::fs::read_to_string(factory.path("grant.txt")).unwrap();
    let grant = Grant::read(&grant).unwrap();
    let mut answer = ureq::get(house.url(&format!("/1/{station}/pass")))
        .call()
        .unwrap();
    assert_eq!(answer.body_mut().read_to_vec().unwrap(), grant.passes[1]);

    // The issuer takes back what it gave the station, while the doors are open.
    let [_, _, of_station] = grant.certificates;
    let serial = u128::from_be_bytes(issuer::serial(&of_station).unwrap());
    let serial = format!("{serial:032x}");
    let revoke = ["issuer", "crl", "--serials", &serial];
    let said = factory.home(&house, &revoke).succeeded();
    assert!(said.contains("1 revoked"), "{said}");
    let deadline = Instant::now() + TAKEN_UP_WITHIN;
    while publish(&house, &charger, "mqtt").status.success() {
        assert!(Instant::now() < deadline, "{}", house.log());
    }
    publish(&house, &charger, "coap").failed();
}
