//! Proofs out of the tiles of a published log (RFC 9162, 2.1.3.1 and 2.1.4.1).

use super::edge::{TILE_HEIGHT, TILE_WIDTH, perfect_root};
use super::files::Files;
use super::tile::{TileKind, TilePath};
use protocol::Digest;
use protocol::chain::merkle::node_hash;
use std::collections::BTreeMap;
use std::io;

/// A tree of one size, read from its tiles.
pub(crate) struct Tree<'a> {
    files: &'a Files,
    size: u64,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl<'a> Tree<'a> {
    /// The tree that the checkpoint of this size is over.
    pub fn new(files: &'a Files, size: u64) -> Self {
        let tiles = BTreeMap::new();
        Self { files, size, tiles }
    }

    /// The path from a leaf's neighbour up to the root's child; the leaf must stand in the tree.
    pub fn inclusion(&mut self, index: u64) -> io::Result<Vec<Digest>> {
        let (mut first, mut end) = (0, self.size);
        let mut path = Vec::new();
        while end - first > 1 {
            let middle = first + split(end - first);
            let beside = match index < middle {
                true => (middle, std::mem::replace(&mut end, middle)),
                false => (std::mem::replace(&mut first, middle), middle),
            };
            path.push(self.range(beside.0, beside.1)?);
        }
        path.reverse();
        Ok(path)
    }

    /// What shows that this tree begins with the one of `old` leaves; nothing for the empty tree.
    pub fn consistency(&mut self, old: u64) -> io::Result<Vec<Digest>> {
        let (mut first, mut end) = (0, self.size);
        let mut path = Vec::new();
        // Whether the subtree that is looked at is the old tree itself, whose root is known.
        let mut is_whole = true;
        while old > 0 && old < end {
            let middle = first + split(end - first);
            let beside = match old <= middle {
                true => (middle, std::mem::replace(&mut end, middle)),
                false => {
                    is_whole = false;
                    (std::mem::replace(&mut first, middle), middle)
                }
            };
            path.push(self.range(beside.0, beside.1)?);
        }
        if !is_whole {
            path.push(self.range(first, end)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The root over these leaves, which begin where a subtree of that size may begin.
    pub fn range(&mut self, first: u64, end: u64) -> io::Result<Digest> {
        let count = end - first;
        if count.is_power_of_two() {
            return self.perfect(first, count.trailing_zeros());
        }
        let middle = first + split(count);
        let left = self.range(first, middle)?;
        let right = self.range(middle, end)?;
        Ok(node_hash(&left, &right))
    }

    /// The root over `2^bits` leaves.
    fn perfect(&mut self, first: u64, bits: u32) -> io::Result<Digest> {
        let level = u8::try_from(bits / TILE_HEIGHT).unwrap_or(u8::MAX);
        let within = bits % TILE_HEIGHT;
        let at = first >> (bits - within);
        let width = TILE_WIDTH as u64;
        let tile = self.tile(level, at / width)?;
        let from = usize::try_from(at % width).unwrap_or(TILE_WIDTH);
        let hashes: Vec<Digest> = tile
            .chunks(32)
            .skip(from)
            .take(1 << within)
            .filter_map(Digest::from_slice)
            .collect();
        match hashes.len() == 1 << within {
            true => Ok(perfect_root(&hashes)),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a tile is short",
            )),
        }
    }

    fn tile(&mut self, level: u8, index: u64) -> io::Result<&[u8]> {
        let hashes = self.size >> (u32::from(level) * TILE_HEIGHT);
        let left = hashes.saturating_sub(index.saturating_mul(TILE_WIDTH as u64));
        let count = usize::try_from(left).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
        let tile = match self.tiles.entry((level, index)) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let path = TilePath::new(TileKind::Hashes(level), index, count);
                place.insert(read(self.files, &path)?)
            }
        };
        Ok(tile)
    }
}

/// A partial tile may be gone when the full one has come.
fn read(files: &Files, path: &TilePath) -> io::Result<Vec<u8>> {
    match files.tile(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.width.is_some() => files
            .tile(&TilePath {
                width: None,
                ..*path
            }),
        read => read,
    }
}

/// The largest power of two below a size above one.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
