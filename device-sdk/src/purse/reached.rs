//! How much of a payment has reached its payee, as a gateway has it.

use super::Entry;
use protocol::objects::Statement;
use protocol::stream::Stream;
use protocol::{AmountMinor, Status};

/// What a statement says of the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// What reached the payee; of an open claim, what is claimed.
    pub(super) amount: AmountMinor,
    /// What the payee was due besides.
    pub(super) missing: AmountMinor,
}

impl Reached {
    /// `None` when the statement does not speak of such a payment.
    pub(super) fn of(
        entry: &Entry,
        outcome: Status,
        terms: Option<Stream>,
        statement: &Statement,
    ) -> Option<Self> {
        let ends = matches!(outcome, Status::Settled | Status::Guaranteed);
        let due = match (outcome, terms, statement.units) {
            (_, None, Some(_)) => return None,
            (_, Some(_), None) if ends => return None,
            (Status::OpenClaim | Status::WaitingForCover, None, None) => entry.amount,
            (Status::OpenClaim, ..) => entry.amount,
            (_, None, None) if ends => entry.amount,
            (_, None, None) => AmountMinor::ZERO,
            (_, Some(terms), units) => terms.cost(units.unwrap_or_default())?,
        };
        // For the payer it is spent, whoever brings up what is missing.
        let paid = statement.paid.filter(|_| !entry.is_paid());
        let amount = match (outcome, paid) {
            (Status::WaitingForCover, None) => AmountMinor::ZERO,
            (Status::WaitingForCover, Some(paid)) => paid,
            (_, Some(paid)) if ends => paid,
            _ => due,
        };
        Some(Self {
            amount,
            missing: due.checked_sub(amount)?,
        })
    }
}
