use crate::code::Code;
use crate::field::object;
use crate::units::{AmountMinor, Currency, KeyEpoch, Odometer, Reference, Sequence, Timestamp};

object! {
    /// A thing's word that its home is to change.
    pub struct Move: "move" {
        /// Who moves.
        1 => code: Code,
        /// The gateway that is its home.
        2 => from: Code,
        /// The gateway that is to be.
        3 => to: Code,
        /// Number of the lease it asks for: one more than the one it has.
        4 => lease: u64,
        /// When it asks.
        5 => time: Timestamp,
    }
}

object! {
    /// The centre's word that a gateway is a purse's home: only that one gives allowances without
    /// asking, and none of them outlives the lease.
    pub struct Lease: "lease" {
        /// Who answers for it: a gateway that may issue money.
        1 => centre: Code,
        /// Whose home.
        2 => code: Code,
        /// Where.
        3 => home: Code,
        /// Counts the leases of one code.
        4 => number: u64,
        /// Since when.
        5 => issued: Timestamp,
        /// Until when.
        6 => ends: Timestamp,
    }
}

object! {
    /// The centre's word that a lease is given up without its home's closing balance. It speaks
    /// only after the lease's end and the grace after it.
    pub struct Release: "release" {
        /// Who answers for it.
        1 => centre: Code,
        /// Whose home.
        2 => code: Code,
        /// The lease given up.
        3 => number: u64,
        /// When.
        4 => time: Timestamp,
    }
}

object! {
    /// The old home's last word on a purse, one for each currency. `free` leaves its books with it;
    /// what is reserved stays, for the old home remains arbiter of the allowances it gave, and
    /// follows by credit.
    pub struct ClosingBalance: "closing-balance" {
        /// The old home.
        1 => gateway: Code,
        /// Raised whenever it was restored.
        2 => gateway_epoch: KeyEpoch,
        /// Whose purse.
        3 => code: Code,
        /// The lease that ends with this.
        4 => lease: u64,
        /// In which currency.
        5 => currency: Currency,
        /// Goes to the new home.
        6 => free: AmountMinor,
        /// Stays behind open allowances.
        7 => reserved: AmountMinor,
        /// When the last of them expires; 0 when none is open.
        8 => open_until: Timestamp,
        /// The purse's key epoch,
        9 => key_epoch: KeyEpoch,
        /// its newest number,
        10 => sequence: Sequence,
        /// the reference of that payment,
        11 => head: Reference,
        /// and its odometer: the base of the new home's first allowance, if it is in the same epoch.
        12 => odometer: Odometer,
        /// When.
        13 => time: Timestamp,
    }
}
