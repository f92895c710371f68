use crate::code::Code;
use crate::field::{Set, object};
use crate::units::{Digest, Timestamp};

/// Most codes of one filter.
pub const FILTER_CODES: usize = 16;

object! {
    /// A gateway's signed time, and the newest filter it knows.
    pub struct Beacon: "beacon" {
        /// Who says so: a gateway that may settle.
        1 => gateway: Code,
        /// Now.
        2 => time: Timestamp,
        /// Version of the newest filter.
        3 => filter_version: Option<u32>,
        /// Its identifier.
        4 => filter: Option<Digest>,
    }
}

object! {
    /// Codes that nobody should take anything from: the newest ones revoked or frozen.
    pub struct Filter: "filter" {
        /// Who says so: a gateway that may settle.
        1 => gateway: Code,
        /// A higher one counts instead of a lower one of the same gateway.
        2 => version: u32,
        /// Since when.
        3 => time: Timestamp,
        /// Which codes; absent for none.
        4 => codes: Option<Set<Code, FILTER_CODES>>,
    }
}

impl Filter {
    /// Whether this code is on it.
    pub fn contains(&self, code: &Code) -> bool {
        self.codes
            .as_ref()
            .is_some_and(|codes| codes.iter().any(|listed| listed == code))
    }
}
