//! What an honest thing does: it pays, asks, takes, streams, retries and synchronises, and none of
//! it ever on purpose against the rules.

use super::authority::currencies;
use super::counter::short;
use super::links::Party;
use super::thing::written;
use super::wire::{COVERED, EVIDENCE, INVOICE, Letter, PAYMENT, REFUSAL};
use super::{Acceptance, Cargo, World, areas, giving_up, invariants, lives, neighbours};
use crate::world::model::Payment;
use device_sdk::purse::{
    Event, HandInCursor, InvoiceOrder, Order, Seed, StandingRules, StreamOrder,
};
use protocol::objects::Asked;
use protocol::{AmountMinor, AssuranceClass, Currency, Digest, Fault, Kind, Reference, Status};

/// Deals a thing remembers beside its purse; a power cut may lose them.
const DEALS_MOST: usize = 6;
/// Messages handed in by one synchronisation.
const HAND_INS_MOST: usize = 24;

/// What the owner of a thing has in mind.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Orders without an answer.
    deals: Vec<Deal>,
}

/// One order.
#[derive(Clone, Copy, Debug)]
struct Deal {
    payee: usize,
    order: Order,
    /// The payee may spend it on.
    spendable: bool,
    /// Price of one and count, with what the last value is made of.
    units: Option<(AmountMinor, u32, Digest)>,
}

pub(crate) fn amount(minor: u64) -> AmountMinor {
    AmountMinor::new(minor).unwrap()
}

/// Its own turn.
pub(crate) fn wakes(world: &mut World, thing: usize) {
    if world.things[thing].dead {
        return;
    }
    let mean_ms = world.scenario.wake_ms;
    let in_ms = world.chance.between(mean_ms / 4, mean_ms * 2);
    world.schedule.plan(in_ms, super::Happening::Wakes(thing));
    if world.things[thing].purse.is_none() {
        return;
    }
    if world.chance.per_mille(world.scenario.mishaps) {
        return lives::mishap(world, thing);
    }
    match world.chance.below(100) {
        0..28 => new_deal(world, thing),
        28..30 => giving_up::give_up(world, thing),
        30..45 => retry(world, thing),
        45..55 => ask_for_money(world, thing),
        55..65 => go_on_with_streams(world, thing),
        65..70 => close_a_stream(world, thing),
        70..72 => take_money_out(world, thing),
        72 => put_money_in(world, thing),
        73..75 => approve(world, thing),
        75 => areas::reassign(world, thing),
        76..79 => neighbours::tell(world, thing),
        _ => synchronise(world, thing),
    }
}

fn draw_payee(world: &mut World, thing: usize) -> usize {
    let step = 1 + world.chance.index(world.things.len() - 1);
    (thing + step) % world.things.len()
}

fn draw_currency(world: &mut World) -> Currency {
    let [first, second] = currencies();
    match world.chance.per_mille(700) {
        true => first,
        false => second,
    }
}

/// What it may spend without a gateway.
fn here(world: &World, thing: usize, currency: Currency) -> u64 {
    let it = &world.things[thing];
    let clock = it.clock(world.now());
    let Some(purse) = it.purse.as_ref() else {
        return 0;
    };
    let most = purse.allowance(currency).map(|a| a.most_per_payment);
    let here = purse.spendable_here(currency, clock);
    here.min(most.unwrap_or_default()).get()
}

fn new_deal(world: &mut World, thing: usize) {
    let currency = draw_currency(world);
    let wealth = world.scenario.wealth;
    let minor = match world.chance.below(20) {
        0 => world.chance.between(1, wealth),
        1 => 1,
        // All there is, with what was just received.
        2..6 => here(world, thing, currency).max(1),
        _ => world.chance.between(1, wealth / 8 + 1),
    };
    deal(world, thing, currency, minor);
}

/// What was just received is spent at once.
fn spend_on(world: &mut World, thing: usize, currency: Currency) {
    let all = here(world, thing, currency);
    if all > 0 && world.chance.per_mille(400) {
        deal(world, thing, currency, all);
    }
}

fn deal(world: &mut World, thing: usize, currency: Currency, minor: u64) {
    let payee = draw_payee(world, thing);
    let units = world.chance.per_mille(250).then(|| {
        let count = world.chance.between(1, 40) as u32;
        let unit = minor / u64::from(count) + 1;
        (amount(unit), count, Digest(world.chance.bytes()))
    });
    let deal = Deal {
        payee,
        order: Order {
            payee: world.things[payee].code,
            currency,
            amount: units.map_or(amount(minor), |(unit, count, _)| {
                amount(unit.get() * u64::from(count))
            }),
            reference: Reference(world.chance.bytes()),
        },
        spendable: world.chance.per_mille(700),
        units,
    };
    let deals = &mut world.plans[thing].deals;
    if deals.len() >= DEALS_MOST {
        deals.remove(0);
    }
    deals.push(deal);
    pay(world, thing, deal);
}

fn pay(world: &mut World, thing: usize, deal: Deal) {
    // Beside a printed price stands under which allowance the payee may spend it on.
    let now = world.now();
    let payee = world.things[deal.payee].purse.as_ref();
    let covers_for = payee.and_then(|purse| purse.covers_for(deal.order.currency, now));
    let paid = world.with_purse(thing, |purse, now| {
        written(|out| match deal.units {
            None if deal.spendable && covers_for.is_some() => {
                let covers_for = covers_for.unwrap_or_default();
                purse.pay_spendable(&deal.order, covers_for, now, out)
            }
            Some((unit, count, seed)) => purse.pay_stream(
                &StreamOrder {
                    payee: deal.order.payee,
                    currency: deal.order.currency,
                    unit,
                    count,
                    reference: deal.order.reference,
                },
                Seed(seed),
                now,
                out,
            ),
            None => purse.pay(&deal.order, now, out),
        })
    });
    match paid {
        Ok(evidence) => {
            note_payment(world, thing, deal.payee, &evidence, "pays");
            world.send(
                Party::Thing(thing),
                Party::Thing(deal.payee),
                Cargo::Wallet(evidence),
            );
        }
        Err(status) => world.tally.refused(status.word()),
    }
}

pub(crate) fn note_payment(
    world: &mut World,
    thing: usize,
    payee: usize,
    evidence: &[u8],
    verb: &str,
) {
    let paper = Letter::read(evidence).and_then(|letter| letter.payment());
    let Some(p) = paper.and_then(|paper| Payment::read(&paper)) else {
        return;
    };
    let (payer, payee) = (world.things[thing].name(), world.things[payee].name());
    let units = p.stream.map_or_else(String::new, |(unit, count, _)| {
        format!(" as {count} units of {unit}")
    });
    world.note(format!(
        "{payer} {verb} {payee} {} {}{units}: {} number {} odometer {}",
        p.amount,
        p.currency.name(),
        short(&p.id),
        p.sequence,
        p.odometer
    ));
}

fn retry(world: &mut World, thing: usize) {
    let deals = &world.plans[thing].deals;
    if deals.is_empty() {
        return;
    }
    let deal = deals[world.chance.index(deals.len())];
    pay(world, thing, deal);
}

fn ask_for_money(world: &mut World, thing: usize) {
    let payer = draw_payee(world, thing);
    let currency = draw_currency(world);
    let unit = world.chance.between(1, world.scenario.wealth / 16 + 1);
    let asked = match world.chance.per_mille(600) {
        true => Asked::Amount(amount(unit)),
        false => Asked::Units {
            unit: amount(unit / 20 + 1),
            most: world.chance.between(1, 40) as u32,
        },
    };
    let (reference, nonce) = (Reference(world.chance.bytes()), world.chance.next());
    let expires_s = world.chance.between(60, 7_200) as u32;
    let invoice = world.with_purse(thing, |purse, now| {
        let order = InvoiceOrder {
            currency,
            asked,
            reference,
            expires: now.plus_s(expires_s),
            least_class: AssuranceClass::Software,
        };
        written(|out| purse.invoice(&order, nonce, now, out))
    });
    if let Ok(invoice) = invoice {
        world.send(
            Party::Thing(thing),
            Party::Thing(payer),
            Cargo::Wallet(invoice),
        );
    }
}

fn approve(world: &mut World, thing: usize) {
    let currency = draw_currency(world);
    let rules = StandingRules::up_to(amount(world.scenario.wealth), &[Kind::Device]);
    let _ = world.with_purse(thing, |purse, _| purse.set_rules(currency, &rules));
}

/// Pays an invoice: by the standing rules, or because the owner says so.
fn pay_invoice(world: &mut World, thing: usize, from: Party, invoice: &[u8]) {
    let (most, seed) = (world.chance.between(1, 40) as u32, world.chance.bytes());
    let by_rule = world.chance.per_mille(500);
    let paid = world.with_purse(thing, |purse, now| {
        let offer = match by_rule {
            true => purse.consider(invoice, now)?,
            false => purse.show_owner(invoice, now)?,
        };
        let offer = offer.at_most(most);
        written(|out| purse.pay_invoice(&offer, Some(Seed(Digest(seed))), now, out))
    });
    match (paid, from) {
        (Ok(evidence), Party::Thing(payee)) => {
            note_payment(world, thing, payee, &evidence, "answers the invoice of");
            world.send(Party::Thing(thing), from, Cargo::Wallet(evidence));
        }
        (Err(status), _) => world.tally.refused(status.word()),
        _ => {}
    }
}

fn go_on_with_streams(world: &mut World, thing: usize) {
    let releasing: Vec<_> = match &world.things[thing].purse {
        Some(purse) => purse.releasing().collect(),
        None => return,
    };
    for stream in releasing {
        let more = world
            .chance
            .between(0, u64::from(stream.count - stream.units)) as u32;
        let units = (stream.units + more).max(1);
        let unit = world.with_purse(thing, |purse, _| {
            written(|out| purse.release(stream.payment, units, out))
        });
        let payee = world.things.iter().position(|t| t.code == stream.payee);
        if let (Ok(unit), Some(payee)) = (unit, payee) {
            world.send(
                Party::Thing(thing),
                Party::Thing(payee),
                Cargo::Wallet(unit),
            );
        }
    }
}

fn close_a_stream(world: &mut World, thing: usize) {
    let taking: Vec<_> = match &world.things[thing].purse {
        Some(purse) => purse.taking().collect(),
        None => return,
    };
    let Some(stream) = world.chance.pick(&taking).copied() else {
        return;
    };
    let receipt = world.with_purse(thing, |purse, now| {
        written(|out| purse.close_stream(stream.payment, now, out))
    });
    let payer = world.things.iter().position(|t| t.code == stream.payer);
    if let (Ok(receipt), Some(payer)) = (receipt, payer) {
        let name = world.things[thing].name();
        let id = short(&stream.payment);
        world.note(format!("{name} closes {id} at {} units", stream.units));
        world.send(
            Party::Thing(thing),
            Party::Thing(payer),
            Cargo::Wallet(receipt),
        );
    }
}

fn take_money_out(world: &mut World, thing: usize) {
    let currency = draw_currency(world);
    let minor = world.chance.between(1, world.scenario.wealth / 4 + 1);
    world.redeem(thing, currency, minor);
}

/// No further than its class may hold.
fn put_money_in(world: &mut World, thing: usize) {
    let currency = draw_currency(world);
    let minor = world.chance.between(1, world.scenario.wealth);
    if world.gateways[0].is_up() && !world.model.frozen.contains(&world.things[thing].code) {
        world.load(thing, currency, minor);
    }
}

/// Hands in everything that waits, asks for allowances and for its inbox.
pub(crate) fn synchronise(world: &mut World, thing: usize) {
    let (me, home) = (Party::Thing(thing), Party::Gateway(0));
    let mut cursor = HandInCursor::default();
    for _ in 0..HAND_INS_MOST {
        let mut next = cursor;
        let message = world.with_purse(thing, |purse, _| {
            let mut out = vec![0; device_sdk::purse::OUT_MAX];
            let len = purse.hand_in(&mut next, &mut out)?;
            Ok(len.map(|len| out[..len].to_vec()))
        });
        cursor = next;
        match message {
            Ok(Some(message)) => world.send(me, home, Cargo::Wallet(message)),
            _ => break,
        }
    }
    giving_up::tell(world, thing);
    for currency in currencies() {
        if !world.calm && wants_renewal(world, thing, currency) {
            let wanted = amount(world.chance.between(1, world.scenario.wealth));
            let renewal = world.with_purse(thing, |purse, now| {
                written(|out| purse.renewal(currency, wanted, now, out))
            });
            if let Ok(renewal) = renewal {
                world.send(me, home, Cargo::Wallet(renewal));
            }
        }
    }
    world.send(me, home, Cargo::Poll);
}

fn wants_renewal(world: &mut World, thing: usize, currency: Currency) -> bool {
    let now = world.now();
    let Some(purse) = &world.things[thing].purse else {
        return false;
    };
    let soon = now.plus_s(world.scenario.policy.allowance_life_s / 4);
    let short = purse.spendable(currency).get() < world.scenario.wealth / 8;
    let ends = purse.allowance(currency).is_none_or(|a| a.expires < soon);
    (short || ends) || world.chance.per_mille(50)
}

/// Something arrives at an honest thing.
pub(crate) fn hears(world: &mut World, thing: usize, from: Party, cargo: Cargo) {
    if world.things[thing].purse.is_none() {
        return;
    }
    match cargo {
        Cargo::Wallet(bytes) => {
            // What cannot be kept now comes again.
            let _ = read(world, thing, from, &bytes);
        }
        Cargo::Inbox(page) => read_inbox(world, thing, from, &page),
        Cargo::Acknowledge(_) | Cargo::Poll => {}
    }
}

/// Takes a page of its inbox, in order, and says how far it came.
fn read_inbox(world: &mut World, thing: usize, from: Party, page: &[(u64, Vec<u8>)]) {
    let mut taken = None;
    for (number, bytes) in page {
        let done = read(world, thing, from, bytes);
        // Gone for good only once it changed what it had to change.
        let later = matches!(done, Err(Status::Storage | Status::Full | Status::Busy));
        if later || world.things[thing].purse.is_none() {
            break;
        }
        let name = world.things[thing].name();
        let word = Letter::read(bytes).map_or("garbage", |letter| letter.word());
        let status = done.err().map_or("taken", Status::word);
        world.note(format!(
            "{name} finds {word} {number} in its inbox: {status}"
        ));
        taken = Some(*number);
    }
    if let Some(number) = taken {
        world.send(Party::Thing(thing), from, Cargo::Acknowledge(number));
    }
}

fn read(world: &mut World, thing: usize, from: Party, bytes: &[u8]) -> Result<(), Status> {
    match Letter::read(bytes).map(|letter| letter.kind) {
        Some(EVIDENCE | COVERED | PAYMENT) => take(world, thing, from, bytes),
        Some(INVOICE) => {
            pay_invoice(world, thing, from, bytes);
            Ok(())
        }
        Some(REFUSAL) | None => Ok(()),
        Some(_) => {
            let event = world.with_purse(thing, |purse, now| purse.receive(bytes, now))?;
            areas::heard(world, thing, bytes);
            follow(world, thing, event);
            Ok(())
        }
    }
}

fn follow(world: &mut World, thing: usize, event: Event) {
    match event {
        Event::Ready { .. } => go_on_with_streams(world, thing),
        Event::Receipted { payment } | Event::Closed { payment, .. } => {
            let payment = world.model.signed.payments.get(&payment);
            if let Some(reference) = payment.map(|p| Reference(p.reference)) {
                let deals = &mut world.plans[thing].deals;
                deals.retain(|deal| deal.order.reference != reference);
            }
        }
        Event::Fraud { code } => {
            let forked = world.model.signed.forked.contains_key(&code);
            world.tally.found_between += 1;
            let name = world.things[thing].name();
            world.note(format!("{name} finds out about {code}"));
            if !forked {
                let what = format!("{name} takes {code} for forked");
                world.fail("an honest thing never yields a fraud proof", what);
            }
        }
        Event::Behind if !world.things[thing].forgetful => {
            let name = world.things[thing].name();
            world.fail(
                "an honest thing never forgets what it signed",
                format!("{name} hears of payments it does not know"),
            );
        }
        _ => {}
    }
}

/// Judges a payment, and answers.
fn take(world: &mut World, thing: usize, from: Party, evidence: &[u8]) -> Result<(), Status> {
    let answer = accept(world, thing, evidence);
    let payer = payer_of(world, evidence);
    let to = payer.map_or(from, Party::Thing);
    match answer {
        Ok(answer) => {
            world.send(Party::Thing(thing), to, Cargo::Wallet(answer));
        }
        Err(Status::Storage) => return Err(Status::Storage),
        Err(status) => {
            world.tally.refused(status.word());
            if status == Status::OutsideArea
                && let Some((payment, pieces)) = shown(world, evidence)
            {
                areas::refused(world, thing, &payment, &pieces);
            }
            let hard = matches!(status.fault(), Fault::Payee | Fault::Payer);
            if hard && world.chance.per_mille(400) {
                decline(world, thing, to, evidence, status);
            }
        }
    }
    Ok(())
}

/// The payment of an evidence, and what it stands on.
fn shown(world: &World, evidence: &[u8]) -> Option<(Payment, Vec<Digest>)> {
    let letter = Letter::read(evidence)?;
    let payment = Payment::read(&letter.payment()?)?;
    let pieces = world.model.pieces(&letter).unwrap_or_default();
    let pieces = pieces.iter().map(|piece| piece.payment).collect();
    Some((payment, pieces))
}

fn decline(world: &mut World, thing: usize, to: Party, evidence: &[u8], why: Status) {
    let declined = world.with_purse(thing, |purse, now| {
        written(|out| purse.decline(evidence, why, now, out))
    });
    if let Ok(receipt) = declined {
        let name = world.things[thing].name();
        world.note(format!("{name} declines: {why}"));
        world.send(Party::Thing(thing), to, Cargo::Wallet(receipt));
    }
}

fn payer_of(world: &World, evidence: &[u8]) -> Option<usize> {
    let paper = Letter::read(evidence)?.payment()?;
    let payer = paper.code(1)?;
    world.things.iter().position(|thing| thing.code == payer)
}

/// An honest payee judges a payment; what it takes is remembered, to be checked to the end.
pub(crate) fn accept(world: &mut World, thing: usize, evidence: &[u8]) -> Result<Vec<u8>, Status> {
    let answer = world.with_purse(thing, |purse, now| {
        written(|out| purse.accept(evidence, None, now, out))
    })?;
    let paper = Letter::read(evidence).and_then(|letter| letter.payment());
    if let Some(p) = paper.and_then(|paper| Payment::read(&paper)) {
        let fresh = !world.accepted.contains_key(&(thing, p.id));
        world.accepted.entry((thing, p.id)).or_insert(Acceptance {
            settle_by: p.settle_by,
            claimed: None,
        });
        if fresh {
            world.tally.payments += 1;
            world.tally.streams += u64::from(p.stream.is_some());
            world.tally.covered += u64::from(p.covers.is_some());
            let name = world.things[thing].name();
            world.note(format!("{name} takes {}", short(&p.id)));
            invariants::taken(world, thing, &p);
            let pieces = Letter::read(evidence).and_then(|letter| world.model.pieces(&letter));
            let pieces = pieces.unwrap_or_default();
            world.model.remember(&pieces);
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.payment).collect();
            areas::taken(world, thing, &p, &pieces);
            if p.covers_for.is_some() && !world.calm {
                spend_on(world, thing, p.currency);
            }
        }
    }
    Ok(answer)
}
