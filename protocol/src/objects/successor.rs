use crate::code::Code;
use crate::field::object;
use crate::keys::PublicKey;
use crate::units::Timestamp;

object! {
    /// An issuer's word that a gateway goes on under another key. Its code stays: that commits to
    /// its transport key.
    pub struct Successor: "successor" {
        /// Who says so: the issuer of both passes.
        1 => issuer: Code,
        /// Whose key.
        2 => gateway: Code,
        /// The key it signed with before.
        3 => former_key: PublicKey,
        /// The key it signs with from now on, as in its new pass.
        4 => key: PublicKey,
        /// When it was signed.
        5 => issued: Timestamp,
        /// Until then what the former key signed counts as well.
        6 => ends: Timestamp,
    }
}
