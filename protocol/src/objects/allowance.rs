use crate::code::Code;
use crate::field::object;
use crate::keys::PublicKey;
use crate::units::{
    AmountMinor, AssuranceClass, Currency, KeyEpoch, Odometer, Reference, Sequence, Timestamp,
};

object! {
    /// A gateway's signed word on how far a purse's odometer may run while nobody can be asked.
    ///
    /// It binds the wallet key, so that a payee who knows the gateway needs nothing else to judge a
    /// stranger.
    pub struct Allowance: "allowance" {
        /// Whose purse.
        1 => code: Code,
        /// The key its payments are signed with.
        2 => wallet_key: PublicKey,
        /// Which life of that key.
        3 => key_epoch: KeyEpoch,
        /// How well the key is kept.
        4 => class: AssuranceClass,
        /// In which currency.
        5 => currency: Currency,
        /// The odometer may run up to this reading.
        6 => limit: Odometer,
        /// Number of the newest payment the gateway knows; 0 when there is none.
        7 => base_sequence: Sequence,
        /// Reference of that payment; zero when there is none.
        8 => base_head: Reference,
        /// Odometer after that payment.
        9 => base_odometer: Odometer,
        /// No single payment is larger.
        10 => most_per_payment: AmountMinor,
        /// How many sequence numbers after the base may be used.
        11 => most_payments: u32,
        /// How many times its payments may be spent on before they are settled; absent for never.
        12 => hops: Option<u32>,
        /// Good only at payees who stand in this [`super::Area`]; absent for anywhere.
        13 => area: Option<Reference>,
        /// The most the issuer pays, for this allowance in total, when its purse forked.
        14 => guarantee: Option<AmountMinor>,
        /// When it was given.
        15 => issued: Timestamp,
        /// No payment under it settles later than this.
        16 => expires: Timestamp,
        /// Who gives it.
        17 => gateway: Code,
        /// Raised whenever the gateway was restored.
        18 => gateway_epoch: KeyEpoch,
        /// Counts the gateway's allowances within its epoch.
        19 => number: u64,
        /// Reading of all limits this gateway ever granted in this epoch and currency.
        20 => issued_total: Odometer,
    }
}
