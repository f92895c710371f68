//! Two machines with no network at all pay each other: by files on a stick, by codes on two screens.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::house::House;
use tests::program::{Ended, Running, onecode, run};
use tests::thing::Thing;

const LOADED: u64 = 10_000_000;
const ALLOWED: &str = "4000000";
/// No command of these tests waits longer for the other side.
const WAIT: &str = "25";

/// Two machines, and a gateway that was reached before and is gone now.
struct Apart {
    house: House,
    car: Thing,
    charger: Thing,
    stick: PathBuf,
}

impl Apart {
    fn set() -> Self {
        let mut house = House::start();
        let (car, charger) = (Thing::enrol(&house, "car"), Thing::enrol(&house, "charger"));
        house.load(car.code(), LOADED);
        let allowed = run(&mut renew(&house, &car, ALLOWED)).succeeded();
        assert!(allowed.contains(&format!("{ALLOWED} USD")), "{allowed}");
        house.kill();
        let stick = house.folder().join("stick");
        fs::create_dir(&stick).unwrap();
        Self {
            house,
            car,
            charger,
            stick,
        }
    }

    /// `onecode device pay`, to the charger unless an invoice says whom.
    fn pay(&self, via: &str, what: &[&str]) -> Command {
        let mut command = device("pay", &self.car, via, &self.stick);
        command.args(what);
        command
    }

    fn active(&self, via: &str, reference: &str, wait: &str) -> Command {
        let to = self.charger.code().to_string();
        let mut command = self.pay(via, &["--to", &to, "--amount", "250000", "--wait", wait]);
        command.args(["--reference", reference]);
        command
    }

    fn accept(&self, via: &str, what: &[&str]) -> Command {
        let mut command = device("accept", &self.charger, via, &self.stick);
        command.args(what);
        command
    }

    /// A picture on somebody's screen.
    fn picture(&self, name: &str) -> PathBuf {
        self.stick.join(name)
    }

    /// Both reach the gateway again, and again: `paid` has moved, once.
    fn settles(&mut self, paid: u64) {
        self.house.restart();
        for thing in [&self.charger, &self.car, &self.charger, &self.car] {
            let said = run(&mut renew(&self.house, thing, "0")).succeeded();
            assert!(said.contains(" 0 payments"), "{said}");
        }
        let books = self.house.books();
        assert_eq!(books["sums"][0]["in_transit"], 0, "{books}");
        assert_eq!(books["sums"][0]["purses"], LOADED, "{books}");
        // Whoever was paid can spend it, and no more.
        let all = run(&mut renew(&self.house, &self.charger, "9000000")).succeeded();
        assert!(all.starts_with(&format!("{paid} USD")), "{all}");
    }
}

fn device(what: &str, thing: &Thing, via: &str, stick: &Path) -> Command {
    let mut command = Command::new(onecode());
    command.args(["device", what, "--via", via, "--folder"]);
    command.arg(thing.folder());
    if via == "file" {
        command.arg("--files").arg(stick);
    }
    command
}

fn renew(house: &House, thing: &Thing, amount: &str) -> Command {
    let mut command = device("renew", thing, "mqtt", Path::new(""));
    command.args(["--amount", amount, "--mqtt"]);
    command.arg(house.doors().mqtt.to_string());
    command
}

/// Runs a command that somebody types into, or a scanner.
fn typed(command: &mut Command, text: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read everything.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let ended = child.wait_with_output().unwrap();
    let texts = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap());
    Ended {
        status: ended.status,
        text: texts.concat(),
    }
}

/// What a scanner types that sees these pictures.
fn scanned(pictures: &[PathBuf]) -> String {
    // Bar codes that it sees in the pattern would be lines too, and so would be its complaint about
    // a desktop that is not there.
    let only = [
        "--raw",
        "--quiet",
        "--nodbus",
        "-Sdisable",
        "-Sqrcode.enable",
    ];
    run(Command::new("zbarimg").args(only).args(pictures)).succeeded()
}

/// The code that a program printed, as a camera in front of the screen sees it.
fn photographed(printed: &str, to: &Path) {
    const PIXELS: usize = 6;
    let rows: Vec<Vec<[bool; 2]>> = printed
        .lines()
        .filter(|line| line.starts_with("\x1b["))
        .map(|line| {
            let line = line
                .split_once('m')
                .unwrap()
                .1
                .split('\x1b')
                .next()
                .unwrap();
            let dark = |c| [matches!(c, '█' | '▀'), matches!(c, '█' | '▄')];
            line.chars().map(dark).collect()
        })
        .collect();
    let (wide, high) = (rows[0].len() * PIXELS, rows.len() * 2 * PIXELS);
    let mut picture = format!("P5 {wide} {high} 255\n").into_bytes();
    for at in 0..wide * high {
        let (x, y) = (at % wide / PIXELS, at / wide / PIXELS);
        picture.push(if rows[y / 2][x][y % 2] { 30 } else { 230 });
    }
    fs::write(to, picture).unwrap();
}

#[test]
fn a_stick_carried_to_and_fro_pays_and_settles_once() {
    let mut apart = Apart::set();
    let first = run(&mut apart.active("file", "44", "0")).succeeded();
    assert!(first.contains("no answer yet"), "{first}");
    let evidence: Vec<_> = fs::read_dir(&apart.stick).unwrap().collect();
    assert_eq!(evidence.len(), 1);

    let taken = run(&mut apart.accept("file", &["--wait", "0"])).succeeded();
    assert!(taken.contains("250000 USD from"), "{taken}");
    assert!(taken.contains(": taken"), "{taken}");
    // What has its receipt on the stick is not answered again.
    let nothing = run(&mut apart.accept("file", &["--wait", "0"])).succeeded();
    assert!(!nothing.contains("taken"), "{nothing}");

    for _ in 0..2 {
        let paid = run(&mut apart.active("file", "44", "0")).succeeded();
        assert!(
            paid.contains("the payee's receipt is in the purse"),
            "{paid}"
        );
    }
    apart.settles(250_000);
}

#[test]
fn a_stick_that_both_machines_see_at_once_does_not_make_them_wait() {
    let mut apart = Apart::set();
    let payee = Running::start(&mut apart.accept("file", &["--count", "2", "--wait", WAIT]));
    for reference in ["1", "2"] {
        let paid = run(&mut apart.active("file", reference, WAIT)).succeeded();
        assert!(paid.contains("paid"), "{paid}");
    }
    payee.wait().succeeded();
    apart.settles(500_000);
}

#[test]
fn a_payee_that_refuses_says_why_on_the_stick_and_may_take_it_later() {
    let mut apart = Apart::set();
    run(&mut apart.active("file", "44", "0")).succeeded();
    let mut careful = apart.accept("file", &["--most", "1000", "--wait", "0"]);
    let refused = run(&mut careful).succeeded();
    assert!(refused.contains("not taken, above_class"), "{refused}");
    let told = run(&mut apart.active("file", "44", "0")).failed();
    assert!(told.contains("the payee refuses: above_class"), "{told}");
    run(&mut apart.accept("file", &["--wait", "0"])).succeeded();
    run(&mut apart.active("file", "44", "0")).succeeded();
    apart.settles(250_000);
}

#[test]
fn an_invoice_on_a_stick_is_paid_once_whoever_begins_again() {
    let mut apart = Apart::set();
    let ask = ["--invoice", "700000", "--reference", "7", "--wait", "0"];
    for _ in 0..2 {
        let asked = run(&mut apart.accept("file", &ask)).succeeded();
        assert!(asked.contains("asking for 700000 USD"), "{asked}");
    }
    let pay = |most| apart.pay("file", &["--invoice", "--most", most, "--wait", "0"]);
    let dear = run(&mut pay("699999")).failed();
    assert!(dear.contains("more than --most"), "{dear}");
    let not_asked = run(&mut apart.pay("file", &["--invoice", "--wait", "0"])).failed();
    assert!(not_asked.contains("not approved"), "{not_asked}");
    for _ in 0..2 {
        let unanswered = run(&mut pay("700000")).succeeded();
        assert!(unanswered.contains("no answer yet"), "{unanswered}");
    }
    let taken = run(&mut apart.accept("file", &ask)).succeeded();
    assert!(taken.contains(": taken"), "{taken}");
    let paid = run(&mut pay("700000")).succeeded();
    assert!(paid.contains("paid;"), "{paid}");
    apart.settles(700_000);
}

#[test]
fn codes_on_two_screens_pay_an_invoice_that_a_foreign_scanner_reads() {
    let mut apart = Apart::set();
    let (ours, theirs) = (apart.picture("car.png"), apart.picture("charger.png"));
    let ask = || {
        let mut ask = apart.accept("qr", &["--invoice", "250000", "--reference", "7"]);
        ask.args(["--wait", WAIT, "--picture"]).arg(&theirs);
        ask
    };
    let pay = |invoice: &str| {
        let mut pay = apart.pay("qr", &[invoice, "--wait", WAIT, "--picture"]);
        pay.arg(&ours);
        pay
    };
    // The scanner of the payee is unplugged before anybody has paid.
    let asked = typed(&mut ask(), "").failed();
    assert!(
        asked.contains("Hold this code in front of the payer's scanner"),
        "{asked}"
    );
    let invoice = scanned(std::slice::from_ref(&theirs));
    // What is printed is what the picture shows.
    let screen = apart.picture("screen.pgm");
    photographed(&asked, &screen);
    assert_eq!(scanned(&[screen]), invoice);

    let foreign = "HTTPS://ID.EXAMPLE/1/2000\n";
    let typing = format!("{foreign}{invoice}yes\n{invoice}");
    let unanswered = typed(&mut pay("--invoice"), &typing).failed();
    for said in [
        "not a code of a wallet message",
        "Pay 250000 USD to",
        "Hold this code in front of the payee's scanner",
        "that is an invoice",
        "no answer yet",
    ] {
        assert!(unanswered.contains(said), "{said}: {unanswered}");
    }
    let again = unanswered.split_once("--invoice=").unwrap().1;
    let again = format!("--invoice={}", again.split_once(" goes on").unwrap().0);

    let evidence = scanned(std::slice::from_ref(&ours));
    // Evidence of one payment is one code, which the scanner may see several times.
    assert_eq!(evidence.lines().count(), 1);
    let taken = typed(&mut ask(), &format!("{evidence}{evidence}")).succeeded();
    assert!(taken.contains("250000 USD from"), "{taken}");

    let receipt = scanned(std::slice::from_ref(&theirs));
    // Another payment's answer, or none: the payer waits on.
    let paid = typed(
        pay(&again).arg("--most=250000"),
        &format!("{evidence}{receipt}"),
    );
    let paid = paid.succeeded();
    assert!(paid.contains("this screen's own code"), "{paid}");
    assert!(paid.contains("paid;"), "{paid}");
    apart.settles(250_000);
}

#[test]
fn small_codes_are_scanned_in_any_order_and_pictures_are_read_with_no_scanner() {
    let mut apart = Apart::set();
    let (ours, theirs) = (apart.picture("car.png"), apart.picture("charger.png"));
    let small = ["--code-bytes", "128"];
    let mut pay = apart.active("qr", "44", WAIT);
    pay.args(small).arg("--picture").arg(&ours);
    let unanswered = typed(&mut pay, "\n\n").failed();
    assert!(unanswered.contains("Code 1 of 4"), "{unanswered}");
    assert!(unanswered.contains("Code 3 of 4"), "{unanswered}");
    assert!(!ours.exists());
    let parts = ["4", "2", "3", "2", "1"].map(|part| apart.picture(&format!("car-{part}.png")));
    let mut accept = apart.accept("qr", &["--count", "1", "--wait", WAIT]);
    accept.args(small).arg("--picture").arg(&theirs);
    let taken = typed(&mut accept, &scanned(&parts)).succeeded();
    assert!(taken.contains("still missing: 1, 2, 3"), "{taken}");
    assert!(taken.contains("250000 USD from"), "{taken}");

    // No scanner at all: the program reads the payee's pictures by itself, and has a look at other
    // kinds of pictures taken by zbarimg.
    let screen = apart.picture("screen.pgm");
    let mut again = apart.accept("qr", &["--count", "1", "--wait", WAIT]);
    photographed(&typed(&mut again, &scanned(&parts)).succeeded(), &screen);
    for picture in [theirs, screen] {
        let mut pay = apart.active("qr", "44", WAIT);
        let paid = run(pay.arg("--scan").arg(&picture)).succeeded();
        assert!(paid.contains("paid;"), "{paid}");
    }
    apart.settles(250_000);
}
