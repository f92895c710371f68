//! How much a purse may spend while nobody can be asked.

use super::coverage::Coverage;
use super::links::Links;
use crate::bearings::ClassTerms;
use protocol::objects::Renewal;
use protocol::units::AMOUNT_MAX;
use protocol::{AmountMinor, KeyEpoch, Odometer, Status, Timestamp};

/// What the books know about the purse that asks.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Whether its code may get new allowances.
    pub active: bool,
    /// Which life of its key is current.
    pub key_epoch: KeyEpoch,
    /// What its class may do in this currency.
    pub terms: ClassTerms,
    /// The chain of its payments as far as it is known here.
    pub links: Links,
    /// The odometer after its newest payment in this currency.
    pub odometer: Odometer,
    /// What its reserve stands for from there on.
    pub coverage: &'a Coverage,
    /// What it holds beside the reserve.
    pub free: AmountMinor,
    /// What renewals of this day have set aside already.
    pub today: AmountMinor,
}

/// What it may get.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    may_get(renewal, active, key_epoch)
}

fn may_get(renewal: &Renewal, active: bool, key_epoch: KeyEpoch) -> Result<(), Status> {
    if !active {
        return Err(Status::Frozen);
    }
    if renewal.key_epoch != key_epoch {
        return Err(Status::WrongAllowance);
    }
    Ok(())
}

/// Decides about one renewal that was not answered before; it wants nothing when its gateway has no
/// float left to promise.
pub fn decide(
    renewal: &Renewal,
    standing: &Standing<'_>,
    expires: Timestamp,
) -> Result<Grant, Status> {
    may_get(renewal, standing.active, standing.key_epoch)?;
    standing.links.end_at(renewal.sequence, renewal.head)?;
    if renewal.odometer != standing.odometer {
        return Err(Status::OutOfInterval);
    }
    give(renewal.wanted, standing, standing.odometer, expires)
}

/// As much as is wanted, held, and permitted by class and day, from `base` on. What is reserved
/// ahead may be given out again at once: a limit is a reading, not an amount. A purse that holds
/// nothing gets an allowance without room, which others name in what they pay it: so it may spend
/// that before it is settled.
pub fn give(
    wanted: AmountMinor,
    standing: &Standing<'_>,
    base: Odometer,
    expires: Timestamp,
) -> Result<Grant, Status> {
    let coverage = standing.coverage;
    let room_with = |most: AmountMinor| {
        let highest = Odometer::new(AMOUNT_MAX).unwrap_or_default();
        let reach = coverage.reach(base, most).unwrap_or(highest);
        reach.since(base).unwrap_or_default()
    };
    let funds = room_with(standing.free);
    if standing.terms.allowance == AmountMinor::ZERO {
        return Err(Status::AboveLimit);
    }
    if funds == AmountMinor::ZERO {
        return Ok(Grant {
            limit: base,
            base,
            room: AmountMinor::ZERO,
            expires,
            to_reserve: AmountMinor::ZERO,
            coverage: coverage.clone(),
        });
    }
    if wanted == AmountMinor::ZERO {
        return Err(Status::FloatExhausted);
    }
    let left = standing.terms.daily.checked_sub(standing.today);
    let today = room_with(left.unwrap_or_default());
    if today == AmountMinor::ZERO {
        return Err(Status::AboveDaily);
    }
    let room = wanted.min(funds).min(today).min(standing.terms.allowance);
    let limit = base.advance(room).filter(|limit| *limit > base);
    let limit = limit.ok_or(Status::AboveLimit)?;
    let mut coverage = coverage.clone();
    let to_reserve = coverage.extend(base, limit, expires);
    Ok(Grant {
        limit,
        base,
        room,
        expires,
        to_reserve,
        coverage,
    })
}
