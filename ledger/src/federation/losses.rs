//! Homes that are lost, and homes that come back.
//!
//! What a home recorded it has the last word on, also what it recorded after the centre's last copy
//! of its journal and until it hears that it was given up. Nobody else decides on that meanwhile, so
//! every payment is settled in one place, and once.
//!
//! ```text
//!             copied    not copied                 hears of it
//! lost home   1 ... h | h+1 ................... n | sends after its purse what that holds here
//! centre                gives up, sends on `a`    | what has not come of `a` is a debt
//! next home             puts aside what is seen   | pays the debt, settles what is passed on
//! ```
//!
//! - A purse goes on with the `a` that the copy shows. What the lost home sends after it takes the
//!   place of that; what is missing then the purse has spent there since, and it pays that at its
//!   next home. `ahead` is `a` less both.
//! - Until the lost home has given this account, the next one puts aside what it sees of payments on
//!   which the lost one may have a word.
//! - A payment that the lost home has not recorded when it hears of its loss it passes on. The
//!   purse's home of that moment has the word on it from then on, wherever the purse goes.
//! - A purse has one lost home at a time. Before the account is given it moves nowhere; after that
//!   it may return to the very same home, where nothing is left to settle twice.
//!
//! Whoever is gone for longer than [`LOST_HOME_WAIT_S`] is waited for no longer: what waits for it
//! goes to the next home, and what it did beyond the copy stays `ahead`, for a person to see.

use super::handed::{self, Spoken};
use super::letter::Letter;
use super::store::losses::{self as store, Account as Awaited, Aside, Debt, Given};
use super::store::peers::{self, Peer};
use super::store::{copies, homes};
use super::terms::Place;
use super::{credits, keys, leases, moves, post, relays, rules};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::{LOST_HOME_WAIT_S, PARCELS_MOST, SWEEP_MOST};
use crate::commands::release;
use crate::crash::{CrashPoint, here};
use crate::evidence::Owned;
use crate::store::{currencies, journal, payments, things};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::objects::{Allowance, Move, Payment, Release};
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Status, Timestamp};

/// At the centre: gives up leases whose home does not answer, after their end and the grace after
/// it, and lets the purse go on with what is known of it.
pub(crate) async fn release_lost(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let open = homes::moving_open(&mut desk.connection, SWEEP_MOST).await?;
    for moving in open {
        let home = homes::home(&mut desk.connection, &moving.code).await?;
        let Some((homed, _)) = home else { continue };
        if homed.home != moving.source || homed.number.saturating_add(1) != moving.lease {
            continue;
        }
        if store::is_awaited(&mut desk.connection, &moving.code).await? {
            continue;
        }
        let grace_s = keys::gateway(desk, &moving.source).await?.grace_s;
        let grace_s = grace_s.unwrap_or(desk.bearings.policy.grace_s);
        if rules::may_release(homed.ends, grace_s, now) {
            release_one(desk, &moving, homed.number, now).await?;
        }
    }
    wait_no_longer(desk, now).await
}

async fn release_one(
    desk: &mut Desk,
    moving: &homes::Moving,
    number: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let me = desk.bearings.gateway;
    let (code, lost) = (moving.code, moving.source);
    let release = Release {
        centre: me,
        code,
        number,
        time: now,
    };
    let (signed, _) = desk.seal(&release)?;
    let (held, seen) = known_of(desk, &lost, &code).await?;
    let holder = things::holder(&mut desk.connection, &code).await?;
    let (_, known, _) = holder.ok_or(Status::UnknownCode)?;
    let epoch = rules::epoch_after(known, seen);
    let given = Given {
        code: &code,
        lease: number,
        home: &lost,
        height: copies::copy(&mut desk.connection, &lost).await?.head.height,
        at: now,
    };
    for (currency, amount) in &held {
        let connection = &mut desk.connection;
        store::keep_released(connection, &given, (currency, *amount), &signed).await?;
        let letter = Letter::Release {
            release: &signed,
            currency: *currency,
            height: given.height,
        };
        post::send(desk, &lost, &letter).await?;
    }
    here(CrashPoint::HomeReleased);
    let lease = leases::give(desk, &code, &moving.goal, moving.lease, now).await?;
    homes::moved(&mut desk.connection, &code, moving.lease).await?;
    homes::raise_epoch(&mut desk.connection, &code, epoch).await?;
    leases::send(desk, &lost, &lease, &[]).await?;
    if moving.goal != me {
        let pass = homes::pass_of(&mut desk.connection, &code).await?;
        let pass = pass.ok_or(Status::UnknownCode)?;
        let letter = Letter::Lease {
            lease: &lease,
            pass: &pass,
            epoch,
            lost: Some(lost),
        };
        post::send(desk, &moving.goal, &letter).await?;
    } else {
        store::take_over(&mut desk.connection, &code, &lost).await?;
    }
    for (currency, amount) in held {
        if amount > AmountMinor::ZERO {
            credits::emit_released(desk, &code, number, (&currency, amount), now).await?;
        }
    }
    look_through(desk, (&lost, &code), now).await
}

/// What waits for a lost home and is about this purse's payments: the next home puts money aside
/// for it. That the lost one should let the purse go is history.
async fn look_through(
    desk: &mut Desk,
    (lost, code): (&Code, &Code),
    now: Timestamp,
) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let step = peers::letters(&mut desk.connection, lost, after, PARCELS_MOST).await?;
        let Some((last, _)) = step.last() else {
            return Ok(());
        };
        after = *last;
        for (number, bytes) in &step {
            match Letter::read(bytes)? {
                Letter::Relay { message, .. } => {
                    for it in handed::spoken(desk, message)? {
                        if it.payer == *code {
                            tell_home(desk, &it, now).await?;
                        }
                    }
                }
                // It was not carried out, and must not be now.
                Letter::Order { order, .. } => {
                    let order = *open::<Move>(order, &desk.bearings.network)?.peek();
                    if order.code == *code {
                        take_back(desk, lost, *number).await?;
                    }
                }
                _ => {}
            }
        }
    }
}

async fn take_back(desk: &mut Desk, lost: &Code, number: u64) -> Result<(), Failure> {
    let nothing = Letter::Nothing.write();
    peers::replace(&mut desk.connection, lost, number, &nothing).await?;
    Ok(())
}

/// At the centre: what the home of a purse should know of a payment on which a lost one may have a
/// word.
pub(crate) async fn tell_home(
    desk: &mut Desk,
    it: &Spoken<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    let released = store::released(connection, &it.payer, &it.gateway).await?;
    let Some((height, account)) = released else {
        return Ok(());
    };
    let recorded = copies::is_recorded(connection, &it.gateway, &it.payment, height).await?;
    match account {
        _ if recorded => theirs(desk, &it.payer, &it.payment, now).await,
        Awaited::Awaited => relays::shown(desk, (it.allowance, it.signed), false, now).await,
        Awaited::NoLonger | Awaited::Given => Ok(()),
    }
}

/// At the centre: who settles a payment, as far as it is known to anybody: the gateway that gave its
/// allowance, or to whom that one passed it on. `None` when that one is waited for no longer.
pub(crate) async fn settler(desk: &mut Desk, it: &Spoken<'_>) -> Result<Option<Code>, Failure> {
    let connection = &mut desk.connection;
    if let Some(arbiter) = store::arbiter(connection, &it.payment).await? {
        return Ok(Some(arbiter));
    }
    let released = store::released(connection, &it.payer, &it.gateway).await?;
    if let Some((height, Awaited::NoLonger)) = released
        && !copies::is_recorded(connection, &it.gateway, &it.payment, height).await?
    {
        return Ok(None);
    }
    Ok(Some(it.gateway))
}

/// At the centre: homes that are gone for too long.
async fn wait_no_longer(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let before = now.minus_s(LOST_HOME_WAIT_S);
    let connection = &mut desk.connection;
    for (debt, lost) in store::awaited_since(connection, before, SWEEP_MOST).await? {
        let code = debt.code;
        store::await_no_longer(&mut desk.connection, &code, &lost).await?;
        owed(desk, &debt, true, now).await?;
        let mut after = 0;
        loop {
            let step = peers::letters(&mut desk.connection, &lost, after, PARCELS_MOST).await?;
            let Some((last, _)) = step.last() else { break };
            after = *last;
            for (number, bytes) in &step {
                let letter = Letter::read(bytes)?;
                match letter {
                    Letter::Relay { message, .. } => {
                        let mut stays = false;
                        for it in handed::spoken(desk, message)? {
                            let settler = settler(desk, &it).await?;
                            stays |= settler == Some(lost);
                            if it.payer == code && it.gateway == lost && settler.is_none() {
                                let letter = letter.passed(it.payment)?;
                                passed(desk, &lost, &letter, now).await?;
                            }
                        }
                        if !stays {
                            take_back(desk, &lost, *number).await?;
                        }
                    }
                    Letter::Credit { .. } if credits::is_for(desk, &letter, &code)? => {
                        take_back(desk, &lost, *number).await?;
                        credits::route(desk, &letter.asked(true), Some(&lost), now).await?;
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

type Held = Vec<(Currency, AmountMinor)>;

/// What the copies of a lost home's journal say of a purse in every currency, and the newest key
/// epoch in them.
async fn known_of(
    desk: &mut Desk,
    lost: &Code,
    code: &Code,
) -> Result<(Held, Option<KeyEpoch>), Failure> {
    let declared = currencies::currencies(&mut desk.connection, None).await?;
    let mut held: Held = (declared.into_iter())
        .map(|row| (row.currency, AmountMinor::ZERO))
        .collect();
    let mut seen = None;
    let free = Account::PurseFree(*code).key();
    let mut reserved = Account::PurseReserved(*code, KeyEpoch(0)).key();
    reserved.truncate(free.len());
    for prefix in [free, reserved] {
        let accounts = copies::accounts(&mut desk.connection, lost, &prefix).await?;
        for (currency, account, balance) in accounts {
            if let Some(epoch) = account
                .get(prefix.len()..)
                .and_then(|rest| rest.try_into().ok())
            {
                seen = seen.max(Some(KeyEpoch(u32::from_be_bytes(epoch))));
            }
            let Some(balance) = u64::try_from(balance).ok().and_then(AmountMinor::new) else {
                continue;
            };
            match held.iter_mut().find(|(of, _)| *of == currency) {
                Some((_, sum)) => *sum = sum.checked_add(balance).ok_or(Status::AboveLimit)?,
                None => held.push((currency, balance)),
            }
        }
    }
    Ok((held, seen))
}

// ------------------------------------------------------------------------- who has the last word

/// Whether another gateway settles a payment, as far as these books know: not what they have
/// recorded, and not what was passed on to them.
pub(crate) async fn settles_elsewhere(
    desk: &mut Desk,
    payment: &Digest,
    (gateway, payer, issued): (&Code, &Code, Timestamp),
) -> Result<bool, Failure> {
    let me = desk.bearings.gateway;
    let connection = &mut desk.connection;
    if payments::standing(connection, payment).await?.is_some() {
        return Ok(false);
    }
    if let Some(arbiter) = store::arbiter(connection, payment).await? {
        return Ok(arbiter != me || leases::is_away(desk, payer).await?);
    }
    let given_up = store::given_up_at(connection, payer).await?;
    Ok(*gateway != me || given_up.is_some_and(|at| issued <= at))
}

/// Whether a payment was passed on to these books: its payer is at home here and pays it out of what
/// it has, and not out of a reserve.
pub(crate) async fn is_passed_here(desk: &mut Desk, payment: &Digest) -> Result<bool, Failure> {
    let me = desk.bearings.gateway;
    let arbiter = store::arbiter(&mut desk.connection, payment).await?;
    Ok(arbiter == Some(me))
}

/// Whether these books gave the allowance of a payment, or the payment was passed on to them.
pub(crate) async fn was_ours(
    desk: &mut Desk,
    payment: &Digest,
    gateway: &Code,
) -> Result<bool, Failure> {
    let known = store::arbiter(&mut desk.connection, payment)
        .await?
        .is_some();
    Ok(known || *gateway == desk.bearings.gateway)
}

/// At a home that was lost, or one whose purse has moved on before it settled: the payment goes to
/// who is its payer's home now.
pub(crate) async fn pass_on(
    desk: &mut Desk,
    payment: &Digest,
    relay: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let letter = relay.passed(*payment)?;
    let Place::Under(centre) = desk.place else {
        let me = desk.bearings.gateway;
        return Box::pin(passed(desk, &me, &letter, now)).await;
    };
    store::set_arbiter(&mut desk.connection, payment, &centre).await?;
    // A crash here: the message is still to be judged, and then it is passed on.
    here(CrashPoint::PassedOn);
    post::report(desk, &letter).await
}

/// At the centre: the first home that a payment is passed on to keeps it, unless its purse has moved
/// on before.
pub(crate) async fn passed(
    desk: &mut Desk,
    from: &Code,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Passed {
        payment, message, ..
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let spoken = handed::spoken(desk, message)?;
    let it = spoken.iter().find(|it| it.payment == payment);
    let payer = it.ok_or(Status::Malformed)?.payer;
    let connection = &mut desk.connection;
    let before = store::arbiter(connection, &payment).await?;
    let goal = match before.filter(|before| before != from) {
        Some(before) => before,
        None => {
            let home = homes::home(connection, &payer).await?;
            home.ok_or(Status::UnknownCode)?.0.home
        }
    };
    store::set_arbiter(connection, &payment, &goal).await?;
    match goal == desk.bearings.gateway {
        true => take(desk, letter, now).await,
        false => post::send(desk, &goal, letter).await.map(drop),
    }
}

/// At the home of a payer: the lost home has no word on this payment. What cannot be settled in full
/// at once waits for grace: what its payee or its covers bring may be on its way behind it.
pub(crate) async fn take(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Passed {
        payment, message, ..
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let me = desk.bearings.gateway;
    let connection = &mut desk.connection;
    store::set_arbiter(connection, &payment, &me).await?;
    if payments::standing(connection, &payment).await?.is_none() {
        let spoken = handed::spoken(desk, message)?;
        let it = spoken.iter().find(|it| it.payment == payment);
        let payer = it.ok_or(Status::Malformed)?.payer;
        if !leases::is_away(desk, &payer).await? {
            take_aside(desk, &payment, now).await?;
            let connection = &mut desk.connection;
            let until = store::waits_until(connection, &payment).await?;
            let until = until.unwrap_or(now.plus_s(desk.bearings.policy.grace_s));
            store::keep_passed(connection, &payment, &letter.write(), until).await?;
        }
    }
    settle_passed(desk, letter, now).await
}

async fn settle_passed(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Passed {
        payment,
        origin,
        message,
        pass,
        note,
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let relay = Letter::Relay {
        origin,
        message,
        pass,
        note,
    };
    let for_peer = std::mem::replace(&mut desk.for_peer, true);
    let judged = relays::judge(desk, &relay, now).await;
    desk.for_peer = for_peer;
    judged?;
    let connection = &mut desk.connection;
    let me = desk.bearings.gateway;
    let settled = payments::standing(connection, &payment).await?.is_some();
    let elsewhere = store::arbiter(connection, &payment).await? != Some(me);
    let waits = store::waits_until(connection, &payment).await?;
    if settled || elsewhere || waits.is_some_and(|until| until <= now) {
        store::forget_passed(connection, &payment).await?;
    }
    Ok(())
}

/// Looks again at what waits for money.
pub(crate) async fn look_again(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    for bytes in store::passed(&mut desk.connection, SWEEP_MOST).await? {
        let part = desk.begin_part().await?;
        let done = settle_passed(desk, &Letter::read(&bytes)?, now).await;
        match done {
            Ok(()) => desk.end_part(part, true).await?,
            // Somebody's inbox or a letter box is full: the others are looked at all the same.
            Err(Failure::Refused(_)) => desk.end_part(part, false).await?,
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Whether a payment that was passed on to these books may yet come to a better end than now.
pub(crate) async fn may_wait(
    desk: &mut Desk,
    payment: &Digest,
    now: Timestamp,
) -> Result<bool, Failure> {
    let until = store::waits_until(&mut desk.connection, payment).await?;
    Ok(until.is_some_and(|until| now < until))
}

// ----------------------------------------------------------------------------------- the account

/// At a home that was lost and is back: names the payments of the purse that it recorded, and sends
/// after it what it holds here.
pub(crate) async fn give_account(
    desk: &mut Desk,
    signed: &[u8],
    currency: &Currency,
    height: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let release = keys::by_centre::<Release>(desk, signed, |release| release.centre).await?;
    let release = *release.get();
    let (code, lease) = (release.code, release.number);
    let connection = &mut desk.connection;
    if !store::give_up(connection, (&code, lease), currency, release.time).await? {
        return Ok(());
    }
    let home = homes::home(connection, &code).await?;
    if home.is_none_or(|(homed, _)| homed.number <= lease) {
        // Its lease follows.
        let gone = rules::Homed {
            home: release.centre,
            number: lease.saturating_add(1),
            ends: Timestamp(0),
        };
        homes::put_home(connection, &code, &gone, now, &[]).await?;
    }
    for payment in store::recorded_after(connection, (&code, currency), height).await? {
        post::report(desk, &Letter::Theirs { code, payment }).await?;
    }
    // A crash here: nothing of it has happened, and the letter comes again.
    here(CrashPoint::HomeAccounted);
    // Nothing given here outlives the lease, and the centre waited for the grace after it.
    release::lapsed_by(desk, &code, currency, release.time).await?;
    settle_up(desk, &code, now).await?;
    hand_debts_on(desk, &code, now).await?;
    let purse = Account::PurseFree(code);
    let free = journal::balance(&mut desk.connection, currency, &purse).await?;
    let subject = rules::subject("back", &code, lease, currency);
    moves::send_free(desk, (&code, subject), (currency, free), now).await?;
    let letter = Letter::Accounted {
        code,
        lease,
        currency: *currency,
    };
    post::report(desk, &letter).await
}

/// At the centre: the lost home has given account. What went on and it has not sent was spent there.
pub(crate) async fn accounted(
    desk: &mut Desk,
    from: &Peer,
    (code, lease): (&Code, u64),
    currency: &Currency,
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    let account = store::account_given(connection, &from.code, (code, lease), currency).await?;
    let Some((Awaited::Awaited, missing)) = account else {
        return Ok(());
    };
    let last = !store::is_awaited(&mut desk.connection, code).await?;
    let debt = Debt {
        code: *code,
        lease,
        currency: *currency,
        amount: missing,
    };
    owed(desk, &debt, last, now).await
}

/// What a purse owes goes to its home, and is paid there. With the last of it the lost home has
/// given account in every currency.
pub(crate) async fn owed(
    desk: &mut Desk,
    debt: &Debt,
    last: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let letter = Letter::Owed { debt: *debt, last };
    if leases::is_away(desk, &debt.code).await? {
        return to_home(desk, &debt.code, &letter).await;
    }
    let connection = &mut desk.connection;
    if debt.amount > AmountMinor::ZERO {
        store::owe(connection, debt).await?;
    }
    if last {
        store::has_come(connection, &debt.code).await?;
    }
    pay_debts(desk, Some(&debt.code), now).await?;
    match last {
        true => Box::pin(moves::go_on(desk, &debt.code, now)).await,
        false => Ok(()),
    }
}

/// To the home of a purse: by way of the centre, which knows where that is.
async fn to_home(desk: &mut Desk, code: &Code, letter: &Letter<'_>) -> Result<(), Failure> {
    if let Place::Under(_) = desk.place {
        return post::report(desk, letter).await;
    }
    let home = homes::home(&mut desk.connection, code).await?;
    let home = home.ok_or(Status::UnknownCode)?.0.home;
    post::send(desk, &home, letter).await.map(drop)
}

/// Purses pay what they owe as far as they have something free.
pub(crate) async fn pay_debts(
    desk: &mut Desk,
    of: Option<&Code>,
    now: Timestamp,
) -> Result<(), Failure> {
    for debt in store::debts(&mut desk.connection, of, SWEEP_MOST).await? {
        let purse = Account::PurseFree(debt.code);
        let connection = &mut desk.connection;
        let free = journal::balance(connection, &debt.currency, &purse).await?;
        let paid = free.min(debt.amount);
        if paid == AmountMinor::ZERO {
            continue;
        }
        journal::open_account(connection, &debt.currency, &Account::Clearing).await?;
        desk.post(&Entry {
            kind: EntryKind::Close,
            subject: rules::subject("debt", &debt.code, debt.lease, &debt.currency),
            currency: debt.currency,
            at: now,
            transfers: vec![Transfer {
                from: purse,
                to: Account::Clearing,
                amount: paid,
            }],
        })
        .await?;
        // A crash here: neither is paid and counted; both happen together.
        here(CrashPoint::DebtPaid);
        store::pay(&mut desk.connection, &debt, paid).await?;
    }
    Ok(())
}

/// A purse leaves: what was put aside of it is its own again, and pays what it owes.
pub(crate) async fn settle_up(desk: &mut Desk, code: &Code, now: Timestamp) -> Result<(), Failure> {
    for aside in store::asides(&mut desk.connection, code).await? {
        give_back(desk, &aside, now).await?;
    }
    pay_debts(desk, Some(code), now).await
}

/// It has left: what it owes still goes after it.
pub(crate) async fn hand_debts_on(
    desk: &mut Desk,
    code: &Code,
    now: Timestamp,
) -> Result<(), Failure> {
    for debt in store::debts(&mut desk.connection, Some(code), SWEEP_MOST).await? {
        store::owe_elsewhere(&mut desk.connection, &debt).await?;
        owed(desk, &debt, false, now).await?;
    }
    Ok(())
}

// ------------------------------------------------------------------------------------- put aside

/// At the next home: a payment was seen on which the lost one may have a word.
pub(crate) async fn put_aside(
    desk: &mut Desk,
    allowance: &Allowance,
    payment: &Owned<Payment>,
    now: Timestamp,
) -> Result<(), Failure> {
    let (id, payment) = (&payment.id(), payment.get());
    let (code, currency) = (payment.payer, payment.currency);
    let connection = &mut desk.connection;
    let waits = store::awaited(connection, &code).await? == Some(allowance.gateway)
        && !store::is_theirs(connection, id).await?
        && store::aside(connection, id).await?.is_none()
        && payments::standing(connection, id).await?.is_none();
    let purse = Account::PurseFree(code);
    let free = journal::balance(connection, &currency, &purse).await?;
    let amount = free.min(payment.amount);
    if !waits || amount == AmountMinor::ZERO || leases::is_away(desk, &code).await? {
        return Ok(());
    }
    journal::open_account(&mut desk.connection, &currency, &Account::Clearing).await?;
    desk.post(&Entry {
        kind: EntryKind::Relay,
        subject: *id,
        currency,
        at: now,
        transfers: vec![Transfer {
            from: purse,
            to: Account::Clearing,
            amount,
        }],
    })
    .await?;
    // A crash here: it is neither gone nor put aside; both happen together.
    here(CrashPoint::PutAside);
    let aside = Aside {
        payment: *id,
        code,
        currency,
        amount,
    };
    store::put_aside(&mut desk.connection, &aside).await?;
    Ok(())
}

async fn take_aside(desk: &mut Desk, payment: &Digest, now: Timestamp) -> Result<(), Failure> {
    match store::aside(&mut desk.connection, payment).await? {
        Some(aside) => give_back(desk, &aside, now).await,
        None => Ok(()),
    }
}

async fn give_back(desk: &mut Desk, aside: &Aside, now: Timestamp) -> Result<(), Failure> {
    store::forget_aside(&mut desk.connection, &aside.payment).await?;
    let me = desk.bearings.gateway;
    desk.post(&Entry {
        kind: EntryKind::Relay,
        subject: rules::passed_on(&me, &aside.payment),
        currency: aside.currency,
        at: now,
        transfers: vec![Transfer {
            from: Account::Clearing,
            to: Account::PurseFree(aside.code),
            amount: aside.amount,
        }],
    })
    .await
    .map(drop)
}

/// The lost home has the word on this payment: nothing has to be put aside for it at the next one.
pub(crate) async fn theirs(
    desk: &mut Desk,
    code: &Code,
    payment: &Digest,
    now: Timestamp,
) -> Result<(), Failure> {
    if leases::is_away(desk, code).await? {
        let letter = Letter::Theirs {
            code: *code,
            payment: *payment,
        };
        return match desk.place {
            Place::Under(_) => Ok(()),
            _ => to_home(desk, code, &letter).await,
        };
    }
    // Nothing is put aside where no account is awaited.
    if store::awaited(&mut desk.connection, code).await?.is_some() {
        store::keep_theirs(&mut desk.connection, payment).await?;
    }
    take_aside(desk, payment, now).await?;
    // What is free again may be owed.
    pay_debts(desk, Some(code), now).await
}
