//! What the owner approves in advance, so that a thing may answer invoices alone.

use super::{Book, Purse};
use crate::journal::{Journal, RecordId};
use crate::purse::record::Record;
use protocol::{AmountMinor, Code, Currency, Kind, Signer, Status, Timestamp};
use protocol::{KeyEpoch, Sequence};

/// How many payees of one day, over all currencies, approved sums are kept for. One more is not
/// approved before the next day.
pub const PAYEES_A_DAY: usize = 8;
pub(super) const KINDS: usize = Kind::ALL.len();
const DAY_S: u32 = 86_400;

/// An owner's standing word in one currency: which invoices are paid without asking. What is not
/// within every one of these is not approved. Days are those of UTC. A stream counts whole, also
/// when units come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandingRules {
    /// The most in one payment.
    pub per_payment: AmountMinor,
    /// The most in a day.
    pub per_day: AmountMinor,
    /// The most in a day to any one payee.
    pub per_payee: AmountMinor,
    /// The most in a day to all payees of one kind, by the kind's number.
    pub per_kind: [AmountMinor; Kind::ALL.len()],
}

/// What was approved so far on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApprovedToday {
    /// To everybody.
    pub in_all: AmountMinor,
    /// To this payee.
    pub to_payee: AmountMinor,
    /// To this payee's kind.
    pub to_kind: AmountMinor,
}

impl StandingRules {
    /// Nothing is approved; also what holds before there are any rules.
    pub const NOTHING: Self = Self {
        per_payment: AmountMinor::ZERO,
        per_day: AmountMinor::ZERO,
        per_payee: AmountMinor::ZERO,
        per_kind: [AmountMinor::ZERO; KINDS],
    };

    /// So much to payees of these kinds, to each of them and in each payment.
    pub fn up_to(most: AmountMinor, kinds: &[Kind]) -> Self {
        let mut rules = Self {
            per_payment: most,
            per_day: most,
            per_payee: most,
            per_kind: [AmountMinor::ZERO; KINDS],
        };
        for (of_kind, kind) in rules.per_kind.iter_mut().zip(Kind::ALL) {
            if kinds.contains(&kind) {
                *of_kind = most;
            }
        }
        rules
    }

    /// Whether `amount` more to `payee` is approved.
    pub fn approve(
        &self,
        payee: Code,
        amount: AmountMinor,
        today: &ApprovedToday,
    ) -> Result<(), Status> {
        let per_kind = self.of_kind(payee.kind());
        if [self.per_payment, self.per_day, self.per_payee, per_kind].contains(&AmountMinor::ZERO) {
            return Err(Status::NoRule);
        }
        if amount > self.per_payment {
            return Err(Status::AboveRule);
        }
        if amount > self.left_today(payee, today) {
            return Err(Status::AboveDay);
        }
        Ok(())
    }

    /// The most that one payment to `payee` may be now.
    pub fn most(&self, payee: Code, today: &ApprovedToday) -> AmountMinor {
        self.per_payment.min(self.left_today(payee, today))
    }

    fn left_today(&self, payee: Code, today: &ApprovedToday) -> AmountMinor {
        let left = |most: AmountMinor, spent| most.checked_sub(spent).unwrap_or_default();
        left(self.per_day, today.in_all)
            .min(left(self.per_payee, today.to_payee))
            .min(left(self.of_kind(payee.kind()), today.to_kind))
    }

    fn of_kind(&self, kind: Kind) -> AmountMinor {
        let mut kinds = Kind::ALL.iter().zip(&self.per_kind);
        kinds
            .find_map(|(of, most)| (*of == kind).then_some(*most))
            .unwrap_or_default()
    }
}

/// What was approved for one payee on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approved {
    pub(super) currency: Currency,
    pub(super) payee: Code,
    pub(super) day: u32,
    pub(super) sum: AmountMinor,
    /// The last payment in it.
    pub(super) number: (KeyEpoch, Sequence),
    pub(super) record: RecordId,
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// What the owner approves from now on in this currency, until this is called again.
    pub fn set_rules(&mut self, currency: Currency, rules: &StandingRules) -> Result<(), Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        let before = self.book.pocket_mut(currency)?.rules;
        let record = self.append(&Record::Rules {
            currency,
            rules: *rules,
        })?;
        self.book.pocket_mut(currency)?.rules = Some((*rules, record));
        self.forget_if(before.map(|(_, record)| record))
    }

    /// What the owner approves in this currency.
    pub fn rules(&self, currency: Currency) -> StandingRules {
        let pocket = self.book.pocket(currency);
        let rules = pocket.and_then(|pocket| pocket.rules);
        rules.map_or(StandingRules::NOTHING, |(rules, _)| rules)
    }

    /// What was approved so far on the day of `now`, in this currency and for this payee.
    pub fn approved_today(&self, currency: Currency, payee: Code, now: Timestamp) -> ApprovedToday {
        let mut today = ApprovedToday::default();
        // When the clock runs back, what was approved later still counts.
        let counted = |a: &&Approved| a.currency == currency && a.day >= day_of(now);
        for approved in self.book.approved.iter().filter(counted) {
            super::add(&mut today.in_all, approved.sum);
            if approved.payee == payee {
                super::add(&mut today.to_payee, approved.sum);
            }
            if approved.payee.kind() == payee.kind() {
                super::add(&mut today.to_kind, approved.sum);
            }
        }
        today
    }

    /// The sum for this payee with `amount` more in it, and the record it replaces. Nothing is
    /// written.
    pub(super) fn approve(
        &self,
        currency: Currency,
        payee: Code,
        amount: AmountMinor,
        number: (KeyEpoch, Sequence),
        now: Timestamp,
    ) -> Result<(Approved, Option<RecordId>), Status> {
        let today = self.approved_today(currency, payee, now);
        self.rules(currency).approve(payee, amount, &today)?;
        let same = |a: &&Approved| (a.currency, a.payee) == (currency, payee);
        let before = self.book.approved.iter().find(same);
        let day = before.map_or(day_of(now), |before| before.day.max(day_of(now)));
        let replaced = match before {
            Some(before) => Some(before.record),
            None if self.book.approved.is_full() => Some(
                self.book
                    .oldest_approved()
                    .filter(|oldest| oldest.day < day)
                    .ok_or(Status::AboveDay)?
                    .record,
            ),
            None => None,
        };
        let approved = Approved {
            currency,
            payee,
            day,
            sum: today.to_payee.checked_add(amount).ok_or(Status::AboveDay)?,
            number,
            record: RecordId(0),
        };
        Ok((approved, replaced))
    }
}

impl<const OUTBOX: usize, const PAYERS: usize> Book<OUTBOX, PAYERS> {
    pub(super) fn oldest_approved(&self) -> Option<Approved> {
        let oldest = self.approved.iter().min_by_key(|a| (a.day, a.record));
        oldest.copied()
    }
}

fn day_of(now: Timestamp) -> u32 {
    now.0 / DAY_S
}
