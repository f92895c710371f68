//! The treasurer sits at the centre: loads and withdrawals of purses wherever they are at home.

use super::super::authority::currencies;
use super::cast::CENTRE;
use super::{Union, amount, things};
use ledger::LoadOrder;
use ledger::federation::WithdrawalState;
use protocol::Currency;

/// Withdrawals open at one time.
const WANTED_MOST: usize = 16;

impl Union {
    /// Everybody begins with something in every currency, or with nothing.
    pub(crate) fn first_load(&mut self, thing: usize) {
        let poor = self.things[thing].poor;
        for currency in currencies().into_iter().filter(|_| !poor) {
            let minor = self.chance.between(1, self.scenario.wealth);
            if self.chance.per_mille(800) || !self.things[thing].honest {
                self.load(thing, currency, minor);
            }
        }
    }

    pub(crate) fn load(&mut self, thing: usize, currency: Currency, minor: u64) {
        let order = self.order(thing, currency, minor);
        let now = self.now();
        let name = self.things[thing].name();
        match self.offices[CENTRE].load(order, now) {
            Ok(()) => {
                *self.given.entry((thing, currency)).or_default() += minor as i64;
                self.tally.count("loads");
                if self.things[thing].home != CENTRE {
                    self.tally.count("loads elsewhere");
                }
                self.note(format!("{name} is loaded with {minor} {}", currency.name()));
            }
            Err(status) => self.fail("the centre loads any purse", format!("{name}: {status}")),
        }
    }

    /// Its turn: a load, and a look at what was to be paid out.
    pub(crate) fn treasurer(&mut self) {
        let honest: Vec<usize> = (0..self.things.len())
            .filter(|thing| self.things[*thing].honest)
            .collect();
        if let Some(thing) = self.chance.pick(&honest).copied() {
            let currency = things::draw_currency(self);
            let minor = self.chance.between(1, self.scenario.wealth / 4 + 1);
            self.load(thing, currency, minor);
        }
        self.looks_after_withdrawals();
    }

    /// An owner wants money out.
    pub(crate) fn wants_money_out(&mut self, thing: usize) {
        let currency = things::draw_currency(self);
        let minor = self.chance.between(1, self.scenario.wealth / 2 + 1);
        let order = self.order(thing, currency, minor);
        if self.wanted.len() < WANTED_MOST {
            self.wanted.push((thing, order));
            self.looks_after_withdrawals();
        }
    }

    /// Asks how far they have come; what is paid is gone.
    pub(crate) fn looks_after_withdrawals(&mut self) {
        let now = self.now();
        let open = std::mem::take(&mut self.wanted);
        for (thing, order) in open {
            let state = self.offices[CENTRE].withdraw(order.clone(), now);
            let name = self.things[thing].name();
            let what = format!("{} {}", order.amount, order.currency.name());
            match state {
                Ok(WithdrawalState::Asked) => self.wanted.push((thing, order)),
                Ok(WithdrawalState::Paid) => {
                    self.tally.count("withdrawals");
                    self.note(format!("{name} takes out {what}"));
                    let given = self.given.entry((thing, order.currency)).or_default();
                    *given -= order.amount.get() as i64;
                }
                Ok(WithdrawalState::Refused(status)) => {
                    self.tally.refused(status.word());
                    self.note(format!("{name} may not take out {what}: {status}"));
                }
                Err(status) => {
                    self.tally.refused(status.word());
                    self.note(format!("{name} cannot take out {what}: {status}"));
                }
            }
        }
    }

    pub(super) fn order(&mut self, thing: usize, currency: Currency, minor: u64) -> LoadOrder {
        self.orders += 1;
        LoadOrder {
            code: self.things[thing].code,
            currency,
            amount: amount(minor),
            key: format!("order {}", self.orders),
            by: "world".into(),
        }
    }
}
