use crate::code::Code;
use crate::field::object;
use crate::units::{Digest, Timestamp};

object! {
    /// The payee's signed answer: it took this payment, or a stream's units, or declines.
    pub struct Receipt: "receipt" {
        /// Who was paid; its pass names the key.
        1 => payee: Code,
        /// The whole identifier of the payment.
        2 => payment: Digest,
        /// When it was taken, by the payee's clock.
        3 => time: Timestamp,
        /// Declined for this reason, the number of a [`crate::Status`]; the money goes back.
        4 => declined: Option<u32>,
        /// Of a stream: units taken, signed once and last. The price of the rest goes back.
        5 => units: Option<u32>,
    }
}
