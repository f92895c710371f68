//! A void or a closing over a payment that was let out before: the payee is paid all the same, and
//! the payer is found out.

use super::{Adversary, drain, fund, hand_in, pay, victim};
use crate::world::honest::accept;
use crate::world::wire::{CLOSING, Item, Letter, Paper, VOID};
use crate::world::{World, finish};
use protocol::Digest;

pub(crate) const NAME: &str = "broken word";

#[derive(Debug)]
pub(crate) struct BrokenWord {
    thing: usize,
    owed: Vec<Digest>,
}

impl BrokenWord {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            owed: Vec::new(),
        })
    }

    /// The word that the payment was never made, signed with its key.
    fn word(&self, world: &mut World, payment: &Paper) -> Option<Vec<u8>> {
        let now = Item::Int(i64::from(world.now().0));
        let field = |number: i64| payment.fields.get(&number).cloned();
        let (code, key_epoch) = (field(1)?, field(2)?);
        let sequence = payment.int(3)? as i64;
        let (kind, word) = match world.chance.per_mille(500) {
            true => {
                let last = sequence + world.chance.below(3) as i64;
                let fields = [
                    (1, code),
                    (2, key_epoch),
                    (3, Item::Int(sequence)),
                    (4, Item::Int(last)),
                    (5, now),
                ];
                (VOID, Paper::draft("void", &fields))
            }
            false => {
                let before = payment.int(8)?.checked_sub(payment.int(7)?)?;
                let fields = [
                    (1, code),
                    (2, key_epoch),
                    (3, field(6)?),
                    (4, field(9)?),
                    (5, Item::Int(sequence - 1)),
                    (6, Item::Int(before as i64)),
                    (7, now),
                ];
                (CLOSING, Paper::draft("closing", &fields))
            }
        };
        let word = word.signed(&world.things[self.thing].key());
        world.publish(self.thing, &word);
        Some(Letter::new(kind, &[word.bytes()]).bytes())
    }
}

impl Adversary for BrokenWord {
    fn act(&mut self, world: &mut World) {
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((id, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        let taken = accept(world, payee, &evidence).is_ok();
        let payment = Letter::read(&evidence).and_then(|letter| letter.payment());
        let Some(word) = payment.and_then(|payment| self.word(world, &payment)) else {
            return;
        };
        world.note(format!("x{} takes a payment back by its word", self.thing));
        let before = world.chance.per_mille(500);
        if before {
            hand_in(world, self.thing);
        }
        if finish::ask(world, self.thing, &word).is_ok() && taken {
            world.tally.tried(NAME);
            self.owed.push(id);
        }
        // Nothing of it was given back for that.
        drain(world, self.thing);
    }

    fn last_turn(&mut self, world: &mut World) {
        let code = world.things[self.thing].code;
        let cases = world.gateways[0].accusations();
        let found = cases.iter().any(|(case, _)| case.code == code);
        for id in self.owed.clone() {
            let known = world.model.entries.contains_key(&id);
            if known && !found {
                let what = format!("{id} was given up and paid, and nobody is accused");
                world.fail("whoever breaks its word is found out", what);
            }
            let acceptance = world.accepted.iter().find(|((_, taken), _)| *taken == id);
            let in_time = acceptance
                .is_some_and(|(_, a)| a.claimed.is_some_and(|claimed| claimed <= a.settle_by));
            let entry = world.model.entries.get(&id);
            let freed = |id| world.model.stands_on_freed(id);
            let paid = entry.is_some_and(|entry| entry.reached > 0 || freed(&id));
            match in_time && !paid {
                true => world.fail(
                    "a void or a closing never extinguishes a payment",
                    format!("{id} was claimed in time"),
                ),
                false => world.tally.stopped(NAME),
            }
        }
    }
}
