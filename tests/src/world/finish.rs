//! The end of a world: links heal, everybody synchronises, every deadline passes, and then the
//! accounts are looked at once more.

use super::authority::currencies;
use super::counter::{decide, refusal, sweeps};
use super::model::Fate;
use super::thing::written;
use super::{Happening, World, adversary, honest, invariants, order};
use protocol::{Currency, Status};

/// Rounds in which everybody synchronises; each clears a full outbox.
const ROUNDS: usize = 4;
/// Times in a thousand that the order of hand-in is looked at.
const COMPARED: u32 = 350;
/// Happenings between two rounds at most.
const ROUND_STEPS_MOST: u64 = 20_000;

pub(crate) fn finish(world: &mut World) {
    world.note("the world winds down");
    world.calm = true;
    world
        .things
        .iter()
        .for_each(|thing| thing.flash.run_full(0));
    world.links.heal();
    // Nothing new is begun; what is on its way still arrives.
    world.schedule.clear();
    for gateway in &mut world.gateways {
        gateway.up();
    }
    if world.chance.per_mille(COMPARED) {
        order::changes_nothing(world, 0);
    }
    synchronise_all(world);
    adversary::last_turns(world);
    synchronise_all(world);
    let deadlines = world.model.grants.values().map(|grant| grant.expires);
    let last = deadlines.max().unwrap_or_default();
    let end_s = last.0.saturating_sub(super::schedule::BEGIN.0);
    let end_s = u64::from(end_s) + u64::from(world.scenario.policy.grace_s) + 1;
    world.schedule.advance(end_s * 1_000);
    world.note("every deadline has passed");
    for gateway in 0..world.gateways.len() {
        sweeps(world, gateway);
    }
    synchronise_all(world);
    for gateway in 0..world.gateways.len() {
        sweeps(world, gateway);
    }
    synchronise_all(world);
    if world.broken.is_some() {
        return;
    }
    super::claims::decide_all(world);
    synchronise_all(world);
    invariants::all_balances(world);
    invariants::frauds(world);
    invariants::everything_ended(world);
    invariants::nobody_is_short(world);
    invariants::forks_cost_what_was_published(world);
    purses_agree(world);
    everybody_may_go_on(world);
    for gateway in 0..world.gateways.len() {
        if let Err(damage) = world.gateways[gateway].verify() {
            world.fail("the books are whole", damage);
        }
    }
}

fn synchronise_all(world: &mut World) {
    for _ in 0..ROUNDS {
        for thing in 0..world.things.len() {
            if world.things[thing].purse.is_none() {
                // The dead stay dead.
                world.power_on(thing);
            }
            if world.things[thing].is_honest() {
                honest::synchronise(world, thing);
            }
        }
        let mut steps = 0;
        while world.broken.is_none()
            && steps < ROUND_STEPS_MOST
            && let Some(happening) = world.schedule.next(u64::MAX)
        {
            // Weather, sweeps and turns are over.
            if matches!(happening, Happening::Arrives(..) | Happening::PowerOn(_)) {
                world.step(happening);
            }
            steps += 1;
        }
        if nobody_waits(world) {
            break;
        }
    }
}

/// Whether every honest purse has its answers and has read its inbox.
fn nobody_waits(world: &World) -> bool {
    let waits = |thing: &super::thing::Thing| {
        let unanswered = thing.purse.as_ref().is_none_or(|p| p.unanswered() > 0);
        unanswered || !world.gateways[0].inbox(&thing.code, 1).is_empty()
    };
    let mut honest = world
        .things
        .iter()
        .filter(|thing| thing.is_honest() && !thing.dead);
    !honest.any(waits)
}

/// What an honest purse says about itself is what the books say.
fn purses_agree(world: &mut World) {
    let mut wrong = None;
    for thing in &world.things {
        let Some(purse) = thing.purse.as_ref().filter(|_| thing.is_honest()) else {
            continue;
        };
        if purse.unanswered() > 0 {
            wrong = Some(format!(
                "{} still waits for {} answers",
                thing.name(),
                purse.unanswered()
            ));
        }
        // Of its earlier lives it knows only what its journal kept.
        let known = if thing.forgetful {
            &[][..]
        } else {
            &currencies()[..]
        };
        for currency in known.iter().copied() {
            let totals = purse.totals(currency);
            let mut given = 0;
            let reached = world.model.entries.iter().filter_map(|(id, entry)| {
                let p = world.model.signed.payments.get(id)?;
                let mine = (p.payee, p.currency) == (thing.code, currency);
                if mine {
                    given += world.model.behind.given.get(id).copied().unwrap_or(0);
                }
                mine.then_some(entry.reached)
            });
            let reached: u64 = reached.sum();
            // It may have forgotten a claim by the time a person decides about it.
            if !(reached - given..=reached).contains(&totals.received_settled.get()) {
                wrong = Some(format!(
                    "{} counts {} {} received, the books {reached}",
                    thing.name(),
                    totals.received_settled,
                    currency.name()
                ));
            }
            let paid = world.model.signed.payments.values();
            let odometer = paid
                .filter(|p| (p.payer, p.currency) == (thing.code, currency))
                .filter(|p| !world.model.signed.is_given_up(&p.id))
                .filter(|p| p.key_epoch == purse.standing().0.0)
                .map(|p| p.odometer)
                .max();
            if totals.paid_out.get() != odometer.unwrap_or(0) {
                wrong = Some(format!("{} forgot what it paid out", thing.name()));
            }
        }
    }
    if let Some(what) = wrong {
        world.fail("purses and books agree in the end", what);
    }
}

/// Whoever is honest and has money can have an allowance for it.
fn everybody_may_go_on(world: &mut World) {
    for thing in 0..world.things.len() {
        let code = world.things[thing].code;
        if !world.things[thing].is_honest() || world.model.frozen.contains(&code) {
            continue;
        }
        for currency in currencies() {
            let total = world.model.total(code, currency);
            if total == 0 || world.model.day_is_over(code, currency, world.now()) {
                continue;
            }
            // What was asked before may be too late, and is asked anew once the purse hears so.
            let asked = match asks(world, thing, currency, total) {
                Err(Status::Expired) => asks(world, thing, currency, total),
                first => first,
            };
            if let Err(status) = asked {
                let name = world.things[thing].name();
                let what = format!("{name} holds {total} {currency} and hears {status}");
                world.fail("an honest thing can always go on", what);
            }
        }
    }
}

/// Asks for an allowance and hears the answer, whatever it is.
fn asks(world: &mut World, thing: usize, currency: Currency, total: u64) -> Result<(), Status> {
    let code = world.things[thing].code;
    let wanted = honest::amount(total);
    let renewal = world.with_purse(thing, |purse, now| {
        written(|out| purse.renewal(currency, wanted, now, out))
    });
    // A purse that cannot ask at all is looked at elsewhere.
    let Ok(renewal) = renewal else {
        return Ok(());
    };
    let answer = decide(world, 0, Some(code), &renewal);
    let message = match &answer {
        Ok(grant) => grant.clone(),
        Err(status) => refusal(*status, &renewal),
    };
    // A new key epoch begins once, for all currencies.
    let _ = world.with_purse(thing, |purse, now| purse.receive(&message, now));
    answer.map(drop)
}

/// Whether a payment ended with its payee.
pub(crate) fn is_settled(world: &World, id: &protocol::Digest) -> bool {
    let entry = world.model.entries.get(id);
    entry.is_some_and(|entry| entry.fate == Fate::Settled)
}

/// A message straight to the gateway, with no link between.
pub(crate) fn ask(world: &mut World, thing: usize, message: &[u8]) -> super::gateway::Answer {
    if !world.gateways[0].is_up() {
        return Err(protocol::Status::Busy);
    }
    let code = world.things[thing].code;
    decide(world, 0, Some(code), message)
}
