//! The end: links heal, everybody comes back and hands in, every deadline passes, and then all books
//! together must say the same as all purses.

use super::super::authority::currencies;
use super::{Union, invariants, things, witness};
use ledger::federation::conserved;
use ledger::rules::settle::Fate;
use protocol::{Currency, Digest};
use std::collections::BTreeMap;

/// Everything waits no longer than that between two turns.
const TURN_MS: u64 = 15 * 60_000;

pub(crate) fn finish(world: &mut Union) {
    world.note("everything heals");
    world.calm = true;
    world.links.heal();
    world.schedule.clear();
    for office in &mut world.offices {
        office.away_until_ms = 0;
    }
    world.carry_all(4);
    for _ in 0..2 {
        everybody_hands_in(world);
        world.carry_all(3);
    }
    invariants::look(world);
    let policy = world.scenario.policy;
    let wait_s = policy.allowance_life_s + 2 * policy.grace_s + 1_200;
    for _ in 0..u64::from(wait_s) * 1_000 / TURN_MS + 2 {
        let to_ms = world.schedule.now_ms() + TURN_MS;
        world.schedule.advance(to_ms);
        world.carry_all(1);
        if world.broken.is_some() {
            return;
        }
    }
    world.carry_all(3);
    world.looks_after_withdrawals();
    world.carry_all(2);
    world.looks_after_withdrawals();
    for _ in 0..2 {
        everybody_hands_in(world);
        world.carry_all(3);
    }
    everybody_hands_in(world);
    invariants::look(world);
    nothing_is_on_its_way(world);
    cheats_are_on_record(world);
    let fates = fates(world);
    the_books_agree(world, &fates);
    purses_agree(world, &fates);
    for office in 0..world.offices.len() {
        let name = world.offices[office].name();
        if let Err(what) = world.offices[office].verify() {
            world.fail("the books are whole", format!("{name}: {what}"));
        }
        for _ in 0..world.offices[office].letters_refused() {
            world.tally.count("letters refused");
        }
    }
}

fn everybody_hands_in(world: &mut Union) {
    for thing in 0..world.things.len() {
        while world.things[thing].purse.is_none() {
            let cast = world.cast;
            world.things[thing].power_on(cast);
        }
        if !world.things[thing].honest {
            continue;
        }
        let home = world.things[thing].home;
        for office in 0..world.offices.len() {
            if office != home {
                things::visit(world, thing, office);
            }
        }
        things::visit(world, thing, home);
    }
}

/// How often the books of some office accuse a thing; that it is no honest one was looked at.
fn cheats_are_on_record(world: &mut Union) {
    let cases: usize = (world.offices.iter())
        .map(|office| office.frauds().len() + office.accusations().len())
        .sum();
    for _ in 0..cases {
        world.tally.count("cheats on record");
    }
}

fn nothing_is_on_its_way(world: &mut Union) {
    let ledgers: Vec<_> = world.offices.iter().map(|o| o.ledger().clone()).collect();
    for books in world.runtime.block_on(conserved(&ledgers)).unwrap() {
        let open = (
            books.clearing,
            books.in_flight,
            books.ahead,
            books.in_transit,
        );
        if open != (0, 0, 0, 0) {
            world.fail(
                "nothing is pending once links heal and deadlines pass",
                format!("{books:?}"),
            );
        }
    }
    for office in 0..world.offices.len() {
        let (open, name) = (
            world.offices[office].relays_open(),
            world.offices[office].name(),
        );
        if open > 0 {
            world.fail(
                "nothing is pending once links heal and deadlines pass",
                format!("{open} relays at {name} have no word of their arbiter"),
            );
        }
    }
}

/// What became of every payment in all books: where, how, and how much of it reached its payee.
type Fates = BTreeMap<Digest, Vec<(usize, Fate, u64)>>;

fn fates(world: &mut Union) -> Fates {
    let mut fates = BTreeMap::new();
    let deals: Vec<_> = world.deals.keys().copied().collect();
    for id in deals {
        let in_books = world.offices.iter().filter_map(|office| {
            let (fate, paid) = office.fate(&id)?;
            Some((office.number, fate, paid))
        });
        fates.insert(id, in_books.collect::<Vec<_>>());
    }
    fates
}

/// What of a payment reached its payee.
fn paid(fates: &[(usize, Fate, u64)]) -> u64 {
    fates.iter().map(|(_, _, paid)| *paid).max().unwrap_or(0)
}

fn the_books_agree(world: &mut Union, fates: &Fates) {
    for (id, fates) in fates {
        let (deal, what) = (
            world.deals[id].clone(),
            format!("{}: {fates:?}", things::short(id)),
        );
        let settled = fates.iter().filter(|(_, fate, _)| *fate == Fate::Settled);
        match settled.count() {
            0 => world.tally.count("came to nothing"),
            1 => world.tally.count("settled"),
            _ => world.fail("no payment is settled twice over all books", what.clone()),
        }
        if fates.len() > 1 {
            world.fail("one gateway has the word on a payment", what.clone());
        }
        witness::told_the_truth(world, id, paid(fates));
        let pending = |fate: &Fate| matches!(fate, Fate::InTransit | Fate::Waiting);
        if fates.iter().any(|(_, fate, _)| pending(fate)) {
            world.fail(
                "nothing is pending once links heal and deadlines pass",
                what.clone(),
            );
        }
        let both = world.things[deal.payer].honest && world.things[deal.payee].honest;
        let in_time = deal.claimed.is_some_and(|at| at <= deal.settle_by);
        let short = paid(fates) < deal.amount;
        if both && deal.taken && in_time && short && world.came_too_late(id) {
            world.tally.count("short after being cut off too long");
        } else if both && deal.taken && in_time && short {
            let (claimed, by) = (deal.claimed, deal.settle_by);
            world.fail(
                "an honest payee who claims in time is paid",
                format!(
                    "{what} of {}, claimed at {claimed:?} by {by:?}",
                    deal.amount
                ),
            );
        }
    }
    for thing in 0..world.things.len() {
        for currency in currencies() {
            balance_agrees(world, thing, currency, fates);
        }
    }
}

fn balance_agrees(world: &mut Union, thing: usize, currency: Currency, fates: &Fates) {
    let given = world.given.get(&(thing, currency)).copied();
    let mut expected = given.unwrap_or_default();
    for (id, deal) in &world.deals {
        if deal.currency != currency {
            continue;
        }
        let moved = paid(&fates[id]) as i64;
        expected -= if deal.payer == thing { moved } else { 0 };
        expected += if deal.payee == thing { moved } else { 0 };
    }
    let code = world.things[thing].code;
    let held: Vec<_> = (world.offices.iter())
        .map(|office| office.holds(&code, currency))
        .collect();
    let sum: u64 = held.iter().map(|(free, reserved)| free + reserved).sum();
    if sum as i64 != expected {
        let name = world.things[thing].name();
        world.fail(
            "all books together hold what was loaded and settled",
            format!(
                "{name} should hold {expected} {} and holds {held:?}",
                currency.name()
            ),
        );
    }
}

/// What honest purses were told is what happened.
fn purses_agree(world: &mut Union, fates: &Fates) {
    for thing in 0..world.things.len() {
        if !world.things[thing].honest {
            continue;
        }
        for (currency, received) in world.things[thing].received().unwrap_or_default() {
            let to_it = world.deals.iter().filter(|(id, deal)| {
                let it = (deal.payee, deal.currency) == (thing, currency);
                it && deal.taken && fates.contains_key(*id)
            });
            let settled: u64 = to_it.map(|(id, _)| paid(&fates[id])).sum();
            if received != settled {
                let name = world.things[thing].name();
                world.fail(
                    "a purse and the books agree",
                    format!(
                        "{name} was told of {received} {}, {settled} settled",
                        currency.name()
                    ),
                );
            }
        }
    }
}
