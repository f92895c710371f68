//! Money that is spent before it has settled, spent wrongly: a cover shown again after a renewal, a
//! decline sold as credit, and the money behind a cover withdrawn before its last payee comes.

use super::{Adversary, drain, fund, hand_in, lying_payee, pay_amount, take_note, victim};
use crate::world::authority::currencies;
use crate::world::honest::{accept, synchronise};
use crate::world::thing::written;
use crate::world::wire::{CLAIM, COVERED, EVIDENCE, Item, Letter, Paper};
use crate::world::{World, finish};
use protocol::Digest;
use sha2::{Digest as _, Sha256};

pub(crate) const NAME: &str = "covers";

#[derive(Debug)]
pub(crate) struct Covers {
    payer: usize,
    spender: usize,
}

/// A payment that covers: its evidence, and the one that stands on it.
struct Spent {
    cover: Vec<u8>,
    payee: usize,
    covered: Vec<u8>,
    taken: bool,
}

impl Covers {
    pub(crate) fn make(things: &[usize]) -> Box<dyn Adversary> {
        Box::new(Self {
            payer: things[0],
            spender: things[1],
        })
    }

    /// One recruit pays the other, who spends all of it on at once.
    fn spend_on(&self, world: &mut World) -> Option<Spent> {
        let currency = currencies()[0];
        if !fund(world, self.payer) || !fund(world, self.spender) {
            return None;
        }
        let (_, cover) = super::pay(world, self.payer, self.spender)?;
        let receipt = world.with_purse(self.spender, |purse, now| {
            written(|out| purse.accept(&cover, None, now, out))
        });
        if let Ok(receipt) = receipt {
            take_note(world, self.payer, &receipt);
        }
        let payee = victim(world)?;
        let now = world.now();
        let purse = world.things[self.spender].purse.as_ref()?;
        let most = purse.allowance(currency)?.most_per_payment;
        let all = purse.spendable_here(currency, now).min(most).get();
        if all == 0 {
            return None;
        }
        let (_, covered) = pay_amount(world, self.spender, payee, all)?;
        if Letter::read(&covered)?.kind != COVERED {
            return None;
        }
        let taken = accept(world, payee, &covered).is_ok();
        Some(Spent {
            cover,
            payee,
            covered,
            taken,
        })
    }

    /// What backs the cover is taken out before the last payee claims; it is paid all the same.
    fn withdraw(&self, world: &mut World, spent: &Spent) {
        hand_in(world, self.spender);
        hand_in(world, self.payer);
        drain(world, self.spender);
        drain(world, self.payer);
        synchronise(world, spent.payee);
        let message = claim_of(world, spent);
        if let Some(message) = message {
            let answer = finish::ask(world, spent.payee, &message);
            let paid = Letter::read(&spent.covered).and_then(|letter| letter.payment());
            let settled = paid.is_some_and(|paid| finish::is_settled(world, &paid.id()));
            if answer.is_ok() && !settled {
                world.fail(
                    "what backs a cover cannot be withdrawn",
                    "the last payee was not paid",
                );
            }
        }
        world.tally.stopped(NAME);
    }

    /// The cover is declined at the gateway, and was spent.
    fn decline(&self, world: &mut World, spent: &Spent) {
        let letter = Letter::read(&spent.cover);
        let parts = letter.and_then(|letter| {
            let allowance = letter.parts.first()?.bytes()?.to_vec();
            Some((allowance, letter.payment()?))
        });
        let Some((allowance, payment)) = parts else {
            return;
        };
        let code = world.things[self.spender].code;
        world.model.liars.insert(code);
        let receipt = lying_payee::receipt(world, self.spender, payment.id(), true);
        let claim = Letter::new(CLAIM, &[allowance, payment.bytes(), receipt.bytes()]);
        let _ = finish::ask(world, self.spender, &claim.bytes());
        synchronise(world, spent.payee);
        // Whatever the last payee gets, the money is not there twice: the books balance.
        world.tally.stopped(NAME);
    }

    /// After a renewal the same cover is attached again, under the new allowance.
    fn again(&self, world: &mut World, spent: &Spent) {
        hand_in(world, self.spender);
        if !fund(world, self.spender) {
            return;
        }
        let Some(payee) = victim(world) else {
            return;
        };
        let Some((_, fresh)) = super::pay(world, self.spender, payee) else {
            return;
        };
        let forged = self.forge(world, &fresh, &spent.cover);
        let Some(forged) = forged else {
            return;
        };
        let taken = accept(world, payee, &forged);
        let settled = finish::ask(world, self.spender, &forged);
        if taken.is_ok() || settled.is_ok() {
            let what = format!("{:?} {settled:?}", taken.is_ok());
            world.fail("a cover counts under one allowance only", what);
        }
        world.tally.stopped(NAME);
    }

    /// A payment under the newest allowance, beyond its limit, that stands on an old cover.
    fn forge(&self, world: &mut World, fresh: &[u8], cover: &[u8]) -> Option<Vec<u8>> {
        let (fresh, cover) = (Letter::read(fresh)?, Letter::read(cover)?);
        if fresh.kind != EVIDENCE {
            return None;
        }
        let allowance = fresh.parts.first()?.bytes()?.to_vec();
        let limit = Paper::read("allowance", &allowance)?.int(6)?;
        let covering = cover.payment()?;
        let amount = covering.int(7)?;
        let mut hash = Sha256::new();
        hash.update(b"onecode/1/covers");
        hash.update(covering.id().0);
        hash.update([0; 4]);
        let hash: [u8; 32] = hash.finalize().into();
        let mut payment = fresh.payment()?;
        let sequence = payment.int(3)? + 1;
        payment = payment
            .with(3, Item::Int(sequence as i64))
            .with(7, Item::Int(amount as i64))
            .with(8, Item::Int((limit + amount) as i64))
            .with(13, Item::Bytes(hash.to_vec()))
            .signed(&world.things[self.spender].key());
        world.publish(self.spender, &payment);
        let items = Item::List(vec![
            Item::List(vec![
                cover.parts.first()?.clone(),
                Item::Bytes(covering.bytes()),
                Item::List(Vec::new()),
            ]),
            Item::List(vec![
                Item::Bytes(allowance),
                Item::Bytes(payment.bytes()),
                Item::List(vec![Item::Int(0)]),
            ]),
        ]);
        Some(Letter::new(COVERED, &[items.to_vec()]).bytes())
    }
}

/// The covered payment with its payee's receipt, as its payee would claim it.
fn claim_of(world: &mut World, spent: &Spent) -> Option<Vec<u8>> {
    let mut cursor = device_sdk::purse::HandInCursor::default();
    let wanted: Digest = Letter::read(&spent.covered)?.payment()?.id();
    for _ in 0..16 {
        let mut next = cursor;
        let shown = world.with_purse(spent.payee, |purse, _| {
            let mut out = vec![0; device_sdk::purse::OUT_MAX];
            let len = purse.hand_in(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        let message = shown.ok()??;
        if Letter::read(&message)?.payment()?.id() == wanted {
            return Some(message);
        }
    }
    None
}

impl Adversary for Covers {
    fn act(&mut self, world: &mut World) {
        let Some(spent) = self.spend_on(world).filter(|spent| spent.taken) else {
            return;
        };
        world.tally.tried(NAME);
        world.note(format!("x{} has spent what it just got", self.spender));
        match world.chance.below(3) {
            0 => self.withdraw(world, &spent),
            1 => self.decline(world, &spent),
            _ => self.again(world, &spent),
        }
    }
}
