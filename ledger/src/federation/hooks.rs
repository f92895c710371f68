//! What the other commands ask the federation: small questions, each answered at once where a
//! gateway stands alone.

use super::letter::Letter;
use super::store::{homes, peers, relays};
use super::terms::Place;
use super::{leases, losses, post};
use crate::evidence::Evidence;
use crate::store::things;
use crate::store::{allowances, payments};
use crate::writer::{Desk, Failure};
use protocol::cose::open;
use protocol::message::{MESSAGE_MAX, Message};
use protocol::objects::Payment;
use protocol::{Code, Digest, Status, Timestamp};

/// The time up to which everything the others wrote is here. What waits for their word (money that
/// goes back, reserves that lapse) goes by this clock.
pub(crate) async fn clock(desk: &mut Desk, now: Timestamp) -> Result<Timestamp, Failure> {
    let Place::Under(centre) = desk.place else {
        return Ok(now);
    };
    let centre = peers::peer(&mut desk.connection, &centre).await?;
    Ok(centre.map_or(Timestamp(0), |centre| centre.touched.min(now)))
}

/// Cut off from the centre for longer than grace, a gateway gives no final answers and no claim
/// notes.
pub(crate) async fn in_touch(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    // What a peer brings has come through.
    if desk.for_peer {
        return Ok(());
    }
    let touched = clock(desk, now).await?;
    match touched.plus_s(desk.bearings.policy.grace_s) >= now {
        true => Ok(()),
        false => Err(Status::Busy.into()),
    }
}

/// Whether money may go to this code: it is known here, or may be known elsewhere.
pub(crate) async fn payee(desk: &mut Desk, code: &Code) -> Result<(), Failure> {
    if things::holder(&mut desk.connection, code).await?.is_some() {
        return Ok(());
    }
    let ours = desk.bearings.gateway.issued_by().issuer;
    match desk.place != Place::Alone && code.issued_by().issuer == ours {
        true => Ok(()),
        false => Err(Status::UnknownCode.into()),
    }
}

/// Whether treasury orders are carried out in these books: only the centre issues and redeems.
pub(crate) fn may_issue(desk: &Desk) -> Result<(), Status> {
    match desk.place {
        Place::Under(_) => Err(Status::NotPermitted),
        Place::Alone | Place::Centre => Ok(()),
    }
}

/// A message for a code: into its inbox here, or to its home. `None` when that is not for the
/// federation to do.
pub(crate) async fn told_elsewhere(
    desk: &mut Desk,
    code: &Code,
    message: &[u8],
) -> Result<bool, Failure> {
    if desk.place == Place::Alone || !leases::is_away(desk, code).await? {
        return Ok(false);
    }
    let letter = Letter::Notice {
        code: *code,
        message,
    };
    to_home(desk, code, &letter).await?;
    Ok(true)
}

/// A statement about a payment was signed: who relayed it hears it, and the payer's home sees the
/// payment if that is elsewhere.
pub(crate) async fn said(
    desk: &mut Desk,
    payment: &Digest,
    statement: &[u8],
) -> Result<(), Failure> {
    if desk.place == Place::Alone {
        return Ok(());
    }
    let message = encode(&Message::Statement { statement })?;
    for origin in relays::askers(&mut desk.connection, payment).await? {
        word(desk, &origin, payment, &message).await?;
    }
    relays::told(&mut desk.connection, payment).await?;
    let bytes = payments::evidence_bytes(&mut desk.connection, payment).await?;
    let Some((allowance, signed)) = bytes else {
        return Ok(());
    };
    let payer = open::<Payment>(&signed, &desk.bearings.network)?
        .peek()
        .payer;
    if !leases::is_away(desk, &payer).await? {
        return Ok(());
    }
    show(desk, &payer, (&allowance, &signed)).await?;
    let Some(stands) = relays::stands_against(&mut desk.connection, payment).await? else {
        return Ok(());
    };
    match payments::evidence_bytes(&mut desk.connection, &stands).await? {
        Some((allowance, signed)) => show(desk, &payer, (&allowance, &signed)).await,
        None => Ok(()),
    }
}

async fn show(
    desk: &mut Desk,
    payer: &Code,
    (allowance, payment): (&[u8], &[u8]),
) -> Result<(), Failure> {
    let letter = Letter::Shown {
        allowance,
        payment,
        recorded: true,
    };
    to_home(desk, payer, &letter).await
}

/// To the home of a code; by way of the centre, which knows where that is.
async fn to_home(desk: &mut Desk, code: &Code, letter: &Letter<'_>) -> Result<(), Failure> {
    if let Place::Under(_) = desk.place {
        return post::report(desk, letter).await;
    }
    // Nobody has it yet: whoever wants to know asks.
    let Some((homed, _)) = homes::home(&mut desk.connection, code).await? else {
        return Ok(());
    };
    post::send(desk, &homed.home, letter).await.map(drop)
}

/// Whether another gateway settles under this allowance.
pub(crate) async fn settles_elsewhere(
    desk: &mut Desk,
    evidence: &Evidence,
) -> Result<bool, Failure> {
    if desk.place == Place::Alone {
        return Ok(false);
    }
    let (id, allowance) = (evidence.payment().id(), *evidence.allowance().get());
    let of = (&allowance.gateway, &allowance.code, allowance.issued);
    losses::settles_elsewhere(desk, &id, of).await
}

/// Whether a payment was passed on to these books by a home that was lost, and may yet come to a
/// better end than now; `None` when it was not.
pub(crate) async fn passed_here(
    desk: &mut Desk,
    payment: &Digest,
    now: Timestamp,
) -> Result<Option<bool>, Failure> {
    if desk.place == Place::Alone || !losses::is_passed_here(desk, payment).await? {
        return Ok(None);
    }
    losses::may_wait(desk, payment, now).await.map(Some)
}

/// Whether these books settle under an allowance that they did not give; then it stands in them.
pub(crate) async fn stands_for(desk: &mut Desk, evidence: &Evidence) -> Result<bool, Failure> {
    let allowance = evidence.allowance();
    if desk.place == Place::Alone || settles_elsewhere(desk, evidence).await? {
        return Ok(false);
    }
    let connection = &mut desk.connection;
    let id = allowance.id();
    if allowances::allowance(connection, &id).await?.is_none() {
        allowances::insert_allowance(connection, &id, allowance.get(), allowance.bytes()).await?;
    }
    Ok(true)
}

/// The arbiter's word goes to where the payment was handed in.
pub(crate) async fn word(
    desk: &mut Desk,
    origin: &Code,
    payment: &Digest,
    message: &[u8],
) -> Result<(), Failure> {
    if *origin == desk.bearings.gateway {
        return super::relays::heard(desk, payment, message).await;
    }
    let letter = Letter::Word {
        origin: *origin,
        payment: *payment,
        message,
    };
    post::send(desk, origin, &letter).await.map(drop)
}

pub(crate) fn encode(message: &Message<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; MESSAGE_MAX];
    let len = message.write(&mut bytes).ok_or(Status::Malformed)?;
    bytes.truncate(len);
    Ok(bytes)
}
