//! Prices: a payee publishes them, and a payer's rules hold invoices and printed prices to them.

use super::Purse;
use super::invoice::InvoiceOrder;
use super::offer::Offer;
use super::pay::send;
use crate::journal::{Journal, RECORD_MAX};
use crate::purse::record::Record;
use protocol::cose::{SIGNED_MAX, open, sign};
use protocol::message::Message;
use protocol::objects::{Asked, Measure, Price, Rights, Set, Tariff};
use protocol::{AmountMinor, Code, Currency, Reference, Signer, Status, Timestamp};

/// So much for so many of a measure: 40 for 1,000 watt-hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The price
    pub amount: AmountMinor,
    /// of so many, at least 1.
    pub per: u32,
}

/// The most an owner approves per measure, by the measure's number; `None` where it says nothing.
pub type RateRules = [Option<Rate>; Measure::ALL.len()];

/// What is bought, as the buyer itself counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buying {
    /// By what it is measured.
    pub measure: Measure,
    /// How much of it one unit of a stream is; of one amount, how much of it that buys.
    pub quantity: u32,
    /// What it is called in the payee's tariff.
    pub item: Option<Reference>,
}

/// A price that is not on an invoice but on a sign, a label or a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintedPrice {
    /// To whom.
    pub payee: Code,
    /// In which currency.
    pub currency: Currency,
    /// One amount, or a stream.
    pub asked: Asked,
    /// As in [`super::Order`].
    pub reference: Reference,
}

/// A tariff whose signature was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    tariff: Tariff,
}

impl Prices {
    /// What its payee said.
    pub fn tariff(&self) -> &Tariff {
        &self.tariff
    }

    /// Whether this much for this quantity is no more than the tariff says.
    fn permit(&self, offer: &Offer, asked: AmountMinor, buying: &Buying) -> Result<(), Status> {
        let same = (offer.payee(), offer.asked().currency);
        if (self.tariff.payee, self.tariff.currency) != same {
            return Err(Status::NoRule);
        }
        let item = buying.item.ok_or(Status::NoRule)?;
        let price = self.tariff.price(&item);
        let price = price.filter(|price| price.measure == buying.measure);
        let rate = Rate {
            amount: price.ok_or(Status::NoRule)?.amount,
            per: 1,
        };
        rate.permits(asked, buying.quantity)
    }
}

impl Rate {
    fn permits(&self, asked: AmountMinor, quantity: u32) -> Result<(), Status> {
        // Cross-multiplied: a price per kilowatt-hour need not be whole per watt-hour.
        let asked = u128::from(asked.get()) * u128::from(self.per);
        match asked <= u128::from(self.amount.get()) * u128::from(quantity) {
            true => Ok(()),
            false => Err(Status::AboveRule),
        }
    }
}

impl<K: Signer, J: Journal, const OUTBOX: usize, const PAYERS: usize> Purse<K, J, OUTBOX, PAYERS> {
    /// Publishes prices: writes a Tariff message for whoever asks. `Malformed` for none, for more
    /// than [`protocol::objects::PRICES`], and for two of one item.
    pub fn tariff(
        &mut self,
        currency: Currency,
        prices: &[Price],
        expires: Timestamp,
        now: Timestamp,
        out: &mut [u8],
    ) -> Result<usize, Status> {
        self.ready(out)?;
        if !self.own.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        if expires <= now {
            return Err(Status::Expired);
        }
        let set = Set::new(prices).ok_or(Status::Malformed)?;
        let twice = |(at, price): (usize, &Price)| {
            let earlier = set.iter().take(at);
            price.amount == AmountMinor::ZERO || earlier.into_iter().any(|p| p.item == price.item)
        };
        if set.iter().enumerate().any(twice) {
            return Err(Status::Malformed);
        }
        let tariff = Tariff {
            payee: self.own.me,
            currency,
            issued: now,
            expires,
            prices: set,
        };
        let mut bytes = [0; SIGNED_MAX];
        let len = sign(&tariff, &self.own.trust.network, &self.key, &mut bytes)
            .map_err(super::unsigned)?;
        let tariff = bytes.get(..len).unwrap_or_default();
        let pass = self.own.pass();
        send(&Message::Tariff { tariff, pass }, out)
    }

    /// Reads a Tariff message, its signature checked. Of two by one payee and in one currency the
    /// one issued later counts.
    pub fn read_tariff(&mut self, message: &[u8], now: Timestamp) -> Result<Prices, Status> {
        let Message::Tariff { tariff, pass } = Message::read(message)? else {
            return Err(Status::Malformed);
        };
        let mut bytes = [0; RECORD_MAX];
        let pass = self.thing(pass, &mut bytes, now)?;
        if !pass.rights.permits(Rights::ACCEPT) {
            return Err(Status::NotPermitted);
        }
        let tariff = open::<Tariff>(tariff, &self.own.trust.network)?;
        if pass.subject.0 != tariff.peek().payee {
            return Err(Status::NotForYou);
        }
        let tariff = *tariff.verify(&pass.key.0)?.get();
        if tariff.expires <= now {
            return Err(Status::Expired);
        }
        Ok(Prices { tariff })
    }

    /// The most the owner approves per measure in this currency, until this is called again. From
    /// then on the standing rules approve nothing in it unless it is said what is bought.
    pub fn set_rates(&mut self, currency: Currency, rates: &RateRules) -> Result<(), Status> {
        if self.broken {
            return Err(Status::Storage);
        }
        if rates.iter().flatten().any(|rate| rate.per == 0) {
            return Err(Status::Malformed);
        }
        let before = self.book.pocket_mut(currency)?.rates;
        let record = self.append(&Record::Rates {
            currency,
            rates: *rates,
        })?;
        self.book.pocket_mut(currency)?.rates = Some((*rates, record));
        self.forget_if(before.map(|(_, record)| record))
    }

    /// The most the owner approves per measure in this currency.
    pub fn rates(&self, currency: Currency) -> RateRules {
        let pocket = self.book.pocket(currency);
        let rates = pocket.and_then(|pocket| pocket.rates);
        rates.map(|(rates, _)| rates).unwrap_or_default()
    }

    /// Judges an Invoice message like [`Purse::consider`], knowing what it is for: no unit may cost
    /// more than the owner approves per measure, nor more than the payee's own tariff says.
    pub fn consider_priced(
        &mut self,
        message: &[u8],
        buying: &Buying,
        prices: Option<&Prices>,
        now: Timestamp,
    ) -> Result<Offer, Status> {
        self.offer(message, true, Some((buying, prices)), now)
    }

    /// Judges a printed price like an invoice, by the standing rules; [`Purse::pay_invoice`] pays
    /// it.
    pub fn consider_printed(
        &mut self,
        printed: &PrintedPrice,
        buying: Option<&Buying>,
        prices: Option<&Prices>,
        now: Timestamp,
    ) -> Result<Offer, Status> {
        let order = InvoiceOrder {
            currency: printed.currency,
            asked: printed.asked,
            reference: printed.reference,
            expires: Timestamp(u32::MAX),
            least_class: protocol::AssuranceClass::Software,
        };
        let offer = Offer::new(printed.payee, order, printed.reference, true);
        self.weigh(offer, buying.map(|buying| (buying, prices)), now)
    }

    /// What the owner's rates and the payee's tariff say of an offer.
    pub(super) fn priced(
        &self,
        offer: &Offer,
        bought: Option<(&Buying, Option<&Prices>)>,
        now: Timestamp,
    ) -> Result<(), Status> {
        let rates = self.rates(offer.asked().currency);
        let any = rates.iter().any(Option::is_some);
        let Some((buying, prices)) = bought else {
            return if any { Err(Status::NoRule) } else { Ok(()) };
        };
        let asked = match offer.asked().asked {
            Asked::Amount(amount) => amount,
            Asked::Units { unit, .. } => unit,
        };
        if any {
            let rate = rates.get(usize::from(buying.measure as u8)).copied();
            let rate = rate.flatten().ok_or(Status::NoRule)?;
            rate.permits(asked, buying.quantity)?;
        }
        let Some(prices) = prices else { return Ok(()) };
        if prices.tariff.expires <= now {
            return Err(Status::Expired);
        }
        prices.permit(offer, asked, buying)
    }
}
