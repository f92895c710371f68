use crate::code::Code;
use crate::field::{Present, object};
use crate::units::{AmountMinor, Currency, KeyEpoch, Odometer, Reference, Sequence, Timestamp};

object! {
    /// A purse's signed request for a fresh allowance: where it stands and how much it wants.
    pub struct Renewal: "renewal" {
        /// Whose purse.
        1 => code: Code,
        /// Which life of its key.
        2 => key_epoch: KeyEpoch,
        /// In which currency.
        3 => currency: Currency,
        /// Number of its newest signed payment in any currency; 0 when there is none.
        4 => sequence: Sequence,
        /// Reference of that payment; zero when there is none.
        5 => head: Reference,
        /// Its odometer in this currency.
        6 => odometer: Odometer,
        /// How much it wants to be able to spend from there.
        7 => wanted: AmountMinor,
        /// When it asks; two requests at one time are the same request.
        8 => time: Timestamp,
        /// The purse lost its journal or doubts it: it asks for a new key epoch, and its other
        /// readings are only what it still knows.
        9 => lost: Option<Present>,
    }
}
