//! Gateways under brokers by others and under a gateway, over links that are cut at random.

mod land;
mod mosquitto;
mod replay;
mod telemetry;
mod union;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::house::House;

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
