//! What a wallet class may hold, pay and be granted.

use super::{Grant, Model, Surprise};
use ledger::Policy;
use protocol::{Code, Currency, Timestamp};
use std::collections::BTreeMap;

/// All things of a world are of the first class.
#[derive(Debug, Default)]
pub(super) struct Limits {
    holding: u64,
    allowance: u64,
    per_payment: u64,
    daily: u64,
    hops: u64,
    guarantee: u64,
    /// What was put behind allowances, by day.
    granted: BTreeMap<(Code, Currency, u32), u64>,
}

impl Limits {
    pub(super) fn new(policy: &Policy) -> Self {
        let [terms, ..] = policy.usual;
        Self {
            holding: terms.holding.get(),
            allowance: terms.allowance.get(),
            per_payment: terms.per_payment.get(),
            daily: terms.daily.get(),
            hops: u64::from(terms.hops),
            guarantee: terms.guarantee.get(),
            granted: BTreeMap::new(),
        }
    }

    /// An allowance promises what its class may be promised.
    pub(super) fn keeps(&self, grant: &Grant) -> Result<(), Surprise> {
        let room = grant.limit.saturating_sub(grant.base_odometer);
        let within = room <= self.allowance && grant.most_per_payment <= self.per_payment;
        let printed = (grant.hops, grant.guarantee) == (self.hops, self.guarantee);
        match within && printed {
            true => Ok(()),
            false => Err(format!(
                "{} was promised {room}, beyond its class",
                grant.code
            )),
        }
    }

    /// So much more was put behind allowances.
    pub(super) fn granted(
        &mut self,
        (code, currency): (Code, Currency),
        more: u64,
        now: Timestamp,
    ) -> Result<(), Surprise> {
        let day = self
            .granted
            .entry((code, currency, now.0 / 86_400))
            .or_default();
        *day += more;
        match *day <= self.daily {
            true => Ok(()),
            false => Err(format!("{code} was granted {day} {currency} on one day")),
        }
    }
}

impl Model {
    /// Whether nothing more may be put behind allowances today.
    pub(crate) fn day_is_over(&self, code: Code, currency: Currency, now: Timestamp) -> bool {
        let today = self.limits.granted.get(&(code, currency, now.0 / 86_400));
        today.is_some_and(|today| *today >= self.limits.daily)
    }

    /// Whether a purse may be loaded with so much more.
    pub(crate) fn may_hold(&self, code: Code, currency: Currency, more: u64) -> bool {
        self.total(code, currency).saturating_add(more) <= self.limits.holding
    }
}
