//! A machine's program with the SDK's client: what it says while its gateway is away arrives in order,
//! over either door; it is told what to do and answers.

use device_sdk::thing::{Door, Happening, Happenings, Settings, Thing as Client, Told};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::house::House;
use tests::thing::Thing;
use tokio::runtime::Runtime;

const DEADLINE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Both doors to one gateway.
fn doors(house: &House, folder: &Path) -> [Settings; 2] {
    let doors = house.doors();
    let mut by_coap = Settings::coap(folder, "127.0.0.1", doors.coaps.port());
    by_coap.door = Door::Coap {
        look_every: LOOK_EVERY,
    };
    let by_mqtt = Settings::mqtt(folder, "127.0.0.1", doors.mqtt.port());
    [by_mqtt, by_coap]
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn all_taken(client: &Client) {
    let began = Instant::now();
    while client.waiting() > 0 {
        assert!(began.elapsed() < DEADLINE, "{} wait", client.waiting());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The chart is written a moment after the answer.
fn charted(house: &House, thing: &Thing, newest: i64) {
    let (began, all) = (Instant::now(), (1..=newest).collect::<Vec<_>>());
    while history(house, thing) != all {
        assert!(began.elapsed() < DEADLINE, "{:?}", history(house, thing));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn history(house: &House, thing: &Thing) -> Vec<i64> {
    let path = format!("/api/v1/codes/{}/telemetry/history?limit=100", thing.code());
    let (status, values) = house.api(&path, None);
    assert_eq!(status, 200, "{values}");
    let items = values["items"].as_array().unwrap().clone();
    let numbers = items
        .iter()
        .map(|item| item["number"].as_f64().unwrap() as i64);
    let mut said: Vec<_> = numbers.collect();
    said.sort_unstable();
    said
}

/// What comes next that is not for the purse.
fn next(runtime: &Runtime, happenings: &mut Happenings) -> Told {
    loop {
        let next = async { tokio::time::timeout(DEADLINE, happenings.next()).await };
        let told = runtime.block_on(next);
        let told = told.expect("something happens").expect("the client runs");
        match told.happening {
            Happening::Wallet(_) => told.done(),
            _ => return told,
        }
    }
}

#[test]
fn what_a_machine_says_while_its_gateway_is_away_arrives_once_it_is_back() {
    let mut house = House::start();
    for (name, which) in [("by-mqtt", 0), ("by-coap", 1)] {
        let thing = Thing::enrol(&house, name);
        let settings = &doors(&house, thing.folder())[which];
        let runtime = runtime();
        let (client, happenings) = runtime
            .block_on(async { Client::start(settings, thing.identity()) })
            .unwrap();
        let say = |client: &Client, number: i64| {
            client
                .say("t/count", format!("{{\"count\":{number}}}").as_bytes())
                .unwrap();
        };
        (1..=5).for_each(|number| say(&client, number));
        all_taken(&client);
        charted(&house, &thing, 5);
        house.kill();
        (6..=40).for_each(|number| say(&client, number));
        // The machine is switched off, too, with all of that in its folder.
        drop((client, happenings));
        runtime.shutdown_timeout(Duration::from_secs(1));
        let runtime = self::runtime();
        let (client, _happenings) = runtime
            .block_on(async { Client::start(settings, thing.identity()) })
            .unwrap();
        say(&client, 41);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(client.waiting(), 36, "nobody is there");
        house.restart();
        all_taken(&client);
        charted(&house, &thing, 41);
        assert_eq!((client.dropped(), client.refused()), (0, 0));
    }
}

#[test]
fn a_machine_is_told_what_to_do_and_says_what_came_of_it() {
    let house = House::start();
    for (name, which) in [("by-mqtt", 0), ("by-coap", 1)] {
        let thing = Thing::enrol(&house, name);
        let settings = &doors(&house, thing.folder())[which];
        let runtime = runtime();
        let (client, mut happenings) = runtime
            .block_on(async { Client::start(settings, thing.identity()) })
            .unwrap();
        let path = |what: &str| format!("/api/v1/codes/{}/{what}", thing.code());
        let wish = json!({"payload": "{\"limit\":16}"});
        assert_eq!(house.api(&path("twin"), Some(&wish)).0, 200);
        let told = next(&runtime, &mut happenings);
        assert_eq!(
            told.happening,
            Happening::Desired(b"{\"limit\":16}".to_vec())
        );
        client.state("twin/reported", b"{\"limit\":16}").unwrap();
        told.done();
        let (status, said) = house.api(&path("commands"), Some(&json!({"payload": "open"})));
        assert!((200..300).contains(&status), "{said}");
        let told = next(&runtime, &mut happenings);
        let Happening::Command { id, payload } = &told.happening else {
            panic!("{told:?}");
        };
        assert_eq!(payload, b"open");
        client.say(&format!("r/{id}"), b"opened").unwrap();
        told.done();
        all_taken(&client);
        let began = Instant::now();
        loop {
            let (_, commands) = house.api(&path("commands"), None);
            let (_, twin) = house.api(&path("twin"), None);
            if commands.to_string().contains("opened") && twin["reported"] == wish["payload"] {
                break;
            }
            assert!(began.elapsed() < DEADLINE, "{commands} {twin}");
            std::thread::sleep(Duration::from_millis(50));
        }
        // A topic that is not for things to publish is refused, and holds nothing up.
        client.say("c/7", b"no").unwrap();
        client.say("e/door", b"open").unwrap();
        if which == 1 {
            all_taken(&client);
            assert_eq!(client.refused(), 1);
        }
    }
}
