//! Serves the portal on a free loopback port over books that go away, with some things, payments
//! in every state and one fraud case. Prints the address, the link for the first owner and a token;
//! ends when its input does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an example shows the way and stops where it cannot go on"
)]

#[path = "../tests/house/mod.rs"]
mod house;

use admin::{Connected, Twin, first_owner_link, router};
use house::House;
use ledger::diary::{Asker, Measured, NewReading};
use ledger::people::{Act, NewToken, Roles, Scopes};
use ledger::views::ThingQuery;
use protocol::code::grid::{Level, Place, Point, Span};
use protocol::{Code, Digest, GridCode, Kind, Status, Timestamp};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u32::try_from(since.as_secs()).unwrap())
}

/// Bays of car parks in several towns, for the map.
async fn stand_around(house: &House, owner: Code) {
    const TOWNS: [(&str, i64, i64); 8] = [
        ("Paris", 48_856_600_000, 2_352_200_000),
        ("Berlin", 52_520_000_000, 13_405_000_000),
        ("Nairobi", -1_286_400_000, 36_817_200_000),
        ("Hangzhou", 30_274_100_000, 120_155_100_000),
        ("Sydney", -33_868_800_000, 151_209_300_000),
        ("São Paulo", -23_550_500_000, -46_633_300_000),
        ("Seattle", 47_606_200_000, -122_332_100_000),
        ("Suva", -18_124_800_000, 178_450_100_000),
    ];
    for (town, latitude, longitude) in TOWNS {
        for bay in 0..24 {
            // Bays of three by five metres, in rows of eight.
            let point =
                Point::from_nanodegrees(latitude + bay / 8 * 45_000, longitude + bay % 8 * 27_000);
            let place = Place {
                by: house::STATION,
                level: Level::DEFAULT,
                point: point.unwrap(),
                height_dm: None,
                span: Span::new(u64::from(house.now().0 / 60), None).unwrap(),
                owner,
            };
            let grid = GridCode::derive(&place).unwrap();
            let name = format!("{town}, bay {}", bay + 1);
            let issued = house
                .ledger
                .issue_grid(grid, &name, owner, "an example", house.now());
            issued.await.unwrap();
        }
    }
}

/// Cars that paid chargers, mostly settled; some by the kilowatt-hour.
async fn furnish(house: &mut House) {
    house.declare_usd().await;
    let mut cars = Vec::new();
    let mut chargers = Vec::new();
    for seed in 1..=6 {
        cars.push(house.thing(seed, &format!("Car {seed}")).await);
    }
    for (seed, name) in [
        (11, "North car park, bay 1"),
        (12, "North car park, bay 2"),
        (13, "Harbour, fast charger"),
    ] {
        chargers.push(house.thing(seed, name).await);
    }
    house.thing_of(21, "Ada Example", Kind::Person).await;
    for (at, car) in cars.iter_mut().enumerate() {
        house
            .load(car.code, 120_000_000, &format!("first load {at}"))
            .await;
        let now = house.now();
        car.renew(&house.ledger, 90_000_000, now).await;
    }
    for session in 0..42u64 {
        house.wait_s(97);
        let messages = 40 + session * 31 % 50;
        house.live.messages.fetch_add(messages, Ordering::SeqCst);
        house.pulse.look(house.now()).await.unwrap();
        let car = &mut cars[session as usize % 6];
        let charger = &chargers[session as usize * 7 % 3];
        let now = house.now();
        if session % 8 == 7 {
            let stream = car.stream(&charger.code, 300_000, 24, &format!("session-{session}"));
            let units = 6 + session as u32 % 15;
            let closing = charger.receipt_saying(&stream, None, Some(units), now);
            let closing = (session != 39).then_some(closing);
            let released = house::thing::released(&stream, units);
            let claimed = house.ledger.claim_units(stream, released, closing, now);
            claimed.await.unwrap();
            continue;
        }
        let minor = 300 * (7_420 + session * 913 % 21_000);
        let evidence = car.pay(&charger.code, minor, &format!("session-{session}"), false);
        let receipt = match session {
            37 => Some(charger.receipt_saying(&evidence, Some(Status::WrongAmount), None, now)),
            _ => (session % 11 != 5).then(|| charger.receipt(&evidence, now)),
        };
        let payment = evidence.payment().id();
        house.ledger.hand_in(evidence, receipt, now).await.unwrap();
        if session % 40 == 7 {
            let words = format!("Charger stopped in session {session}.");
            let request = car.ask_back(payment, &words, now);
            house.ledger.ask_back(request, now).await.unwrap();
        }
    }
    let (first, second) = {
        let car = &mut cars[5];
        let first = car.pay(&chargers[0].code, 2_000_000, "copied purse a", true);
        (
            first,
            car.pay(&chargers[1].code, 2_500_000, "copied purse b", true),
        )
    };
    for (evidence, charger) in [(first, &chargers[0]), (second, &chargers[1])] {
        house.wait_s(61);
        let now = house.now();
        let receipt = charger.receipt(&evidence, now);
        house
            .ledger
            .hand_in(evidence, Some(receipt), now)
            .await
            .unwrap();
    }
    say_something(house, cars[1].code).await;
    for (seed, product) in [
        (111, "CN=sensor 0x6f"),
        (112, "CN=sensor 0x70"),
        (113, ""),
        (114, "CN=meter"),
    ] {
        wait_for_code(house, seed, product).await;
    }
    stand_around(house, cars[0].code).await;
    let there = |code, door| Connected {
        code,
        door,
        since: house.now(),
    };
    house.live.there.lock().unwrap().extend([
        there(cars[0].code, "MQTT"),
        there(cars[1].code, "MQTT"),
        there(chargers[0].code, "CoAP"),
    ]);
}

/// A folder with what `onecode verify` judges by: the root's key, and the passes below it.
fn judge_folder(house: &House, folder: &Path) -> String {
    let folder = folder.join("judge");
    std::fs::create_dir(&folder).unwrap();
    let [root, issuer, gateway] = house.authorities.all();
    let key: String = root
        .pass_key()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let trust =
        format!("network = \"test\"\nroot_key = \"ed25519:{key}\"\nroot_certificate = \"none\"\n");
    for (name, bytes) in [
        ("trust.toml", trust.as_bytes()),
        ("issuer.pass", issuer.pass()),
        ("gateway.pass", gateway.pass()),
    ] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    folder.display().to_string()
}

/// An hour of telemetry, and a command that was answered.
async fn say_something(house: &House, code: Code) {
    let (now, diary) = (house.now(), &house.diary);
    let now_ms = u64::from(now.0) * 1_000;
    let reading = |name: &str, unit: &str, minutes_ago: u64, value: f64| NewReading {
        code,
        name: name.to_owned(),
        at_ms: now_ms - minutes_ago * 60_000,
        value: Measured::Number(value),
        unit: unit.to_owned(),
    };
    let mut readings = Vec::new();
    for ago in 0..90 {
        let wave = (ago as f64 / 9.0).sin();
        readings.push(reading(
            "battery/temperature",
            "Cel",
            ago,
            21.0 + 4.0 * wave,
        ));
        readings.push(reading("battery/charge", "%", ago, 80.0 - 0.5 * ago as f64));
    }
    diary.add_readings(&readings, now).await.unwrap();
    let command = diary.begin_command(&code, "{\"lock\":true}", "Ada Owner", now);
    let command = command.await.unwrap();
    diary.command_sent(command, now).await.unwrap();
    let answered = diary.command_answered(&code, command, "locked", now);
    assert!(answered.await.unwrap());
    let twin = Twin {
        reported: Some(b"{\"limit\":32}".to_vec()),
        desired: None,
        status: Some(b"driving".to_vec()),
    };
    house.tree.twins.lock().unwrap().insert(code, twin);
}

/// The thing that says something.
async fn talker(house: &House) -> Code {
    let all = ledger::views::Page::first(50);
    let things = house.ledger.things(&ThingQuery::default(), &all).await;
    let car = things
        .unwrap()
        .rows
        .into_iter()
        .find(|row| row.name == "Car 2");
    car.unwrap().code
}

/// A device that nobody knows asks for a code.
async fn wait_for_code(house: &House, seed: u8, product: &str) {
    let request = house::thing::Keys::new(seed).request();
    let asker = Asker {
        id: Digest(Sha256::digest(&request).into()),
        request,
        fingerprint: Digest(Sha256::digest([seed]).into()),
        product: product.to_owned(),
        address: format!("192.0.2.{seed}"),
    };
    house.diary.ask(&asker, house.now()).await.unwrap();
}

/// A token for everything.
async fn token(house: &House, random: &dyn Fn(&mut [u8])) -> String {
    let mut bytes = [0; 32];
    random(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = NewToken {
        hash: admin::door::secret::hash(&text),
        label: "example",
        roles: Roles::EVERY,
        scopes: Scopes::EVERY,
        life_s: 86_400,
    };
    let act = Act {
        who: "the example",
        what: "token made",
        about: "",
        origin: "console",
    };
    let added = house.people.add_token(new, &act, house.now()).await;
    added.unwrap();
    text
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let now = wall_clock();
    let mut house = House::open(folder.path(), now.minus_s(5_400)).await;
    furnish(&mut house).await;
    house.clock.store(now.0, Ordering::SeqCst);
    let clock = Arc::clone(&house.clock);
    let ledger = house.ledger.clone();
    let (tree, talker) = (Arc::clone(&house.tree), talker(&house).await);
    tokio::spawn(async move {
        for number in 0u64.. {
            let said = format!("{{\"temperature\":{}}}", 21 + number % 5);
            tree.say(talker, Some("MQTT"), "t/battery", said.as_bytes());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let pulse = Arc::clone(&house.pulse);
    tokio::spawn(async move { pulse.keep(wall_clock, std::future::pending()).await });
    tokio::spawn(async move {
        loop {
            clock.store(wall_clock().0, Ordering::SeqCst);
            ledger.publish(wall_clock()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let random = |out: &mut [u8]| getrandom::fill(out).unwrap();
    let link = first_owner_link(&house.people, &random, house.now())
        .await
        .unwrap();
    let mut portal = house.portal();
    portal.random = Arc::new(random);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    println!("portal http://{}", listener.local_addr().unwrap());
    println!("link {}", link.unwrap());
    println!("token {}", token(&house, &random).await);
    println!(
        "request {}",
        serde_json::json!(house::thing::Keys::new(99).request_pem())
    );
    let mut batch = "name,product,kind,request\n".to_owned();
    for seed in 120..180 {
        let pem = house::thing::Keys::new(seed).request_pem();
        batch += &format!("Meter {seed},M7,device,\"{pem}\"\n");
    }
    println!("batch {}", serde_json::json!(batch));
    println!("judge {}", judge_folder(&house, folder.path()));
    // Car 2 makes itself another wallet key.
    let renewed = house::thing::Keys::with_wallet(2, 102).request_pem();
    println!("rekey {}", serde_json::json!(renewed));
    let service = router(portal).into_make_service_with_connect_info::<SocketAddr>();
    let input_ended = tokio::task::spawn_blocking(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
    });
    tokio::select! {
        served = axum::serve(listener, service) => served.unwrap(),
        _ = input_ended => {}
    }
}
