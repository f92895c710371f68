//! What anybody sees who scans the label of a thing. It says whether the code is genuine and how it
//! stands, and nothing about names, money or whereabouts.

use super::aliases;
use super::frame::{Frame, page_with};
use super::offer::{self, Offered};
use super::proof::{self, Logged, Proof};
use crate::counters::Lookup;
use crate::credential;
use crate::door::Visitor;
use crate::evidence::Check;
use crate::language::{Say, Words as _, below, filters, say};
use crate::mark::{self, Word};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use issuer::Role;
use ledger::ThingState;
use protocol::code::base32::TextError;
use protocol::cose::open;
use protocol::objects::{Labelled, Pass, Rights};
use protocol::{Code, Kind, Timestamp};
use serde::Deserialize;

/// How a code stands, for strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Registered, and everything about it is in order.
    Genuine,
    /// One of the authorities of this house.
    Authority(Role),
    /// Registered, but its pass has ended.
    Ended,
    /// Stopped until a person decides.
    Frozen,
    /// Registered, and nobody has put it to use.
    Waiting,
    /// For good.
    Revoked,
    /// It came to its end in peace.
    Retired,
    /// Another code has taken over.
    Superseded,
    /// Well formed, but not registered here.
    Unknown,
    /// No code at all.
    Mistyped(TextError),
    /// The registry holds it, but its pass does not verify.
    Damaged,
    /// Registered, but what stands behind it on the label is wrong.
    Forged,
    /// The registry holds it, and the log of all codes issued here does not.
    Unlogged,
}

impl Verdict {
    /// Class of the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Genuine | Self::Authority(_) => "good",
            Self::Ended | Self::Frozen | Self::Waiting => "warn",
            Self::Revoked
            | Self::Retired
            | Self::Superseded
            | Self::Unknown
            | Self::Damaged
            | Self::Forged
            | Self::Unlogged => "bad",
            Self::Mistyped(_) => "none",
        }
    }

    const fn title(self) -> Say {
        match self {
            Self::Genuine => say("Genuine"),
            Self::Authority(_) => say("Genuine authority"),
            Self::Ended => say("Genuine, but out of date"),
            Self::Frozen => say("Suspended"),
            Self::Waiting => say("Genuine, but not in use"),
            Self::Revoked => say("Revoked"),
            Self::Retired => say("Retired"),
            Self::Superseded => say("Replaced"),
            Self::Unknown => say("Not known here"),
            Self::Mistyped(_) => say("Not a code"),
            Self::Damaged | Self::Unlogged => say("Do not rely on it"),
            Self::Forged => say("Do not trust this label"),
        }
    }

    fn sentence(self) -> Say {
        match self {
            Self::Genuine => say("This code was issued here and is in good standing."),
            Self::Authority(role) => {
                say("This code belongs to the {role} that stands behind the codes issued here.")
                    .put("role", below::authority(role))
            }
            Self::Ended => say(
                "This code was issued here, but its pass has ended and was not renewed yet. Ask whoever runs the thing.",
            ),
            Self::Frozen => say(
                "This code was issued here, but it is suspended for now. Do not pay it and do not rely on it.",
            ),
            Self::Revoked => say(
                "This code was issued here and has been withdrawn for good. If it is on a thing in front of you, do not use that thing.",
            ),
            Self::Waiting => say(
                "This code was issued here, and the thing has not been put to use yet. If it is at work in front of you, ask whoever runs it.",
            ),
            Self::Retired => say(
                "This code was issued here, and its thing was taken out of use for good. A thing that still carries it is not what the code stood for.",
            ),
            Self::Superseded => say(
                "This code was issued here, and another code has taken its place. Look for a newer label on the thing.",
            ),
            Self::Unknown => say(
                "It is spelled like a code, but this house never issued it. Be careful: the label may be forged, or it belongs to another issuer.",
            ),
            Self::Mistyped(error) => say("What was scanned or typed cannot be read: {reason}.")
                .put("reason", below::text_error(error)),
            Self::Damaged => say(
                "This code is registered here, but its pass does not verify. Tell whoever runs the thing.",
            ),
            Self::Unlogged => say(
                "This code is registered here, but it does not stand in the code chain, in which this house shows every code that it issues. Tell whoever runs the thing.",
            ),
            Self::Forged => say(
                "This code was issued here, but whoever made the label in front of you was not entitled to.",
            ),
        }
    }

    /// Whether the registry of things holds it.
    const fn is_registered(self) -> bool {
        match self {
            Self::Genuine
            | Self::Ended
            | Self::Frozen
            | Self::Waiting
            | Self::Revoked
            | Self::Retired
            | Self::Superseded
            | Self::Damaged
            | Self::Forged
            | Self::Unlogged => true,
            Self::Authority(_) | Self::Unknown | Self::Mistyped(_) => false,
        }
    }

    const fn lookup(self) -> Lookup {
        match self {
            Self::Genuine | Self::Authority(_) => Lookup::Genuine,
            Self::Ended | Self::Waiting => Lookup::NotNow,
            Self::Frozen => Lookup::Suspended,
            Self::Revoked | Self::Retired | Self::Superseded => Lookup::Revoked,
            Self::Unknown => Lookup::Unknown,
            Self::Mistyped(_) => Lookup::Mistyped,
            Self::Damaged | Self::Unlogged => Lookup::Damaged,
            Self::Forged => Lookup::Forged,
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Mistyped(_) => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        }
    }
}

/// What strangers may know beside the verdict.
struct Facts {
    code: Code,
    what: Kind,
    issued: Option<String>,
}

#[derive(Template)]
#[template(path = "public_code.html")]
struct PublicCode {
    frame: Frame,
    verdict: Verdict,
    facts: Option<Facts>,
    has_pass: bool,
    /// Whether it takes payments, of which nothing else is said.
    takes_payments: bool,
    proof: Option<Proof>,
    /// Whether a checkpoint that would cover the proof is still to come.
    soon: bool,
    /// Whether it has a secret inside that can be tried.
    has_inside: bool,
    asked: String,
    label: Option<Word>,
    offer: Option<Offered>,
}

/// Longest mistyped text that is shown back.
const ECHO_CHARS_MAX: usize = 64;

/// The secret of a thing without a key, as somebody typed it.
#[derive(Deserialize)]
pub struct Typed {
    inside: Option<String>,
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(typed): Query<Typed>,
) -> Result<Response, Refusal> {
    let inside = typed.inside.filter(|inside| !inside.trim().is_empty());
    let inside = inside.as_deref().map(str::trim);
    shown(&portal, &text, inside, &visitor).await
}

/// The page, for what stands behind the code.
async fn shown(
    portal: &Portal,
    text: &str,
    mark: Option<&str>,
    visitor: &Visitor,
) -> Result<Response, Refusal> {
    let (mut verdict, facts, pass) = find(portal, text, visitor.now).await?;
    let label = match (mark, &facts) {
        (_, None) => None,
        (_, Some(_)) if verdict == Verdict::Unknown => None,
        (None, Some(_)) => Some(Word::Nothing),
        (Some(mark), Some(facts)) => {
            Some(mark::judge(portal, Labelled::Thing(facts.code), mark).await?)
        }
    };
    if label.is_some_and(Word::is_forged) {
        verdict = Verdict::Forged;
    }
    let logged = match &facts {
        Some(facts) => Some(proof::of_issue(portal, &facts.code.into()).await?),
        None => None,
    };
    if matches!(logged, Some(Logged::Nowhere))
        && verdict.is_registered()
        && facts
            .as_ref()
            .is_some_and(|facts| facts.code.issued_by() == portal.station)
    {
        verdict = Verdict::Unlogged;
    }
    counted(portal, verdict);
    let soon = matches!(logged, Some(Logged::Soon));
    let proof = logged.and_then(Logged::proof);
    let offer = match &facts {
        Some(facts) if verdict == Verdict::Genuine => {
            offer::of(portal, &facts.code, visitor.now).await?
        }
        _ => None,
    };
    let page = PublicCode {
        // A stranger's page is the same for staff: no navigation, no name.
        frame: Frame::public(portal, &visitor.reader),
        verdict,
        has_pass: !pass.is_empty(),
        takes_payments: verdict == Verdict::Genuine
            && open::<Pass>(&pass, &portal.network)
                .is_ok_and(|pass| pass.peek().rights.permits(Rights::ACCEPT)),
        proof,
        soon,
        has_inside: label.is_some()
            && facts
                .as_ref()
                .is_some_and(|facts| facts.code.kind() == Kind::PassiveItem),
        facts,
        asked: show::typed(text, ECHO_CHARS_MAX),
        label,
        offer,
    };
    page_with(&visitor.reader, verdict.status(), &page)
}

/// What stands behind a code in a symbol: the signature of its label or the secret inside, or `pass`
/// for its pass.
pub async fn face(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path((text, face)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    if mark::is_mark(&face) {
        return shown(&portal, &text, Some(&face), &visitor).await;
    }
    if face.eq_ignore_ascii_case("did.json") {
        return aliases::did(&portal, &text).await;
    }
    if face.eq_ignore_ascii_case("invoice") {
        return match find(&portal, &text, visitor.now).await? {
            (Verdict::Genuine, Some(facts), _) => offer::file(&portal, &facts.code, visitor.now),
            _ => Err(Refusal::NotFound(say("This thing asks for nothing now."))),
        };
    }
    if !face.eq_ignore_ascii_case("pass") {
        return Err(Refusal::NotFound(say(
            "Of a code there is the page, the pass, and the page with what its label says behind the code: a signature of 106 symbols, or a secret of 18. Scan the label again.",
        )));
    }
    pass(State(portal), visitor, Path(text)).await
}

/// Its pass. Things fetch theirs when they enrol, a hall of them from one address.
pub async fn pass(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let (verdict, _, pass) = find(&portal, &text, visitor.now).await?;
    counted(&portal, verdict);
    match verdict {
        Verdict::Mistyped(error) => Err(Refusal::Unfit(
            say("That is no code: {reason}.").put("reason", below::text_error(error)),
        )),
        _ if pass.is_empty() => Err(Refusal::NotFound(say("No pass of that code is kept here."))),
        _ => Ok(([(header::CONTENT_TYPE, "application/cbor")], pass).into_response()),
    }
}

/// Counts how a code stood that was looked up.
fn counted(portal: &Portal, verdict: Verdict) {
    if let Verdict::Mistyped(error) = verdict {
        portal.counters.mistyped(error);
    }
    portal.counters.looked_up(verdict.lookup());
}

async fn find(
    portal: &Portal,
    text: &str,
    now: Timestamp,
) -> Result<(Verdict, Option<Facts>, Vec<u8>), Refusal> {
    let code: Code = match text.parse() {
        Ok(code) => code,
        Err(error) => return Ok((Verdict::Mistyped(error), None, Vec::new())),
    };
    let facts = |issued: Option<Timestamp>| {
        let what = code.kind();
        let issued = issued.map(show::time);
        Some(Facts { code, what, issued })
    };
    let authorities = portal.desk.authorities();
    if let Some(card) = authorities.iter().find(|card| card.code == code) {
        return Ok((
            Verdict::Authority(card.role),
            facts(None),
            card.pass.clone(),
        ));
    }
    if let Some(pass) = credential::station_pass(portal, &code).await? {
        return Ok((Verdict::Authority(Role::Station), facts(None), pass));
    }
    let Some(thing) = portal.ledger.thing(&code).await? else {
        return Ok(match portal.ledger.item(&code).await? {
            Some(item) => (
                without_key(item.state),
                facts(Some(item.issued)),
                Vec::new(),
            ),
            None => (Verdict::Unknown, facts(None), Vec::new()),
        });
    };
    let key = credential::signer(portal, &thing.pass).await?;
    let pass = credential::pass(&thing.pass, &portal.network, key.as_ref());
    let verdict = match (thing.state, pass) {
        (ThingState::Issued, _) => Verdict::Waiting,
        (ThingState::Revoked, _) => Verdict::Revoked,
        (ThingState::Retired, _) => Verdict::Retired,
        (ThingState::Superseded, _) => Verdict::Superseded,
        (ThingState::Frozen, _) => Verdict::Frozen,
        (ThingState::Active, Some(pass)) if pass.check == Check::Fits => {
            if pass.ends <= now {
                Verdict::Ended
            } else {
                Verdict::Genuine
            }
        }
        (ThingState::Active, _) => Verdict::Damaged,
    };
    Ok((verdict, facts(Some(thing.issued)), thing.pass))
}

/// A thing without a key has no pass that could end.
const fn without_key(state: ThingState) -> Verdict {
    match state {
        ThingState::Active => Verdict::Genuine,
        ThingState::Issued => Verdict::Waiting,
        ThingState::Frozen => Verdict::Frozen,
        ThingState::Revoked => Verdict::Revoked,
        ThingState::Retired => Verdict::Retired,
        ThingState::Superseded => Verdict::Superseded,
    }
}
