//! Comparing a long log with its tiles on all cores: whole tiles of leaves depend on nothing before
//! them, so ranges of them are read, hashed and compared side by side.

use super::check::{Mismatch, agree};
use super::edge::{TILE_WIDTH, perfect_root};
use super::files::{Files, Growth, hashes};
use super::tile::{TileKind, TilePath};
use crate::bounds::{READERS, SCAN_STEP};
use crate::error::Error;
use crate::store::Pool;
use crate::store::chain::leaves;
use protocol::Digest;
use protocol::chain::merkle::leaf_hash;
use std::collections::BTreeMap;
use std::num::NonZero;
use tokio::task::JoinSet;

/// Tiles of leaves that one task compares.
const RANGE_TILES: u64 = 16;
/// Leaves in them.
const RANGE: u64 = RANGE_TILES * TILE_WIDTH as u64;

/// Compares the leaves of all whole ranges below `end` with their tiles, or makes the tiles where
/// there are none, and adds the ranges to an empty tree.
pub(super) async fn compare(
    readers: &Pool,
    files: &Files,
    end: u64,
    is_there: bool,
    growth: &mut Growth,
) -> Result<(), Mismatch> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let at_once = cores.min(usize::try_from(READERS).unwrap_or(1));
    let mut tasks = JoinSet::new();
    let mut done: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
    let (mut begun, mut added, count) = (0, 0, end / RANGE);
    while added < count {
        // What is behind the slowest task waits, and never more than that.
        let waiting = usize::try_from(begun - added).unwrap_or(usize::MAX);
        if begun < count && tasks.len() < at_once && waiting < 2 * at_once {
            let (readers, files, first) = (readers.clone(), files.clone(), begun * RANGE);
            let number = begun;
            tasks.spawn(async move {
                let roots = range(&readers, &files, first, is_there).await;
                roots.map(|roots| (number, roots))
            });
            begun += 1;
            continue;
        }
        let Some(joined) = tasks.join_next().await else {
            return Err(Mismatch::Short);
        };
        let (number, roots) = joined.map_err(std::io::Error::other).map_err(stopped)??;
        done.insert(number, roots);
        let mut full = Vec::new();
        while let Some(roots) = done.remove(&added) {
            for root in roots {
                growth.push_tile(root, |tile| full.push(tile));
            }
            added += 1;
        }
        agree(files, &full, is_there)?;
    }
    Ok(())
}

fn stopped(error: std::io::Error) -> Mismatch {
    Mismatch::File("tile".to_owned(), error)
}

/// The roots of the tiles of one range.
async fn range(
    readers: &Pool,
    files: &Files,
    first: u64,
    is_there: bool,
) -> Result<Vec<Digest>, Mismatch> {
    let mut reader = readers.acquire().await.map_err(Error::from)?;
    let mut roots = Vec::new();
    let (mut bundle, mut tile) = (Vec::new(), Vec::with_capacity(TILE_WIDTH));
    let mut at = first;
    while at < first + RANGE {
        let step = leaves(&mut reader, at, SCAN_STEP).await?;
        if step.is_empty() {
            return Err(Mismatch::Short);
        }
        for leaf in &step {
            let len = u16::try_from(leaf.len()).unwrap_or_default();
            bundle.extend_from_slice(&len.to_be_bytes());
            bundle.extend_from_slice(leaf);
            tile.push(leaf_hash(leaf));
            at += 1;
            if tile.len() < TILE_WIDTH {
                continue;
            }
            let path = |kind| TilePath::new(kind, at / TILE_WIDTH as u64 - 1, TILE_WIDTH);
            let entries = (path(TileKind::Entries), std::mem::take(&mut bundle));
            let level = (path(TileKind::Hashes(0)), hashes(&tile));
            agree(files, &[entries, level], is_there)?;
            roots.push(perfect_root(&tile));
            tile.clear();
            if at == first + RANGE {
                break;
            }
        }
    }
    Ok(roots)
}
