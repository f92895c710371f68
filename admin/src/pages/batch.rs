//! One batch of requests: how far it is, what came of its lines, and its files.

use super::batches::pill;
use super::frame::{Frame, page};
use super::parts::{Pill, ROWS, attachment};
use crate::batch::parts;
use crate::deeds::batches as deeds;
use crate::door::{Sent, Visitor};
use crate::labels::{self, FORMS};
use crate::language::{Say, Words as _, below, filters, heard, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use crate::statements::quoted;
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream::try_unfold;
use issuer::label::SHEET_LABELS_MAX;
use ledger::bounds::PAGE_MOST;
use ledger::{JobLine, JobRow, JobState};
use protocol::Code;
use serde::Deserialize;
use std::fmt::Write as _;
use std::io;

const NO_BATCH: Refusal = Refusal::NotFound(say("There is no such batch."));

#[derive(Template)]
#[template(path = "batch.html")]
struct Batch {
    frame: Frame,
    issues: bool,
    row: JobRow,
    pill: Pill,
    parts: u32,
    lines: Vec<JobLine>,
    next: Option<u32>,
}

impl Batch {
    fn is_under_way(&self) -> bool {
        self.row.state == JobState::Running
    }

    fn is_stopped(&self) -> bool {
        self.row.state == JobState::Stopped
    }

    /// Books keep it in English.
    fn heard(&self, problem: &str) -> Say {
        heard(problem)
    }

    const fn ended(&self) -> u32 {
        self.row.issued.saturating_add(self.row.failed)
    }
}

/// Which lines.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: u32,
}

async fn find(portal: &Portal, text: &str) -> Result<JobRow, Refusal> {
    let number = text.parse().map_err(|_| NO_BATCH)?;
    deeds::find(portal, number).await
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let lines = portal
        .ledger
        .job_lines(row.number, asked.after, ROWS)
        .await?;
    let last = lines.last().map(|line| line.line);
    let frame = Frame::new(&portal, Some(&visitor), "/codes");
    page(
        &visitor.reader,
        &Batch {
            issues: frame.may(ISSUES),
            frame,
            pill: pill(&row.state),
            parts: parts(row.issued),
            lines,
            next: last.filter(|last| *last < row.lines),
            row,
        },
    )
}

#[derive(Deserialize)]
pub struct StateForm {
    go: String,
}

/// Stops it, or lets it go on.
pub async fn set_state(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Sent(form): Sent<StateForm>,
) -> Result<Response, Refusal> {
    let number = text.parse().map_err(|_| NO_BATCH)?;
    let stop = match form.go.as_str() {
        "stop" => true,
        "on" => false,
        _ => return Err(Refusal::Unfit(say("Stop it, or let it go on."))),
    };
    deeds::stop(&portal, &visitor.actor(), number, stop).await?;
    Ok(Redirect::to(&format!("/batches/{number}")).into_response())
}

/// What came of every line, as a table for other programs.
pub async fn codes(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    Ok(file(portal, &row))
}

/// The same, put together while it is read.
pub fn file(portal: Shared, row: &JobRow) -> Response {
    const HEAD: &str = "line,name,product,kind,code,uri,problem\r\n";
    let begin = (portal, row.number, None::<u32>);
    let pieces = try_unfold(begin, |(portal, number, after)| async move {
        let from = after.unwrap_or(0);
        let lines = portal.ledger.job_lines(number, from, PAGE_MOST).await;
        let lines = lines.map_err(io::Error::other)?;
        let mut piece = match after {
            None => HEAD.to_owned(),
            Some(_) => String::new(),
        };
        let Some(last) = lines.last().map(|line| line.line) else {
            return Ok::<_, io::Error>(None);
        };
        for line in &lines {
            write_line(&portal, line, &mut piece);
        }
        Ok(Some((piece, (portal, number, Some(last)))))
    });
    let name = format!("batch-{}.csv", row.number);
    attachment("text/csv; charset=utf-8", &name, Body::from_stream(pieces))
}

fn write_line(portal: &Portal, line: &JobLine, text: &mut String) {
    let (code, problem) = match &line.outcome {
        Some(Ok(code)) => (Some(*code), ""),
        Some(Err(problem)) => (None, problem.as_str()),
        None => (None, ""),
    };
    let uri = code.map(|code| crate::draw::code_uri(&portal.resolver, &code));
    let code = code.map(|code| code.to_string());
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "{},{},{},{},{},{},{}\r\n",
        line.line,
        quoted(&line.name),
        quoted(&line.product),
        line.kind.word(),
        code.unwrap_or_default(),
        uri.unwrap_or_default(),
        quoted(problem),
    );
}

/// Labels of the batch, a part at a time.
pub async fn labels(
    State(portal): State<Shared>,
    Path(text): Path<String>,
    Query(asked): Query<labels::Asked>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let part = asked.part();
    if !(1..=parts(row.issued)).contains(&part) || row.issued == 0 {
        return Err(Refusal::NotFound(say("There are fewer labels than that.")));
    }
    let codes = part_of(&portal, &row, part).await?;
    let name = format!("labels-batch-{}-{part}", row.number);
    labels::file(&portal, codes, ("", ""), &asked.on, asked.signed(), &name).await
}

async fn part_of(portal: &Portal, row: &JobRow, part: u32) -> Result<Vec<Code>, Refusal> {
    let skipped = (part as usize - 1).saturating_mul(SHEET_LABELS_MAX);
    let (mut codes, mut seen, mut after) = (Vec::new(), 0, 0);
    loop {
        let lines = portal
            .ledger
            .job_lines(row.number, after, PAGE_MOST)
            .await?;
        let Some(last) = lines.last() else {
            return Ok(codes);
        };
        after = last.line;
        for line in &lines {
            if let Some(Ok(code)) = &line.outcome {
                if seen >= skipped && codes.len() < SHEET_LABELS_MAX {
                    codes.push(*code);
                }
                seen += 1;
            }
        }
    }
}
