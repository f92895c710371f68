//! A thing is copied and pays two payees with one number; each of them hands in at a gateway of its
//! own, and the two gateways may be cut off from each other.

use super::super::{Union, things};
use super::{Adversary, has_allowance, pay};

pub(super) const NAME: &str = "a fork at two gateways";

struct Fork {
    thing: usize,
    forked: bool,
}

pub(super) fn enter(world: &mut Union) -> Box<dyn Adversary> {
    let thing = world.add_thing(1, false);
    Box::new(Fork {
        thing,
        forked: false,
    })
}

impl Adversary for Fork {
    fn act(&mut self, world: &mut Union) {
        if self.forked || !has_allowance(world, self.thing) {
            return;
        }
        let payees = [1, 2].map(|home| {
            let at_home = |thing: &&super::super::thing::Thing| thing.honest && thing.home == home;
            world.things.iter().find(at_home).map(|thing| thing.number)
        });
        let [Some(first), Some(second)] = payees else {
            return;
        };
        let image = world.things[self.thing].flash.image();
        for payee in [first, second] {
            let cast = world.cast;
            world.things[self.thing].restore(&image, cast);
            let Ok(evidence) = pay(world, self.thing, payee, 5) else {
                return;
            };
            world.shows_warrants(self.thing, payee);
            things::takes(world, payee, &evidence);
        }
        self.forked = true;
        world.tally.count("forks tried");
    }
}
