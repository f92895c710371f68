//! Payments that their payee may spend before they are settled, and money back.

use super::pay::{Wanted, send};
use super::{Order, Purse, Side};
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, open, sign};
use protocol::message::Message;
use protocol::objects::{Invoice, Payment, Rights};
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, Digest, Reference, Signer, Status, Timestamp,
};

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// The allowance that a payment to this purse names if it is to be spent before it is settled.
    /// Invoices of this purse carry it; beside a printed price it is told, as by
    /// [`Purse::blank_invoice`].
    pub fn covers_for(&self, currency: Currency, now: Timestamp) -> Option<Reference> {
        let pocket = self.book.pocket(currency)?;
        let held = pocket.allowance?;
        let spends = self.book.unsure.is_none() && !pocket.is_closed();
        let good = spends && held.allowance.expires > now;
        good.then_some(held.reference)
    }

    /// Says under which allowance it would spend what it is paid, to a payer who knows what to pay:
    /// writes an invoice that asks for nothing, the answer to an Ask message. `NoAllowance` without
    /// one.
    ///
    /// It is good as long as the allowance; nothing rests on it, so it is not journalled.
    pub fn blank_invoice(
        &mut self,
        currency: Currency,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        if !self.own.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        let covers_for = self.covers_for(currency, now).ok_or(Status::NoAllowance)?;
        let held = self.allowance(currency).ok_or(Status::NoAllowance)?;
        let invoice = Invoice {
            payee: self.own.me,
            currency,
            amount: None,
            unit: None,
            most_units: None,
            reference: Reference::default(),
            nonce: 0,
            expires: held.expires,
            least_class: AssuranceClass::Software,
            covers_for: Some(covers_for),
            holds: None,
        };
        let mut bytes = [0; SIGNED_MAX];
        let len = sign(&invoice, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let invoice = bytes.get(..len).unwrap_or_default();
        let pass = self.own.pass();
        send(&Message::Invoice { invoice, pass }, out)
    }

    /// The allowance that an invoice of `payee` names, for [`Purse::pay_spendable`]; `None` when it
    /// names none.
    pub fn named_by(
        &mut self,
        invoice: &[u8],
        payee: Code,
        currency: Currency,
        now: Timestamp,
    ) -> Result<Option<Reference>, Status> {
        let (invoice, _) = self.invoice_in(invoice, now)?;
        if (invoice.payee, invoice.currency) != (payee, currency) {
            return Err(Status::NotForYou);
        }
        if invoice.expires <= now {
            return Err(Status::InvoiceExpired);
        }
        Ok(invoice.covers_for)
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
