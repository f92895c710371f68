use crate::code::Code;
use crate::field::object;
use crate::stream::Stream;
use crate::units::{
    AmountMinor, Currency, Digest, KeyEpoch, Odometer, Reference, Sequence, Timestamp,
};

object! {
    /// The payer's signed, numbered order. It occupies the odometer interval
    /// `(odometer - amount, odometer]` of its code, key epoch and currency.
    pub struct Payment: "payment" {
        /// Who pays.
        1 => payer: Code,
        /// Which life of the payer's key.
        2 => key_epoch: KeyEpoch,
        /// Strictly increasing within code and key epoch, over all currencies; the first is 1.
        3 => sequence: Sequence,
        /// Reference of the payment before it, in any currency; zero for the first.
        4 => previous: Reference,
        /// Who is paid.
        5 => payee: Code,
        /// In which currency.
        6 => currency: Currency,
        /// How much, at least 1.
        7 => amount: AmountMinor,
        /// The payer's reading after this payment.
        8 => odometer: Odometer,
        /// The allowance it is made under.
        9 => allowance: Reference,
        /// A claim later than this is not guaranteed.
        10 => settle_by: Timestamp,
        /// The reference of the invoice it answers, or the payer's own, such as a session number.
        11 => reference: Reference,
        /// The payee's current allowance: under it, and under no other, the payee may spend this
        /// payment before it is settled.
        12 => covers_for: Option<Reference>,
        /// The hash over the covers that lift this payment above its allowance's limit, see
        /// [`crate::covers::hash`].
        13 => covers: Option<Digest>,
        /// Paid by the unit: `amount` is the price of all of them.
        14 => stream: Option<Stream>,
    }
}
