//! Garbage that frames an honest code: payments, receipts and requests in its name that it never
//! signed, honest objects with a bit turned, and honest objects in the wrong place.

use super::{Adversary, victim};
use crate::world::wire::{CLAIM, EVIDENCE, Item, Letter, Paper};
use crate::world::{World, finish};

pub(crate) const NAME: &str = "frame";

#[derive(Debug)]
pub(crate) struct Frame {
    thing: usize,
}

impl Frame {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self { thing: things[0] })
    }

    /// What an honest thing would hand in now.
    fn honest_message(world: &mut World) -> Option<(usize, Vec<u8>)> {
        let victim = victim(world)?;
        let mut cursor = device_sdk::purse::HandInCursor::default();
        let shown = world.with_purse(victim, |purse, _| {
            let mut out = vec![0; device_sdk::purse::OUT_MAX];
            let len = purse.hand_in(&mut cursor, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        Some((victim, shown.ok()??))
    }

    /// The same with something wrong in it.
    fn spoil(world: &mut World, message: &[u8], forger: usize) -> Option<Vec<u8>> {
        let letter = Letter::read(message)?;
        if !matches!(letter.kind, EVIDENCE | CLAIM) {
            return Some(message[..message.len() - 1].to_vec());
        }
        let mut payment = letter.payment()?;
        let allowance = letter.parts.first()?.bytes()?.to_vec();
        let key = world.things[forger].key();
        let spoilt = match world.chance.below(6) {
            // Another amount over the old signature, and signed by somebody else.
            0 => payment.with(7, Item::Int(world.chance.between(1, 1 << 40) as i64)),
            1 => {
                let sequence = payment.int(3)? + 1;
                payment.with(3, Item::Int(sequence as i64)).signed(&key)
            }
            2 => {
                let place = world.chance.index(payment.signature.len());
                payment.signature[place] ^= 1 << world.chance.below(8);
                payment
            }
            // The group order added to the scalar: the same signature to a lenient reader.
            3 => {
                add_order(&mut payment.signature);
                payment
            }
            4 => {
                let mut bytes = message.to_vec();
                let place = world.chance.index(bytes.len());
                bytes[place] ^= 1 << world.chance.below(8);
                return Some(bytes);
            }
            _ => {
                let len = world.chance.index(message.len());
                return Some(message[..len].to_vec());
            }
        };
        let mut parts = vec![allowance, spoilt.bytes()];
        if letter.kind == CLAIM {
            parts.push(letter.parts.get(2)?.bytes()?.to_vec());
        }
        let kind = if parts.len() == 3 { CLAIM } else { EVIDENCE };
        Some(Letter::new(kind, &parts).bytes())
    }
}

/// S + L instead of S, where that still fits.
fn add_order(signature: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, add) in signature.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

impl Adversary for Frame {
    fn act(&mut self, world: &mut World) {
        for _ in 0..3 {
            let Some((victim, message)) = Self::honest_message(world) else {
                return;
            };
            let Some(garbage) = Self::spoil(world, &message, self.thing) else {
                continue;
            };
            if garbage == message {
                continue;
            }
            world.tally.tried(NAME);
            world.note(format!("x{} frames t{victim}", self.thing));
            let cases = world.gateways[0]
                .is_up()
                .then(|| world.gateways[0].frauds().len());
            let answer = finish::ask(world, self.thing, &garbage);
            let payment = Letter::read(&garbage).and_then(|letter| letter.payment());
            // With the whole message intact apart from what nobody signs, it may be taken.
            let genuine = payment.is_some_and(|paper: Paper| {
                world.model.signed.is_genuine(&paper)
                    && Letter::read(&message).and_then(|l| l.payment()) == Some(paper)
            });
            let after = world.gateways[0]
                .is_up()
                .then(|| world.gateways[0].frauds().len());
            if (answer.is_ok() && !genuine) || cases != after {
                world.fail("garbage frames nobody", format!("{answer:?}"));
            }
            world.tally.stopped(NAME);
        }
    }
}
