//! Whether a payment stands under its allowance, and whether a payee may take it offline.

use super::contradiction::{Spent, contradiction};
use crate::code::Code;
use crate::cose::Verified;
use crate::objects::{Allowance, Payment};
use crate::status::Status;
use crate::units::{
    AmountMinor, AssuranceClass, Currency, KeyEpoch, Odometer, Reference, Timestamp,
};

/// Whether the payment keeps to its allowance with no covers, whoever looks at it and whenever.
/// Both signatures are already checked: the allowance's with its gateway's key, the payment's with
/// the wallet key in the allowance.
pub fn fits(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
) -> Result<(), Status> {
    if payment.get().covers.is_some() {
        return Err(Status::WrongCover);
    }
    fits_with(allowance, payment, AmountMinor::ZERO)
}

/// The same for a payment whose covers count `covers` together; see [`super::covered`].
pub fn fits_with(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
    covers: AmountMinor,
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
    // Beyond the range of readings there is nothing to be above of.
    if a.limit
        .advance(covers)
        .is_some_and(|limit| p.odometer > limit)
    {
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

/// How far the allowances of one gateway count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    /// It may issue money itself.
    Own,
    /// `issued_total` may run up to this reading, in allowances issued until then.
    Warranted(Odometer, Timestamp),
    /// No warrant is known.
    Unknown,
}

/// What a payee holds beside the evidence.
pub trait Holdings: core::fmt::Debug {
    /// The float of a gateway, in one epoch of it and one currency.
    fn float(&self, gateway: &Code, epoch: KeyEpoch, currency: &Currency) -> Float;
    /// Whether the payee knows this area and stands in it.
    fn stands_in(&self, area: &Reference) -> bool;
    /// Whether a filter lists this code.
    fn is_revoked(&self, code: &Code) -> bool;
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
    /// Whether `now` rests on a signed time that is recent enough. Without one, nothing above the
    /// least class's limit is taken.
    pub has_time: bool,
    /// Warrants, areas and filters.
    pub holdings: &'a dyn Holdings,
}

/// Whether an allowance counts for this payee now, whatever is paid under it: its own payer's, or
/// one under which a cover was made.
pub fn counts(allowance: &Verified<'_, Allowance>, view: &PayeeView<'_>) -> Result<(), Status> {
    let a = allowance.get();
    if a.expires <= view.now {
        return Err(Status::Expired);
    }
    if view.holdings.is_revoked(&a.code) {
        return Err(Status::Revoked);
    }
    let floats = match view
        .holdings
        .float(&a.gateway, a.gateway_epoch, &a.currency)
    {
        Float::Own => true,
        Float::Warranted(limit, until) => a.issued_total <= limit && a.issued <= until,
        Float::Unknown => false,
    };
    if !floats {
        return Err(Status::AboveFloat);
    }
    if a.area.is_some_and(|area| !view.holdings.stands_in(&area)) {
        return Err(Status::OutsideArea);
    }
    Ok(())
}

/// Whether the payee may take the payment now, with nobody to ask and no covers.
pub fn acceptable(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
    view: &PayeeView<'_>,
) -> Result<(), Status> {
    if payment.get().covers.is_some() {
        return Err(Status::WrongCover);
    }
    acceptable_with(allowance, payment, AmountMinor::ZERO, view)
}

/// The same for a payment whose covers count `covers` together; the covers themselves are judged by
/// [`super::covered`], with [`counts`] for each of their allowances.
pub fn acceptable_with(
    allowance: &Verified<'_, Allowance>,
    payment: &Verified<'_, Payment>,
    covers: AmountMinor,
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
    fits_with(allowance, payment, covers)?;
    counts(allowance, view)?;
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
    if !view.has_time && p.amount > software {
        return Err(Status::NoTime);
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
