use crate::code::{Code, grid::Cell};
use crate::field::{Set, object};
use crate::units::Timestamp;

/// Most cells of one area.
pub const AREA_CELLS: usize = 30;

object! {
    /// A set of places. An allowance that names it is good only at payees who stand in one of them.
    pub struct Area: "area" {
        /// An issuer, or a gateway that may settle.
        1 => by: Code,
        /// The cells, of any level, ascending by their bytes.
        2 => cells: Set<Cell, AREA_CELLS>,
        /// Since when.
        3 => issued: Timestamp,
    }
}

impl Area {
    /// Whether somebody who stands in this cell stands in the area.
    pub fn contains(&self, place: &Cell) -> bool {
        self.cells.iter().any(|cell| cell.contains(place))
    }
}
