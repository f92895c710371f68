//! Adversaries among several gateways: they hold keys, and sign what no honest purse and no honest
//! gateway would.

mod fork;
mod overissue;
mod provisional;
mod two_moves;

use super::super::authority::currencies;
use super::super::thing::written;
use super::{Bias, Union, amount, invariants, things};
use device_sdk::purse::Order;
use protocol::{Reference, Status};

/// One who acts from time to time.
pub(crate) trait Adversary {
    fn act(&mut self, world: &mut Union);
}

/// A kind of adversary.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    enter: fn(&mut Union) -> Box<dyn Adversary>,
}

/// All of them.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: fork::NAME,
        enter: fork::enter,
    },
    Kind {
        name: overissue::NAME,
        enter: overissue::enter,
    },
    Kind {
        name: provisional::NAME,
        enter: provisional::enter,
    },
    Kind {
        name: two_moves::NAME,
        enter: two_moves::enter,
    },
];

/// One adversary of a kind that is drawn, or of the kind that is asked for.
pub(crate) fn enter(world: &mut Union, bias: Bias) {
    let kind = match bias.only {
        Some(name) => KINDS.iter().find(|kind| kind.name == name),
        None => world.chance.pick(KINDS),
    };
    if let Some(kind) = kind {
        let adversary = (kind.enter)(world);
        world.adversaries.push(Some(adversary));
    }
}

/// Gets an allowance at home in the first currency, if there is none.
fn has_allowance(world: &mut Union, thing: usize) -> bool {
    let (currency, now) = (currencies()[0], world.now());
    let soon = now.plus_s(1_800);
    let held = world.things[thing].purse.as_ref();
    let held = held.and_then(|purse| purse.allowance(currency));
    if held.is_some_and(|a| a.expires > soon) {
        return true;
    }
    let home = world.things[thing].home;
    if world.is_away(home) {
        return false;
    }
    for message in world.offices[home].news() {
        world.things[thing].learn(&message);
    }
    renew(world, thing, home).is_ok()
}

/// Asks an office for an allowance, and gives the purse what it answers.
fn renew(world: &mut Union, thing: usize, office: usize) -> Result<Vec<u8>, Status> {
    let wanted = amount(world.scenario.wealth);
    let currency = currencies()[0];
    let renewal = world.with_purse(thing, |purse, now| {
        written(|out| purse.renewal(currency, wanted, now, out))
    })?;
    let grant = things::brings(world, thing, office, &renewal)?;
    invariants::granted(world, office, &grant);
    world.with_purse(thing, |purse, now| purse.receive(&grant, now))?;
    Ok(grant)
}

/// Pays somebody in the first currency: the whole evidence.
fn pay(world: &mut Union, thing: usize, payee: usize, minor: u64) -> Result<Vec<u8>, Status> {
    let order = Order {
        payee: world.things[payee].code,
        currency: currencies()[0],
        amount: amount(minor),
        reference: Reference(world.chance.bytes()),
    };
    let evidence = world.with_purse(thing, |purse, now| {
        written(|out| purse.pay(&order, now, out))
    })?;
    world.sign(&evidence);
    Ok(evidence)
}
