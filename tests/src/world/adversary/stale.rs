//! Stale clocks: a payment is kept until its allowance has ended, and then shown to somebody who may
//! not know how late it is.

use super::{Adversary, fund, pay, victim};
use crate::world::World;
use crate::world::honest::accept;
use crate::world::wire::{Letter, Paper};

pub(crate) const NAME: &str = "stale clock";

#[derive(Debug)]
pub(crate) struct Stale {
    thing: usize,
    kept: Vec<(usize, Vec<u8>)>,
}

impl Stale {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            kept: Vec::new(),
        })
    }
}

fn ended(world: &World, evidence: &[u8]) -> bool {
    let letter = Letter::read(evidence);
    let allowance = letter.and_then(|letter| letter.paper(0, "allowance"));
    let ends = allowance.and_then(|paper: Paper| paper.int(16));
    ends.is_some_and(|ends| ends <= u64::from(world.now().0))
}

impl Adversary for Stale {
    fn act(&mut self, world: &mut World) {
        if let Some(payee) = victim(world)
            // Whatever is asked of the gateway shows it what was paid.
            && self.kept.is_empty()
            && fund(world, self.thing)
            && let Some((_, evidence)) = pay(world, self.thing, payee)
        {
            self.kept.push((payee, evidence));
            return;
        }
        let late = self
            .kept
            .iter()
            .position(|(_, evidence)| ended(world, evidence));
        let Some(late) = late else {
            return;
        };
        let (payee, evidence) = self.kept.swap_remove(late);
        let id = Letter::read(&evidence).and_then(|letter| Some(letter.payment()?.id()));
        // The gateway may have told the payee in time.
        if id.is_none_or(|id| world.model.entries.contains_key(&id)) {
            return;
        }
        world.tally.tried(NAME);
        let clockless = world.things[payee].clockless;
        let taken = accept(world, payee, &evidence).is_ok();
        world.note(format!(
            "x{} shows what has ended: taken {taken}",
            self.thing
        ));
        if taken && !clockless {
            world.fail(
                "who has a clock takes nothing that has ended",
                "it was taken",
            );
        }
        // Who has none may take it; it is not paid more for that than the books say.
        world.tally.stopped(NAME);
    }
}
