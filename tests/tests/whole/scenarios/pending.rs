//! A device that nobody knows asks for a code, is let in, says something by both doors, and is told
//! something; and another is sent away.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::house::House;
use tests::program::{Running, onecode, run};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn asks(house: &House, folder: &Path) -> Running {
    let mut command = Command::new(onecode());
    command.args(["device", "init", "--gateway"]);
    command.arg(house.url("")).arg("--folder").arg(folder);
    command.arg("--trust").arg(house.data().join("trust.toml"));
    Running::start(&mut command)
}

fn publish(house: &House, folder: &Path, via: &str, payload: &str) {
    let (doors, mut command) = (house.doors(), Command::new(onecode()));
    command.args(["device", "pub", "--via", via, "t/room", payload, "--folder"]);
    command
        .arg(folder)
        .args(["--mqtt", &doors.mqtt.to_string()]);
    run(command.args(["--coaps", &doors.coaps.to_string()])).succeeded();
}

/// What a call of the API gives, once it is as wanted.
fn until(house: &House, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let (status, value) = house.api(path, None);
        if status == 200 && wanted(&value) {
            return value;
        }
        assert!(began.elapsed() < DEADLINE, "{path}: {status} {value}");
        sleep(Duration::from_millis(50));
    }
}

fn one_waits(house: &House) -> Value {
    let waits = |list: &Value| list["items"].as_array().is_some_and(|all| all.len() == 1);
    until(house, "/api/v1/pending", waits)["items"][0].clone()
}

fn folder(house: &House, name: &str) -> PathBuf {
    house.folder().join(name)
}

#[test]
fn a_device_without_a_secret_waits_until_somebody_accepts_it_and_then_speaks() {
    let mut house = House::start();
    let thing = folder(&house, "sensor");
    let asking = asks(&house, &thing);
    let waiting = one_waits(&house);
    let fingerprint = waiting["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(waiting["address"], "127.0.0.1");
    // It goes on waiting while the gateway is down.
    drop(asking);
    house.kill();
    house.restart();
    let asking = asks(&house, &thing);
    let wish = json!({"kind": "device", "name": "Cold store"});
    let accept = format!(
        "/api/v1/pending/{}/acceptance",
        waiting["id"].as_str().unwrap()
    );
    let (status, accepted) = house.api(&accept, Some(&wish));
    assert_eq!(status, 200, "{accepted}");
    let (_, again) = house.api(&accept, Some(&wish));
    assert_eq!(
        again["code"], accepted["code"],
        "the same again is the same code"
    );
    let said = asking.wait().succeeded();
    let grouped: Vec<&str> = said.split_whitespace().collect();
    assert!(
        grouped.concat().contains(&fingerprint[..32]) || !said.contains("fingerprint"),
        "{said}"
    );
    let code = accepted["code"].as_str().unwrap().to_owned();
    assert!(said.replace('-', "").contains(&code), "{said}");
    assert!(
        house.api("/api/v1/pending", None).1["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    publish(&house, &thing, "mqtt", "{\"temperature\":21.5}");
    publish(
        &house,
        &thing,
        "coap",
        "[{\"n\":\"humidity\",\"u\":\"%RH\",\"v\":40}]",
    );
    let telemetry = format!("/api/v1/codes/{code}/telemetry");
    let both = |list: &Value| list["items"].as_array().is_some_and(|all| all.len() == 2);
    let values = until(&house, &telemetry, both);
    let names: Vec<_> = values["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["room/humidity", "room/temperature"]);
    let twin = format!("/api/v1/codes/{code}/twin");
    let wish = json!({"payload": "{\"limit\":16}"});
    assert_eq!(house.api(&twin, Some(&wish)).0, 200);
    house.kill();
    house.restart();
    let kept = until(&house, &twin, |twin| !twin["desired"].is_null());
    assert_eq!(kept["desired"], "{\"limit\":16}");
    assert_eq!(until(&house, &telemetry, both)["items"], values["items"]);
}

#[test]
fn a_device_that_is_rejected_is_told_why() {
    let house = House::start();
    let thing = folder(&house, "stranger");
    let asking = asks(&house, &thing);
    let waiting = one_waits(&house);
    let reject = format!(
        "/api/v1/pending/{}/rejection",
        waiting["id"].as_str().unwrap()
    );
    let (status, rejected) = house.api(&reject, Some(&json!({"reason": "not one of ours"})));
    assert_eq!(status, 200, "{rejected}");
    let said = asking.wait().failed();
    assert!(said.contains("rejected: not one of ours"), "{said}");
}
