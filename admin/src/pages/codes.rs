//! The list of things.

use super::frame::{Frame, page};
use super::parts::{Pill, attachment, page_after, state};
use crate::door::Visitor;
use crate::draw::code_uri;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use crate::statements::{iso, quoted};
use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::try_unfold;
use ledger::ThingState;
use ledger::bounds::PAGE_MOST;
use ledger::views::{Cursor, Page, ThingQuery, ThingRow};
use protocol::code::CODE_CHARS;
use protocol::code::base32::TextError;
use protocol::code::grid::GRID_CHARS;
use protocol::{Code, GridCode, Kind};
use serde::Deserialize;
use std::fmt::Write as _;
use std::io;

/// Longest text searched for.
const TEXT_CHARS_MAX: usize = 128;

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
    hint: Option<Say>,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// The list, searched and filtered. A whole code or grid code that is registered here is opened at
/// once.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(search): Query<Search>,
) -> Result<Response, Refusal> {
    let text: String = search.q.trim().chars().take(TEXT_CHARS_MAX).collect();
    if let Ok(code) = text.parse::<Code>()
        && portal.ledger.label(&code).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/codes/{code}")).into_response());
    }
    if let Ok(grid) = text.parse::<GridCode>()
        && portal.ledger.grid(&grid).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/grids/{grid}")).into_response());
    }
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.word() == search.kind);
    let wanted = ThingState::ALL
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
    let hint = match listing.rows.is_empty() {
        true => hint(&text),
        false => None,
    };
    if let Some(Hint::Mistyped(error)) = hint {
        portal.counters.mistyped(error);
    }
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    page(
        &visitor.reader,
        &Codes {
            may_issue: frame.may(ISSUES),
            frame,
            hint: hint.map(Hint::words),
            text,
            kind,
            state: wanted,
            lines: listing.rows.into_iter().map(line).collect(),
            next: listing.next,
        },
    )
}

/// Why a text that looks like a code finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    NotHere,
    Mistyped(TextError),
}

impl Hint {
    const fn words(self) -> Say {
        match self {
            Self::NotHere => say("it is well formed, but not registered here"),
            Self::Mistyped(error) => below::text_error(error),
        }
    }
}

/// A text within two symbols of a code's or grid code's length was meant as one, unless it is
/// spelled like a name.
fn hint(text: &str) -> Option<Hint> {
    let symbols = text.chars().filter(|c| !matches!(c, '-' | ' ')).count();
    let near = |length: usize| (length - 2..=length + 2).contains(&symbols);
    let read = match () {
        () if near(CODE_CHARS) => text.parse::<Code>().map(drop),
        () if near(GRID_CHARS) => text.parse::<GridCode>().map(drop),
        () => return None,
    };
    match read {
        Ok(()) => Some(Hint::NotHere),
        Err(TextError::Symbol) if !text.starts_with('2') => None,
        Err(error) => Some(Hint::Mistyped(error)),
    }
}

impl Codes {
    /// The filters again, for the link to the next page.
    fn filters(&self) -> String {
        let kind = self.kind.map_or("", Kind::word);
        let state = self.state.map_or("", ThingState::word);
        let text: String = show::escaped(&self.text);
        format!("q={text}&kind={}&state={state}", kind.replace(' ', "+"))
    }

    fn is_kind(&self, kind: &Kind) -> bool {
        self.kind == Some(*kind)
    }

    fn is_state(&self, state: &ThingState) -> bool {
        self.state == Some(*state)
    }
}

/// Everything in the registry as a table for other programs, put together while it is read.
pub async fn file(State(portal): State<Shared>) -> Response {
    const HEAD: &str = "code,kind,name,state,issued,uri\r\n";
    let begin = (portal, Some(Page::first(PAGE_MOST)), true);
    let pieces = try_unfold(begin, |(portal, page, first)| async move {
        let Some(page) = page else {
            return Ok::<_, io::Error>(None);
        };
        let listing = portal.ledger.things(&ThingQuery::default(), &page).await;
        let listing = listing.map_err(io::Error::other)?;
        let mut piece = if first {
            HEAD.to_owned()
        } else {
            String::new()
        };
        for thing in &listing.rows {
            // Writing to a string does not fail.
            let _ = write!(
                piece,
                "{},{},{},{},{},{}\r\n",
                thing.code,
                thing.kind.word(),
                quoted(&thing.name),
                thing.state.word(),
                iso(thing.issued),
                code_uri(&portal.resolver, &thing.code),
            );
        }
        let next = listing.next.map(|after| Page {
            after: Some(after),
            most: PAGE_MOST,
        });
        Ok(Some((piece, (portal, next, false))))
    });
    attachment(
        "text/csv; charset=utf-8",
        "codes.csv",
        Body::from_stream(pieces),
    )
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
        assert_eq!(hint(&code), Some(Hint::NotHere));
        assert_eq!(hint(&code[1..]), Some(Hint::Mistyped(TextError::Length)));
        let mut wrong = code.into_bytes();
        wrong[20] = if wrong[20] == b'7' { b'8' } else { b'7' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert_eq!(hint(&wrong), Some(Hint::Mistyped(TextError::Check)));
        assert_eq!(
            hint(&"2".repeat(49)),
            Some(Hint::Mistyped(TextError::Length)),
            "a grid code with a symbol missing"
        );
    }
}
