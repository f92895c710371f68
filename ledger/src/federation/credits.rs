//! Credits: money that goes from these books to others, and comes from them.
//!
//! Whatever is posted to the free purse of a code that is at home elsewhere goes to
//! [`Account::Clearing`] instead, and one signed, cumulative credit carries it on. So no command
//! has to know who is at home where.

use super::letter::Letter;
use super::store::{credits, homes, losses};
use super::terms::Place;
use super::{keys, leases, post, rules, withdrawals};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::bounds::TOP_UP_MOST;
use crate::commands::credit::{land_at, top_up};
use crate::crash::{CrashPoint, here};
use crate::store::{coverage, journal, payments};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::objects::{Credit, Payment};
use protocol::{AmountMinor, Code, Currency, Digest, Reference, Status, Timestamp};

/// An entry with the money of others on its way to them.
pub(crate) struct Leaving {
    pub entry: Entry,
    gone: Vec<(Code, AmountMinor)>,
}

/// What of an entry belongs into other books; `None` when all of it stays.
pub(crate) async fn leaving(desk: &mut Desk, entry: &Entry) -> Result<Option<Leaving>, Failure> {
    if desk.place == Place::Alone {
        return Ok(None);
    }
    let mut leaving = Leaving {
        entry: entry.clone(),
        gone: Vec::new(),
    };
    for transfer in &mut leaving.entry.transfers {
        let Account::PurseFree(code) = transfer.to else {
            continue;
        };
        if transfer.amount == AmountMinor::ZERO {
            continue;
        }
        if !leases::is_away(desk, &code).await? && !lifts_elsewhere(desk, entry, &code).await? {
            continue;
        }
        transfer.to = Account::Clearing;
        leaving.gone.push((code, transfer.amount));
    }
    Ok((!leaving.gone.is_empty()).then_some(leaving))
}

/// Whether a payment to a purse that has come from elsewhere covers an allowance of the home before:
/// then it goes there first.
async fn lifts_elsewhere(desk: &mut Desk, entry: &Entry, payee: &Code) -> Result<bool, Failure> {
    // What comes by credit has been there.
    if entry.kind == EntryKind::Credit {
        return Ok(false);
    }
    let (connection, network) = (&mut desk.connection, desk.bearings.network);
    let home = homes::home(connection, payee).await?;
    if home.is_none_or(|(homed, _)| homed.number < 2) {
        return Ok(false);
    }
    let named = covers_for(connection, network, &entry.subject, payee).await?;
    let Some(reference) = named else {
        return Ok(false);
    };
    Ok(coverage::named(connection, payee, &reference)
        .await?
        .is_none())
}

/// The entry is written: the credits for what left with it.
pub(crate) async fn send(desk: &mut Desk, leaving: &Leaving) -> Result<(), Failure> {
    let entry = &leaving.entry;
    for (payee, more) in &leaving.gone {
        let connection = &mut desk.connection;
        let covers_for =
            covers_for(connection, desk.bearings.network, &entry.subject, payee).await?;
        let sent = Sent {
            subject: entry.subject,
            payee: *payee,
            currency: entry.currency,
            more: *more,
            covers_for,
            at: entry.at,
        };
        let height = desk.head.height;
        // It covers an allowance that these very books gave its payee before it moved on.
        if let Some((before, bytes)) = emit(desk, &sent).await? {
            let letter = Letter::Credit {
                height,
                before,
                asked: true,
                credit: &bytes,
            };
            Box::pin(stays(desk, &letter, entry.at)).await?;
        }
    }
    Ok(())
}

/// The allowance for which the payment with this identifier is a cover.
async fn covers_for(
    connection: &mut crate::store::Connection,
    network: protocol::Network,
    subject: &Digest,
    payee: &Code,
) -> Result<Option<Reference>, Failure> {
    let Some((_, payment)) = payments::evidence_bytes(connection, subject).await? else {
        return Ok(None);
    };
    let payment = *open::<Payment>(&payment, &network)?.peek();
    Ok(payment.covers_for.filter(|_| payment.payee == *payee))
}

/// Money that has just gone to clearing.
pub(crate) struct Sent {
    pub subject: Digest,
    pub payee: Code,
    pub currency: Currency,
    pub more: AmountMinor,
    pub covers_for: Option<Reference>,
    pub at: Timestamp,
}

/// Signs the next credit of its subject and writes it to where it goes. What is for a purse at home
/// here comes back: what was sent before, and the credit.
pub(crate) async fn emit(
    desk: &mut Desk,
    sent: &Sent,
) -> Result<Option<(AmountMinor, Vec<u8>)>, Failure> {
    let connection = &mut desk.connection;
    let before = credits::sent(connection, &sent.subject, &sent.payee, &sent.currency).await?;
    let credit = Credit {
        gateway: desk.bearings.gateway,
        gateway_epoch: desk.bearings.gateway_epoch,
        subject: sent.subject,
        payee: sent.payee,
        currency: sent.currency,
        amount: before.checked_add(sent.more).ok_or(Status::AboveLimit)?,
        covers_for: sent.covers_for,
        provisional: None,
        time: sent.at,
    };
    let (bytes, _) = desk.seal(&credit)?;
    credits::keep_sent(&mut desk.connection, &credit, &bytes).await?;
    // A crash here: neither the posting nor the credit; both happen together.
    here(CrashPoint::CreditSent);
    let letter = Letter::Credit {
        height: desk.head.height,
        before,
        asked: false,
        credit: &bytes,
    };
    if desk.place != Place::Centre {
        return post::report(desk, &letter).await.map(|()| None);
    }
    let stays = !onward(desk, &credit, &letter, None).await?;
    Ok(stays.then_some((before, bytes)))
}

/// At the centre: on to the payee's home, from whoever sent it up. `false` when that is here.
async fn onward(
    desk: &mut Desk,
    credit: &Credit,
    letter: &Letter<'_>,
    from: Option<&Code>,
) -> Result<bool, Failure> {
    let me = desk.bearings.gateway;
    let Letter::Credit { height, asked, .. } = *letter else {
        return Err(Status::Malformed.into());
    };
    let connection = &mut desk.connection;
    let home = homes::home(connection, &credit.payee).await?;
    let goal = match &home {
        Some((homed, _)) => homed.home,
        None if credit.payee == me => me,
        None if homes::is_enrolled_here(connection, &credit.payee).await? => me,
        None => {
            credits::wait(connection, &credit.payee, &letter.write()).await?;
            return Ok(true);
        }
    };
    // The allowance that it covers may still stand where the payee has lived before; and the payee
    // may have moved on while somebody else was asked.
    let (goal, letter) = match home {
        Some((homed, _)) if credit.covers_for.is_some() => {
            let moving = homes::moving(connection, &credit.payee, homed.number).await?;
            let before = moving.map_or(goal, |moving| moving.source);
            // A lost one covers what it covers as long as it is waited for.
            let lost = losses::released(connection, &credit.payee, &before).await?;
            let lost = lost.is_some_and(|(_, account)| account == losses::Account::NoLonger);
            let has_answered = asked && from == Some(&before);
            let before = match lost || has_answered {
                true => goal,
                false => before,
            };
            (before, letter.asked(asked || before != goal))
        }
        _ => (goal, *letter),
    };
    if goal == me {
        return Ok(false);
    }
    let (hop, number) = post::send(desk, &goal, &letter).await?;
    let origin = &credit.gateway;
    credits::went(&mut desk.connection, origin, height, &hop, number).await?;
    Ok(true)
}

/// At the centre: a credit that came up, or that its home sends back because the purse has moved.
pub(crate) async fn route(
    desk: &mut Desk,
    letter: &Letter<'_>,
    from: Option<&Code>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Credit {
        height,
        before,
        asked,
        credit: signed,
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let credit = keys::by_gateway::<Credit>(desk, signed, |credit| credit.gateway).await?;
    let before = absorbed(desk, credit.get(), before).await?;
    if rules::news(credit.get().amount, before).is_none() {
        return Ok(());
    }
    let letter = Letter::Credit {
        height,
        before,
        asked,
        credit: signed,
    };
    if onward(desk, credit.get(), &letter, from).await? {
        return Ok(());
    }
    if stays(desk, &letter, now).await? {
        top_up(desk, now, TOP_UP_MOST).await?;
    }
    Ok(())
}

/// At the centre: its payee is at home here, or was. When no allowance of these books is covered, on
/// it goes; else `true` when it was news.
async fn stays(desk: &mut Desk, letter: &Letter<'_>, now: Timestamp) -> Result<bool, Failure> {
    let Letter::Credit { credit: signed, .. } = *letter else {
        return Err(Status::Malformed.into());
    };
    let credit = keys::by_gateway::<Credit>(desk, signed, |credit| credit.gateway).await?;
    let credit = credit.get();
    if leases::is_away(desk, &credit.payee).await? && !covers_here(desk, credit).await? {
        let me = desk.bearings.gateway;
        onward(desk, credit, &letter.asked(true), Some(&me)).await?;
        return Ok(false);
    }
    enter(desk, letter, now).await
}

/// Whether the allowance that a credit covers was given by these books.
async fn covers_here(desk: &mut Desk, credit: &Credit) -> Result<bool, Failure> {
    let Some(reference) = credit.covers_for else {
        return Ok(false);
    };
    let connection = &mut desk.connection;
    Ok(coverage::named(connection, &credit.payee, &reference)
        .await?
        .is_some())
}

/// What a lost home sends after all has gone on without it: it takes the place of that.
async fn absorbed(
    desk: &mut Desk,
    credit: &Credit,
    before: AmountMinor,
) -> Result<AmountMinor, Failure> {
    let Some(more) = rules::news(credit.amount, before) else {
        return Ok(before);
    };
    let (connection, lost) = (&mut desk.connection, &credit.gateway);
    let taken = losses::absorb(connection, lost, &credit.payee, &credit.currency, more).await?;
    Ok(before.checked_add(taken).ok_or(Status::AboveLimit)?)
}

/// A credit for a purse at home here, or for what it left behind: what is news of it is posted,
/// once.
pub(crate) async fn take(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    if enter(desk, letter, now).await? {
        top_up(desk, now, TOP_UP_MOST).await?;
    }
    Ok(())
}

/// The same without paying what it lifts; `false` when nothing of it is news.
async fn enter(desk: &mut Desk, letter: &Letter<'_>, now: Timestamp) -> Result<bool, Failure> {
    let Letter::Credit {
        before,
        credit: signed,
        ..
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let credit = keys::by_gateway::<Credit>(desk, signed, |credit| credit.gateway).await?;
    let credit = *credit.get();
    // What its arbiter has not settled never enters a purse.
    if credit.provisional.is_some() {
        return Err(Status::NotPermitted.into());
    }
    let Some(more) = rules::news(credit.amount, before) else {
        return Ok(false);
    };
    let away = leases::is_away(desk, &credit.payee).await?;
    if away && !covers_here(desk, &credit).await? {
        post::report(desk, letter).await?;
        return Ok(false);
    }
    // Steps of one subject may overtake each other where a purse moves: each counts by itself, and
    // once.
    if !credits::take(&mut desk.connection, &credit, more, signed).await? {
        return Ok(false);
    }
    // A crash here: the step is not here, and its letter comes again.
    here(CrashPoint::CreditTaken);
    let (connection, from) = (&mut desk.connection, Account::Clearing);
    journal::open_account(connection, &credit.currency, &from).await?;
    if credit.payee == desk.bearings.gateway {
        withdrawals::paid(desk, &credit, more, now).await?;
        return Ok(false);
    }
    let to = (credit.payee, credit.currency);
    let goals = land_at(desk, to, credit.covers_for, more, now).await?;
    let transfer = |(to, amount)| Transfer { from, to, amount };
    desk.post(&Entry {
        kind: EntryKind::Credit,
        // What goes on from here is not to be taken for the credit itself.
        subject: match away {
            true => rules::passed_on(&credit.gateway, &credit.subject),
            false => credit.subject,
        },
        currency: credit.currency,
        at: now,
        transfers: goals.into_iter().map(transfer).collect(),
    })
    .await?;
    Ok(true)
}

/// Whether a credit is for this code.
pub(crate) fn is_for(desk: &Desk, letter: &Letter<'_>, code: &Code) -> Result<bool, Status> {
    let Letter::Credit { credit, .. } = *letter else {
        return Ok(false);
    };
    Ok(open::<Credit>(credit, &desk.bearings.network)?.peek().payee == *code)
}

/// At the centre: what a lost home is known to have held goes on to the new home. The lost home
/// sends what it holds when it is back, and that takes the place of this.
pub(crate) async fn emit_released(
    desk: &mut Desk,
    code: &Code,
    lease: u64,
    (currency, amount): (&Currency, AmountMinor),
    now: Timestamp,
) -> Result<(), Failure> {
    let subject = rules::subject("release", code, lease, currency);
    let sent = Sent {
        subject,
        payee: *code,
        currency: *currency,
        more: amount,
        covers_for: None,
        at: now,
    };
    let height = desk.head.height;
    match emit(desk, &sent).await? {
        Some((before, bytes)) => {
            let letter = Letter::Credit {
                height,
                before,
                asked: true,
                credit: &bytes,
            };
            take(desk, &letter, now).await
        }
        None => Ok(()),
    }
}
