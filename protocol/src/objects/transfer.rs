use crate::code::Code;
use crate::field::object;
use crate::keys::PublicKey;
use crate::units::{Digest, Timestamp};

object! {
    /// An owner's word that a thing is to be somebody else's. It does nothing by itself: the new
    /// owner has to take it.
    pub struct Transfer: "transfer" {
        /// The thing.
        1 => code: Code,
        /// Whose it is: who signs.
        2 => from: Code,
        /// Whose it is to be.
        3 => to: Code,
        /// Counts the owners of one code: one more than owners were named before.
        4 => number: u32,
        /// When it was signed.
        5 => time: Timestamp,
        /// Nobody takes it later.
        6 => expires: Timestamp,
    }
}

object! {
    /// The new owner's word that it takes what was transferred.
    pub struct Acceptance: "acceptance" {
        /// Who takes it: who signs.
        1 => by: Code,
        /// The identifier of the transfer.
        2 => transfer: Digest,
        /// When it was signed.
        3 => time: Timestamp,
    }
}

object! {
    /// A root's word on the one that takes over from it.
    pub struct TrustUpdate: "trust-update" {
        /// Who says so: the old root, whose key signs.
        1 => root: Code,
        /// The new root; its code commits to the key in its certificate.
        2 => next: Code,
        /// The key that the new root signs passes with.
        3 => next_key: PublicKey,
        /// When it was signed.
        4 => issued: Timestamp,
        /// Until then the old root's word counts as well.
        5 => ends: Timestamp,
    }
}
