//! Batches of requests: the list, and the form that takes a table in.

use super::frame::{Frame, page, page_with};
use super::parts::{Pill, page_after};
use crate::batches::TABLE_BYTES_MAX;
use crate::deeds::batches as deeds;
use crate::door::{Upload, Visitor};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::bounds::NAME_BYTES_MOST;
use ledger::views::Cursor;
use ledger::{JobRow, JobState};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "batches.html")]
struct Batches {
    frame: Frame,
    issues: bool,
    problem: Option<Say>,
    lines: Vec<JobRow>,
    next: Option<Cursor>,
}

impl Batches {
    /// A page that shows something under way looks again by itself.
    fn is_under_way(&self) -> bool {
        self.problem.is_none() && self.lines.iter().any(|row| row.state == JobState::Running)
    }
}

/// How a batch stands, as a word with a colour.
pub fn pill(state: &JobState) -> Pill {
    let (class, word) = match state {
        JobState::Running => ("info", say("running")),
        JobState::Stopped => ("warn", say("stopped")),
        JobState::Done => ("good", say("done")),
    };
    Pill { class, word }
}

/// Where the list goes on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: Option<String>,
}

async fn list(
    portal: &Portal,
    visitor: &Visitor,
    after: Option<&str>,
    problem: Option<Say>,
) -> Result<Batches, Refusal> {
    let listing = portal.ledger.jobs(&page_after(after)).await?;
    let frame = Frame::new(portal, Some(visitor), "/codes");
    Ok(Batches {
        issues: frame.may(ISSUES),
        frame,
        problem,
        lines: listing.rows,
        next: listing.next,
    })
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let list = list(&portal, &visitor, asked.after.as_deref(), None).await?;
    page(&visitor.reader, &list)
}

/// Takes a table in. It is worked off beside everything else.
pub async fn take(
    State(portal): State<Shared>,
    visitor: Visitor,
    upload: Upload,
) -> Result<Response, Refusal> {
    let (fields, table) = upload.file_within(TABLE_BYTES_MAX).await?;
    let title = fields.iter().find(|(name, _)| name == "title");
    let title = title.map(|(_, title)| title.trim()).unwrap_or_default();
    if title.is_empty() || title.len() > NAME_BYTES_MOST {
        let problem = say("Give the batch a title that people will find it by.");
        return again(&portal, &visitor, problem).await;
    }
    match deeds::begin(&portal, &visitor.actor(), title, &table).await {
        Ok(row) => Ok(Redirect::to(&format!("/batches/{}", row.number)).into_response()),
        Err(Refusal::Unfit(problem)) => again(&portal, &visitor, problem).await,
        Err(refusal) => Err(refusal),
    }
}

async fn again(portal: &Portal, visitor: &Visitor, problem: Say) -> Result<Response, Refusal> {
    let list = list(portal, visitor, None, Some(problem)).await?;
    page_with(&visitor.reader, StatusCode::UNPROCESSABLE_ENTITY, &list)
}
