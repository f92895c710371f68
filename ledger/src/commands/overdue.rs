//! What nobody claimed in time goes back to who paid it, and what covers did not bring until then
//! stays missing.

use super::credit::{flowing, top_up};
use super::lives;
use super::word::{Word, tell};
use crate::books::{Account, EntryKind, route};
use crate::bounds::{RETURN_MOST, TOP_UP_MOST};
use crate::crash::{CrashPoint, here};
use crate::federation::hooks;
use crate::rules::settle::{Fate, Flow};
use crate::store::payments::{self, Flowing, Progress};
use crate::writer::{Command, Desk, Failure};
use protocol::{AmountMinor, Timestamp};

/// How many payments went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReturnedCount(pub u32);

pub(crate) struct ReturnOverdue {
    pub now: Timestamp,
    pub most: u32,
}

impl Command for ReturnOverdue {
    type Answer = ReturnedCount;

    async fn execute(&self, desk: &mut Desk) -> Result<ReturnedCount, Failure> {
        // Whatever has been lifted is paid before anything is given up.
        if top_up(desk, self.now, TOP_UP_MOST).await? >= TOP_UP_MOST {
            return Ok(ReturnedCount(self.most.min(RETURN_MOST)));
        }
        lives::sweep(desk, self.now).await?;
        let grace_s = desk.bearings.policy.grace_s;
        // What others noted in time must have had its time to come here.
        let clock = hooks::clock(desk, self.now).await?;
        let Some(last) = clock.0.checked_sub(grace_s).map(Timestamp) else {
            return Ok(ReturnedCount::default());
        };
        let most = self.most.min(RETURN_MOST);
        let overdue = payments::overdue(&mut desk.connection, last, most).await?;
        for id in &overdue {
            let payment = flowing(desk, id).await?;
            self.end(desk, &payment).await?;
        }
        // No page is longer than its bound.
        Ok(ReturnedCount(overdue.len() as u32))
    }
}

impl ReturnOverdue {
    /// What is in transit goes to the free money, and the readings it took stay taken. What the
    /// payee took stays its own; what is missing of that is for a person to decide about.
    async fn end(&self, desk: &mut Desk, overdue: &Flowing) -> Result<(), Failure> {
        let before = overdue.flow()?;
        let after = Flow {
            closed: true,
            ..before
        };
        let missing = after.missing();
        let short = missing > AmountMinor::ZERO;
        let (fate, kind) = match short {
            true => (Fate::Settled, EntryKind::Short),
            false => (Fate::Returned, EntryKind::Return),
        };
        let progress = Progress {
            fate,
            receipt: None,
            waits: AmountMinor::ZERO,
            settle_by: Timestamp(0),
            units: overdue.units,
            shown: None,
            funded: overdue.funded,
            missing,
            claimed: false,
            now: self.now,
        };
        payments::advance(&mut desk.connection, &overdue.id, &progress).await?;
        here(CrashPoint::Returned);
        let payment = &overdue.payment;
        let word = Word {
            payment: overdue.id,
            currency: payment.currency,
            fate,
            units: overdue.units,
            paid: short.then_some(after.paid()),
            now: self.now,
        };
        let waits = before.waits();
        let transit = [(Account::InTransit(overdue.id), waits)];
        let back = [(Account::PurseFree(payment.payer), waits)];
        let statement = word.post(desk, kind, route(&transit, &back)).await?;
        let both = (payment.payer, Some(payment.payee));
        tell(desk, &overdue.id, both, None, &statement).await?;
        Ok(())
    }
}
