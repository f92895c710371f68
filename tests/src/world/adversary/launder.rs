//! A new key epoch to launder a hidden tail: it pays offline, says that it lost its journal, and
//! wants the same money again in its next key epoch.

use super::{Adversary, drain, fund, pay, pay_amount, take_note, victims};
use crate::world::authority::currencies;
use crate::world::honest::{accept, amount};
use crate::world::thing::written;
use crate::world::{World, finish};
use protocol::Digest;

pub(crate) const NAME: &str = "hidden tail";

#[derive(Debug)]
pub(crate) struct Launder {
    thing: usize,
    owed: Vec<Digest>,
}

impl Launder {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            owed: Vec::new(),
        })
    }
}

impl Adversary for Launder {
    fn act(&mut self, world: &mut World) {
        let Some([payee, other]) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((id, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        if accept(world, payee, &evidence).is_err() {
            return;
        }
        let _ = world.with_purse(self.thing, |purse, _| purse.distrust());
        let currency = currencies()[0];
        let wanted = amount(world.scenario.wealth);
        let renewal = world.with_purse(self.thing, |purse, now| {
            written(|out| purse.renewal(currency, wanted, now, out))
        });
        let Ok(renewal) = renewal else {
            return;
        };
        world.tally.tried(NAME);
        world.note(format!("x{} says that it lost its journal", self.thing));
        self.owed.push(id);
        // What stands behind the old life is not given to the new one: the model saw to it.
        if let Ok(grant) = finish::ask(world, self.thing, &renewal) {
            take_note(world, self.thing, &grant);
            let purse = world.things[self.thing].purse.as_ref();
            let all = purse.and_then(|purse| {
                let most = purse.allowance(currency)?.most_per_payment;
                Some(most.min(purse.spendable(currency)).get())
            });
            if let Some(all) = all.filter(|all| *all > 0)
                && let Some((id, evidence)) = pay_amount(world, self.thing, other, all)
                && accept(world, other, &evidence).is_ok()
            {
                self.owed.push(id);
            }
        }
        drain(world, self.thing);
    }

    fn last_turn(&mut self, world: &mut World) {
        for id in self.owed.clone() {
            let acceptance = world.accepted.iter().find(|((_, taken), _)| *taken == id);
            let in_time = acceptance
                .is_some_and(|(_, a)| a.claimed.is_some_and(|claimed| claimed <= a.settle_by));
            match in_time && !finish::is_settled(world, &id) {
                true => world.fail("a new key epoch launders nothing", format!("{id} is owed")),
                false => world.tally.stopped(NAME),
            }
        }
    }
}
