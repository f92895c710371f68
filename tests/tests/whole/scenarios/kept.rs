//! What was acknowledged is delivered, though the gateway is killed between the two.

use std::process::Command;

use serde_json::json;
use tests::house::House;
use tests::program::run;
use tests::thing::Thing;

/// How often the gateway is killed.
const KILLS: u32 = 100;

/// The session that is kept: reads so many messages and leaves, or only says what it listens to.
fn listener(house: &House, thing: &Thing, messages: Option<u32>) -> Command {
    let mut command = thing.mosquitto("mosquitto_sub", house, "mqttv5", "kept");
    command.args(["-c", "-x", "3600", "-q", "2", "-F", "%q %t %p", "-W", "25"]);
    for branch in ["t/#", "c/#", "twin/desired"] {
        command.args(["-t", &thing.topic(branch)]);
    }
    match messages {
        Some(count) => command.args(["-C", &count.to_string()]),
        None => command.arg("-E"),
    };
    command
}

#[test]
fn a_hundred_kills_between_acknowledgement_and_delivery_lose_and_double_nothing() {
    let mut house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    run(&mut listener(&house, &thing, None)).succeeded();
    // What is said with QoS 1, and with QoS 2: between the two MQTT promises no order.
    let (mut sure, mut once) = (Vec::new(), Vec::new());
    for kill in 0..KILLS {
        let topic = thing.topic(&format!("t/{}", kill % 7));
        let mut publisher = thing.mosquitto("mosquitto_pub", &house, "mqttv5", "speaks");
        let qos = 1 + kill % 2;
        let said = kill.to_string();
        publisher.args(["-q", &qos.to_string(), "-t", &topic, "-m", &said]);
        run(&mut publisher).succeeded();
        let same = if qos == 1 { &mut sure } else { &mut once };
        same.push(format!("{qos} {topic} {said}"));
        if kill % 10 == 0 {
            let path = format!("/api/v1/codes/{}/commands", thing.code());
            let order = json!({"payload": format!("open {kill}")});
            let (status, told) = house.api(&path, Some(&order));
            assert_eq!(status, 200, "{told}");
            let topic = thing.topic(&format!("c/{}", told["number"]));
            sure.push(format!("1 {topic} open {kill}"));
        }
        house.kill();
        house.restart();
    }
    let count = u32::try_from(sure.len() + once.len()).expect("a few");
    let heard = run(&mut listener(&house, &thing, Some(count))).succeeded();
    let with = |qos: char| heard.lines().filter(move |line| line.starts_with(qos));
    assert_eq!(with('1').collect::<Vec<_>>(), sure);
    assert_eq!(with('2').collect::<Vec<_>>(), once);
    println!("{KILLS} kills, {count} messages, each once and in order");
}
