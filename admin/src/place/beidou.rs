//! The text of a two-dimensional BeiDou grid location code, for the north-east quadrant.
//!
//! Our cells are the cells of GB/T 39409, so each level of the text is a count of columns and rows
//! within the cell above. What is written here follows what two public codecs agree on; see
//! `docs/grid-codes.md`.

use protocol::code::grid::{Cell, Level, Point, UNITS_PER_DEGREE};

/// From here to the pole the standard has other cells.
const POLAR_CAP: i32 = 88 * UNITS_PER_DEGREE;
/// Zones of six degrees are counted from the antimeridian; Greenwich begins the 31st.
const FIRST_ZONE_EAST: u32 = 31;

/// The text, as long as the cell is fine; `None` outside the quadrant.
pub(super) fn text(cell: Cell) -> Option<String> {
    let corner = cell.corner();
    if corner.latitude() < 0 || corner.longitude() < 0 || corner.latitude() >= POLAR_CAP {
        return None;
    }
    let mut text = String::from("N");
    let mut above = Point::from_units(0, 0)?;
    for level in (1..=cell.level().number()).filter_map(Level::new) {
        let (height, width) = level.size();
        let here = corner.corner(level);
        let column = ((here.longitude() - above.longitude()) / width).unsigned_abs();
        let row = ((here.latitude() - above.latitude()) / height).unsigned_abs();
        match level.number() {
            1 => {
                let letter = char::from_u32(u32::from('A') + row)?;
                text.push_str(&format!("{:02}{letter}", FIRST_ZONE_EAST + column));
            }
            // Where there are few cells, one digit in Z order.
            3 | 6 => text.push_str(&(2 * row + column).to_string()),
            _ => text.push_str(&format!("{column:X}{row:X}")),
        }
        above = here;
    }
    Some(text)
}
