//! What things on one local net tell each other: the newest payments they took. A key that forked is
//! found out between things, before any gateway knows.

use super::links::Party;
use super::{Cargo, World};
use device_sdk::purse::{OUT_MAX, SeenCursor};

/// Payments that are told at one time.
const TOLD_MOST: usize = 4;

/// Tells a neighbour which payments it took lately.
pub(crate) fn tell(world: &mut World, thing: usize) {
    let step = 1 + world.chance.index(world.things.len() - 1);
    let to = (thing + step) % world.things.len();
    let mut cursor = SeenCursor::default();
    for _ in 0..TOLD_MOST {
        let mut next = cursor;
        let seen = world.with_purse(thing, |purse, _| {
            let mut out = vec![0; OUT_MAX];
            let len = purse.seen(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        let Ok(Some(seen)) = seen else {
            return;
        };
        world.tally.told += 1;
        world.send(Party::Thing(thing), Party::Thing(to), Cargo::Wallet(seen));
    }
}
