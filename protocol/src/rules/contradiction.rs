//! When two payments of one key prove that it forked.

use crate::code::Code;
use crate::objects::Payment;
use crate::units::{Currency, Digest, KeyEpoch, Odometer, Sequence};

/// What a payment takes from a purse, as far as contradictions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Identifier of the payment.
    pub id: Digest,
    /// Who paid.
    pub payer: Code,
    /// Which life of the payer's key.
    pub key_epoch: KeyEpoch,
    /// In which currency.
    pub currency: Currency,
    /// Number of the payment.
    pub sequence: Sequence,
    /// Odometer before it.
    pub from: Odometer,
    /// Odometer after it.
    pub to: Odometer,
}

impl Spent {
    /// `None` when the amount is larger than the odometer, which no honest key signs.
    pub fn new(id: Digest, payment: &Payment) -> Option<Self> {
        Some(Self {
            id,
            payer: payment.payer,
            key_epoch: payment.key_epoch,
            currency: payment.currency,
            sequence: payment.sequence,
            from: payment.odometer.before(payment.amount)?,
            to: payment.odometer,
        })
    }
}

/// How two payments contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two contents under one sequence number.
    SameSequence,
    /// In one currency, the later one begins below the end of the earlier one.
    Overlap,
}

/// `None` when both can be true: they are the same payment, of different purses or key epochs, or
/// follow each other.
pub fn contradiction(a: &Spent, b: &Spent) -> Option<Contradiction> {
    if a.id == b.id || a.payer != b.payer || a.key_epoch != b.key_epoch {
        return None;
    }
    if a.sequence == b.sequence {
        return Some(Contradiction::SameSequence);
    }
    let (earlier, later) = if a.sequence < b.sequence {
        (a, b)
    } else {
        (b, a)
    };
    (a.currency == b.currency && later.from < earlier.to).then_some(Contradiction::Overlap)
}
