//! One place at a time.

use super::code::picture;
use super::frame::{Frame, page};
use super::grids::span;
use super::parts::{Names, Party};
use super::surveyed::Surveyed;
use crate::coordinates::{Axis, ground_cm, length, level_arc, sexagesimal};
use crate::door::Visitor;
use crate::draw::{Cell, Qr, grid_uri};
use crate::language::{Say, Words as _, below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::show;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use ledger::{Binding, GridRow};
use protocol::GridCode;
use protocol::code::base32::TextError;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "grid.html")]
struct Grid {
    frame: Frame,
    done: bool,
    row: GridRow,
    owner: Party,
    facts: Facts,
    qr: Option<Qr>,
    cell: Cell,
    stands: Vec<Stands>,
    surveyed: Option<Surveyed>,
}

/// A thing that stands, or stood, there.
struct Stands {
    party: Party,
    since: String,
    until: Option<String>,
}

/// What a grid code says by itself, in words.
pub struct Facts {
    /// Of the south-west corner, to the lattice.
    pub latitude: String,
    /// Of the south-west corner, to the lattice.
    pub longitude: String,
    /// The cell, in arc.
    pub arc: &'static str,
    /// The cell on the ground.
    pub ground: Say,
    /// Above the ellipsoid.
    pub height: Say,
    /// When it holds.
    pub span: Say,
}

impl Facts {
    /// Reads the code.
    pub fn of(grid: &GridCode) -> Self {
        let (corner, level) = (grid.corner(), grid.level());
        let (north, east) = ground_cm(corner, level);
        Self {
            latitude: sexagesimal(corner.latitude(), Axis::Latitude),
            longitude: sexagesimal(corner.longitude(), Axis::Longitude),
            arc: level_arc(level),
            ground: say("{height} north to south, {width} west to east")
                .put("height", length(north))
                .put("width", length(east)),
            height: grid.height_dm().map_or(say("not given"), |dm| {
                let sign = if dm < 0 { "\u{2212}" } else { "" };
                let size = dm.unsigned_abs();
                let metres = format!("{sign}{}.{} m", size / 10, size % 10);
                say("{metres} above the ellipsoid").put("metres", metres)
            }),
            span: span(grid),
        }
    }
}

#[derive(Deserialize)]
pub struct Done {
    done: Option<String>,
}

async fn find(portal: &Portal, text: &str) -> Result<GridRow, Refusal> {
    let grid: GridCode = text.parse().map_err(|error: TextError| {
        Refusal::Unfit(
            say("That is no grid code: {reason}.").put("reason", below::text_error(error)),
        )
    })?;
    let row = portal.ledger.grid(&grid).await?;
    row.ok_or(Refusal::NotFound(say(
        "No such grid code is registered here.",
    )))
}

/// The page.
pub async fn show(
    State(portal): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(query): Query<Done>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    let bindings = portal.ledger.things_at(&row.code).await?;
    let mut codes = vec![row.owner];
    codes.extend(bindings.iter().map(|binding| binding.code));
    let names = Names::of(&portal.ledger, codes).await?;
    let stands = |binding: &Binding| Stands {
        party: names.party(binding.code),
        since: show::time(binding.since),
        until: binding.until.map(show::time),
    };
    page(
        &visitor.reader,
        &Grid {
            frame: Frame::new(&portal, Some(&visitor), "/grids"),
            done: query.done.is_some(),
            owner: names.party(row.owner),
            facts: Facts::of(&row.code),
            qr: Qr::draw(grid_uri(&portal.resolver, &row.code)),
            cell: Cell::draw(&row.code),
            stands: bindings.iter().map(stands).collect(),
            surveyed: Surveyed::of(&portal, &row.code).await?,
            row,
        },
    )
}

/// The QR symbol as a picture of its own.
pub async fn label(
    State(portal): State<Shared>,
    Path(text): Path<String>,
) -> Result<Response, Refusal> {
    let row = find(&portal, &text).await?;
    picture(grid_uri(&portal.resolver, &row.code))
}
