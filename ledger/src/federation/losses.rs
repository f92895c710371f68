//! Homes that are lost, and homes that come back.
//!
//! The centre lets the purses of a lost home go on with what its copy of the journal shows. On what
//! the copy shows the lost home keeps the word; everything else under its allowances is settled by
//! the next home. When the lost one is back, it hands over what it recorded beyond the copy:
//!
//! ```text
//! lost home   recorded 1..h | h+1..n     undone for the payer, handed to the next home
//! next home               h |            settles it, if it has not yet
//! payee                                  keeps the first credit for a payment, whoever sent it
//! ```
//!
//! What the lost home had paid stands `ahead` until the next home has settled it as well.

use super::letter::Letter;
use super::relays::{self, Spoken};
use super::store::losses::{self as store, Given, HandedOver};
use super::store::peers::{self, Peer};
use super::store::{copies, credits as ways, homes, relays as seen};
use super::{credits, keys, leases, post, rules};
use crate::books::{Account, Entry, EntryKind, Transfer, route};
use crate::bounds::{PARCELS_MOST, SWEEP_MOST};
use crate::commands::credit::flowing;
use crate::commands::release;
use crate::crash::{CrashPoint, here};
use crate::rules::settle::{Fate, cost};
use crate::store::payments::{self, Flowing, Progress};
use crate::store::{covers, currencies, journal, things};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::covers::{COVERED_MAX, ITEMS_MAX, Item, Items};
use protocol::message::Message;
use protocol::objects::{Allowance, Credit, Move, Payment, Release, Statement};
use protocol::stream::Chain;
use protocol::{AmountMinor, Code, Currency, Digest, KeyEpoch, Status, Timestamp};

/// How long a payment that the next home could not fund waits before it is handed over again.
const AGAIN_S: u32 = 300;

/// At the centre: gives up leases whose home does not answer, after their end and the grace after
/// it, and lets the purse go on with what is known of it.
pub(crate) async fn release_lost(desk: &mut Desk, now: Timestamp) -> Result<u32, Failure> {
    let mut done = 0;
    let open = homes::moving_open(&mut desk.connection, SWEEP_MOST).await?;
    for moving in open {
        let home = homes::home(&mut desk.connection, &moving.code).await?;
        let Some((homed, _)) = home else { continue };
        if homed.home != moving.source || homed.number.saturating_add(1) != moving.lease {
            continue;
        }
        let grace_s = keys::gateway(desk, &moving.source).await?.grace_s;
        let grace_s = grace_s.unwrap_or(desk.bearings.policy.grace_s);
        if rules::may_release(homed.ends, grace_s, now) {
            release_one(desk, &moving, homed.number, now).await?;
            done += 1;
        }
    }
    Ok(done)
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
    };
    for (currency, amount) in &held {
        let connection = &mut desk.connection;
        store::keep_released(connection, &given, (currency, *amount), &signed).await?;
        let letter = Letter::Release {
            release: &signed,
            currency: *currency,
            amount: *amount,
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
    take_back(desk, &lost, &code, now).await
}

/// What waits for a lost home and is about this purse's payments goes to who settles them now; that
/// it should let the purse go is history.
async fn take_back(
    desk: &mut Desk,
    lost: &Code,
    code: &Code,
    now: Timestamp,
) -> Result<(), Failure> {
    let me = desk.bearings.gateway;
    let mut after = 0;
    loop {
        let step = peers::letters(&mut desk.connection, lost, after, PARCELS_MOST).await?;
        let Some((last, _)) = step.last() else {
            return Ok(());
        };
        after = *last;
        for (number, bytes) in &step {
            let letter = Letter::read(bytes)?;
            let message = match letter {
                Letter::Relay { message, .. } => message,
                // It was not carried out, and must not be now.
                Letter::Order { order, .. } => {
                    let order = *open::<Move>(order, &desk.bearings.network)?.peek();
                    if order.code == *code {
                        let nothing = Letter::Nothing.write();
                        peers::replace(&mut desk.connection, lost, *number, &nothing).await?;
                    }
                    continue;
                }
                _ => continue,
            };
            let (mut stays, mut goal) = (false, None);
            for it in relays::spoken(desk, message)? {
                if it.gateway != *lost {
                    continue;
                }
                let settler = settler(desk, &it).await?;
                stays |= settler == *lost;
                if it.payer == *code && settler != *lost {
                    goal = Some(settler);
                }
            }
            let Some(goal) = goal else { continue };
            if !stays {
                let nothing = Letter::Nothing.write();
                peers::replace(&mut desk.connection, lost, *number, &nothing).await?;
            }
            match goal == me {
                true => judge(desk, &letter, now).await?,
                false => post::send(desk, &goal, &letter).await.map(drop)?,
            }
        }
    }
}

async fn judge(desk: &mut Desk, letter: &Letter<'_>, now: Timestamp) -> Result<(), Failure> {
    let for_peer = std::mem::replace(&mut desk.for_peer, true);
    relays::judge(desk, letter, now).await?;
    desk.for_peer = for_peer;
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

/// At the centre: who settles a payment: the gateway that gave its allowance, or the purse's home
/// after that one was lost. The next home hears on which payments the lost one keeps the word.
pub(crate) async fn settler(desk: &mut Desk, it: &Spoken) -> Result<Code, Failure> {
    let connection = &mut desk.connection;
    let Some(height) = store::released_at(connection, &it.payer, &it.gateway).await? else {
        return Ok(it.gateway);
    };
    let home = homes::home(connection, &it.payer).await?;
    let home = home.map_or(it.gateway, |(homed, _)| homed.home);
    let lost = &it.gateway;
    if !copies::is_recorded(connection, lost, &it.payment, height).await? {
        return Ok(home);
    }
    let payment = it.payment;
    if home == desk.bearings.gateway {
        store::settled_there(connection, &payment).await?;
    } else if home != *lost {
        post::send(desk, &home, &Letter::Theirs { payment }).await?;
    }
    Ok(*lost)
}

/// At the next home: the lost one has the word on this payment.
pub(crate) async fn theirs(desk: &mut Desk, payment: &Digest) -> Result<(), Failure> {
    Ok(store::settled_there(&mut desk.connection, payment).await?)
}

/// Whether these books settle under an allowance of a home that was lost. Only the centre knows who
/// settles what after a loss, so nothing counts but what comes from it.
pub(crate) async fn settle_here(
    desk: &mut Desk,
    payment: &Digest,
    allowance: &Allowance,
) -> Result<bool, Failure> {
    let (code, lost) = (&allowance.code, &allowance.gateway);
    let connection = &mut desk.connection;
    let taken = desk.for_peer
        && store::has_taken_over(connection, code, lost).await?
        && !store::is_settled_there(connection, payment).await?;
    Ok(taken && !leases::is_away(desk, code).await?)
}

/// At a home that was lost: whether a payment under its own allowance is settled by the next one.
pub(crate) async fn is_handed_over(
    desk: &mut Desk,
    payment: &Digest,
    payer: &Code,
) -> Result<bool, Failure> {
    let connection = &mut desk.connection;
    if store::given_up_at(connection, payer).await?.is_none() {
        return Ok(false);
    }
    if store::handed_over(connection, payment).await?.is_some() {
        return Ok(true);
    }
    if payments::standing(connection, payment).await?.is_some() {
        return Ok(false);
    }
    leases::is_away(desk, payer).await
}

/// At a home that was lost and is back: what has gone on without it leaves its books.
pub(crate) async fn written_off(
    desk: &mut Desk,
    signed: &[u8],
    (currency, amount): (&Currency, AmountMinor),
    height: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let release = keys::by_centre::<Release>(desk, signed, |release| release.centre).await?;
    let release = *release.get();
    let (code, lease) = (release.code, release.number);
    if store::is_written_off(&mut desk.connection, (&code, lease), currency).await? {
        return Ok(());
    }
    // Nothing given here outlives the lease, and the centre waited for the grace after it.
    release::lapsed_by(desk, &code, currency, release.time).await?;
    let me = desk.bearings.gateway;
    let given = Given {
        code: &code,
        lease,
        home: &me,
        height,
    };
    let undone = hand_over(desk, &given, currency, now).await?;
    let purse = Account::PurseFree(code);
    let free = journal::balance(&mut desk.connection, currency, &purse).await?;
    let amount = free.min(amount);
    store::write_off(&mut desk.connection, &given, currency, (amount, undone)).await?;
    if amount == AmountMinor::ZERO {
        return Ok(());
    }
    desk.post(&Entry {
        kind: EntryKind::Close,
        subject: rules::subject("release", &code, lease, currency),
        currency: *currency,
        at: now,
        transfers: vec![Transfer {
            from: purse,
            to: Account::Clearing,
            amount,
        }],
    })
    .await?;
    let letter = Letter::WrittenOff {
        code,
        lease,
        currency: *currency,
        amount,
    };
    post::report(desk, &letter).await
}

/// What was recorded here beyond the copy: the payer has it back, and the next home settles it.
/// Gives how much these books had paid for it.
async fn hand_over(
    desk: &mut Desk,
    given: &Given<'_>,
    currency: &Currency,
    now: Timestamp,
) -> Result<AmountMinor, Failure> {
    let mut undone = AmountMinor::ZERO;
    let purse = (given.code, currency);
    for (id, taken) in store::paid_after(&mut desk.connection, purse, given.height).await? {
        let payment = flowing(desk, &id).await?;
        let flow = payment.flow()?;
        let all = flow.paid().checked_add(flow.waits());
        let all = all.ok_or(Status::AboveLimit)?;
        // What left the purse before that height is missing in what went on, and stays here.
        if all == AmountMinor::ZERO || all.as_i64() != taken {
            continue;
        }
        let Some(known) = message(desk, &payment).await? else {
            continue;
        };
        undo(desk, &payment, given.lease, now).await?;
        undone = undone.checked_add(flow.paid()).ok_or(Status::AboveLimit)?;
        // A crash here: nothing of the release has happened, and its letter comes again.
        here(CrashPoint::HandedOver);
        relays::pass_on(desk, &payment, (&known.0, known.1), now).await?;
    }
    Ok(undone)
}

/// At a home that was lost: what the next one could not fund is handed to it again: money that is
/// on its way there may have come since.
pub(crate) async fn hand_over_again(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let before = now.minus_s(AGAIN_S);
    for id in store::unsettled(&mut desk.connection, before, SWEEP_MOST).await? {
        let payment = flowing(desk, &id).await?;
        if let Some(known) = message(desk, &payment).await? {
            seen::again(&mut desk.connection, &id, now).await?;
            relays::pass_on(desk, &payment, (&known.0, known.1), now).await?;
        }
    }
    Ok(())
}

async fn undo(
    desk: &mut Desk,
    flowing: &Flowing,
    lease: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let (flow, payment) = (flowing.flow()?, &flowing.payment);
    let (paid, waits) = (flow.paid(), flow.waits());
    let fate = match flowing.fate {
        Fate::InTransit => Fate::Returned,
        Fate::Waiting => Fate::Settled,
        fate => fate,
    };
    let connection = &mut desk.connection;
    if fate != flowing.fate {
        let progress = Progress {
            fate,
            receipt: None,
            waits: AmountMinor::ZERO,
            settle_by: payment.settle_by,
            units: flowing.units,
            shown: None,
            funded: paid,
            missing: AmountMinor::ZERO,
            claimed: false,
            now,
        };
        payments::advance(connection, &flowing.id, &progress).await?;
    }
    journal::open_account(connection, &payment.currency, &Account::Clearing).await?;
    let sources = [
        (Account::InTransit(flowing.id), waits),
        (Account::Clearing, paid),
    ];
    let all = paid.checked_add(waits).ok_or(Status::AboveLimit)?;
    let entry = Entry {
        kind: EntryKind::Return,
        subject: flowing.id,
        currency: payment.currency,
        at: now,
        transfers: route(&sources, &[(Account::PurseFree(payment.payer), all)]),
    };
    // Into the purse here, wherever its home is by now: it is written off from there.
    desk.head = journal::append(&mut desk.connection, &desk.head, &entry).await?;
    let it = HandedOver {
        payment: flowing.id,
        payer: payment.payer,
        lease,
        currency: payment.currency,
        payee: payment.payee,
        amount: paid,
        settled: AmountMinor::ZERO,
    };
    Ok(store::hand_over(&mut desk.connection, &it).await?)
}

/// At a home that was lost: the next one's word on a payment that both have settled. What it paid
/// has not gone on ahead any more.
pub(crate) async fn heard(
    desk: &mut Desk,
    payment: &Digest,
    message: &[u8],
) -> Result<(), Failure> {
    let Some(it) = store::handed_over(&mut desk.connection, payment).await? else {
        return Ok(());
    };
    let Message::Statement { statement: signed } = Message::read(message)? else {
        return Ok(());
    };
    let statement = *open::<Statement>(signed, &desk.bearings.network)?.peek();
    let flowing = flowing(desk, payment).await?;
    let units = cost(
        flowing.payment.stream.as_ref(),
        statement.units.unwrap_or(0),
    )?;
    let paid = match u8::try_from(statement.outcome)
        .ok()
        .and_then(Status::from_number)
    {
        Some(Status::Settled) if flowing.payment.stream.is_none() => {
            statement.paid.unwrap_or(flowing.payment.amount)
        }
        _ => statement.paid.unwrap_or(units),
    };
    let upto = paid.min(it.amount);
    let Some(more) = rules::news(upto, it.settled) else {
        return Ok(());
    };
    let credit = Credit {
        gateway: statement.gateway,
        gateway_epoch: statement.gateway_epoch,
        subject: *payment,
        payee: it.payee,
        currency: it.currency,
        amount: upto,
        covers_for: None,
        provisional: None,
        time: statement.time,
    };
    let connection = &mut desk.connection;
    if ways::take(connection, &credit, more, signed).await? {
        store::settled_too(connection, &it, more).await?;
    }
    Ok(())
}

/// What a purse that has left received here in payments that others may credit to it as well goes
/// after it under their names, so that it has them once.
pub(crate) async fn send_received(
    desk: &mut Desk,
    (code, currency): (&Code, &Currency),
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    let received = match store::given_up_at(connection, code).await? {
        Some(height) => store::received_after(connection, (code, currency), height).await?,
        None => store::handed_over_to(connection, (code, currency)).await?,
    };
    for (subject, amount) in received {
        let connection = &mut desk.connection;
        let amount = u64::try_from(amount).ok().and_then(AmountMinor::new);
        let sent = ways::sent(connection, &subject, code, currency).await?;
        let purse = Account::PurseFree(*code);
        let free = journal::balance(connection, currency, &purse).await?;
        let more = amount.unwrap_or_default().min(free);
        if sent > AmountMinor::ZERO || more == AmountMinor::ZERO {
            continue;
        }
        desk.post(&Entry {
            kind: EntryKind::Close,
            subject,
            currency: *currency,
            at: now,
            transfers: vec![Transfer {
                from: purse,
                to: Account::Clearing,
                amount: more,
            }],
        })
        .await?;
        let sent = credits::Sent {
            subject,
            payee: *code,
            currency: *currency,
            more,
            covers_for: None,
            at: now,
        };
        credits::emit(desk, &sent).await?;
    }
    Ok(())
}

/// At the centre: the lost home has written off so much.
pub(crate) async fn returned(
    desk: &mut Desk,
    from: &Peer,
    (code, lease): (&Code, u64),
    (currency, amount): (&Currency, AmountMinor),
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    store::returned(connection, &from.code, (code, lease), currency, amount).await?;
    Ok(())
}

/// A payment as these books know it, to be handed in elsewhere.
struct Known {
    id: Digest,
    allowance: Vec<u8>,
    payment: Vec<u8>,
    covers: Vec<(Digest, u32)>,
    released: Option<(u32, Digest)>,
}

/// A message, and the hash over the covers in it.
type Written = (Vec<u8>, Option<Digest>);

/// The message that hands a recorded payment in, with everything that stands here about it, and the
/// hash over its covers; `None` where a cover of it is not known here in full.
async fn message(desk: &mut Desk, flowing: &Flowing) -> Result<Option<Written>, Failure> {
    let standing = payments::standing(&mut desk.connection, &flowing.id).await?;
    let receipt = standing.and_then(|standing| standing.receipt);
    let receipt = receipt.as_deref();
    if let Some((items, beneath)) = store::items(&mut desk.connection, &flowing.id).await? {
        let items = items.as_slice();
        let message = super::hooks::encode(&Message::Covered { items, receipt })?;
        return Ok(Some((message, Some(beneath))));
    }
    let mut all: Vec<Known> = Vec::new();
    let mut wanted = vec![(flowing.id, None)];
    while let Some((id, units)) = wanted.pop() {
        if all.iter().any(|known| known.id == id) {
            continue;
        }
        let Some(known) = known(desk, &id, units).await? else {
            return Ok(None);
        };
        wanted.extend(known.covers.iter().map(|(id, units)| (*id, Some(*units))));
        all.push(known);
        if all.len() > ITEMS_MAX {
            return Ok(None);
        }
    }
    let [one] = all.as_slice() else {
        return covered(&all, receipt);
    };
    let (allowance, payment) = (one.allowance.as_slice(), one.payment.as_slice());
    let message = match (one.released, receipt) {
        (Some((units, value)), receipt) => Message::StreamClaim {
            allowance,
            payment,
            units,
            value,
            receipt,
        },
        (None, Some(receipt)) => Message::Claim {
            allowance,
            payment,
            receipt,
        },
        (None, None) => Message::Evidence { allowance, payment },
    };
    Ok(Some((super::hooks::encode(&message)?, None)))
}

/// Covers before what stands on them; `None` when that goes beyond one message.
fn covered(all: &[Known], receipt: Option<&[u8]>) -> Result<Option<Written>, Failure> {
    let mut order: Vec<&Known> = Vec::with_capacity(all.len());
    for _ in all {
        let stands = |id: &Digest| order.iter().any(|known| known.id == *id);
        let next = all.iter().find(|known| {
            !stands(&known.id) && known.covers.iter().all(|(cover, _)| stands(cover))
        });
        let Some(next) = next else { return Ok(None) };
        order.push(next);
    }
    let place = |id: &Digest| order.iter().position(|known| known.id == *id);
    let items: Vec<Item<'_>> = order
        .iter()
        .map(|known| Item {
            allowance: &known.allowance,
            payment: &known.payment,
            released: known.released,
            covers: (known.covers.iter())
                .filter_map(|(cover, _)| place(cover))
                .fold(0, |bits, place| bits | 1 << place),
        })
        .collect();
    let mut bytes = vec![0; COVERED_MAX];
    let Some(len) = Items::new(&items).and_then(|items| items.write(&mut bytes)) else {
        return Ok(None);
    };
    bytes.truncate(len);
    let mut counted: Vec<_> = all.iter().flat_map(|known| known.covers.clone()).collect();
    let hash = protocol::covers::hash(&mut counted);
    let message = Message::Covered {
        items: &bytes,
        receipt,
    };
    Ok(Some((super::hooks::encode(&message)?, Some(hash))))
}

/// A payment recorded here, or seen here, with the units that count where it is a cover.
async fn known(desk: &mut Desk, id: &Digest, units: Option<u32>) -> Result<Option<Known>, Failure> {
    let connection = &mut desk.connection;
    let evidence = match payments::evidence_bytes(connection, id).await? {
        Some(evidence) => Some(evidence),
        None => seen::seen(connection, id).await?,
    };
    let Some((allowance, bytes)) = evidence else {
        return Ok(None);
    };
    let covers = covers::of(connection, id).await?;
    let payment = *open::<Payment>(&bytes, &desk.bearings.network)?.peek();
    if payment.covers.is_some() && covers.is_empty() {
        return Ok(None);
    }
    let standing = payments::standing(connection, id).await?;
    let shown = standing.and_then(|standing| standing.shown);
    let released = match (payment.stream, shown, units) {
        (None, ..) | (Some(_), None, None) => None,
        (Some(_), Some(shown), units) => {
            let units = units.unwrap_or(shown.units());
            let Some(above) = shown.units().checked_sub(units) else {
                return Ok(None);
            };
            let value = Chain::of(&payment).down(*shown.value(), above);
            Some((units, value))
        }
        (Some(_), None, Some(_)) => return Ok(None),
    };
    Ok(Some(Known {
        id: *id,
        allowance,
        payment: bytes,
        covers,
        released,
    }))
}
