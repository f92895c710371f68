//! What a payment that is handed in changes.

use super::coverage::Coverage;
use super::said::Said;
use protocol::objects::Receipt;
use protocol::rules::{Contradiction, Spent, contradiction};
use protocol::stream::Stream;
use protocol::{AmountMinor, Code, Digest, Status};

/// What became of a payment, as statements and books say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its payee has it; of a stream, what it took.
    Settled,
    /// It has left the payer; of a stream, some of it may have reached the payee.
    InTransit,
    /// It contradicts a payment that was here first, and moved nothing.
    OpenClaim,
    /// Its payee declined it: what was in transit is the payer's again.
    Declined,
    /// Nobody claimed it in time: what was in transit is the payer's again.
    Returned,
}

impl Fate {
    /// Its number and word.
    pub const fn status(self) -> Status {
        match self {
            Self::Settled => Status::Settled,
            Self::InTransit => Status::InTransit,
            Self::OpenClaim => Status::OpenClaim,
            Self::Declined => Status::Declined,
            Self::Returned => Status::Returned,
        }
    }

    /// Reads [`Fate::status`].
    pub const fn from_status(status: Status) -> Option<Self> {
        match status {
            Status::Settled => Some(Self::Settled),
            Status::InTransit => Some(Self::InTransit),
            Status::OpenClaim => Some(Self::OpenClaim),
            Status::Declined => Some(Self::Declined),
            Status::Returned => Some(Self::Returned),
            _ => None,
        }
    }
}

/// What the books hold about this very payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What became of it.
    pub fate: Fate,
    /// What its payee's receipt says, if it is there.
    pub said: Option<Said>,
    /// Of a stream: units that reached the payee.
    pub posted: u32,
}

/// Everything that decides about one hand-in.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What the payment takes.
    pub spent: &'a Spent,
    /// Who is paid.
    pub payee: Code,
    /// The terms, if it is paid by the unit.
    pub stream: Option<Stream>,
    /// The payee's receipt, if it came along.
    pub receipt: Option<&'a Receipt>,
    /// Units of the stream whose release was ever proven here, this time included.
    pub released: u32,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// From the reserve of the key epoch.
    pub reserved: AmountMinor,
    /// From the free purse: only when the reserve lapsed before the payment came in.
    pub free: AmountMinor,
}

/// Where the money goes: from the payer's pockets when the payment is new, else out of transit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// To the payee.
    pub payee: AmountMinor,
    /// To the payer's free purse.
    pub back: AmountMinor,
    /// Stays in transit.
    pub waits: AmountMinor,
}

/// How a payment stands after a hand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What has become of it.
    pub fate: Fate,
    /// What moves.
    pub shares: Shares,
    /// Of a stream: units that have reached the payee in all.
    pub units: Option<u32>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is new: answer as before.
    Repeat,
    /// Keep the receipt beside what stands; it moves no money.
    Attach,
    /// Keep the receipt as proof against its signer, and refuse it as a contradiction.
    KeepContrary,
    /// Record it as an open claim, keep the proof, freeze the payer.
    Claim {
        /// The payment that was here first.
        stands: Digest,
        /// How they contradict each other.
        how: Contradiction,
    },
    /// Record it and move its money.
    Record(Funding, Step),
    /// It is in transit: move what is news.
    Advance(Step),
}

/// Decides about one hand-in. Signatures, codes, values of streams and the allowance are checked
/// before.
pub fn decide(case: &Case<'_>) -> Result<Decision, Status> {
    let said = match case.receipt {
        Some(receipt) if receipt.payment != case.spent.id || receipt.payee != case.payee => {
            return Err(Status::WrongReceipt);
        }
        Some(receipt) => Some(Said::read(receipt, case.stream.as_ref())?),
        None => None,
    };
    if let Some(Said::Closes(units)) = said
        && units > case.released
    {
        return Err(Status::WrongUnit);
    }
    if let Some(recorded) = case.recorded {
        return again(case, &recorded, said);
    }
    for stands in case.neighbours {
        if let Some(how) = contradiction(stands, case.spent) {
            return Ok(Decision::Claim {
                stands: stands.id,
                how,
            });
        }
    }
    first(case, said)
}

fn first(case: &Case<'_>, said: Option<Said>) -> Result<Decision, Status> {
    let amount = amount(case)?;
    let reserved = case.coverage.share(case.spent);
    let free = amount.checked_sub(reserved).ok_or(Status::OutOfInterval)?;
    if said == Some(Said::Declines) {
        // What never left the free purse need not come back, nor be there.
        let funding = Funding {
            reserved,
            ..Funding::default()
        };
        let shares = Shares {
            back: reserved,
            ..Shares::default()
        };
        let step = Step {
            fate: Fate::Declined,
            shares,
            units: case.stream.map(|_| 0),
        };
        return Ok(Decision::Record(funding, step));
    }
    if free > case.free {
        return Err(Status::NotFunded);
    }
    let step = step(case, 0, said)?;
    Ok(Decision::Record(Funding { reserved, free }, step))
}

fn again(case: &Case<'_>, recorded: &Recorded, said: Option<Said>) -> Result<Decision, Status> {
    let more = match said {
        Some(Said::Takes) => true,
        Some(Said::Declines) => false,
        Some(Said::Closes(units)) => units > recorded.posted,
        None => case.released > recorded.posted,
    };
    Ok(match (recorded.fate, recorded.said, said) {
        (Fate::InTransit, _, None) if !more => Decision::Repeat,
        (Fate::InTransit, ..) => Decision::Advance(step(case, recorded.posted, said)?),
        (Fate::Returned, ..) if more => return Err(Status::TooLate),
        (_, Some(stands), Some(said)) if stands != said => Decision::KeepContrary,
        (Fate::OpenClaim, None, Some(_)) => Decision::Attach,
        // Closed by the payer's values to the last unit; the payee's word confirms it.
        (Fate::Settled, None, Some(Said::Closes(_))) => Decision::Attach,
        _ => Decision::Repeat,
    })
}

/// Where a payment stands of which `posted` units have reached the payee and the rest has not.
fn step(case: &Case<'_>, posted: u32, said: Option<Said>) -> Result<Step, Status> {
    let amount = amount(case)?;
    let Some(stream) = case.stream else {
        let (fate, shares) = match said {
            Some(Said::Declines) => (
                Fate::Declined,
                Shares {
                    back: amount,
                    ..Shares::default()
                },
            ),
            Some(_) => (
                Fate::Settled,
                Shares {
                    payee: amount,
                    ..Shares::default()
                },
            ),
            None => (
                Fate::InTransit,
                Shares {
                    waits: amount,
                    ..Shares::default()
                },
            ),
        };
        return Ok(Step {
            fate,
            shares,
            units: None,
        });
    };
    let (fate, units) = match said {
        Some(Said::Declines) => (Fate::Declined, posted),
        Some(Said::Closes(units)) => (Fate::Settled, units.max(posted)),
        Some(Said::Takes) => return Err(Status::WrongReceipt),
        None if case.released >= stream.count => (Fate::Settled, stream.count),
        None => (Fate::InTransit, case.released.max(posted)),
    };
    let cost = |units| stream.cost(units).ok_or(Status::WrongUnit);
    let short = Status::OutOfInterval;
    let payee = cost(units)?.checked_sub(cost(posted)?).ok_or(short)?;
    let rest = amount.checked_sub(cost(units)?).ok_or(short)?;
    let (back, waits) = match fate {
        Fate::InTransit => (AmountMinor::ZERO, rest),
        _ => (rest, AmountMinor::ZERO),
    };
    Ok(Step {
        fate,
        shares: Shares { payee, back, waits },
        units: Some(units),
    })
}

fn amount(case: &Case<'_>) -> Result<AmountMinor, Status> {
    let spent = case.spent;
    spent.to.since(spent.from).ok_or(Status::OutOfInterval)
}
