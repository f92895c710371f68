//! A sensor sold per reading: a grant in the portal, reads bought by a stream at the gateway, values
//! to a client made by others, and a gateway that is killed meanwhile.

use serde_json::json;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tests::house::House;
use tests::program::{Ended, Running, onecode, run};
use tests::thing::Thing;

const PRICE: u64 = 25;
const LOADED: u64 = 1_000;
/// How long something may take to come about.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a listener waits for values that do not come.
const SILENCE_S: u64 = 3;

struct Market {
    house: House,
    sensor: Thing,
    reader: Thing,
}

impl Market {
    fn open() -> Self {
        let house = House::start();
        let sensor = Thing::enrol(&house, "sensor");
        let reader = Thing::enrol(&house, "reader");
        house.load(reader.code(), LOADED);
        Self {
            house,
            sensor,
            reader,
        }
    }

    /// Grants the reader something; the grant.
    fn allow(&self, wish: serde_json::Value) -> String {
        let path = format!("/api/v1/codes/{}/readers", self.sensor.code());
        let mut wish = wish;
        wish["reader"] = self.reader.code().to_string().into();
        let (status, made) = self.house.api(&path, Some(&wish));
        assert_eq!(status, 200, "{made}");
        made["grant"].as_str().unwrap().to_owned()
    }

    fn device(&self, words: &[&str]) -> Command {
        let doors = self.house.doors();
        let mut command = Command::new(onecode());
        command.arg("device").args(words).arg("--folder");
        command.arg(self.reader.folder());
        command.args(["--mqtt", &doors.mqtt.to_string()]);
        command.args(["--coaps", &doors.coaps.to_string()]);
        command
    }

    fn buy(&self, grant: &str, count: &str, via: &str) -> Ended {
        run(&mut self.device(&["reads", "--grant", grant, "--buy", count, "--via", via]))
    }

    fn say(&self, value: u64) {
        let mut said = self
            .sensor
            .mosquitto("mosquitto_pub", &self.house, "mqttv5", "pub");
        let topic = self.sensor.topic("t/temperature");
        run(said.args(["-q", "1", "-t", &topic, "-m", &value.to_string()])).succeeded();
    }

    /// A client made by others that listens until nothing comes any more.
    fn listen(&self, version: &str) -> Running {
        let mut command = self
            .reader
            .mosquitto("mosquitto_sub", &self.house, version, "sub");
        let topic = self.sensor.topic("t/temperature");
        let subscribed = self.house.metric("onecode_mqtt_opened", "");
        let wait = SILENCE_S.to_string();
        let listening = Running::start(command.args(["-q", "1", "-t", &topic, "-W", &wait]));
        let deadline = Instant::now() + DEADLINE;
        while self.house.metric("onecode_mqtt_opened", "") == subscribed {
            assert!(Instant::now() < deadline, "{}", self.house.log());
            sleep(Duration::from_millis(20));
        }
        // From CONNACK to SUBACK.
        sleep(Duration::from_millis(200));
        listening
    }

    /// Reads that are paid and that were taken, as the portal says.
    fn reads(&self, grant: &str) -> (u64, u64) {
        let path = format!("/api/v1/codes/{}/readers", self.sensor.code());
        let (_, list) = self.house.api(&path, None);
        let grants = list["items"].as_array().unwrap();
        let one = grants.iter().find(|one| one["grant"] == grant).unwrap();
        let number = |key: &str| one[key].as_u64().unwrap();
        (number("reads_paid"), number("reads_taken"))
    }
}

fn values(heard: &Ended) -> Vec<u64> {
    let lines = heard.text.lines();
    lines.filter_map(|line| line.trim().parse().ok()).collect()
}

#[test]
fn as_many_values_come_as_were_bought_also_after_a_kill() {
    let mut market = Market::open();
    let wish = json!({"branch": "t/#", "currency": "USD", "price_minor": PRICE});
    let grant = market.allow(wish.clone());
    assert_eq!(market.allow(wish), grant, "the same again changes nothing");
    let listed = run(&mut market.device(&["reads"])).succeeded();
    assert!(
        listed.contains(&grant) && listed.contains("0 of 0"),
        "{listed}"
    );

    let mut told = market
        .reader
        .mosquitto("mosquitto_sub", &market.house, "mqttv5", "g");
    let told = run(told.args(["-q", "1", "-t", &market.reader.topic("g"), "-C", "1"])).succeeded();
    println!("{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let expected = json!([{
        "grant": grant, "topic": market.sensor.topic("t/#"), "currency": "1.USD",
        "price_minor": PRICE, "reads_paid": 0, "reads_taken": 0,
    }]);
    assert_eq!(told, expected);

    let listening = market.listen("mqttv311");
    market.say(1);
    assert!(values(&listening.wait()).is_empty(), "nothing is paid");

    market.buy(&grant, "3", "mqtt").succeeded();
    assert_eq!(market.reads(&grant), (3, 0));
    let listening = market.listen("mqttv5");
    for value in 10..15 {
        market.say(value);
    }
    assert_eq!(values(&listening.wait()), [10, 11, 12]);
    assert_eq!(market.reads(&grant), (3, 3));

    // Another purchase, and a kill while values come: none is given that was not paid.
    market.buy(&grant, "4", "coap").succeeded();
    let listening = market.listen("mqttv5");
    market.say(20);
    market.say(21);
    market.house.kill();
    let before = values(&listening.wait());
    market.house.restart();
    let (paid, taken) = market.reads(&grant);
    assert_eq!(paid, 7);
    assert!(
        before.len() as u64 <= taken - 3,
        "{before:?}, {taken} taken"
    );
    let listening = market.listen("mqttv5");
    for value in 30..36 {
        market.say(value);
    }
    let left = usize::try_from(paid - taken).unwrap();
    assert_eq!(
        values(&listening.wait()),
        (30..36).collect::<Vec<_>>()[..left]
    );
    assert_eq!(market.reads(&grant), (7, 7));
    let books = market.house.books();
    assert_eq!(books["sums"][0]["in_transit"], 0, "{books}");
    let path = format!("/api/v1/purses/{}", market.sensor.code());
    let (_, purse) = market.house.api(&path, None);
    assert!(
        purse.to_string().contains(&format!(":{}", 7 * PRICE)),
        "{purse}"
    );
}

#[test]
fn what_is_free_comes_until_the_grant_is_ended() {
    let market = Market::open();
    let grant = market.allow(json!({"branch": "t/temperature"}));
    let sensor = market.sensor.code().to_string();
    let mut own = market.device(&["sub", "t/temperature", "--of", &sensor, "--count", "1"]);
    let listening = Running::start(&mut own);
    let delivered = || market.house.metric("onecode_mqtt_delivered", "");
    let (before, deadline) = (delivered(), Instant::now() + DEADLINE);
    while delivered() == before {
        assert!(Instant::now() < deadline, "{}", market.house.log());
        market.say(7);
    }
    assert!(listening.wait().succeeded().contains("t/temperature 7"));
    let path = format!("/api/v1/codes/{sensor}/readers/{grant}/end");
    assert_eq!(market.house.api(&path, Some(&json!({}))).0, 200);
    let mut refused = market
        .reader
        .mosquitto("mosquitto_sub", &market.house, "mqttv5", "sub");
    let topic = market.sensor.topic("t/temperature");
    let refused = run(refused.args(["-q", "1", "-t", &topic, "-W", "5"]));
    assert!(refused.text.contains("denied"), "{}", refused.text);
}
