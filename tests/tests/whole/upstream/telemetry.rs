//! Telemetry to and from Mosquitto: in order, nothing lost, nothing doubled, whatever the link does.

use std::ops::Range;
use std::process::Command;

use super::mosquitto::Mosquitto;
use super::{numbers, says, seed, until};
use tests::cut::Cut;
use tests::house::House;
use tests::program::{onecode, run};
use tests::thing::Thing;

const OUT: &str = "+/t/# out 2 oc/1/ plant/7/";

/// A gateway under a broker, and the link between them.
struct Under {
    house: House,
    thing: Thing,
    broker: Mosquitto,
    link: Cut,
}

impl Under {
    fn new(rules: &str, seed: u64) -> Self {
        let mut house = House::start();
        let thing = Thing::enrol(&house, "meter");
        house.kill();
        let broker = Mosquitto::start(&house);
        let link = Cut::new(broker.secure, seed);
        let mut under = Self {
            house,
            thing,
            broker,
            link,
        };
        under.restart(rules);
        under
    }

    fn restart(&mut self, rules: &str) {
        let address = format!("mqtts://{}", self.link.address());
        self.house.restart_with(&[
            ("ONECODE_UPSTREAM_BROKER", &address),
            ("ONECODE_UPSTREAM_RULES", rules),
            ("ONECODE_UPSTREAM_MOST_MB", "1"),
        ]);
    }

    fn catch_up(&self) {
        self.link.set_bad(false);
        let waiting = || self.house.metric("onecode_upstream_waiting", "");
        until(&self.house, "all of it has left", || waiting() == 0);
    }

    fn says(&self, numbers: Range<u32>) {
        says(&self.house, &self.thing, numbers);
    }
}

#[test]
fn over_a_link_that_is_cut_at_random_all_arrives_once_and_in_order() {
    const COUNT: u32 = 3_000;
    let under = Under::new(OUT, seed());
    under.broker.watcher.keep();
    under.link.set_bad(true);
    for part in 0..10 {
        under.says(part * COUNT / 10..(part + 1) * COUNT / 10);
        std::thread::sleep(std::time::Duration::from_millis(under.link.below(400)));
    }
    until(&under.house, "cut ten times", || under.link.cuts() >= 10);
    under.catch_up();
    let kept = under.broker.watcher.kept();
    let above = format!("plant/7/{}/t/count", under.thing.code());
    assert!(kept.iter().all(|(topic, _)| *topic == above), "{kept:?}");
    assert_eq!(numbers(&kept), (0..COUNT).collect::<Vec<_>>());
    assert_eq!(under.house.metric("onecode_upstream_dropped", ""), 0);
}

#[test]
fn what_was_acknowledged_leaves_after_the_gateway_was_killed() {
    let seed = seed();
    let mut under = Under::new(OUT, seed);
    under.broker.watcher.keep();
    under.link.set_bad(true);
    for part in 0..5 {
        under.says(part * 200..(part + 1) * 200);
        under.house.kill();
        under.restart(OUT);
    }
    under.catch_up();
    let heard = numbers(&under.broker.watcher.kept());
    let mut once = heard.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once, (0..1_000).collect::<Vec<_>>(), "nothing is lost");
    // A kill between a broker's last word and our own record of it: that window comes again.
    let twice = heard.len() - once.len();
    println!("{twice} of {} came twice after five kills", once.len());
    assert!(twice <= 5 * 64, "more than a window for each kill: {twice}");
}

#[test]
fn what_comes_from_above_waits_for_the_gateway_and_then_for_the_thing() {
    let rules = "+/c/+ in 1 oc/1/ plant/7/";
    let mut under = Under::new(rules, seed());
    let watch = |under: &Under, more: &[&str]| {
        let mut listener = under
            .thing
            .mosquitto("mosquitto_sub", &under.house, "mqttv311", "s");
        listener.args(["-c", "-q", "1", "-t", &under.thing.topic("c/+")]);
        run(listener.args(more))
    };
    watch(&under, &["-E"]).succeeded();
    // Once it has asked for them the broker keeps them.
    let asked = format!("plant/7/{}/c/0", under.thing.code());
    until(&under.house, "subscribed above", || {
        under.broker.watcher.say(&asked, "first");
        under.house.metric("onecode_upstream_brought", "") > 0
    });
    let before = under.house.metric("onecode_upstream_brought", "");
    under.house.kill();
    for number in 1..=20 {
        let topic = format!("plant/7/{}/c/{number}", under.thing.code());
        under.broker.watcher.say(&topic, "open");
    }
    let wallet = format!("plant/7/{}/w/in", under.thing.code());
    under.broker.watcher.say(&wallet, "money");
    under.restart(rules);
    until(&under.house, "all came", || {
        under.house.metric("onecode_upstream_brought", "") == 20
    });
    let total = usize::try_from(before).unwrap() + 20;
    let heard = watch(&under, &["-C", &total.to_string(), "-W", "20", "-F", "%t"]).succeeded();
    let last: Vec<&str> = heard.lines().collect();
    for number in 1..=20 {
        let topic = under.thing.topic(&format!("c/{number}"));
        assert!(last.contains(&topic.as_str()), "{topic} in {heard}");
    }
}

#[test]
fn a_full_disk_drops_the_oldest_telemetry_and_money_goes_on() {
    let mut under = Under::new(OUT, seed());
    under.house.kill();
    let unreachable = "mqtts://127.0.0.1:1";
    under.house.restart_with(&[
        ("ONECODE_UPSTREAM_BROKER", unreachable),
        ("ONECODE_UPSTREAM_RULES", OUT),
        ("ONECODE_UPSTREAM_MOST_MB", "1"),
    ]);
    let file = under.house.folder().join("large");
    for number in 0..24u8 {
        std::fs::write(&file, vec![b'a' + number; 64 * 1024]).unwrap();
        let mut publisher = under
            .thing
            .mosquitto("mosquitto_pub", &under.house, "mqttv5", "p");
        publisher.args(["-q", "1", "-t", &under.thing.topic("t/large"), "-f"]);
        run(publisher.arg(&file)).succeeded();
    }
    let metric = |name: &str| under.house.metric(name, "");
    assert_eq!(metric("onecode_upstream_dropped"), 9);
    assert!(metric("onecode_upstream_waiting_bytes") <= 1 << 20);
    under.house.load(under.thing.code(), 1_000);
    assert_eq!(under.house.books()["sums"][0]["purses"], 1_000);

    under.broker.watcher.keep();
    under.house.kill();
    under.restart(OUT);
    under.catch_up();
    let firsts: String = under
        .broker
        .watcher
        .kept()
        .iter()
        .filter_map(|(_, payload)| payload.chars().next())
        .collect();
    assert_eq!(firsts, "jklmnopqrstuvwx", "the newest are there, in order");
}

#[test]
fn the_bridge_tells_what_becomes_of_a_topic_and_whether_the_broker_takes_it() {
    let under = Under::new(
        "+/t/# out 1 oc/1/ plant/7/; +/c/+ in 1 oc/1/ plant/7/",
        seed(),
    );
    let address = format!("mqtts://{}", under.broker.secure);
    let bridge = |words: &[&str]| {
        let mut command = Command::new(onecode());
        command
            .arg("bridge")
            .args(words)
            .arg("--data")
            .arg(under.house.data());
        command.env("ONECODE_UPSTREAM_BROKER", &address);
        command.env(
            "ONECODE_UPSTREAM_RULES",
            "+/t/# out 1 oc/1/ plant/7/; +/c/+ in 1 oc/1/ plant/7/",
        );
        run(&mut command)
    };
    let (own, code) = (under.thing.topic("t/room"), under.thing.code());
    let told = bridge(&["test", &own, "--connect"]).succeeded();
    assert!(
        told.contains(&format!("out  plant/7/{code}/t/room with QoS 1")),
        "{told}"
    );
    assert!(told.contains("takes this gateway's certificate"), "{told}");
    let told = bridge(&["test", &format!("plant/7/{code}/c/open")]).succeeded();
    assert!(told.contains(&format!("in   oc/1/{code}/c/open")), "{told}");
    bridge(&["test", &under.thing.topic("e/door")]).failed();
    bridge(&["test", "elsewhere/x"]).failed();
    let shown = bridge(&["inspect"]).succeeded();
    assert!(
        shown.contains(&address) && shown.contains("waiting  0 messages"),
        "{shown}"
    );
}
