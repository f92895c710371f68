//! What each step does.

use protocol::objects::Payment;
use protocol::rules::{Float, Holdings, PayeeView, acceptable};
use protocol::{Code, Currency, KeyEpoch, Odometer, Reference, Sequence};

use super::books::{USD, amount};
use super::cast::{Given, Order, Who};
use super::state::{Delivery, Moment, Wire, Word, World};
use super::steps::{LOADED, Step};
use super::{Flaw, Model};

/// What the payment after so many others costs.
const PRICES: [u64; 3] = [2, 1, 1];
/// How long a payee needs to reach a gateway.
const MARGIN_S: u32 = 100;

impl Model {
    fn tick(world: &mut World) {
        world.moment = match world.moment {
            Moment::Open => Moment::Due,
            Moment::Due => Moment::Over,
            Moment::Over if world.gateways[0].silent => Moment::LeaseEnded,
            Moment::LeaseEnded => Moment::Released,
            Moment::Over | Moment::Released | Moment::End => Moment::End,
        };
    }

    pub(super) fn take(&self, world: &mut World, step: Step) {
        match step {
            Step::Sign {
                payer,
                payee,
                given,
                after,
                skip,
            } => self.sign(world, payer, payee, given, after, skip),
            Step::Show(order) => self.show(world, order),
            Step::Decline(order) => {
                say(world, order, Word::Declines);
            }
            Step::HandIn { order, at, word } => self.hand_in(world, order, at, word),
            Step::Arrive(wire) => self.arrive(world, wire),
            Step::Renew { payer, head } => {
                if let Some(home) = world.home(payer) {
                    self.renew(world, home, payer, head);
                }
            }
            Step::Withdraw(payer) => {
                if let Some(home) = world.home(payer) {
                    let purse = world.gateways[home].purses.get_mut(&payer);
                    let free = purse.map(|purse| std::mem::take(&mut purse.free));
                    world.withdrawn += free.unwrap_or(0);
                }
            }
            Step::Move { who, to } => self.close(world, who, to),
            Step::Open { who, lease } => self.open(world, who, lease),
            Step::GiveBack(order) => {
                if let Some(arbiter) = world.arbiter(&order) {
                    Self::give_back(world, arbiter, order);
                }
            }
            Step::Lapse { who, at } => {
                let now = world.moment.time();
                if let Some(purse) = world.gateways[at].purses.get_mut(&who) {
                    self.lapse(purse, now);
                }
            }
            Step::SendOn { who, from } => Self::send_on(world, from, who),
            Step::FallSilent => world.gateways[0].silent = true,
            Step::Report => world.replica = world.gateways[0].purses.clone(),
            Step::Release => Self::release(world),
            Step::Tick => Self::tick(world),
        }
    }

    fn sign(
        &self,
        world: &mut World,
        payer: Who,
        payee: Who,
        given: Given,
        after: Option<Order>,
        skip: u32,
    ) {
        let Some(holds) = world.payers.get_mut(&payer) else {
            return;
        };
        let terms = given.terms();
        let depth = holds
            .signed
            .iter()
            .filter(|order| Some(**order) <= after)
            .count();
        let price = PRICES.get(depth).copied().unwrap_or(1);
        let last = after.map(|order| order.spent);
        let from = last.map_or(Odometer::ZERO, |spent| spent.to);
        let Some(odometer) = from.advance(amount(price)) else {
            return;
        };
        let sequence = last.map_or(0, |spent| spent.sequence.0) + skip;
        let payment = Payment {
            payer: payer.code(),
            key_epoch: KeyEpoch(1),
            sequence: Sequence(sequence),
            previous: after.map_or(Reference::default(), |o| o.payment.reference()),
            payee: payee.code(),
            currency: USD,
            amount: amount(price),
            odometer,
            allowance: given.verified().reference(),
            settle_by: terms.expires,
            reference: Reference(*b"one of the model"),
            covers_for: None,
            covers: None,
            stream: None,
        };
        let Some(order) = self.forge.order(payer, payee, given, &payment) else {
            return;
        };
        // An honest purse signs nothing that its allowance does not allow.
        if protocol::rules::fits(given.verified(), &order.payment).is_err() {
            return;
        }
        if after != holds.signed.last().copied() {
            holds.forked = true;
        }
        holds.signed.insert(order);
    }

    fn show(&self, world: &mut World, order: Order) {
        let newest = world.payees[&order.payee].newest.get(&order.payer);
        let view = PayeeView {
            me: order.payee.code(),
            now: world.moment.time(),
            sync_margin_s: MARGIN_S,
            newest: newest.map(|order| &order.spent),
            expected: None,
            most_by_class: [amount(LOADED); 3],
            has_time: true,
            holdings: &Anything,
        };
        if acceptable(order.given.verified(), &order.payment, &view).is_err() {
            return;
        }
        say(world, order, Word::Takes);
        if self.has(Flaw::ForgetsNewest) {
            return;
        }
        if let Some(payee) = world.payees.get_mut(&order.payee) {
            payee.newest.insert(order.payer, order);
        }
    }

    fn hand_in(&self, world: &mut World, order: Order, at: usize, word: Option<Word>) {
        if world.gateways[at].silent {
            return;
        }
        let in_time = word == Some(Word::Takes) && world.moment == Moment::Open;
        if world.arbiter(&order) == Some(at) {
            // A refusal is an answer; the side that brought it may come again.
            if self.settle(world, at, order, word).is_ok() && in_time {
                claimed(world, order);
            }
            return;
        }
        if word.is_none() && world.moment != Moment::Open {
            // Late, and not claimed: nobody is promised anything.
            return;
        }
        let forward = |noted| Wire::Forward { order, word, noted };
        let told = [true, false].map(|noted| world.wires.contains_key(&forward(noted)));
        if told != [false; 2] {
            return;
        }
        world.wires.insert(forward(in_time), Delivery::Pending);
        if in_time {
            world.gateways[at].notes.insert(order);
            claimed(world, order);
            if self.has(Flaw::EveryGatewaySettles) {
                self.pay(world, at, order, order.payment.get().amount.get());
            }
        }
    }

    /// A message arrives, and nothing changes when it came before.
    fn arrive(&self, world: &mut World, wire: Wire) {
        let known = world.wires.get(&wire) == Some(&Delivery::Taken);
        let before = known.then(|| world.clone());
        let taken = match wire {
            Wire::Forward { order, word, .. } => {
                let Some(arbiter) = world.arbiter(&order) else {
                    return;
                };
                self.settle(world, arbiter, order, word).is_ok()
            }
            Wire::Credit { order, amount } => {
                let Some(home) = world.home(order.payee) else {
                    return;
                };
                self.credit(world, home, order, amount);
                true
            }
            Wire::SentOn { .. } => {
                if !self.sent_on(world, wire) {
                    return;
                }
                true
            }
        };
        match before {
            Some(before) if before != *world => {
                world.broken = Some("a message that came again changed something");
            }
            Some(_) => {}
            None => {
                let delivery = if taken {
                    Delivery::Taken
                } else {
                    Delivery::Refused
                };
                world.wires.insert(wire, delivery);
            }
        }
    }
}

fn say(world: &mut World, order: Order, word: Word) {
    if let Some(payee) = world.payees.get_mut(&order.payee) {
        payee.said.entry(order).or_insert(word);
    }
}

fn claimed(world: &mut World, order: Order) {
    if let Some(payee) = world.payees.get_mut(&order.payee) {
        payee.in_time.insert(order);
    }
}

/// Floats, areas and filters are not of this model.
#[derive(Debug)]
struct Anything;

impl Holdings for Anything {
    fn float(&self, _: &Code, _: KeyEpoch, _: &Currency) -> Float {
        Float::Own
    }

    fn stands_in(&self, _: &Reference) -> bool {
        true
    }

    fn is_revoked(&self, _: &Code) -> bool {
        false
    }
}
