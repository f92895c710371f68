//! Merkle trees of RFC 9162, section 2.1: hashes, and the verification of proofs.

use crate::units::Digest;
use sha2::{Digest as _, Sha256};

/// Root of the tree without leaves.
pub fn empty_root() -> Digest {
    Digest(Sha256::digest(b"").into())
}

/// Hash of one leaf.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(leaf);
    Digest(hash.finalize().into())
}

/// Hash of two neighbours.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update([1]);
    hash.update(left.as_bytes());
    hash.update(right.as_bytes());
    Digest(hash.finalize().into())
}

/// Whether the leaf with this hash stands at `index` in the tree of `size` leaves with this root
/// (RFC 9162, 2.1.3.2). The path begins at the leaf.
pub fn includes(
    leaf: &Digest,
    index: u64,
    size: u64,
    path: impl IntoIterator<Item = Digest>,
    root: &Digest,
) -> bool {
    let Some(mut last) = size.checked_sub(1).filter(|last| index <= *last) else {
        return false;
    };
    let (mut at, mut hash) = (index, *leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(&beside, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, &beside);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Size and root of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Hash over all of them.
    pub root: Digest,
}

/// Whether the tree `new` begins with everything that stands in `old` (RFC 9162, 2.1.4.2). Trees of
/// one size are the same tree, and the empty tree is the beginning of all; neither takes a path.
pub fn extends(old: &Head, new: &Head, path: impl IntoIterator<Item = Digest>) -> bool {
    let mut path = path.into_iter();
    if old.size == 0 || old.size >= new.size {
        let same = old.size == 0 && old.root == empty_root() || old == new;
        return same && path.next().is_none();
    }
    let (mut at, mut last) = (old.size - 1, new.size - 1);
    let first = match old.size.is_power_of_two() {
        true => Some(old.root),
        false => path.next(),
    };
    let Some(first) = first else { return false };
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (first, first);
    let mut steps = 0u32;
    for beside in path {
        steps += 1;
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node_hash(&beside, &before);
            after = node_hash(&beside, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(&after, &beside);
        }
        at >>= 1;
        last >>= 1;
    }
    steps > 0 && last == 0 && before == old.root && after == new.root
}
