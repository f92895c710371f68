//! Starving a payee: it pays offline, and then takes out, renews and pays elsewhere with everything
//! it can, so that nothing is left when the payee comes with its claim.

use super::{Adversary, drain, fund, hand_in, pay, victim};
use crate::world::honest::accept;
use crate::world::{World, finish};
use protocol::Digest;

pub(crate) const NAME: &str = "starve";

#[derive(Debug)]
pub(crate) struct Starve {
    thing: usize,
    owed: Vec<Digest>,
}

impl Starve {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            owed: Vec::new(),
        })
    }
}

impl Adversary for Starve {
    fn act(&mut self, world: &mut World) {
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((id, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        let taken = accept(world, payee, &evidence).is_ok();
        if taken {
            world.tally.tried(NAME);
            self.owed.push(id);
        }
        // The gateway does not know of it yet.
        drain(world, self.thing);
        if world.chance.per_mille(500) {
            hand_in(world, self.thing);
            drain(world, self.thing);
        }
    }

    fn last_turn(&mut self, world: &mut World) {
        // Whoever claimed in time has its money, whatever the payer took out.
        for id in &self.owed {
            let acceptance = world.accepted.iter().find(|((_, taken), _)| taken == id);
            let in_time = acceptance
                .is_some_and(|(_, a)| a.claimed.is_some_and(|claimed| claimed <= a.settle_by));
            if !in_time || finish::is_settled(world, id) {
                world.tally.stopped(NAME);
            }
        }
    }
}
