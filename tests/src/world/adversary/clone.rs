//! One key in two places: a second copy of the flash beside the first, or an older image written
//! back over a newer one.

use super::{Adversary, fund, hand_in, victims};
use crate::world::flash::Image;
use crate::world::honest::accept;
use crate::world::{World, finish};
use protocol::{Digest, Status};

pub(crate) const CLONE: &str = "clone";
pub(crate) const ROLLBACK: &str = "rollback";

/// Two copies of one purse pay two payees who cannot ask each other.
#[derive(Debug)]
pub(crate) struct Clone {
    thing: usize,
    forks: Vec<[Digest; 2]>,
}

/// A purse is set back to what it was before it paid.
#[derive(Debug)]
pub(crate) struct Rollback {
    thing: usize,
    before: Option<Image>,
    forks: Vec<[Digest; 2]>,
}

impl Clone {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            forks: Vec::new(),
        })
    }
}

impl Rollback {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            before: None,
            forks: Vec::new(),
        })
    }
}

impl Adversary for Clone {
    fn act(&mut self, world: &mut World) {
        let Some([first, second]) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let image = world.things[self.thing].flash.image();
        let paid = pay(world, self.thing, first);
        let after = world.things[self.thing].flash.image();
        swap(world, self.thing, &image);
        let doubled = pay(world, self.thing, second);
        swap(world, self.thing, &after);
        fork(world, &mut self.forks, CLONE, paid, doubled);
    }

    fn last_turn(&mut self, world: &mut World) {
        judge(world, CLONE, &self.forks);
    }
}

impl Adversary for Rollback {
    fn act(&mut self, world: &mut World) {
        match self.before.take() {
            None if fund(world, self.thing) => {
                self.before = Some(world.things[self.thing].flash.image());
            }
            None => {}
            Some(image) => {
                let Some([first, second]) = victims(world) else {
                    return;
                };
                let paid = pay(world, self.thing, first);
                hand_in(world, self.thing);
                swap(world, self.thing, &image);
                let doubled = pay(world, self.thing, second);
                fork(world, &mut self.forks, ROLLBACK, paid, doubled);
            }
        }
    }

    fn last_turn(&mut self, world: &mut World) {
        judge(world, ROLLBACK, &self.forks);
    }
}

/// A payment and who took it.
type Paid = Option<(Digest, Result<(), Status>)>;

/// Pays a victim and shows it the payment at once.
fn pay(world: &mut World, thing: usize, payee: usize) -> Paid {
    let (id, evidence) = super::pay(world, thing, payee)?;
    let taken = accept(world, payee, &evidence).map(|_| ());
    Some((id, taken))
}

fn swap(world: &mut World, thing: usize, image: &Image) {
    world.things[thing].purse = None;
    world.things[thing].flash.restore(image);
    world.power_on(thing);
}

fn fork(
    world: &mut World,
    forks: &mut Vec<[Digest; 2]>,
    name: &'static str,
    first: Paid,
    second: Paid,
) {
    let (Some((a, first)), Some((b, second))) = (first, second) else {
        return;
    };
    world.tally.tried(name);
    if first.is_err() || second.is_err() {
        // Somebody saw through it at once.
        world.tally.stopped(name);
    } else {
        forks.push([a, b]);
    }
}

/// Both payees have claimed: no more than one was paid out of the purse, and the key is frozen.
fn judge(world: &mut World, name: &'static str, forks: &[[Digest; 2]]) {
    for fork in forks {
        let settled = fork
            .iter()
            .filter(|id| finish::is_settled(world, id))
            .count();
        let code = world.model.signed.payments.get(&fork[0]).map(|p| p.payer);
        let known = fork.iter().all(|id| world.model.entries.contains_key(id));
        let frozen = code.is_some_and(|code| world.model.frozen.contains(&code));
        if known && (settled > 1 || !frozen) {
            let what = format!("{} and {}: {settled} settled", fork[0], fork[1]);
            world.fail("who overspends is found out at settlement", what);
        } else if known {
            world.tally.stopped(name);
        }
    }
}
