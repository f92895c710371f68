//! What owners decide beforehand: prices, what is paid without asking, and an allowance given up.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tests::house::House;
use tests::program::{onecode, run};
use tests::thing::Thing;

struct Pair {
    house: House,
    car: Thing,
    charger: Thing,
    stick: PathBuf,
}

impl Pair {
    fn set() -> Self {
        let house = House::start();
        let [car, charger] = ["car", "charger"].map(|name| Thing::enrol(&house, name));
        house.load(car.code(), 10_000_000);
        let stick = house.folder().join("stick");
        fs::create_dir(&stick).unwrap();
        let pair = Self {
            house,
            car,
            charger,
            stick,
        };
        run(&mut pair.at_the_gateway("renew", &["--amount", "4000000"])).succeeded();
        pair
    }

    fn device(thing: &Thing, what: &[&str], options: &[&str]) -> Command {
        let mut command = Command::new(onecode());
        command.arg("device").args(what).args(options);
        command.arg("--folder").arg(thing.folder());
        command
    }

    /// A command of the car that reaches the gateway.
    fn at_the_gateway(&self, what: &str, options: &[&str]) -> Command {
        let mut command = Self::device(&self.car, &[what], options);
        command
            .arg("--mqtt")
            .arg(self.house.doors().mqtt.to_string());
        command
    }

    fn by_file(&self, thing: &Thing, what: &str, options: &[&str]) -> Command {
        let mut command = Self::device(thing, &[what], &["--via", "file", "--wait", "0"]);
        command.arg("--files").arg(&self.stick).args(options);
        command
    }

    /// The charger asks for so much.
    fn ask(&self, amount: &str, reference: &str) {
        for file in fs::read_dir(&self.stick).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        let ask = ["--invoice", amount, "--reference", reference];
        run(&mut self.by_file(&self.charger, "accept", &ask)).succeeded();
    }
}

#[test]
fn a_thing_pays_by_its_rules_what_is_no_dearer_than_the_payees_own_tariff() {
    let pair = Pair::set();
    let tariff = pair.house.folder().join("prices");
    let prices = [
        "--price",
        "energy:watt-hour:300",
        "--price",
        "parking:second:40",
    ];
    let mut publish = Pair::device(&pair.charger, &["tariff", "publish"], &prices);
    run(publish.arg("--file").arg(&tariff)).succeeded();
    let mut show = Pair::device(&pair.car, &["tariff", "show"], &[]);
    let shown = run(show.arg("--file").arg(&tariff)).succeeded();
    for said in [
        format!("{:#} takes, in USD:", pair.charger.code()),
        "300 for one watt-hour of energy".to_owned(),
        "40 for one second of parking".to_owned(),
    ] {
        assert!(shown.contains(&said), "{said}: {shown}");
    }

    let by_rules = |quantity: &str| {
        let buying = format!("watt-hour:{quantity}:energy");
        let options = ["--invoice", "--by-rules", "--buying", &buying, "--tariff"];
        let mut pay = pair.by_file(&pair.car, "pay", &options);
        run(pay.arg(&tariff))
    };
    pair.ask("300000", "7");
    let no_rule = by_rules("1000").failed();
    assert!(no_rule.contains("no_rule"), "{no_rule}");

    let rules = [
        "--per-payment",
        "1000000",
        "--per-day",
        "2000000",
        "--per-payee",
        "2000000",
        "--per-kind",
        "device=2000000",
        "--rate",
        "watt-hour=350/1",
    ];
    for options in [&rules[..], &[]] {
        let set = run(&mut Pair::device(&pair.car, &["rules"], options)).succeeded();
        for said in [
            "USD: at most 1000000 in a payment, 2000000 in a day",
            "at most 2000000 in a day to every device together",
            "at most 350 for 1 watt-hour",
        ] {
            assert!(set.contains(said), "{said}: {set}");
        }
    }
    // Dearer than the tariff, though not than the owner's rate.
    let dear = by_rules("900").failed();
    assert!(dear.contains("above_rule"), "{dear}");
    let paid = by_rules("1000").succeeded();
    assert!(paid.contains("paying 300000 USD"), "{paid}");
    // Above the owner's word for one payment.
    pair.ask("1200000", "8");
    let much = by_rules("4000").failed();
    assert!(much.contains("above_rule"), "{much}");
}

#[test]
fn an_allowance_that_was_given_up_pays_nothing_and_the_gateway_hears_of_it() {
    let pair = Pair::set();
    let pay = [
        "--to",
        &pair.charger.code().to_string(),
        "--amount",
        "1000",
        "--reference",
        "1",
    ];
    let closed = run(&mut pair.at_the_gateway("close-allowance", &[])).succeeded();
    assert!(closed.contains("closed: 4000000 USD"), "{closed}");
    assert!(closed.contains("taken an allowance given up"), "{closed}");
    let shown = run(&mut Pair::device(&pair.car, &["show"], &[])).succeeded();
    assert!(shown.contains("0 USD may be paid here and now"), "{shown}");
    run(&mut pair.by_file(&pair.car, "pay", &pay)).failed();

    run(&mut pair.at_the_gateway("renew", &["--amount", "4000000"])).succeeded();
    run(&mut pair.by_file(&pair.car, "pay", &pay)).succeeded();
}
