//! The post between gateways: letters wait durably, go out in order, and are taken exactly once.
//!
//! ```text
//! outbox --parcels--> any link, in any order, any number of times --deliver--> taken up to n
//!    ^                                                                             |
//!    +------------------------------- delivered(n) --------------------------------+
//! ```
//!
//! A parcel counts only when it is the next one, so whatever a link does, every letter is carried
//! out once and in the order in which it was written.

use super::letter::Letter;
use super::store::peers::{self, Peer};
use super::terms::Place;
use super::{copies, credits, floats, leases, losses, moves, relays, withdrawals};
use crate::bounds::{LETTERS_FOR_PEERS_MOST, LETTERS_MOST};
use crate::crash::{CrashPoint, here};
use crate::writer::{Command, Desk, Failure};
use protocol::{Code, KeyEpoch, Status, Timestamp};

/// A letter on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Who wrote it; the link it came by says so.
    pub from: Code,
    /// The writer's epoch: its letters are counted anew in each.
    pub epoch: KeyEpoch,
    /// The first letter its writer still keeps: everything before was taken once.
    pub first: u64,
    /// Its number.
    pub number: u64,
    /// The letter.
    pub bytes: Vec<u8>,
}

/// How far somebody's letters were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// In which epoch of their writer.
    pub epoch: KeyEpoch,
    /// Up to which number.
    pub up_to: u64,
}

/// Writes a letter to a gateway: by way of the centre, unless this is the centre.
pub(crate) async fn send(
    desk: &mut Desk,
    to: &Code,
    letter: &Letter<'_>,
) -> Result<(Code, u64), Failure> {
    let hop = match desk.place {
        Place::Alone => return Err(Status::UnknownGateway.into()),
        Place::Under(centre) => centre,
        Place::Centre => *to,
    };
    if peers::peer(&mut desk.connection, &hop)
        .await?
        .is_none_or(|peer| !peer.linked)
    {
        return Err(Status::UnknownGateway.into());
    }
    let most = match desk.for_peer {
        true => LETTERS_FOR_PEERS_MOST,
        false => LETTERS_MOST,
    };
    let number = peers::push(&mut desk.connection, &hop, &letter.write(), most).await?;
    let number = number.ok_or(Status::Full)?;
    // A crash here: the letter goes with whatever caused it, and neither has happened.
    here(CrashPoint::LetterWritten);
    Ok((hop, number))
}

/// Writes a letter to the centre.
pub(crate) async fn report(desk: &mut Desk, letter: &Letter<'_>) -> Result<(), Failure> {
    match desk.place {
        Place::Under(centre) => send(desk, &centre, letter).await.map(drop),
        Place::Alone | Place::Centre => Err(Status::UnknownGateway.into()),
    }
}

pub(crate) struct Deliver {
    pub parcel: Parcel,
    pub now: Timestamp,
}

impl Command for Deliver {
    type Answer = Taken;

    async fn execute(&self, desk: &mut Desk) -> Result<Taken, Failure> {
        let parcel = &self.parcel;
        let peer = peers::peer(&mut desk.connection, &parcel.from).await?;
        let peer = peer
            .filter(|peer| peer.linked)
            .ok_or(Status::UnknownGateway)?;
        let heard = match parcel.epoch.cmp(&peer.epoch) {
            std::cmp::Ordering::Less => return Ok(taken(peer.epoch, peer.heard)),
            std::cmp::Ordering::Equal => peer.heard,
            std::cmp::Ordering::Greater => 0,
        };
        // What its writer no longer keeps was taken by an earlier life of these books.
        let next = heard.saturating_add(1).max(parcel.first);
        if parcel.number != next {
            return Ok(taken(parcel.epoch, heard));
        }
        let part = desk.begin_part().await?;
        desk.for_peer = true;
        let done = open(desk, &peer, &parcel.bytes, self.now).await;
        desk.for_peer = false;
        let refused = match done {
            Ok(()) => None,
            // Not now: it comes again.
            Err(Failure::Refused(Status::Full | Status::Busy | Status::Storage)) => {
                return Err(Status::Busy.into());
            }
            Err(Failure::Refused(status)) => Some(status),
            Err(failure) => return Err(failure),
        };
        desk.end_part(part, refused.is_none()).await?;
        if let Some(status) = refused {
            let (from, number) = (peer.code, parcel.number);
            tracing::warn!(%from, number, %status, "a letter made no sense");
        }
        peers::heard(
            &mut desk.connection,
            &parcel.from,
            parcel.epoch,
            next,
            refused.is_some(),
        )
        .await?;
        here(CrashPoint::LetterTaken);
        Ok(taken(parcel.epoch, next))
    }
}

const fn taken(epoch: KeyEpoch, up_to: u64) -> Taken {
    Taken { epoch, up_to }
}

/// Carries out one letter.
async fn open(desk: &mut Desk, from: &Peer, bytes: &[u8], now: Timestamp) -> Result<(), Failure> {
    let letter = Letter::read(bytes)?;
    match desk.place {
        Place::Alone => Err(Status::UnknownGateway.into()),
        Place::Centre => at_centre(desk, from, &letter, now).await,
        Place::Under(_) => at_gateway(desk, &letter, now).await,
    }
}

async fn at_centre(
    desk: &mut Desk,
    from: &Peer,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let me = desk.bearings.gateway;
    match *letter {
        Letter::Enrolled { pass } => leases::enrolled(desk, from, pass, now).await,
        Letter::LeaseWanted { code, number } => {
            leases::wanted(desk, from, &code, number, now).await
        }
        Letter::FloatWanted {
            epoch,
            currency,
            issued_total,
        } => floats::wanted(desk, from, epoch, &currency, issued_total, now).await,
        Letter::Order { order, pass } => {
            moves::ordered(desk, order, pass, now).await?;
            Ok(())
        }
        Letter::Balance { balance } => moves::balance(desk, balance).await,
        Letter::Closed { order } => moves::closed(desk, from, order, now).await,
        Letter::Credit { .. } => credits::route(desk, letter, Some(&from.code), now).await,
        Letter::Nothing => Ok(()),
        Letter::Relay { .. } => relays::fan_out(desk, letter, now).await,
        Letter::Word { origin, .. } if origin != me => send(desk, &origin, letter).await.map(drop),
        Letter::Word {
            payment, message, ..
        } => relays::heard(desk, &payment, message).await,
        Letter::Notice { code, message } => relays::notice(desk, &code, message).await,
        Letter::Shown {
            allowance,
            payment,
            recorded,
        } => relays::shown(desk, (allowance, payment), recorded, now).await,
        Letter::Theirs { code, payment } => losses::theirs(desk, &code, &payment, now).await,
        Letter::Passed { .. } => losses::passed(desk, &from.code, letter, now).await,
        Letter::Accounted {
            code,
            lease,
            currency,
        } => losses::accounted(desk, from, (&code, lease), &currency, now).await,
        Letter::Owed { debt, last } => losses::owed(desk, &debt, last, now).await,
        Letter::NotWithdrawn { subject, status } => {
            withdrawals::refused(desk, from, &subject, status).await
        }
        _ => Err(Status::NotPermitted.into()),
    }
}

async fn at_gateway(desk: &mut Desk, letter: &Letter<'_>, now: Timestamp) -> Result<(), Failure> {
    match *letter {
        Letter::Peer { pass } => known(desk, pass).await,
        Letter::Warrant { base, warrant } => floats::warranted(desk, base, warrant).await,
        Letter::Lease { .. } => leases::given(desk, letter, now).await,
        Letter::Order { order, pass } => moves::ordered(desk, order, pass, now).await.map(drop),
        Letter::Balance { balance } => moves::balance(desk, balance).await,
        Letter::Release {
            release,
            currency,
            height,
        } => losses::give_account(desk, release, &currency, height, now).await,
        Letter::Theirs { code, payment } => losses::theirs(desk, &code, &payment, now).await,
        Letter::Passed { .. } => losses::take(desk, letter, now).await,
        Letter::Owed { debt, last } => losses::owed(desk, &debt, last, now).await,
        Letter::Credit { .. } => credits::take(desk, letter, now).await,
        Letter::Nothing => Ok(()),
        Letter::Relay { .. } => relays::judge(desk, letter, now).await,
        Letter::Word {
            payment, message, ..
        } => relays::heard(desk, &payment, message).await,
        Letter::Notice { code, message } => relays::notice(desk, &code, message).await,
        Letter::Shown {
            allowance,
            payment,
            recorded,
        } => relays::shown(desk, (allowance, payment), recorded, now).await,
        Letter::Watermark { watermark } => copies::marked(desk, watermark).await,
        Letter::Withdraw {
            subject,
            code,
            currency,
            amount,
        } => withdrawals::pay(desk, &subject, &code, (&currency, amount), now).await,
        _ => Err(Status::NotPermitted.into()),
    }
}

/// Another gateway's pass, checked from the root down.
async fn known(desk: &mut Desk, pass: &[u8]) -> Result<(), Failure> {
    let Some(upstream) = &desk.bearings.upstream else {
        return Err(Status::NotPermitted.into());
    };
    let gateway = upstream
        .trust
        .gateway(&desk.bearings.issuer_pass, pass)?
        .get()
        .subject
        .0;
    if gateway == desk.bearings.gateway {
        return Ok(());
    }
    peers::keep(&mut desk.connection, &gateway, pass, false, None).await?;
    Ok(())
}

pub(crate) struct Delivered {
    pub by: Code,
    pub taken: Taken,
}

impl Command for Delivered {
    type Answer = ();

    async fn execute(&self, desk: &mut Desk) -> Result<(), Failure> {
        if self.taken.epoch != desk.bearings.gateway_epoch {
            return Ok(());
        }
        let (by, up_to) = (&self.by, self.taken.up_to);
        peers::taken(&mut desk.connection, by, up_to).await?;
        super::store::credits::arrived(&mut desk.connection, by, up_to).await?;
        // A crash here: the letters are still there and go out again.
        here(CrashPoint::LettersForgotten);
        Ok(())
    }
}
