//! A key that forked, and what its owner does then: it asks for an allowance, with its links and
//! without, once an operator has let it go on; and only with another wallet key it gets one.

use super::{Adversary, fund, pay, take_note, victims};
use crate::world::authority::currencies;
use crate::world::honest::{accept, amount};
use crate::world::thing::written;
use crate::world::{World, finish, lives};
use ledger::ThingState;
use protocol::{Code, Status};

pub(crate) const NAME: &str = "forked key";

/// How far it has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Honest,
    Forked,
    Enrolled,
}

#[derive(Debug)]
pub(crate) struct Reenrol {
    thing: usize,
    stage: Stage,
}

impl Reenrol {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            stage: Stage::Honest,
        })
    }

    fn code(&self, world: &World) -> Code {
        world.things[self.thing].code
    }

    /// Pays two from one reading, and shows both at the gateway.
    fn fork(&mut self, world: &mut World) {
        let Some([first, second]) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let image = world.things[self.thing].flash.image();
        let one = pay(world, self.thing, first);
        world.things[self.thing].purse = None;
        world.things[self.thing].flash.restore(&image);
        world.power_on(self.thing);
        let other = pay(world, self.thing, second);
        for (_, evidence) in one.into_iter().chain(other) {
            let _ = finish::ask(world, self.thing, &evidence);
        }
        let code = self.code(world);
        if world.model.frozen.contains(&code) {
            self.stage = Stage::Forked;
        }
    }

    /// An operator thaws the code; its key is refused all the same.
    fn ask_again(&mut self, world: &mut World) {
        let (code, now) = (self.code(world), world.now());
        world.gateways[0].set_state(&code, ThingState::Active, now);
        world.model.frozen.remove(&code);
        world.note(format!("an operator thaws x{}", self.thing));
        for lost in [false, true] {
            if lost {
                let _ = world.with_purse(self.thing, |purse, _| purse.distrust());
            }
            let wanted = amount(world.chance.between(1, world.scenario.wealth));
            let renewal = world.with_purse(self.thing, |purse, now| {
                written(|out| purse.renewal(currencies()[0], wanted, now, out))
            });
            let Ok(renewal) = renewal else {
                continue;
            };
            world.tally.tried(NAME);
            match finish::ask(world, self.thing, &renewal) {
                Ok(_) => world.fail("a forked key is promised nothing more", "an allowance"),
                Err(Status::NeedsKey) => world.tally.stopped(NAME),
                // It is refused for another reason before.
                Err(_) => world.tally.stopped(NAME),
            }
        }
        lives::enrol_again(world, self.thing);
        self.stage = Stage::Enrolled;
    }

    /// With another key it is like anybody else.
    fn go_on(&self, world: &mut World) {
        let Some([payee, _]) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        if let Some((_, evidence)) = pay(world, self.thing, payee) {
            let _ = accept(world, payee, &evidence);
            if let Ok(answer) = finish::ask(world, self.thing, &evidence) {
                take_note(world, self.thing, &answer);
            }
        }
    }
}

impl Adversary for Reenrol {
    fn act(&mut self, world: &mut World) {
        if !world.gateways[0].is_up() {
            return;
        }
        match self.stage {
            Stage::Honest => self.fork(world),
            Stage::Forked => self.ask_again(world),
            Stage::Enrolled => self.go_on(world),
        }
    }
}
