use crate::code::Code;
use crate::field::object;
use crate::objects::Payment;
use crate::status::Status;
use crate::stream::UNITS_MAX;
use crate::units::{AmountMinor, AssuranceClass, Currency, Reference, Timestamp};

object! {
    /// The payee's signed request. A payment answers it by carrying the invoice's reference (the
    /// first 16 bytes of its identifier) as its own reference.
    ///
    /// Either `amount`, or `unit` and `most_units` for a stream.
    pub struct Invoice: "invoice" {
        /// Who asks.
        1 => payee: Code,
        /// In which currency.
        2 => currency: Currency,
        /// Exactly this much.
        3 => amount: Option<AmountMinor>,
        /// Or so much for each unit,
        4 => unit: Option<AmountMinor>,
        /// up to so many units.
        5 => most_units: Option<u32>,
        /// The payee's own reference, such as a session number.
        6 => reference: Reference,
        /// Makes two invoices with one reference different.
        7 => nonce: u64,
        /// Good until.
        8 => expires: Timestamp,
        /// Payers below this class need not try.
        9 => least_class: AssuranceClass,
        /// The payee's current allowance, for payments that it wants to spend on.
        10 => covers_for: Option<Reference>,
        /// The payer's allowance that the payee already holds and need not be shown again.
        11 => holds: Option<Reference>,
    }
}

/// What an invoice asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One amount.
    Amount(AmountMinor),
    /// A stream.
    Units {
        /// Price of one unit.
        unit: AmountMinor,
        /// No more than so many.
        most: u32,
    },
}

impl Asked {
    /// Whether the payment gives what is asked, no more and no less; of a stream the payer chooses
    /// the count.
    pub fn met_by(&self, payment: &Payment) -> Result<(), Status> {
        let met = match (self, payment.stream) {
            (Self::Amount(amount), None) => payment.amount == *amount,
            (Self::Units { unit, most }, Some(stream)) => {
                stream.unit == *unit && stream.count <= *most
            }
            _ => false,
        };
        if met {
            Ok(())
        } else {
            Err(Status::WrongAmount)
        }
    }
}

impl Invoice {
    /// `None` when it asks for nothing, or for both, or for a stream nobody can pay.
    pub fn asked(&self) -> Option<Asked> {
        match (self.amount, self.unit, self.most_units) {
            (Some(amount), None, None) if amount > AmountMinor::ZERO => Some(Asked::Amount(amount)),
            (None, Some(unit), Some(most)) => {
                let all = unit.get().checked_mul(u64::from(most));
                let payable = (1..=UNITS_MAX).contains(&most)
                    && unit > AmountMinor::ZERO
                    && all.is_some_and(|all| AmountMinor::new(all).is_some());
                payable.then_some(Asked::Units { unit, most })
            }
            _ => None,
        }
    }
}
