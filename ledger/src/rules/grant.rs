//! How much a purse may spend while nobody can be asked.

use super::coverage::Coverage;
use super::links::Links;
use crate::bearings::Policy;
use protocol::objects::Renewal;
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, AssuranceClass, KeyEpoch, Odometer, Status, Timestamp};

/// What the books know about the purse that asks.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether its code may get new allowances.
    pub active: bool,
    /// Which life of its key is current.
    pub key_epoch: KeyEpoch,
    /// How well that key is kept.
    pub class: AssuranceClass,
    /// The chain of its payments as far as it is known here.
    pub links: Links,
    /// The odometer after its newest payment in this currency.
    pub odometer: Odometer,
    /// What its reserve stands for.
    pub coverage: Coverage,
    /// What it holds beside the reserve.
    pub free: AmountMinor,
}

/// What it may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The odometer may run up to here.
    pub limit: Odometer,
    /// From here.
    pub base: Odometer,
    /// How much that is.
    pub room: AmountMinor,
    /// Good until.
    pub expires: Timestamp,
    /// What moves from the free purse to the reserve.
    pub to_reserve: AmountMinor,
    /// What the reserve stands for from now on.
    pub coverage: Coverage,
}

/// Refuses what needs no look at the purse's payments.
pub fn may_ask(renewal: &Renewal, active: bool, key_epoch: KeyEpoch) -> Result<(), Status> {
    if renewal.wanted == AmountMinor::ZERO {
        return Err(Status::Malformed);
    }
    if !active {
        return Err(Status::Frozen);
    }
    if renewal.key_epoch != key_epoch {
        return Err(Status::WrongAllowance);
    }
    Ok(())
}

/// Decides about one renewal that was not answered before.
pub fn decide(
    renewal: &Renewal,
    standing: &Standing,
    policy: &Policy,
    now: Timestamp,
) -> Result<Grant, Status> {
    may_ask(renewal, standing.active, standing.key_epoch)?;
    standing.links.end_at(renewal.sequence, renewal.head)?;
    if renewal.odometer != standing.odometer {
        return Err(Status::OutOfInterval);
    }
    let base = standing.odometer;
    // What is reserved ahead may be given out again at once: a limit is a reading, not an amount.
    let held = standing.coverage.above(base);
    let funds = held.checked_add(standing.free).ok_or(Status::AboveLimit)?;
    if funds == AmountMinor::ZERO {
        return Err(Status::NotFunded);
    }
    let readings_left = AmountMinor::new(AMOUNT_MAX - base.get()).unwrap_or_default();
    let room = renewal
        .wanted
        .min(funds)
        .min(policy.class_limit(standing.class))
        .min(readings_left);
    if room == AmountMinor::ZERO {
        return Err(Status::AboveLimit);
    }
    let limit = base.advance(room).ok_or(Status::AboveLimit)?;
    let expires = now.plus_s(policy.allowance_life_s);
    let (coverage, to_reserve) = standing.coverage.extended(base, limit, expires);
    Ok(Grant {
        limit,
        base,
        room,
        expires,
        to_reserve,
        coverage,
    })
}
