//! What holds in every state, and what has to be reached at all.

use std::collections::BTreeMap;

use ledger::rules::settle::Fate;
use protocol::rules::contradiction;
use stateright::{Model as _, Property};

use super::Model;
use super::cast::{Order, Who};
use super::state::{Delivery, Moment, Wire, Word, World};

/// By name, so that a counterexample says which.
pub fn properties() -> Vec<Property<Model>> {
    vec![
        Property::always("money is conserved", conserved),
        Property::always("a reserve holds what it stands for", reserved),
        Property::always("nothing impossible happens", |_, world: &World| {
            world.broken.is_none()
        }),
        Property::always("an honest purse never contradicts itself", honest),
        Property::always("each number ends once", ends_once),
        Property::always("nothing is pending at the end", nothing_pending),
        Property::always(
            "whoever kept to the rules is paid unless a key forked",
            paid,
        ),
        Property::always("a fork costs at most the published formula", bounded),
        Property::always("no payee takes two that contradict", vigilant),
        Property::always("something can go on until the end", goes_on),
        // A model in which nothing happens keeps every rule.
        Property::sometimes("the end is reached", |_, world: &World| {
            world.moment == Moment::End
        }),
        Property::sometimes("a payment settles across gateways", across),
        Property::sometimes("a payment is returned", |_, world: &World| {
            fates(world).any(|(_, fate)| fate == Fate::Returned)
        }),
    ]
}

/// All that is in the world, and all that has left it, is all that was ever loaded.
fn conserved(model: &Model, world: &World) -> bool {
    let in_books: u64 = world
        .purses()
        .map(|(_, purse)| {
            let waits: u64 = purse.rows.values().map(|row| row.waits).sum();
            purse.free + purse.reserved + waits
        })
        .sum();
    let on_wires: u64 = world
        .wires
        .iter()
        .filter(|(_, delivery)| **delivery == Delivery::Pending)
        .map(|(wire, _)| match wire {
            Wire::Credit { amount, .. } => *amount,
            Wire::SentOn { before, total, .. } => total - before,
            Wire::Forward { .. } => 0,
        })
        .sum();
    let moving: u64 = world
        .closings
        .values()
        .filter(|closing| !closing.taken)
        .map(|closing| closing.free)
        .sum();
    in_books + on_wires + moving + world.withdrawn == model.loaded()
}

fn reserved(_: &Model, world: &World) -> bool {
    let mut purses = world.purses();
    purses.all(|(_, purse)| purse.coverage.held().get() == purse.reserved)
}

/// Whatever an honest key signed is no proof against it, and nobody froze its code.
fn honest(_: &Model, world: &World) -> bool {
    world
        .payers
        .iter()
        .filter(|(_, p)| !p.forked)
        .all(|(who, payer)| {
            let spent: Vec<_> = payer.signed.iter().map(|order| &order.spent).collect();
            let proven = spent
                .iter()
                .any(|a| spent.iter().any(|b| contradiction(a, b).is_some()));
            let frozen = world
                .purses()
                .any(|(code, purse)| code == who && purse.frozen);
            !proven && !frozen
        })
}

fn fates(world: &World) -> impl Iterator<Item = (Order, Fate)> {
    world
        .purses()
        .flat_map(|(_, purse)| purse.rows.iter().map(|(order, row)| (*order, row.fate)))
}

/// No number is in the books twice, and of the payments under one number at most one moved money.
fn ends_once(_: &Model, world: &World) -> bool {
    let mut moved: BTreeMap<(Who, usize, u32), u32> = BTreeMap::new();
    for (order, fate) in fates(world) {
        let paid = world.paid(&order);
        let under_way = world
            .wires
            .keys()
            .any(|wire| matches!(wire, Wire::Credit { order: credit, .. } if *credit == order));
        if fate != Fate::Settled && (paid || under_way) {
            return false;
        }
        if fate == Fate::Settled && !(paid || under_way) {
            return false;
        }
        // Two arbiters pay two branches from two reserves; each of them pays a number once.
        if fate != Fate::OpenClaim {
            let number = (order.payer, order.given.by(), order.spent.sequence.0);
            *moved.entry(number).or_default() += 1;
        }
    }
    moved.values().all(|times| *times == 1)
}

/// Settled, returned, declined, an open claim, or never handed in, which is void.
fn nothing_pending(_: &Model, world: &World) -> bool {
    world.moment != Moment::End
        || fates(world).all(|(order, fate)| match fate {
            Fate::InTransit => false,
            Fate::Settled => world.paid(&order),
            _ => !world.paid(&order),
        })
}

/// Payments that a payee took by the rules, claimed in time, and was never paid for.
fn lost(world: &World) -> impl Iterator<Item = Order> {
    let claimed = world.payees.values().flat_map(|payee| &payee.in_time);
    claimed.filter(|order| !world.paid(order)).copied()
}

fn paid(_: &Model, world: &World) -> bool {
    let forked = |order: &Order| world.payers[&order.payer].forked;
    world.moment != Moment::End || lost(world).all(|order| forked(&order))
}

/// What the payer's allowances had left, times the payees that could not hear of each other; less
/// one of them, for of two branches the one that is here first is paid.
fn bounded(_: &Model, world: &World) -> bool {
    if world.moment != Moment::End {
        return true;
    }
    world.payers.iter().all(|(who, payer)| {
        let reach = payer
            .given
            .iter()
            .map(|given| given.terms().limit.get())
            .max();
        let most = reach.unwrap_or(0) * (Who::PAYEES.len() as u64 - 1);
        let costs: u64 = lost(world)
            .filter(|order| order.payer == *who)
            .map(|order| order.payment.get().amount.get())
            .sum();
        costs <= most
    })
}

/// One payee cannot be shown both branches.
fn vigilant(_: &Model, world: &World) -> bool {
    world.payees.values().all(|payee| {
        let taken = || payee.said.iter().filter(|(_, word)| **word == Word::Takes);
        taken().all(|(a, _)| taken().all(|(b, _)| contradiction(&a.spent, &b.spent).is_none()))
    })
}

/// No state but the last is a dead end.
fn goes_on(model: &Model, world: &World) -> bool {
    if world.moment == Moment::End || world.broken.is_some() {
        return true;
    }
    let mut steps = Vec::new();
    model.actions(world, &mut steps);
    steps
        .into_iter()
        .any(|step| model.next_state(world, step).is_some())
}

fn across(_: &Model, world: &World) -> bool {
    world
        .wires
        .iter()
        .any(|(wire, delivery)| matches!(wire, Wire::Credit { .. }) && *delivery == Delivery::Taken)
}
