//! Emulated boards and a running gateway: they speak CoAP to it over a serial line and a relay.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests::house::House;
use tests::program::{built, run};
use tests::thing::Thing;

/// The longest a board may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a board ends with when its own power cut ended it (`device-sdk/firmware/src/flash.rs`).
const POWER_CUT: i32 = 86;
/// What the car pays in all: 100, 200, .. 600.
const PAID: u64 = 2_100;
const LOADED: u64 = 1_000_000;

#[test]
fn boards_get_an_allowance_pay_with_the_gateway_gone_and_settle_when_it_is_back() {
    let mut house = House::start();
    let bench = Bench::new(&house);
    let car = Thing::enrol(&house, "car-keys");
    let charger = Thing::enrol(&house, "charger-keys");
    house.load(car.code(), LOADED);
    bench.adopt(&charger, "charger", None);
    bench.adopt(&car, "car", Some(&charger));

    // 1. The car gets to know its gateway, and asks for an allowance; before it has it, it is cut off
    // twice.
    bench.to_the_end("car", None, &["payments=0"]);
    for words in [Some(2), Some(14), None] {
        bench.to_the_end("car", words, &["gateway=1", "payments=0"]);
    }
    assert!(bench.said("car").contains("car: may spend 100000\n"));

    // 2. They pay with no gateway anywhere.
    house.kill();
    let paying = bench.on("charger", None, &[]);
    bench.to_the_end("car", None, &[]);
    drop(paying);
    assert!(bench.said("car").contains("car: paid 2100\n"));

    // 3. It is back: both hand in, and are cut off while they do.
    house.restart();
    for words in [9, 40] {
        let charger = bench.on("charger", Some(words), &["gateway=1"]);
        assert_eq!(
            charger.ended(),
            Some(POWER_CUT),
            "{}",
            bench.said("charger")
        );
    }
    let charger_board = bench.on("charger", None, &["gateway=1"]);
    bench.wait_until_said("charger", "charger: 2100 settled\n");
    drop(charger_board);
    for words in [Some(5), None] {
        bench.to_the_end("car", words, &["gateway=1", "payments=0"]);
    }
    assert!(bench.said("car").ends_with("car: 0 wait\ncar: paid 2100\n"));

    // Each board showed where it is, and claims came in blocks.
    let metrics = ureq::get(house.url("/metrics")).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    for code in ["4.01", "2.31"] {
        let answered = format!("onecode_coap_answers_total{{code=\"{code}\"}}");
        assert!(metrics.contains(&answered), "no {code} in {metrics}");
    }

    let books = house.books();
    let usd = &books["sums"][0];
    assert_eq!(usd["purses"], LOADED, "{books}");
    assert_eq!(usd["in_transit"], 0, "{books}");
    assert_eq!(balance(&house, &charger), PAID, "{books}");
}

fn balance(house: &House, thing: &Thing) -> u64 {
    let (status, purses) = house.api(&format!("/api/v1/purses/{}", thing.code()), None);
    assert_eq!(status, 200, "{purses}");
    let row = &purses["items"][0];
    row["free_minor"]
        .as_u64()
        .unwrap_or_else(|| panic!("no balance in {purses}"))
}

/// Two boards' folders, the line between them, and a relay to the gateway.
struct Bench {
    folder: PathBuf,
    images: PathBuf,
    relay: Child,
}

impl Bench {
    fn new(house: &House) -> Self {
        let images = std::env::var_os("ONECODE_IMAGES")
            .expect("`./test metal` builds the images and names their folder here");
        let folder = house.folder().join("boards");
        std::fs::create_dir(&folder).unwrap();
        let relay = Command::new(built("examples/relay"))
            .arg(folder.join("relay"))
            .arg(house.doors().coap.to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            folder,
            images: images.into(),
            relay,
        }
    }

    /// A board with this thing's keys.
    fn adopt(&self, thing: &Thing, name: &str, payee: Option<&Thing>) {
        let mut boards = Command::new(built("examples/boards"));
        boards
            .arg("adopt")
            .arg(thing.folder())
            .arg(self.folder.join(name));
        run(boards.args(payee.map(|payee| payee.code().to_string()))).succeeded();
    }

    /// Switches a board on; its power goes in the word that it writes after so many.
    fn on(&self, name: &str, words: Option<u32>, arguments: &[&str]) -> Board {
        let home = self.folder.join(name);
        let console = File::options()
            .create(true)
            .append(true)
            .open(self.console(name))
            .unwrap();
        let between = match name {
            "charger" => format!("unix:{},server=on,wait=off", self.line().display()),
            _ => format!("unix:{},reconnect=1", self.line().display()),
        };
        let mut semihosting = "enable=on,target=native,arg=image".to_owned();
        let cut = words.map(|words| format!("cut={words}"));
        for argument in arguments.iter().copied().chain(cut.as_deref()) {
            semihosting.push_str(&format!(",arg={argument}"));
        }
        let board = Command::new("qemu-system-arm")
            .args(["-M", "mps2-an386", "-display", "none", "-monitor", "none"])
            .arg("-kernel")
            .arg(self.images.canonicalize().unwrap().join(name))
            .args(["-serial", &between, "-serial"])
            .arg(format!(
                "unix:{},reconnect=1",
                self.folder.join("relay").display()
            ))
            .args(["-semihosting-config", &semihosting])
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .expect("qemu-system-arm; ./test installs it");
        Board(board)
    }

    /// A life of a board that ends by itself, or by the cut.
    fn to_the_end(&self, name: &str, words: Option<u32>, arguments: &[&str]) {
        let expected = words.map_or(0, |_| POWER_CUT);
        let ended = self.on(name, words, arguments).ended();
        assert_eq!(ended, Some(expected), "{name}: {}", self.said(name));
    }

    fn line(&self) -> PathBuf {
        self.folder.join("line")
    }

    fn console(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("console.txt")
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.console(name)).unwrap_or_default()
    }

    fn wait_until_said(&self, name: &str, text: &str) {
        let begun = Instant::now();
        while !self.said(name).contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{name}: {}", self.said(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.relay.kill();
        let _ = self.relay.wait();
    }
}

/// A board with power.
struct Board(Child);

impl Board {
    /// With which code it ends; `None` when it does not.
    fn ended(mut self) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
