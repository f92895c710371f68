//! What is done from time to time, by nobody's order.

use super::store::homes;
use super::terms::Place;
use super::{copies, floats, leases, losses, rules};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::SWEEP_MOST;
use crate::commands::release;
use crate::store::journal;
use crate::writer::{Command, Desk, Failure};
use protocol::{Code, Currency, Timestamp};

pub(crate) struct Sweep {
    pub now: Timestamp,
}

impl Command for Sweep {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        match desk.place {
            Place::Alone => return Ok(()),
            Place::Under(_) => {
                leases::ask(desk, self.now).await?;
                floats::ask(desk, self.now).await?;
            }
            Place::Centre => {
                losses::release_lost(desk, self.now).await?;
                copies::mark(desk, self.now).await?;
            }
        }
        losses::look_again(desk, self.now).await?;
        losses::pay_debts(desk, None, self.now).await?;
        self.follow(desk).await
    }
}

impl Sweep {
    /// What a purse left behind goes after it: reserves once they have lapsed, and whatever else
    /// stands in its free purse.
    async fn follow(&self, desk: &mut Desk) -> Result<(), Failure> {
        let me = desk.bearings.gateway;
        let left = homes::left_behind(&mut desk.connection, &me, SWEEP_MOST).await?;
        for (code, currency) in left {
            release::lapsed(desk, &code, &currency, self.now).await?;
            self.rest(desk, &code, &currency).await?;
        }
        Ok(())
    }

    async fn rest(&self, desk: &mut Desk, code: &Code, currency: &Currency) -> Result<(), Failure> {
        let purse = Account::PurseFree(*code);
        let amount = journal::balance(&mut desk.connection, currency, &purse).await?;
        if amount.get() == 0 {
            return Ok(());
        }
        let (me, height) = (desk.bearings.gateway, desk.head.height);
        let subject = rules::subject("follows", code, height, currency);
        // To its own free purse, which is elsewhere.
        desk.post(&Entry {
            kind: EntryKind::Close,
            // Other books may have sent something after it at the same height of theirs.
            subject: rules::passed_on(&me, &subject),
            currency: *currency,
            at: self.now,
            transfers: vec![Transfer {
                from: purse,
                to: purse,
                amount,
            }],
        })
        .await?;
        Ok(())
    }
}
