//! Grid codes and areas.

use super::codes::AreaOfWish;
use super::frauds::Pages;
use super::list::{List, Of};
use super::operation::{Call, Nothing, Shown, Told};
use super::words::{CodeText, GridText, ReferenceText};
use crate::deeds::{codes, places as deeds};
use crate::language::{Say, say};
use crate::pages::areas::cells;
use crate::refusal::Refusal;
use ledger::{AreaRow, Binding, GridRow};
use protocol::AssuranceClass;
use protocol::code::grid::{Cell, Level, Place, Point, Span, UNITS_PER_DEGREE};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Cells of one area.
const CELLS_MAX: usize = protocol::objects::AREA_CELLS;

/// Rounded up, so that it is read back as the same point of the lattice.
fn nanodegrees(units: i32) -> i64 {
    let (units, per_degree) = (i64::from(units), i64::from(UNITS_PER_DEGREE));
    -(-units * 1_000_000_000).div_euclid(per_degree)
}

/// A place at a time.
#[derive(Serialize, ToSchema)]
pub struct GridShown {
    grid: GridText,
    name: String,
    owner: CodeText,
    by: String,
    issued: u32,
    /// 1, the coarsest, to 10.
    level: u8,
    /// South-west corner, in billionths of a degree.
    latitude_nanodegrees: i64,
    longitude_nanodegrees: i64,
    /// Above the ellipsoid.
    height_dm: Option<i32>,
    /// Minutes since 1970.
    start_unix_minutes: u64,
    /// How long it holds; null for ever.
    minutes: Option<u64>,
}

impl From<GridRow> for GridShown {
    fn from(row: GridRow) -> Self {
        let (corner, span) = (row.code.corner(), row.code.span());
        Self {
            level: row.code.level().number(),
            latitude_nanodegrees: nanodegrees(corner.latitude()),
            longitude_nanodegrees: nanodegrees(corner.longitude()),
            height_dm: row.code.height_dm(),
            start_unix_minutes: span.start_unix_minutes(),
            minutes: span.minutes(),
            grid: GridText(row.code),
            name: row.name,
            owner: CodeText(row.owner),
            by: row.by,
            issued: row.issued.0,
        }
    }
}

/// Grid codes, the newest first.
pub async fn list(call: Call, _: Nothing, asked: Pages) -> Result<Shown<List<GridShown>>, Refusal> {
    let of = Of("grids", &[]);
    let page = of.page(asked.cursor.as_deref(), asked.limit)?;
    let listing = call.portal.ledger.grids(&page).await?;
    Ok(Shown(of.shown(listing, GridShown::from)))
}

/// Which grid code.
#[derive(Deserialize, IntoParams)]
pub struct OfGrid {
    /// The grid code.
    grid: GridText,
}

/// A thing that stands, or stood, at a place.
#[derive(Serialize, ToSchema)]
pub struct Stands {
    code: CodeText,
    since: u32,
    /// Null while it stands there.
    until: Option<u32>,
}

impl From<&Binding> for Stands {
    fn from(binding: &Binding) -> Self {
        Self {
            code: CodeText(binding.code),
            since: binding.since.0,
            until: binding.until.map(|until| until.0),
        }
    }
}

/// A place with what stands there.
#[derive(Serialize, ToSchema)]
pub struct GridDetail {
    #[serde(flatten)]
    place: GridShown,
    /// The newest first, 200 at most.
    things: Vec<Stands>,
}

/// One grid code.
pub async fn show(call: Call, of: OfGrid, _: Nothing) -> Result<Shown<GridDetail>, Refusal> {
    const UNKNOWN: Refusal = Refusal::NotFound(say("No such grid code is registered here."));
    let row = call.portal.ledger.grid(&of.grid.0).await?.ok_or(UNKNOWN)?;
    let things = call.portal.ledger.things_at(&row.code).await?;
    Ok(Shown(GridDetail {
        place: row.into(),
        things: things.iter().map(Stands::from).collect(),
    }))
}

/// A grid code that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GridWish {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// Billionths of a degree, north is positive.
    #[schema(minimum = -90000000000i64, maximum = 90000000000i64)]
    latitude_nanodegrees: i64,
    /// Billionths of a degree, east is positive.
    #[schema(minimum = -180000000000i64, maximum = 180000000000i64)]
    longitude_nanodegrees: i64,
    /// 1, the coarsest, to 10.
    #[schema(minimum = 1, maximum = 10)]
    level: u8,
    /// Above the ellipsoid.
    #[schema(minimum = -8388607, maximum = 8388607)]
    height_dm: Option<i32>,
    /// Minutes since 1970; from 2020 to 2147.
    start_unix_minutes: u64,
    /// How long it holds, rounded up to a power of two; null for ever.
    #[schema(minimum = 1)]
    minutes: Option<u64>,
    owner: CodeText,
}

fn unfit(sentence: &str) -> Refusal {
    Refusal::Unfit(Say::plain(sentence))
}

fn point(latitude: i64, longitude: i64) -> Result<Point, Refusal> {
    let point = Point::from_nanodegrees(latitude, longitude);
    point.ok_or_else(|| unfit("latitude and longitude: not a point on earth"))
}

fn level(number: u8) -> Result<Level, Refusal> {
    Level::new(number).ok_or_else(|| unfit("level: 1 to 10"))
}

/// Issues a grid code. The same place, time and owner have the same code.
pub async fn issue(
    call: Call,
    _: Nothing,
    Told(wish): Told<GridWish>,
) -> Result<Shown<GridShown>, Refusal> {
    const HEIGHT_DM_MAX: u32 = (1 << 23) - 1;
    let height = wish.height_dm.map(i32::unsigned_abs);
    if height.is_some_and(|height| height > HEIGHT_DM_MAX) {
        return Err(unfit("height_dm: up to 8388607 either way"));
    }
    let span = match wish.minutes {
        Some(0) => None,
        minutes => Span::new(wish.start_unix_minutes, minutes),
    };
    let place = Place {
        by: call.portal.station,
        level: level(wish.level)?,
        point: point(wish.latitude_nanodegrees, wish.longitude_nanodegrees)?,
        height_dm: wish.height_dm,
        span: span
            .ok_or_else(|| unfit("start_unix_minutes: from 2020 to 2147; minutes: 1 to 2^63"))?,
        owner: wish.owner.0,
    };
    let name = wish.name.trim();
    let row = deeds::issue_grid(&call.portal, &call.actor, &place, name).await?;
    Ok(Shown(row.into()))
}

/// A cell of the lattice.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CellShown {
    /// A point in it; in an answer, its south-west corner.
    #[schema(minimum = -90000000000i64, maximum = 90000000000i64)]
    latitude_nanodegrees: i64,
    #[schema(minimum = -180000000000i64, maximum = 180000000000i64)]
    longitude_nanodegrees: i64,
    /// 1, the coarsest, to 10.
    #[schema(minimum = 1, maximum = 10)]
    level: u8,
}

impl From<&Cell> for CellShown {
    fn from(cell: &Cell) -> Self {
        let corner = cell.corner();
        Self {
            latitude_nanodegrees: nanodegrees(corner.latitude()),
            longitude_nanodegrees: nanodegrees(corner.longitude()),
            level: cell.level().number(),
        }
    }
}

/// An area that allowances may name.
#[derive(Serialize, ToSchema)]
pub struct AreaShown {
    area: ReferenceText,
    name: String,
    /// Registered places in it.
    places: u64,
    cells: Vec<CellShown>,
    by: String,
    time: u32,
}

fn area_shown(call: &Call, row: &AreaRow) -> AreaShown {
    let cells = cells(row, &call.portal.network);
    AreaShown {
        area: ReferenceText(row.reference),
        name: row.name.clone(),
        places: row.places,
        cells: cells.iter().map(CellShown::from).collect(),
        by: row.by.clone(),
        time: row.at.0,
    }
}

/// All areas; there are 64 at most.
pub async fn areas(call: Call, _: Nothing, _: Nothing) -> Result<Shown<List<AreaShown>>, Refusal> {
    let rows = call.portal.ledger.areas().await?;
    let rows = rows.iter().map(|row| area_shown(&call, row)).collect();
    Ok(Shown(List::whole(rows)))
}

/// Which area.
#[derive(Deserialize, IntoParams)]
pub struct OfArea {
    /// Its reference.
    area: ReferenceText,
}

/// One area.
pub async fn area(call: Call, of: OfArea, _: Nothing) -> Result<Shown<AreaShown>, Refusal> {
    let rows = call.portal.ledger.areas().await?;
    let row = rows.iter().find(|row| row.reference == of.area.0);
    Ok(Shown(area_shown(&call, row.ok_or(codes::NO_AREA)?)))
}

/// An area that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaWish {
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    #[schema(min_items = 1, max_items = 30)]
    cells: Vec<CellShown>,
}

/// Signs and keeps an area. The same cells are the same area, under its first name.
pub async fn define(
    call: Call,
    _: Nothing,
    Told(wish): Told<AreaWish>,
) -> Result<Shown<AreaShown>, Refusal> {
    if !(1..=CELLS_MAX).contains(&wish.cells.len()) {
        return Err(unfit("cells: 1 to 30"));
    }
    let mut cells = Vec::with_capacity(wish.cells.len());
    for said in &wish.cells {
        let point = point(said.latitude_nanodegrees, said.longitude_nanodegrees)?;
        let cell = Cell::around(point, level(said.level)?);
        if cells.contains(&cell) {
            return Err(unfit("cells: one of them stands there twice"));
        }
        cells.push(cell);
    }
    let name = wish.name.trim();
    let row = deeds::define_area(&call.portal, &call.actor, name, &cells).await?;
    Ok(Shown(area_shown(&call, &row)))
}

/// Which wallet class.
#[derive(Deserialize, IntoParams)]
pub struct OfClass {
    /// 0 in software, 1 in a trusted environment, 2 in a secure element.
    #[param(minimum = 0, maximum = 2)]
    class: u8,
}

/// Where the next allowances of a class are good.
#[derive(Serialize, ToSchema)]
pub struct ClassArea {
    class: u8,
    /// Null for anywhere.
    area: Option<ReferenceText>,
}

/// Where the next allowances of each class are good.
pub async fn classes(
    call: Call,
    _: Nothing,
    _: Nothing,
) -> Result<Shown<List<ClassArea>>, Refusal> {
    let areas = call.portal.ledger.class_areas().await?;
    let shown = (0..).zip(areas).map(|(class, area)| ClassArea {
        class,
        area: area.map(ReferenceText),
    });
    Ok(Shown(List::whole(shown.collect())))
}

/// Says where the next allowances of a class are good.
pub async fn class_area(
    call: Call,
    of: OfClass,
    Told(wish): Told<AreaOfWish>,
) -> Result<Shown<ClassArea>, Refusal> {
    let class = AssuranceClass::from_number(of.class);
    let class = class.ok_or(Refusal::NotFound(say("Wallet classes are 0, 1 and 2.")))?;
    let area = wish.area.as_ref().map(|area| area.0);
    codes::class_area(&call.portal, &call.actor, class, area).await?;
    Ok(Shown(ClassArea {
        class: of.class,
        area: wish.area,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_corner_reads_back() {
        for (latitude, longitude) in [(48_858_370_000, 2_294_481_000), (-1, -1), (0, 0)] {
            let corner = Point::from_nanodegrees(latitude, longitude).unwrap();
            let shown = [corner.latitude(), corner.longitude()].map(nanodegrees);
            let again = Point::from_nanodegrees(shown[0], shown[1]).unwrap();
            assert_eq!(again, corner);
        }
    }
}
