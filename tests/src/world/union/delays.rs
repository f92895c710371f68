//! When letters were written and taken, and about which payments they were: whoever is short because
//! somebody was cut off for longer than grace can point at the letter that came too late.

use super::super::authority::network;
use super::super::schedule::BEGIN;
use super::Union;
use super::cast::GRACE_S;
use super::post::ROUND_MS;
use ledger::federation::Letter;
use protocol::cose::open;
use protocol::covers::Items;
use protocol::message::Message;
use protocol::objects::{Credit, Payment};
use protocol::{Digest, Timestamp};
use std::collections::BTreeMap;

/// Letters noted at one time.
const NOTED_MOST: u32 = 1_000;

/// A letter that was written and not taken yet.
#[derive(Debug)]
struct Written {
    at_ms: u64,
    about: Vec<Digest>,
}

/// Every letter that is about a payment.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    waits: BTreeMap<(usize, usize, u64), Written>,
    /// The newest letter noted, from one to the other.
    noted: BTreeMap<(usize, usize), u64>,
    /// When letters about a payment were written and when they were taken.
    taken: BTreeMap<Digest, Vec<(u64, u64)>>,
}

impl Delays {
    /// A letter was taken.
    pub(crate) fn taken(&mut self, from: usize, to: usize, number: u64, now_ms: u64) {
        if let Some(written) = self.waits.remove(&(from, to, number)) {
            for payment in written.about {
                let all = self.taken.entry(payment).or_default();
                all.push((written.at_ms, now_ms));
            }
        }
    }
}

impl Union {
    /// Takes note of what an office has written since it was last looked at.
    pub(crate) fn notes_letters(&mut self, office: usize) {
        let at_ms = self.schedule.now_ms();
        for peer in self.peers(office) {
            let code = self.offices[peer].code;
            let way = (office, peer);
            let after = self.delays.noted.get(&way).copied().unwrap_or(0);
            for parcel in self.offices[office].letters(&code, after, NOTED_MOST) {
                self.delays.noted.insert(way, parcel.number);
                let about = payments_of(&parcel.bytes);
                if !about.is_empty() {
                    let letter = (office, peer, parcel.number);
                    self.delays.waits.insert(letter, Written { at_ms, about });
                }
            }
        }
    }

    /// Whether a letter about this payment, or about what it stands on, was on its way when the
    /// grace after its deadline ended. Deadlines wait for no gateway that is cut off for longer.
    pub(crate) fn came_too_late(&self, payment: &Digest) -> bool {
        let Some(deal) = self.deals.get(payment) else {
            return false;
        };
        let end_ms = ms(deal.settle_by.plus_s(GRACE_S));
        // What is written because another letter came is noted when its writer next sends.
        let last_ms = end_ms + ROUND_MS * 3 / 2;
        let stands_on = deal.covers.iter().chain([payment]);
        let mut letters = stands_on
            .filter_map(|id| self.delays.taken.get(id))
            .flatten();
        letters.any(|(written_ms, taken_ms)| *written_ms <= last_ms && *taken_ms > end_ms)
    }
}

fn ms(time: Timestamp) -> u64 {
    u64::from(time.0.saturating_sub(BEGIN.0)) * 1_000
}

fn payments_of(letter: &[u8]) -> Vec<Digest> {
    match Letter::read(letter) {
        Ok(Letter::Relay { message, .. } | Letter::Passed { message, .. }) => payments_in(message),
        Ok(Letter::Credit { credit, .. }) => {
            let credit = open::<Credit>(credit, &network());
            credit.map_or_else(|_| Vec::new(), |credit| vec![credit.peek().subject])
        }
        Ok(Letter::Word { payment, .. } | Letter::Theirs { payment, .. }) => vec![payment],
        _ => Vec::new(),
    }
}

/// All payments in a message; the one that it is about stands last.
pub(crate) fn payments_in(message: &[u8]) -> Vec<Digest> {
    let id = |payment| open::<Payment>(payment, &network()).map(|payment| payment.id());
    let ids = match Message::read(message) {
        Ok(
            Message::Evidence { payment, .. }
            | Message::Claim { payment, .. }
            | Message::StreamClaim { payment, .. },
        ) => id(payment).map(|id| vec![id]),
        Ok(Message::Covered { items, .. }) => {
            Items::read(items).and_then(|items| items.iter().map(|item| id(item.payment)).collect())
        }
        _ => return Vec::new(),
    };
    ids.unwrap_or_default()
}
