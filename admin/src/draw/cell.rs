//! A cell of the lattice among its neighbours, drawn to scale.

use crate::coordinates::{Axis, degrees, ground_cm};
use protocol::GridCode;
use protocol::code::grid::{LATITUDE_MAX, LONGITUDE_MAX, Level, Point};

/// Cells shown in each direction; the middle one is the cell itself.
const AROUND: i32 = 5;
/// Height of one cell in the picture.
const STEP: i32 = 46;
/// Room for the labels.
const LEFT: i32 = 118;
const TOP: i32 = 14;

/// A line of the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// From here.
    pub x1: i32,
    /// From here.
    pub y1: i32,
    /// To here.
    pub x2: i32,
    /// To here.
    pub y2: i32,
    /// Whether it also bounds a cell of the next coarser level.
    pub coarse: bool,
}

/// A picture of one cell, in its own units.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Of the picture.
    pub width: i32,
    /// Of the picture.
    pub height: i32,
    /// The lattice.
    pub lines: Vec<Line>,
    /// West edge of the cell.
    pub left: i32,
    /// North edge of the cell.
    pub top: i32,
    /// Of the cell.
    pub cell_width: i32,
    /// Of the cell.
    pub cell_height: i32,
    /// North edge, in degrees.
    pub north: String,
    /// South edge.
    pub south: String,
    /// West edge.
    pub west: String,
    /// East edge.
    pub east: String,
}

impl Cell {
    /// Draws the cell of a grid code.
    pub fn draw(grid: &GridCode) -> Self {
        let (corner, level) = (grid.corner(), grid.level());
        let (step_y, step_x) = (STEP, step_x(corner, level));
        let (units_y, units_x) = level.size();
        let half = AROUND / 2;
        let (right, bottom) = (LEFT + AROUND * step_x, TOP + AROUND * step_y);
        let mut lines = Vec::with_capacity(2 * (AROUND as usize + 1));
        for i in 0..=AROUND {
            let x = LEFT + i * step_x;
            let longitude = corner.longitude().saturating_add((i - half) * units_x);
            let coarse = on_coarser(longitude, level, |(_, width)| width);
            lines.push(Line {
                x1: x,
                y1: TOP,
                x2: x,
                y2: bottom,
                coarse,
            });
            let y = bottom - i * step_y;
            let latitude = corner.latitude().saturating_add((i - half) * units_y);
            let coarse = on_coarser(latitude, level, |(height, _)| height);
            lines.push(Line {
                x1: LEFT,
                y1: y,
                x2: right,
                y2: y,
                coarse,
            });
        }
        // The last cell before a pole or the antimeridian ends there.
        let north = corner.latitude().saturating_add(units_y).min(LATITUDE_MAX);
        let south = corner.latitude().max(-LATITUDE_MAX);
        let east = corner
            .longitude()
            .saturating_add(units_x)
            .min(LONGITUDE_MAX);
        Self {
            width: right + LEFT,
            height: bottom + 30,
            lines,
            left: LEFT + half * step_x,
            top: TOP + half * step_y,
            cell_width: step_x,
            cell_height: step_y,
            north: degrees(north, Axis::Latitude),
            south: degrees(south, Axis::Latitude),
            west: degrees(corner.longitude(), Axis::Longitude),
            east: degrees(east, Axis::Longitude),
        }
    }

    /// East edge of the cell in the picture.
    pub const fn right(&self) -> i32 {
        self.left + self.cell_width
    }

    /// South edge of the cell in the picture.
    pub const fn bottom(&self) -> i32 {
        self.top + self.cell_height
    }

    /// Where labels left of the lattice end.
    pub const fn label_left(&self) -> i32 {
        LEFT - 8
    }

    /// Where labels below the lattice stand.
    pub const fn label_bottom(&self) -> i32 {
        self.height - 10
    }
}

/// Width of a cell in the picture, true to the ground as far as it can still be seen.
fn step_x(corner: Point, level: Level) -> i32 {
    let (height, width) = ground_cm(corner, level);
    let scaled = width.saturating_mul(STEP.unsigned_abs().into()) / height.max(1);
    i32::try_from(scaled)
        .unwrap_or(STEP)
        .clamp(STEP / 3, STEP * 3 / 2)
}

fn on_coarser(edge: i32, level: Level, side: fn((i32, i32)) -> i32) -> bool {
    level
        .number()
        .checked_sub(1)
        .and_then(Level::new)
        .is_some_and(|coarser| edge.rem_euclid(side(coarser.size())) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::code::grid::{Place, Span, UNITS_PER_DEGREE};
    use protocol::code::{Code, IssuedBy, Kind};

    fn cell(level: u8, latitude: i32, longitude: i32) -> Cell {
        let by = IssuedBy {
            issuer: 1,
            station: 1,
        };
        let grid = GridCode::derive(&Place {
            by,
            level: Level::new(level).unwrap(),
            point: Point::from_units(latitude, longitude).unwrap(),
            height_dm: None,
            span: Span::new(30_000_000, None).unwrap(),
            owner: Code::derive(Kind::Person, by, 1, b"key").unwrap(),
        });
        Cell::draw(&grid.unwrap())
    }

    #[test]
    fn a_cell_at_the_equator_is_square_and_narrow_in_the_north() {
        let square = cell(8, 0, 0);
        assert_eq!(square.cell_width, square.cell_height);
        assert_eq!(square.south, "0.0000000\u{b0} N");
        let narrow = cell(8, 60 * UNITS_PER_DEGREE, 0);
        assert_eq!(narrow.cell_width, STEP / 2 - 1);
        // On the corner of a coarser cell, two lines of the picture are coarse ones.
        assert_eq!(square.lines.iter().filter(|line| line.coarse).count(), 2);
    }

    #[test]
    fn cells_at_the_ends_of_the_earth_are_drawn() {
        for level in 1..=10 {
            for latitude in [-LATITUDE_MAX, LATITUDE_MAX] {
                for longitude in [-LONGITUDE_MAX, LONGITUDE_MAX - 1] {
                    let cell = cell(level, latitude, longitude);
                    assert!(cell.width > 0 && cell.lines.len() == 12);
                    assert!(
                        !cell.north.starts_with("9")
                            || cell.north.starts_with("90.0000000")
                            || cell.north.starts_with("89")
                    );
                }
            }
        }
    }
}
