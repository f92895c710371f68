//! About one thing: its code, its state, its place, its area, its owner, its keys, its end.

use crate::desk::{DeskOrder, DeskRefusal};
use crate::door::Actor;
use crate::language::{below, heard, say};
use crate::portal::Portal;
use crate::refusal::Refusal;
use ledger::rules::life::after;
use protocol::chain::ActKind;
use protocol::{AssuranceClass, Code, GridCode, Reference, Status};

/// Longest reason for a change of state.
const REASON_CHARS_MAX: usize = 100;

/// Issues a code from a request. The same request gets the same code.
pub async fn issue(portal: &Portal, actor: &Actor, order: DeskOrder) -> Result<Code, Refusal> {
    let name = order.name.clone();
    let issued = portal.desk.issue(order, actor.now).await;
    let outcome = match &issued {
        Ok(code) => code.to_string(),
        Err(DeskRefusal::Request(sentence)) => sentence.clone(),
        Err(DeskRefusal::Status(status)) => status.word().to_owned(),
    };
    let about = format!("{name}: {outcome}");
    let act = actor.act("code issued from a request", &about);
    portal.people.record(&act, actor.now).await?;
    issued.map_err(of_request)
}

/// What the desk says of a request.
fn of_request(refusal: DeskRefusal) -> Refusal {
    match refusal {
        DeskRefusal::Request(sentence) => {
            Refusal::Unfit(say("The request is refused: {reason}.").put("reason", heard(&sentence)))
        }
        DeskRefusal::Status(status) => status.into(),
    }
}

/// Activates, suspends, releases, retires or revokes.
pub async fn live(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    act: ActKind,
    reason_given: &str,
) -> Result<(), Refusal> {
    let reason = reason(reason_given)?;
    let (by, now) = (actor.name.as_str(), actor.now);
    let changed = match portal.ledger.live(code, act, reason, by, now).await {
        Ok(()) => Ok(()),
        Err(status) => Err(why_not(portal, code, act, status).await?),
    };
    if changed.is_ok() && matches!(act, ActKind::Revoked | ActKind::Retired) {
        portal.live.disconnect(code);
    }
    let about = format!("{code} {}: {reason}", act.word());
    recorded(portal, actor, "state changed", &about, changed).await
}

/// A reason as it stays in the history.
pub fn reason(text: &str) -> Result<&str, Refusal> {
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let sentence = say("Give a reason of up to 100 characters; it stays in the history.");
        return Err(Refusal::Unfit(sentence));
    }
    Ok(reason)
}

/// Says why a code, as it stands, is not fit for an act.
async fn why_not(
    portal: &Portal,
    code: &Code,
    act: ActKind,
    status: Status,
) -> Result<Refusal, Refusal> {
    let known = portal.ledger.label(code).await?;
    let unfit = known.and_then(|known| after(known.state, act).err());
    Ok(match (status, unfit) {
        (Status::NotPermitted, Some(unfit)) => Refusal::Unfit(below::unfit(unfit)),
        (Status::NotFunded, _) => Refusal::Unfit(say(
            "It still holds money; redeem it first, or recover it to another code.",
        )),
        (status, _) => status.into(),
    })
}

/// Says where a thing stands from now on, or that it stands nowhere.
pub async fn place(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    place: Option<GridCode>,
    reason_given: &str,
) -> Result<(), Refusal> {
    let reason = reason(reason_given)?;
    let (by, now) = (actor.name.as_str(), actor.now);
    let bound = match portal.ledger.bind(code, place, reason, by, now).await {
        Ok(()) => Ok(()),
        Err(Status::Expired) => Err(Refusal::Unfit(say(
            "The time of that grid code has not begun or is over.",
        ))),
        Err(Status::UnknownCode) => Err(Refusal::NotFound(say(
            "The thing or the place is not registered here.",
        ))),
        Err(status) => Err(why_not(portal, code, ActKind::Bound, status).await?),
    };
    let about = match place {
        Some(place) => format!("{code} to {place}: {reason}"),
        None => format!("{code} to nowhere: {reason}"),
    };
    recorded(portal, actor, "place changed", &about, bound).await
}

/// What is said of an area that is none.
pub const NO_AREA: Refusal = Refusal::NotFound(say("No such area is defined here."));

fn of_area(status: Status) -> Refusal {
    match status {
        Status::OutsideArea => NO_AREA,
        status => status.into(),
    }
}

/// Says where the next allowances of a thing are good.
pub async fn area(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    area: Option<Reference>,
) -> Result<(), Refusal> {
    let changed = portal.ledger.assign_area(code, area).await;
    let about = match area {
        Some(area) => format!("{code} to area {area}"),
        None => format!("{code} as its class"),
    };
    let changed = changed.map_err(of_area);
    recorded(portal, actor, "area assigned", &about, changed).await
}

/// Says where the next allowances of a wallet class are good.
pub async fn class_area(
    portal: &Portal,
    actor: &Actor,
    class: AssuranceClass,
    area: Option<Reference>,
) -> Result<(), Refusal> {
    let changed = portal.ledger.assign_class_area(class, area).await;
    let area = area.map_or_else(|| "anywhere".to_owned(), |area| area.to_string());
    let about = format!("class {} to {area}", class as u8);
    let changed = changed.map_err(of_area);
    recorded(portal, actor, "area assigned", &about, changed).await
}

/// Says whose a thing is, and what the issuer knows that owner by.
pub async fn owner(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    owner: &Code,
    known_as: &str,
) -> Result<(), Refusal> {
    if portal.ledger.thing(owner).await?.is_none() {
        return Err(Refusal::Unfit(say(
            "The owner is no code that is registered here.",
        )));
    }
    let (name, by, now) = (known_as.trim(), actor.name.as_str(), actor.now);
    let mut changed = portal.ledger.set_owner(code, owner, by, now).await;
    if changed.is_ok() && !name.is_empty() {
        changed = portal.ledger.enrol_owner(owner, name, by, now).await;
    }
    let changed = match changed {
        Ok(()) => Ok(()),
        Err(Status::NotPermitted) => {
            let act = ActKind::Transferred;
            Err(
                match why_not(portal, code, act, Status::NotPermitted).await? {
                    Refusal::Refused(_) => Refusal::Unfit(say(
                        "It has an owner whose code is good; nobody else gives it away.",
                    )),
                    why => why,
                },
            )
        }
        Err(status) => Err(status.into()),
    };
    let about = format!("{code} to {owner}");
    recorded(portal, actor, "owner named", &about, changed).await
}

/// Gives a thing another wallet key, from a request that its own transport key signed.
pub async fn key(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    request: Vec<u8>,
) -> Result<(), Refusal> {
    let by = actor.name.clone();
    let replaced = portal
        .desk
        .replace_wallet_key(*code, request, by, actor.now)
        .await
        .map_err(|refusal| match refusal {
            DeskRefusal::Status(Status::NotPermitted) => Refusal::Unfit(say(
                "The thing has given this key up before; it has to make a new one.",
            )),
            other => of_request(other),
        });
    recorded(
        portal,
        actor,
        "wallet key replaced",
        &code.to_string(),
        replaced,
    )
    .await
}

/// The money of a lost thing goes to another code of its owner's.
pub async fn recover(
    portal: &Portal,
    actor: &Actor,
    code: &Code,
    to: &Code,
) -> Result<(), Refusal> {
    let moved = portal
        .ledger
        .recover(code, to, &actor.name, actor.now)
        .await;
    if moved.is_ok() {
        portal.live.disconnect(code);
    }
    let moved = moved.map_err(|status| match status {
        Status::NotPermitted => Refusal::Unfit(say(
            "The other code has to be another one, active, and its owner the same; and a thing is \
             recovered to one code only. Nothing was changed.",
        )),
        Status::UnknownCode => Refusal::Unfit(say(
            "Both codes have to be registered here. Nothing was changed.",
        )),
        status => status.into(),
    });
    let about = format!("{code} to {to}");
    recorded(portal, actor, "lost thing recovered", &about, moved).await
}

/// Keeps in the audit trail what was tried and how it went.
pub async fn recorded<T>(
    portal: &Portal,
    actor: &Actor,
    what: &str,
    about: &str,
    outcome: Result<T, Refusal>,
) -> Result<T, Refusal> {
    let word = outcome.as_ref().map_or_else(Refusal::word, |_| "done");
    let about = format!("{about} ({word})");
    let act = actor.act(what, &about);
    portal.people.record(&act, actor.now).await?;
    outcome
}
