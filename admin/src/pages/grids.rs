//! The list of places.

use super::frame::{Frame, page};
use super::parts::{After, Names, Party};
use crate::coordinates::{Axis, degrees, level_ground};
use crate::door::Visitor;
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::Shared;
use crate::refusal::Refusal;
use crate::routes::ISSUES_GRIDS;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ledger::GridRow;
use ledger::views::Cursor;
use protocol::GridCode;

struct Line {
    row: GridRow,
    owner: Party,
}

impl Line {
    fn span(&self) -> Say {
        span(&self.row.code)
    }

    fn ground(&self) -> &'static str {
        level_ground(self.row.code.level())
    }

    fn place(&self) -> String {
        let corner = self.row.code.corner();
        let north = degrees(corner.latitude(), Axis::Latitude);
        format!("{north}, {}", degrees(corner.longitude(), Axis::Longitude))
    }
}

#[derive(Template)]
#[template(path = "grids.html")]
struct Grids {
    frame: Frame,
    may_issue: bool,
    lines: Vec<Line>,
    next: Option<Cursor>,
}

/// When a grid code holds, in words.
pub fn span(grid: &GridCode) -> Say {
    let span = grid.span();
    let start = show::minute(span.start_unix_minutes());
    match span.minutes() {
        None => say("from {start}, open-ended").put("start", start),
        Some(minutes) => {
            let length = show::duration(minutes.saturating_mul(60));
            say("from {start}, for {length}")
                .put("start", start)
                .put("length", length)
        }
    }
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Query(after): Query<After>,
) -> Result<Response, Refusal> {
    let listing = portal.ledger.grids(&after.page()).await?;
    let codes = listing.rows.iter().map(|row| row.owner).collect();
    let names = Names::of(&portal.ledger, codes).await?;
    let line = |row: GridRow| Line {
        owner: names.party(row.owner),
        row,
    };
    let frame = Frame::new(&portal, Some(&visitor), "/grids");
    page(
        &visitor.reader,
        &Grids {
            may_issue: frame.may(ISSUES_GRIDS),
            frame,
            lines: listing.rows.into_iter().map(line).collect(),
            next: listing.next,
        },
    )
}
