use crate::code::Code;
use crate::field::object;
use crate::units::{Digest, Timestamp};

object! {
    /// The head of a list of revoked codes; the list itself stands behind it, see
    /// [`crate::revocations`].
    pub struct Revocations: "revocations" {
        /// Who says so: a gateway that may settle.
        1 => gateway: Code,
        /// A higher one counts instead of a lower one of the same gateway.
        2 => version: u32,
        /// The version of the whole list that this one only changes; absent for a whole list.
        3 => base: Option<u32>,
        /// Since when it holds: its age is what everybody shows.
        4 => time: Timestamp,
        /// SHA-256 of what stands behind the head.
        5 => body: Digest,
    }
}
