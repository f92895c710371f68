use crate::code::Code;
use crate::field::object;
use crate::units::{AmountMinor, Currency, KeyEpoch, Odometer, Reference, Sequence, Timestamp};

object! {
    /// The payer's signed, numbered order. It occupies the odometer interval
    /// `(odometer - amount, odometer]` of its code, key epoch and currency.
    ///
    /// Keys 12 to 16 are reserved for covers and streams.
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
        /// The payer's own reference, such as a session number.
        11 => reference: Reference,
    }
}
