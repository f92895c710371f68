//! Moves: a purse gets another home, with the old home's closing balance or the centre's release.

use super::letter::Letter;
use super::store::peers::Peer;
use super::store::{homes, losses as lost};
use super::terms::Place;
use super::{credits, hooks, keys, leases, losses, post, rules};
use crate::books::{Account, Entry, EntryKind, Transfer};
use crate::commands::release;
use crate::crash::{CrashPoint, here};
use crate::evidence::Owned;
use crate::rules::links::Links;
use crate::store::things::{self, ThingState};
use crate::store::{accusations, allowances, journal, payments};
use crate::writer::{Command, Desk, Failure};
use protocol::cose::open;
use protocol::message::{CREDENTIALS_MAX, Message, OBJECTS_MAX};
use protocol::objects::{ClosingBalance, Move};
use protocol::rules::proof::Charge;
use protocol::{
    AmountMinor, Code, Currency, Digest, KeyEpoch, Odometer, Sequence, Status, Timestamp,
};

/// Who is named when a ledger freezes a code by itself.
const BY_LEDGER: &str = "ledger";

/// How far a move has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moving {
    /// The old home, or the centre, is asked.
    Asked,
    /// The purse has left its old home or come to its new one; the newest lease that is known.
    Moved(Vec<u8>),
    /// It contradicts another move for the same lease: the accusation is on record, the code frozen.
    Contradicts,
}

pub(crate) struct MoveHome {
    pub order: Vec<u8>,
    pub pass: Vec<u8>,
    pub now: Timestamp,
}

impl Command for MoveHome {
    type Answer = Moving;

    async fn execute(&self, desk: &mut Desk) -> Result<Moving, Failure> {
        if desk.place == Place::Alone {
            return Err(Status::NotForYou.into());
        }
        ordered(desk, &self.order, &self.pass, self.now).await
    }
}

/// A thing wants to move: carried out by its home, passed on by everybody else.
pub(crate) async fn ordered(
    desk: &mut Desk,
    signed: &[u8],
    pass: &[u8],
    now: Timestamp,
) -> Result<Moving, Failure> {
    let order = signed_by_thing(desk, signed, pass).await?;
    let this = *order.get();
    let me = desk.bearings.gateway;
    if this.from == this.to {
        return Err(Status::Malformed.into());
    }
    keys::gateway(desk, &this.to).await?;
    if let Some(known) = homes::moving(&mut desk.connection, &this.code, this.lease).await? {
        if (known.source, known.goal) != (this.from, this.to) {
            accuse(desk, &order, (&known.bytes, pass), now).await?;
            return Ok(Moving::Contradicts);
        }
        if known.done {
            let home = homes::home(&mut desk.connection, &this.code).await?;
            return Ok(Moving::Moved(
                home.map(|(_, bytes)| bytes).unwrap_or_default(),
            ));
        }
        if this.from != me {
            return Ok(Moving::Asked);
        }
    }
    let home = homes::home(&mut desk.connection, &this.code).await?;
    let fits = home.as_ref().is_some_and(|(homed, _)| {
        homed.home == this.from && homed.number.saturating_add(1) == this.lease
    });
    // Everybody but the home and the centre may have old news, and leaves it to them.
    let knows = this.from == me || desk.place == Place::Centre;
    if knows && !fits {
        return Err(Status::WrongLease.into());
    }
    homes::keep_moving(&mut desk.connection, &this, signed, pass, now).await?;
    here(CrashPoint::MoveOrdered);
    if this.from == me {
        go_on(desk, &this.code, now).await?;
        return Ok(Moving::Asked);
    }
    let letter = Letter::Order {
        order: signed,
        pass,
    };
    post::send(desk, &this.from, &letter).await?;
    Ok(Moving::Asked)
}

/// At its home: a purse leaves, if it wants to and nothing keeps it. While the account of a home that
/// it lost is awaited it stays where that account goes.
pub(crate) async fn go_on(desk: &mut Desk, code: &Code, now: Timestamp) -> Result<(), Failure> {
    let (me, connection) = (desk.bearings.gateway, &mut desk.connection);
    if lost::awaited(connection, code).await?.is_some() {
        return Ok(());
    }
    let Some((homed, _)) = homes::home(connection, code).await? else {
        return Ok(());
    };
    let next = homed.number.saturating_add(1);
    let moving = homes::moving(connection, code, next).await?;
    let moving = moving.filter(|moving| moving.source == me && !moving.done);
    match moving.filter(|_| homed.home == me) {
        Some(moving) => {
            let order = signed_by_thing(desk, &moving.bytes, &[]).await?;
            close(desk, &order, now).await
        }
        None => Ok(()),
    }
}

async fn signed_by_thing(
    desk: &mut Desk,
    signed: &[u8],
    pass: &[u8],
) -> Result<Owned<Move>, Failure> {
    let network = desk.bearings.network;
    let code = open::<Move>(signed, &network)?.peek().code;
    let key = keys::wallet_key(desk, &code, pass).await?;
    Ok(Owned::from(open::<Move>(signed, &network)?.verify(&key)?))
}

/// Two moves with one lease number: proven, kept, and the code frozen until a person decides.
async fn accuse(
    desk: &mut Desk,
    order: &Owned<Move>,
    (known, pass): (&[u8], &[u8]),
    now: Timestamp,
) -> Result<(), Failure> {
    let code = order.get().code;
    let stored = homes::pass_of(&mut desk.connection, &code).await?;
    let pass = stored.unwrap_or_else(|| pass.to_vec());
    let station = keys::peek(desk, &pass)?.issuer.0;
    let gateway = keys::gateway_pass(desk, &station).await?;
    let issuer = desk.bearings.issuer_pass.clone();
    let credentials = [&issuer, &gateway, &pass].map(Vec::as_slice);
    let accused = (&code, Charge::Moves, &order.id());
    let objects = [known, order.bytes()];
    convict(desk, accused, (&credentials, &objects), now).await
}

/// Keeps an accusation and freezes whom it accuses.
pub(crate) async fn convict(
    desk: &mut Desk,
    (code, charge, subject): (&Code, Charge, &Digest),
    (given, shown): (&[&[u8]], &[&[u8]]),
    now: Timestamp,
) -> Result<(), Failure> {
    let mut credentials = [None; CREDENTIALS_MAX];
    for (place, pass) in credentials.iter_mut().zip(given) {
        *place = Some(*pass);
    }
    let mut objects = [None; OBJECTS_MAX];
    for (place, object) in objects.iter_mut().zip(shown) {
        *place = Some(*object);
    }
    let message = hooks::encode(&Message::Accusation {
        how: charge as u8,
        credentials,
        objects,
    })?;
    let connection = &mut desk.connection;
    if !accusations::insert(connection, code, charge, subject, &message, now).await? {
        return Ok(());
    }
    here(CrashPoint::Accused);
    things::set_forked(&mut desk.connection, code, true).await?;
    let holder = things::holder(&mut desk.connection, code).await?;
    if let Some((ThingState::Active, ..)) = holder {
        let (state, why) = (ThingState::Frozen, charge.sentence());
        things::set_state(&mut desk.connection, code, state, (why, BY_LEDGER), now).await?;
    }
    Ok(())
}

/// At the old home: what is free leaves, what is reserved stays until it lapses, and nobody here
/// gives the purse allowances any more.
async fn close(desk: &mut Desk, order: &Owned<Move>, now: Timestamp) -> Result<(), Failure> {
    let this = *order.get();
    let holder = things::holder(&mut desk.connection, &this.code).await?;
    let (state, epoch, _) = holder.ok_or(Status::UnknownCode)?;
    if state != ThingState::Active {
        return Err(Status::Frozen.into());
    }
    let currencies = homes::currencies_of(&mut desk.connection, &this.code).await?;
    let ends = this.lease.saturating_sub(1);
    let mut leave = Vec::with_capacity(currencies.len());
    for currency in &currencies {
        release::lapsed(desk, &this.code, currency, now).await?;
    }
    losses::settle_up(desk, &this.code, now).await?;
    for currency in currencies {
        let closing = balance_of(desk, &this.code, epoch, (ends, &currency), now).await?;
        let (bytes, _) = desk.seal(&closing)?;
        homes::keep_closing(&mut desk.connection, &closing, &bytes).await?;
        if desk.place != Place::Centre {
            post::report(desk, &Letter::Balance { balance: &bytes }).await?;
        }
        leave.push((currency, closing.free));
    }
    let gone = rules::Homed {
        home: this.to,
        number: this.lease,
        ends: Timestamp(0),
    };
    homes::put_home(&mut desk.connection, &this.code, &gone, now, &[]).await?;
    homes::moved(&mut desk.connection, &this.code, this.lease).await?;
    // A crash here: the purse is at home here as before, and the move is ordered again.
    here(CrashPoint::PurseClosed);
    match desk.place {
        Place::Centre => settle(desk, order, now).await?,
        _ => {
            post::report(
                desk,
                &Letter::Closed {
                    order: order.bytes(),
                },
            )
            .await?
        }
    }
    for (currency, free) in leave {
        // The same closing has the same subject, whoever has to close twice.
        let subject = rules::subject("closing", &this.code, this.lease, &currency);
        send_free(desk, (&this.code, subject), (&currency, free), now).await?;
    }
    losses::hand_debts_on(desk, &this.code, now).await
}

/// The free purse goes to clearing, with a credit for the new home.
pub(super) async fn send_free(
    desk: &mut Desk,
    (code, subject): (&Code, Digest),
    (currency, free): (&Currency, AmountMinor),
    now: Timestamp,
) -> Result<(), Failure> {
    if free == AmountMinor::ZERO {
        return Ok(());
    }
    journal::open_account(&mut desk.connection, currency, &Account::Clearing).await?;
    desk.post(&Entry {
        kind: EntryKind::Close,
        subject,
        currency: *currency,
        at: now,
        transfers: vec![Transfer {
            from: Account::PurseFree(*code),
            to: Account::Clearing,
            amount: free,
        }],
    })
    .await?;
    let sent = credits::Sent {
        subject,
        payee: *code,
        currency: *currency,
        more: free,
        covers_for: None,
        at: now,
    };
    credits::emit(desk, &sent).await.map(drop)
}

async fn balance_of(
    desk: &mut Desk,
    code: &Code,
    epoch: KeyEpoch,
    (lease, currency): (u64, &Currency),
    now: Timestamp,
) -> Result<ClosingBalance, Failure> {
    let links = links(desk, code, epoch).await?;
    let connection = &mut desk.connection;
    let free = journal::balance(connection, currency, &Account::PurseFree(*code)).await?;
    let (reserved, open_until) = homes::behind(connection, code, currency).await?;
    let odometer = odometer(connection, code, epoch, currency).await?;
    // Without unbroken links the new home begins a new life of the key.
    let (key_epoch, links, odometer) = match links {
        Some(links) => (epoch, links, odometer),
        None => (
            KeyEpoch(epoch.0.saturating_add(1)),
            Links::default(),
            Odometer::ZERO,
        ),
    };
    Ok(ClosingBalance {
        gateway: desk.bearings.gateway,
        gateway_epoch: desk.bearings.gateway_epoch,
        code: *code,
        lease,
        currency: *currency,
        free,
        reserved,
        open_until,
        key_epoch,
        sequence: links.sequence,
        head: links.head,
        odometer,
        time: now,
    })
}

/// The purse's reading, wherever its payments were made.
pub(crate) async fn odometer(
    connection: &mut crate::store::Connection,
    code: &Code,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Odometer, Failure> {
    let here = payments::odometer(connection, code, epoch, currency).await?;
    Ok(here.max(homes::odometer(connection, code, epoch, currency).await?))
}

/// How far the links of a purse are unbroken; `None` when a payment is missing.
async fn links(desk: &mut Desk, code: &Code, epoch: KeyEpoch) -> Result<Option<Links>, Failure> {
    let mut links = allowances::links(&mut desk.connection, code, epoch).await?;
    loop {
        let step = links_after(desk, code, epoch, links.sequence).await?;
        for link in &step {
            if links.follow(link).is_err() {
                return Ok(None);
            }
        }
        if step.len() < crate::bounds::SCAN_STEP as usize {
            return Ok(Some(links));
        }
    }
}

/// The next payments of a purse by number, settled here or seen here.
pub(crate) async fn links_after(
    desk: &mut Desk,
    code: &Code,
    epoch: KeyEpoch,
    after: Sequence,
) -> Result<Vec<crate::rules::links::Link>, Failure> {
    let most = crate::bounds::SCAN_STEP;
    let connection = &mut desk.connection;
    let mut step = payments::links_after(connection, code, epoch, after, most).await?;
    if desk.place != Place::Alone {
        let seen = super::store::relays::links_after(connection, code, epoch, after, most).await?;
        step.extend(seen);
        step.sort_by_key(|link| (link.sequence, link.reference));
        step.dedup_by_key(|link| (link.sequence, link.reference));
        step.truncate(most as usize);
    }
    Ok(step)
}

/// A closing balance on its way to the new home.
pub(crate) async fn balance(desk: &mut Desk, signed: &[u8]) -> Result<(), Failure> {
    let closing =
        keys::by_gateway::<ClosingBalance>(desk, signed, |closing| closing.gateway).await?;
    homes::keep_closing(&mut desk.connection, closing.get(), signed).await?;
    Ok(())
}

/// At the centre: the old home has closed.
pub(crate) async fn closed(
    desk: &mut Desk,
    from: &Peer,
    signed: &[u8],
    now: Timestamp,
) -> Result<(), Failure> {
    let order = signed_by_thing(desk, signed, &[]).await?;
    let this = order.get();
    let home = homes::home(&mut desk.connection, &this.code).await?;
    let (homed, bytes) = home.ok_or(Status::UnknownCode)?;
    if homed.number >= this.lease {
        // Too late: it was released meanwhile. The old home hears who has it.
        return leases::send(desk, &from.code, &bytes, &[]).await;
    }
    if homed.home != from.code || this.from != from.code || homed.number + 1 != this.lease {
        return Err(Status::WrongLease.into());
    }
    homes::keep_moving(&mut desk.connection, this, signed, &[], now).await?;
    settle(desk, &order, now).await
}

/// At the centre: the next lease, for the new home with all that the old one said.
async fn settle(desk: &mut Desk, order: &Owned<Move>, now: Timestamp) -> Result<(), Failure> {
    let this = *order.get();
    let me = desk.bearings.gateway;
    let lease = leases::give(desk, &this.code, &this.to, this.lease, now).await?;
    homes::moved(&mut desk.connection, &this.code, this.lease).await?;
    let connection = &mut desk.connection;
    let pass = homes::pass_of(connection, &this.code).await?;
    let pass = pass.ok_or(Status::UnknownCode)?;
    let closings = homes::closings(connection, &this.code, this.lease.saturating_sub(1)).await?;
    if this.to == me {
        arrive(desk, &this.code, this.lease, &pass, KeyEpoch(0), now).await?;
    } else {
        for closing in closings {
            post::send(desk, &this.to, &Letter::Balance { balance: &closing }).await?;
        }
        let letter = Letter::Lease {
            lease: &lease,
            pass: &pass,
            epoch: KeyEpoch(0),
            lost: None,
        };
        post::send(desk, &this.to, &letter).await?;
    }
    if this.from != me {
        leases::send(desk, &this.from, &lease, &[]).await?;
    }
    Ok(())
}

/// At the new home: the purse comes, with what its old home said of it.
pub(crate) async fn arrive(
    desk: &mut Desk,
    code: &Code,
    lease: u64,
    pass: &[u8],
    epoch: KeyEpoch,
    now: Timestamp,
) -> Result<(), Failure> {
    let enrolled = homes::is_enrolled_here(&mut desk.connection, code).await?;
    if !enrolled && !pass.is_empty() {
        let checked = keys::thing(desk, pass).await?;
        homes::keep_guest(&mut desk.connection, &checked, pass, now).await?;
    }
    let ended = lease.saturating_sub(1);
    for signed in homes::closings(&mut desk.connection, code, ended).await? {
        let closing = *open::<ClosingBalance>(&signed, &desk.bearings.network)?.peek();
        let connection = &mut desk.connection;
        homes::arrive(connection, &closing).await?;
        homes::raise_epoch(connection, code, closing.key_epoch).await?;
        let known = allowances::links(connection, code, closing.key_epoch).await?;
        if known.sequence < closing.sequence {
            let links = Links {
                sequence: closing.sequence,
                head: closing.head,
            };
            allowances::set_links(connection, code, closing.key_epoch, &links).await?;
        }
    }
    homes::raise_epoch(&mut desk.connection, code, epoch).await?;
    homes::moved(&mut desk.connection, code, lease).await?;
    here(CrashPoint::PurseArrived);
    Ok(())
}
