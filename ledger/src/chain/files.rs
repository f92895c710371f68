//! Files that are on the disk when a function returns.

use super::edge::Edge;
use super::tile::{TileKind, TilePath};
use protocol::Digest;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CHECKPOINT: &str = "checkpoint";
const NEW: &str = "new";

/// The folder that any web server may serve.
#[derive(Clone, Debug)]
pub(crate) struct Files(pub PathBuf);

/// A tile with what shall stand in it.
pub(crate) type Tile = (TilePath, Vec<u8>);

impl Files {
    /// What stands in a tile.
    pub fn tile(&self, path: &TilePath) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path.to_string()))
    }

    /// The signed checkpoint, if there is one.
    pub fn checkpoint(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.0.join(CHECKPOINT)) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the checkpoint.
    pub fn set_checkpoint(&self, note: &str) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        put(&self.0.join(CHECKPOINT), note.as_bytes())?;
        File::open(&self.0)?.sync_all()
    }

    /// Writes tiles, and the folders they are in.
    pub fn put_tiles(&self, tiles: &[Tile]) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for (path, content) in tiles {
            let file = self.0.join(path.to_string());
            let Some(folder) = file.parent() else {
                continue;
            };
            if !folders.contains(folder) {
                fs::create_dir_all(folder)?;
                let ours = folder
                    .ancestors()
                    .take_while(|above| above.starts_with(&self.0));
                folders.extend(ours.map(Path::to_owned));
            }
            put(&file, content)?;
        }
        folders
            .iter()
            .try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Removes the partial ones of a tile that is full.
    pub fn drop_partial(&self, full: &TilePath) -> io::Result<()> {
        let folder = self.0.join(format!("{full}.p"));
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(NEW);
    let new = PathBuf::from(name);
    let mut written = File::create(&new)?;
    written.write_all(content)?;
    written.sync_all()?;
    fs::rename(new, file)
}

/// Hashes as a tile holds them.
pub(crate) fn hashes(tile: &[Digest]) -> Vec<u8> {
    tile.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Collects the tiles that change as leaves are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    /// Where the tree stands.
    pub edge: Edge,
    /// Leaves of the newest bundle, each behind its length.
    bundle: Vec<u8>,
}

impl Growth {
    /// Adds a leaf; tells every tile that became full.
    pub fn push(&mut self, leaf: &[u8], mut full: impl FnMut(Tile)) {
        let len = u16::try_from(leaf.len()).unwrap_or_default();
        self.bundle.extend_from_slice(&len.to_be_bytes());
        self.bundle.extend_from_slice(leaf);
        let bundle = &mut self.bundle;
        let hash = protocol::chain::merkle::leaf_hash(leaf);
        self.edge.push(hash, |level, index, tile| {
            if level == 0 {
                let path = TilePath::new(TileKind::Entries, index, tile.len());
                full((path, std::mem::take(bundle)));
            }
            let path = TilePath::new(TileKind::Hashes(level), index, tile.len());
            full((path, hashes(tile)));
        });
    }

    /// Adds the leaves of a whole tile that was compared already, by their root; tells every tile
    /// above it that became full.
    pub fn push_tile(&mut self, root: Digest, mut full: impl FnMut(Tile)) {
        self.edge.push_tile(root, |level, index, tile| {
            let path = TilePath::new(TileKind::Hashes(level), index, tile.len());
            full((path, hashes(tile)));
        });
    }

    /// The partial tiles as they stand now.
    pub fn partial(&self) -> Vec<Tile> {
        let mut tiles = Vec::new();
        for (level, tile) in self.edge.partial() {
            let bits = u32::from(level)
                .saturating_add(1)
                .saturating_mul(super::edge::TILE_HEIGHT);
            let index = self.edge.size().checked_shr(bits).unwrap_or(0);
            if level == 0 {
                let path = TilePath::new(TileKind::Entries, index, tile.len());
                tiles.push((path, self.bundle.clone()));
            }
            let path = TilePath::new(TileKind::Hashes(level), index, tile.len());
            tiles.push((path, hashes(tile)));
        }
        tiles
    }
}
