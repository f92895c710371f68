//! The payee asks: invoices, each open until it is paid or expires.

use super::Purse;
use super::pay::send;
use crate::journal::{Journal, RECORD_MAX, RecordId};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, Verified, seal};
use protocol::message::Message;
use protocol::objects::{Allowance, Asked, Invoice, Payment, Rights};
use protocol::{AmountMinor, AssuranceClass, Currency, Reference, Signer, Status, Timestamp};

/// How many invoices a purse remembers, open and paid.
pub const INVOICES: usize = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvoiceOrder {
    /// In which currency.
    pub currency: Currency,
    /// One amount, or a stream.
    pub asked: Asked,
    /// The payee's own reference, such as a session number.
    pub reference: Reference,
    /// Good until.
    pub expires: Timestamp,
    /// Payers below this class need not try.
    pub least_class: AssuranceClass,
}

/// An invoice of this purse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// How a payment names it.
    pub(super) reference: Reference,
    pub(super) expires: Timestamp,
    /// `None` once it is paid.
    pub(super) order: Option<InvoiceOrder>,
    pub(super) record: RecordId,
}

impl Asking {
    /// Whether the payment is what was asked for, and still is.
    pub(super) fn met_by(
        &self,
        allowance: &Verified<'_, Allowance>,
        payment: &Payment,
        now: Timestamp,
    ) -> Result<(), Status> {
        let order = self.order.filter(|order| order.expires > now);
        let order = order.ok_or(Status::InvoiceExpired)?;
        if payment.currency != order.currency {
            return Err(Status::WrongAmount);
        }
        order.asked.met_by(payment)?;
        if allowance.get().class < order.least_class {
            return Err(Status::AboveClass);
        }
        Ok(())
    }
}

impl InvoiceOrder {
    pub(super) fn of(invoice: &Invoice) -> Option<Self> {
        Some(Self {
            currency: invoice.currency,
            asked: invoice.asked()?,
            reference: invoice.reference,
            expires: invoice.expires,
            least_class: invoice.least_class,
        })
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Asks for money: writes an Invoice message. While it is open, the same order again gives the
    /// same message and ignores the nonce. `Full` while [`INVOICES`] are open.
    ///
    /// A payment that names it is taken once, until it expires. A paid invoice is remembered until
    /// it expires or its place is needed.
    pub fn invoice(
        &mut self,
        order: &InvoiceOrder,
        nonce: u64,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ask(order, None, nonce, now, out)
    }

    /// `holds`: the payer's allowance that it need not show again.
    pub(super) fn ask(
        &mut self,
        order: &InvoiceOrder,
        holds: Option<Reference>,
        nonce: u64,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        if !self.own.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        if order.expires <= now {
            return Err(Status::InvoiceExpired);
        }
        let open = |asking: &&Asking| asking.order.as_ref() == Some(order);
        if let Some(asking) = self.book.invoices.find(open).copied() {
            return self.invoice_again(&asking, out);
        }
        let (amount, unit, most_units) = match order.asked {
            Asked::Amount(amount) => (Some(amount), None, None),
            Asked::Units { unit, most } => (None, Some(unit), Some(most)),
        };
        let invoice = Invoice {
            payee: self.own.me,
            currency: order.currency,
            amount,
            unit,
            most_units,
            reference: order.reference,
            nonce,
            expires: order.expires,
            least_class: order.least_class,
            covers_for: self.covers_for(order.currency, now),
            holds,
        };
        if InvoiceOrder::of(&invoice).is_none() {
            return Err(Status::Malformed);
        }
        self.make_invoice_room(now)?;
        let mut bytes = [0; SIGNED_MAX];
        let (len, id) = seal(&invoice, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let reference = id.reference();
        if self.book.invoices.iter().any(|a| a.reference == reference) {
            // The same order and nonce as of one that is paid: it wants another nonce.
            return Err(Status::WrongReference);
        }
        let invoice = bytes.get(..len).unwrap_or_default();
        // A cut before this line: nobody has seen it. After it: the same order finds it.
        let record = self.append(&Record::Invoiced { invoice })?;
        let asking = Asking {
            reference,
            expires: order.expires,
            order: Some(*order),
            record,
        };
        if !self.book.invoices.insert(asking) {
            return Err(Status::Full);
        }
        let pass = self.own.pass();
        send(&Message::Invoice { invoice, pass }, out)
    }

    /// The invoices that may still be paid, by the reference that pays them.
    pub fn invoices(&self, now: Timestamp) -> impl Iterator<Item = (Reference, InvoiceOrder)> {
        let open = move |a: &Asking| a.order.filter(|order| order.expires > now);
        let invoices = self.book.invoices.iter();
        invoices.filter_map(move |asking| Some((asking.reference, open(asking)?)))
    }

    fn invoice_again(&mut self, asking: &Asking, out: &mut [u8]) -> Result<usize, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(asking.record, &mut bytes)?;
        match Record::read(bytes.get(..len).unwrap_or_default()) {
            Some(Record::Invoiced { invoice }) => {
                let pass = self.own.pass();
                send(&Message::Invoice { invoice, pass }, out)
            }
            _ => Err(Status::Storage),
        }
    }

    /// Expired ones go first, then those that are paid.
    fn make_invoice_room(&mut self, now: Timestamp) -> Result<(), Status> {
        if !self.book.invoices.is_full() {
            return Ok(());
        }
        let over = |a: &&Asking| a.order.is_none() || a.expires <= now;
        let victim = self.book.invoices.iter().filter(over);
        let victim = victim.min_by_key(|a| (a.expires > now, a.record));
        let record = victim.ok_or(Status::Full)?.record;
        self.book.invoices.remove(|a| a.record == record);
        self.forget(record)
    }

    pub(super) fn asking(&self, reference: Reference) -> Option<&Asking> {
        let invoices = &self.book.invoices;
        invoices.find(|asking| asking.reference == reference)
    }

    /// The invoice is paid, by a payment that is already kept. A cut before the append: `open` finds
    /// the payment and closes the invoice.
    pub(super) fn close_invoice(&mut self, reference: Reference) -> Result<(), Status> {
        let Some(asking) = self.asking(reference).copied() else {
            return Ok(());
        };
        let record = self.append(&Record::Answered {
            reference,
            expires: asking.expires,
        })?;
        let invoices = &mut self.book.invoices;
        if let Some(paid) = invoices.find_mut(|asking| asking.reference == reference) {
            paid.order = None;
            paid.record = record;
        }
        self.forget(asking.record)
    }
}

/// The most units at this price within an amount.
pub(super) fn units_within(unit: AmountMinor, amount: AmountMinor) -> u32 {
    let units = amount.get().checked_div(unit.get()).unwrap_or_default();
    u32::try_from(units).unwrap_or(u32::MAX)
}
