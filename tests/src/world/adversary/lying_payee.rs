//! A payee that lies: it keeps the receipt to itself, takes at one place and declines at another,
//! declines what it was paid for after the money has come, and sells a decline as credit.

use super::{Adversary, fund, take_note};
use crate::world::links::Party;
use crate::world::wire::{CLAIM, EVIDENCE, Item, Letter, Paper, RECEIPT};
use crate::world::{Cargo, World, finish};
use protocol::{Digest, Status};

pub(crate) const NAME: &str = "lying payee";

/// Field of a receipt that says why it declines.
const DECLINED: i64 = 4;

#[derive(Debug)]
pub(crate) struct LyingPayee {
    things: Vec<usize>,
    /// Payments it got, with the allowances they were made under.
    got: Vec<(usize, Vec<u8>, Paper)>,
}

impl LyingPayee {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            things: things.to_vec(),
            got: Vec::new(),
        })
    }

    fn claim(
        world: &mut World,
        (thing, allowance, payment): &(usize, Vec<u8>, Paper),
        declined: bool,
    ) -> Result<Vec<u8>, Status> {
        let receipt = receipt(world, *thing, payment.id(), declined);
        let parts = [allowance.clone(), payment.bytes(), receipt.bytes()];
        finish::ask(world, *thing, &Letter::new(CLAIM, &parts).bytes())
    }
}

/// Its word on a payment.
pub(super) fn receipt(world: &mut World, thing: usize, payment: Digest, declined: bool) -> Paper {
    let it = &world.things[thing];
    let (code, key) = (it.code, it.key());
    let now = world.now();
    let mut receipt = Paper::draft(
        "receipt",
        &[
            (1, Item::Bytes(code.as_bytes().to_vec())),
            (2, Item::Bytes(payment.0.to_vec())),
            (3, Item::Int(i64::from(now.0))),
        ],
    );
    if declined {
        receipt = receipt.with(DECLINED, Item::Int(Status::WrongAmount as i64));
    }
    let receipt = receipt.signed(&key);
    world.publish(thing, &receipt);
    receipt
}

impl Adversary for LyingPayee {
    fn act(&mut self, world: &mut World) {
        let [thing, _] = self.things[..] else {
            return;
        };
        fund(world, thing);
        if self.got.is_empty() {
            return;
        }
        let which = world.chance.index(self.got.len());
        let got = self.got.swap_remove(which);
        if got.2.fields.contains_key(&14) {
            return;
        }
        let (payer, amount) = (got.2.code(1), got.2.int(7));
        world.tally.tried(NAME);
        let first = world.chance.per_mille(500);
        // First one word, then the other, and the payer hears the opposite of the gateway.
        let said = Self::claim(world, &got, first);
        let told = receipt(world, got.0, got.2.id(), !first);
        let parts = [told.bytes(), world.things[got.0].pass().to_vec()];
        let letter = Letter::new(RECEIPT, &parts).bytes();
        let back = Self::claim(world, &got, !first);
        world.note(format!(
            "x{} says {} and then {} of {amount:?}",
            got.0,
            if first { "no" } else { "yes" },
            if first { "yes" } else { "no" }
        ));
        let payer = world.things.iter().position(|t| Some(t.code) == payer);
        if let Some(payer) = payer {
            world.send(
                Party::Thing(got.0),
                Party::Thing(payer),
                Cargo::Wallet(letter),
            );
        }
        // The second word never moves money: the model saw to it. It must also be refused.
        if said.is_err() || back.is_err() {
            world.tally.stopped(NAME);
        } else if said.is_ok() && back != said {
            world.fail(
                "a payee is paid or has declined, never both",
                format!("{} was settled and then something else", got.2.id()),
            );
        }
    }

    fn hear(&mut self, world: &mut World, thing: usize, _: Party, bytes: &[u8]) {
        let letter = Letter::read(bytes).filter(|letter| letter.kind == EVIDENCE);
        let payment = letter.as_ref().and_then(|letter| letter.payment());
        let allowance = letter.as_ref().and_then(|l| l.parts.first()?.bytes());
        match (payment, allowance) {
            (Some(payment), Some(allowance))
                if payment.code(5) == Some(world.things[thing].code) =>
            {
                let known = self
                    .got
                    .iter()
                    .any(|(_, _, paper)| paper.id() == payment.id());
                if !known && self.got.len() < 32 {
                    self.got.push((thing, allowance.to_vec(), payment));
                }
            }
            _ => take_note(world, thing, bytes),
        }
    }
}
