//! Leases: whose home is where.

use super::letter::Letter;
use super::rules::{self, Homed};
use super::store::peers::{self, Peer};
use super::store::{credits as waiting, homes, losses};
use super::terms::Place;
use super::{credits, keys, moves, post};
use crate::bounds::SWEEP_MOST;
use crate::crash::{CrashPoint, here};
use crate::writer::{Desk, Failure};
use protocol::objects::Lease;
use protocol::{Code, KeyEpoch, Status, Timestamp};

/// How long a request waits before it is made again.
const ASK_AGAIN_S: u32 = 300;

/// Whether a purse's money belongs into other books than these.
pub(crate) async fn is_away(desk: &mut Desk, code: &Code) -> Result<bool, Failure> {
    let me = desk.bearings.gateway;
    if desk.place == Place::Alone || *code == me {
        return Ok(false);
    }
    Ok(match homes::home(&mut desk.connection, code).await? {
        Some((homed, _)) if homed.number > 0 => homed.home != me,
        // Asked for: enrolled here, and nobody else has it.
        Some(_) => false,
        None => !homes::is_enrolled_here(&mut desk.connection, code).await?,
    })
}

/// Until when an allowance of this purse may live.
pub(crate) async fn may_grant(
    desk: &mut Desk,
    code: &Code,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    if desk.place == Place::Alone {
        return Ok(Timestamp(u32::MAX));
    }
    let under = matches!(desk.place, Place::Under(_));
    let lease = homes::home(&mut desk.connection, code).await?;
    let enrolled = homes::is_enrolled_here(&mut desk.connection, code).await?;
    let (me, lease) = (desk.bearings.gateway, lease.map(|(homed, _)| homed));
    Ok(rules::may_grant(lease.as_ref(), &me, under, enrolled, now)?)
}

/// Announces new things to the centre, and asks for leases that run out.
pub(crate) async fn ask(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let me = desk.bearings.gateway;
    for (code, pass) in homes::unannounced(&mut desk.connection, SWEEP_MOST).await? {
        post::report(desk, &Letter::Enrolled { pass: &pass }).await?;
        let asked_for = Homed {
            home: me,
            number: 0,
            ends: Timestamp(0),
        };
        homes::put_home(&mut desk.connection, &code, &asked_for, now, &[]).await?;
    }
    // Half of the shortest life would do; without knowing it, the remaining grace is as good.
    let before = now.plus_s(desk.bearings.policy.allowance_life_s);
    let asked_before = now.minus_s(ASK_AGAIN_S);
    let connection = &mut desk.connection;
    for (code, number) in
        homes::running_out(connection, &me, before, asked_before, SWEEP_MOST).await?
    {
        let letter = match number {
            0 => continue,
            number => Letter::LeaseWanted { code, number },
        };
        post::report(desk, &letter).await?;
        homes::asked(&mut desk.connection, &code, now).await?;
    }
    Ok(())
}

/// At the centre: a gateway enrolled a thing and wants to be its home.
pub(crate) async fn enrolled(
    desk: &mut Desk,
    from: &Peer,
    signed: &[u8],
    now: Timestamp,
) -> Result<(), Failure> {
    let pass = keys::thing(desk, signed).await?;
    let code = pass.subject.0;
    homes::keep_guest(&mut desk.connection, &pass, signed, now).await?;
    if let Some((homed, bytes)) = homes::home(&mut desk.connection, &code).await? {
        // Whoever asks again hears the same.
        if homed.home == from.code {
            send(desk, &from.code, &bytes, &[]).await?;
        }
        return Ok(());
    }
    let bytes = give(desk, &code, &from.code, 1, now).await?;
    send(desk, &from.code, &bytes, &[]).await?;
    for letter in waiting::waited(&mut desk.connection, &code).await? {
        credits::route(desk, &Letter::read(&letter)?, None, now).await?;
    }
    Ok(())
}

/// At the centre: a lease runs out. While a move is open it is left to, unless the purse has to stay
/// until a home that it lost has given account.
pub(crate) async fn wanted(
    desk: &mut Desk,
    from: &Peer,
    code: &Code,
    number: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let connection = &mut desk.connection;
    let (homed, bytes) = homes::home(connection, code)
        .await?
        .ok_or(Status::UnknownCode)?;
    let next = homed.number.saturating_add(1);
    let moving = homes::moving(connection, code, next).await?;
    let stays = moving.is_none() || losses::is_awaited(connection, code).await?;
    let bytes = match homed.home == from.code && homed.number == number && stays {
        true => give(desk, code, &from.code, number, now).await?,
        false => bytes,
    };
    send(desk, &from.code, &bytes, &[]).await
}

/// At the centre: a lease, persisted before anybody hears of it. Its end never falls.
pub(crate) async fn give(
    desk: &mut Desk,
    code: &Code,
    home: &Code,
    number: u64,
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let connection = &mut desk.connection;
    let before = homes::home(connection, code).await?;
    let before = before.filter(|(homed, _)| homed.number == number);
    let before = before.map_or(now, |(homed, _)| homed.ends);
    let ends = match *home == desk.bearings.gateway {
        // The centre is its own home without an end.
        true => Timestamp(u32::MAX),
        false => {
            let peer = peers::peer(connection, home).await?;
            let terms = peer.and_then(|peer| peer.terms);
            let life_s = terms.ok_or(Status::UnknownGateway)?.lease_life_s;
            now.plus_s(life_s).max(before)
        }
    };
    let lease = Lease {
        centre: desk.bearings.gateway,
        code: *code,
        home: *home,
        number,
        issued: now,
        ends,
    };
    let (bytes, _) = desk.seal(&lease)?;
    homes::set_home(&mut desk.connection, &lease, &bytes).await?;
    // A crash here: nobody has heard of the lease, and the same request gets one like it.
    here(CrashPoint::LeaseGiven);
    Ok(bytes)
}

/// At the centre: sends a lease to a gateway.
pub(crate) async fn send(
    desk: &mut Desk,
    to: &Code,
    lease: &[u8],
    pass: &[u8],
) -> Result<(), Failure> {
    let letter = Letter::Lease {
        lease,
        pass,
        epoch: KeyEpoch(0),
        lost: None,
    };
    post::send(desk, to, &letter).await.map(drop)
}

/// At a gateway: the centre's word on a home.
pub(crate) async fn given(
    desk: &mut Desk,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Letter::Lease {
        lease: signed,
        pass,
        epoch,
        lost,
    } = *letter
    else {
        return Err(Status::Malformed.into());
    };
    let lease = keys::by_centre::<Lease>(desk, signed, |lease| lease.centre).await?;
    let lease = *lease.get();
    let me = desk.bearings.gateway;
    let known = homes::home(&mut desk.connection, &lease.code).await?;
    let older = known.as_ref().is_some_and(|(homed, _)| {
        (lease.number, lease.ends) < (homed.number, homed.ends) && homed.number > 0
    });
    if older {
        return Ok(());
    }
    let comes = lease.home == me
        && known.is_none_or(|(homed, _)| {
            homed.home != me || homed.number.saturating_add(1) < lease.number
        })
        && lease.number > 1;
    homes::set_home(&mut desk.connection, &lease, signed).await?;
    here(CrashPoint::LeaseTaken);
    if comes {
        if let Some(lost) = lost {
            losses::take_over(&mut desk.connection, &lease.code, &lost).await?;
        }
        moves::arrive(desk, &lease.code, lease.number, pass, epoch, now).await?;
    }
    Ok(())
}
