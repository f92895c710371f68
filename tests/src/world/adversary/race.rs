//! Both sides hand in, in either order and again and again: the payer alone, so that the money is
//! in transit, the payee with its receipt, the payer with the receipt, and the deadline between.

use super::{Adversary, fund, hand_in, pay, take_note, victim};
use crate::world::honest::{accept, synchronise};
use crate::world::{World, finish};

pub(crate) const NAME: &str = "race";

#[derive(Debug)]
pub(crate) struct Race {
    thing: usize,
}

impl Race {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self { thing: things[0] })
    }
}

impl Adversary for Race {
    fn act(&mut self, world: &mut World) {
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((id, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        world.tally.tried(NAME);
        let mut receipt = None;
        let turns = world.chance.between(3, 6);
        for _ in 0..turns {
            match world.chance.below(4) {
                0 => {
                    let answer = finish::ask(world, self.thing, &evidence);
                    if let Ok(answer) = answer {
                        take_note(world, self.thing, &answer);
                    }
                }
                1 => receipt = accept(world, payee, &evidence).ok().or(receipt),
                2 => synchronise(world, payee),
                _ => {
                    if let Some(receipt) = &receipt {
                        take_note(world, self.thing, receipt);
                    }
                    hand_in(world, self.thing);
                }
            }
        }
        // Every answer was the model's; what is left is that it never settles twice.
        if finish::is_settled(world, &id) || !world.model.entries.contains_key(&id) {
            world.tally.stopped(NAME);
            return;
        }
        let waits = world.model.entries.get(&id).is_some_and(|e| e.reached == 0);
        if waits {
            world.tally.stopped(NAME);
        }
    }
}
