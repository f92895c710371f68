use crate::code::Code;
use crate::field::object;
use crate::units::{Currency, KeyEpoch, Odometer, Timestamp};

object! {
    /// The centre's word on how far a gateway may promise while nobody asks the centre.
    ///
    /// An allowance occupies `(issued_total - (limit - base_odometer), issued_total]` of its gateway,
    /// gateway epoch and currency; a payee refuses one that ends above `limit`.
    pub struct FloatWarrant: "float-warrant" {
        /// Who answers for it: a gateway that may issue money.
        1 => centre: Code,
        /// Whose float it is.
        2 => gateway: Code,
        /// Raised whenever that gateway was restored.
        3 => gateway_epoch: KeyEpoch,
        /// In which currency.
        4 => currency: Currency,
        /// `issued_total` may run up to this reading.
        5 => limit: Odometer,
        /// When it was given; a later one counts instead of an earlier one.
        6 => issued: Timestamp,
        /// Allowances issued after this need a later warrant.
        7 => expires: Timestamp,
    }
}
