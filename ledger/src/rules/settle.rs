//! What a payment that is handed in changes.

use super::coverage::Coverage;
use protocol::objects::Receipt;
use protocol::rules::{Contradiction, Spent, contradiction};
use protocol::{AmountMinor, Code, Digest, Status};

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its payee has it.
    Settled,
    /// It has left the payer.
    InTransit,
    /// It contradicts a payment that was here first, and moved nothing.
    OpenClaim,
}

impl Outcome {
    /// As statements and books say it.
    pub const fn status(self) -> Status {
        match self {
            Self::Settled => Status::Settled,
            Self::InTransit => Status::InTransit,
            Self::OpenClaim => Status::OpenClaim,
        }
    }

    /// Reads [`Outcome::status`].
    pub const fn from_status(status: Status) -> Option<Self> {
        match status {
            Status::Settled => Some(Self::Settled),
            Status::InTransit => Some(Self::InTransit),
            Status::OpenClaim => Some(Self::OpenClaim),
            _ => None,
        }
    }
}

/// What the books hold about this very payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What became of it.
    pub outcome: Outcome,
    /// Whether its payee's receipt is there.
    pub receipted: bool,
}

/// Everything that decides about one hand-in.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the payment takes.
    pub spent: &'a Spent,
    /// Who is paid.
    pub payee: Code,
    /// The payee's receipt, if it came along.
    pub receipt: Option<&'a Receipt>,
    /// This payment, if it was handed in before.
    pub recorded: Option<Recorded>,
    /// Of the payer's payments that moved money: the one with this number, and in this currency the
    /// ones before and after it. The others cannot contradict when these do not.
    pub neighbours: &'a [Spent],
    /// What the payer's reserve stands for.
    pub coverage: Coverage,
    /// What the payer holds beside it.
    pub free: AmountMinor,
}

/// Which pocket of the payer's purse pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// From the reserve of the key epoch.
    pub reserved: AmountMinor,
    /// From the free purse: only when the reserve lapsed before the payment came in.
    pub free: AmountMinor,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is new: answer as before.
    Repeat,
    /// Keep the receipt beside the open claim; it moves no money.
    Attach,
    /// In transit until now: it goes to the payee.
    Collect,
    /// Record it as an open claim, keep the proof, freeze the payer.
    Claim {
        /// The payment that was here first.
        stands: Digest,
        /// How they contradict each other.
        how: Contradiction,
    },
    /// It leaves the payer and waits for the payee.
    Transit(Funding),
    /// It goes to the payee at once.
    Settle(Funding),
}

/// Decides about one hand-in. Signatures, codes and the allowance are checked before.
pub fn decide(case: &Case<'_>) -> Result<Decision, Status> {
    if let Some(receipt) = case.receipt
        && (receipt.payment != case.spent.id || receipt.payee != case.payee)
    {
        return Err(Status::WrongReceipt);
    }
    if let Some(recorded) = case.recorded {
        return Ok(again(recorded, case.receipt.is_some()));
    }
    for stands in case.neighbours {
        if let Some(how) = contradiction(stands, case.spent) {
            return Ok(Decision::Claim {
                stands: stands.id,
                how,
            });
        }
    }
    let amount = case.spent.to.since(case.spent.from).unwrap_or_default();
    let reserved = case.coverage.share(case.spent);
    let free = amount.checked_sub(reserved).ok_or(Status::OutOfInterval)?;
    if free > case.free {
        return Err(Status::NotFunded);
    }
    let funding = Funding { reserved, free };
    Ok(match case.receipt {
        Some(_) => Decision::Settle(funding),
        None => Decision::Transit(funding),
    })
}

const fn again(recorded: Recorded, receipt: bool) -> Decision {
    match (recorded.outcome, receipt) {
        (Outcome::InTransit, true) => Decision::Collect,
        (Outcome::OpenClaim, true) if !recorded.receipted => Decision::Attach,
        _ => Decision::Repeat,
    }
}
