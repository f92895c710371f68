//! Places as people write them: decimal degrees, read exactly into nanodegrees.

use crate::language::{Say, say};
use crate::show::{NumberError, parse_decimal};
use protocol::code::grid::{Level, Point, UNITS_PER_DEGREE};

/// Which of the two numbers of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// North of the equator, up to 90 degrees.
    Latitude,
    /// East of Greenwich, up to 180 degrees.
    Longitude,
}

impl Axis {
    const fn most_nanodegrees(self) -> u64 {
        match self {
            Self::Latitude => 90_000_000_000,
            Self::Longitude => 180_000_000_000,
        }
    }

    const fn letters(self) -> (char, char) {
        match self {
            Self::Latitude => ('N', 'S'),
            Self::Longitude => ('E', 'W'),
        }
    }
}

/// Why a coordinate was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoordinateError {
    /// Not a decimal number of degrees.
    Spelling,
    /// More than nine decimals.
    TooFine,
    /// Beyond the pole or the antimeridian.
    OffEarth(Axis),
}

impl CoordinateError {
    /// What to do about it.
    pub const fn sentence(self) -> Say {
        match self {
            Self::Spelling => say(
                "Write decimal degrees with a point, such as 48.858370 or 2.294481 or 33.8568 S.",
            ),
            Self::TooFine => {
                say("At most nine decimals: a ninth decimal is already a tenth of a millimetre.")
            }
            Self::OffEarth(Axis::Latitude) => {
                say("A latitude lies between \u{2212}90 and 90 degrees.")
            }
            Self::OffEarth(Axis::Longitude) => {
                say("A longitude lies between \u{2212}180 and 180 degrees.")
            }
        }
    }
}

/// Reads decimal degrees with a sign or a compass letter behind them into nanodegrees.
pub fn parse_degrees(text: &str, axis: Axis) -> Result<i64, CoordinateError> {
    let text = text.trim();
    let (plus, minus) = axis.letters();
    let unsigned = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let letter = text.get(unsigned.len()..).unwrap_or_default();
    let unsigned = unsigned.trim_end().trim_end_matches('°').trim_end();
    let signed = |sign: &str| unsigned.strip_prefix(sign);
    let (south_or_west, digits) = match (signed("-").or(signed("\u{2212}")), signed("+"), letter) {
        (Some(digits), _, "") => (true, digits),
        (None, Some(digits), "") => (false, digits),
        (None, None, "") => (false, unsigned),
        (None, None, letter) if letter.eq_ignore_ascii_case(&minus.to_string()) => (true, unsigned),
        (None, None, letter) if letter.eq_ignore_ascii_case(&plus.to_string()) => (false, unsigned),
        _ => return Err(CoordinateError::Spelling),
    };
    if digits.contains(',') {
        return Err(CoordinateError::Spelling);
    }
    let nanodegrees = parse_decimal(digits, 9).map_err(|error| match error {
        NumberError::Spelling => CoordinateError::Spelling,
        NumberError::TooFine => CoordinateError::TooFine,
        NumberError::TooLarge => CoordinateError::OffEarth(axis),
    })?;
    if nanodegrees > axis.most_nanodegrees() {
        return Err(CoordinateError::OffEarth(axis));
    }
    let nanodegrees = nanodegrees.cast_signed();
    Ok(if south_or_west {
        -nanodegrees
    } else {
        nanodegrees
    })
}

/// Lattice units as decimal degrees with seven decimals, the last one rounded to the nearest.
pub fn degrees(units: i32, axis: Axis) -> String {
    let scaled = i64::from(units.unsigned_abs()) * 10_000_000;
    let unit = i64::from(UNITS_PER_DEGREE);
    let tenth_millionths = (scaled + unit / 2) / unit;
    let (plus, minus) = axis.letters();
    let letter = if units < 0 { minus } else { plus };
    format!(
        "{}.{:07}\u{b0} {letter}",
        tenth_millionths / 10_000_000,
        tenth_millionths % 10_000_000
    )
}

/// Nanodegrees as decimal degrees, exactly.
pub fn exact_degrees(nanodegrees: i64, axis: Axis) -> String {
    let (plus, minus) = axis.letters();
    let letter = if nanodegrees < 0 { minus } else { plus };
    let size = nanodegrees.unsigned_abs();
    format!(
        "{}.{:09}\u{b0} {letter}",
        size / 1_000_000_000,
        size % 1_000_000_000
    )
}

/// Lattice units as degrees, minutes and seconds, exact to the lattice: 1/2048 second.
pub fn sexagesimal(units: i32, axis: Axis) -> String {
    let size = units.unsigned_abs();
    let (degrees, rest) = (
        size / UNITS_PER_DEGREE as u32,
        size % UNITS_PER_DEGREE as u32,
    );
    let (minutes, rest) = (rest / (60 * 2048), rest % (60 * 2048));
    let (seconds, fraction) = (rest / 2048, rest % 2048);
    let (plus, minus) = axis.letters();
    let letter = if units < 0 { minus } else { plus };
    // 1/2048 has eleven decimals; four tell neighbouring units apart.
    let fraction = (fraction * 10_000 + 1024) / 2048;
    format!("{degrees}\u{b0} {minutes:02}\u{2032} {seconds:02}.{fraction:04}\u{2033} {letter}")
}

/// The size of a cell of this level, in arc.
pub const fn level_arc(level: Level) -> &'static str {
    match level.number() {
        1 => "4\u{b0} \u{d7} 6\u{b0}",
        2 => "30\u{2032}",
        3 => "10\u{2032} \u{d7} 15\u{2032}",
        4 => "1\u{2032}",
        5 => "4\u{2033}",
        6 => "2\u{2033}",
        7 => "1/4\u{2033}",
        8 => "1/32\u{2033}",
        9 => "1/256\u{2033}",
        _ => "1/2048\u{2033}",
    }
}

/// The size of a cell of this level on the ground, north to south, roughly.
pub const fn level_ground(level: Level) -> &'static str {
    match level.number() {
        1 => "445 km",
        2 => "56 km",
        3 => "19 km",
        4 => "1.9 km",
        5 => "124 m",
        6 => "62 m",
        7 => "7.7 m",
        8 => "97 cm",
        9 => "12 cm",
        _ => "1.5 cm",
    }
}

/// North to south and west to east on the ground in centimetres, near this corner. For the eye
/// only, so floating point will do.
pub fn ground_cm(corner: Point, level: Level) -> (u64, u64) {
    const CM_PER_UNIT: f64 = 3_092.2 / 2048.0;
    let (height, width) = level.size();
    let middle = f64::from(corner.latitude()) + f64::from(height) / 2.0;
    let shrink = (middle / f64::from(UNITS_PER_DEGREE))
        .to_radians()
        .cos()
        .max(0.0);
    let cm = |units: i32| f64::from(units) * CM_PER_UNIT;
    (
        cm(height).round() as u64,
        (cm(width) * shrink).round() as u64,
    )
}

/// A length on the ground with a fitting unit.
pub fn length(cm: u64) -> String {
    match cm {
        0..100 => format!("{cm} cm"),
        100..100_000 => format!("{}.{} m", cm / 100, cm / 10 % 10),
        _ => format!("{}.{} km", cm / 100_000, cm / 10_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_exactly() {
        for (text, nanodegrees) in [
            ("48.858370", 48_858_370_000),
            ("-0.000000001", -1),
            ("\u{2212}0.000000001", -1),
            ("+1", 1_000_000_000),
            ("90", 90_000_000_000),
            ("-90.000000000", -90_000_000_000),
            ("33.8568 S", -33_856_800_000),
            ("33.8568\u{b0} n", 33_856_800_000),
            // 0.1 + 0.2 in binary floating point is not 0.3.
            ("0.300000000", 300_000_000),
            ("1.1234567890000", 1_123_456_789),
        ] {
            assert_eq!(
                parse_degrees(text, Axis::Latitude),
                Ok(nanodegrees),
                "{text}"
            );
        }
        assert_eq!(
            parse_degrees("180 W", Axis::Longitude),
            Ok(-180_000_000_000)
        );
    }

    #[test]
    fn what_is_no_coordinate_is_refused() {
        for text in [
            "", "-", "north", "1,5", "--1", "-1 S", "1 E", "1.", "1e1", "NaN", "48°51'", "1 SS",
        ] {
            assert_eq!(
                parse_degrees(text, Axis::Latitude),
                Err(CoordinateError::Spelling),
                "{text:?}"
            );
        }
        let off = CoordinateError::OffEarth(Axis::Latitude);
        assert_eq!(parse_degrees("90.000000001", Axis::Latitude), Err(off));
        assert_eq!(
            parse_degrees("1.0000000001", Axis::Latitude),
            Err(CoordinateError::TooFine)
        );
        let off = CoordinateError::OffEarth(Axis::Longitude);
        assert_eq!(parse_degrees("180.000000001", Axis::Longitude), Err(off));
        assert_eq!(
            parse_degrees("99999999999999999999", Axis::Longitude),
            Err(off)
        );
    }

    #[test]
    fn lattice_units_are_shown_both_ways() {
        assert_eq!(
            degrees(UNITS_PER_DEGREE / 2, Axis::Latitude),
            "0.5000000\u{b0} N"
        );
        assert_eq!(degrees(-1, Axis::Longitude), "0.0000001\u{b0} W");
        assert_eq!(
            sexagesimal(-(UNITS_PER_DEGREE + 61 * 2048 + 1024), Axis::Latitude),
            "1\u{b0} 01\u{2032} 01.5000\u{2033} S"
        );
    }

    #[test]
    fn a_default_cell_is_about_a_metre() {
        let equator = Point::from_units(0, 0).unwrap();
        let (height, width) = ground_cm(equator, Level::DEFAULT);
        assert_eq!((height, width), (97, 97));
        let north = Point::from_units(60 * UNITS_PER_DEGREE, 0).unwrap();
        let (height, width) = ground_cm(north, Level::DEFAULT);
        assert_eq!((height, width), (97, 48));
    }
}
