//! Payments that their payee may spend before they are settled, and money back.

use super::pay::Wanted;
use super::{Order, Purse, Side};
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::open;
use protocol::objects::Payment;
use protocol::{AmountMinor, Currency, Digest, Reference, Signer, Status, Timestamp};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The allowance that a payment to this purse names if it is to be spent before it is settled.
    /// Invoices of this purse carry it; beside a printed price it is told.
    pub fn covers_for(&self, currency: Currency, now: Timestamp) -> Option<Reference> {
        let pocket = self.book.pocket(currency)?;
        let held = pocket.allowance?;
        let spends = self.book.unsure.is_none() && !pocket.is_closed();
        let good = spends && held.allowance.expires > now;
        good.then_some(held.reference)
    }

    /// Pays like [`Purse::pay`], and lets the payee spend it under `covers_for`, its current
    /// allowance, before it is settled. Without hops in the own allowance nothing comes of that, and
    /// the payment does not name it.
    pub fn pay_spendable(
        &mut self,
        order: &Order,
        covers_for: Reference,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        let wanted = Wanted {
            covers_for: Some(covers_for),
            ..order.into()
        };
        self.pay_for(&wanted, None, false, now, out)
    }

    /// Gives money back to who made `payment`: a payment of its own, whose reference is that of the
    /// payment it answers. What is above the own limit stands on that payment first.
    ///
    /// `AskGateway` for a payment that this purse did not take or holds no more, `AboveMost` for
    /// more than was taken.
    pub fn pay_back(
        &mut self,
        payment: Digest,
        amount: AmountMinor,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        let entry = self.book.entry(&payment).copied();
        let entry = entry.filter(|entry| matches!(entry.side, Side::Taken { .. }));
        let entry = entry.ok_or(Status::AskGateway)?;
        if amount > entry.amount {
            return Err(Status::AboveMost);
        }
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let taken = record.ok_or(Status::Storage)?.kept()?.payment();
        let taken = *open::<Payment>(taken, &self.own.trust.network)?.peek();
        let wanted = Wanted {
            payee: taken.payer,
            currency: taken.currency,
            amount,
            reference: payment.reference(),
            units: None,
            covers_for: Some(taken.allowance),
            answers: Some(payment),
        };
        self.pay_for(&wanted, None, false, now, out)
    }
}
