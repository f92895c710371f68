//! Floats: how far a gateway may promise while nobody asks the centre.

use super::letter::Letter;
use super::rules::{self, FloatStanding};
use super::store::floats::{self, Warrant};
use super::store::peers::Peer;
use super::terms::Place;
use super::{keys, post};
use crate::chain;
use crate::crash::{CrashPoint, here};
use crate::store::{allowances, currencies};
use crate::writer::{Desk, Failure};
use protocol::chain::{Act, ActKind};
use protocol::objects::FloatWarrant;
use protocol::{
    AmountMinor, AssuranceClass, Code, Currency, KeyEpoch, Odometer, Status, Timestamp,
};

/// How long a request waits before it is made again.
const ASK_AGAIN_S: u32 = 300;

/// The most that an allowance for this purse may promise now; `None` for a gateway that may issue
/// money itself.
pub(crate) async fn room(
    desk: &mut Desk,
    code: &Code,
    class: AssuranceClass,
    currency: &Currency,
    now: Timestamp,
) -> Result<Option<AmountMinor>, Failure> {
    let Some(upstream) = &desk.bearings.upstream else {
        return Ok(None);
    };
    let share_permille = upstream.share_permille(class);
    let Some((standing, warrant)) = standing(desk, currency).await? else {
        return Err(Status::FloatExhausted.into());
    };
    let epoch = desk.bearings.gateway_epoch;
    let connection = &mut desk.connection;
    let standing = FloatStanding {
        used: floats::used(connection, code, currency, epoch, warrant.limit).await?,
        share_permille,
        ..standing
    };
    Ok(Some(standing.room(now)?))
}

/// Remembers what a purse took of the float.
pub(crate) async fn granted(
    desk: &mut Desk,
    code: &Code,
    currency: &Currency,
    room: AmountMinor,
) -> Result<(), Failure> {
    if desk.bearings.upstream.is_none() {
        return Ok(());
    }
    let (me, epoch) = (desk.bearings.gateway, desk.bearings.gateway_epoch);
    let connection = &mut desk.connection;
    let warrant = floats::warrant(connection, &me, epoch, currency).await?;
    let limit = warrant.ok_or(Status::FloatExhausted)?.limit;
    let used = floats::used(connection, code, currency, epoch, limit).await?;
    let used = used.checked_add(room).ok_or(Status::AboveLimit)?;
    floats::set_used(connection, code, currency, epoch, limit, used).await?;
    here(CrashPoint::FloatCounted);
    Ok(())
}

async fn standing(
    desk: &mut Desk,
    currency: &Currency,
) -> Result<Option<(FloatStanding, Warrant)>, Failure> {
    let (me, epoch) = (desk.bearings.gateway, desk.bearings.gateway_epoch);
    let connection = &mut desk.connection;
    let Some(warrant) = floats::warrant(connection, &me, epoch, currency).await? else {
        return Ok(None);
    };
    let standing = FloatStanding {
        issued_total: allowances::issued_total(connection, epoch, currency).await?,
        base: warrant.base,
        limit: warrant.limit,
        expires: warrant.expires,
        used: AmountMinor::ZERO,
        share_permille: 0,
    };
    Ok(Some((standing, warrant)))
}

/// Asks the centre for more where the float runs short, once in a while.
pub(crate) async fn ask(desk: &mut Desk, now: Timestamp) -> Result<(), Failure> {
    let epoch = desk.bearings.gateway_epoch;
    for row in currencies::currencies(&mut desk.connection, None).await? {
        let currency = row.currency;
        let short = match standing(desk, &currency).await? {
            None => true,
            Some((standing, warrant)) => standing.runs_short(warrant.issued, now),
        };
        let connection = &mut desk.connection;
        let asked = floats::asked(connection, epoch, &currency).await?;
        let lately = asked.is_some_and(|(_, at)| at.plus_s(ASK_AGAIN_S) > now);
        if !short || lately {
            continue;
        }
        let issued_total = allowances::issued_total(connection, epoch, &currency).await?;
        floats::set_asked(connection, epoch, &currency, issued_total, now).await?;
        let letter = Letter::FloatWanted {
            epoch,
            currency,
            issued_total,
        };
        post::report(desk, &letter).await?;
    }
    Ok(())
}

/// At the centre: a gateway's float runs short.
pub(crate) async fn wanted(
    desk: &mut Desk,
    from: &Peer,
    epoch: KeyEpoch,
    currency: &Currency,
    issued_total: Odometer,
    now: Timestamp,
) -> Result<(), Failure> {
    let terms = from.terms.ok_or(Status::NotPermitted)?;
    let connection = &mut desk.connection;
    let before = floats::warrant(connection, &from.code, epoch, currency).await?;
    let limit = rules::warranted(
        before.as_ref().map(|before| before.limit),
        issued_total,
        terms.float,
    );
    let base = before.map_or(issued_total, |before| before.base.max(issued_total));
    let warrant = FloatWarrant {
        centre: desk.bearings.gateway,
        gateway: from.code,
        gateway_epoch: epoch,
        currency: *currency,
        limit,
        issued: now,
        expires: now.plus_s(terms.warrant_life_s),
    };
    let (bytes, _) = desk.seal(&warrant)?;
    floats::set_warrant(&mut desk.connection, &warrant, base, &bytes).await?;
    let act = Act {
        signed: Some(chain::sha256(&bytes)),
        ..Act::new(ActKind::Warranted, from.code, now)
    };
    chain::append(&mut desk.connection, &act).await?;
    here(CrashPoint::WarrantGiven);
    let letter = Letter::Warrant {
        base,
        warrant: &bytes,
    };
    post::send(desk, &from.code, &letter).await.map(drop)
}

/// At a gateway: the centre's new warrant. Readings only grow.
pub(crate) async fn warranted(
    desk: &mut Desk,
    base: Odometer,
    signed: &[u8],
) -> Result<(), Failure> {
    let warrant = keys::by_centre::<FloatWarrant>(desk, signed, |warrant| warrant.centre).await?;
    let warrant = warrant.get();
    if warrant.gateway != desk.bearings.gateway || !matches!(desk.place, Place::Under(_)) {
        return Err(Status::NotForYou.into());
    }
    let connection = &mut desk.connection;
    let (gateway, epoch) = (&warrant.gateway, warrant.gateway_epoch);
    let before = floats::warrant(connection, gateway, epoch, &warrant.currency).await?;
    if before.is_some_and(|before| before.limit > warrant.limit || before.issued > warrant.issued) {
        return Ok(());
    }
    floats::set_warrant(connection, warrant, base, signed).await?;
    Ok(())
}
