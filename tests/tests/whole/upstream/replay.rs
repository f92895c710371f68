//! Every session of a file is paid from a car of one gateway to a charger of another, while the links
//! to their centre are cut at random and one of the three is killed now and then.

use std::time::{Duration, Instant};

use device_sdk::purse::Order;
use protocol::rules::Expected;
use protocol::{Reference, Status};

use super::land::{Holder, Land};
use super::seed;
use tests::by_hand::{USD, amount};
use tests::house::now;
use tests::thing::written;

/// Cars and chargers that stand for all drivers and stations of the file.
const HOLDERS: usize = 4;
/// Price of a watt-hour, in millionths: a session stays below what a purse of the tests takes.
const PRICE_MICRO_USD_PER_WH: u64 = 100;
/// Sessions when there is no file.
const MADE_UP: u64 = 300;
/// Payments between two kills.
const KILL_EVERY: usize = 150;
/// Payments between two synchronisations of a purse.
const SYNC_EVERY: usize = 6;
/// How long a purse may have no room before something is wrong.
const ROOM_WITHIN: Duration = Duration::from_secs(150);

/// Driver, station and energy of each session that delivered any.
fn sessions(land: &Land) -> Vec<(usize, usize, u64)> {
    let file = std::env::var("ONECODE_SESSIONS")
        .ok()
        .filter(|file| !file.is_empty());
    let Some(file) = file else {
        let chance = |most| land.links[0].below(most);
        let made =
            (0..MADE_UP).map(|_| (chance(68) as usize, chance(85) as usize, 1 + chance(20_000)));
        return made.collect();
    };
    let text = std::fs::read_to_string(&file).expect("the session file");
    let session = |line: &str| {
        let columns: Vec<&str> = line.split(',').collect();
        let number = |at: usize| columns[at].parse::<u64>().expect("a number");
        (number(5) as usize, number(3) as usize, number(6))
    };
    text.lines()
        .skip(1)
        .map(session)
        .filter(|(_, _, wh)| *wh > 0)
        .collect()
}

#[test]
fn the_whole_session_file_settles_once_whatever_the_links_do() {
    let seed = seed();
    let mut land = Land::new(seed);
    let sessions = sessions(&land);
    let mut cars: Vec<Holder> = (0..HOLDERS)
        .map(|number| land.holder(0, &format!("car-{number}")))
        .collect();
    let mut chargers: Vec<Holder> = (0..HOLDERS)
        .map(|number| land.holder(1, &format!("charger-{number}")))
        .collect();
    for (car, charger) in cars.iter_mut().zip(&mut chargers) {
        car.trusts_gateway_of(&charger.thing);
        charger.trusts_gateway_of(&car.thing);
    }
    let mut due = ([0; HOLDERS], [0; HOLDERS]);
    for (driver, station, wh) in &sessions {
        due.0[driver % HOLDERS] += wh * PRICE_MICRO_USD_PER_WH;
        due.1[station % HOLDERS] += wh * PRICE_MICRO_USD_PER_WH;
    }
    for (car, due) in cars.iter_mut().zip(due.0) {
        land.load(0, car, due);
        land.grant(0, car, due);
    }
    land.until("the warrant is shown", || {
        let mut all: Vec<&mut Holder> = chargers.iter_mut().collect();
        cars[0].shows_warrants(&land.sites[0], &mut all)
    });

    let unsteady = land.unsteady();
    let begun = Instant::now();
    let mut kills = 0;
    for (index, (driver, station, wh)) in sessions.iter().enumerate() {
        let (car, charger) = (
            &mut cars[driver % HOLDERS],
            &mut chargers[station % HOLDERS],
        );
        pay(&land, (car, charger), (index, wh * PRICE_MICRO_USD_PER_WH));
        if index % SYNC_EVERY == 0 {
            car.synchronise(&land.sites[0]);
            charger.synchronise(&land.sites[1]);
        }
        if index % KILL_EVERY == KILL_EVERY - 1 {
            let victim = match land.links[0].below(3) {
                0 => &mut land.centre,
                1 => &mut land.sites[0],
                _ => &mut land.sites[1],
            };
            victim.kill();
            victim.restart();
            kills += 1;
        }
    }
    let paid_s = begun.elapsed().as_secs();
    drop(unsteady);
    land.until("every purse is answered", || {
        let mut open = 0;
        for car in &mut cars {
            car.synchronise(&land.sites[0]);
            open += car.purse.unanswered();
        }
        for charger in &mut chargers {
            charger.synchronise(&land.sites[1]);
            open += charger.purse.unanswered();
        }
        open == 0
    });
    let total: u64 = due.1.iter().sum();
    land.until("all the money has come", || land.purses(1) == total);
    let cuts: u64 = land.links.iter().map(tests::cut::Cut::cuts).sum();
    println!(
        "{} sessions paid in {paid_s} s, links cut {cuts} times, {kills} kills, agreed after {} s",
        sessions.len(),
        begun.elapsed().as_secs() - paid_s,
    );
    assert!(cuts >= 10, "the links were cut {cuts} times");
    let holders: Vec<(usize, &Holder)> = (cars.iter().map(|car| (0, car)))
        .chain(chargers.iter().map(|charger| (1, charger)))
        .collect();
    let (books, held) = land.close(&holders);
    assert!(books.holds && books.in_flight == 0, "{books:?}");
    assert_eq!(books.issued_minus_redeemed, i64::try_from(total).unwrap());
    assert_eq!(
        held[..HOLDERS],
        [0; HOLDERS],
        "every car has paid all of it, once"
    );
    assert_eq!(
        held[HOLDERS..],
        due.1,
        "every charger has what it is due, once"
    );
}

/// One payment with nobody else in reach, once both have room for it.
pub fn pay(land: &Land, (car, charger): (&mut Holder, &mut Holder), (index, micro): (usize, u64)) {
    let mut reference = [0; 16];
    reference[..8].copy_from_slice(&(index as u64).to_be_bytes());
    let order = Order {
        payee: charger.thing.code(),
        currency: USD,
        amount: amount(micro),
        reference: Reference(reference),
    };
    let expected = Expected {
        amount: order.amount,
        reference: order.reference,
    };
    let deadline = Instant::now() + ROOM_WITHIN;
    let retry = |what: Status, holder: &mut Holder, site: usize| {
        assert!(Instant::now() < deadline, "session {index}: {what}");
        holder.synchronise(&land.sites[site]);
        std::thread::sleep(Duration::from_millis(50));
    };
    let evidence = loop {
        match written(|out| car.purse.pay(&order, now(), out)) {
            Ok(evidence) => break evidence,
            Err(status) => retry(status, car, 0),
        }
    };
    let receipt = loop {
        match written(|out| charger.purse.accept(&evidence, Some(expected), now(), out)) {
            Ok(receipt) => break receipt,
            Err(status) => retry(status, charger, 1),
        }
    };
    car.purse
        .receive(&receipt, now())
        .expect("a receipt that holds");
}
