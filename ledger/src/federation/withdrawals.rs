//! Redemptions of purses at home elsewhere: the centre asks, the home pays by credit, the centre
//! redeems.

use super::letter::Letter;
use super::store::credits::{self as store, Withdrawal};
use super::store::peers::Peer;
use super::terms::Place;
use super::{credits, leases, post};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::commands::{release, requests};
use crate::crash::{CrashPoint, here};
use crate::store::journal;
use crate::store::things::{self, ThingState};
use crate::store::treasury::{self, LoadOrder, Way};
use crate::writer::{Command, Desk, Failure};
use protocol::objects::Credit;
use protocol::{AmountMinor, Code, Currency, Digest, Status, Timestamp};
use sha2::{Digest as _, Sha256};

/// How far a redemption from other books has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalState {
    /// The purse's home is asked.
    Asked,
    /// The money is redeemed.
    Paid,
    /// The home does not pay, for this reason.
    Refused(Status),
}

pub(crate) struct Withdraw {
    pub order: LoadOrder,
    pub now: Timestamp,
}

impl Command for Withdraw {
    type Answer = WithdrawalState;

    async fn execute(&self, desk: &mut Desk) -> Result<WithdrawalState, Failure> {
        let order = &self.order;
        crate::commands::key(&order.key)?;
        crate::commands::printable(&order.by)?;
        let subject = Digest(Sha256::digest(&order.key).into());
        let connection = &mut desk.connection;
        if let Some(known) = store::withdrawal(connection, &subject).await? {
            let same = (known.code, known.currency, known.amount, &known.by)
                == (order.code, order.currency, order.amount, &order.by);
            return match (same, known.outcome) {
                (false, _) => Err(Status::NotPermitted.into()),
                (true, 0) => Ok(WithdrawalState::Asked),
                (true, 1) => Ok(WithdrawalState::Paid),
                (true, status) => Ok(WithdrawalState::Refused(refusal(status))),
            };
        }
        if desk.place != Place::Centre || !leases::is_away(desk, &order.code).await? {
            return Err(Status::NotPermitted.into());
        }
        if order.amount == AmountMinor::ZERO {
            return Err(Status::Malformed.into());
        }
        if treasury::by_key(&mut desk.connection, &order.key)
            .await?
            .is_some()
        {
            return Err(Status::NotPermitted.into());
        }
        requests::may_alone(desk, order).await?;
        let asked = Withdrawal {
            key: order.key.clone(),
            code: order.code,
            currency: order.currency,
            amount: order.amount,
            by: order.by.clone(),
            outcome: 0,
        };
        store::keep_withdrawal(&mut desk.connection, &subject, &asked, self.now).await?;
        let home = super::store::homes::home(&mut desk.connection, &order.code).await?;
        let (homed, _) = home.ok_or(Status::UnknownCode)?;
        let letter = Letter::Withdraw {
            subject,
            code: order.code,
            currency: order.currency,
            amount: order.amount,
        };
        post::send(desk, &homed.home, &letter).await?;
        Ok(WithdrawalState::Asked)
    }
}

fn refusal(column: i64) -> Status {
    let status = u8::try_from(column).ok().and_then(Status::from_number);
    status.unwrap_or(Status::NotFunded)
}

/// At the purse's home: pays what is free, or says why not.
pub(crate) async fn pay(
    desk: &mut Desk,
    subject: &Digest,
    code: &Code,
    (currency, amount): (&Currency, AmountMinor),
    now: Timestamp,
) -> Result<(), Failure> {
    let Place::Under(centre) = desk.place else {
        return Err(Status::NotPermitted.into());
    };
    if let Err(status) = may_pay(desk, code, (currency, amount), now).await? {
        let subject = *subject;
        return post::report(desk, &Letter::NotWithdrawn { subject, status }).await;
    }
    let transfer = Transfer {
        from: Account::PurseFree(*code),
        to: Account::Clearing,
        amount,
    };
    desk.post(&Entry {
        kind: EntryKind::Redeem,
        subject: *subject,
        currency: *currency,
        at: now,
        transfers: vec![transfer],
    })
    .await?;
    let sent = credits::Sent {
        subject: *subject,
        payee: centre,
        currency: *currency,
        more: amount,
        covers_for: None,
        at: now,
    };
    credits::emit(desk, &sent).await.map(drop)
}

async fn may_pay(
    desk: &mut Desk,
    code: &Code,
    (currency, amount): (&Currency, AmountMinor),
    now: Timestamp,
) -> Result<Result<(), Status>, Failure> {
    if leases::is_away(desk, code).await? {
        return Ok(Err(Status::WrongHome));
    }
    match things::holder(&mut desk.connection, code).await? {
        None => return Ok(Err(Status::UnknownCode)),
        Some((ThingState::Active, ..)) => {}
        Some(_) => return Ok(Err(Status::Frozen)),
    }
    release::lapsed(desk, code, currency, now).await?;
    let purse = Account::PurseFree(*code);
    let free = journal::balance(&mut desk.connection, currency, &purse).await?;
    Ok(match free.checked_sub(amount) {
        Some(_) => Ok(()),
        None => Err(Status::NotFunded),
    })
}

/// At the centre: the money is here and leaves the world.
pub(crate) async fn paid(
    desk: &mut Desk,
    credit: &Credit,
    amount: AmountMinor,
    now: Timestamp,
) -> Result<(), Failure> {
    let asked = store::withdrawal(&mut desk.connection, &credit.subject).await?;
    let asked = asked.ok_or(Status::UnknownCode)?;
    let (connection, issuer) = (&mut desk.connection, Account::Issuer);
    journal::open_account(connection, &credit.currency, &issuer).await?;
    let head = desk
        .post(&Entry {
            kind: EntryKind::Redeem,
            subject: credit.subject,
            currency: credit.currency,
            at: now,
            transfers: vec![Transfer {
                from: Account::Clearing,
                to: Account::Issuer,
                amount,
            }],
        })
        .await?;
    let order = LoadOrder {
        code: asked.code,
        currency: asked.currency,
        amount,
        key: asked.key,
        by: asked.by,
    };
    let connection = &mut desk.connection;
    treasury::insert(connection, (&order, None), (Way::Redeem, None), now, &head).await?;
    store::withdrawn(connection, &credit.subject, Ok(())).await?;
    here(CrashPoint::Withdrawn);
    Ok(())
}

/// At the centre: the home does not pay.
pub(crate) async fn refused(
    desk: &mut Desk,
    from: &Peer,
    subject: &Digest,
    status: Status,
) -> Result<(), Failure> {
    tracing::info!(home = %from.code, %status, "a purse was not redeemed");
    store::withdrawn(&mut desk.connection, subject, Err(status)).await?;
    Ok(())
}
