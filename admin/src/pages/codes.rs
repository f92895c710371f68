//! The list of things.

use super::frame::{Frame, page};
use super::parts::{Pill, page_after, state};
use crate::door::Visitor;
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::ThingState;
use ledger::views::{Cursor, ThingQuery, ThingRow};
use protocol::code::CODE_CHARS;
use protocol::code::base32::TextError;
use protocol::{Code, Kind};
use serde::Deserialize;

/// Longest text searched for.
const TEXT_CHARS_MAX: usize = 128;
const STATES: [ThingState; 3] = [ThingState::Active, ThingState::Frozen, ThingState::Revoked];

#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    state: String,
    after: Option<String>,
}

struct Line {
    thing: ThingRow,
    state: Pill,
    door: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "codes.html")]
struct Codes {
    frame: Frame,
    may_issue: bool,
    text: String,
    kind: Option<Kind>,
    state: Option<ThingState>,
    hint: Option<&'static str>,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// The list, searched and filtered. A whole code that is registered here is opened at once.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(search): Query<Search>,
) -> Result<Response, Refusal> {
    let text: String = search.q.trim().chars().take(TEXT_CHARS_MAX).collect();
    if let Ok(code) = text.parse::<Code>()
        && portal.ledger.thing(&code).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/codes/{code}")).into_response());
    }
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.word() == search.kind);
    let wanted = STATES
        .into_iter()
        .find(|state| state.word() == search.state);
    let query = ThingQuery {
        text: text.clone(),
        kind,
        state: wanted,
    };
    let listing = portal
        .ledger
        .things(&query, &page_after(search.after.as_deref()))
        .await?;
    let line = |thing: ThingRow| Line {
        state: state(thing.state),
        door: portal.live.connected(&thing.code).map(|there| there.door),
        thing,
    };
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    page(&Codes {
        may_issue: frame.may(ISSUES),
        frame,
        hint: if listing.rows.is_empty() {
            hint(&text)
        } else {
            None
        },
        text,
        kind,
        state: wanted,
        lines: listing.rows.into_iter().map(line).collect(),
        next: listing.next,
    })
}

/// What is wrong with a text that looks like a code and finds nothing.
fn hint(text: &str) -> Option<&'static str> {
    let symbols = text.chars().filter(|c| !matches!(c, '-' | ' ')).count();
    if !(CODE_CHARS - 2..=CODE_CHARS + 2).contains(&symbols) {
        return None;
    }
    match text.parse::<Code>() {
        Ok(_) => Some("a well-formed code, but it is not registered here"),
        Err(TextError::Symbol) if !text.starts_with('2') => None,
        Err(error) => Some(error.sentence()),
    }
}

impl Codes {
    /// The filters again, for the link to the next page.
    fn filters(&self) -> String {
        let kind = self.kind.map_or("", Kind::word);
        let state = self.state.map_or("", ThingState::word);
        let text: String = self.text.bytes().map(|b| format!("%{b:02X}")).collect();
        format!("q={text}&kind={}&state={state}", kind.replace(' ', "+"))
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == Some(*kind)
    }

    fn is_state(&self, state: &ThingState) -> bool {
        self.state == Some(*state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::code::IssuedBy;

    #[test]
    fn only_what_looks_like_a_code_gets_a_hint() {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let code = Code::derive(Kind::Device, by, 7, b"key")
            .unwrap()
            .to_string();
        assert_eq!(hint("car 7"), None);
        assert_eq!(
            hint(&code),
            Some("a well-formed code, but it is not registered here")
        );
        assert_eq!(hint(&code[1..]), Some(TextError::Length.sentence()));
        let mut wrong = code.into_bytes();
        wrong[20] = if wrong[20] == b'7' { b'8' } else { b'7' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert_eq!(hint(&wrong), Some(TextError::Check.sentence()));
    }
}
