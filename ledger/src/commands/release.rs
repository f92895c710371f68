//! Reserves behind allowances that nobody can claim under any more become free.

use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::federation::hooks;
use crate::store::coverage::{self, Purse};
use crate::writer::{Desk, Failure};
use protocol::{Code, Currency, Digest, Odometer, Timestamp};
use sha2::{Digest as _, Sha256};

/// Frees what has lapsed in one purse and currency, in every life of its key.
pub(crate) async fn lapsed(
    desk: &mut Desk,
    code: &Code,
    currency: &Currency,
    now: Timestamp,
) -> Result<(), Failure> {
    // What others noted in time must have had its time to come here.
    let clock = hooks::clock(desk, now).await?;
    lapsed_by(desk, code, currency, clock).await
}

/// The same when nothing can come any more after this time and grace.
pub(crate) async fn lapsed_by(
    desk: &mut Desk,
    code: &Code,
    currency: &Currency,
    now: Timestamp,
) -> Result<(), Failure> {
    let grace_s = desk.bearings.policy.grace_s;
    let Some(last) = now.0.checked_sub(grace_s).map(Timestamp) else {
        return Ok(());
    };
    let connection = &mut desk.connection;
    for key_epoch in coverage::lapsed_epochs(connection, code, currency, last).await? {
        let purse = Purse {
            code: *code,
            key_epoch,
            currency: *currency,
        };
        let before = coverage::above(&mut desk.connection, &purse, Odometer::ZERO).await?;
        let mut after = before.clone();
        let amount = after.lapse(now, grace_s);
        let from = Account::PurseReserved(*code, key_epoch);
        desk.post(&Entry {
            kind: EntryKind::Release,
            subject: subject(desk, &from.key()),
            currency: *currency,
            at: now,
            transfers: vec![Transfer {
                from,
                to: Account::PurseFree(*code),
                amount,
            }],
        })
        .await?;
        coverage::save(&mut desk.connection, &purse, &before, &after).await?;
        // A crash here: the command that looked fails with it, and the next one frees it again.
        here(CrashPoint::Released);
    }
    Ok(())
}

/// What these books give back is not to be taken for the same at another home of the same purse.
pub(crate) fn subject(desk: &Desk, about: &[u8]) -> Digest {
    let by = desk.bearings.gateway;
    let hash = Sha256::new().chain_update(by.as_bytes());
    Digest(hash.chain_update(about).finalize().into())
}
