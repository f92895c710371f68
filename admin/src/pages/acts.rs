//! What people do about one thing: its state, its place, its area, its owner, its keys, its end.

use super::issue::read_pem;
use super::parts::read_code;
use crate::deeds::codes as deeds;
use crate::door::{Sent, Visitor};
use crate::language::{Say, below, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::show;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::chain::ActKind;
use protocol::code::base32::TextError;
use protocol::{AssuranceClass, Code, GridCode, Reference};
use serde::Deserialize;

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
    let act = ActKind::ALL.iter().find(|act| act.word() == form.act);
    let act = *act.ok_or_else(|| Refusal::Unfit(say("Choose what happens to it.")))?;
    deeds::live(&portal, &visitor.actor(), &code, act, &form.reason).await?;
    Ok(back(&code, Done::State))
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
            Refusal::Unfit(
                say("That is no grid code: {reason}.").put("reason", below::text_error(error)),
            )
        })?),
    };
    deeds::place(&portal, &visitor.actor(), &code, place, &form.reason).await?;
    Ok(back(&code, Done::Place))
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
    deeds::area(&portal, &visitor.actor(), &code, area).await?;
    Ok(back(&code, Done::Area))
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
    let class = class.ok_or_else(|| Refusal::Unfit(say("Choose a wallet class.")))?;
    let area = read_area(&form.area)?;
    deeds::class_area(&portal, &visitor.actor(), class, area).await?;
    Ok(Redirect::to("/areas?done=class").into_response())
}

/// An area as a form names it; empty for none.
fn read_area(text: &str) -> Result<Option<Reference>, Refusal> {
    match text {
        "" => Ok(None),
        text => read_reference(text).map(Some).ok_or(deeds::NO_AREA),
    }
}

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
    deeds::owner(&portal, &visitor.actor(), &code, &owner, &form.known_as).await?;
    Ok(back(&code, Done::Owner))
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
    deeds::key(&portal, &visitor.actor(), &code, request).await?;
    Ok(back(&code, Done::Key))
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
    deeds::recover(&portal, &visitor.actor(), &code, &to).await?;
    Ok(back(&code, Done::Recovered))
}

/// To the thing's page, where what was done is seen.
fn back(code: &Code, done: Done) -> Response {
    Redirect::to(&format!("/codes/{code}?done={}", done.word())).into_response()
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

    const fn sentence(self) -> Say {
        match self {
            Self::Issued => {
                say("The code is issued: certificate and pass are signed and recorded.")
            }
            Self::State => say("The state was changed."),
            Self::Place => say("Where it stands is recorded."),
            Self::Area => say("From its next allowance on, that is where it may pay."),
            Self::Owner => say("The owner is recorded."),
            Self::Alias => say("The other names of the code were changed."),
            Self::Key => say(
                "The thing has another wallet key and a new pass; it fetches the pass and asks for \
                 an allowance by itself.",
            ),
            Self::Recovered => say(
                "What was free has gone to the other code; the rest follows when nobody can claim \
                 it any more.",
            ),
        }
    }

    /// What to say for a word that stood in an address.
    pub fn notice(word: &str) -> Option<Say> {
        let done = Self::ALL.into_iter().find(|done| done.word() == word);
        done.map(Self::sentence)
    }
}
