//! An honest payee is driven towards contradicting itself: the same payment again and again through
//! power cuts, between taking and declining, with older payments after newer ones.

use super::{Adversary, fund, pay, victim};
use crate::world::flash::Moment;
use crate::world::honest::accept;
use crate::world::links::Party;
use crate::world::thing::written;
use crate::world::{Cargo, World};
use protocol::Status;

pub(crate) const NAME: &str = "retries";

/// Attempts in one turn.
const ATTEMPTS: u64 = 12;

#[derive(Debug)]
pub(crate) struct Retries {
    thing: usize,
    old: Vec<(usize, Vec<u8>)>,
}

impl Retries {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            old: Vec::new(),
        })
    }
}

impl Adversary for Retries {
    fn act(&mut self, world: &mut World) {
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((_, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        world.tally.tried(NAME);
        if self.old.len() < 16 {
            self.old.push((payee, evidence.clone()));
        }
        for _ in 0..ATTEMPTS {
            if world.things[payee].purse.is_none() {
                world.power_on(payee);
                continue;
            }
            if !world.calm && world.chance.per_mille(300) {
                let moments = [Moment::Before, Moment::During, Moment::After];
                let moment = moments[world.chance.index(moments.len())];
                let after = world.chance.below(4);
                world.things[payee].flash.cut_after(after, moment);
            }
            match world.chance.below(3) {
                0 => {
                    // The owner says no: what was taken is never declined.
                    let said = world.with_purse(payee, |purse, now| {
                        written(|out| purse.decline(&evidence, Status::WrongAmount, now, out))
                    });
                    if let Ok(receipt) = said {
                        let cargo = Cargo::Wallet(receipt);
                        world.send(Party::Thing(payee), Party::Thing(self.thing), cargo);
                    }
                }
                1 => {
                    if let Ok(receipt) = accept(world, payee, &evidence) {
                        let cargo = Cargo::Wallet(receipt);
                        world.send(Party::Thing(payee), Party::Thing(self.thing), cargo);
                    }
                }
                _ => {
                    let old = world.chance.pick(&self.old).cloned();
                    if let Some((payee, old)) = old
                        && let Ok(receipt) = accept(world, payee, &old)
                    {
                        let cargo = Cargo::Wallet(receipt);
                        world.send(Party::Thing(payee), Party::Thing(self.thing), cargo);
                    }
                }
            }
        }
        // Whatever was let out is compared word by word.
        if world.broken.is_none() {
            world.tally.stopped(NAME);
        }
    }
}
