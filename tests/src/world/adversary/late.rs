//! Late deadlines: a payment whose deadline lies behind its allowance's end, and a payee that keeps
//! what it was paid until nobody guarantees it any more.

use super::{Adversary, fund, pay, take_note, victim};
use crate::world::honest::accept;
use crate::world::links::Party;
use crate::world::wire::{EVIDENCE, Item, Letter, Paper};
use crate::world::{World, finish};
use protocol::Timestamp;

pub(crate) const NAME: &str = "late";

/// Field of a payment that says until when it settles.
const SETTLE_BY: i64 = 10;

#[derive(Debug)]
pub(crate) struct Late {
    thing: usize,
    kept: Vec<Vec<u8>>,
}

impl Late {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            thing: things[0],
            kept: Vec::new(),
        })
    }

    /// Shows a payee a deadline that the allowance does not have.
    fn stretch(&self, world: &mut World) {
        let Some(payee) = victim(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((_, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        let letter = Letter::read(&evidence).filter(|letter| letter.kind == EVIDENCE);
        let parts = letter.and_then(|letter| {
            let allowance = letter.parts.first()?.bytes()?.to_vec();
            Some((allowance, letter.payment()?))
        });
        let Some((allowance, payment)) = parts else {
            return;
        };
        let ends = Paper::read("allowance", &allowance).and_then(|paper| paper.int(16));
        let Some(ends) = ends else {
            return;
        };
        let later = ends + world.chance.between(1, 86_400);
        let payment = payment
            .with(SETTLE_BY, Item::Int(later as i64))
            .signed(&world.things[self.thing].key());
        world.publish(self.thing, &payment);
        let stretched = Letter::new(EVIDENCE, &[allowance, payment.bytes()]).bytes();
        world.tally.tried(NAME);
        world.note(format!("x{} stretches a deadline", self.thing));
        let taken = accept(world, payee, &stretched);
        let settled = finish::ask(world, self.thing, &stretched);
        if taken.is_err() && settled.is_err() {
            world.tally.stopped(NAME);
        } else {
            let what = format!("{:?} {settled:?}", taken.is_ok());
            world.fail("no deadline lies behind its allowance's end", what);
        }
    }

    /// Claims what has been overdue for longest.
    fn claim(&mut self, world: &mut World) {
        let now = world.now();
        let deadline = |evidence: &Vec<u8>| {
            let paper = Letter::read(evidence).and_then(|l| l.payment());
            paper.and_then(|paper| paper.int(SETTLE_BY))
        };
        let grace_s = u64::from(world.scenario.policy.grace_s);
        let late = self.kept.iter().position(|evidence| {
            deadline(evidence).is_some_and(|by| by + grace_s < u64::from(now.0))
        });
        let Some(late) = late else {
            return;
        };
        let evidence = self.kept.swap_remove(late);
        let receipt = world.with_purse(self.thing, |purse, _| {
            // Its own clock stands still, so that its purse takes it.
            let by = deadline(&evidence).unwrap_or(0) as u32;
            let now = Timestamp(by).minus_s(7_200);
            super::written(|out| purse.accept(&evidence, None, now, out))
        });
        if receipt.is_ok() {
            world.tally.tried(NAME);
            super::hand_in(world, self.thing);
            // Whatever became of it, it moved no more money than the books say; the model saw.
            world.tally.stopped(NAME);
        }
    }
}

impl Adversary for Late {
    fn act(&mut self, world: &mut World) {
        self.stretch(world);
        self.claim(world);
    }

    fn hear(&mut self, world: &mut World, thing: usize, _: Party, bytes: &[u8]) {
        let letter = Letter::read(bytes).filter(|letter| letter.kind == EVIDENCE);
        match letter {
            Some(_) if self.kept.len() < 32 => self.kept.push(bytes.to_vec()),
            Some(_) => {}
            None => take_note(world, thing, bytes),
        }
    }
}
