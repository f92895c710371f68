use crate::code::Code;
use crate::field::object;
use crate::objects::Text;
use crate::units::{Digest, Reference, Timestamp};

/// Longest words of a request for money back and of its answer, in bytes.
pub const REFUND_TEXT: usize = 160;

object! {
    /// A purse proves at a door that knows no certificates that it is its code which calls.
    pub struct WalletCall: "wallet-call" {
        /// Who calls: whose wallet key signs.
        1 => code: Code,
        /// The gateway that is called, and no other.
        2 => gateway: Code,
        /// When.
        3 => time: Timestamp,
        /// Random, so that no two calls are the same.
        4 => nonce: Reference,
        /// SHA-256 of the wallet message that comes with it; of no bytes when none does.
        5 => message: Digest,
        /// Entries of the inbox up to this number are taken.
        6 => after: u64,
    }
}

object! {
    /// A payer asks for its money back.
    pub struct RefundRequest: "refund-request" {
        /// Who asks: who paid, and whose wallet key signs.
        1 => payer: Code,
        /// Which payment.
        2 => payment: Digest,
        /// Why.
        3 => words: Text<REFUND_TEXT>,
        /// When.
        4 => time: Timestamp,
    }
}

object! {
    /// What a gateway's operator decided about such a request.
    pub struct RefundAnswer: "refund-answer" {
        /// Who says so.
        1 => gateway: Code,
        /// Identifier of the request.
        2 => request: Digest,
        /// The payment that brought the money back; not there when the request was declined.
        3 => paid_back: Option<Digest>,
        /// What there is to say about it.
        4 => words: Option<Text<REFUND_TEXT>>,
        /// When it was decided.
        5 => time: Timestamp,
    }
}
