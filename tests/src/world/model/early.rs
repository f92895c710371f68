//! What an issuer sets free early, because a purse has signed that it will not spend it.

use super::signed::Closing;
use super::{Grant, Model, Payment};
use crate::world::wire::Paper;
use ledger::Policy;
use protocol::{Code, Currency, Digest, Timestamp};
use std::collections::BTreeSet;

/// Readings `(from, to]` that nothing is reserved for any more.
#[derive(Clone, Copy, Debug)]
struct Freed {
    of: (Code, Currency, u32),
    /// Of all allowances up to this one.
    number: u64,
    from: u64,
    to: u64,
}

/// What closings set free.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// The most that one closing sets free.
    most: u64,
    taken: BTreeSet<Digest>,
    freed: Vec<Freed>,
}

impl Early {
    pub(super) fn new(policy: &Policy) -> Self {
        let [terms, ..] = policy.usual;
        Self {
            most: terms.early_release.get(),
            ..Self::default()
        }
    }
}

impl Model {
    /// A gateway took a closing. Of the newest allowance, as much as the class permits becomes free:
    /// the highest readings above what the purse has spent.
    pub(super) fn closed(&mut self, paper: &Paper, now: Timestamp) -> u64 {
        let grant = Closing::read(paper).and_then(|closing| {
            let grant = self.grants.get(&closing.allowance)?;
            Some((closing, grant.clone()))
        });
        let Some((closing, grant)) = grant.filter(|_| self.early.taken.insert(paper.id())) else {
            return 0;
        };
        let of = (grant.code, grant.currency, grant.key_epoch);
        let same = |other: &&Grant| (other.code, other.currency, other.key_epoch) == of;
        let newest = self.grants.values().filter(same).map(|other| other.number);
        let moved = self.entries.iter().filter_map(|(id, entry)| {
            let p = self.signed.payments.get(id)?;
            let same = (p.payer, p.currency, p.key_epoch) == of;
            (same && entry.fate.moves_money()).then_some(p)
        });
        let moved: Vec<&Payment> = moved.collect();
        let broken = moved.iter().any(|p| closing.excludes(p));
        if newest.max() != Some(grant.number) || broken {
            return 0;
        }
        let spent = moved.iter().map(|p| p.odometer).max().unwrap_or(0);
        let reading = closing.odometer.max(spent);
        let promised = self.promised(of, now);
        let taken = moved.iter().map(|p| (p.from(), p.odometer)).collect();
        let (mut left, mut sum) = (self.early.most, 0);
        for (from, to) in super::without(&promised, taken).into_iter().rev() {
            let part = to.saturating_sub(from.max(reading)).min(left);
            if part > 0 {
                self.early.freed.push(Freed {
                    of,
                    number: grant.number,
                    from: to - part,
                    to,
                });
            }
            left -= part;
            sum += part;
        }
        sum
    }

    /// The readings of one life of a key that can still be claimed under and are reserved for.
    pub(super) fn promised(&self, of: (Code, Currency, u32), now: Timestamp) -> Vec<(u64, u64)> {
        let good = self.grants.values().filter(|grant| {
            (grant.code, grant.currency, grant.key_epoch) == of && !self.lapsed(grant, now)
        });
        good.flat_map(|grant| {
            let credit = self.credits.get(&grant.reference).copied().unwrap_or(0);
            let readings = vec![(grant.base_odometer, grant.limit + credit)];
            let freed = self.early.freed.iter();
            let freed = freed.filter(|freed| freed.of == of && freed.number >= grant.number);
            super::without(
                &readings,
                freed.map(|freed| (freed.from, freed.to)).collect(),
            )
        })
        .collect()
    }

    /// How much of a payment there is money for, when it comes for the first time: all that its
    /// allowance and credits reach; of what was set free early, what its payer still has.
    pub(super) fn there(&self, p: &Payment, now: Timestamp) -> u64 {
        let fundable = self.fundable(p);
        if !self.is_freed(p) {
            return fundable;
        }
        let of = (p.payer, p.currency, p.key_epoch);
        let end = p.from() + fundable;
        let promised = super::without(&self.promised(of, now), Vec::new());
        let reserved = promised.iter().map(|(from, to)| {
            let (from, to) = (*from.max(&p.from()), *to.min(&end));
            to.saturating_sub(from)
        });
        let free = self.free.get(&(p.payer, p.currency)).copied();
        fundable.min(reserved.sum::<u64>() + free.unwrap_or(0))
    }

    /// Whether that is so of a payment or of anything it stands on.
    pub(crate) fn stands_on_freed(&self, payment: &Digest) -> bool {
        let freed = |id| {
            let p = self.signed.payments.get(id);
            p.is_some_and(|p| self.is_freed(p))
        };
        let covers = self.stands_on.get(payment).into_iter().flatten();
        freed(payment) || { covers }.any(|cover| self.stands_on_freed(cover))
    }

    /// Whether part of what a payment takes was set free before.
    pub(crate) fn is_freed(&self, p: &Payment) -> bool {
        let of = (p.payer, p.currency, p.key_epoch);
        let mut freed = self.early.freed.iter().filter(|freed| freed.of == of);
        freed.any(|freed| freed.from < p.odometer && p.from() < freed.to)
    }
}
