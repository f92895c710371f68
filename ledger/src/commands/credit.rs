//! What is settled lifts the allowance it names, and pays more of what waits under it.

use super::word::{Word, tell};
use crate::books::{Account, EntryKind, route};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use crate::rules::settle::{Fate, Flow};
use crate::store::coverage::{self, Lifted, Purse};
use crate::store::covers::{self, Uncovered};
use crate::store::payments::{self, Flowing, Progress};
use crate::store::{allowances, journal};
use crate::writer::{Desk, Failure};
use protocol::objects::{Allowance, Payment};
use protocol::{AmountMinor, Code, Currency, Digest, Odometer, Reference, Status, Timestamp, cose};

/// Where a payment's money goes at its payee: behind the payee's allowance that it names, as far as
/// that lifts it above what is covered already, and the rest is free.
pub(super) async fn land(
    desk: &mut Desk,
    payment: &Payment,
    amount: AmountMinor,
    now: Timestamp,
) -> Result<Vec<(Account, AmountMinor)>, Failure> {
    let to = (payment.payee, payment.currency);
    land_at(desk, to, payment.covers_for, amount, now).await
}

/// The same for money that comes to these books from elsewhere.
pub(crate) async fn land_at(
    desk: &mut Desk,
    (payee, currency): (Code, Currency),
    covers_for: Option<Reference>,
    amount: AmountMinor,
    now: Timestamp,
) -> Result<Vec<(Account, AmountMinor)>, Failure> {
    let free = Account::PurseFree(payee);
    let Some((lifted, allowance)) = named(desk, &payee, &currency, covers_for, now).await? else {
        return Ok(vec![(free, amount)]);
    };
    let before = lifted.credits;
    let readings = before.checked_add(amount).and_then(|after| {
        let reach = |credits| allowance.limit.advance(credits);
        Some((after, reach(before)?, reach(after)?))
    });
    // An allowance at the end of all readings is not lifted.
    let Some((credits, from, to)) = readings.filter(|_| amount > AmountMinor::ZERO) else {
        return Ok(vec![(free, amount)]);
    };
    let purse = Purse {
        code: payee,
        key_epoch: allowance.key_epoch,
        currency,
    };
    let connection = &mut desk.connection;
    let covered = coverage::between(connection, &purse, from, to).await?;
    let mut filled = covered.clone();
    let reserved = filled.fill(from, to, allowance.expires);
    coverage::save(connection, &purse, &covered, &filled).await?;
    coverage::set_credits(connection, &lifted.id, credits).await?;
    here(CrashPoint::Credited);
    if covers::waits(connection, &lifted.id).await? {
        covers::look_at(connection, &lifted.id).await?;
    }
    let rest = amount.checked_sub(reserved).ok_or(Status::OutOfInterval)?;
    let reserve = Account::PurseReserved(payee, allowance.key_epoch);
    Ok(vec![(reserve, reserved), (free, rest)])
}

/// The payee's allowance, if it is one of these books and can still be claimed under, or was.
async fn named(
    desk: &mut Desk,
    payee: &Code,
    currency: &Currency,
    reference: Option<Reference>,
    now: Timestamp,
) -> Result<Option<(Lifted, Allowance)>, Failure> {
    let Some(reference) = reference else {
        return Ok(None);
    };
    let Some(lifted) = coverage::named(&mut desk.connection, payee, &reference).await? else {
        return Ok(None);
    };
    let allowance = opened(desk, &lifted.bytes)?;
    let good = now < allowance.expires.plus_s(desk.bearings.policy.grace_s)
        || covers::waits(&mut desk.connection, &lifted.id).await?;
    Ok((good && allowance.currency == *currency).then_some((lifted, allowance)))
}

pub(super) fn opened(desk: &Desk, bytes: &[u8]) -> Result<Allowance, Failure> {
    let sealed = cose::open::<Allowance>(bytes, &desk.bearings.network);
    let damaged = |_| Damage::new("allowance", bytes.len(), "is no allowance");
    Ok(*sealed.map_err(damaged)?.peek())
}

/// Pays more of at most `most` payments that wait under allowances which were lifted; what one pays
/// may lift the next. Gives how many it looked at.
pub(crate) async fn top_up(desk: &mut Desk, now: Timestamp, most: u32) -> Result<u32, Failure> {
    let mut looked = 0;
    while looked < most {
        let Some(id) = covers::to_look_at(&mut desk.connection).await? else {
            break;
        };
        let missing = || Damage::new("allowance", id, "missing");
        let bytes = allowances::allowance(&mut desk.connection, &id).await?;
        let allowance = opened(desk, &bytes.ok_or_else(missing)?)?;
        let credits = coverage::credits(&mut desk.connection, &id).await?;
        let reach = allowance.limit.advance(credits.unwrap_or_default());
        let reach = reach.ok_or(Status::AboveLimit)?;
        let left = most.saturating_sub(looked);
        let waiting = covers::waiting(&mut desk.connection, &id, reach, left).await?;
        for payment in &waiting {
            pay_more(desk, payment, reach, now).await?;
        }
        // The list is never longer than what was left.
        let count = waiting.len() as u32;
        if count < left {
            covers::looked_at(&mut desk.connection, &id).await?;
        }
        looked = looked.saturating_add(count.max(1));
    }
    Ok(looked)
}

/// The part of a payment that has become covered leaves its payer.
async fn pay_more(
    desk: &mut Desk,
    waiting: &Uncovered,
    reach: Odometer,
    now: Timestamp,
) -> Result<(), Failure> {
    let Uncovered { id, from, missing } = waiting;
    let flowing = flowing(desk, id).await?;
    let payment = &flowing.payment;
    let to = from
        .advance(*missing)
        .ok_or(Status::OutOfInterval)?
        .min(reach);
    let more = to.since(*from).ok_or(Status::OutOfInterval)?;
    let purse = Purse {
        code: payment.payer,
        key_epoch: payment.key_epoch,
        currency: payment.currency,
    };
    let covered = coverage::between(&mut desk.connection, &purse, *from, to).await?;
    let mut drawn = covered.clone();
    let reserved = drawn.draw(*from, to);
    let free = more.checked_sub(reserved).ok_or(Status::OutOfInterval)?;
    let (connection, account) = (&mut desk.connection, Account::PurseFree(payment.payer));
    if free > journal::balance(connection, &payment.currency, &account).await? {
        // Only where the reserve behind it lapsed; then it waits for its deadline.
        return Ok(());
    }
    coverage::save(connection, &purse, &covered, &drawn).await?;
    let before = flowing.flow()?;
    let after = Flow {
        funded: before.funded.checked_add(more).ok_or(Status::AboveLimit)?,
        ..before
    };
    let fate = match flowing.fate {
        Fate::Waiting if after.missing() == AmountMinor::ZERO => Fate::Settled,
        fate => fate,
    };
    let pockets = [
        (
            Account::PurseReserved(payment.payer, payment.key_epoch),
            reserved,
        ),
        (account, free),
    ];
    let statement = go_on(desk, &flowing, (&before, &after), fate, &pockets, now).await?;
    if fate == Fate::Settled {
        let both = (payment.payer, Some(payment.payee));
        tell(desk, id, both, None, &statement).await?;
    }
    Ok(())
}

async fn go_on(
    desk: &mut Desk,
    flowing: &Flowing,
    (before, after): (&Flow, &Flow),
    fate: Fate,
    pockets: &[(Account, AmountMinor)],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let payment = &flowing.payment;
    let shares = before.shares(after)?;
    let progress = Progress {
        fate,
        receipt: None,
        waits: shares.waits,
        settle_by: payment.settle_by,
        units: flowing.units,
        shown: None,
        funded: after.funded,
        missing: after.missing(),
        claimed: false,
        now,
    };
    payments::advance(&mut desk.connection, &flowing.id, &progress).await?;
    here(CrashPoint::ToppedUp);
    let mut goals = land(desk, payment, shares.payee, now).await?;
    let transit = Account::InTransit(flowing.id);
    let added = shares.waits.checked_sub(before.waits()).unwrap_or_default();
    goals.push((transit, added));
    let word = Word {
        payment: flowing.id,
        currency: payment.currency,
        fate,
        units: flowing.units,
        paid: (fate == Fate::Waiting).then_some(after.paid()),
        now,
    };
    word.post(desk, EntryKind::TopUp, route(pockets, &goals))
        .await
}

/// A recorded payment as it stands.
pub(crate) async fn flowing(desk: &mut Desk, id: &Digest) -> Result<Flowing, Failure> {
    let network = desk.bearings.network;
    let flowing = payments::flowing(&mut desk.connection, id, &network).await?;
    Ok(flowing.ok_or_else(|| Damage::new("payment", id, "missing"))?)
}
