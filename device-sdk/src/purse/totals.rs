//! What a purse says about itself.

use super::{Entry, Held, Purse, Tally, add};
use protocol::objects::Allowance;
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Odometer, Sequence, Timestamp};

/// What a purse holds in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Everything ever paid out in this key epoch, streams with all their units. It never runs back.
    pub paid_out: Odometer,
    /// What came back of what was paid: declined, not claimed in time, or units of a stream that
    /// were not used. It can be spent again only under a new allowance. Of a payment that was dropped
    /// from a full outbox while in transit the purse does not hear.
    pub returned: AmountMinor,
    /// What the allowance still permits.
    pub spendable: AmountMinor,
    /// What can be spent here and now: what the allowance still permits, and payments taken that
    /// may be spent before they are settled, as far as one evidence holds them. The latter wait for
    /// a gateway all the same and are part of `received_unsettled`.
    pub spendable_here: AmountMinor,
    /// Taken, and settled by a gateway.
    pub received_settled: AmountMinor,
    /// Taken, and waiting for a gateway.
    pub received_unsettled: AmountMinor,
    /// Taken, but the payer's key had forked: an open claim that moved no money.
    pub received_contested: AmountMinor,
}

impl<K, J, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Whose purse this is.
    pub fn me(&self) -> Code {
        self.own.me
    }

    /// Which life of its key it is in, and the number of its newest payment.
    pub fn standing(&self) -> (KeyEpoch, Sequence) {
        (self.book.standing.key_epoch, self.book.standing.sequence)
    }

    /// The currencies it has met.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.book.pockets.iter().map(|pocket| pocket.currency)
    }

    /// Its allowance in a currency.
    pub fn allowance(&self, currency: Currency) -> Option<&Allowance> {
        let held = self.book.pocket(currency)?.allowance.as_ref()?;
        Some(&held.allowance)
    }

    /// What the allowance still permits, as far as limit and sequence go; whether it has expired is
    /// found out by `pay`.
    pub fn spendable(&self, currency: Currency) -> AmountMinor {
        let rest = || {
            let (held, odometer) = self.permitting(currency)?;
            held.allowance.limit.since(odometer)
        };
        rest().unwrap_or(AmountMinor::ZERO)
    }

    /// The same with all that payments taken add to it, if they can still be handed in in time.
    pub fn spendable_here(&self, currency: Currency, now: Timestamp) -> AmountMinor {
        let until = now.plus_s(self.own.sync_margin_s);
        let rest = || {
            let (held, odometer) = self.permitting(currency)?;
            let lift = self.book.lift(held, until);
            held.allowance.limit.advance(lift)?.since(odometer)
        };
        rest().unwrap_or(AmountMinor::ZERO)
    }

    /// The allowance under which the next payment may be made, and where the odometer stands.
    fn permitting(&self, currency: Currency) -> Option<(&Held, Odometer)> {
        let pocket = self.book.pocket(currency)?;
        let held = pocket.allowance.as_ref()?;
        let (base, most) = (held.allowance.base_sequence, held.allowance.most_payments);
        let last = base.0.saturating_add(most);
        let standing = self.book.standing.sequence.0;
        if self.book.unsure.is_some() || pocket.is_closed() || standing >= last {
            return None;
        }
        Some((held, pocket.odometer))
    }

    /// How many payments wait for a gateway.
    pub fn unanswered(&self) -> usize {
        let waits = |e: &&Entry| {
            let waits = e.mark.is_none() || (!e.is_paid() && e.waits());
            waits && !self.book.is_answered(&e.id)
        };
        self.book.outbox.iter().filter(waits).count()
    }

    /// What it holds in a currency.
    pub fn totals(&self, currency: Currency) -> Totals {
        let Some(pocket) = self.book.pocket(currency) else {
            return Totals::default();
        };
        let mut sums = pocket.tally;
        let mut unsettled = AmountMinor::ZERO;
        // `accept` keeps the sum of what is received within range, so no addition fails.
        let payers = self.book.payers.iter();
        for newest in payers.filter(|n| n.spent.currency == currency) {
            if let Some(mark) = &newest.mark {
                let of = Tally::of(mark);
                add(&mut sums.settled, of.settled);
                add(&mut sums.contested, of.contested);
            }
        }
        for entry in self.book.outbox.iter().filter(|e| e.currency == currency) {
            if entry.is_paid() {
                add(&mut sums.returned, entry.returned());
                continue;
            }
            // Of a stream, what a gateway has posted so far.
            let settled = entry.mark.map_or(AmountMinor::ZERO, |mark| mark.amount);
            add(&mut sums.settled, settled);
            let rest = entry.amount.checked_sub(settled);
            add(&mut unsettled, rest.unwrap_or_default());
        }
        Totals {
            paid_out: pocket.odometer,
            returned: sums.returned,
            spendable: self.spendable(currency),
            spendable_here: self.spendable_here(currency, Timestamp(0)),
            received_settled: sums.settled,
            received_unsettled: unsettled,
            received_contested: sums.contested,
        }
    }

    /// Takes the purse apart.
    pub fn into_parts(self) -> (K, J) {
        (self.key, self.journal)
    }
}
