//! What a payee's receipt says about a payment, and what a stream's value releases.

use crate::cose::Verified;
use crate::objects::{Payment, Receipt};
use crate::status::{Fault, Status};
use crate::stream::Chain;
use crate::units::{AmountMinor, Digest};

/// The payee's last word on a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took all of it.
    Taken,
    /// It took so many units of a stream, and no more will follow.
    Closed {
        /// Units taken.
        units: u32,
    },
    /// It takes nothing, for this reason.
    Declined(Status),
}

/// What the receipt says about the payment. The signatures of both are already checked: the
/// receipt's with the payee's key.
pub fn answer(payment: &Verified<'_, Payment>, receipt: &Receipt) -> Result<Answer, Status> {
    let p = payment.get();
    if receipt.payment != payment.id() || receipt.payee != p.payee {
        return Err(Status::WrongReceipt);
    }
    match (receipt.declined, receipt.units, p.stream) {
        (None, None, None) => Ok(Answer::Taken),
        (None, Some(units), Some(stream)) if units <= stream.count => Ok(Answer::Closed { units }),
        (None, Some(_), Some(_)) => Err(Status::WrongUnit),
        (Some(number), None, _) => refusal(number)
            .map(Answer::Declined)
            .ok_or(Status::WrongReceipt),
        _ => Err(Status::WrongReceipt),
    }
}

/// Only a refusal is a reason to decline.
fn refusal(number: u32) -> Option<Status> {
    let status = Status::from_number(u8::try_from(number).ok()?)?;
    (status.fault() != Fault::None).then_some(status)
}

/// What all units up to `units` of a stream cost, shown by `value`, where `known` is the newest
/// index and value that were checked before: `(0, anchor)` at first.
///
/// Costs a hash for each unit since the known one, so never more than the payment's count: a
/// receiver that cannot afford that many refuses the longer steps before it asks.
pub fn released(
    payment: &Payment,
    known: (u32, &Digest),
    units: u32,
    value: &Digest,
) -> Result<AmountMinor, Status> {
    let stream = payment.stream.ok_or(Status::WrongUnit)?;
    let cost = stream.cost(units).ok_or(Status::WrongUnit)?;
    if Chain::of(payment).releases(known, units, value) {
        Ok(cost)
    } else {
        Err(Status::WrongUnit)
    }
}
