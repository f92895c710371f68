//! Money goes on from hand to hand while no gateway can be reached: it settles once, whoever brings
//! it first; and who spends it twice is found out by those it paid.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::house::House;
use tests::program::{Running, onecode, run};
use tests::thing::Thing;

const LOADED: u64 = 10_000_000;
/// What the kiosk has of its own.
const LITTLE: u64 = 1;

fn device(what: &str, folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(onecode());
    command.args(["device", what, "--folder"]).arg(folder);
    command.args(options);
    command
}

/// Asks for an allowance, and says what the purse holds.
fn renew(house: &House, thing: &Thing, amount: &str) -> String {
    let mqtt = house.doors().mqtt.to_string();
    let options = ["--amount", amount, "--mqtt", &mqtt];
    run(&mut device("renew", thing.folder(), &options)).succeeded()
}

fn shown(thing: &Thing) -> String {
    run(&mut device("show", thing.folder(), &[])).succeeded()
}

/// Three purses, of which only the first has money to speak of.
struct Chain {
    house: House,
    car: Thing,
    kiosk: Thing,
    shop: Thing,
}

impl Chain {
    fn set() -> Self {
        let house = House::start();
        let [car, kiosk, shop] = ["car", "kiosk", "shop"].map(|name| Thing::enrol(&house, name));
        house.load(car.code(), LOADED);
        house.load(kiosk.code(), LITTLE);
        renew(&house, &car, "4000000");
        renew(&house, &kiosk, "1");
        Self {
            house,
            car,
            kiosk,
            shop,
        }
    }

    fn stick(&self, name: &str) -> PathBuf {
        let stick = self.house.folder().join(name);
        fs::create_dir_all(&stick).unwrap();
        stick
    }

    /// The kiosk asks for it, the car pays, and both have the other's word.
    fn first_hand(&self) {
        let stick = self.stick("first");
        let by_file = |what, thing: &Thing, options: &[&str]| {
            let mut command = device(what, thing.folder(), &["--via", "file", "--wait", "0"]);
            command.arg("--files").arg(&stick).args(options);
            run(&mut command).succeeded()
        };
        let ask = ["--invoice", "700000", "--reference", "7"];
        let pay = ["--invoice", "--most", "700000"];
        by_file("accept", &self.kiosk, &ask);
        by_file("pay", &self.car, &pay);
        let taken = by_file("accept", &self.kiosk, &ask);
        assert!(taken.contains(": taken"), "{taken}");
        let paid = by_file("pay", &self.car, &pay);
        assert!(paid.contains("paid;"), "{paid}");
    }

    /// The kiosk spends what it was paid, beside the shop.
    fn second_hand(&self) {
        let (shop, at) = listen(&self.shop, "1");
        let paid = pay_beside(self.kiosk.folder(), &self.shop, at, "600000", "8").succeeded();
        assert!(paid.contains("paid;"), "{paid}");
        let taken = shop.wait().succeeded();
        assert!(taken.contains("600000 USD from"), "{taken}");
    }

    /// Everybody hands in, in this order and once more in the other one: each has what it should.
    fn settle(&mut self, order: [usize; 3]) {
        self.house.restart();
        let things = [&self.car, &self.kiosk, &self.shop];
        let back = order.into_iter().rev();
        for at in order.into_iter().chain(back) {
            let said = renew(&self.house, things[at], "0");
            assert!(said.contains(" 0 USD wait for a gateway"), "{said}");
            assert!(said.contains(" 0 payments"), "{said}");
        }
        let books = self.house.books();
        assert_eq!(books["sums"][0]["in_transit"], 0, "{books}");
        assert_eq!(books["sums"][0]["purses"], LOADED + LITTLE, "{books}");
        let whole = [LOADED - 700_000, 100_000 + LITTLE, 600_000];
        for (thing, whole) in things.into_iter().zip(whole) {
            let said = renew(&self.house, thing, "90000000");
            assert!(
                said.starts_with(&format!("{whole} USD may be paid")),
                "{said}"
            );
        }
        assert_eq!(self.house.books()["sums"][0]["purses"], LOADED + LITTLE);
    }
}

/// A payee on a port of its own, until it has taken so many payments.
fn listen(thing: &Thing, count: &str) -> (Running, SocketAddr) {
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let address = at.to_string();
    let options = ["--via", "udp", "--listen", &address, "--count", count];
    let payee = Running::start(&mut device("accept", thing.folder(), &options));
    (payee, at)
}

fn pay_beside(
    folder: &Path,
    payee: &Thing,
    at: SocketAddr,
    amount: &str,
    reference: &str,
) -> tests::program::Ended {
    let (to, peer) = (payee.code().to_string(), at.to_string());
    let options = [
        "--via",
        "udp",
        "--peer",
        &peer,
        "--to",
        &to,
        "--amount",
        amount,
        "--reference",
        reference,
    ];
    run(&mut device("pay", folder, &options))
}

#[test]
fn what_was_just_received_is_spent_on_offline_and_settles_once_from_the_last_hand_first() {
    let mut chain = Chain::set();
    chain.house.kill();
    chain.first_hand();
    let shown_before = shown(&chain.kiosk);
    let all = "700001 USD may be paid here and now, 1 of it under the allowance; 700000 USD wait for a gateway";
    assert!(shown_before.contains(all), "{shown_before}");
    chain.second_hand();
    let shown_after = shown(&chain.kiosk);
    assert!(
        shown_after.contains("100001 USD may be paid here"),
        "{shown_after}"
    );
    let rich = shown(&chain.shop);
    let nothing_yet =
        "0 USD may be paid here and now, 0 of it under the allowance; 600000 USD wait";
    assert!(rich.contains(nothing_yet), "{rich}");
    chain.settle([2, 1, 0]);
}

#[test]
fn it_settles_once_too_when_the_middle_hand_comes_first_and_the_last_one_last() {
    let mut chain = Chain::set();
    chain.house.kill();
    chain.first_hand();
    chain.second_hand();
    chain.settle([1, 0, 2]);
}

#[test]
fn a_kiosk_that_holds_nothing_spends_what_it_is_paid_beside_without_an_invoice() {
    let mut house = House::start();
    let [car, kiosk, shop] = ["car", "kiosk", "shop"].map(|name| Thing::enrol(&house, name));
    house.load(car.code(), LOADED);
    renew(&house, &car, "4000000");
    let said = renew(&house, &kiosk, "1000");
    assert!(said.starts_with("0 USD may be paid"), "{said}");
    house.kill();
    for (from, to, amount) in [(&car, &kiosk, "700000"), (&kiosk, &shop, "600000")] {
        let (payee, at) = listen(to, "1");
        let paid = pay_beside(from.folder(), to, at, amount, "9").succeeded();
        assert!(paid.contains("paid;"), "{paid}");
        payee.wait().succeeded();
    }
    let left = shown(&kiosk);
    let rest = "100000 USD may be paid here and now, 0 of it under the allowance";
    assert!(left.contains(rest), "{left}");

    house.restart();
    for thing in [&shop, &kiosk, &car] {
        renew(&house, thing, "0");
    }
    for (thing, whole) in [(&kiosk, 100_000), (&shop, 600_000)] {
        let said = renew(&house, thing, "9000000");
        assert!(said.starts_with(&format!("{whole} USD")), "{said}");
    }
    assert_eq!(house.books()["sums"][0]["purses"], LOADED);
}

#[test]
fn what_was_not_received_cannot_be_spent_on() {
    let mut chain = Chain::set();
    chain.house.kill();
    chain.first_hand();
    let (_shop, at) = listen(&chain.shop, "1");
    let more = pay_beside(chain.kiosk.folder(), &chain.shop, at, "700002", "8").failed();
    assert!(more.contains("above_limit"), "{more}");
}

/// Somebody copies the flash of a thing.
fn copied(thing: &Thing, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(thing.folder()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_payee_that_hears_from_its_neighbour_of_a_fork_refuses_the_payer() {
    let mut chain = Chain::set();
    let copy = chain.house.folder().join("copy");
    copied(&chain.car, &copy);
    chain.house.kill();
    let (kiosk, at) = listen(&chain.kiosk, "1");
    let paid = pay_beside(chain.car.folder(), &chain.kiosk, at, "250000", "1").succeeded();
    assert!(paid.contains("paid;"), "{paid}");
    kiosk.wait().succeeded();

    // The kiosk pays its own unit, and tells what it took.
    let (_shop, at) = listen(&chain.shop, "2");
    pay_beside(chain.kiosk.folder(), &chain.shop, at, "1", "2").succeeded();
    let refused = pay_beside(&copy, &chain.shop, at, "250000", "3").failed();
    assert!(refused.contains("the payee refuses"), "{refused}");
}

#[test]
fn two_payees_that_were_both_cheated_prove_it_to_each_other_and_to_the_gateway() {
    let mut chain = Chain::set();
    let copy = chain.house.folder().join("copy");
    copied(&chain.car, &copy);
    chain.house.kill();
    let (kiosk, at) = listen(&chain.kiosk, "1");
    pay_beside(chain.car.folder(), &chain.kiosk, at, "250000", "1").succeeded();
    kiosk.wait().succeeded();
    let (shop, at) = listen(&chain.shop, "2");
    pay_beside(&copy, &chain.shop, at, "250000", "3").succeeded();
    let met = pay_beside(chain.kiosk.folder(), &chain.shop, at, "1", "2").succeeded();
    // The shop saw it at once, and showed its proof.
    let caught = format!("{:#} contradicted itself", chain.car.code());
    assert!(met.contains(&caught), "{met}");
    let said = shop.wait().succeeded();
    assert!(said.contains(&caught), "{said}");
    let (shop, at) = listen(&chain.shop, "1");
    let refused = pay_beside(chain.car.folder(), &chain.shop, at, "1000", "4").failed();
    assert!(refused.contains("the payee refuses"), "{refused}");
    drop(shop);

    chain.house.restart();
    let handed_in = renew(&chain.house, &chain.shop, "0");
    assert!(
        handed_in.contains("taken a proof against a code"),
        "{handed_in}"
    );
    renew(&chain.house, &chain.kiosk, "0");
    let books = chain.house.books();
    assert_eq!(books["counts"]["fraud_cases"], 1, "{books}");
}
