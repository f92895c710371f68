//! Proofs out of tiles, for trees of several levels.

use super::edge::{Edge, perfect_root};
use super::files::{Files, Growth};
use super::tree::Tree;
use protocol::Digest;
use protocol::chain::merkle::{Head, extends, includes, leaf_hash};

/// Grows a log step by step; gives the head after each.
fn grown(files: &Files, sizes: &[u64]) -> Vec<Head> {
    let mut growth = Growth::default();
    let mut heads = Vec::new();
    for size in sizes {
        let mut tiles = Vec::new();
        for number in growth.edge.size()..*size {
            growth.push(&number.to_be_bytes(), |tile| tiles.push(tile));
        }
        tiles.extend(growth.partial());
        files.put_tiles(&tiles).unwrap();
        heads.push(growth.edge.head());
    }
    heads
}

#[test]
fn proofs_hold_at_every_size_around_full_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files(folder.path().to_owned());
    let sizes = [
        1, 2, 3, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000,
    ];
    let heads = grown(&files, &sizes);
    for (at, new) in heads.iter().enumerate() {
        for index in [0, 1, 254, 255, 256, 300, 512, 65_535, 65_536, new.size - 1] {
            if index >= new.size {
                continue;
            }
            let path = Tree::new(&files, new.size).inclusion(index).unwrap();
            let leaf = leaf_hash(&index.to_be_bytes());
            assert!(
                includes(&leaf, index, new.size, path, &new.root),
                "{index} {}",
                new.size
            );
        }
        for old in &heads[..=at] {
            let path = Tree::new(&files, new.size).consistency(old.size).unwrap();
            assert!(extends(old, new, path), "{} to {}", old.size, new.size);
        }
        let empty = Tree::new(&files, new.size).consistency(0).unwrap();
        assert_eq!(empty, Vec::<Digest>::new());
    }
}

#[test]
fn an_old_size_is_proven_from_the_full_tiles_that_came_later() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files(folder.path().to_owned());
    let heads = grown(&files, &[200, 600]);
    std::fs::remove_dir_all(folder.path().join("tile/0/000.p")).unwrap();
    let path = Tree::new(&files, 200).inclusion(7).unwrap();
    let leaf = leaf_hash(&7u64.to_be_bytes());
    assert!(includes(&leaf, 7, 200, path, &heads[0].root));
}

#[test]
fn whole_tiles_by_their_roots_are_the_leaves_one_by_one() {
    let leaf = |number: u64| leaf_hash(&number.to_be_bytes());
    let (mut one_by_one, mut by_tiles) = (Edge::default(), Edge::default());
    let mut full = [Vec::new(), Vec::new()];
    let [slow, quick] = &mut full;
    for tile in 0..300u64 {
        let leaves: Vec<Digest> = (256 * tile..256 * (tile + 1)).map(leaf).collect();
        for hash in &leaves {
            one_by_one.push(*hash, |level, index, tile| {
                if level > 0 {
                    slow.push((level, index, tile.to_vec()));
                }
            });
        }
        let root = perfect_root(&leaves);
        by_tiles.push_tile(root, |level, index, tile| {
            quick.push((level, index, tile.to_vec()))
        });
        assert_eq!(by_tiles.head(), one_by_one.head(), "{tile}");
    }
    for edge in [&mut one_by_one, &mut by_tiles] {
        edge.push(leaf(0), |_, _, _| {});
    }
    assert_eq!(by_tiles.head(), one_by_one.head());
    assert_eq!(full[0].len(), 1);
    assert_eq!(full[0], full[1]);
}
