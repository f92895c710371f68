//! The right edge of the tree: what has to be known to go on.

use protocol::Digest;
use protocol::chain::merkle::{Head, empty_root, node_hash};

/// Hashes in a full tile.
pub(crate) const TILE_WIDTH: usize = 256;
/// Levels of the tree in one tile.
pub(crate) const TILE_HEIGHT: u32 = 8;

/// The partial tile of every level, from the leaves upwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Digest>>,
}

impl Edge {
    /// Number of leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles that are not empty, by level.
    pub fn partial(&self) -> impl Iterator<Item = (u8, &[Digest])> {
        (0..)
            .zip(self.levels.iter().map(Vec::as_slice))
            .filter(|(_, hashes)| !hashes.is_empty())
    }

    /// Adds a leaf; tells every tile that became full, from the leaves upwards.
    pub fn push(&mut self, leaf: Digest, mut full: impl FnMut(u8, u64, &[Digest])) {
        let index = self.size;
        self.size = self.size.saturating_add(1);
        self.push_at(0, leaf, index, &mut full);
    }

    /// Adds as many leaves as a tile has, by the root over them. Only where a tile begins.
    pub fn push_tile(&mut self, root: Digest, mut full: impl FnMut(u8, u64, &[Digest])) {
        let index = self.size >> TILE_HEIGHT;
        self.size = self.size.saturating_add(TILE_WIDTH as u64);
        self.push_at(1, root, index, &mut full);
    }

    fn push_at(
        &mut self,
        first: u8,
        mut hash: Digest,
        mut index: u64,
        full: &mut impl FnMut(u8, u64, &[Digest]),
    ) {
        for level in first.. {
            while self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else {
                return;
            };
            hashes.push(hash);
            index >>= TILE_HEIGHT;
            if hashes.len() < TILE_WIDTH {
                return;
            }
            full(level, index, hashes);
            hash = perfect_root(hashes);
            hashes.clear();
        }
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        let mut root: Option<Digest> = None;
        for hashes in &self.levels {
            for piece in perfect_pieces(hashes).into_iter().rev() {
                root = Some(root.map_or(piece, |right| node_hash(&piece, &right)));
            }
        }
        Head {
            size: self.size,
            root: root.unwrap_or_else(empty_root),
        }
    }
}

/// Roots of the largest perfect subtrees, from the left.
fn perfect_pieces(mut hashes: &[Digest]) -> Vec<Digest> {
    let mut pieces = Vec::new();
    while let Some(bits) = hashes.len().checked_ilog2() {
        let (piece, rest) = hashes.split_at(1 << bits);
        pieces.push(perfect_root(piece));
        hashes = rest;
    }
    pieces
}

/// The root over a power of two of neighbours.
pub(crate) fn perfect_root(hashes: &[Digest]) -> Digest {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                alone => alone.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}
