//! A thing says in public what it wants, and whoever scans its label pays that.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tests::house::House;
use tests::program::{Running, onecode, run};
use tests::thing::Thing;

/// Longest wait for a program that begins.
const BEGINS: Duration = Duration::from_secs(60);

fn by_mqtt(house: &House, what: &str, thing: &Thing, options: &[&str]) -> Command {
    let mut command = Command::new(onecode());
    command.args(["device", what, "--via", "mqtt", "--mqtt"]);
    command.arg(house.doors().mqtt.to_string());
    command.arg("--folder").arg(thing.folder()).args(options);
    command
}

/// What is under a path, if anything is.
fn shown(house: &House, path: &str) -> Option<Vec<u8>> {
    let mut answer = ureq::get(house.url(path)).call().ok()?;
    Some(answer.body_mut().read_to_vec().expect("bytes"))
}

#[test]
fn what_a_thing_asks_for_stands_on_its_public_page_until_it_is_paid() {
    let house = House::start();
    let (car, kiosk) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "kiosk"));
    house.load(car.code(), 1_000_000);
    let page = format!("/1/{}", kiosk.code());
    let path = format!("{page}/invoice");
    assert_eq!(shown(&house, &path), None);

    let asks = ["--invoice", "250000", "--reference", "7"];
    let payee = Running::start(&mut by_mqtt(&house, "accept", &kiosk, &asks));
    let begun = Instant::now();
    let invoice = loop {
        match shown(&house, &path) {
            Some(invoice) => break invoice,
            None => assert!(begun.elapsed() < BEGINS, "no invoice is shown"),
        }
        // Strangers look ten times a second at most.
        thread::sleep(Duration::from_millis(200));
    };
    let text = String::from_utf8(shown(&house, &page).expect("a page")).expect("text");
    assert!(text.contains("0.250000 USD"), "{text}");
    assert!(text.contains("The invoice as a QR code"), "{text}");

    let file = house.folder().join("kiosk.invoice");
    fs::write(&file, &invoice).expect("a file");
    let named = format!("--invoice={}", file.display());
    let pays = |most: &str| run(&mut by_mqtt(&house, "pay", &car, &[&named, "--most", most]));
    let refused = pays("249999").failed();
    assert!(refused.contains("more than --most"), "{refused}");
    let paid = pays("250000").succeeded();
    assert!(paid.contains("settled"), "{paid}");
    payee.wait().succeeded();
    assert_eq!(house.books()["sums"][0]["purses"], 1_000_000);
    assert_eq!(shown(&house, &path), None, "it is paid");

    // Who has kept it cannot put it up again.
    house.wallet(kiosk.code(), &invoice);
    assert_eq!(shown(&house, &path), None);
    let again = pays("250000");
    assert_eq!(house.books()["sums"][0]["in_transit"], 0, "{}", again.text);
}
