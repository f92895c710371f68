//! What stations brought back, and the form that takes a manifest in.

use super::frame::{Frame, page};
use crate::deeds::stations as deeds;
use crate::desk::DeskRefusal;
use crate::door::{Upload, Visitor};
use crate::imports::{Arrived, Import, SPOOLED};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::ISSUES;
use crate::show;
use crate::station_desk::ManifestTaken;
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ledger::StationRow;
use ledger::views::ManifestRow;
use protocol::Code;
use protocol::cose::open;
use protocol::objects::Manifest;
use std::time::Duration;

/// How long an answer waits for a manifest to be read: most are, and nobody has to look again.
const WAIT: Duration = Duration::from_millis(1500);

/// A manifest that is being read or was read lately.
struct Job {
    import: Import,
    outcome: Option<Result<(ManifestTaken, String), DeskRefusal>>,
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
    fn not_taken(&self, refusal: &DeskRefusal) -> Say {
        refusal.told(say("Not taken, and nothing changed: {reason}."))
    }

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
    let turn = portal.imports().turn()?;
    let file = upload.spool(&portal.stations.spool().join(SPOOLED)).await?;
    let arrived = Arrived::new(file, turn);
    // It goes on though the browser goes away: a manifest is taken whole or not at all.
    let mut reading = tokio::spawn(async move {
        // Whatever became of it stands on the page.
        let _ = deeds::bring(&portal, &visitor.actor(), arrived).await;
    });
    let _ = tokio::time::timeout(WAIT, &mut reading).await;
    Ok(Redirect::to("/manifests").into_response())
}
