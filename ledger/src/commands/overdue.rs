//! What nobody claimed in time goes back to who paid it.

use super::word::{Word, tell};
use crate::books::{Account, EntryKind, Transfer};
use crate::bounds::RETURN_MOST;
use crate::crash::{CrashPoint, here};
use crate::rules::settle::Fate;
use crate::store::payments::{self, Overdue, Progress};
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
        let grace_s = desk.bearings.policy.grace_s;
        let Some(last) = self.now.0.checked_sub(grace_s).map(Timestamp) else {
            return Ok(ReturnedCount::default());
        };
        let most = self.most.min(RETURN_MOST);
        let overdue = payments::overdue(&mut desk.connection, last, most).await?;
        for payment in &overdue {
            self.give_back(desk, payment).await?;
        }
        // No page is longer than its bound.
        Ok(ReturnedCount(overdue.len() as u32))
    }
}

impl ReturnOverdue {
    /// To the free money: the readings it took stay taken.
    async fn give_back(&self, desk: &mut Desk, payment: &Overdue) -> Result<(), Failure> {
        let progress = Progress {
            fate: Fate::Returned,
            receipt: None,
            waits: AmountMinor::ZERO,
            settle_by: Timestamp(0),
            units: payment.units,
            shown: None,
            now: self.now,
        };
        payments::advance(&mut desk.connection, &payment.id, &progress).await?;
        here(CrashPoint::Returned);
        let word = Word {
            payment: payment.id,
            currency: payment.currency,
            fate: Fate::Returned,
            units: payment.units,
            now: self.now,
        };
        let transfer = Transfer {
            from: Account::InTransit(payment.id),
            to: Account::PurseFree(payment.payer),
            amount: payment.waits,
        };
        let statement = word.post(desk, EntryKind::Return, vec![transfer]).await?;
        let both = (payment.payer, Some(payment.payee));
        tell(desk, &payment.id, both, None, &statement).await?;
        Ok(())
    }
}
