//! What offices signed, as things heard it. An office's own books may say what they like: this must
//! be true of its words.

use super::super::authority::network;
use super::cast::{CENTRE, GRACE_S};
use super::{Deal, Union, things};
use protocol::cose::open;
use protocol::message::Message;
use protocol::objects::{Allowance, FloatWarrant, Statement};
use protocol::{Code, Currency, Digest, KeyEpoch, Status};
use std::collections::BTreeMap;

type Float = (Code, KeyEpoch, Currency);

/// Everything that is remembered of it.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Readings of a float that allowances occupy, by their numbers.
    promised: BTreeMap<Float, BTreeMap<u64, (u64, u64)>>,
    /// Final words on a payment: who gave them, and what was to reach the payee.
    last: BTreeMap<Digest, Vec<(Code, u64)>>,
    /// When an office last heard of the centre.
    heard_ms: BTreeMap<usize, u64>,
}

impl Witness {
    /// An office took a letter of the centre.
    pub(crate) fn hears_of_centre(&mut self, office: usize, now_ms: u64) {
        self.heard_ms.insert(office, now_ms);
    }
}

/// An allowance was given.
pub(crate) fn granted(world: &mut Union, office: usize, a: &Allowance) {
    let at = &world.offices[office];
    let name = at.name();
    let lease = world.offices[CENTRE].home_of(&a.code);
    if lease.is_none_or(|(home, ends)| home != at.code || a.expires > ends) {
        let what = format!("{name} until {:?}, the lease: {lease:?}", a.expires);
        return world.fail("an allowance is given at home and within the lease", what);
    }
    let room = a.limit.get().saturating_sub(a.base_odometer.get());
    let to = a.issued_total.get();
    let readings = (to.saturating_sub(room), to);
    let float = (a.gateway, a.gateway_epoch, a.currency);
    if office != CENTRE {
        let warranted = warranted(&at.news(), &float);
        if warranted.is_none_or(|limit| to > limit) {
            let what = format!("{name} has issued {to} of {warranted:?}");
            return world.fail("a gateway promises within its warrant", what);
        }
    }
    let promised = world.witness.promised.entry(float).or_default();
    // The same allowance may be heard of twice.
    let twice = promised
        .iter()
        .find(|(number, other)| match **number == a.number {
            true => **other != readings,
            false => room > 0 && other.0 < readings.1 && readings.0 < other.1,
        });
    if let Some((number, other)) = twice {
        let what = format!(
            "{name}: {readings:?} as {}, {other:?} as {number}",
            a.number
        );
        return world.fail("no two allowances occupy one reading of a float", what);
    }
    promised.insert(a.number, readings);
}

fn warranted(news: &[Vec<u8>], float: &Float) -> Option<u64> {
    let limits = news.iter().filter_map(|message| {
        let Ok(Message::Warrant { warrant, .. }) = Message::read(message) else {
            return None;
        };
        let w = *open::<FloatWarrant>(warrant, &network()).ok()?.peek();
        let same = (w.gateway, w.gateway_epoch, w.currency) == *float;
        same.then_some(w.limit.get())
    });
    limits.max()
}

/// An office has answered what was handed in.
pub(crate) fn answered(world: &mut Union, office: usize, answer: &[u8]) {
    let Some(statement) = statement(answer) else {
        return;
    };
    // What it says for the first time: an older word may be repeated at any time.
    let now = world.now();
    if office == CENTRE || statement.time != now || statement.provisional.is_none() {
        return;
    }
    let heard_ms = world.witness.heard_ms.get(&office).copied().unwrap_or(0);
    let silent_ms = world.schedule.now_ms().saturating_sub(heard_ms);
    // Offices count in whole seconds.
    if silent_ms > u64::from(GRACE_S + 1) * 1_000 {
        let name = world.offices[office].name();
        let what = format!(
            "{name} has heard nothing for {} minutes",
            silent_ms / 60_000
        );
        world.fail(
            "a gateway cut off for longer than grace takes note of nothing",
            what,
        );
    }
}

/// Somebody hears a word.
pub(crate) fn hears(world: &mut Union, message: &[u8]) {
    let Some(s) = statement(message).filter(|s| s.provisional.is_none()) else {
        return;
    };
    let Some(Deal {
        arbiter,
        amount,
        payer,
        ..
    }) = world.deals.get(&s.payment).cloned()
    else {
        return;
    };
    // Or that of whoever was the payer's home after it: the arbiter may have been lost, or cut off
    // for so long that its lease was given up.
    let homes = &world.things[payer].homes;
    let home = world.offices[CENTRE].home_of(&world.things[payer].code);
    let came_after = home.is_some_and(|(home, _)| home == s.gateway)
        || homes
            .iter()
            .any(|home| world.offices[*home].code == s.gateway);
    if s.gateway != arbiter && !came_after {
        let what = format!(
            "{} of {}, not {arbiter}",
            things::short(&s.payment),
            s.gateway
        );
        return world.fail("the last word is its arbiter's", what);
    }
    let outcome = u8::try_from(s.outcome).ok().and_then(Status::from_number);
    let reached = match outcome {
        Some(Status::Settled) => s.paid.map_or(amount, |paid| paid.get()),
        Some(Status::Returned | Status::Declined) => 0,
        _ => return,
    };
    let words = world.witness.last.entry(s.payment).or_default();
    if !words.contains(&(s.gateway, reached)) {
        words.push((s.gateway, reached));
    }
}

/// In the end: who was told that a payment is settled or returned was told what happened. What
/// reached its payee may have grown since, when a cover was paid late.
pub(crate) fn told_the_truth(world: &mut Union, payment: &Digest, reached: u64) {
    let words = world.witness.last.get(payment).into_iter().flatten();
    let mut lies = words.filter(|(_, said)| *said > reached || (*said == 0 && reached > 0));
    if let Some((gateway, said)) = lies.next() {
        let id = things::short(payment);
        let what = format!("{id}: {said} by {gateway}, and {reached} reached its payee");
        world.fail("a final word is never taken back", what);
    }
}

fn statement(message: &[u8]) -> Option<Statement> {
    let Ok(Message::Statement { statement }) = Message::read(message) else {
        return None;
    };
    Some(*open::<Statement>(statement, &network()).ok()?.peek())
}
