//! An allowance that this gateway gave and its books have forgotten: they are an older copy.

use super::Handing;
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::store::coverage::{self, Purse};
use crate::store::{allowances, journal};
use crate::writer::{Desk, Failure};
use protocol::{AmountMinor, Status};

impl Handing<'_> {
    /// Enters it, if its gateway epoch was declared over: then nothing else goes by its number, and
    /// its payees are paid from what is free. In the present gateway epoch it shows that the books
    /// are older than what was signed, and that nobody has said so.
    pub(super) async fn remember(&self, desk: &mut Desk) -> Result<AmountMinor, Failure> {
        let given = *self.allowance();
        let present = desk.bearings.gateway_epoch;
        if given.gateway != desk.bearings.gateway || given.gateway_epoch > present {
            return Err(Status::WrongAllowance.into());
        }
        if given.gateway_epoch == present {
            tracing::error!(
                code = %given.code,
                number = given.number,
                "these books never gave an allowance that this gateway signed: they are an older copy. Stop the gateway, and restore the newest books, or say what happened: `onecode gateway restored`"
            );
            return Err(Status::WrongAllowance.into());
        }
        let purse = Purse {
            code: given.code,
            key_epoch: given.key_epoch,
            currency: given.currency,
        };
        let free = Account::PurseFree(given.code);
        let connection = &mut desk.connection;
        let free = journal::balance(connection, &given.currency, &free).await?;
        let before = coverage::above(connection, &purse, given.base_odometer).await?;
        let mut after = before.clone();
        let limit = after.reach(given.base_odometer, free);
        let limit = limit.map_or(given.limit, |most| most.min(given.limit));
        let to_reserve = after.fill(given.base_odometer, limit, given.expires);
        let (id, bytes) = (
            self.evidence.allowance().id(),
            self.evidence.allowance().bytes(),
        );
        if to_reserve > AmountMinor::ZERO {
            desk.post(&Entry {
                kind: EntryKind::Allow,
                subject: id,
                currency: given.currency,
                at: self.came,
                transfers: vec![Transfer {
                    from: Account::PurseFree(given.code),
                    to: Account::PurseReserved(given.code, given.key_epoch),
                    amount: to_reserve,
                }],
            })
            .await?;
        }
        let connection = &mut desk.connection;
        allowances::insert_allowance(connection, &id, &given, bytes).await?;
        coverage::save(connection, &purse, &before, &after).await?;
        // A crash here: neither allowance nor reserve, and the payment comes again.
        here(CrashPoint::AllowanceStored);
        Ok(AmountMinor::ZERO)
    }
}
