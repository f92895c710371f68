//! Money above a limit takes two persons: one asks, another decides.

use super::treasury::Treasury;
use super::{declared, holder, key, printable};
use crate::bounds::{REQUEST_LIFE_S, REQUESTS_MOST};
use crate::crash::{CrashPoint, here};
use crate::federation::hooks;
use crate::store::requests::{
    self, AloneLimit, MoneyRequest, MoneyWish, RequestDecision, RequestState, Verdict,
};
use crate::store::treasury;
use crate::writer::{Command, Desk, Failure};
use protocol::{AmountMinor, Currency, Status, Timestamp};

pub(crate) struct Ask {
    pub wish: MoneyWish,
    pub now: Timestamp,
}

impl Command for Ask {
    type Answer = MoneyRequest;

    async fn execute(&self, desk: &mut Desk) -> Result<MoneyRequest, Failure> {
        let (order, wish) = (&self.wish.order, &self.wish);
        key(&order.key)?;
        printable(&order.by)?;
        printable(&wish.person)?;
        if let Some(known) = requests::by_key(&mut desk.connection, &order.key).await? {
            // The key belongs to one order for ever.
            let same = known.wish == *wish;
            return same.then_some(known).ok_or(Status::NotPermitted.into());
        }
        if order.amount == AmountMinor::ZERO {
            return Err(Status::Malformed.into());
        }
        hooks::may_issue(desk)?;
        let connection = &mut desk.connection;
        holder(connection, &order.code).await?;
        declared(connection, &order.currency, Status::NotPermitted).await?;
        if treasury::by_key(connection, &order.key).await?.is_some() {
            return Err(Status::NotPermitted.into());
        }
        if requests::waiting(connection, self.now).await? >= REQUESTS_MOST {
            return Err(Status::Full.into());
        }
        let expires = self.now.plus_s(REQUEST_LIFE_S);
        let number = requests::insert(connection, wish, self.now, expires).await?;
        // A crash before the commit: nothing is kept, and the same key asks again. After it: the
        // request waits, and the same key is answered with it.
        here(CrashPoint::RequestKept);
        Ok(MoneyRequest {
            number,
            wish: wish.clone(),
            at: self.now,
            expires,
            decision: None,
        })
    }
}

/// Why a request was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// There is none with this number.
    Unknown,
    /// Who asked does not decide.
    OwnRequest,
    /// Nobody decided in time.
    Expired,
    /// It was decided before.
    Decided,
}

impl Undecided {
    /// What happened and what to do.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unknown => "There is no such request.",
            Self::OwnRequest => {
                "Who asked for money does not decide about it. Somebody else with the role owner or \
                 treasurer does."
            }
            Self::Expired => "Nobody decided it in time, and no money moved. Ask for it again.",
            Self::Decided => "It was decided before; that stands.",
        }
    }
}

pub(crate) struct DecideRequest {
    pub number: u64,
    pub decision: RequestDecision,
}

impl Command for DecideRequest {
    type Answer = Result<MoneyRequest, Undecided>;

    async fn execute(&self, desk: &mut Desk) -> Result<Self::Answer, Failure> {
        let decision = &self.decision;
        printable(&decision.by)?;
        printable(&decision.person)?;
        let known = requests::by_number(&mut desk.connection, self.number).await?;
        let Some(mut request) = known else {
            return Ok(Err(Undecided::Unknown));
        };
        if request.wish.person == decision.person {
            return Ok(Err(Undecided::OwnRequest));
        }
        if let Some(before) = &request.decision {
            let same = before.verdict == decision.verdict && before.person == decision.person;
            return Ok(same.then_some(request).ok_or(Undecided::Decided));
        }
        if request.state(decision.at) == RequestState::Expired {
            return Ok(Err(Undecided::Expired));
        }
        requests::decide(&mut desk.connection, self.number, decision).await?;
        // A crash here, and up to the commit: neither decision nor posting; the request waits, and
        // the same decision is made once, later. They are never there one without the other.
        here(CrashPoint::RequestDecided);
        if decision.verdict == Verdict::Confirmed {
            let carried = Treasury {
                order: request.wish.order.clone(),
                fund: None,
                way: request.wish.way,
                second: Some(decision.by.clone()),
                now: decision.at,
            };
            carried.execute(desk).await?;
        }
        request.decision = Some(decision.clone());
        Ok(Ok(request))
    }
}

/// Refuses an order above what one person moves alone, and one whose key waits for a second person.
pub(crate) async fn may_alone(desk: &mut Desk, order: &treasury::LoadOrder) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    if requests::by_key(connection, &order.key).await?.is_some() {
        return Err(Status::NotPermitted.into());
    }
    let limits = requests::limits(connection, Some(&order.currency)).await?;
    match limits.first() {
        Some(limit) if order.amount > limit.most => Err(Status::AboveLimit.into()),
        _ => Ok(()),
    }
}

pub(crate) struct LimitAlone {
    pub currency: Currency,
    pub most: Option<AmountMinor>,
    pub by: String,
    pub now: Timestamp,
}

impl Command for LimitAlone {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.by)?;
        let connection = &mut desk.connection;
        declared(connection, &self.currency, Status::NotPermitted).await?;
        let known = requests::limits(connection, Some(&self.currency)).await?;
        if known.first().map(|limit| limit.most) == self.most {
            return Ok(());
        }
        match self.most {
            Some(most) => {
                let limit = AloneLimit {
                    currency: self.currency,
                    most,
                    by: self.by.clone(),
                    at: self.now,
                };
                requests::set_limit(connection, &limit).await?;
            }
            None => requests::unset_limit(connection, &self.currency).await?,
        }
        // A crash here: the limit is as it was; set again, it is set.
        here(CrashPoint::LimitSet);
        Ok(())
    }
}
