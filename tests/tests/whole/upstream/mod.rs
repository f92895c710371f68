//! Gateways under brokers by others and under a gateway, over links that are cut at random.

mod land;
mod mosquitto;
mod rabbitmq;
mod replay;
mod telemetry;
mod union;
mod watcher;

use std::io::Write;
use std::ops::Range;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::house::House;
use tests::thing::Thing;

/// How long a link may take to catch up once it is sound.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Another one every time, and always said.
fn seed() -> u64 {
    let given = std::env::var("ONECODE_SEED").ok();
    let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as u64)
    });
    println!("ONECODE_SEED={seed}");
    seed
}

/// Waits until something holds.
fn until(house: &House, what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + CATCH_UP;
    while !holds() {
        assert!(Instant::now() < deadline, "not {what}\n{}", house.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A thing says numbers one after another, as mosquitto_pub does with lines.
fn says(house: &House, thing: &Thing, numbers: Range<u32>) {
    let mut publisher = thing.mosquitto("mosquitto_pub", house, "mqttv311", "p");
    publisher.args(["-q", "1", "-l", "-t", &thing.topic("t/count")]);
    let mut publisher = publisher
        .stdin(Stdio::piped())
        .spawn()
        .expect("a publisher");
    let mut lines = publisher.stdin.take().expect("its input");
    for number in numbers {
        writeln!(lines, "{number}").expect("it reads");
    }
    drop(lines);
    let ended = publisher.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
}

/// What was said by [`says`], as it came.
fn numbers(kept: &[(String, String)]) -> Vec<u32> {
    let number = |(_, payload): &(String, String)| payload.parse().expect("a number");
    kept.iter().map(number).collect()
}
