//! What people decide about the claims that a fork left without money, and who bears it.

use super::{Fate, Model, Surprise};
use ledger::Decided;
use protocol::{Code, Currency, Digest, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What stands behind forks beside the forkers' own purses, and who owns what.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// What the bond and the guarantees hold.
    pub(crate) bond: BTreeMap<Currency, u64>,
    pub(crate) guarantee: BTreeMap<Currency, u64>,
    pub(crate) owners: BTreeMap<Code, Code>,
    pub(crate) enrolled: BTreeSet<Code>,
    /// What guarantees paid for each allowance, and what each owner had by it.
    guaranteed: BTreeMap<[u8; 16], u64>,
    had: BTreeMap<([u8; 16], Code), u64>,
    /// What each payment was given by a decision.
    pub(crate) given: BTreeMap<Digest, u64>,
}

impl Model {
    /// Claims that a person may decide about: nobody has, and nothing was spent on them.
    pub(crate) fn open_claims(&self) -> Vec<Digest> {
        let stood_on: BTreeSet<_> = self.stands_on.values().flatten().collect();
        let open = self.entries.iter().filter(|(id, entry)| {
            let decided = self.behind.given.contains_key(id);
            entry.fate == Fate::OpenClaim && !decided && !stood_on.contains(id)
        });
        open.map(|(id, _)| *id).collect()
    }

    /// A person has decided: the money comes from whom it must, in order, and no more of it.
    pub(crate) fn decided(
        &mut self,
        id: &Digest,
        claimed: Option<Timestamp>,
        decided: &Decided,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let p = self
            .signed
            .payments
            .get(id)
            .ok_or("an unsigned payment")?
            .clone();
        let grant = self.grants.get(&p.allowance).ok_or("no allowance")?;
        let (printed, room) = (
            grant.guarantee,
            grant.limit.saturating_sub(grant.base_odometer),
        );
        let given = &decided.given;
        let [purse, deposit, bond, guarantee] =
            [given.purse, given.deposit, given.bond, given.guarantee].map(|part| part.get());
        let sum = purse + deposit + bond + guarantee;
        let missing = decided.missing.get();
        let free = self.total(p.payer, p.currency) - self.reserve(p.payer, p.currency, now);
        let owner = self.behind.owners.get(&p.payee).copied();
        let forker = self.behind.owners.get(&p.payer).copied();
        let own = owner.is_some() && owner == forker;
        let known = owner.is_some_and(|owner| self.behind.enrolled.contains(&owner));
        let in_time = claimed.is_some_and(|at| at <= p.settle_by);
        let paid = self.behind.guaranteed.entry(p.allowance).or_default();
        let had = owner.map(|owner| (p.allowance, owner));
        let had_before = had.and_then(|key| self.behind.had.get(&key).copied());
        let settled = self.entries.iter().filter_map(|(other, entry)| {
            let other = self.signed.payments.get(other)?;
            let theirs = owner.is_some() && self.behind.owners.get(&other.payee).copied() == owner;
            (theirs && other.allowance == p.allowance && entry.fate == Fate::Settled)
                .then_some(other.amount)
        });
        let owner_room = room.saturating_sub(had_before.unwrap_or(0) + settled.sum::<u64>());
        let wrong = [
            (sum > missing || missing > p.amount, "more than is missing"),
            (purse > free, "more than its purse has free"),
            (
                sum > purse && purse < free.min(missing),
                "its purse is not used first",
            ),
            (deposit > 0, "a deposit that nobody made"),
            (
                own && bond + guarantee > 0,
                "its own codes are paid by others",
            ),
            (
                guarantee > 0 && !(known && in_time),
                "a guarantee that nobody gave",
            ),
            (*paid + guarantee > printed, "more than its allowance says"),
            (
                guarantee > owner_room,
                "more than one payee could have been paid",
            ),
        ];
        if let Some((_, why)) = wrong.iter().find(|(is, _)| *is) {
            return Err(format!("{id} was decided: {given:?} of {missing}: {why}"));
        }
        *paid += guarantee;
        if let Some(key) = had {
            *self.behind.had.entry(key).or_default() += sum;
        }
        self.behind.given.insert(*id, sum);
        let spent = |fund: &mut BTreeMap<Currency, u64>, amount: u64| {
            let left = fund.entry(p.currency).or_default();
            *left = left.checked_sub(amount)?;
            Some(())
        };
        let taken = spent(&mut self.behind.bond, bond)
            .and_then(|()| spent(&mut self.behind.guarantee, guarantee));
        taken.ok_or("a fund paid more than it held")?;
        self.take(p.payer, p.currency, purse)?;
        *self.totals.entry((p.payee, p.currency)).or_default() += sum;
        if let Some(entry) = self.entries.get_mut(id) {
            entry.fate = Fate::Guaranteed;
            entry.reached += sum;
            entry.answered.insert(Fate::Guaranteed.outcome());
        }
        match p.covers_for {
            Some(allowance) if sum > 0 => self.credit(allowance, p.payee, sum, now),
            _ => Ok(()),
        }
    }
}
