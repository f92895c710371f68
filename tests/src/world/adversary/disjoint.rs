//! Disjoint numbers over one odometer interval: two payments that no previous-link joins, with
//! numbers far apart, each good by itself, both taking the same readings.

use super::{Adversary, fund, victims};
use crate::world::authority::currencies;
use crate::world::honest::{accept, amount};
use crate::world::thing::written;
use crate::world::wire::{EVIDENCE, Item, Letter, Paper};
use crate::world::{World, finish};
use device_sdk::purse::Order;
use protocol::{Digest, Reference};

pub(crate) const NAME: &str = "disjoint";

#[derive(Debug)]
pub(crate) struct Disjoint {
    thing: usize,
    forks: Vec<Vec<Digest>>,
}

impl Disjoint {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            forks: Vec::new(),
        })
    }

    /// A payment of its purse, to have something to change.
    fn pattern(&self, world: &mut World, payee: usize) -> Option<(Vec<u8>, Paper)> {
        let order = Order {
            payee: world.things[payee].code,
            currency: currencies()[0],
            amount: amount(1),
            reference: Reference(world.chance.bytes()),
        };
        let evidence = world.with_purse(self.thing, |purse, now| {
            written(|out| purse.pay(&order, now, out))
        });
        let letter = Letter::read(&evidence.ok()?).filter(|l| l.kind == EVIDENCE)?;
        let allowance = letter.parts.first()?.bytes()?.to_vec();
        Some((allowance, letter.payment()?))
    }
}

impl Adversary for Disjoint {
    fn act(&mut self, world: &mut World) {
        let Some(payees) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((allowance, pattern)) = self.pattern(world, payees[0]) else {
            return;
        };
        let Some(terms) = Paper::read("allowance", &allowance) else {
            return;
        };
        let numbers = terms.int(7).zip(terms.int(11));
        let readings = terms.int(9).zip(terms.int(6));
        let (Some((base, most)), Some((from, limit))) = (numbers, readings) else {
            return;
        };
        let room = limit.saturating_sub(from).min(terms.int(10).unwrap_or(0));
        if room == 0 || most < 2 {
            return;
        }
        let key = world.things[self.thing].key();
        let mut fork = Vec::new();
        let mut all_taken = true;
        world.tally.tried(NAME);
        for (step, payee) in payees.into_iter().enumerate() {
            let sequence = base + 1 + (most - 1) * step as u64;
            let forged = pattern
                .clone()
                .with(3, Item::Int(sequence as i64))
                .with(4, Item::Bytes(world.chance.bytes::<16>().to_vec()))
                .with(5, Item::Bytes(world.things[payee].code.as_bytes().to_vec()))
                .with(7, Item::Int(room as i64))
                .with(8, Item::Int((from + room) as i64))
                .signed(&key);
            world.publish(self.thing, &forged);
            let evidence = Letter::new(EVIDENCE, &[allowance.clone(), forged.bytes()]).bytes();
            all_taken &= accept(world, payee, &evidence).is_ok();
            fork.push(forged.id());
        }
        world.note(format!("x{} takes the same readings twice", self.thing));
        if all_taken {
            self.forks.push(fork);
        } else {
            world.tally.stopped(NAME);
        }
    }

    fn last_turn(&mut self, world: &mut World) {
        for fork in &self.forks {
            let known = fork.iter().all(|id| world.model.entries.contains_key(id));
            let settled = fork
                .iter()
                .filter(|id| finish::is_settled(world, id))
                .count();
            if known && settled > 1 {
                world.fail(
                    "who overspends is found out at settlement",
                    format!("{fork:?} all settled"),
                );
            } else if known {
                world.tally.stopped(NAME);
            }
        }
    }
}
