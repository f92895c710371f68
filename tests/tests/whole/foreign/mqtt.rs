//! `mosquitto_pub` and `mosquitto_sub` with a thing's certificate, MQTT 3.1.1 and 5.

use std::process::Command;
use std::time::{Duration, Instant};

use super::hexadecimal;
use device_sdk::coap::Request;
use protocol::Status;
use protocol::message::Message;
use tests::by_hand::message;
use tests::house::House;
use tests::program::{Running, run};
use tests::thing::Thing;

/// Both that the door speaks, on one port.
pub const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

fn mosquitto(program: &str, house: &House, version: &str) -> Command {
    let door = house.doors().mqtt;
    let mut command = Command::new(program);
    command.args(["-V", version, "-q", "1"]);
    command.args(["-h", &door.ip().to_string(), "-p", &door.port().to_string()]);
    command.arg("--cafile").arg(house.trusted());
    command
}

/// With the certificate of `thing`; rights follow the code, sessions the client id.
pub fn as_thing(program: &str, house: &House, version: &str, thing: &Thing) -> Command {
    let name = &program[program.len() - 3..];
    let mut command = thing.mosquitto(program, house, version, name);
    command.args(["-q", "1"]);
    command
}

fn refused(house: &House, reason: &str) -> u64 {
    house.metric("onecode_mqtt_refused", &format!("reason=\"{reason}\""))
}

#[test]
fn own_topics_pass_in_both_versions() {
    let house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    for version in VERSIONS {
        let filter = thing.topic("t/#");
        let mut subscriber = as_thing("mosquitto_sub", &house, version, &thing);
        let subscriber =
            Running::start(subscriber.args(["-t", &filter, "-C", "1", "-W", "20", "-F", "%t %p"]));
        // A subscription takes a moment, and what was published before it is not repeated.
        let deadline = Instant::now() + Duration::from_secs(20);
        let before = house.metric("onecode_mqtt_delivered", "");
        while house.metric("onecode_mqtt_delivered", "") == before {
            assert!(
                Instant::now() < deadline,
                "nothing was delivered\n{}",
                house.log()
            );
            let mut publisher = as_thing("mosquitto_pub", &house, version, &thing);
            run(publisher.args([
                "-t",
                &thing.topic("t/temperature"),
                "-m",
                "{\"temperature\":25}",
            ]))
            .succeeded();
        }
        let heard = subscriber.wait().succeeded();
        assert_eq!(
            heard.trim(),
            format!("{} {{\"temperature\":25}}", thing.topic("t/temperature"))
        );
    }
}

#[test]
fn a_retained_value_waits_for_whoever_comes_later() {
    let house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    let topic = thing.topic("twin/reported");
    let mut publisher = as_thing("mosquitto_pub", &house, "mqttv5", &thing);
    run(publisher.args(["-r", "-t", &topic, "-m", "{\"door\":\"shut\"}"])).succeeded();
    for version in VERSIONS {
        let mut subscriber = as_thing("mosquitto_sub", &house, version, &thing);
        let heard = run(subscriber.args(["-t", &topic, "-C", "1", "-W", "20"])).succeeded();
        assert_eq!(heard.trim(), "{\"door\":\"shut\"}");
    }
}

#[test]
fn a_foreign_topic_is_refused_in_both_versions_and_nobody_hears_it() {
    let house = House::start();
    let (thief, victim) = (
        Thing::enrol(&house, "thief"),
        Thing::enrol(&house, "victim"),
    );
    let topic = victim.topic("twin/reported");
    for version in VERSIONS {
        let before = refused(&house, "publish_forbidden");
        let mut publisher = as_thing("mosquitto_pub", &house, version, &thief);
        let ended = run(publisher.args(["-r", "-t", &topic, "-m", "{\"door\":\"open\"}"]));
        match version {
            "mqttv5" => assert!(ended.text.contains("Not authorized"), "{ended:?}"),
            _ => assert!(
                !ended.status.success(),
                "3.1.1 can only end the connection: {ended:?}"
            ),
        }
        assert!(
            refused(&house, "publish_forbidden") > before,
            "{version}: not counted"
        );
    }
    let mut subscriber = as_thing("mosquitto_sub", &house, "mqttv5", &victim);
    let heard = run(subscriber.args(["-t", &topic, "-C", "1", "-W", "1"]));
    assert!(!heard.text.contains("open"), "{heard:?}");
}

#[test]
fn a_foreign_branch_cannot_be_heard_in_either_version() {
    let house = House::start();
    let (thief, victim) = (
        Thing::enrol(&house, "thief"),
        Thing::enrol(&house, "victim"),
    );
    for version in VERSIONS {
        for filter in [
            victim.topic("#"),
            victim.topic("w/in"),
            "#".to_owned(),
            "oc/1/+/t/#".to_owned(),
        ] {
            let mut subscriber = as_thing("mosquitto_sub", &house, version, &thief);
            let text = run(subscriber.args(["-t", &filter, "-C", "1", "-W", "5"])).text;
            assert!(text.contains("denied"), "{version} {filter}: {text}");
        }
    }
    assert_eq!(
        refused(&house, "subscribe_forbidden") + refused(&house, "topic_invalid"),
        8
    );
}

#[test]
fn nobody_comes_in_without_a_certificate_or_under_another_name() {
    let house = House::start();
    let (thing, other) = (Thing::enrol(&house, "kiosk"), Thing::enrol(&house, "other"));
    for version in VERSIONS {
        let before = refused(&house, "handshake_failed");
        let mut publisher = mosquitto("mosquitto_pub", &house, version);
        run(publisher.args(["-t", &thing.topic("t/x"), "-m", "1"])).failed();
        assert!(
            refused(&house, "handshake_failed") > before,
            "{version}: not counted"
        );

        let before = refused(&house, "client_id");
        let mut publisher = mosquitto("mosquitto_pub", &house, version);
        publisher
            .arg("--cert")
            .arg(thing.certificate())
            .arg("--key")
            .arg(thing.key());
        let named = other.code().to_string();
        run(publisher.args(["-i", &named, "-t", &thing.topic("t/x"), "-m", "1"])).failed();
        assert_eq!(
            refused(&house, "client_id"),
            before + 1,
            "{version}: not counted"
        );
    }
}

#[test]
fn a_refused_wallet_message_is_answered_in_the_inbox_in_both_versions() {
    let house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    // The program takes whatever comes first for an answer: news is taken before.
    for after in ["after=0", "after=1"] {
        house.coaps(&thing, Request::get("oc/1/me/w/in").query(after));
    }
    for version in VERSIONS {
        // One session that publishes and waits, as the answer goes to whoever asked.
        let mut asker = as_thing("mosquitto_rr", &house, version, &thing);
        asker.args([
            "-t",
            &thing.topic("w/out/gateway"),
            "-e",
            &thing.topic("w/in"),
        ]);
        let said = run(asker.args(["-W", "20", "-F", "%x", "-m", "pay me"])).succeeded();
        let refusal = message(&Message::refusal(Status::Malformed, None));
        assert_eq!(said.trim(), hexadecimal(&refusal), "{version}");
    }
    assert_eq!(refused(&house, "wallet_malformed"), 2);
}
