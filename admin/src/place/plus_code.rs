//! Open Location Code ("plus code") in whole numbers, from its specification.

use super::{HALVES_PER_DEGREE, Middle};
use protocol::code::grid::Level;

const ALPHABET: &[u8; 20] = b"23456789CFGHJMPQRVWX";
/// Digits that come in pairs, latitude and longitude, each pair a twentieth of the one before.
const PAIR_DIGITS: usize = 10;
/// Where the `+` stands.
const SEPARATOR_AFTER: usize = 8;
/// Digits behind the pairs at most: each one of five rows and four columns.
const GRID_DIGITS: u32 = 5;
const ROWS: i64 = 5;
const COLUMNS: i64 = 4;
/// The last pair counts these in a degree.
const PAIRS_PER_DEGREE: i64 = 8000;

/// How many digits have an area that is no lower than a cell of this level.
pub(super) const fn digits(level: Level) -> usize {
    match level.number() {
        1 => 2,
        2 | 3 => 4,
        4 => 6,
        5 | 6 => 8,
        7 => 10,
        8 => 11,
        9 => 12,
        _ => 14,
    }
}

/// The code of that many digits (2, 4, 6, 8, 10 or up to 15) around the point.
pub(super) fn text(point: Middle, digits: usize) -> String {
    let north = count(point.latitude, 90, ROWS).min(180 * per_degree(ROWS) - 1);
    let east = count(point.longitude, 180, COLUMNS).rem_euclid(360 * per_degree(COLUMNS));
    let mut text: Vec<u8> = Vec::with_capacity(PAIR_DIGITS + GRID_DIGITS as usize);
    for place in (0..PAIR_DIGITS as u32 / 2).rev() {
        for (counted, parts) in [(north, ROWS), (east, COLUMNS)] {
            text.push(digit(
                counted / parts.pow(GRID_DIGITS) / 20_i64.pow(place),
                20,
            ));
        }
    }
    for place in (0..GRID_DIGITS).rev() {
        let row = (north / ROWS.pow(place)).rem_euclid(ROWS);
        let column = (east / COLUMNS.pow(place)).rem_euclid(COLUMNS);
        text.push(digit(row * COLUMNS + column, 20));
    }
    text.truncate(digits);
    text.resize(text.len().max(SEPARATOR_AFTER), b'0');
    text.insert(SEPARATOR_AFTER, b'+');
    text.into_iter().map(char::from).collect()
}

/// Steps of the finest grid in one degree.
const fn per_degree(parts: i64) -> i64 {
    PAIRS_PER_DEGREE * parts.pow(GRID_DIGITS)
}

/// Steps of the finest grid from the south pole or the antimeridian.
fn count(halves: i64, degrees_before: i64, parts: i64) -> i64 {
    let from_edge = halves + degrees_before * HALVES_PER_DEGREE;
    let steps = i128::from(from_edge) * i128::from(per_degree(parts));
    i64::try_from(steps / i128::from(HALVES_PER_DEGREE)).unwrap_or(0)
}

fn digit(value: i64, base: i64) -> u8 {
    let place = usize::try_from(value.rem_euclid(base)).unwrap_or(0);
    ALPHABET.get(place).copied().unwrap_or(b'0')
}
