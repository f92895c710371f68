//! What must always hold. Cheap checks after every step, dear ones now and then and at the end.

use super::World;
use super::authority::currencies;
use super::model::{BYTES_MOST, Fate, Payment};
use super::wire::{COVERED, EVIDENCE, Item, Letter};
use protocol::Code;
use protocol::rules::{judge, judge_proof};
use std::collections::{BTreeMap, BTreeSet};

/// Steps between two looks at every balance.
const LOOK_EVERY: u64 = 64;
/// Evidence without covers, in bytes; with a stream.
const EVIDENCE_MOST: usize = 560;
const STREAM_EVIDENCE_MOST: usize = 616;
pub(crate) fn after_step(world: &mut World) {
    honest_keys(world);
    if world.tally.steps.is_multiple_of(LOOK_EVERY) {
        all_balances(world);
        frauds(world);
    }
}

/// No honest key ever signs two payments that contradict.
fn honest_keys(world: &mut World) {
    let forked = world.model.signed.forked.iter().find_map(|(code, proof)| {
        let thing = world.things.iter().find(|thing| thing.code == *code)?;
        thing.is_honest().then(|| {
            let (a, b) = (proof.first, proof.second);
            format!("{} signed {a} and {b}", thing.name())
        })
    });
    let broke = world
        .model
        .signed
        .broke_word
        .iter()
        .find_map(|(code, payment)| {
            let thing = world.things.iter().find(|thing| thing.code == *code)?;
            let what = || format!("{} gave {payment} up and signed it", thing.name());
            let shown = world.model.signed.shown.contains(payment);
            (thing.is_honest() && shown).then(what)
        });
    if let Some(what) = forked.or(broke) {
        world.fail("an honest thing never yields a fraud proof", what);
    }
}

/// Conservation, and the balances of those whom a message concerned.
pub(crate) fn after_decision(world: &mut World, gateway: usize, message: &[u8]) {
    conservation(world, gateway);
    let papers = Letter::read(message).map(|letter| {
        let payment = letter.payment().or_else(|| letter.paper(0, "renewal"));
        payment
            .into_iter()
            .flat_map(|paper| [paper.code(1), paper.code(5)])
    });
    let concerned: Vec<Code> = papers.into_iter().flatten().flatten().collect();
    for code in concerned {
        balances_of(world, gateway, code);
    }
}

/// No value is created; all value is accounted for.
fn conservation(world: &mut World, gateway: usize) {
    for found in world.gateways[gateway].conservation() {
        let issued = world
            .model
            .issued
            .get(&found.currency)
            .copied()
            .unwrap_or(0);
        let transit = world.model.in_transit(found.currency);
        let right = found.holds
            && u64::try_from(found.issued_minus_redeemed) == Ok(issued)
            && u64::try_from(found.in_transit) == Ok(transit);
        if !right {
            world.fail(
                "no value is created and all is accounted for",
                format!("{found:?}, expected {issued} issued and {transit} in transit"),
            );
        }
    }
}

fn balances_of(world: &mut World, gateway: usize, code: Code) {
    if !world.things.iter().any(|thing| thing.code == code) {
        return;
    }
    let now = world.now();
    let holdings = world.gateways[gateway].holdings(&code);
    for currency in currencies() {
        let held = holdings.iter().find(|held| held.0 == currency);
        let (free, reserved) = held.map_or((0, 0), |held| (held.1, held.2));
        let total = world.model.total(code, currency);
        let needed = world.model.reserve(code, currency, now);
        if free + reserved != total {
            world.fail(
                "the books say what was signed",
                format!("{code} holds {free} and {reserved} reserved {currency}, expected {total}"),
            );
        }
        if reserved < needed {
            world.fail(
                "what stands behind allowances cannot be withdrawn",
                format!("{code} has {reserved} {currency} reserved and owes {needed}"),
            );
        }
    }
}

pub(crate) fn all_balances(world: &mut World) {
    for gateway in 0..world.gateways.len() {
        if !world.gateways[gateway].is_up() {
            continue;
        }
        conservation(world, gateway);
        let codes: Vec<_> = world.things.iter().map(|thing| thing.code).collect();
        for code in codes {
            balances_of(world, gateway, code);
        }
    }
}

/// Every fraud case is about a key that forked, with a proof that convinces a stranger.
pub(crate) fn frauds(world: &mut World) {
    for gateway in 0..world.gateways.len() {
        if !world.gateways[gateway].is_up() {
            continue;
        }
        let cases = world.gateways[gateway].frauds();
        for case in &cases {
            let forked = world.model.signed.forked.contains_key(&case.code);
            let proof = world.gateways[gateway].proof(case);
            let judged = proof.and_then(|proof| judge_proof(&world.house.trust, &proof).ok());
            if !forked || judged.is_none_or(|judgement| judgement.code != case.code) {
                let why = if forked {
                    "its proof does not hold"
                } else {
                    "its key never forked"
                };
                world.fail(
                    "an honest thing never yields a fraud proof",
                    format!("there is a case against {} and {why}", case.code),
                );
            }
        }
        world.tally.frauds = cases.len() as u64;
        accusations(world, gateway);
    }
}

/// Nobody honest is accused, and every accusation convinces a stranger.
fn accusations(world: &mut World, gateway: usize) {
    let cases = world.gateways[gateway].accusations();
    world.tally.frauds += cases.len() as u64;
    for (case, proof) in cases {
        let accused = world.things.iter().find(|thing| thing.code == case.code);
        let honest = accused.is_none_or(|thing| thing.is_honest());
        let judged = proof.and_then(|proof| judge(&world.house.trust, &proof).ok());
        let holds = judged.is_some_and(|v| (v.code, v.charge) == (case.code, case.charge));
        if honest || !holds {
            world.fail(
                "an honest thing never yields a fraud proof",
                format!("{case:?}, which holds: {holds}"),
            );
        }
    }
}

/// Evidence never exceeds its budget.
pub(crate) fn fits(world: &mut World, bytes: &[u8]) {
    let Some(letter) = Letter::read(bytes) else {
        return;
    };
    let payment = letter.payment();
    let payment = payment.as_ref().and_then(Payment::read);
    let items = letter.parts.first().and_then(Item::bytes);
    let (len, most) = match (letter.kind, payment) {
        (COVERED, _) => (items.map_or(0, <[u8]>::len), BYTES_MOST),
        (
            EVIDENCE,
            Some(Payment {
                stream: Some(_), ..
            }),
        ) => (bytes.len(), STREAM_EVIDENCE_MOST),
        (EVIDENCE, _) => (bytes.len(), EVIDENCE_MOST),
        _ => return,
    };
    if len > most {
        world.fail(
            "evidence never exceeds its budget",
            format!("{len} bytes, at most {most}"),
        );
    }
}

/// An honest payee has taken a payment: it must have been fit to be taken.
pub(crate) fn taken(world: &mut World, thing: usize, payment: &Payment) {
    let name = world.things[thing].name();
    let grant = world.model.grants.get(&payment.allowance);
    let fit = world.model.signed.payments.contains_key(&payment.id)
        && payment.payee == world.things[thing].code
        && grant.is_some_and(|grant| {
            // With covers: the purse has looked at them, and the gateway will.
            payment.covers.is_some() || grant.permits(payment)
        });
    if !fit {
        world.fail(
            "a payee takes only what will be paid",
            format!("{name} took {}, which nobody owes", payment.id),
        );
    }
}

/// Each payment ends as exactly one of settled, declined, returned or an open claim, and nothing is
/// pending.
pub(crate) fn everything_ended(world: &mut World) {
    let pending = world
        .model
        .entries
        .iter()
        .find(|(_, entry)| !entry.fate.is_final());
    if let Some((id, entry)) = pending {
        let what = format!("{id} is still {:?}", entry.fate);
        world.fail("after its deadline and grace nothing is pending", what);
    }
    // Of the payments under one number, no more than one moved money.
    let mut numbers = BTreeSet::new();
    let mut twice = None;
    for (id, entry) in &world.model.entries {
        let payment = &world.model.signed.payments[id];
        let number = (payment.payer, payment.key_epoch, payment.sequence);
        if entry.fate.moves_money() && !numbers.insert(number) {
            twice = Some(format!(
                "number {} of {} moved money twice",
                number.2, number.0
            ));
        }
    }
    if let Some(what) = twice {
        world.fail("each number ends as exactly one thing", what);
    }
}

/// A fork costs at most what the allowance had left, once for each payee that was cut off: nobody
/// honest takes more than that under one allowance, whatever its payer signs.
pub(crate) fn forks_cost_what_was_published(world: &mut World) {
    let mut taken: BTreeMap<(usize, [u8; 16]), u64> = BTreeMap::new();
    for (thing, payment) in world.accepted.keys() {
        let p = &world.model.signed.payments[payment];
        let known = world.things[*thing].is_honest() && !world.things[*thing].forgetful;
        // What stands on covers is theirs to bring.
        if known && p.covers.is_none() {
            *taken.entry((*thing, p.allowance)).or_default() += p.amount;
        }
    }
    let beyond = taken.iter().find_map(|((thing, allowance), taken)| {
        let grant = world.model.grants.get(allowance)?;
        let left = grant.limit.saturating_sub(grant.base_odometer);
        let what = || format!("t{thing} took {taken} under an allowance over {left}");
        (*taken > left).then(what)
    });
    if let Some(what) = beyond {
        world.fail("a fork costs at most the published formula", what);
    }
    let forked = &world.model.signed.forked_lives;
    let grants = world.model.grants.values();
    let mut worse = None;
    for grant in grants.filter(|grant| forked.contains(&(grant.code, grant.key_epoch))) {
        let left = grant.limit.saturating_sub(grant.base_odometer);
        let payees = taken
            .keys()
            .filter(|(_, under)| *under == grant.reference)
            .count() as u64;
        let lost = world.accepted.keys().filter_map(|(thing, payment)| {
            let p = &world.model.signed.payments[payment];
            let reached = world
                .model
                .entries
                .get(payment)
                .map_or(0, |entry| entry.reached);
            let honest = world.things[*thing].is_honest() && !world.things[*thing].forgetful;
            let under = p.allowance == grant.reference && p.covers.is_none() && p.stream.is_none();
            (honest && under).then_some(p.amount.saturating_sub(reached))
        });
        let lost: u64 = lost.sum();
        if lost > left.saturating_mul(payees) {
            worse = Some(format!("{lost} lost, {left} left, {payees} payees"));
        }
    }
    if let Some(what) = worse {
        world.fail("a fork costs at most the published formula", what);
    }
}

/// An honest payee is short only if the payer forked.
pub(crate) fn nobody_is_short(world: &mut World) {
    let mut short = None;
    for ((thing, payment), acceptance) in &world.accepted {
        let in_time = acceptance
            .claimed
            .is_some_and(|at| at <= acceptance.settle_by);
        if !in_time || !world.things[*thing].is_honest() {
            continue;
        }
        let paid = &world.model.signed.payments[payment];
        let forked = world.model.is_rotten(payment);
        let entry = world.model.entries.get(payment);
        let whole = entry.is_some_and(|entry| match paid.stream {
            // What was released and shown; the rest went back.
            Some(_) => entry.fate.is_final() && entry.reached == paid.cost(entry.units),
            None => entry.fate == Fate::Settled && entry.reached == paid.amount,
        });
        // What was set free early is for its issuer to bear, when a person says so. No person does in
        // here: what the order pays, and once, is tested with the ledger.
        let freed = world.model.stands_on_freed(payment) && entry.is_some();
        if !whole && !forked && !freed {
            let name = world.things[*thing].name();
            let fate = entry.map(|entry| entry.fate);
            short = Some(format!("{name} took and claimed {payment}: {fate:?}"));
        }
    }
    if let Some(what) = short {
        world.fail("an honest payee is short only if the payer forked", what);
    }
}
