//! The closed list of outcomes, for C.

use protocol::Status;

/// What became of a call. Everything but `OC_STATUS_OK` is one of the statuses of the protocol, with
/// its number, and has changed nothing unless its text says so.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcStatus {
    /// Done.
    Ok = 0,
    /// The payee took the payment.
    Accepted = 1,
    /// The payment is in the books.
    Settled = 2,
    /// The money has left the payer and waits for the payee.
    InTransit = 3,
    /// A claim on record that moved no money: the payer signed two payments that contradict.
    OpenClaim = 4,
    /// The payee declined the payment; the money is the payer's again.
    Declined = 5,
    /// Nobody claimed the payment in time; the money is the payer's again.
    Returned = 6,
    /// Part of the payment waits for the payments that cover it.
    WaitingForCover = 7,
    /// The payer forked; what was missing was paid as the allowance says, as far as it goes.
    Guaranteed = 8,
    /// Not an object of this protocol in its one allowed spelling; check the encoder against docs/protocol.md.
    Malformed = 16,
    /// The signature does not fit the key that its code is known by.
    BadSignature = 17,
    /// No such code is registered here.
    UnknownCode = 18,
    /// The allowance is by a gateway this side does not know or that may not settle.
    UnknownGateway = 19,
    /// The object names somebody else.
    NotForYou = 20,
    /// The code is not permitted to do this.
    NotPermitted = 21,
    /// The payment names another allowance, code, key epoch or currency.
    WrongAllowance = 22,
    /// The sequence number lies outside what the allowance permits.
    OutOfSequence = 23,
    /// The odometer does not lie between the allowance's base and its limit.
    OutOfInterval = 24,
    /// The receipt is for another payment or by somebody else.
    WrongReceipt = 25,
    /// Not a value of this stream's chain, or beyond its units.
    WrongUnit = 26,
    /// A cover is missing, not needed, used twice, or made for somebody else or another allowance.
    WrongCover = 27,
    /// A cover is spent on further than its allowance permits; its holder settles it first.
    AboveHops = 28,
    /// More covers than one evidence holds; settle some of them first.
    OverBudget = 29,
    /// Another gateway is this purse's home; ask there, or move.
    WrongHome = 30,
    /// Not the next lease of this code, or by somebody who may not give it.
    WrongLease = 31,
    /// The payment would go beyond the allowance; ask the gateway for a new one.
    AboveLimit = 32,
    /// More than the allowance permits in one payment; pay in parts or ask for another allowance.
    AboveMost = 33,
    /// The allowance or credential has expired; synchronise with a gateway.
    Expired = 34,
    /// The settlement deadline leaves no time to synchronise; renew the allowance.
    TooLate = 35,
    /// The purse holds too little that is free; load it first.
    NotFunded = 36,
    /// Payments before the newest one are missing; hand them in first, then ask again.
    LinksBroken = 37,
    /// No allowance for this currency; synchronise with a gateway.
    NoAllowance = 38,
    /// The code is frozen, suspended or revoked; an operator decides.
    Frozen = 39,
    /// The payer's standing rules say nothing of such a payee or currency; its owner decides.
    NoRule = 40,
    /// More in one payment than the payer's standing rules approve; ask for less, or its owner decides.
    AboveRule = 41,
    /// More than the payer's standing rules approve on one day; try tomorrow, or its owner decides.
    AboveDay = 42,
    /// The purse would hold more than its wallet class may; spend some first, or raise the class.
    AboveHolding = 43,
    /// More than the wallet class may pay out on one day; try tomorrow, or raise the class.
    AboveDaily = 44,
    /// The gateway has promised all its float; it asks the centre for more, try again later.
    FloatExhausted = 45,
    /// The wallet key forked; enrol a new one, then ask again.
    NeedsKey = 46,
    /// Not the amount the payee asks for.
    WrongAmount = 48,
    /// Not the reference the payee asks for.
    WrongReference = 49,
    /// More than the payee takes offline from a payer of this assurance class.
    AboveClass = 50,
    /// An older payment that the payee no longer holds; hand it in at a gateway.
    AskGateway = 51,
    /// The invoice has expired or is not open; ask for a new one.
    InvoiceExpired = 52,
    /// The allowance is not good at this place; pay where it is, or ask for another allowance.
    OutsideArea = 53,
    /// The gateway has promised more than its warrant permits, or shows no warrant; synchronise with a gateway.
    AboveFloat = 54,
    /// The payer is on the filter of revoked or frozen codes.
    Revoked = 55,
    /// The payee has no recent signed time and takes only small payments; bring it a beacon.
    NoTime = 56,
    /// The payee has no recent list of revoked codes and takes only small payments; it synchronises with a gateway.
    NoList = 57,
    /// It contradicts another object of the same key; the proof is on record and nothing was moved.
    Contradiction = 64,
    /// An outbox, inbox or journal is full; synchronise and try again.
    Full = 80,
    /// Not now; try again later.
    Busy = 81,
    /// The storage failed; nothing was recorded.
    Storage = 82,
}

const ALL: [OcStatus; 1 + Status::ALL.len()] = [
    OcStatus::Ok,
    OcStatus::Accepted,
    OcStatus::Settled,
    OcStatus::InTransit,
    OcStatus::OpenClaim,
    OcStatus::Declined,
    OcStatus::Returned,
    OcStatus::WaitingForCover,
    OcStatus::Guaranteed,
    OcStatus::Malformed,
    OcStatus::BadSignature,
    OcStatus::UnknownCode,
    OcStatus::UnknownGateway,
    OcStatus::NotForYou,
    OcStatus::NotPermitted,
    OcStatus::WrongAllowance,
    OcStatus::OutOfSequence,
    OcStatus::OutOfInterval,
    OcStatus::WrongReceipt,
    OcStatus::WrongUnit,
    OcStatus::WrongCover,
    OcStatus::AboveHops,
    OcStatus::OverBudget,
    OcStatus::WrongHome,
    OcStatus::WrongLease,
    OcStatus::AboveLimit,
    OcStatus::AboveMost,
    OcStatus::Expired,
    OcStatus::TooLate,
    OcStatus::NotFunded,
    OcStatus::LinksBroken,
    OcStatus::NoAllowance,
    OcStatus::Frozen,
    OcStatus::NoRule,
    OcStatus::AboveRule,
    OcStatus::AboveDay,
    OcStatus::AboveHolding,
    OcStatus::AboveDaily,
    OcStatus::FloatExhausted,
    OcStatus::NeedsKey,
    OcStatus::WrongAmount,
    OcStatus::WrongReference,
    OcStatus::AboveClass,
    OcStatus::AskGateway,
    OcStatus::InvoiceExpired,
    OcStatus::OutsideArea,
    OcStatus::AboveFloat,
    OcStatus::Revoked,
    OcStatus::NoTime,
    OcStatus::NoList,
    OcStatus::Contradiction,
    OcStatus::Full,
    OcStatus::Busy,
    OcStatus::Storage,
];

/// The list is that of the protocol, number by number.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated while this is compiled, and wrong if it does not compile"
)]
const _: () = {
    let [_, same @ ..] = ALL;
    let mut at = 0;
    while at < Status::ALL.len() {
        assert!(same[at] as u32 == Status::ALL[at] as u32);
        at += 1;
    }
};

impl From<Status> for OcStatus {
    fn from(status: Status) -> Self {
        let same = |of: &&Self| **of as u32 == u32::from(status as u8);
        ALL.iter().find(same).copied().unwrap_or(Self::Malformed)
    }
}
