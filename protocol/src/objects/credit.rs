use crate::code::Code;
use crate::field::{Present, object};
use crate::units::{AmountMinor, Currency, Digest, KeyEpoch, Reference, Timestamp};

object! {
    /// From the books of one gateway to those of another: so much of a payment, in total, is the
    /// payee's. A later one for the same payment replaces it and only the difference is posted.
    pub struct Credit: "credit" {
        /// From whose books.
        1 => gateway: Code,
        /// Raised whenever that gateway was restored.
        2 => gateway_epoch: KeyEpoch,
        /// The payment, load or closing balance that it comes from.
        3 => subject: Digest,
        /// Whose it is.
        4 => payee: Code,
        /// In which currency.
        5 => currency: Currency,
        /// How much so far.
        6 => amount: AmountMinor,
        /// The payee's allowance that the payment names: the money stands behind it.
        7 => covers_for: Option<Reference>,
        /// Not in the arbiter's books yet.
        8 => provisional: Option<Present>,
        /// When.
        9 => time: Timestamp,
    }
}

object! {
    /// A gateway saw this payment claimed in time: the deadline of it and of its covers no longer
    /// runs out.
    pub struct ClaimNote: "claim-note" {
        /// Who saw it.
        1 => gateway: Code,
        /// Raised whenever that gateway was restored.
        2 => gateway_epoch: KeyEpoch,
        /// The payment.
        3 => payment: Digest,
        /// The hash over all covers it was claimed with, see [`crate::covers::hash`].
        4 => covers: Option<Digest>,
        /// When.
        5 => time: Timestamp,
    }
}

object! {
    /// The centre's word that what a gateway wrote up to this height is final everywhere.
    pub struct Watermark: "watermark" {
        /// Who says so: a gateway that may issue money.
        1 => centre: Code,
        /// Whose journal.
        2 => gateway: Code,
        /// Raised whenever that gateway was restored.
        3 => gateway_epoch: KeyEpoch,
        /// Up to this entry.
        4 => height: u64,
        /// When.
        5 => time: Timestamp,
    }
}

object! {
    /// How far one gateway has, durably, what another one sent it: the other may forget it.
    pub struct Acknowledgement: "acknowledgement" {
        /// Who has it.
        1 => by: Code,
        /// Who may forget it.
        2 => to: Code,
        /// 0 for letters, 1 for entries of the journal, 2 for telemetry.
        3 => kind: u32,
        /// In which count: the sender's epoch, or for telemetry when its outbox was made.
        4 => epoch: KeyEpoch,
        /// All up to this number.
        5 => up_to: u64,
    }
}
