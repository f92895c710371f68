use crate::code::Code;
use crate::field::{Present, object};
use crate::units::{AmountMinor, Digest, KeyEpoch, Timestamp};

object! {
    /// A gateway's signed word on what became of one payment.
    ///
    /// `height` and `root` place it in the gateway's journal: root(n) = SHA-256(root(n-1) || entry).
    pub struct Statement: "statement" {
        /// Who says so.
        1 => gateway: Code,
        /// Raised whenever the gateway was restored.
        2 => gateway_epoch: KeyEpoch,
        /// The whole identifier of the payment.
        3 => payment: Digest,
        /// Number of a [`crate::Status`] among settled, in_transit, open_claim,
        /// declined and returned.
        4 => outcome: u32,
        /// Number of the journal entry that brought the payment into this state.
        5 => height: u64,
        /// Root of the journal at that height.
        6 => root: Digest,
        /// When that entry was written.
        7 => time: Timestamp,
        /// Of a stream: units paid for so far.
        8 => units: Option<u32>,
        /// The arbiter of the payment, or the centre, has not spoken yet.
        9 => provisional: Option<Present>,
        /// Of a payment that waits for covers, or was paid in part: what was paid.
        10 => paid: Option<AmountMinor>,
    }
}
