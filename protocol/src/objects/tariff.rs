use crate::code::Code;
use crate::field::{Decoder, Encoder, Field, Set, Written, object, out_of_range};
use crate::units::{AmountMinor, Currency, Reference, Timestamp};
use minicbor::decode::Error as Malformed;

/// Most prices of one tariff.
pub const PRICES: usize = 8;

object! {
    /// What a payee takes for what: a price list that a payer's rules can read before any invoice.
    pub struct Tariff: "tariff" {
        /// Who asks these prices.
        1 => payee: Code,
        /// In which currency.
        2 => currency: Currency,
        /// A later one counts instead of an earlier one.
        3 => issued: Timestamp,
        /// Good until.
        4 => expires: Timestamp,
        /// The prices, one for each item, ascending by item.
        5 => prices: Set<Price, PRICES>,
    }
}

impl Tariff {
    /// The price of an item.
    pub fn price(&self, item: &Reference) -> Option<&Price> {
        self.prices.iter().find(|price| price.item == *item)
    }
}

/// One line of a tariff: `[item, measure, amount]`. Ordered by item first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price {
    /// What is sold, in the payee's own words, filled up with zeros.
    pub item: Reference,
    /// By what it is measured.
    pub measure: Measure,
    /// The price of one, at least 1.
    pub amount: AmountMinor,
}

/// By what a price is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Measure {
    /// One piece, paid at once.
    Piece = 0,
    /// A second.
    Second = 1,
    /// A watt-hour.
    WattHour = 2,
    /// A byte.
    Byte = 3,
    /// A reading.
    Read = 4,
    /// A millilitre.
    Millilitre = 5,
    /// A metre.
    Metre = 6,
}

impl Measure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Piece,
        Self::Second,
        Self::WattHour,
        Self::Byte,
        Self::Read,
        Self::Millilitre,
        Self::Metre,
    ];

    /// The measure with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl Field for Price {
    fn write(&self, to: &mut Encoder<'_>) -> Written {
        to.array(3)?;
        self.item.write(to)?;
        to.u8(self.measure as u8)?;
        self.amount.write(to)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        if from.array()? != Some(3) {
            return Err(out_of_range());
        }
        let price = Self {
            item: Reference::read(from)?,
            measure: Measure::from_number(from.u8()?).ok_or_else(out_of_range)?,
            amount: AmountMinor::read(from)?,
        };
        if price.amount == AmountMinor::ZERO {
            return Err(out_of_range());
        }
        Ok(price)
    }
}
