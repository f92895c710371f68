//! What an honest thing does among several gateways: it pays, takes, spends on what it took, and
//! visits offices, mostly its home.

use super::super::authority::{currencies, network};
use super::super::flash::Moment;
use super::super::thing::written;
use super::delays::payments_in;
use super::thing::SimPurse;
use super::{Deal, Happening, Union, amount, invariants, witness};
use device_sdk::purse::{Event, HandInCursor, OUT_MAX, Order};
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Allowance, Payment, Statement};
use protocol::{Code, Currency, Digest, Fault, Reference, Status, Timestamp};

/// Messages handed in by one visit.
const HAND_INS_MOST: usize = 16;

/// Its own turn.
pub(crate) fn wakes(world: &mut Union, thing: usize) {
    let mean_ms = world.scenario.wake_ms;
    let in_ms = world.chance.between(mean_ms / 4, mean_ms * 2);
    world.schedule.plan(in_ms, Happening::Wakes(thing));
    if world.things[thing].purse.is_none() {
        return;
    }
    let home_is_gone = world.is_away(world.things[thing].home);
    match world.chance.below(100) {
        0..45 => pay_somebody(world, thing),
        45..50 => world.wants_to_move(thing),
        50..70 if home_is_gone => world.wants_to_move(thing),
        50..53 => world.wants_money_out(thing),
        _ => {
            let office = world.draw_office(thing);
            visit(world, thing, office);
        }
    }
}

impl Union {
    /// Mostly its home.
    fn draw_office(&mut self, thing: usize) -> usize {
        let it = &self.things[thing];
        match (self.chance.below(10), &it.journey) {
            (0..2, _) => self.chance.index(self.offices.len()),
            (2..5, Some(journey)) => journey.to,
            _ => it.home,
        }
    }

    /// Does something with a thing's purse; the power may go in it.
    pub(crate) fn with_purse<T>(
        &mut self,
        thing: usize,
        act: impl FnOnce(&mut SimPurse, Timestamp) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let now = self.now();
        if !self.calm && self.things[thing].honest && self.chance.per_mille(10) {
            let moments = [Moment::Before, Moment::During, Moment::After];
            let moment = moments[self.chance.index(moments.len())];
            let operations = self.chance.below(6);
            self.things[thing].flash.cut_after(operations, moment);
        }
        let it = &mut self.things[thing];
        let purse = it.purse.as_mut().ok_or(Status::Storage)?;
        let done = act(purse, now);
        if it.flash.is_dead() {
            it.purse = None;
            let name = it.name();
            self.note(format!("{name} loses power"));
            self.tally.count("power cuts");
            let in_ms = self.chance.between(100, 120_000);
            self.schedule.plan(in_ms, Happening::PowerOn(thing));
        }
        done
    }

    /// A payment becomes known to the checks.
    pub(crate) fn sign(&mut self, evidence: &[u8]) -> Option<Digest> {
        let (id, p) = payment_in(evidence)?;
        let mut covers = payments_in(evidence);
        covers.retain(|cover| *cover != id);
        let deal = Deal {
            payer: self.thing_of(&p.payer)?,
            payee: self.thing_of(&p.payee)?,
            currency: p.currency,
            amount: p.amount.get(),
            settle_by: p.settle_by,
            arbiter: arbiter_of(evidence)?,
            covers,
            taken: false,
            claimed: None,
        };
        if let std::collections::btree_map::Entry::Vacant(place) = self.deals.entry(id) {
            place.insert(deal);
            self.tally.count("payments");
        }
        Some(id)
    }

    /// Whoever pays shows the warrants that its allowances stand on.
    pub(crate) fn shows_warrants(&mut self, from: usize, to: usize) {
        let warrants: Vec<_> = self.things[from].warrants.values().cloned().collect();
        for (_, warrant) in warrants {
            self.learns(to, &warrant);
        }
    }

    fn learns(&mut self, thing: usize, message: &[u8]) {
        if self.things[thing].learn(message) {
            let _ = self.with_purse(thing, |purse, now| purse.receive(message, now));
        }
    }
}

fn draw_payee(world: &mut Union, thing: usize) -> usize {
    let honest: Vec<usize> = (0..world.things.len())
        .filter(|other| *other != thing && world.things[*other].honest)
        .collect();
    honest[world.chance.index(honest.len())]
}

pub(crate) fn draw_currency(world: &mut Union) -> Currency {
    let [first, second] = currencies();
    match world.chance.per_mille(700) {
        true => first,
        false => second,
    }
}

fn pay_somebody(world: &mut Union, thing: usize) {
    let payee = draw_payee(world, thing);
    let currency = draw_currency(world);
    let now = world.now();
    let here = world.things[thing].purse.as_ref();
    let here = here.map_or(0, |purse| purse.spendable_here(currency, now).get());
    let minor = match world.chance.below(4) {
        0 => here.max(1),
        1 => here / 2 + 1,
        _ => world.chance.between(1, world.scenario.wealth / 6 + 1),
    };
    let order = Order {
        payee: world.things[payee].code,
        currency,
        amount: amount(minor),
        reference: Reference(world.chance.bytes()),
    };
    pay(world, thing, payee, &order);
}

fn pay(world: &mut Union, thing: usize, payee: usize, order: &Order) {
    let now = world.now();
    let spendable = world.chance.per_mille(700);
    let covers_for = world.things[payee].purse.as_ref();
    let covers_for = covers_for.and_then(|purse| purse.covers_for(order.currency, now));
    let paid = world.with_purse(thing, |purse, now| {
        written(|out| match covers_for {
            Some(covers_for) if spendable => purse.pay_spendable(order, covers_for, now, out),
            _ => purse.pay(order, now, out),
        })
    });
    match paid {
        Ok(evidence) => {
            let Some(id) = world.sign(&evidence) else {
                return world.fail("what a purse writes can be read", "a payment");
            };
            if is_covered(&evidence) {
                world.tally.count("covered");
            }
            let (payer, to) = (world.things[thing].name(), world.things[payee].name());
            let (minor, currency) = (order.amount, order.currency.name());
            world.note(format!(
                "{payer} pays {to} {minor} {currency}: {}",
                short(&id)
            ));
            if world.chance.per_mille(850) {
                world.shows_warrants(thing, payee);
                takes(world, payee, &evidence);
            }
        }
        Err(status) => world.tally.refused(status.word()),
    }
}

/// A payment reaches its payee, from the payer or by its inbox.
pub(crate) fn takes(world: &mut Union, thing: usize, evidence: &[u8]) {
    let Some((id, p)) = payment_in(evidence) else {
        return;
    };
    world.sign(evidence);
    let answer = world.with_purse(thing, |purse, now| {
        written(|out| purse.accept(evidence, None, now, out))
    });
    let receipt = match answer {
        Ok(receipt) => {
            let name = world.things[thing].name();
            world.note(format!("{name} takes {}", short(&id)));
            if let Some(deal) = world.deals.get_mut(&id) {
                deal.taken = true;
            }
            receipt
        }
        Err(status) => {
            world.tally.refused(status.word());
            let hard = matches!(status.fault(), Fault::Payee | Fault::Payer);
            if !hard || !world.chance.per_mille(300) {
                return;
            }
            let declined = world.with_purse(thing, |purse, now| {
                written(|out| purse.decline(evidence, status, now, out))
            });
            let Ok(receipt) = declined else { return };
            let name = world.things[thing].name();
            world.note(format!("{name} declines {}: {status}", short(&id)));
            world.tally.count("declined");
            receipt
        }
    };
    let Some(payer) = world.thing_of(&p.payer) else {
        return;
    };
    if world.things[payer].honest && world.chance.per_mille(850) {
        let _ = world.with_purse(payer, |purse, now| purse.receive(&receipt, now));
    }
}

/// Hands in what waits, asks for allowances where it is at home, and reads its inbox.
pub(crate) fn visit(world: &mut Union, thing: usize, office: usize) {
    if world.is_away(office) {
        world.tally.count("offices not reached");
        return;
    }
    world.presents_move(thing, office);
    hands_in(world, thing, office);
    if world.things[thing].home == office && !world.calm {
        for currency in currencies() {
            renews(world, thing, office, currency);
        }
    }
    reads_inbox(world, thing, office);
    for message in world.offices[office].news() {
        match Message::read(&message) {
            Ok(Message::Warrant { .. }) => world.learns(thing, &message),
            _ => {
                let event = world.with_purse(thing, |purse, now| purse.receive(&message, now));
                if matches!(event, Ok(Event::Final { payments }) if payments > 0) {
                    world.tally.count("final everywhere");
                }
            }
        }
    }
}

pub(crate) fn hands_in(world: &mut Union, thing: usize, office: usize) {
    let mut cursor = HandInCursor::default();
    for _ in 0..HAND_INS_MOST {
        let mut next = cursor;
        let message = world.with_purse(thing, |purse, _| {
            let mut out = vec![0; OUT_MAX];
            let len = purse.hand_in(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        let Ok(Some(message)) = message else {
            return;
        };
        hand_in(world, thing, office, &message);
    }
}

fn hand_in(world: &mut Union, thing: usize, office: usize, message: &[u8]) {
    // Signed in the moment when the power went: the purse knows, and nobody else did.
    world.sign(message);
    let answer = brings(world, thing, office, message);
    let Some((id, p)) = payment_in(message) else {
        return;
    };
    let (name, at) = (world.things[thing].name(), world.offices[office].name());
    match answer {
        Ok(answer) => {
            let now = world.now();
            if let (Some(deal), true) = (
                world.deals.get_mut(&id),
                p.payee == world.things[thing].code,
            ) {
                deal.claimed.get_or_insert(now);
                // The power may have gone after it was taken and before anybody heard of it.
                deal.taken = true;
            }
            witness::answered(world, office, &answer);
            let said = said(&answer);
            world.note(format!("{name} hands in {} at {at}: {said}", short(&id)));
            hears(world, thing, &answer);
        }
        Err(status) => {
            world.note(format!("{name} hands in {} at {at}: {status}", short(&id)));
            invariants::refused(world, thing, status);
        }
    }
}

/// An honest thing brings a message; its passes come along.
pub(crate) fn brings(
    world: &mut Union,
    thing: usize,
    office: usize,
    message: &[u8],
) -> Result<Vec<u8>, Status> {
    let now = world.now();
    let things = &world.things;
    let pass_of = |code: &Code| {
        let thing = things.iter().find(|thing| thing.code == *code);
        thing.map_or_else(Vec::new, |thing| thing.birth.pass.clone())
    };
    let answer = world.offices[office].handle(things[thing].code, message, &pass_of, now);
    world.tally.count("handed in");
    answer
}

/// An answer on its way to the thing may be lost.
fn hears(world: &mut Union, thing: usize, answer: &[u8]) {
    witness::hears(world, answer);
    if !world.calm && world.chance.per_mille(100) {
        world.tally.count("answers lost");
        return;
    }
    let event = world.with_purse(thing, |purse, now| purse.receive(answer, now));
    match event {
        Ok(Event::Provisional { .. }) => world.tally.count("provisional"),
        Ok(Event::Stated { .. }) => world.tally.count("stated"),
        Ok(Event::Behind) => {
            let name = world.things[thing].name();
            world.fail(
                "an honest thing never forgets what it signed",
                format!("{name} hears of payments it does not know"),
            );
        }
        Ok(_) => {}
        Err(status) => world.tally.refused(status.word()),
    }
}

fn renews(world: &mut Union, thing: usize, office: usize, currency: Currency) {
    let now = world.now();
    let Some(purse) = &world.things[thing].purse else {
        return;
    };
    let soon = now.plus_s(world.scenario.policy.allowance_life_s / 4);
    let short = purse.spendable(currency).get() < world.scenario.wealth / 8;
    let ends = purse.allowance(currency).is_none_or(|a| a.expires < soon);
    if !short && !ends && !purse.in_doubt() {
        return;
    }
    let wanted = amount(world.chance.between(1, world.scenario.wealth));
    let renewal = world.with_purse(thing, |purse, now| {
        written(|out| purse.renewal(currency, wanted, now, out))
    });
    let Ok(renewal) = renewal else { return };
    let name = world.things[thing].name();
    match brings(world, thing, office, &renewal) {
        Ok(grant) => {
            world.tally.count("allowances");
            world.note(format!("{name} has an allowance in {}", currency.name()));
            invariants::granted(world, office, &grant);
            hears(world, thing, &grant);
        }
        Err(status) => {
            world.note(format!(
                "{name} gets no allowance in {}: {status}",
                currency.name()
            ));
            invariants::refused(world, thing, status);
        }
    }
}

fn reads_inbox(world: &mut Union, thing: usize, office: usize) {
    let code = world.things[thing].code;
    let mut taken = None;
    for entry in world.offices[office].inbox(&code) {
        match Message::read(&entry.bytes) {
            Ok(Message::Evidence { .. } | Message::Covered { .. } | Message::Payment { .. }) => {
                takes(world, thing, &entry.bytes);
            }
            _ => {
                witness::hears(world, &entry.bytes);
                let event = world.with_purse(thing, |purse, now| purse.receive(&entry.bytes, now));
                match event {
                    Ok(Event::Stated { .. }) => world.tally.count("final words by inbox"),
                    Err(Status::Storage | Status::Full | Status::Busy) => break,
                    _ => {}
                }
            }
        }
        if world.things[thing].purse.is_none() {
            break;
        }
        taken = Some(entry.number);
    }
    if let Some(number) = taken {
        world.offices[office].acknowledge(&code, number);
    }
}

/// The payment that a message is about.
pub(crate) fn payment_in(message: &[u8]) -> Option<(Digest, Payment)> {
    let bytes = match Message::read(message).ok()? {
        Message::Evidence { payment, .. }
        | Message::Claim { payment, .. }
        | Message::StreamClaim { payment, .. } => payment,
        Message::Covered { items, .. } => Items::read(items).ok()?.iter().last()?.payment,
        _ => return None,
    };
    let sealed = open::<Payment>(bytes, &network()).ok()?;
    Some((sealed.id(), *sealed.peek()))
}

/// Who gave the allowance for the payment that a message is about.
fn arbiter_of(message: &[u8]) -> Option<Code> {
    let bytes = match Message::read(message).ok()? {
        Message::Evidence { allowance, .. }
        | Message::Claim { allowance, .. }
        | Message::StreamClaim { allowance, .. } => allowance,
        Message::Covered { items, .. } => Items::read(items).ok()?.iter().last()?.allowance,
        _ => return None,
    };
    Some(open::<Allowance>(bytes, &network()).ok()?.peek().gateway)
}

fn is_covered(message: &[u8]) -> bool {
    matches!(Message::read(message), Ok(Message::Covered { .. }))
}

/// A statement in words.
fn said(answer: &[u8]) -> String {
    let Ok(Message::Statement { statement }) = Message::read(answer) else {
        return "no statement".into();
    };
    let Ok(statement) = open::<Statement>(statement, &network()) else {
        return "garbage".into();
    };
    let statement = statement.peek();
    let outcome = u8::try_from(statement.outcome).unwrap_or_default();
    let word = Status::from_number(outcome).map_or("nothing", Status::word);
    match statement.provisional {
        Some(_) => format!("{word}, provisionally"),
        None => word.into(),
    }
}

/// Enough of an identifier to find it in a log.
pub(crate) fn short(id: &Digest) -> String {
    id.as_bytes()[..4]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
