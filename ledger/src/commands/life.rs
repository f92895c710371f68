//! A code comes into use, is stopped, stands somewhere, is somebody's, and ends.

use super::printable;
use crate::crash::{CrashPoint, here};
use crate::rules::life::after;
use crate::store::life::{self, LifeStep};
use crate::store::lives::{owner_of, set_owner};
use crate::store::places::grid;
use crate::store::stations::item;
use crate::store::things::{Thing, ThingState, set_state_by, thing};
use crate::writer::{Command, Desk, Failure};
use protocol::chain::{ActKind, Named};
use protocol::{Code, GridCode, Status, Timestamp};

/// What happens to a code, why, and who says so.
pub(crate) struct Live {
    pub code: Code,
    pub act: ActKind,
    pub reason: String,
    pub by: String,
    pub now: Timestamp,
}

impl Command for Live {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.reason)?;
        printable(&self.by)?;
        if !matches!(
            self.act,
            ActKind::Activated
                | ActKind::Suspended
                | ActKind::Resumed
                | ActKind::Revoked
                | ActKind::Retired
        ) {
            return Err(Status::NotPermitted.into());
        }
        let before = standing_of(desk, &self.code).await?;
        let next = after(before, self.act).map_err(|_| Status::NotPermitted)?;
        if next == before {
            return Ok(());
        }
        let connection = &mut desk.connection;
        // Nobody could ask for it any more.
        if self.act == ActKind::Retired && life::holds(connection, &self.code).await? {
            return Err(Status::NotFunded.into());
        }
        let why = (self.reason.as_str(), self.by.as_str());
        set_state_by(connection, &self.code, (next, self.act), why, self.now).await?;
        if next.is_over() {
            leave(desk, &self.code, why, self.now).await?;
        }
        here(CrashPoint::StateSet);
        Ok(())
    }
}

async fn state_of(desk: &mut Desk, code: &Code) -> Result<ThingState, Failure> {
    let known = thing(&mut desk.connection, code).await?;
    Ok(known.ok_or(Status::UnknownCode)?.state)
}

/// The same, also of a thing without a key: a seal is revoked, a plate stands somewhere.
async fn standing_of(desk: &mut Desk, code: &Code) -> Result<ThingState, Failure> {
    match item(&mut desk.connection, code).await? {
        Some(item) => Ok(item.state),
        None => state_of(desk, code).await,
    }
}

/// The thing stands nowhere any more.
pub(super) async fn leave(
    desk: &mut Desk,
    code: &Code,
    (reason, by): (&str, &str),
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    let newest = life::places(connection, code, 1).await?;
    let Some(binding) = newest.first().filter(|binding| binding.until.is_none()) else {
        return Ok(());
    };
    life::unbind(connection, code, now).await?;
    // A crash here leaves it where it stood, and in the state it had.
    here(CrashPoint::Unbound);
    let step = LifeStep {
        act: ActKind::Unbound,
        other: Some(Named::Place(binding.place)),
        reason: reason.to_owned(),
        by: by.to_owned(),
        at: now,
    };
    life::insert(connection, code, &step).await?;
    Ok(())
}

pub(crate) struct Bind {
    pub code: Code,
    /// None to take it away.
    pub place: Option<GridCode>,
    pub reason: String,
    pub by: String,
    pub now: Timestamp,
}

impl Command for Bind {
    type Answer = ();

    /// A thing stands at one place at a time.
    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        printable(&self.reason)?;
        printable(&self.by)?;
        let state = standing_of(desk, &self.code).await?;
        let why = (self.reason.as_str(), self.by.as_str());
        let Some(place) = &self.place else {
            return leave(desk, &self.code, why, self.now).await;
        };
        let newest = life::places(&mut desk.connection, &self.code, 1).await?;
        if newest
            .iter()
            .any(|at| at.until.is_none() && at.place == *place)
        {
            return Ok(());
        }
        after(state, ActKind::Bound).map_err(|_| Status::NotPermitted)?;
        let known = grid(&mut desk.connection, place).await?;
        known.ok_or(Status::UnknownCode)?;
        if !holds_at(place, self.now) {
            return Err(Status::Expired.into());
        }
        leave(desk, &self.code, why, self.now).await?;
        let connection = &mut desk.connection;
        life::bind(connection, &self.code, place, self.now).await?;
        let step = LifeStep {
            act: ActKind::Bound,
            other: Some(Named::Place(*place)),
            reason: self.reason.clone(),
            by: self.by.clone(),
            at: self.now,
        };
        life::insert(connection, &self.code, &step).await?;
        here(CrashPoint::Bound);
        Ok(())
    }
}

/// Whether the time of a grid code contains this moment.
fn holds_at(place: &GridCode, now: Timestamp) -> bool {
    let (span, minute) = (place.span(), u64::from(now.0) / 60);
    let start = span.start_unix_minutes();
    let end = span.minutes().map(|minutes| start.saturating_add(minutes));
    start <= minute && end.is_none_or(|end| minute < end)
}

/// Why the house named an owner, and nobody signed it.
const NAMED: &str = "named by the house: it had no owner";
const NAMED_AGAIN: &str = "named by the house: the code of its owner is over";

/// The owner of a thing is named for the first time, or again when the one before is gone: an act
/// of the house, with its reason and without a signature. Owners give with [`super::transfer`].
pub(super) async fn given(
    desk: &mut Desk,
    (code, owner): (&Code, &Code),
    by: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let state = state_of(desk, code).await?;
    let connection = &mut desk.connection;
    let before = owner_of(connection, code).await?;
    if before == Some(*owner) {
        return Ok(());
    }
    after(state, ActKind::Transferred).map_err(|_| Status::NotPermitted)?;
    let mut reason = NAMED;
    if let Some(before) = before {
        reason = NAMED_AGAIN;
        // Whoever can still sign says it themselves.
        let known = thing(connection, &before).await?;
        if known.is_some_and(|owner| !owner.state.is_over()) {
            return Err(Status::NotPermitted.into());
        }
    }
    set_owner(connection, code, owner).await?;
    let step = LifeStep {
        act: ActKind::Transferred,
        other: Some(Named::Thing(*owner)),
        reason: reason.to_owned(),
        by: by.to_owned(),
        at: now,
    };
    life::insert(connection, code, &step).await?;
    Ok(())
}

/// Whoever is suspended signs for nothing until an operator has decided.
pub(super) fn alive(owner: Thing) -> Result<Thing, Status> {
    match owner.state {
        ThingState::Issued | ThingState::Active => Ok(owner),
        ThingState::Frozen => Err(Status::Frozen),
        ThingState::Revoked | ThingState::Retired | ThingState::Superseded => {
            Err(Status::NotPermitted)
        }
    }
}
