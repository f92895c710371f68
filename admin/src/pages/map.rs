//! What stands where, as a map, and what stands in a part of it for the map to ask for.

use super::frame::{Frame, page};
use crate::assets;
use crate::coordinates::{Axis, level_arc, parse_degrees};
use crate::door::Visitor;
use crate::language::{below, filters, say};
use crate::portal::{Portal, Shared};
use crate::refusal::Refusal;
use crate::routes::ISSUES_GRIDS;
use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use ledger::views::{Spot, Window};
use protocol::code::grid::{LONGITUDE_MAX, Level, Point};
use serde::{Deserialize, Serialize};

/// What a page with a map needs (template `world.html`).
pub struct World {
    pub(super) script: String,
    pub(super) outline: String,
    /// Address of tiles, with `{z}`, `{x}` and `{y}`; empty for none.
    pub(super) tiles: String,
    /// Names of the levels, from the coarsest on.
    pub(super) levels: String,
    /// Whether a click on a place opens it.
    pub(super) opens: bool,
    /// Whether a chosen cell leads to the form.
    pub(super) issues: bool,
}

fn levels() -> impl Iterator<Item = Level> {
    (1..=10).filter_map(Level::new)
}

impl World {
    /// For this portal.
    pub fn of(portal: &Portal, opens: bool, issues: bool) -> Self {
        let names: Vec<_> = levels().map(level_arc).collect();
        Self {
            script: assets::MAP.address(),
            outline: assets::OUTLINE.address(),
            tiles: portal
                .tiles
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            levels: names.join("|"),
            opens,
            issues,
        }
    }
}

#[derive(Template)]
#[template(path = "map.html")]
struct Map {
    frame: Frame,
    world: World,
    levels: Vec<(u8, &'static str, bool)>,
}

/// The map.
pub async fn show(State(portal): State<Shared>, visitor: Visitor) -> Result<Response, Refusal> {
    let frame = Frame::new(&portal, Some(&visitor), "/map");
    let chosen = |level: Level| (level.number(), level_arc(level), level == Level::DEFAULT);
    page(
        &visitor.reader,
        &Map {
            world: World::of(&portal, true, frame.may(ISSUES_GRIDS)),
            frame,
            levels: levels().map(chosen).collect(),
        },
    )
}

/// Edges in degrees.
#[derive(Deserialize)]
pub struct Edges {
    south: String,
    west: String,
    north: String,
    east: String,
}

impl Edges {
    fn window(&self) -> Result<Window, Refusal> {
        let read = |text: &str, axis| {
            parse_degrees(text, axis).map_err(|error| Refusal::Unfit(error.sentence()))
        };
        let point = |latitude: &str, longitude: &str| {
            let (latitude, longitude) = (
                read(latitude, Axis::Latitude)?,
                read(longitude, Axis::Longitude)?,
            );
            Point::from_nanodegrees(latitude, longitude)
                .ok_or_else(|| Refusal::Unfit(say("These edges are no place on earth.")))
        };
        let (low, high) = (
            point(&self.south, &self.west)?,
            point(&self.north, &self.east)?,
        );
        let east = match high.longitude() {
            // 180 degrees east is where the west begins.
            date_line if date_line <= low.longitude() => LONGITUDE_MAX - 1,
            east => east,
        };
        if low.latitude() > high.latitude() {
            return Err(Refusal::Unfit(say("The south lies north of the north.")));
        }
        Ok(Window {
            south: low.latitude(),
            west: low.longitude(),
            north: high.latitude(),
            east,
        })
    }
}

#[derive(Serialize)]
pub struct Places {
    places: Vec<Place>,
}

/// One place, or several too close to tell apart. Edges and positions are in lattice units.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Place {
    One {
        grid: String,
        name: String,
        count: u64,
        south: i32,
        west: i32,
        north: i32,
        east: i32,
    },
    Several {
        count: u64,
        latitude: i32,
        longitude: i32,
    },
}

impl Place {
    fn of(spot: Spot) -> Self {
        let corner = spot.newest.code.corner();
        if spot.places > 1 && !spot.is_one_corner {
            return Self::Several {
                count: spot.places,
                latitude: corner.latitude(),
                longitude: corner.longitude(),
            };
        }
        let (height, width) = spot.newest.code.level().size();
        Self::One {
            grid: spot.newest.code.to_string(),
            name: spot.newest.name,
            count: spot.places,
            south: corner.latitude(),
            west: corner.longitude(),
            north: corner.latitude().saturating_add(height),
            east: corner.longitude().saturating_add(width),
        }
    }
}

/// What stands between four edges.
pub async fn places(
    State(portal): State<Shared>,
    Query(edges): Query<Edges>,
) -> Result<Json<Places>, Refusal> {
    let spots = portal.ledger.map(edges.window()?).await?;
    Ok(Json(Places {
        places: spots.into_iter().map(Place::of).collect(),
    }))
}
