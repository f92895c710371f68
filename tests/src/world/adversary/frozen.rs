//! Revocation lag: an operator freezes the code, and it goes on paying those who have not heard of
//! it. What was reserved before pays for it; a new allowance it never gets.

use super::{Adversary, fund, pay, victim};
use crate::world::authority::currencies;
use crate::world::honest::{accept, amount};
use crate::world::thing::written;
use crate::world::{World, finish};
use ledger::ThingState;
use protocol::Status;

pub(crate) const NAME: &str = "frozen";

#[derive(Debug)]
pub(crate) struct Frozen {
    thing: usize,
    stopped: bool,
}

impl Frozen {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            stopped: false,
        })
    }
}

impl Adversary for Frozen {
    fn act(&mut self, world: &mut World) {
        if !world.gateways[0].is_up() {
            return;
        }
        if !self.stopped && fund(world, self.thing) {
            let (code, now) = (world.things[self.thing].code, world.now());
            world.gateways[0].set_state(&code, ThingState::Frozen, now);
            world.model.frozen.insert(code);
            world.note(format!("an operator freezes x{}", self.thing));
            self.stopped = true;
            return;
        }
        let Some(payee) = victim(world).filter(|_| self.stopped) else {
            return;
        };
        if let Some((_, evidence)) = pay(world, self.thing, payee) {
            // It was reserved before; the payee is paid like anybody else.
            let _ = accept(world, payee, &evidence);
        }
        world.tally.tried(NAME);
        let wanted = amount(world.chance.between(1, world.scenario.wealth));
        let renewal = world.with_purse(self.thing, |purse, now| {
            written(|out| purse.renewal(currencies()[0], wanted, now, out))
        });
        let Ok(renewal) = renewal else {
            return;
        };
        match finish::ask(world, self.thing, &renewal) {
            Err(Status::Frozen) => world.tally.stopped(NAME),
            other => world.fail("a frozen code gets no allowance", format!("{other:?}")),
        }
    }
}
