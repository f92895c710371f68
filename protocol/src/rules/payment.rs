//! Whether a payment stands under its allowance, and whether a payee may take it offline.

use super::contradiction::{Spent, contradiction};
use crate::code::Code;
use crate::cose::Verified;
use crate::objects::{Allowance, Payment};
use crate::status::Status;
use crate::units::{AmountMinor, AssuranceClass, Reference, Timestamp};

/// Whether the payment keeps to its allowance, whoever looks at it and whenever. Both signatures
/// are already checked: the allowance's with its gateway's key, the payment's with the wallet key
/// in the allowance.
pub fn fits(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
) -> Result<(), Status> {
    let (a, p) = (allowance.get(), payment.get());
    let same = p.allowance == allowance.reference()
        && p.payer == a.code
        && p.key_epoch == a.key_epoch
        && p.currency == a.currency;
    if !same {
        return Err(Status::WrongAllowance);
    }
    if p.amount == AmountMinor::ZERO || p.payee == p.payer {
        return Err(Status::Malformed);
    }
    if p.stream
        .is_some_and(|stream| stream.cost(stream.count) != Some(p.amount))
    {
        return Err(Status::Malformed);
    }
    if p.amount > a.most_per_payment {
        return Err(Status::AboveMost);
    }
    let last = a.base_sequence.0.saturating_add(a.most_payments);
    if p.sequence <= a.base_sequence || p.sequence.0 > last {
        return Err(Status::OutOfSequence);
    }
    match p.odometer.before(p.amount) {
        Some(start) if start >= a.base_odometer => {}
        _ => return Err(Status::OutOfInterval),
    }
    if p.odometer > a.limit {
        return Err(Status::AboveLimit);
    }
    if p.settle_by > a.expires {
        return Err(Status::TooLate);
    }
    Ok(())
}

/// What the payee asks for, where it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Exactly this much.
    pub amount: AmountMinor,
    /// Under this reference.
    pub reference: Reference,
}

/// What a payee knows when it judges a payment with no network.
#[derive(Clone, Copy, Debug)]
pub struct PayeeView<'a> {
    /// Its own code.
    pub me: Code,
    /// Its best knowledge of the time.
    pub now: Timestamp,
    /// How long it needs, at worst, until it can hand the payment in.
    pub sync_margin_s: u32,
    /// The newest payment it took from this payer and key epoch.
    pub newest: Option<&'a Spent>,
    /// What it asks for.
    pub expected: Option<Expected>,
    /// The most it takes offline, per assurance class 0, 1, 2 of the payer.
    pub most_by_class: [AmountMinor; 3],
}

/// Whether the payee may take the payment now, with nobody to ask.
pub fn acceptable(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
    view: &PayeeView<'_>,
) -> Result<(), Status> {
    let (a, p) = (allowance.get(), payment.get());
    if p.payee != view.me {
        return Err(Status::NotForYou);
    }
    if let Some(expected) = view.expected {
        if p.reference != expected.reference {
            return Err(Status::WrongReference);
        }
        if p.amount != expected.amount {
            return Err(Status::WrongAmount);
        }
    }
    fits(allowance, payment)?;
    if a.expires <= view.now {
        return Err(Status::Expired);
    }
    if p.settle_by < view.now.plus_s(view.sync_margin_s) {
        return Err(Status::TooLate);
    }
    let [software, isolated, element] = view.most_by_class;
    let most = match a.class {
        AssuranceClass::Software => software,
        AssuranceClass::Isolated => isolated,
        AssuranceClass::SecureElement => element,
    };
    if p.amount > most {
        return Err(Status::AboveClass);
    }
    let spent = Spent::new(payment.id(), p).ok_or(Status::OutOfInterval)?;
    if let Some(newest) = view.newest {
        if contradiction(newest, &spent).is_some() {
            return Err(Status::Contradiction);
        }
        if p.sequence < newest.sequence {
            return Err(Status::AskGateway);
        }
    }
    Ok(())
}
