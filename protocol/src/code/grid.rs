//! A grid code: a place, a time and an owner in 240 bits, 50 characters, readable with no network.
//!
//! Coordinates are whole lattice units of 1/2048 arc second on WGS84/CGCS2000 (the lattice of
//! GB/T 39409 and GeoSOT), so that nothing here needs floating point. A cell is named by its
//! south-west corner and contains its south and west edges.

use super::base32::{self, TextError};
use super::{Code, ISSUER_END, IssuedBy, Kind, STATION_END, VERSION};
use core::{fmt, str::FromStr};
use sha2::{Digest, Sha256};

/// Bytes of a grid code.
pub const GRID_BYTES: usize = 30;
/// Characters of a grid code's text, check symbols included.
pub const GRID_CHARS: usize = 50;
/// Length of a cell in bytes.
pub const CELL_BYTES: usize = 9;
/// Lattice units in one degree.
pub const UNITS_PER_DEGREE: i32 = 3600 * 2048;
/// The north pole in lattice units.
pub const LATITUDE_MAX: i32 = 90 * UNITS_PER_DEGREE;
/// The antimeridian in lattice units.
pub const LONGITUDE_MAX: i32 = 180 * UNITS_PER_DEGREE;
/// Minutes between 1970-01-01 and 2020-01-01, where grid time begins.
pub const EPOCH_MINUTES: u64 = 26_297_280;
/// In place of a height that is not known.
const HEIGHT_ABSENT: i32 = -(1 << 23);
/// In place of a duration without an end.
const OPEN_ENDED: u8 = 63;
const MINUTES_END: u32 = 1 << 26;

/// Size of a cell: 1 (4 by 6 degrees) to 10 (1/2048 arc second). Level 8 is about 1 m.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// About one metre.
    pub const DEFAULT: Self = Self(8);

    /// 1 to 10.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 10 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// 1 to 10.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Height (north to south) and width (west to east) of a cell in lattice units.
    pub const fn size(self) -> (i32, i32) {
        const MINUTE: i32 = 60 * 2048;
        match self.0 {
            1 => (4 * UNITS_PER_DEGREE, 6 * UNITS_PER_DEGREE),
            2 => (30 * MINUTE, 30 * MINUTE),
            3 => (10 * MINUTE, 15 * MINUTE),
            4 => (MINUTE, MINUTE),
            5 => (4 * 2048, 4 * 2048),
            6 => (2 * 2048, 2 * 2048),
            7 => (512, 512),
            8 => (64, 64),
            9 => (8, 8),
            _ => (1, 1),
        }
    }
}

/// A point on the lattice: latitude -90..=90 degrees, longitude -180..180 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    latitude: i32,
    longitude: i32,
}

impl Point {
    /// From lattice units. 180 degrees east is 180 degrees west.
    pub const fn from_units(latitude: i32, longitude: i32) -> Option<Self> {
        if latitude < -LATITUDE_MAX
            || latitude > LATITUDE_MAX
            || longitude < -LONGITUDE_MAX
            || longitude > LONGITUDE_MAX
        {
            return None;
        }
        let longitude = if longitude == LONGITUDE_MAX {
            -LONGITUDE_MAX
        } else {
            longitude
        };
        Some(Self {
            latitude,
            longitude,
        })
    }

    /// From degrees in units of 1e-9 (nanodegrees), rounded down to the lattice.
    pub const fn from_nanodegrees(latitude: i64, longitude: i64) -> Option<Self> {
        if latitude.unsigned_abs() > 90_000_000_000 || longitude.unsigned_abs() > 180_000_000_000 {
            return None;
        }
        Self::from_units(to_units(latitude), to_units(longitude))
    }

    /// North of the equator, in lattice units.
    pub const fn latitude(self) -> i32 {
        self.latitude
    }

    /// East of Greenwich, in lattice units.
    pub const fn longitude(self) -> i32 {
        self.longitude
    }

    /// The south-west corner of the cell that contains this point. The north pole belongs to the
    /// northernmost cells.
    pub const fn corner(self, level: Level) -> Self {
        let (height, width) = level.size();
        let latitude = if self.latitude == LATITUDE_MAX {
            LATITUDE_MAX - 1
        } else {
            self.latitude
        };
        Self {
            latitude: latitude.div_euclid(height) * height,
            longitude: self.longitude.div_euclid(width) * width,
        }
    }
}

const fn to_units(nanodegrees: i64) -> i32 {
    (nanodegrees as i128 * UNITS_PER_DEGREE as i128).div_euclid(1_000_000_000) as i32
}

/// When a binding holds: a start and a length of a power of two minutes, or open-ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start_minutes: u32,
    log2_minutes: u8,
}

impl Span {
    /// From minutes since 1970. `None` before 2020 or after 2147.
    /// `minutes` is rounded up to a power of two; `None` means open-ended.
    pub const fn new(start_unix_minutes: u64, minutes: Option<u64>) -> Option<Self> {
        let Some(start) = start_unix_minutes.checked_sub(EPOCH_MINUTES) else {
            return None;
        };
        if start >= MINUTES_END as u64 {
            return None;
        }
        let log2_minutes = match minutes {
            None => OPEN_ENDED,
            Some(minutes) => match minutes.checked_next_power_of_two() {
                Some(power) if power.trailing_zeros() < OPEN_ENDED as u32 => {
                    power.trailing_zeros() as u8
                }
                _ => return None,
            },
        };
        Some(Self {
            start_minutes: start as u32,
            log2_minutes,
        })
    }

    /// Minutes since 1970.
    pub const fn start_unix_minutes(self) -> u64 {
        EPOCH_MINUTES + self.start_minutes as u64
    }

    /// `None` when open-ended.
    pub const fn minutes(self) -> Option<u64> {
        if self.log2_minutes == OPEN_ENDED {
            None
        } else {
            Some(1 << self.log2_minutes)
        }
    }
}

/// A cell of the grid, without height, time or owner. Every value of this type is well formed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell([u8; CELL_BYTES]);

impl Cell {
    /// The cell of this level around a point.
    pub fn around(point: Point, level: Level) -> Self {
        let corner = point.corner(level);
        let mut bytes = [level.0; CELL_BYTES];
        let numbers = [corner.latitude, corner.longitude].map(i32::to_be_bytes);
        for (to, from) in bytes.iter_mut().skip(1).zip(numbers.iter().flatten()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// Reads level 1, latitude 4 and longitude 4 of the south-west corner, big-endian.
    pub fn from_bytes(bytes: [u8; CELL_BYTES]) -> Result<Self, GridError> {
        let cell = Self(bytes);
        let [level, ..] = bytes;
        let level = Level::new(level).ok_or(GridError::Range)?;
        let corner = cell.corner();
        check_corner(corner, level)?;
        Ok(cell)
    }

    /// The 9 bytes.
    pub const fn as_bytes(&self) -> &[u8; CELL_BYTES] {
        &self.0
    }

    /// Size of the cell.
    pub const fn level(&self) -> Level {
        let [level, ..] = self.0;
        Level(level)
    }

    /// South-west corner of the cell.
    pub const fn corner(&self) -> Point {
        let [_, a, b, c, d, e, f, g, h] = self.0;
        Point {
            latitude: i32::from_be_bytes([a, b, c, d]),
            longitude: i32::from_be_bytes([e, f, g, h]),
        }
    }

    /// Whether all of the other cell lies in this one. Cells nest exactly.
    pub fn contains(&self, other: &Self) -> bool {
        self.level().0 <= other.level().0 && Self::around(other.corner(), self.level()) == *self
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point {
            latitude,
            longitude,
        } = self.corner();
        write!(f, "{}@{latitude},{longitude}", self.level().0)
    }
}

/// Whether a cell of this level can begin there.
fn check_corner(corner: Point, level: Level) -> Result<(), GridError> {
    let (height, width) = level.size();
    let Point {
        latitude,
        longitude,
    } = corner;
    // The southernmost cells of level 1 begin at -92 degrees and are cut off by the pole.
    let on_earth = latitude > -LATITUDE_MAX - height
        && latitude < LATITUDE_MAX
        && (-LONGITUDE_MAX..LONGITUDE_MAX).contains(&longitude);
    if !on_earth {
        return Err(GridError::Range);
    }
    if latitude % height != 0 || longitude % width != 0 {
        return Err(GridError::Corner);
    }
    Ok(())
}

/// What a grid code is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who says so.
    pub by: IssuedBy,
    /// Size of the cell.
    pub level: Level,
    /// Any point in the cell.
    pub point: Point,
    /// Decimetres above the ellipsoid, 24 bits signed.
    pub height_dm: Option<i32>,
    /// When it holds.
    pub span: Span,
    /// Whose it is.
    pub owner: Code,
}

/// The name of a place at a time. Every value of this type is well formed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GridCode([u8; GRID_BYTES]);

/// Why 30 bytes or a place are no grid code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridError {
    /// Not [`VERSION`], or not a place.
    Version,
    /// A number does not fit its field.
    Range,
    /// The corner is not a multiple of the cell's size.
    Corner,
}

impl GridCode {
    /// Same cell, height, time and owner: same code.
    pub fn derive(place: &Place) -> Result<Self, GridError> {
        let height = place.height_dm.unwrap_or(HEIGHT_ABSENT);
        if place.by.issuer >= ISSUER_END
            || place.by.station >= STATION_END
            || !(HEIGHT_ABSENT..1 << 23).contains(&height)
            || place.height_dm == Some(HEIGHT_ABSENT)
        {
            return Err(GridError::Range);
        }
        let corner = place.point.corner(place.level);
        let mut bits = Bits::default();
        bits.put(u64::from(VERSION), 4);
        bits.put(Kind::Place as u64, 4);
        bits.put(u64::from(place.by.issuer), 24);
        bits.put(u64::from(place.by.station), 12);
        bits.put(u64::from(place.level.0), 4);
        bits.put(corner.latitude as u64, 31);
        bits.put(corner.longitude as u64, 32);
        bits.put(height as u64, 24);
        bits.put(u64::from(place.span.start_minutes), 26);
        bits.put(u64::from(place.span.log2_minutes), 6);
        let hint = owner_hint(&bits.bytes, &place.owner);
        bits.put((hint >> 64) as u64, 9);
        bits.put(hint as u64, 64);
        Ok(Self(bits.bytes))
    }

    /// Reads 30 bytes.
    pub fn from_bytes(bytes: [u8; GRID_BYTES]) -> Result<Self, GridError> {
        let code = Self(bytes);
        if code.field(0, 8) != u64::from(VERSION) << 4 | Kind::Place as u64 {
            return Err(GridError::Version);
        }
        let level = Level::new(code.field(44, 4) as u8).ok_or(GridError::Range)?;
        check_corner(code.corner(), level)?;
        Ok(code)
    }

    /// The 30 bytes.
    pub const fn as_bytes(&self) -> &[u8; GRID_BYTES] {
        &self.0
    }

    /// Who says so.
    pub fn issued_by(&self) -> IssuedBy {
        IssuedBy {
            issuer: self.field(8, 24) as u32,
            station: self.field(32, 12) as u16,
        }
    }

    /// Size of the cell.
    pub fn level(&self) -> Level {
        Level(self.field(44, 4) as u8)
    }

    /// The cell it names.
    pub fn cell(&self) -> Cell {
        Cell::around(self.corner(), self.level())
    }

    /// South-west corner of the cell.
    pub fn corner(&self) -> Point {
        Point {
            latitude: self.signed(48, 31),
            longitude: self.signed(79, 32),
        }
    }

    /// Decimetres above the ellipsoid.
    pub fn height_dm(&self) -> Option<i32> {
        Some(self.signed(111, 24)).filter(|height| *height != HEIGHT_ABSENT)
    }

    /// When it holds.
    pub fn span(&self) -> Span {
        Span {
            start_minutes: self.field(135, 26) as u32,
            log2_minutes: self.field(161, 6) as u8,
        }
    }

    /// Whether it can be that owner's: 73 bits of a hash, a hint and no proof.
    pub fn hints_at(&self, owner: &Code) -> bool {
        let hint = u128::from(self.field(167, 9)) << 64 | u128::from(self.field(176, 64));
        hint == owner_hint(&self.0, owner)
    }

    /// The text, 50 upper-case characters.
    pub fn text(&self) -> base32::Text<GRID_CHARS> {
        base32::encode(&self.0)
    }

    fn field(&self, at: usize, width: usize) -> u64 {
        (at..at + width).fold(0, |value, bit| {
            let byte = self.0.get(bit / 8).copied().unwrap_or(0);
            value << 1 | u64::from(byte >> (7 - bit % 8) & 1)
        })
    }

    fn signed(&self, at: usize, width: usize) -> i32 {
        let unused = 64 - width;
        ((self.field(at, width) << unused) as i64 >> unused) as i32
    }
}

/// The first 73 bits of SHA-256("onecode/1/grid" || first 167 bits, zero padded || owner's code).
fn owner_hint(bytes: &[u8; GRID_BYTES], owner: &Code) -> u128 {
    let mut hash = Sha256::new();
    hash.update(b"onecode/1/grid");
    for (at, byte) in bytes.iter().take(21).enumerate() {
        // 167 bits are 20 bytes and 7 bits.
        hash.update([if at == 20 { byte & 0xfe } else { *byte }]);
    }
    hash.update(owner.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(10)
        .fold(0u128, |hint, byte| hint << 8 | u128::from(*byte))
        >> 7
}

#[derive(Default)]
struct Bits {
    bytes: [u8; GRID_BYTES],
    at: usize,
}

impl Bits {
    fn put(&mut self, value: u64, width: usize) {
        for shift in (0..width).rev() {
            if let Some(byte) = self.bytes.get_mut(self.at / 8) {
                *byte |= ((value >> shift & 1) as u8) << (7 - self.at % 8);
            }
            self.at += 1;
        }
    }
}

impl FromStr for GridCode {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::from_bytes(base32::decode::<GRID_BYTES>(text)?).map_err(|_| TextError::NotACode)
    }
}

impl fmt::Display for GridCode {
    /// 50 characters; with `{:#}` in groups of four.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.text(), f)
    }
}

impl fmt::Debug for GridCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    fn owner() -> Code {
        Code::derive(
            Kind::Person,
            IssuedBy {
                issuer: 1,
                station: 1,
            },
            7,
            b"key",
        )
        .unwrap()
    }

    fn place(level: u8, latitude: i32, longitude: i32) -> Place {
        Place {
            by: IssuedBy {
                issuer: 1,
                station: 1,
            },
            level: Level::new(level).unwrap(),
            point: Point::from_units(latitude, longitude).unwrap(),
            height_dm: None,
            span: Span::new(EPOCH_MINUTES + 5, None).unwrap(),
            owner: owner(),
        }
    }

    proptest! {
        #[test]
        fn everything_reads_back(level in 1u8..=10,
                                 latitude in -LATITUDE_MAX..=LATITUDE_MAX,
                                 longitude in -LONGITUDE_MAX..=LONGITUDE_MAX,
                                 height in proptest::option::of(-(1 << 23) + 1..1i32 << 23),
                                 start in 0u64..1 << 26,
                                 minutes in proptest::option::of(1u64..1 << 40)) {
            let place = Place {
                height_dm: height,
                span: Span::new(EPOCH_MINUTES + start, minutes).unwrap(),
                ..place(level, latitude, longitude)
            };
            let grid = GridCode::derive(&place).unwrap();
            prop_assert_eq!(grid.to_string().parse::<GridCode>(), Ok(grid));
            prop_assert_eq!(GridCode::from_bytes(*grid.as_bytes()), Ok(grid));
            prop_assert_eq!((grid.level(), grid.height_dm(), grid.span()), (place.level, height, place.span));
            prop_assert_eq!(grid.issued_by(), place.by);
            prop_assert_eq!(grid.corner(), place.point.corner(place.level));
            prop_assert!(grid.hints_at(&owner()));
            let (north, east) = place.level.size();
            let up = i64::from(latitude) - i64::from(grid.corner().latitude());
            prop_assert!((0..=i64::from(north)).contains(&up));
            prop_assert!((0..i64::from(east)).contains(&(i64::from(place.point.longitude()) - i64::from(grid.corner().longitude()))));
        }

        #[test]
        fn coarser_cells_contain_finer_ones(latitude in -LATITUDE_MAX..=LATITUDE_MAX,
                                            longitude in -LONGITUDE_MAX..LONGITUDE_MAX) {
            let point = Point::from_units(latitude, longitude).unwrap();
            for number in 2..=10 {
                let fine = point.corner(Level::new(number).unwrap());
                let coarse = Level::new(number - 1).unwrap();
                prop_assert_eq!(fine.corner(coarse), point.corner(coarse));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}") {
            let _ = text.parse::<GridCode>();
        }
    }

    fn corner(level: u8, latitude: i32, longitude: i32) -> (i32, i32) {
        let grid = GridCode::derive(&place(level, latitude, longitude)).unwrap();
        assert_eq!(GridCode::from_bytes(*grid.as_bytes()), Ok(grid));
        (grid.corner().latitude(), grid.corner().longitude())
    }

    #[test]
    fn poles_antimeridian_zero_and_edges() {
        const DEGREE: i32 = UNITS_PER_DEGREE;
        assert_eq!(corner(1, LATITUDE_MAX, 0), (88 * DEGREE, 0));
        assert_eq!(corner(1, -LATITUDE_MAX, 0), (-92 * DEGREE, 0));
        assert_eq!(corner(8, LATITUDE_MAX, 0), (LATITUDE_MAX - 64, 0));
        assert_eq!(corner(10, -LATITUDE_MAX, 0), (-LATITUDE_MAX, 0));
        assert_eq!(
            corner(8, 0, LONGITUDE_MAX),
            (0, -LONGITUDE_MAX),
            "180 E is 180 W"
        );
        assert_eq!(
            corner(8, -1, -1),
            (-64, -64),
            "just south-west of null island"
        );
        assert_eq!(
            corner(8, 64, 64),
            (64, 64),
            "an edge belongs to the cell north-east of it"
        );
        let negative_zero = Point::from_nanodegrees(-0, -0).unwrap();
        assert_eq!(
            (negative_zero.latitude(), negative_zero.longitude()),
            (0, 0)
        );
        assert_eq!(Point::from_nanodegrees(90_000_000_001, 0), None);
        assert_eq!(Point::from_units(0, LONGITUDE_MAX + 1), None);
    }

    #[test]
    fn bytes_that_are_no_grid_code_are_refused() {
        let good = *GridCode::derive(&place(8, 6400, 6400)).unwrap().as_bytes();
        let mut version = good;
        version[0] ^= 0x10;
        assert_eq!(GridCode::from_bytes(version), Err(GridError::Version));
        let mut level = good;
        level[5] |= 0x0f;
        assert_eq!(GridCode::from_bytes(level), Err(GridError::Range));
        let mut corner = good;
        corner[9] ^= 0x02; // the lowest bit of the latitude
        assert_eq!(GridCode::from_bytes(corner), Err(GridError::Corner));
    }

    #[test]
    fn another_owner_or_time_is_another_code() {
        let place = place(8, 0, 0);
        let grid = GridCode::derive(&place).unwrap();
        assert_eq!(GridCode::derive(&place), Ok(grid));
        let other = Code::derive(
            Kind::Person,
            IssuedBy {
                issuer: 1,
                station: 1,
            },
            8,
            b"key",
        )
        .unwrap();
        assert_ne!(
            GridCode::derive(&Place {
                owner: other,
                ..place
            }),
            Ok(grid)
        );
        assert!(!grid.hints_at(&other));
        let later = Span::new(EPOCH_MINUTES + 6, None).unwrap();
        assert_ne!(
            GridCode::derive(&Place {
                span: later,
                ..place
            }),
            Ok(grid)
        );
    }
}
