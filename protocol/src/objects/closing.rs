use crate::code::Code;
use crate::field::object;
use crate::units::{Currency, KeyEpoch, Odometer, Reference, Sequence, Timestamp};

object! {
    /// The payer's word that nothing under this allowance goes beyond a number and a reading. It
    /// never extinguishes a payment: one beyond it is paid, and both together are a proof.
    pub struct Closing: "closing" {
        /// Whose purse.
        1 => code: Code,
        /// Which life of its key.
        2 => key_epoch: KeyEpoch,
        /// In which currency.
        3 => currency: Currency,
        /// Under this allowance
        4 => allowance: Reference,
        /// nothing has a higher number
        5 => sequence: Sequence,
        /// or a higher reading.
        6 => odometer: Odometer,
        /// When it was signed.
        7 => time: Timestamp,
    }
}

object! {
    /// The payer's word that these numbers will never be used. It never extinguishes a payment.
    pub struct Void: "void" {
        /// Whose purse.
        1 => code: Code,
        /// Which life of its key.
        2 => key_epoch: KeyEpoch,
        /// The first number,
        3 => first: Sequence,
        /// and the last, not below the first.
        4 => last: Sequence,
        /// When it was signed.
        5 => time: Timestamp,
    }
}
