//! Names of the static files of a log (c2sp.org/tlog-tiles).

use super::edge::TILE_WIDTH;
use std::fmt;

/// Elements of a tile's number in a path; 1000^7 tiles are more than there can be.
const ELEMENTS_MOST: usize = 7;
/// The highest level there can be.
const LEVEL_MAX: u8 = 63;

/// What stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of this level, 32 bytes each.
    Hashes(u8),
    /// The leaves themselves, each behind its length in two bytes.
    Entries,
}

/// One file: full, or as wide as the log was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What stands in it.
    pub kind: TileKind,
    /// Its number within the level.
    pub index: u64,
    /// 1 to 255 of a partial one; none of a full one.
    pub width: Option<u8>,
}

impl TilePath {
    /// A tile of so many hashes or leaves.
    pub(crate) fn new(kind: TileKind, index: u64, count: usize) -> Self {
        let width = u8::try_from(count).ok().filter(|_| count < TILE_WIDTH);
        Self { kind, index, width }
    }

    /// Reads what stands behind `tile/` in a path; only the one spelling there is.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= LEVEL_MAX)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, Some(width.parse().ok()?)),
            None => (rest, None),
        };
        let mut index = 0u64;
        for element in number.split('/').take(ELEMENTS_MOST) {
            let digits = element.trim_start_matches('x').parse::<u64>().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let read = Self { kind, index, width };
        (width != Some(0) && read.to_string() == format!("tile/{text}")).then_some(read)
    }
}

/// The path below the log's prefix.
impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut elements = vec![self.index % 1000];
        let mut left = self.index / 1000;
        while left > 0 {
            elements.push(left % 1000);
            left /= 1000;
        }
        for element in elements.iter().skip(1).rev() {
            write!(f, "x{element:03}/")?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        match self.width {
            Some(width) => write!(f, ".p/{width}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard_and_have_one_spelling() {
        let path = |kind, index, width| TilePath { kind, index, width };
        for (path, text) in [
            (
                path(TileKind::Hashes(0), 1_234_067, None),
                "0/x001/x234/067",
            ),
            (path(TileKind::Entries, 0, Some(112)), "entries/000.p/112"),
            (path(TileKind::Hashes(63), 999, Some(255)), "63/999.p/255"),
            (path(TileKind::Hashes(1), 1000, None), "1/x001/000"),
        ] {
            assert_eq!(TilePath::read(text), Some(path), "{text}");
            assert_eq!(path.to_string(), format!("tile/{text}"));
        }
        for wrong in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "00/000",
            "64/000",
            "0/x000/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/+00",
            "0/001/000",
            "0/x1/000",
            "0/000/",
            "0/../000",
            "entries/000.p/1/2",
            "x/000",
            "0//000",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::read(wrong), None, "{wrong}");
        }
    }
}
