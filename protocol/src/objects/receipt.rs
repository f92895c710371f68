use crate::code::Code;
use crate::field::object;
use crate::units::{Digest, Timestamp};

object! {
    /// The payee's signed answer: it took this payment.
    ///
    /// Key 4 is reserved for declining, key 5 for the units of a stream.
    pub struct Receipt: "receipt" {
        /// Who was paid; its pass names the key.
        1 => payee: Code,
        /// The whole identifier of the payment.
        2 => payment: Digest,
        /// When it was taken, by the payee's clock.
        3 => time: Timestamp,
    }
}
