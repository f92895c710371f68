//! What else a place is called: names that others derive from the same coordinates. They are shown
//! beside a grid code and are never its identity.

mod beidou;
mod plus_code;

use h3o::{CellIndex, LatLng, Resolution};
use protocol::code::grid::{Cell, Level, UNITS_PER_DEGREE};

/// One cell in other systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Text form of the two-dimensional BeiDou grid location code (GB/T 39409), of the cell itself;
    /// only north of the equator, east of Greenwich and south of 88 degrees, where public codecs
    /// agree.
    pub beidou: Option<String>,
    /// Open Location Code around the middle, as long as its area is no lower than the cell.
    pub plus_code: String,
    /// H3 cell around the middle, of about the same size. H3 cells do not nest.
    pub h3: Option<String>,
    /// RFC 5870, the middle, to seven decimals.
    pub geo: String,
}

impl Names {
    /// Of this cell.
    pub fn of(cell: Cell) -> Self {
        let middle = Middle::of(cell);
        Self {
            beidou: beidou::text(cell),
            plus_code: plus_code::text(middle, plus_code::digits(cell.level())),
            h3: h3(middle, resolution(cell.level())).map(|cell| cell.to_string()),
            geo: middle.geo(),
        }
    }
}

/// The middle of a cell in half lattice units, so that it is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Middle {
    latitude: i64,
    longitude: i64,
}

/// Half lattice units in one degree.
const HALVES_PER_DEGREE: i64 = 2 * UNITS_PER_DEGREE as i64;

impl Middle {
    fn of(cell: Cell) -> Self {
        let (corner, (height, width)) = (cell.corner(), cell.level().size());
        let middle = |from: i32, size: i32| 2 * i64::from(from) + i64::from(size);
        let pole = 90 * HALVES_PER_DEGREE;
        Self {
            // The cells of level 1 at the poles are cut off by them.
            latitude: middle(corner.latitude(), height).clamp(-pole, pole),
            longitude: middle(corner.longitude(), width),
        }
    }

    fn geo(self) -> String {
        let decimal = |halves: i64| {
            let ten_millionths = (halves.unsigned_abs() * 10_000_000
                + HALVES_PER_DEGREE.unsigned_abs() / 2)
                / HALVES_PER_DEGREE.unsigned_abs();
            // RFC 5870, section 3.4.4 knows no negative zero.
            let sign = if halves < 0 && ten_millionths > 0 {
                "-"
            } else {
                ""
            };
            format!(
                "{sign}{}.{:07}",
                ten_millionths / 10_000_000,
                ten_millionths % 10_000_000
            )
        };
        format!("geo:{},{}", decimal(self.latitude), decimal(self.longitude))
    }
}

/// The resolution whose cells are about as large as cells of this level.
const fn resolution(level: Level) -> Resolution {
    match level.number() {
        1 => Resolution::Two,
        2 => Resolution::Four,
        3 => Resolution::Five,
        4 => Resolution::Seven,
        5 => Resolution::Ten,
        6 => Resolution::Eleven,
        7 => Resolution::Thirteen,
        _ => Resolution::Fifteen,
    }
}

/// H3 works on angles, so here floating point is right: an index is no identity.
fn h3(middle: Middle, resolution: Resolution) -> Option<CellIndex> {
    let degrees = |halves: i64| halves as f64 / HALVES_PER_DEGREE as f64;
    let point = LatLng::new(degrees(middle.latitude), degrees(middle.longitude)).ok()?;
    Some(point.to_cell(resolution))
}

/// A point from whole degrees and billionths, for tests.
#[cfg(test)]
fn cell(latitude: i64, longitude: i64, level: u8) -> Cell {
    let point = protocol::code::grid::Point::from_nanodegrees(latitude, longitude).unwrap();
    Cell::around(point, Level::new(level).unwrap())
}

#[cfg(test)]
mod tests;
