//! A new issuer and then a new root take over while things are out: those from before go on at both
//! doors and pay with and without a gateway, learn of it when they synchronise, and get on with
//! those from after. When the overlap has ended, the old one counts no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gateway::thing_folder;
use protocol::rules::Trust;
use tests::house::{House, now};
use tests::program::{Ended, Running, onecode, run};
use tests::thing::Thing;

/// How long a gateway may take to notice that an overlap has ended.
const ENDED_WITHIN: Duration = Duration::from_secs(60);
/// How long a payment may be on its way to a payee that looks into its inbox again and again.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// So long an overlap still counts in the test that waits for its end.
const LEFT_S: u32 = 15;

/// `onecode device` with a thing's folder and the house's doors.
pub(super) fn device(house: &House, thing: &Thing, command: &str, arguments: &[&str]) -> Ended {
    let doors = house.doors();
    let mut program = Command::new(onecode());
    program.args(["device", command, "--folder"]);
    program.arg(thing.folder());
    program.args(["--mqtt", &doors.mqtt.to_string()]);
    program.args(["--coaps", &doors.coaps.to_string()]);
    run(program.args(arguments))
}

fn publish(house: &House, thing: &Thing, via: &str) -> Ended {
    let what = ["--via", via, "t/temperature", r#"{"temperature":25}"#];
    device(house, thing, "pub", &what)
}

pub(super) fn comes_in(house: &House, thing: &Thing) {
    for via in ["mqtt", "coap"] {
        publish(house, thing, via).succeeded();
    }
}

pub(super) fn sync(house: &House, thing: &Thing, via: &str) -> String {
    device(house, thing, "sync", &["--via", via]).succeeded()
}

/// The payer has an allowance, and pays with nothing but a folder between the two.
pub(super) fn pays_alone(house: &House, payer: &Thing, payee: &Thing, reference: &str) {
    let stick = house.folder().join(format!("stick-{reference}"));
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    let by_file = |thing: &Thing, what: &str, options: &[&str]| {
        let mut command = Command::new(onecode());
        command.args(["device", what, "--via", "file", "--wait", "0"]);
        command.args(["--files", stick, "--folder"]);
        command.arg(thing.folder()).args(options);
        run(&mut command).succeeded()
    };
    let to = payee.code().to_string();
    let order = ["--to", &to, "--amount", "1000", "--reference", reference];
    by_file(payer, "pay", &order);
    let taken = by_file(payee, "accept", &[]);
    assert!(taken.contains(": taken"), "{taken}");
    let paid = by_file(payer, "pay", &order);
    assert!(
        paid.contains("the payee's receipt is in the purse"),
        "{paid}"
    );
}

/// The payer pays through the gateway, by MQTT; the payee takes it by CoAP.
pub(super) fn pays_online(house: &House, payer: &Thing, payee: &Thing, reference: &str) {
    let (to, mqtt) = (payee.code().to_string(), house.doors().mqtt.to_string());
    let mut pay = Command::new(onecode());
    pay.args([
        "device", "pay", "--via", "mqtt", "--mqtt", &mqtt, "--to", &to,
    ]);
    pay.args(["--amount", "1000", "--reference", reference, "--folder"]);
    let paying = Running::start(pay.arg(payer.folder()));
    let deadline = Instant::now() + TAKEN_WITHIN;
    while !sync(house, payee, "coap").contains(": taken") {
        assert!(Instant::now() < deadline, "the payee hears of no payment");
    }
    let paid = paying.wait().succeeded();
    assert!(paid.contains("settled"), "{paid}");
    house.books();
}

pub(super) fn renew(house: &House, thing: &Thing) {
    device(house, thing, "renew", &["--amount", "100000"]).succeeded();
}

/// Lets somebody new take over.
pub(super) fn rotate(house: &mut House, who: &str) {
    house.kill();
    let mut command = Command::new(onecode());
    command.args([who, "rotate", "--days", "30", "--data"]);
    command.arg(house.data());
    command.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
    let said = run(&mut command).succeeded();
    assert!(said.contains("counts for 30 days more"), "{said}");
    house.restart();
}

/// Where it is written until when the old one counts.
fn ends(house: &House, who: &str) -> PathBuf {
    let place = format!("authorities/before/{who}.1/ends");
    house.data().join(place)
}

/// The overlap ends so many seconds from now, with the house started again.
fn ends_in(house: &mut House, who: &str, left_s: u32) {
    house.kill();
    fs::write(ends(house, who), now().plus_s(left_s).0.to_string()).unwrap();
    house.restart();
}

pub(super) fn given(thing: &Thing, name: &str) -> Vec<u8> {
    fs::read(thing.folder().join(name)).unwrap()
}

/// Whom the thing in a folder trusts now.
fn trust(folder: &Path) -> Trust {
    thing_folder::identity(folder).unwrap().trust
}

#[test]
fn things_outlive_a_new_issuer_and_a_new_root_at_both_doors_and_in_their_purses() {
    let mut house = House::start();
    let [car, charger] = ["car", "charger"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), 1_000_000);
    renew(&house, &car);
    pays_online(&house, &car, &charger, "1");

    for (who, number) in [("issuer", 2), ("root", 3)] {
        let before = (given(&car, "issuer.pass"), trust(car.folder()));
        let reference = |of: u32| (10 * number + of).to_string();
        rotate(&mut house, who);
        // Nobody has heard of anything yet.
        for thing in [&car, &charger] {
            comes_in(&house, thing);
        }
        pays_alone(&house, &car, &charger, &reference(1));
        // Told by the doors they use, once.
        for (thing, via) in [(&car, "mqtt"), (&charger, "coap")] {
            let said = sync(&house, thing, via);
            assert!(said.contains("learnt who is above the gateway"), "{said}");
            assert_ne!(given(thing, "issuer.pass"), before.0, "{who}");
        }
        let again = sync(&house, &charger, "coap");
        assert!(!again.contains("learnt who"), "{again}");
        let (key, after) = (before.1.root_key, trust(car.folder()));
        assert_eq!(after.root_key == key, who == "issuer");
        assert_eq!(after.other_root, (who == "root").then_some(key));
        for thing in [&car, &charger] {
            comes_in(&house, thing);
        }
        pays_online(&house, &car, &charger, &reference(2));
        // Who is enrolled now pays those from before, and is paid by them.
        let young = Thing::enrol(&house, &format!("after-the-{who}"));
        house.load(young.code(), 100_000);
        renew(&house, &young);
        pays_alone(&house, &young, &charger, &reference(3));
        pays_alone(&house, &car, &young, &reference(4));
        ends_in(&mut house, who, 0);
        for thing in [&car, &charger, &young] {
            comes_in(&house, thing);
        }
        pays_alone(&house, &car, &charger, &reference(5));
        pays_online(&house, &young, &charger, &reference(6));
    }
}

/// Whether a client that knows nothing but this root reaches the MQTT door.
fn reaches(house: &House, root: &Path) -> bool {
    let door = house.doors().mqtt.to_string();
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &door, "-tls1_2", "-CAfile"]);
    let said = run(client.arg(root).stdin(Stdio::null())).text;
    said.contains("Verify return code: 0 (ok)")
}

/// Whether somebody with the house's trust file takes this pass.
fn holds(house: &House, pass: &Path) -> bool {
    let mut verify = Command::new(onecode());
    verify.arg("verify").arg(pass).arg("--trust");
    let judged = run(verify.arg(house.data().join("trust.toml")));
    judged.status.success()
}

#[test]
fn when_the_overlap_has_ended_the_old_root_counts_neither_for_things_nor_at_the_doors() {
    let mut house = House::start();
    let [awake, asleep] = ["awake", "asleep"].map(|name| Thing::enrol(&house, name));
    let old_root = house.folder().join("old-root.pem");
    fs::copy(house.data().join("authorities/root/ca.pem"), &old_root).unwrap();
    let by_the_old = asleep.folder().join("issuer.pass");
    rotate(&mut house, "root");
    let said = sync(&house, &awake, "coap");
    assert!(said.contains("learnt who is above"), "{said}");
    let pass = given(&asleep, "issuer.pass");
    assert!(trust(awake.folder()).issuer(&pass).is_ok());
    // The thing's own record of when the old root ends.
    let record = awake.folder().join("other_root");
    let line = fs::read_to_string(&record).unwrap();
    let (key, _) = line.trim_end().split_once(' ').unwrap();
    fs::write(&record, format!("{key} {}\n", now().0)).unwrap();
    assert!(trust(awake.folder()).issuer(&pass).is_err());

    ends_in(&mut house, "root", LEFT_S);
    assert!(reaches(&house, &old_root));
    assert!(holds(&house, &by_the_old));
    // The gateway notices it while it runs.
    let deadline = Instant::now() + ENDED_WITHIN;
    while !house.log().contains("an overlap has ended") {
        assert!(Instant::now() < deadline, "{}", house.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    house.wait_until_ready();
    assert!(!reaches(&house, &old_root));
    assert!(!holds(&house, &by_the_old));
    comes_in(&house, &awake);
    let young = Thing::enrol(&house, "young");
    comes_in(&house, &young);
    assert_eq!(trust(young.folder()).other_root, None);
}
