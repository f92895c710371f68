//! One payment shown to many: to another payee, to the same one again, by a stranger at the gateway,
//! as another currency, and under another allowance.

use super::{Adversary, fund, pay, victims};
use crate::world::authority::currencies;
use crate::world::honest::accept;
use crate::world::wire::{CLAIM, EVIDENCE, Item, Letter};
use crate::world::{World, finish};

pub(crate) const NAME: &str = "replay";

#[derive(Debug)]
pub(crate) struct Replay {
    thing: usize,
}

impl Replay {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self { thing: things[0] })
    }

    /// The same payment in the other currency, signed again under the old allowance.
    fn exchanged(&self, world: &mut World, evidence: &[u8]) -> Option<Vec<u8>> {
        let letter = Letter::read(evidence).filter(|letter| letter.kind == EVIDENCE)?;
        let other = currencies()[1].as_bytes().to_vec();
        let payment = letter
            .payment()?
            .with(6, Item::Bytes(other))
            .signed(&world.things[self.thing].key());
        world.publish(self.thing, &payment);
        let allowance = letter.parts.first()?.bytes()?.to_vec();
        Some(Letter::new(EVIDENCE, &[allowance, payment.bytes()]).bytes())
    }
}

impl Adversary for Replay {
    fn act(&mut self, world: &mut World) {
        let Some([payee, other]) = victims(world).filter(|_| fund(world, self.thing)) else {
            return;
        };
        let Some((_, evidence)) = pay(world, self.thing, payee) else {
            return;
        };
        world.tally.tried(NAME);
        world.note(format!("x{} shows one payment to many", self.thing));
        let first = accept(world, payee, &evidence);
        let again = accept(world, payee, &evidence);
        let elsewhere = accept(world, other, &evidence);
        if first.is_ok() && again.is_ok() && first != again {
            world.fail("the same payment gets the same receipt", "another receipt");
        }
        if elsewhere.is_ok() {
            world.fail("nobody takes what is paid to another", "it was taken");
        }
        // A stranger brings it, and a claim with somebody else's receipt.
        let by_stranger = finish::ask(world, other, &evidence);
        let mut refused = by_stranger.is_err();
        if let (Ok(receipt), Some(letter)) = (&first, Letter::read(&evidence))
            && letter.kind == EVIDENCE
            && let Some(receipt) = Letter::read(receipt).and_then(|l| l.paper(0, "receipt"))
        {
            let parts: Vec<_> = letter.parts.iter().filter_map(Item::bytes).collect();
            let wrong = receipt
                .with(
                    1,
                    Item::Bytes(world.things[self.thing].code.as_bytes().to_vec()),
                )
                .signed(&world.things[self.thing].key());
            world.publish(self.thing, &wrong);
            let claim = [parts[0].to_vec(), parts[1].to_vec(), wrong.bytes()];
            let claimed = finish::ask(world, self.thing, &Letter::new(CLAIM, &claim).bytes());
            refused &= claimed.is_err();
        }
        if let Some(exchanged) = self.exchanged(world, &evidence) {
            refused &= accept(world, payee, &exchanged).is_err();
            refused &= finish::ask(world, self.thing, &exchanged).is_err();
        }
        if refused {
            world.tally.stopped(NAME);
        } else {
            world.fail("a payment is good at one place only", "a replay was taken");
        }
    }
}
