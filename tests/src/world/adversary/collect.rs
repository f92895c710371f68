//! Collecting the guarantee through own codes: it forks against payees that are its own, and waits
//! for somebody to make good what they are short of.

use super::{Adversary, fund, hand_in, pay};
use crate::world::honest::accept;
use crate::world::{World, claims};
use protocol::Digest;

pub(crate) const NAME: &str = "collector";

#[derive(Debug)]
pub(crate) struct Collect {
    things: Vec<usize>,
    forks: Vec<Digest>,
}

impl Collect {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            things: things.to_vec(),
            forks: Vec::new(),
        })
    }
}

impl Adversary for Collect {
    fn act(&mut self, world: &mut World) {
        if !world.gateways[0].is_up() {
            return;
        }
        let [payer, first, second] = self.things[..] else {
            return;
        };
        if !fund(world, payer) {
            return;
        }
        let image = world.things[payer].flash.image();
        let mut branches = Vec::new();
        for payee in [first, second] {
            world.things[payer].purse = None;
            world.things[payer].flash.restore(&image);
            world.power_on(payer);
            if let Some((id, evidence)) = pay(world, payer, payee)
                && accept(world, payee, &evidence).is_ok()
            {
                branches.push(id);
            }
            hand_in(world, payee);
        }
        if branches.len() == 2 {
            world.tally.tried(NAME);
            self.forks.extend(branches.pop());
        }
        // Nothing but its own money goes to its own codes: the model sees to it.
        claims::decide_all(world);
        for id in std::mem::take(&mut self.forks) {
            if world.model.entries.contains_key(&id) {
                world.tally.stopped(NAME);
            }
        }
    }
}
