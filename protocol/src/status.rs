//! The closed list of outcomes towards the outside, grouped by who can do something about it.

use core::fmt;

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody: this is an answer, not an error.
    None,
    /// Whoever sent it built it wrong.
    Sender,
    /// The payer must do something first.
    Payer,
    /// The payee refuses by its own rules.
    Payee,
    /// Somebody signed two things that contradict each other.
    Fraud,
    /// This side cannot answer now.
    Receiver,
}

macro_rules! statuses {
    ($($number:literal $name:ident $word:literal $fault:ident $sentence:literal;)*) => {
        /// Outcome of a wallet request. The number travels, the word is for logs and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Status {
            $(#[doc = $sentence] $name = $number,)*
        }

        impl Status {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The status with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// One word for logs, metrics and interfaces.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Who can mend it.
            pub const fn fault(self) -> Fault {
                match self {
                    $(Self::$name => Fault::$fault,)*
                }
            }

            /// What happened and what to do, for people.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)*
                }
            }
        }
    };
}

statuses! {
    1 Accepted "accepted" None "The payee took the payment.";
    2 Settled "settled" None "The payment is in the books.";
    3 InTransit "in_transit" None "The money has left the payer and waits for the payee.";
    4 OpenClaim "open_claim" None "A claim on record that moved no money: the payer signed two payments that contradict.";
    5 Declined "declined" None "The payee declined the payment; the money is the payer's again.";
    6 Returned "returned" None "Nobody claimed the payment in time; the money is the payer's again.";
    7 WaitingForCover "waiting_for_cover" None "Part of the payment waits for the payments that cover it.";
    8 Guaranteed "guaranteed" None "The payer forked; what was missing was paid as the allowance says, as far as it goes.";

    16 Malformed "malformed" Sender "Not an object of this protocol in its one allowed spelling; check the encoder against docs/protocol.md.";
    17 BadSignature "bad_signature" Sender "The signature does not fit the key that its code is known by.";
    18 UnknownCode "unknown_code" Sender "No such code is registered here.";
    19 UnknownGateway "unknown_gateway" Sender "The allowance is by a gateway this side does not know or that may not settle.";
    20 NotForYou "not_for_you" Sender "The object names somebody else.";
    21 NotPermitted "not_permitted" Sender "The code is not permitted to do this.";
    22 WrongAllowance "wrong_allowance" Sender "The payment names another allowance, code, key epoch or currency.";
    23 OutOfSequence "out_of_sequence" Sender "The sequence number lies outside what the allowance permits.";
    24 OutOfInterval "out_of_interval" Sender "The odometer does not lie between the allowance's base and its limit.";
    25 WrongReceipt "wrong_receipt" Sender "The receipt is for another payment or by somebody else.";
    26 WrongUnit "wrong_unit" Sender "Not a value of this stream's chain, or beyond its units.";
    27 WrongCover "wrong_cover" Sender "A cover is missing, not needed, used twice, or made for somebody else or another allowance.";
    28 AboveHops "above_hops" Sender "A cover is spent on further than its allowance permits; its holder settles it first.";
    29 OverBudget "over_budget" Sender "More covers than one evidence holds; settle some of them first.";
    30 WrongHome "wrong_home" Sender "Another gateway is this purse's home; ask there, or move.";
    31 WrongLease "wrong_lease" Sender "Not the next lease of this code, or by somebody who may not give it.";

    32 AboveLimit "above_limit" Payer "The payment would go beyond the allowance; ask the gateway for a new one.";
    33 AboveMost "above_most_per_payment" Payer "More than the allowance permits in one payment; pay in parts or ask for another allowance.";
    34 Expired "expired" Payer "The allowance or credential has expired; synchronise with a gateway.";
    35 TooLate "too_late" Payer "The settlement deadline leaves no time to synchronise; renew the allowance.";
    36 NotFunded "not_funded" Payer "The purse holds too little that is free; load it first.";
    37 LinksBroken "links_broken" Payer "Payments before the newest one are missing; hand them in first, then ask again.";
    38 NoAllowance "no_allowance" Payer "No allowance for this currency; synchronise with a gateway.";
    39 Frozen "frozen" Payer "The code is frozen, suspended or revoked; an operator decides.";
    40 NoRule "no_rule" Payer "The payer's standing rules say nothing of such a payee or currency; its owner decides.";
    41 AboveRule "above_rule" Payer "More in one payment than the payer's standing rules approve; ask for less, or its owner decides.";
    42 AboveDay "above_day" Payer "More than the payer's standing rules approve on one day; try tomorrow, or its owner decides.";
    43 AboveHolding "above_holding" Payer "The purse would hold more than its wallet class may; spend some first, or raise the class.";
    44 AboveDaily "above_daily" Payer "More than the wallet class may pay out on one day; try tomorrow, or raise the class.";
    45 FloatExhausted "float_exhausted" Payer "The gateway has promised all its float; it asks the centre for more, try again later.";
    46 NeedsKey "needs_key" Payer "The wallet key forked; enrol a new one, then ask again.";

    48 WrongAmount "wrong_amount" Payee "Not the amount the payee asks for.";
    49 WrongReference "wrong_reference" Payee "Not the reference the payee asks for.";
    50 AboveClass "above_class" Payee "More than the payee takes offline from a payer of this assurance class.";
    51 AskGateway "ask_gateway" Payee "An older payment that the payee no longer holds; hand it in at a gateway.";
    52 InvoiceExpired "invoice_expired" Payee "The invoice has expired or is not open; ask for a new one.";
    53 OutsideArea "outside_area" Payee "The allowance is not good at this place; pay where it is, or ask for another allowance.";
    54 AboveFloat "above_float" Payee "The gateway has promised more than its warrant permits, or shows no warrant; synchronise with a gateway.";
    55 Revoked "revoked" Payee "The payer is on the filter of revoked or frozen codes.";
    56 NoTime "no_time" Payee "The payee has no recent signed time and takes only small payments; bring it a beacon.";
    57 NoList "no_list" Payee "The payee has no recent list of revoked codes and takes only small payments; it synchronises with a gateway.";

    64 Contradiction "contradiction" Fraud "It contradicts another object of the same key; the proof is on record and nothing was moved.";

    80 Full "full" Receiver "An outbox, inbox or journal is full; synchronise and try again.";
    81 Busy "busy" Receiver "Not now; try again later.";
    82 Storage "storage" Receiver "The storage failed; nothing was recorded.";
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_unique_and_read_back() {
        for (i, status) in Status::ALL.iter().enumerate() {
            assert_eq!(Status::from_number(*status as u8), Some(*status));
            assert!(
                Status::ALL[..i]
                    .iter()
                    .all(|other| other.word() != status.word())
            );
        }
        assert_eq!(Status::from_number(0), None);
    }
}
