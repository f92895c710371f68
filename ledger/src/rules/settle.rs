//! What a payment that is handed in changes.

use super::coverage::Coverage;
use super::said::Said;
use protocol::objects::Receipt;
use protocol::rules::proof::Charge;
use protocol::rules::{Contradiction, Spent, contradiction};
use protocol::stream::Stream;
use protocol::{AmountMinor, Code, Digest, Odometer, Status};

/// What became of a payment, as statements and books say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its payee has it; of a stream, what it took. Where covers failed until its deadline, what
    /// there was.
    Settled,
    /// It has left the payer; of a stream, some of it may have reached the payee.
    InTransit,
    /// It contradicts a payment that was here first, and moved nothing.
    OpenClaim,
    /// Its payee declined it: what was in transit is the payer's again.
    Declined,
    /// Nobody claimed it in time: what was in transit is the payer's again.
    Returned,
    /// Its payee has taken it, and part of it waits for the payments that cover it.
    Waiting,
    /// A fork left its payee short, and what stands behind the forker paid as far as it goes.
    Guaranteed,
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
            Self::Waiting => Status::WaitingForCover,
            Self::Guaranteed => Status::Guaranteed,
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
            Status::WaitingForCover => Some(Self::Waiting),
            Status::Guaranteed => Some(Self::Guaranteed),
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
    /// Its payee spent it on: the units that counted, 0 of what is no stream.
    pub used: Option<u32>,
    /// Of a stream: units that are the payee's.
    pub posted: u32,
    /// What has left the payer for it.
    pub funded: AmountMinor,
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
    /// It came along as a cover: its payee signed a payment that counts so many units of it, 0 of
    /// what is no stream.
    pub used: Option<u32>,
    /// Units of the stream whose release was ever proven here, this time included.
    pub released: u32,
    /// This payment, if it was handed in before.
    pub recorded: Option<Recorded>,
    /// Of the payer's payments that moved money: the one with this number, and in this currency the
    /// ones before and after it. The others cannot contradict when these do not.
    pub neighbours: &'a [Spent],
    /// How far its allowance goes: the limit and every posted credit that names it.
    pub reach: Odometer,
    /// Its deadline and the grace after it have passed, and whatever was noted in time has come.
    pub over: bool,
    /// What the payer's reserve stands for.
    pub coverage: &'a Coverage,
    /// What the payer holds beside it.
    pub free: AmountMinor,
}

/// Which pocket of the payer's purse pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// Up to which reading.
    pub to: Odometer,
    /// From the reserve of the key epoch.
    pub reserved: AmountMinor,
    /// From the free purse: only when the reserve lapsed, or was set free early, before the payment
    /// came in.
    pub free: AmountMinor,
}

impl Funding {
    /// Both.
    pub fn sum(&self) -> Option<AmountMinor> {
        self.reserved.checked_add(self.free)
    }
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
    /// Of a stream: units that are the payee's in all.
    pub units: Option<u32>,
    /// What has left the payer for it in all.
    pub funded: AmountMinor,
    /// What has yet to be covered.
    pub missing: AmountMinor,
    /// What has reached the payee in all.
    pub paid: AmountMinor,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is new: answer as before.
    Repeat,
    /// Keep the receipt beside what stands; it moves no money.
    Attach,
    /// The payee contradicts itself: keep the proof against it; what stands, stands.
    Accuse(Charge),
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

/// Decides about one hand-in. Signatures, codes, values of streams, covers and the allowance are
/// checked before.
pub fn decide(case: &Case<'_>) -> Result<Decision, Status> {
    let said = match case.receipt {
        Some(receipt) if receipt.payment != case.spent.id || receipt.payee != case.payee => {
            return Err(Status::WrongReceipt);
        }
        Some(receipt) => Some(Said::read(receipt, case.stream.as_ref())?),
        // Whoever spends a payment on has taken it; a stream stays open for more.
        None if case.used.is_some() && case.stream.is_none() => Some(Said::Takes),
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
    let spent = case.spent;
    let to = spent.to.min(case.reach).max(spent.from);
    let fundable = to.since(spent.from).ok_or(Status::OutOfInterval)?;
    let reserved = case.coverage.share(spent.from, to);
    let free = fundable
        .checked_sub(reserved)
        .ok_or(Status::OutOfInterval)?;
    let declined = matches!(said, Some(Said::Declines));
    // Nobody can claim any more what only its payer speaks of, nor what nothing stands behind.
    let silent = said.is_none() && case.released == 0;
    let goes_back = case.over && !declined && (silent || free > case.free);
    let free = match declined || goes_back {
        // What never left the free purse need not come back, nor be there.
        true => AmountMinor::ZERO,
        // Less is there only where a reserve was set free early, at its issuer's risk: the rest
        // stays missing until its deadline.
        false => free.min(case.free),
    };
    let funding = Funding { to, reserved, free };
    let funded = funding.sum().ok_or(Status::OutOfInterval)?;
    let before = Flow::new(case)?;
    let step = match goes_back {
        true => before.back(case, funded)?,
        false => before.step(case, said, 0, funded)?,
    };
    Ok(Decision::Record(funding, step))
}

fn again(case: &Case<'_>, recorded: &Recorded, said: Option<Said>) -> Result<Decision, Status> {
    if let Some(charge) = belied(case, recorded, said) {
        return Ok(Decision::Accuse(charge));
    }
    Ok(match (recorded.fate, recorded.said, said) {
        (Fate::InTransit, _, None) if case.released <= recorded.posted => Decision::Repeat,
        (Fate::InTransit, ..) => {
            let before = Flow::recorded(case, recorded)?;
            Decision::Advance(before.step(case, said, recorded.posted, recorded.funded)?)
        }
        (_, Some(stands), Some(said)) if stands != said => Decision::Accuse(Charge::Receipts),
        // It moves nothing any more, and whoever asks again hears what it came to.
        (Fate::OpenClaim | Fate::Returned, None, Some(_)) if case.receipt.is_some() => {
            Decision::Attach
        }
        // Closed by the payer's values to the last unit; the payee's word confirms it.
        (Fate::Settled | Fate::Waiting, None, Some(Said::Closes(_))) => Decision::Attach,
        _ => Decision::Repeat,
    })
}

/// Whether the payee says less of a payment than it spent on.
fn belied(case: &Case<'_>, recorded: &Recorded, said: Option<Said>) -> Option<Charge> {
    let (stands, used) = match (case.used, recorded.used) {
        (Some(units), _) => (recorded.said, units),
        (None, Some(units)) => (said, units),
        (None, None) => return None,
    };
    match stands {
        Some(Said::Declines) => Some(Charge::DeclinedCover),
        Some(Said::Closes(units)) if units < used => Some(Charge::FewerUnits),
        _ => None,
    }
}

/// What a payment has taken from its payer and given to its payee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// All of it.
    pub amount: AmountMinor,
    /// What is the payee's by its word, or by the units released.
    pub owed: AmountMinor,
    /// What has left the payer.
    pub funded: AmountMinor,
    /// Nothing more can become the payee's.
    pub closed: bool,
}

impl Flow {
    fn new(case: &Case<'_>) -> Result<Self, Status> {
        let spent = case.spent;
        let amount = spent.to.since(spent.from).ok_or(Status::OutOfInterval)?;
        Ok(Self {
            amount,
            ..Self::default()
        })
    }

    fn recorded(case: &Case<'_>, recorded: &Recorded) -> Result<Self, Status> {
        Ok(Self {
            owed: cost(case.stream.as_ref(), recorded.posted)?,
            funded: recorded.funded,
            ..Self::new(case)?
        })
    }

    /// What has reached the payee.
    pub fn paid(&self) -> AmountMinor {
        self.owed.min(self.funded)
    }

    /// What is in transit.
    pub fn waits(&self) -> AmountMinor {
        match self.closed {
            true => AmountMinor::ZERO,
            false => self.funded.checked_sub(self.owed).unwrap_or_default(),
        }
    }

    /// What has yet to be covered.
    pub fn missing(&self) -> AmountMinor {
        let wanted = if self.closed { self.owed } else { self.amount };
        wanted.checked_sub(self.funded).unwrap_or_default()
    }

    /// What moves on the way from here to `after`.
    pub fn shares(&self, after: &Self) -> Result<Shares, Status> {
        let short = Status::OutOfInterval;
        let payee = after.paid().checked_sub(self.paid()).ok_or(short)?;
        let waits = after.waits();
        let new = after.funded.checked_sub(self.funded).ok_or(short)?;
        let there = self.waits().checked_add(new).ok_or(short)?;
        let back = there
            .checked_sub(payee)
            .and_then(|rest| rest.checked_sub(waits));
        Ok(Shares {
            payee,
            back: back.ok_or(short)?,
            waits,
        })
    }

    /// Where a payment stands that comes when all is over: its reading is taken, and nothing more.
    fn back(&self, case: &Case<'_>, funded: AmountMinor) -> Result<Step, Status> {
        let after = Self {
            funded,
            closed: true,
            ..*self
        };
        Ok(Step {
            fate: Fate::Returned,
            shares: self.shares(&after)?,
            units: case.stream.map(|_| 0),
            funded,
            missing: AmountMinor::ZERO,
            paid: AmountMinor::ZERO,
        })
    }

    /// Where the payment stands once its payee has said something, or values were shown.
    fn step(
        &self,
        case: &Case<'_>,
        said: Option<Said>,
        posted: u32,
        funded: AmountMinor,
    ) -> Result<Step, Status> {
        let (units, closed) = match (case.stream, said) {
            (None, said) => (None, said.is_some()),
            (Some(_), Some(Said::Takes)) => return Err(Status::WrongReceipt),
            (Some(_), Some(Said::Declines)) => (Some(posted), true),
            (Some(_), Some(Said::Closes(units))) => (Some(units.max(posted)), true),
            (Some(stream), None) if case.released >= stream.count => (Some(stream.count), true),
            (Some(_), None) => (Some(case.released.max(posted)), false),
        };
        let owed = match (units, said) {
            (Some(units), _) => cost(case.stream.as_ref(), units)?,
            (None, Some(Said::Takes)) => self.amount,
            (None, _) => AmountMinor::ZERO,
        };
        let after = Self {
            owed,
            funded,
            closed,
            ..*self
        };
        let fate = match (closed, said) {
            (false, _) => Fate::InTransit,
            (true, Some(Said::Declines)) => Fate::Declined,
            (true, _) if after.missing() > AmountMinor::ZERO => Fate::Waiting,
            (true, _) => Fate::Settled,
        };
        Ok(Step {
            fate,
            shares: self.shares(&after)?,
            units,
            funded,
            missing: match fate {
                Fate::Declined => AmountMinor::ZERO,
                _ => after.missing(),
            },
            paid: after.paid(),
        })
    }
}

/// What so many units cost; nothing where there is no stream.
pub fn cost(stream: Option<&Stream>, units: u32) -> Result<AmountMinor, Status> {
    match stream {
        None => Ok(AmountMinor::ZERO),
        Some(stream) => stream.cost(units).ok_or(Status::WrongUnit),
    }
}
