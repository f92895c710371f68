//! Libraries that people build things with, each walked through by a script of its own language.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use tests::house::House;
use tests::program::{Running, run};
use tests::thing::Thing;

/// The folder of the scripts.
fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/foreign"))
}

/// What a script holds to be so; it ends at the first thing that is not.
fn holds(command: &mut Command, at_least: usize) {
    let said = run(command).succeeded();
    let held = said.lines().filter(|line| line.starts_with("ok - "));
    assert!(held.count() >= at_least, "{said}");
    print!("{said}");
}

/// Paho as this thing.
fn paho(script: &str, house: &House, thing: &Thing) -> Command {
    let folder = std::env::var_os("ONECODE_PKILINT");
    let folder = PathBuf::from(folder.expect("`./test foreign` installs Paho beside pkilint"));
    let door = house.doors().mqtt;
    let mut command = Command::new(folder.join("python"));
    command
        .arg(scripts().join(script))
        .args([door.ip().to_string(), door.port().to_string()])
        .arg(thing.folder())
        .arg(thing.code().to_string());
    command
}

#[test]
fn paho_speaks_both_versions() {
    let house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    for (version, at_least) in [("3", 9), ("5", 14)] {
        holds(paho("paho_walk.py", &house, &thing).arg(version), at_least);
    }
}

#[test]
fn kills_in_the_middle_of_reading_lose_and_double_nothing_of_qos_2() {
    const MESSAGES: usize = 60;
    let mut house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    let reader = |say: &str| {
        let mut command = paho("paho_reader.py", &house, &thing);
        command.args([say, &MESSAGES.to_string()]);
        command
    };
    run(&mut reader("publish")).succeeded();
    let reading = Running::start(&mut reader("read"));
    for _ in 0..3 {
        sleep(Duration::from_millis(700));
        house.kill();
        house.restart();
    }
    let heard = reading.wait().succeeded();
    let wanted: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(heard.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn mqtt_js_speaks_both_versions_over_websocket() {
    let house = House::start();
    let thing = Thing::enrol(&house, "kiosk");
    let door = house.doors().websocket;
    let mut walk = Command::new("node");
    walk.arg(scripts().join("mqttjs_walk.js"))
        .args([door.ip().to_string(), door.port().to_string()])
        .arg(thing.folder())
        .arg(thing.code().to_string());
    holds(&mut walk, 13);
}
