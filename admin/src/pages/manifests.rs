//! What stations brought back, and the form that takes a manifest in.

use super::frame::{Frame, page};
use crate::desk::DeskRefusal;
use crate::door::{Upload, Visitor};
use crate::imports::Import;
use crate::language::{Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use crate::station_desk::{ManifestTaken, Progress};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::StationRow;
use ledger::views::ManifestRow;
use protocol::Code;
use protocol::cose::open;
use protocol::objects::Manifest;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer waits for a manifest to be read: most are, and nobody has to look again.
const WAIT: Duration = Duration::from_millis(1500);

/// A manifest that is being read or was read lately.
struct Job {
    import: Import,
    outcome: Option<Result<(ManifestTaken, String), String>>,
}

struct Line {
    row: ManifestRow,
    station: String,
    said: Option<Manifest>,
}

#[derive(Template)]
#[template(path = "manifests.html")]
struct Manifests {
    frame: Frame,
    issues: bool,
    jobs: Vec<Job>,
    lines: Vec<Line>,
}

impl Manifests {
    /// A page that shows something under way looks again by itself.
    fn is_under_way(&self) -> bool {
        self.jobs.iter().any(|job| job.outcome.is_none())
    }
}

fn name(stations: &[StationRow], code: &Code) -> String {
    let is_it = |row: &&StationRow| row.granted.as_ref().is_some_and(|(of, _)| of == code);
    let row = stations.iter().find(is_it);
    row.map_or_else(|| show::short(code), |row| row.name.clone())
}

/// The page.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let stations = portal.ledger.stations().await?;
    let line = |row: ManifestRow| Line {
        station: name(&stations, &row.station),
        said: open::<Manifest>(&row.bytes, &portal.network)
            .ok()
            .map(|sealed| *sealed.peek()),
        row,
    };
    let job = |import: Import| Job {
        outcome: import
            .outcome
            .clone()
            .map(|outcome| outcome.map(|taken| (taken, name(&stations, &taken.station)))),
        import,
    };
    let rows = portal.ledger.manifests().await?;
    let frame = Frame::new(&portal, Some(&visitor), "/manifests");
    page(
        &visitor.reader,
        &Manifests {
            issues: frame.may(ISSUES),
            frame,
            jobs: portal.imports().newest().into_iter().map(job).collect(),
            lines: rows.into_iter().map(line).collect(),
        },
    )
}

/// Takes a file in and begins to read it. What becomes of it stands on the page.
pub async fn take(
    State(portal): State<Shared>,
    visitor: Visitor,
    upload: Upload,
) -> Result<Response, Refusal> {
    let turn = portal.imports().turn().ok_or(Refusal::Busy(say(
        "Another manifest is being taken; one at a time. Look at Manifests and try again.",
    )))?;
    let path = portal.stations.spool().join("manifest");
    let spooled = upload.spool(&path).await?;
    let progress = Arc::new(Progress::new(spooled.bytes));
    let (shared, now) = (Arc::clone(&portal), visitor.now);
    let shown = Arc::clone(&progress);
    let number = portal
        .imports()
        .begin(visitor.name(), now, shown, spooled.bytes);
    // It goes on though the browser goes away: a manifest is taken whole or not at all.
    let mut reading = tokio::spawn(async move {
        let by = visitor.name().to_owned();
        let taken = shared
            .stations
            .import(spooled.path.clone(), by, now, progress);
        let outcome = taken.await.map_err(sentence);
        record(&shared, &visitor, &outcome).await;
        shared.imports().end(number, outcome);
        drop((spooled, turn));
    });
    let _ = tokio::time::timeout(WAIT, &mut reading).await;
    Ok(Redirect::to("/manifests").into_response())
}

fn sentence(refusal: DeskRefusal) -> String {
    match refusal {
        DeskRefusal::Request(sentence) => sentence,
        DeskRefusal::Status(status) => status.sentence().to_owned(),
    }
}

async fn record(portal: &Portal, visitor: &Visitor, outcome: &Result<ManifestTaken, String>) {
    let about = match outcome {
        Ok(taken) if taken.before => format!("{} {}: known", taken.station, taken.number),
        Ok(taken) => format!("{} {}: {} codes", taken.station, taken.number, taken.made),
        Err(sentence) => format!("refused: {sentence}"),
    };
    let act = visitor.act("manifest taken in", &about);
    if let Err(error) = portal.people.record(&act, visitor.now).await {
        tracing::error!(%error, "the audit trail misses a manifest");
    }
}
