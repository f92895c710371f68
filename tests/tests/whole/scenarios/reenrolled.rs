//! Certificate and pass are renewed before they end, over both doors, by our command and by curl and
//! openssl; what has ended opens enrolment alone; and a kill at any moment leaves a thing that can go
//! on.

use device_sdk::enrol::Credentials;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::house::{House, now};
use tests::program::{Running, onecode, run};
use tests::thing::Thing;

/// Credentials are good for so long, where they are meant to end while a test waits.
const SHORT_S: u32 = 8;

fn house(life_s: u32) -> House {
    let mut house = House::start();
    house.kill();
    house.restart_with(&[("ONECODE_CODES_LIFE_S", &life_s.to_string())]);
    house
}

fn reenrol(house: &House, thing: &Thing, via: &str, more: &[&str]) -> Command {
    let mut command = device(house, "reenrol", thing.folder());
    command.args(["--via", via]).args(more);
    if via == "mqtt" {
        command.args(["--gateway", &house.url("")]);
    }
    command
}

fn device(house: &House, what: &str, folder: &Path) -> Command {
    let doors = house.doors();
    let mut command = Command::new(onecode());
    command.args(["device", what, "--folder"]).arg(folder);
    command.args(["--mqtt", &doors.mqtt.to_string()]);
    command.args(["--coaps", &doors.coaps.to_string()]);
    command
}

fn publish(house: &House, thing: &Thing, via: &str) -> Command {
    let mut command = device(house, "pub", thing.folder());
    command.args(["--via", via, "t/room", "21"]);
    command
}

fn credentials(thing: &Thing) -> Credentials {
    let there = Thing::in_folder(thing.folder());
    there.identity().credentials.clone()
}

fn ends(thing: &Thing) -> u32 {
    let life = credentials(thing).life(&thing.identity().trust);
    life.unwrap().1.0
}

fn wait_until(second: u32) {
    while now().0 < second {
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn credentials_are_renewed_in_time_and_those_that_have_ended_open_enrolment_alone() {
    let house = house(SHORT_S);
    for via in ["mqtt", "coap"] {
        let thing = Thing::enrol(&house, via);
        let first = (credentials(&thing), ends(&thing));
        let early = run(&mut reenrol(&house, &thing, via, &["--early"])).succeeded();
        assert!(early.starts_with("as before"), "{early}");
        assert_eq!(credentials(&thing), first.0, "half of the life is not over");

        wait_until(first.1 - 1);
        run(&mut reenrol(&house, &thing, via, &[])).succeeded();
        assert!(ends(&thing) > first.1);
        assert_ne!(credentials(&thing).certificate, first.0.certificate);
        run(&mut publish(&house, &thing, "mqtt")).succeeded();
        run(&mut publish(&house, &thing, "coap")).succeeded();

        wait_until(ends(&thing) + 1);
        let shut = run(&mut publish(&house, &thing, "coap")).failed();
        assert!(shut.contains("4.03"), "{shut}");
        run(&mut reenrol(&house, &thing, via, &[])).succeeded();
        run(&mut publish(&house, &thing, "coap")).succeeded();
        run(&mut publish(&house, &thing, "mqtt")).succeeded();
    }
}

#[test]
fn whoever_was_revoked_gets_nothing_before_its_end_and_after() {
    let house = house(SHORT_S);
    let thing = Thing::enrol(&house, "thing");
    let revoke = format!("/api/v1/codes/{}/state", thing.code());
    let reason = serde_json::json!({"act": "revoked", "reason": "stolen"});
    let (status, said) = house.api(&revoke, Some(&reason));
    assert_eq!(status, 200, "{said}");
    let before = credentials(&thing);
    for second in [ends(&thing) - 1, ends(&thing) + 1] {
        wait_until(second);
        let said = run(&mut reenrol(&house, &thing, "mqtt", &["--early"])).failed();
        assert!(said.contains("403"), "{said}");
        run(&mut reenrol(&house, &thing, "coap", &["--early"])).failed();
    }
    assert_eq!(credentials(&thing), before);
}

/// What is in the folder is read again after each kill: it is whole, and of one thing.
#[test]
fn a_kill_at_any_moment_leaves_credentials_that_are_good_and_the_next_turn_goes_on() {
    let house = house(40);
    let thing = Thing::enrol(&house, "thing");
    let first = ends(&thing);
    wait_until(first - 18);
    let took = {
        let other = Thing::enrol(&house, "meter");
        let began = Instant::now();
        run(&mut reenrol(&house, &other, "mqtt", &["--early"])).succeeded();
        began.elapsed()
    };
    for turn in 0..24 {
        let running = Running::start(&mut reenrol(&house, &thing, "mqtt", &["--early"]));
        sleep(took.mul_f64(f64::from(turn) / 16.0));
        drop(running);
        let left = Thing::in_folder(thing.folder());
        let identity = left.identity();
        let good = (identity.credentials).check(&identity.trust, &identity.keys, now());
        good.unwrap_or_else(|error| panic!("turn {turn}: {error}"));
    }
    run(&mut reenrol(&house, &thing, "mqtt", &["--early"])).succeeded();
    assert!(ends(&thing) > first);
    let left: Vec<_> = std::fs::read_dir(thing.folder()).unwrap().collect();
    let names = left.into_iter().map(|entry| entry.unwrap().file_name());
    let kept: Vec<_> = names
        .filter(|name| name.to_string_lossy().contains("renewed"))
        .collect();
    assert!(kept.is_empty(), "{kept:?}");
    let acts = house.api(&format!("/api/v1/codes/{}/life", thing.code()), None);
    assert_eq!(acts.1.to_string().matches("renewed").count(), 1, "{acts:?}");
    run(&mut publish(&house, &thing, "mqtt")).succeeded();
}
