//! Those who try to break it. Each holds the keys of a few things of its own, hears what reaches
//! them, reaches the gateway and every other thing past all links, and takes a turn now and then.
//!
//! Each counts what it tries, and each try that was refused, found out, or gained nothing: a world
//! in which an adversary never gets to try anything proves nothing.

pub(super) mod broken_word;
pub(super) mod clone;
mod collect;
mod covers;
mod disjoint;
pub(super) mod elsewhere;
mod frame;
mod frozen;
mod late;
mod launder;
mod lying_payee;
mod race;
mod reenrol;
mod replay;
mod retries;
mod stale;
mod starve;

use super::authority::currencies;
use super::honest::{amount, note_payment};
use super::links::Party;
use super::scenario::Scenario;
use super::thing::{Mover, Thing, written};
use super::wire::Letter;
use super::{World, finish};
use device_sdk::purse::{HandInCursor, OUT_MAX, Order};
use protocol::{Digest, Reference};

/// Somebody with bad intentions.
pub(crate) trait Adversary {
    /// Its turn.
    fn act(&mut self, world: &mut World);

    /// Something reached one of its things.
    fn hear(&mut self, world: &mut World, thing: usize, from: Party, bytes: &[u8]) {
        let _ = from;
        take_note(world, thing, bytes);
    }

    /// Links have healed and everybody has synchronised once; deadlines have not passed.
    fn last_turn(&mut self, world: &mut World) {
        let _ = world;
    }
}

/// A kind of adversary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Things it brings.
    recruits: usize,
    make: fn(&[usize]) -> Box<dyn Adversary>,
}

/// All of them.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: clone::CLONE,
        recruits: 1,
        make: clone::Clone::make,
    },
    Kind {
        name: clone::ROLLBACK,
        recruits: 1,
        make: clone::Rollback::make,
    },
    Kind {
        name: reenrol::NAME,
        recruits: 1,
        make: reenrol::Reenrol::make,
    },
    Kind {
        name: broken_word::NAME,
        recruits: 1,
        make: broken_word::BrokenWord::make,
    },
    Kind {
        name: launder::NAME,
        recruits: 1,
        make: launder::Launder::make,
    },
    Kind {
        name: collect::NAME,
        recruits: 3,
        make: collect::Collect::make,
    },
    Kind {
        name: disjoint::NAME,
        recruits: 1,
        make: disjoint::Disjoint::make,
    },
    Kind {
        name: elsewhere::NAME,
        recruits: 1,
        make: elsewhere::Elsewhere::make,
    },
    Kind {
        name: lying_payee::NAME,
        recruits: 2,
        make: lying_payee::LyingPayee::make,
    },
    Kind {
        name: frame::NAME,
        recruits: 1,
        make: frame::Frame::make,
    },
    Kind {
        name: covers::NAME,
        recruits: 2,
        make: covers::Covers::make,
    },
    Kind {
        name: frozen::NAME,
        recruits: 1,
        make: frozen::Frozen::make,
    },
    Kind {
        name: late::NAME,
        recruits: 1,
        make: late::Late::make,
    },
    Kind {
        name: race::NAME,
        recruits: 1,
        make: race::Race::make,
    },
    Kind {
        name: replay::NAME,
        recruits: 1,
        make: replay::Replay::make,
    },
    Kind {
        name: retries::NAME,
        recruits: 1,
        make: retries::Retries::make,
    },
    Kind {
        name: stale::NAME,
        recruits: 1,
        make: stale::Stale::make,
    },
    Kind {
        name: starve::NAME,
        recruits: 1,
        make: starve::Starve::make,
    },
];

/// How many things the adversaries of a scenario bring.
pub(crate) fn recruits(scenario: &Scenario) -> usize {
    scenario.adversaries.iter().map(|kind| kind.recruits).sum()
}

/// Brings them in.
pub(crate) fn enter(world: &mut World) {
    for (number, kind) in world.scenario.adversaries.clone().into_iter().enumerate() {
        let recruits: Vec<_> = (0..kind.recruits)
            .map(|_| world.add_thing(Mover::Adversary(number)))
            .collect();
        world.adversaries.push(Some((kind.make)(&recruits)));
    }
}

/// Before the deadlines pass, each has one more turn.
pub(crate) fn last_turns(world: &mut World) {
    for number in 0..world.adversaries.len() {
        if let Some(mut adversary) = world.adversaries[number].take() {
            adversary.last_turn(world);
            world.adversaries[number] = Some(adversary);
        }
    }
}

/// What an honest purse would do with it.
pub(crate) fn take_note(world: &mut World, thing: usize, bytes: &[u8]) {
    let _ = world.with_purse(thing, |purse, now| purse.receive(bytes, now));
}

/// Gets an allowance for as much as there is; true when the purse can spend.
pub(crate) fn fund(world: &mut World, thing: usize) -> bool {
    let wanted = amount(world.scenario.wealth);
    let currency = currencies()[0];
    hand_in(world, thing);
    let renewal = world.with_purse(thing, |purse, now| {
        written(|out| purse.renewal(currency, wanted, now, out))
    });
    if let Ok(renewal) = renewal
        && let Ok(grant) = finish::ask(world, thing, &renewal)
    {
        take_note(world, thing, &grant);
    }
    let purse = world.things[thing].purse.as_ref();
    purse.is_some_and(|purse| purse.spendable(currency).get() > 1)
}

/// Hands in everything its purse shows.
pub(crate) fn hand_in(world: &mut World, thing: usize) {
    let mut cursor = HandInCursor::default();
    for _ in 0..16 {
        let mut next = cursor;
        let shown = world.with_purse(thing, |purse, _| {
            let mut out = vec![0; OUT_MAX];
            let len = purse.hand_in(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        let Ok(Some(message)) = shown else {
            return;
        };
        if let Ok(answer) = finish::ask(world, thing, &message) {
            take_note(world, thing, &answer);
        }
    }
}

/// Pays with its purse whatever chance says; the payment and its evidence, which nobody was shown.
pub(crate) fn pay(world: &mut World, thing: usize, payee: usize) -> Option<(Digest, Vec<u8>)> {
    let currency = currencies()[0];
    let purse = world.things[thing].purse.as_ref()?;
    let most = purse.allowance(currency)?.most_per_payment;
    let most = most.min(purse.spendable(currency)).get();
    let minor = world.chance.between(1, most.max(1));
    pay_amount(world, thing, payee, minor)
}

/// The same with so much; where the payee has an allowance, it may spend it on.
pub(crate) fn pay_amount(
    world: &mut World,
    thing: usize,
    payee: usize,
    minor: u64,
) -> Option<(Digest, Vec<u8>)> {
    let currency = currencies()[0];
    let order = Order {
        payee: world.things[payee].code,
        currency,
        amount: amount(minor),
        reference: Reference(world.chance.bytes()),
    };
    let now = world.now();
    let payee_purse = world.things[payee].purse.as_ref();
    let covers_for = payee_purse.and_then(|purse| purse.covers_for(currency, now));
    let paid = world.with_purse(thing, |purse, now| {
        written(|out| match covers_for {
            Some(covers_for) => purse.pay_spendable(&order, covers_for, now, out),
            None => purse.pay(&order, now, out),
        })
    });
    let evidence = paid.ok()?;
    let id = Letter::read(&evidence)?.payment()?.id();
    note_payment(world, thing, payee, &evidence, "pays");
    Some((id, evidence))
}

/// Takes out as much as the gateway lets it, in ever smaller bites.
pub(crate) fn drain(world: &mut World, thing: usize) {
    let currency = currencies()[0];
    let code = world.things[thing].code;
    let mut bite = world.model.total(code, currency);
    while bite > 0 {
        if !world.redeem(thing, currency, bite) {
            bite /= 2;
        }
    }
}

/// An honest thing that is up, by chance.
pub(crate) fn victim(world: &mut World) -> Option<usize> {
    let up = |thing: &&Thing| thing.is_honest() && thing.purse.is_some();
    let honest: Vec<_> = world.things.iter().filter(up).map(|t| t.number).collect();
    world.chance.pick(&honest).copied()
}

/// Two of them.
pub(crate) fn victims(world: &mut World) -> Option<[usize; 2]> {
    let first = victim(world)?;
    let second = victim(world)?;
    (first != second).then_some([first, second])
}
