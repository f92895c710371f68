//! What an honest thing gives up: numbers it will not use, and what an allowance has left. It tells
//! a gateway, again and again.

use super::authority::currencies;
use super::links::Party;
use super::thing::written;
use super::wire::{CLOSING, Letter, VOID};
use super::{Cargo, World};
use device_sdk::purse::{NoticeCursor, OUT_MAX};
use protocol::Sequence;

/// Notices of one synchronisation at most.
const NOTICES_MOST: usize = 8;

pub(crate) fn give_up(world: &mut World, thing: usize) {
    let name = world.things[thing].name();
    let currency = currencies()[world.chance.index(2)];
    let (ahead, more) = (
        world.chance.between(1, 3) as u32,
        world.chance.below(3) as u32,
    );
    let (what, done) = match world.chance.per_mille(600) {
        true => {
            let done = world.with_purse(thing, |purse, now| {
                let first = Sequence(purse.standing().1.0.saturating_add(ahead));
                let last = Sequence(first.0.saturating_add(more));
                written(|out| purse.void(first, last, now, out))
            });
            ("numbers", done)
        }
        false => {
            let done = world.with_purse(thing, |purse, now| {
                written(|out| purse.close_allowance(currency, now, out))
            });
            ("what its allowance has left", done)
        }
    };
    match done {
        Ok(message) => {
            world.note(format!("{name} gives up {what}"));
            world.send(
                Party::Thing(thing),
                Party::Gateway(0),
                Cargo::Wallet(message),
            );
        }
        Err(status) => world.tally.refused(status.word()),
    }
}

/// Tells a gateway what it gave up.
pub(crate) fn tell(world: &mut World, thing: usize) {
    let mut cursor = NoticeCursor::default();
    for _ in 0..NOTICES_MOST {
        let mut next = cursor;
        let notice = world.with_purse(thing, |purse, _| {
            let mut out = vec![0; OUT_MAX];
            let len = purse.notices(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        let Ok(Some(message)) = notice else {
            return;
        };
        let kind = Letter::read(&message).map(|letter| letter.kind);
        if matches!(kind, Some(VOID | CLOSING)) {
            world.send(
                Party::Thing(thing),
                Party::Gateway(0),
                Cargo::Wallet(message),
            );
        }
    }
}
