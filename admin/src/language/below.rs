//! What other crates say in closed lists, said here: each list by a match, so that a new item does
//! not compile until it has its words. The English is that of the lists themselves; a test compares.

use super::{Say, say};
use issuer::Role as Authority;
use issuer::safe::KeyPlace;
use ledger::alerts::{Event, Kind as Alert, LetterState};
use ledger::people::{Role, Roles};
use ledger::rules::life::Unfit;
use ledger::{RequestState, ThingState, Undecided};
use protocol::chain::ActKind;
use protocol::code::base32::TextError;
use protocol::objects::{Datum, Method};
use protocol::rules::Charge;
use protocol::{Kind, Status};

/// What became of a request, and what to do.
pub const fn status(status: Status) -> Say {
    match status {
        Status::Accepted => say("The payee took the payment."),
        Status::Settled => say("The payment is in the books."),
        Status::InTransit => say("The money has left the payer and waits for the payee."),
        Status::OpenClaim => say(
            "A claim on record that moved no money: the payer signed two payments that contradict.",
        ),
        Status::Declined => say("The payee declined the payment; the money is the payer's again."),
        Status::Returned => {
            say("Nobody claimed the payment in time; the money is the payer's again.")
        }
        Status::WaitingForCover => say("Part of the payment waits for the payments that cover it."),
        Status::Guaranteed => say(
            "The payer forked; what was missing was paid as the allowance says, as far as it goes.",
        ),
        Status::Malformed => say(
            "Not an object of this protocol in its one allowed spelling; check the encoder against docs/protocol.md.",
        ),
        Status::BadSignature => {
            say("The signature does not fit the key that its code is known by.")
        }
        Status::UnknownCode => say("No such code is registered here."),
        Status::UnknownGateway => {
            say("The allowance is by a gateway this side does not know or that may not settle.")
        }
        Status::NotForYou => say("The object names somebody else."),
        Status::NotPermitted => say("The code is not permitted to do this."),
        Status::WrongAllowance => {
            say("The payment names another allowance, code, key epoch or currency.")
        }
        Status::OutOfSequence => {
            say("The sequence number lies outside what the allowance permits.")
        }
        Status::OutOfInterval => {
            say("The odometer does not lie between the allowance's base and its limit.")
        }
        Status::WrongReceipt => say("The receipt is for another payment or by somebody else."),
        Status::WrongUnit => say("Not a value of this stream's chain, or beyond its units."),
        Status::WrongCover => say(
            "A cover is missing, not needed, used twice, or made for somebody else or another allowance.",
        ),
        Status::AboveHops => say(
            "A cover is spent on further than its allowance permits; its holder settles it first.",
        ),
        Status::OverBudget => {
            say("More covers than one evidence holds; settle some of them first.")
        }
        Status::WrongHome => say("Another gateway is this purse's home; ask there, or move."),
        Status::WrongLease => {
            say("Not the next lease of this code, or by somebody who may not give it.")
        }
        Status::AboveLimit => {
            say("The payment would go beyond the allowance; ask the gateway for a new one.")
        }
        Status::AboveMost => say(
            "More than the allowance permits in one payment; pay in parts or ask for another allowance.",
        ),
        Status::Expired => {
            say("The allowance or credential has expired; synchronise with a gateway.")
        }
        Status::TooLate => {
            say("The settlement deadline leaves no time to synchronise; renew the allowance.")
        }
        Status::NotFunded => say("The purse holds too little that is free; load it first."),
        Status::LinksBroken => {
            say("Payments before the newest one are missing; hand them in first, then ask again.")
        }
        Status::NoAllowance => say("No allowance for this currency; synchronise with a gateway."),
        Status::Frozen => say("The code is frozen, suspended or revoked; an operator decides."),
        Status::NoRule => say(
            "The payer's standing rules say nothing of such a payee or currency; its owner decides.",
        ),
        Status::AboveRule => say(
            "More in one payment than the payer's standing rules approve; ask for less, or its owner decides.",
        ),
        Status::AboveDay => say(
            "More than the payer's standing rules approve on one day; try tomorrow, or its owner decides.",
        ),
        Status::AboveHolding => say(
            "The purse would hold more than its wallet class may; spend some first, or raise the class.",
        ),
        Status::AboveDaily => say(
            "More than the wallet class may pay out on one day; try tomorrow, or raise the class.",
        ),
        Status::FloatExhausted => say(
            "The gateway has promised all its float; it asks the centre for more, try again later.",
        ),
        Status::NeedsKey => say("The wallet key forked; enrol a new one, then ask again."),
        Status::WrongAmount => say("Not the amount the payee asks for."),
        Status::WrongReference => say("Not the reference the payee asks for."),
        Status::AboveClass => {
            say("More than the payee takes offline from a payer of this assurance class.")
        }
        Status::AskGateway => {
            say("An older payment that the payee no longer holds; hand it in at a gateway.")
        }
        Status::InvoiceExpired => say("The invoice has expired or is not open; ask for a new one."),
        Status::OutsideArea => say(
            "The allowance is not good at this place; pay where it is, or ask for another allowance.",
        ),
        Status::AboveFloat => say(
            "The gateway has promised more than its warrant permits, or shows no warrant; synchronise with a gateway.",
        ),
        Status::Revoked => say("The payer is on the filter of revoked or frozen codes."),
        Status::NoTime => say(
            "The payee has no recent signed time and takes only small payments; bring it a beacon.",
        ),
        Status::NoList => say(
            "The payee has no recent list of revoked codes and takes only small payments; it synchronises with a gateway.",
        ),
        Status::Contradiction => say(
            "It contradicts another object of the same key; the proof is on record and nothing was moved.",
        ),
        Status::Full => say("An outbox, inbox or journal is full; synchronise and try again."),
        Status::Busy => say("Not now; try again later."),
        Status::Storage => say("The storage failed; nothing was recorded."),
    }
}

/// What a code names.
pub const fn kind(kind: Kind) -> Say {
    match kind {
        Kind::Device => say("device"),
        Kind::Gateway => say("gateway"),
        Kind::Module => say("module"),
        Kind::PassiveItem => say("passive item"),
        Kind::Lot => say("lot"),
        Kind::Person => say("person"),
        Kind::Issuer => say("issuer"),
        Kind::Place => say("place"),
        Kind::Service => say("service"),
    }
}

/// How a code stands.
pub const fn state(state: ThingState) -> Say {
    match state {
        ThingState::Active => say("active"),
        ThingState::Frozen => say("frozen"),
        ThingState::Revoked => say("revoked"),
        ThingState::Issued => say("issued"),
        ThingState::Retired => say("retired"),
        ThingState::Superseded => say("superseded"),
    }
}

/// Why something cannot happen to a code.
pub const fn unfit(unfit: Unfit) -> Say {
    match unfit {
        Unfit::NotActivated => say("The code is not in use yet; activate it first."),
        Unfit::Suspended => say("The code is suspended; release or revoke it first."),
        Unfit::Over(ThingState::Retired) => say("The code is retired, and that is for good."),
        Unfit::Over(ThingState::Superseded) => {
            say("Another code has taken over from this one, and that is for good.")
        }
        Unfit::Over(_) => say("The code is revoked, and that is for good."),
        Unfit::Never => say("This does not happen to a code that is registered already."),
    }
}

/// Why a text is no code: the end of a sentence.
pub const fn text_error(error: TextError) -> Say {
    match error {
        TextError::Length => {
            say("a symbol is missing or too many: a code has 34 symbols, a grid code 50")
        }
        TextError::Symbol => {
            say("a character that never stands in a code: only digits and letters without U")
        }
        TextError::Check => {
            say("the check symbols do not fit: one symbol was misread, compare with the label")
        }
        TextError::NotACode => say("well-formed text, but no code of this version"),
    }
}

/// What happened to a code.
pub const fn act(act: ActKind) -> Say {
    match act {
        ActKind::Issued => say("issued"),
        ActKind::Activated => say("activated"),
        ActKind::Bound => say("bound"),
        ActKind::Unbound => say("unbound"),
        ActKind::Suspended => say("suspended"),
        ActKind::Resumed => say("resumed"),
        ActKind::Transferred => say("transferred"),
        ActKind::Revoked => say("revoked"),
        ActKind::Retired => say("retired"),
        ActKind::Superseded => say("superseded"),
        ActKind::Rekeyed => say("rekeyed"),
        ActKind::Warranted => say("warranted"),
        ActKind::Surveyed => say("surveyed"),
        ActKind::Renewed => say("renewed"),
    }
}

/// What a person or a token may do, in a word.
pub const fn role(role: Role) -> Say {
    match role {
        Role::Owner => say("owner"),
        Role::Issuer => say("issuer"),
        Role::Factory => say("factory"),
        Role::Treasurer => say("treasurer"),
        Role::Operator => say("operator"),
        Role::Auditor => say("auditor"),
    }
}

/// What a role permits.
pub const fn permits(role: Role) -> Say {
    match role {
        Role::Owner => say("Everything, and who else may do what."),
        Role::Issuer => say("Issues codes and grid codes."),
        Role::Factory => say("Makes enrolment secrets and issues codes from requests."),
        Role::Treasurer => say("Loads and redeems money, declares currencies."),
        Role::Operator => say("Freezes, releases and revokes codes."),
        Role::Auditor => say("Reads everything, the audit trail included."),
    }
}

/// How a key contradicted itself.
pub const fn charge(charge: Charge) -> Say {
    match charge {
        Charge::Payments => say("two payments that cannot both be true"),
        Charge::Void => say("a payment under a number it had declared void"),
        Charge::Closing => say("a payment beyond what it had declared closed"),
        Charge::Receipts => say("two receipts of one payment with different outcomes"),
        Charge::DeclinedCover => say("a decline of a payment it had spent on"),
        Charge::FewerUnits => say("a receipt over fewer units than it had spent on"),
        Charge::Moves => say("two moves with one lease number"),
        Charge::AllowanceNumber => say("two allowances under one number"),
        Charge::FloatOverlap => say("two allowances over one part of its float"),
        Charge::BetweenLinks => say("a payment hidden between two that are linked"),
        Charge::OneReference => say("two payments behind one reference"),
    }
}

/// What coordinates are counted in.
pub const fn datum(datum: Datum) -> Say {
    match datum {
        Datum::Wgs84 => say("WGS 84"),
        Datum::Cgcs2000 => say("CGCS2000"),
        Datum::Itrf2020 => say("ITRF2020"),
    }
}

/// How a position was found.
pub const fn method(method: Method) -> Say {
    match method {
        Method::Satellites => say("satellites"),
        Method::CorrectedSatellites => say("corrected satellites"),
        Method::Survey => say("survey from known points"),
        Method::Map => say("map or picture"),
        Method::Word => say("somebody's word"),
    }
}

/// Who of this house signed.
pub const fn authority(role: Authority) -> Say {
    match role {
        Authority::Root => say("root"),
        Authority::Issuer => say("issuer"),
        Authority::Gateway => say("gateway"),
        Authority::Station => say("station"),
    }
}

/// What a rule watches.
pub const fn alert(kind: Alert) -> Say {
    match kind {
        Alert::Books => say("the books of a currency do not add up"),
        Alert::Fraud => say("there is a fraud case"),
        Alert::Expiry => say("a certificate ends soon"),
        Alert::Lists => say("the lists of revoked codes are not made anew"),
        Alert::Disk => say("the disk is nearly full"),
        Alert::Log => say("acts are not under a checkpoint"),
        Alert::Witness => say("a witness does not cosign"),
        Alert::Letters => say("a destination takes no letters"),
        Alert::Overdue => say("a payment was not claimed in time"),
        Alert::Refunds => say("a payer asks for money back"),
        Alert::Requests => say("a load or redemption waits for a second person"),
        Alert::Pending => say("a device asks for a code"),
        Alert::Stopped => say("codes are frozen or revoked"),
        Alert::Inboxes => say("many messages wait for things"),
        Alert::Silent => say("a thing measures nothing"),
        Alert::PurseBelow => say("a purse holds less"),
        Alert::PurseAbove => say("a purse holds more"),
    }
}

/// What a letter says of its cause.
pub const fn letter_event(event: Event) -> Say {
    match event {
        Event::Begins => say("begins"),
        Event::More => say("more"),
        Event::Over => say("over"),
        Event::Trial => say("trial"),
    }
}

/// How a letter stands.
pub const fn letter_state(state: LetterState) -> Say {
    match state {
        LetterState::Waiting => say("waiting"),
        LetterState::Delivered => say("delivered"),
        LetterState::GivenUp => say("given up"),
    }
}

/// How a request for money stands.
pub const fn request(state: RequestState) -> Say {
    match state {
        RequestState::Waiting => say("waiting"),
        RequestState::Expired => say("expired"),
        RequestState::Confirmed => say("confirmed"),
        RequestState::Refused => say("refused"),
    }
}

/// Why nobody's decision was taken.
pub const fn undecided(why: Undecided) -> Say {
    match why {
        Undecided::Unknown => say("There is no such request."),
        Undecided::OwnRequest => say(
            "Who asked for money does not decide about it. Somebody else with the role owner or \
             treasurer does.",
        ),
        Undecided::Expired => {
            say("Nobody decided it in time, and no money moved. Ask for it again.")
        }
        Undecided::Decided => say("It was decided before; that stands."),
    }
}

/// Where the private keys of an authority are.
pub const fn keys(place: KeyPlace) -> Say {
    match place {
        KeyPlace::Files => say("private keys in files of this box"),
        KeyPlace::Half => {
            say("one private key here, one only in a bundle: export or import once more")
        }
        KeyPlace::Away => say("private keys exported, not in this box"),
    }
}

/// Several roles.
pub fn roles(roles: Roles) -> Say {
    let held = Role::ALL.into_iter().filter(|one| roles.has(*one));
    Say::list(held.map(role)).unwrap_or(say("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_english_is_that_of_the_lists() {
        let same = |said: Say, word: &str| assert_eq!(said.to_string(), word);
        for one in Status::ALL {
            same(status(*one), one.sentence());
        }
        for one in Kind::ALL {
            same(kind(one), one.word());
        }
        for one in ThingState::ALL {
            same(state(one), one.word());
        }
        for one in ActKind::ALL {
            same(act(*one), one.word());
        }
        for one in Role::ALL {
            same(role(one), one.word());
            same(permits(one), one.sentence());
        }
        for one in Charge::ALL {
            same(charge(one), one.sentence());
        }
        for one in Datum::ALL {
            same(datum(*one), one.word());
        }
        for one in Method::ALL {
            same(method(*one), one.word());
        }
        for one in RequestState::ALL {
            same(request(one), one.word());
        }
        for one in Event::ALL {
            same(letter_event(one), one.word());
        }
        same(roles(Roles::EVERY), &Roles::EVERY.to_string());
    }
}
