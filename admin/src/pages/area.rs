//! One area: its cells, and the object that things are told.

use super::acts::read_reference;
use super::areas::cells;
use super::frame::{Frame, page};
use super::parts;
use crate::coordinates::{Axis, degrees, level_ground};
use crate::door::Visitor;
use crate::language::{Say, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::AreaRow;
use protocol::code::grid::Cell;
use serde::Deserialize;

struct Line {
    corner: String,
    level: u8,
    ground: &'static str,
}

impl Line {
    fn of(cell: &Cell) -> Self {
        let corner = cell.corner();
        let north = degrees(corner.latitude(), Axis::Latitude);
        Self {
            corner: format!("{north}, {}", degrees(corner.longitude(), Axis::Longitude)),
            level: cell.level().number(),
            ground: level_ground(cell.level()),
        }
    }
}

#[derive(Template)]
#[template(path = "area.html")]
struct AreaPage {
    frame: Frame,
    done: Option<Say>,
    row: AreaRow,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
pub struct After {
    done: Option<String>,
}

async fn find(portal: &Portal, text: &str) -> Result<AreaRow, Refusal> {
    let reference = read_reference(text);
    let rows = portal.ledger.areas().await?;
    rows.into_iter()
        .find(|row| Some(row.reference) == reference)
        .ok_or(Refusal::NotFound(say("No such area is defined here.")))
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(query): Query<After>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    page(
        &visitor.reader,
        &AreaPage {
            frame: Frame::new(&portal, Some(&visitor), "/areas"),
            done: match query.done.as_deref() {
                Some("new") => Some(say("The area is signed and kept.")),
                Some("known") => Some(say("The same cells are an area already, under this name.")),
                _ => None,
            },
            lines: cells(&row, &portal.network).iter().map(Line::of).collect(),
            row,
        },
    )
}

/// The signed object as a file.
pub async fn download(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let name = format!("area-{}.cbor", row.reference);
    Ok(parts::attachment("application/cbor", &name, row.bytes))
}
