//! Places along one line (G. M. Morton, 1966): bits of longitude and latitude take turns, so that every
//! square whose side is a power of two, at a multiple of its side, is one run of numbers. That makes
//! an index of one column an index of a map.

use protocol::code::grid::{LATITUDE_MAX, LONGITUDE_MAX, Point};

/// Squares that cover a window.
const ACROSS_MOST: i64 = 2;

/// Where a point lies on the curve: 63 bits.
pub fn z_order(point: Point) -> i64 {
    let (x, y) = (east_of(point.longitude()), north_of(point.latitude()));
    spread(x) | spread(y) << 1
}

const fn east_of(longitude: i32) -> i64 {
    longitude as i64 + LONGITUDE_MAX as i64
}

/// Corners of the southernmost cells lie below the pole by less than a cell of the first level.
const fn north_of(latitude: i32) -> i64 {
    latitude as i64 + LATITUDE_MAX as i64 + (1 << 25)
}

/// The lowest 32 bits, with a gap after each.
const fn spread(value: i64) -> i64 {
    let mut bits = value & 0xffff_ffff;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// A part of a map: edges in lattice units, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Lowest latitude.
    pub south: i32,
    /// Lowest longitude.
    pub west: i32,
    /// Highest latitude.
    pub north: i32,
    /// Highest longitude.
    pub east: i32,
}

impl Window {
    /// Binary logarithm of the side of the squares that cover it, so that few do.
    const fn covering_bits(self) -> u32 {
        let (width, height) = (
            self.east as i64 - self.west as i64,
            self.north as i64 - self.south as i64,
        );
        let longest = if width > height { width } else { height };
        let side = if longest > 0 {
            longest / ACROSS_MOST + 1
        } else {
            1
        };
        64 - (side - 1).leading_zeros()
    }

    /// Runs of the curve, first and last number each, which hold everything in the window and little
    /// else: at most nine.
    pub fn runs(self) -> Vec<(i64, i64)> {
        let bits = self.covering_bits();
        let squares = |from: i64, to: i64| (from >> bits)..=(to >> bits);
        let rows = squares(north_of(self.south), north_of(self.north));
        rows.flat_map(|row| {
            squares(east_of(self.west), east_of(self.east)).map(move |column| {
                let first = spread(column << bits) | spread(row << bits) << 1;
                (first, first + ((1_i64 << (2 * bits)) - 1))
            })
        })
        .collect()
    }

    /// How far numbers are shifted so that what lies close together, for who looks at the whole
    /// window, becomes one: a square a sixteenth of the covering ones.
    pub const fn clump_shift(self) -> u32 {
        2 * self.covering_bits().saturating_sub(4)
    }

    /// Whether a point lies in it.
    pub const fn holds(self, point: Point) -> bool {
        self.south <= point.latitude()
            && point.latitude() <= self.north
            && self.west <= point.longitude()
            && point.longitude() <= self.east
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(latitude: i32, longitude: i32) -> Point {
        Point::from_units(latitude, longitude).unwrap()
    }

    #[test]
    fn squares_of_a_power_of_two_are_runs() {
        let origin = z_order(at(0, 0));
        assert_eq!(z_order(at(0, 1)), origin + 1);
        assert_eq!(z_order(at(1, 0)), origin + 2);
        assert_eq!(z_order(at(1, 1)), origin + 3);
        let far = z_order(at(LATITUDE_MAX, LONGITUDE_MAX - 1));
        assert!(far > origin && far > 0);
    }

    proptest! {
        #[test]
        fn whatever_lies_in_a_window_lies_in_its_runs(
            south in -LATITUDE_MAX..LATITUDE_MAX - 1, height in 0..2 * LATITUDE_MAX,
            west in -LONGITUDE_MAX..LONGITUDE_MAX - 1, width in 0..LONGITUDE_MAX,
            (up, right) in (0.0..1.0_f64, 0.0..1.0_f64),
        ) {
            let north = south.saturating_add(height).min(LATITUDE_MAX - 1);
            let east = west.saturating_add(width).min(LONGITUDE_MAX - 1);
            let window = Window { south, west, north, east };
            let share = |low: i32, high: i32, part: f64| low + (f64::from(high - low) * part) as i32;
            let point = at(share(south, north, up), share(west, east, right));
            prop_assert!(window.holds(point));
            let runs = window.runs();
            prop_assert!(runs.len() <= 9, "{}", runs.len());
            let z = z_order(point);
            prop_assert!(runs.iter().any(|(first, last)| (*first..=*last).contains(&z)));
        }
    }
}
