//! A label that somebody doubts: what the scanner read, judged before anything is opened.

use super::frame::{Frame, page_with};
use crate::counters::Lookup;
use crate::door::Visitor;
use crate::language::{Say, Words as _, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::scanned::{Scanned, read, visible};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    text: String,
}

#[derive(Template)]
#[template(path = "label_check.html")]
struct LabelCheck {
    frame: Frame,
    text: String,
    answer: Option<Answer>,
}

struct Answer {
    title: Say,
    sentence: Say,
    /// What this house says of the code in it.
    page: Option<String>,
}

/// Longest text that is shown back.
const ECHO_CHARS_MAX: usize = 200;

/// The page, or on to what the label leads to.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(typed): Query<Typed>,
) -> Result<Response, Refusal> {
    let text = typed.text.trim();
    let scanned = read(text, &portal.resolver);
    if let Scanned::Here(path) = scanned {
        return Ok(Redirect::to(&path).into_response());
    }
    if matches!(scanned, Scanned::Bare(_) | Scanned::Elsewhere { .. }) {
        portal.counters.looked_up(Lookup::Forged);
    }
    let answer = match text {
        "" => None,
        _ => answer(scanned, &portal.resolver),
    };
    let status = match answer {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = LabelCheck {
        frame: Frame::public(&portal, &visitor.reader),
        text: text.chars().take(ECHO_CHARS_MAX).collect(),
        answer,
    };
    page_with(&visitor.reader, status, &page)
}

fn answer(scanned: Scanned, resolver: &str) -> Option<Answer> {
    let own = resolver.to_ascii_uppercase();
    let (title, sentence, page) = match scanned {
        Scanned::Here(_) => return None,
        Scanned::Bare(page) => (
            say("Do not trust this label"),
            say(
                "It leads here without encryption (HTTP), where anybody on the way can put another page. Labels of this house begin with HTTPS.",
            ),
            page,
        ),
        Scanned::Elsewhere {
            host,
            alike: true,
            page,
        } => (
            say("Do not trust this label"),
            say(
                "It leads to {host}, which looks like {own} and is not. Somebody made it to be taken for a label of this house: do not open it, and tell whoever runs the thing.",
            )
            .put("host", visible(&host, ECHO_CHARS_MAX))
            .put("own", own),
            page,
        ),
        Scanned::Elsewhere { host, page, .. } => (
            say("Not a label of this house"),
            say("It leads to {host}. Labels of this house lead to {own}.")
                .put("host", visible(&host, ECHO_CHARS_MAX))
                .put("own", own),
            page,
        ),
        Scanned::Nothing => (
            say("Not a label of this house"),
            say(
                "It holds no code. A label of this house says HTTPS://{own}/1/ and a code, or HTTPS://{own}/G/ and a grid code.",
            )
            .put("own", own),
            None,
        ),
    };
    Some(Answer {
        title,
        sentence,
        page,
    })
}
