//! Reserves behind allowances that nobody can claim under any more become free.

use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::crash::{CrashPoint, here};
use crate::store::{allowances, journal};
use crate::writer::{Desk, Failure};
use protocol::{Code, Currency, Digest, Timestamp};
use sha2::{Digest as _, Sha256};

/// Frees what has lapsed in one purse and currency, in every life of its key.
pub(crate) async fn lapsed(
    desk: &mut Desk,
    code: &Code,
    currency: &Currency,
    now: Timestamp,
) -> Result<(), Failure> {
    let grace_s = desk.bearings.policy.grace_s;
    for (epoch, coverage) in allowances::coverages(&mut desk.connection, code, currency).await? {
        if !coverage.lapsed(now, grace_s) {
            continue;
        }
        let from = Account::PurseReserved(*code, epoch);
        let amount = journal::balance(&mut desk.connection, currency, &from).await?;
        desk.post(&Entry {
            kind: EntryKind::Release,
            subject: Digest(Sha256::digest(from.key()).into()),
            currency: *currency,
            at: now,
            transfers: vec![Transfer {
                from,
                to: Account::PurseFree(*code),
                amount,
            }],
        })
        .await?;
        let released = coverage.released();
        allowances::set_coverage(&mut desk.connection, code, epoch, currency, &released).await?;
        // A crash here: the command that looked fails with it, and the next one frees it again.
        here(CrashPoint::Released);
    }
    Ok(())
}
