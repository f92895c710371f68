//! Each example application does what it says, and the second time, with the journals of the first,
//! nothing is paid again. `cargo test` builds them beside this.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::process::Command;

/// What an example says when it is run twice in one folder.
fn said(name: &str) -> [String; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("a test knows where it lies");
    let below = this.parent().and_then(|deps| deps.parent());
    let program = below
        .expect("below target/<profile>")
        .join("examples")
        .join(name);
    [(); 2].map(|()| {
        let ended = Command::new(&program).arg(folder.path()).output();
        let ended = ended.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let (text, errors) = (
            ended.stdout,
            String::from_utf8_lossy(&ended.stderr).into_owned(),
        );
        assert!(ended.status.success(), "{name}: {errors}");
        String::from_utf8(text).expect("a text")
    })
}

#[test]
fn a_vending_machine_sells_one_bottle_for_its_price() {
    let [first, again] = said("vending");
    let lines: Vec<&str> = first.lines().collect();
    assert_eq!(
        lines,
        [
            "phone: 120 for water is not paid: above_rule",
            "machine: no cola for that: wrong_amount",
            "machine: water falls",
            "phone: 100 for water, receipted",
            "machine: took 100, for a gateway when there is one",
        ]
    );
    assert!(!again.contains("falls"), "{again}");
    assert!(again.contains("machine: took 100,"), "{again}");
}

#[test]
fn a_charger_is_paid_for_what_the_meter_says() {
    let [first, again] = said("charging");
    assert!(
        first.contains("charger: 7430 Wh are paid\ncar: 743 steps for 2229, receipted\n"),
        "{first}"
    );
    assert!(first.ends_with("charger: took 2229\n"), "{first}");
    assert_eq!(again, "charger: this session is over\n");
}

#[test]
fn a_sensor_sells_each_reading_once() {
    let [first, again] = said("readings");
    assert!(
        first.ends_with("sensor: sold 5 readings for 10\n"),
        "{first}"
    );
    assert_eq!(again, "buyer: this subscription is over\n");
}

#[test]
fn an_allowance_for_a_bridge_opens_its_gate_and_nothing_in_town() {
    let [first, again] = said("toll");
    let declined = "kiosk: this allowance is not good here\ncar: declined in writing\n";
    assert!(first.starts_with(declined), "{first}");
    for run in [first, again] {
        assert!(
            run.ends_with("gate: takes 350, and opens\ngate: took 350\n"),
            "{run}"
        );
    }
}

#[test]
fn two_screens_carry_a_payment() {
    let [first, again] = said("screens");
    assert!(first.ends_with("kiosk: 4200 are in the safe\n"), "{first}");
    assert_eq!(first, again);
}
