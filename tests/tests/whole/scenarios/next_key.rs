//! The gateway goes on under another key while things are out: they hear of it before anything else,
//! at either door, and pay with and without a gateway. A key that was stolen counts no more where
//! that was heard, and what it signed in honest days is paid.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::rotation::{comes_in, device, given, pays_alone, pays_online, renew, rotate, sync};
use tests::house::House;
use tests::program::{Ended, onecode, run};
use tests::thing::Thing;

const LEARNT: &str = "learnt the gateway's next key";

/// The payer pays on a stick, and the payee looks at it: what it says.
fn offered_alone(house: &House, payer: &Thing, payee: &Thing, reference: &str) -> String {
    let stick = house.folder().join(format!("offer-{reference}"));
    fs::create_dir(&stick).unwrap();
    let by_file = |thing: &Thing, what: &str, options: &[&str]| {
        let mut command = Command::new(onecode());
        command.args(["device", what, "--via", "file", "--wait", "0", "--files"]);
        command.arg(&stick).arg("--folder").arg(thing.folder());
        run(command.args(options)).text
    };
    let to = payee.code().to_string();
    let order = ["--to", &to, "--amount", "1000", "--reference", reference];
    by_file(payer, "pay", &order);
    by_file(payee, "accept", &[])
}

fn authorities(house: &House) -> PathBuf {
    house.data().join("authorities")
}

fn command(house: &House, how: &[&str]) -> Ended {
    let mut command = Command::new(onecode());
    command
        .args(["gateway", "rotate", "--data"])
        .arg(house.data());
    command.env("ONECODE_GATEWAY_RESOLVER", house.doors().http.to_string());
    run(command.args(how))
}

fn verifier_keys(house: &House) -> Vec<String> {
    let keys = ureq::get(house.url("/chain/key")).call();
    let keys = keys.unwrap().body_mut().read_to_string().unwrap();
    keys.lines().map(str::to_owned).collect()
}

fn signatures(house: &House) -> usize {
    let note = ureq::get(house.url("/chain/checkpoint")).call();
    let note = note.unwrap().body_mut().read_to_string().unwrap();
    note.lines()
        .filter(|line| line.starts_with('\u{2014}'))
        .count()
}

#[test]
fn things_go_on_when_the_gateway_signs_with_another_key_and_take_its_word_once_they_have_heard() {
    let mut house = House::start();
    let [car, charger] = ["car", "charger"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), 1_000_000);
    renew(&house, &car);
    pays_online(&house, &car, &charger, "1");
    let before = (given(&car, "gateway.pass"), given(&car, "pass"));
    assert_eq!(verifier_keys(&house).len(), 2);

    rotate(&mut house, "gateway");
    for thing in [&car, &charger] {
        comes_in(&house, thing);
    }
    // Nobody has heard of anything yet: the allowance of before counts.
    pays_alone(&house, &car, &charger, "21");
    assert_eq!(verifier_keys(&house).len(), 4);
    // The payer hears by MQTT, and has an allowance under the next key.
    let said = sync(&house, &car, "mqtt");
    assert!(said.contains(LEARNT), "{said}");
    assert_ne!(given(&car, "gateway.pass"), before.0);
    assert_ne!(given(&car, "pass"), before.1);
    renew(&house, &car);
    let refused = offered_alone(&house, &car, &charger, "22");
    assert!(!refused.contains(": taken"), "{refused}");
    assert!(refused.contains("bad_signature"), "{refused}");
    // The payee hears by CoAP.
    let said = sync(&house, &charger, "coap");
    assert!(said.contains(LEARNT), "{said}");
    let again = sync(&house, &charger, "coap");
    assert!(!again.contains(LEARNT), "{again}");
    pays_alone(&house, &car, &charger, "23");
    // What was refused offline is handed in, and paid by the books.
    sync(&house, &car, "mqtt");
    sync(&house, &charger, "coap");
    pays_online(&house, &car, &charger, "24");
    // Whoever is enrolled now pays those from before, and is paid by them.
    let young = Thing::enrol(&house, "young");
    house.load(young.code(), 100_000);
    renew(&house, &young);
    pays_alone(&house, &young, &charger, "25");
    pays_alone(&house, &car, &young, "26");
    assert_eq!(signatures(&house), 2);

    house.kill();
    let refused = command(&house, &[]);
    assert!(!refused.status.success());
    assert!(refused.text.contains("still counts"), "{}", refused.text);
    let refused = command(&house, &["--days", "1"]);
    assert!(!refused.status.success());
    assert!(refused.text.contains("days at least"), "{}", refused.text);
}

#[test]
fn a_stolen_key_counts_no_more_where_that_was_heard_and_what_it_signed_before_is_paid() {
    let mut house = House::start();
    let [car, charger] = ["car", "charger"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), 1_000_000);
    renew(&house, &car);
    // Taken offline, and not settled when the key is given up.
    pays_alone(&house, &car, &charger, "1");
    house.kill();
    let said = command(&house, &["--stolen"]).succeeded();
    assert!(said.contains("counts no more"), "{said}");
    let kept = authorities(&house).join("before/gateway.1");
    assert!(!kept.join("pass.key.pem").exists());
    house.restart();

    // The answer to what it hands in comes past the inbox, and is by the next key already.
    let said = sync(&house, &charger, "coap");
    assert!(said.contains(LEARNT), "{said}");
    assert!(said.contains(", 0 payments in all"), "{said}");
    let sums = house.books()["sums"][0].clone();
    assert_eq!(sums["in_transit"], 0, "{sums}");
    let refused = offered_alone(&house, &car, &charger, "2");
    assert!(!refused.contains(": taken"), "{refused}");
    // So is an allowance that is asked for before anything was heard.
    let more = ["--via", "coap", "--amount", "100000"];
    let said = device(&house, &car, "renew", &more).succeeded();
    assert!(said.contains(LEARNT), "{said}");
    // What anybody is shown of it is under the next key as well.
    let shown = ureq::get(house.url(&format!("/1/{}/pass", car.code()))).call();
    let shown = shown.unwrap().body_mut().read_to_vec().unwrap();
    assert_eq!(shown, given(&car, "pass"));
    pays_alone(&house, &car, &charger, "3");
    sync(&house, &charger, "coap");
    pays_online(&house, &car, &charger, "4");
    for thing in [&car, &charger] {
        comes_in(&house, thing);
    }
    assert_eq!(verifier_keys(&house).len(), 2);
}
