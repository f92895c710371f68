//! The payer is asked: an invoice is judged, approved by the standing rules or by the owner, paid.

use super::invoice::{InvoiceOrder, units_within};
use super::pay::{Wanted, price};
use super::tariff::{Buying, Prices};
use super::{Entry, Purse, Seed};
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::{Asked, Invoice, Payment, Rights};
use protocol::{AmountMinor, Code, Reference, Signer, Status, Timestamp};

/// An invoice whose signature was checked and that this purse can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    payee: Code,
    order: InvoiceOrder,
    invoice: Reference,
    /// Price of one and count, for a stream.
    units: Option<(AmountMinor, u32)>,
    amount: AmountMinor,
    standing: bool,
    /// The payer's allowance that the payee need not be shown again.
    holds: Option<Reference>,
    /// The payee's allowance under which it may spend the payment.
    covers_for: Option<Reference>,
}

impl Offer {
    pub(super) fn new(
        payee: Code,
        order: InvoiceOrder,
        invoice: Reference,
        standing: bool,
    ) -> Self {
        Self {
            payee,
            order,
            invoice,
            units: None,
            amount: AmountMinor::ZERO,
            standing,
            holds: None,
            covers_for: None,
        }
    }

    /// Who asks.
    pub fn payee(&self) -> Code {
        self.payee
    }

    /// What the invoice says.
    pub fn asked(&self) -> &InvoiceOrder {
        &self.order
    }

    /// The reference that the payment will carry.
    pub fn invoice(&self) -> Reference {
        self.invoice
    }

    /// What will be spent; of a stream, the price of all units.
    pub fn amount(&self) -> AmountMinor {
        self.amount
    }

    /// Price of one unit, and how many can be paid for, if a stream is asked for.
    pub fn units(&self) -> Option<(AmountMinor, u32)> {
        self.units
    }

    /// The same with no more than so many units, at least 1: a stream takes the price of all of
    /// them out of the allowance at once.
    #[must_use]
    pub fn at_most(mut self, units: u32) -> Self {
        if let Some((unit, count)) = self.units {
            let count = count.min(units.max(1));
            self.units = Some((unit, count));
            self.amount = price(unit, count).unwrap_or(self.amount);
        }
        self
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Judges an Invoice message, and asks the standing rules: an offer from here is paid without
    /// asking the owner. Of a stream it offers as many units as allowance and rules permit.
    ///
    /// An invoice that is already paid gives the offer that was paid.
    pub fn consider(&mut self, message: &[u8], now: Timestamp) -> Result<Offer, Status> {
        self.offer(message, true, None, now)
    }

    /// Judges an Invoice message without asking the standing rules: paying this offer is the
    /// owner's own decision.
    pub fn show_owner(&mut self, message: &[u8], now: Timestamp) -> Result<Offer, Status> {
        self.offer(message, false, None, now)
    }

    /// Pays: writes an Evidence message. Rules and allowance are asked again. The seed is needed
    /// for a stream, must be random, and is ignored when the invoice is already paid.
    pub fn pay_invoice(
        &mut self,
        offer: &Offer,
        seed: Option<Seed>,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        if offer.units.is_some() && seed.is_none() {
            return Err(Status::Malformed);
        }
        let paid = self.paid_before(offer.payee, offer.invoice).is_some();
        if !paid && offer.order.expires <= now {
            return Err(Status::InvoiceExpired);
        }
        let seed = seed.filter(|_| offer.units.is_some());
        let len = self.pay_for(&offer.wanted(), seed, offer.standing, now, out)?;
        self.without_allowance(offer.holds, len, out)
    }

    pub(super) fn offer(
        &mut self,
        message: &[u8],
        standing: bool,
        bought: Option<(&Buying, Option<&Prices>)>,
        now: Timestamp,
    ) -> Result<Offer, Status> {
        let (invoice, reference) = self.invoice_in(message, now)?;
        let order = InvoiceOrder::of(&invoice).ok_or(Status::Malformed)?;
        let mut offer = Offer::new(invoice.payee, order, reference, standing);
        offer.holds = invoice.holds;
        offer.covers_for = invoice.covers_for;
        self.weigh(offer, bought, now)
    }

    /// An invoice by who it says, and its reference.
    pub(super) fn invoice_in(
        &mut self,
        message: &[u8],
        now: Timestamp,
    ) -> Result<(Invoice, Reference), Status> {
        if message.len() > MESSAGE_MAX {
            return Err(Status::Malformed);
        }
        let Message::Invoice { invoice, pass } = Message::read(message)? else {
            return Err(Status::Malformed);
        };
        let mut bytes = [0; RECORD_MAX];
        let pass = self.thing(pass, &mut bytes, now)?;
        let invoice = open::<Invoice>(invoice, &self.own.trust.network)?;
        if pass.subject.0 != invoice.peek().payee {
            return Err(Status::NotForYou);
        }
        if !pass.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        let invoice = invoice.verify(&pass.key.0)?;
        Ok((*invoice.get(), invoice.reference()))
    }

    /// What becomes of an offer whose origin was checked.
    pub(super) fn weigh(
        &mut self,
        mut offer: Offer,
        bought: Option<(&Buying, Option<&Prices>)>,
        now: Timestamp,
    ) -> Result<Offer, Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        self.sign_pending()?;
        let order = offer.order;
        if let Some(entry) = self.paid_before(offer.payee, offer.invoice) {
            return self.paid_offer(offer, &entry);
        }
        if order.expires <= now {
            return Err(Status::InvoiceExpired);
        }
        let class = self.allowance(order.currency).map(|held| held.class);
        if class.ok_or(Status::NoAllowance)? < order.least_class {
            return Err(Status::AboveClass);
        }
        match order.asked {
            Asked::Amount(amount) => offer.amount = amount,
            Asked::Units { unit, most } => {
                // With room for none, one unit finds out why.
                let within = units_within(unit, self.ceiling(&offer, now));
                let count = within.min(most).max(1);
                offer.units = Some((unit, count));
                offer.amount = price(unit, count).ok_or(Status::Malformed)?;
            }
        }
        let (payment, _) = self.permitted(&offer.wanted(), now)?;
        if offer.standing {
            self.priced(&offer, bought, now)?;
            let number = (payment.key_epoch, payment.sequence);
            self.approve(order.currency, offer.payee, offer.amount, number, now)?;
        }
        Ok(offer)
    }

    /// The most that may be spent on an offer at once.
    fn ceiling(&self, offer: &Offer, now: Timestamp) -> AmountMinor {
        let currency = offer.order.currency;
        let most = self.allowance(currency).map(|held| held.most_per_payment);
        let most = most
            .unwrap_or_default()
            .min(self.spendable_here(currency, now));
        if !offer.standing {
            return most;
        }
        let today = self.approved_today(currency, offer.payee, now);
        most.min(self.rules(currency).most(offer.payee, &today))
    }

    fn paid_offer(&mut self, mut offer: Offer, entry: &Entry) -> Result<Offer, Status> {
        let mut bytes = [0; RECORD_MAX];
        let len = self.recall(entry.record, &mut bytes)?;
        let record = Record::read(bytes.get(..len).unwrap_or_default());
        let payment = record.ok_or(Status::Storage)?.kept()?.payment();
        let payment = open::<Payment>(payment, &self.own.trust.network)?;
        let payment = payment.peek();
        if payment.currency != offer.order.currency {
            return Err(Status::WrongReference);
        }
        offer
            .order
            .asked
            .met_by(payment)
            .map_err(|_| Status::WrongReference)?;
        offer.units = payment.stream.map(|terms| (terms.unit, terms.count));
        offer.amount = payment.amount;
        Ok(offer)
    }
}

impl Offer {
    fn wanted(&self) -> Wanted {
        Wanted {
            payee: self.payee,
            currency: self.order.currency,
            amount: self.amount,
            reference: self.invoice,
            units: self.units,
            covers_for: self.covers_for,
            answers: None,
        }
    }
}
