//! What people do about one thing: its state, its place, its area, its owner, its keys, its end.

use super::issue::read_pem;
use super::parts::read_code;
use crate::desk::DeskRefusal;
use crate::door::{Sent, Visitor};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::rules::life::after;
use protocol::chain::ActKind;
use protocol::code::base32::TextError;
use protocol::{AssuranceClass, Code, GridCode, Reference, Status, Timestamp};
use serde::Deserialize;

/// Longest reason for a change of state.
const REASON_CHARS_MAX: usize = 100;

#[derive(Deserialize)]
pub struct StateForm {
    act: String,
    reason: String,
}

/// Activates, suspends, releases, retires or revokes.
pub async fn live(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<StateForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let who = (visitor.name(), visitor.now);
    let (act, changed) = step(&portal, &code, &form.act, &form.reason, who).await?;
    let about = format!("{code} {}: {}", act.word(), form.reason.trim());
    carried_out(&portal, &visitor, &code, Done::State, &about, changed).await
}

/// One step in the life of a code, by somebody at a time; what was meant, and what came of it.
pub async fn step(
    portal: &Portal,
    code: &Code,
    word: &str,
    reason_given: &str,
    (by, now): (&str, Timestamp),
) -> Result<(ActKind, Result<(), Refusal>), Refusal> {
    let act = ActKind::ALL.iter().find(|act| act.word() == word);
    let act = *act.ok_or_else(|| Refusal::Unfit("Choose what happens to it.".to_owned()))?;
    let reason = reason(reason_given)?;
    let changed = match portal.ledger.live(code, act, reason, by, now).await {
        Ok(()) => Ok(()),
        Err(status) => Err(why_not(portal, code, act, status).await?),
    };
    if changed.is_ok() && matches!(act, ActKind::Revoked | ActKind::Retired) {
        portal.live.disconnect(code);
    }
    Ok((act, changed))
}

/// A reason as it stays in the history.
pub(super) fn reason(text: &str) -> Result<&str, Refusal> {
    let reason = text.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let sentence = "Give a reason of up to 100 characters; it stays in the history.";
        return Err(Refusal::Unfit(sentence.to_owned()));
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
        (Status::NotPermitted, Some(unfit)) => Refusal::Unfit(unfit.sentence().to_owned()),
        (Status::NotFunded, _) => Refusal::Unfit(
            "It still holds money; redeem it first, or recover it to another code.".to_owned(),
        ),
        (status, _) => status.into(),
    })
}

#[derive(Deserialize)]
pub struct PlaceForm {
    place: String,
    reason: String,
}

/// Says where a thing stands from now on, or that it stands nowhere.
pub async fn bind(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<PlaceForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let place: Option<GridCode> = match form.place.trim() {
        "" => None,
        text => Some(text.parse().map_err(|error: TextError| {
            Refusal::Unfit(format!("That is no grid code: {}.", error.sentence()))
        })?),
    };
    let reason = reason(&form.reason)?;
    let (by, now) = (visitor.name(), visitor.now);
    let bound = match portal.ledger.bind(&code, place, reason, by, now).await {
        Ok(()) => Ok(()),
        Err(Status::Expired) => Err(Refusal::Unfit(
            "The time of that grid code has not begun or is over.".to_owned(),
        )),
        Err(Status::UnknownCode) => Err(Refusal::NotFound(
            "The thing or the place is not registered here.",
        )),
        Err(status) => Err(why_not(&portal, &code, ActKind::Bound, status).await?),
    };
    let about = match place {
        Some(place) => format!("{code} to {place}: {reason}"),
        None => format!("{code} to nowhere: {reason}"),
    };
    carried_out(&portal, &visitor, &code, Done::Place, &about, bound).await
}

#[derive(Deserialize)]
pub struct AreaForm {
    area: String,
}

/// Says where the next allowances of a thing are good.
pub async fn set_area(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<AreaForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let area = read_area(&form.area)?;
    let changed = portal.ledger.assign_area(&code, area).await;
    let about = match area {
        Some(area) => format!("{code} to area {area}"),
        None => format!("{code} as its class"),
    };
    let changed = changed.map_err(|status| match status {
        Status::OutsideArea => Refusal::NotFound(NO_AREA),
        status => status.into(),
    });
    carried_out(&portal, &visitor, &code, Done::Area, &about, changed).await
}

#[derive(Deserialize)]
pub struct ClassForm {
    class: String,
    area: String,
}

/// Says where the next allowances of a wallet class are good.
pub async fn set_class_area(
    State(portal): State<Shared>,
    visitor: Visitor,
    Sent(form): Sent<ClassForm>,
) -> Result<Response, Refusal> {
    let class = form
        .class
        .parse()
        .ok()
        .and_then(AssuranceClass::from_number);
    let class = class.ok_or_else(|| Refusal::Unfit("Choose a wallet class.".to_owned()))?;
    let area = read_area(&form.area)?;
    let changed = portal.ledger.assign_class_area(class, area).await;
    let outcome = changed.map_or_else(Status::word, |()| "done");
    let about = format!("class {} to {} ({outcome})", class as u8, form.area);
    let act = visitor.act(Done::Area.act(), &about);
    portal.people.record(&act, visitor.now).await?;
    match changed {
        Ok(()) => Ok(Redirect::to("/areas?done=class").into_response()),
        Err(Status::OutsideArea) => Err(Refusal::NotFound(NO_AREA)),
        Err(status) => Err(status.into()),
    }
}

/// An area as a form names it; empty for none.
fn read_area(text: &str) -> Result<Option<Reference>, Refusal> {
    match text {
        "" => Ok(None),
        text => read_reference(text)
            .map(Some)
            .ok_or(Refusal::NotFound(NO_AREA)),
    }
}

const NO_AREA: &str = "No such area is defined here.";

/// Reads the 32 hexadecimal digits that name an area.
pub fn read_reference(text: &str) -> Option<Reference> {
    show::hex(text).and_then(|bytes| Reference::from_slice(&bytes))
}

#[derive(Deserialize)]
pub struct OwnerForm {
    owner: String,
    #[serde(default)]
    known_as: String,
}

/// Says whose a thing is, and what the issuer knows that owner by.
pub async fn set_owner(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<OwnerForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let owner = read_code(form.owner.trim())?;
    if portal.ledger.thing(&owner).await?.is_none() {
        return Err(Refusal::Unfit(
            "The owner is no code that is registered here.".to_owned(),
        ));
    }
    let (name, by, now) = (form.known_as.trim(), visitor.name(), visitor.now);
    let mut changed = portal.ledger.set_owner(&code, &owner, by, now).await;
    if changed.is_ok() && !name.is_empty() {
        changed = portal.ledger.enrol_owner(&owner, name, by, now).await;
    }
    let about = format!("{code} to {owner}");
    let changed = match changed {
        Ok(()) => Ok(()),
        Err(Status::NotPermitted) => {
            let act = ActKind::Transferred;
            Err(
                match why_not(&portal, &code, act, Status::NotPermitted).await? {
                    Refusal::Refused(_) => Refusal::Unfit(
                        "It has an owner whose code is good; nobody else gives it away.".to_owned(),
                    ),
                    why => why,
                },
            )
        }
        Err(status) => Err(status.into()),
    };
    carried_out(&portal, &visitor, &code, Done::Owner, &about, changed).await
}

#[derive(Deserialize)]
pub struct KeyForm {
    request: String,
}

/// Gives a thing another wallet key, from a request that its own transport key signed.
pub async fn replace_key(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<KeyForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let request = read_pem(&form.request).map_err(Refusal::Unfit)?;
    let by = visitor.name().to_owned();
    let replaced = portal
        .desk
        .replace_wallet_key(code, request, by, visitor.now)
        .await
        .map_err(|refusal| match refusal {
            DeskRefusal::Request(sentence) => {
                Refusal::Unfit(format!("The request is refused: {sentence}."))
            }
            DeskRefusal::Status(Status::NotPermitted) => Refusal::Unfit(
                "The thing has given this key up before; it has to make a new one.".to_owned(),
            ),
            DeskRefusal::Status(status) => status.into(),
        });
    let about = code.to_string();
    carried_out(&portal, &visitor, &code, Done::Key, &about, replaced).await
}

#[derive(Deserialize)]
pub struct RecoverForm {
    to: String,
}

/// The money of a lost thing goes to another code of its owner's.
pub async fn recover(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<RecoverForm>,
) -> Result<Response, Refusal> {
    let code = read_code(&text)?;
    let to = read_code(form.to.trim())?;
    let by = visitor.name();
    let moved = portal.ledger.recover(&code, &to, by, visitor.now).await;
    if moved.is_ok() {
        portal.live.disconnect(&code);
    }
    let moved = moved.map_err(|status| match status {
        Status::NotPermitted => Refusal::Unfit(
            "The other code has to be another one, active, and its owner the same; and a thing is \
             recovered to one code only. Nothing was changed."
                .to_owned(),
        ),
        Status::UnknownCode => {
            Refusal::Unfit("Both codes have to be registered here. Nothing was changed.".to_owned())
        }
        status => status.into(),
    });
    let about = format!("{code} to {to}");
    carried_out(&portal, &visitor, &code, Done::Recovered, &about, moved).await
}

/// What was done about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It has its code.
    Issued,
    /// Activated, suspended, released, retired or revoked.
    State,
    /// It stands somewhere else.
    Place,
    /// It pays somewhere else.
    Area,
    /// It is somebody's.
    Owner,
    /// It has another name, or not any more.
    Alias,
    /// It signs with another key.
    Key,
    /// Its money goes elsewhere.
    Recovered,
}

impl Done {
    const ALL: [Self; 8] = [
        Self::Issued,
        Self::State,
        Self::Place,
        Self::Area,
        Self::Owner,
        Self::Alias,
        Self::Key,
        Self::Recovered,
    ];

    /// The word in an address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::State => "state",
            Self::Place => "place",
            Self::Area => "area",
            Self::Owner => "owner",
            Self::Alias => "alias",
            Self::Key => "key",
            Self::Recovered => "recovered",
        }
    }

    const fn act(self) -> &'static str {
        match self {
            Self::Issued => "code issued",
            Self::State => "state changed",
            Self::Place => "place changed",
            Self::Area => "area assigned",
            Self::Owner => "owner named",
            Self::Alias => "other name",
            Self::Key => "wallet key replaced",
            Self::Recovered => "lost thing recovered",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Issued => "The code is issued: certificate and pass are signed and recorded.",
            Self::State => "The state was changed.",
            Self::Place => "Where it stands is recorded.",
            Self::Area => "From its next allowance on, that is where it may pay.",
            Self::Owner => "The owner is recorded.",
            Self::Alias => "The other names of the code were changed.",
            Self::Key => {
                "The thing has another wallet key and a new pass; it fetches the pass and asks for \
                 an allowance by itself."
            }
            Self::Recovered => {
                "What was free has gone to the other code; the rest follows when nobody can claim \
                 it any more."
            }
        }
    }

    /// What to say for a word that stood in an address.
    pub fn notice(word: &str) -> Option<&'static str> {
        let done = Self::ALL.into_iter().find(|done| done.word() == word);
        done.map(Self::sentence)
    }
}

/// Keeps in the audit trail what was tried and how it went; what was done is seen on the thing's
/// page.
async fn carried_out(
    portal: &Portal,
    visitor: &Visitor,
    code: &Code,
    done: Done,
    about: &str,
    outcome: Result<(), Refusal>,
) -> Result<Response, Refusal> {
    let word = outcome.as_ref().map_or_else(Refusal::word, |()| "done");
    let about = format!("{about} ({word})");
    let act = visitor.act(done.act(), &about);
    portal.people.record(&act, visitor.now).await?;
    outcome?;
    Ok(Redirect::to(&format!("/codes/{code}?done={}", done.word())).into_response())
}
