//! What many moves come to: jumps over all of them, so that old coins are followed quickly.
//!
//! The moves of the journal lie in blocks of [`FANOUT`], blocks in blocks of blocks, [`LEVELS`]
//! high. For each full block it is known which coins that stood somewhere before it stand elsewhere
//! after it. A block of n moves cuts what it moves into at most 2n runs, whatever came before,
//! because a move cuts at most once: so jumps never outgrow the moves by more than a factor.

use super::{Jump, Spot};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Blocks of one level in a block of the next; moves in a block of the first.
pub const FANOUT: u64 = 32;
/// How many levels of blocks there are.
pub const LEVELS: u32 = 3;
/// A jump over fewer moves is not worth its line.
pub const HOPS_LEAST: u32 = 4;

/// Coins that stood in a row before the block, where they stand now.
struct Run {
    stood: Spot,
    coins: u128,
    hops: u32,
}

/// What these steps come to, one after the other: every run of coins that they moved, from where it
/// stood before the first to where it stands after the last, in the order of where they stood.
pub fn net(steps: impl IntoIterator<Item = Jump>) -> Vec<Jump> {
    let mut now = BTreeMap::new();
    for step in steps {
        for (spot, run) in take(&mut now, &step) {
            let to = step
                .to
                .plus(spot.position.saturating_sub(step.from.position));
            let hops = run.hops.saturating_add(step.hops);
            now.insert(to, Run { hops, ..run });
        }
    }
    let mut jumps: Vec<Jump> = now
        .into_iter()
        .map(|(to, run)| Jump {
            from: run.stood,
            to,
            coins: run.coins,
            hops: run.hops,
        })
        .collect();
    jumps.sort_unstable_by_key(|jump| jump.from);
    jumps.dedup_by(|next, last| {
        let follows =
            last.from.plus(last.coins) == next.from && last.to.plus(last.coins) == next.to;
        if follows {
            last.coins = last.coins.saturating_add(next.coins);
            last.hops = last.hops.max(next.hops);
        }
        follows
    });
    jumps
}

/// The same for a whole block of that level, made of moves; by way of the blocks in it, which is
/// quicker when coins go round and round.
pub fn net_of_level(level: u32, fanout: u64, moves: &[Jump]) -> Vec<Jump> {
    let below = usize::try_from(fanout.saturating_pow(level.saturating_sub(1))).unwrap_or(1);
    if below <= 1 {
        return net(moves.iter().copied());
    }
    let blocks = moves.chunks(below);
    net(blocks.flat_map(|block| net_of_level(level.saturating_sub(1), fanout, block)))
}

/// Takes out everything that stands where the step takes from. What is not there yet stood there
/// before the block.
fn take(now: &mut BTreeMap<Spot, Run>, step: &Jump) -> Vec<(Spot, Run)> {
    let end = step.from.plus(step.coins);
    cut(now, step.from);
    cut(now, end);
    let inside: Vec<Spot> = now.range(step.from..end).map(|(spot, _)| *spot).collect();
    let mut taken = Vec::with_capacity(inside.len().saturating_add(1));
    let mut next = step.from;
    for spot in inside {
        fill(&mut taken, next, spot);
        if let Entry::Occupied(entry) = now.entry(spot) {
            next = spot.plus(entry.get().coins);
            taken.push((spot, entry.remove()));
        }
    }
    fill(&mut taken, next, end);
    taken
}

fn fill(taken: &mut Vec<(Spot, Run)>, from: Spot, end: Spot) {
    let coins = end.position.saturating_sub(from.position);
    if coins > 0 {
        let run = Run {
            stood: from,
            coins,
            hops: 0,
        };
        taken.push((from, run));
    }
}

/// Cuts the run that goes across this spot in two.
fn cut(now: &mut BTreeMap<Spot, Run>, at: Spot) {
    let Some((spot, run)) = now.range_mut(..at).next_back() else {
        return;
    };
    let before = at.position.saturating_sub(spot.position);
    if spot.account != at.account || run.coins <= before {
        return;
    }
    let rest = Run {
        stood: run.stood.plus(before),
        coins: run.coins.saturating_sub(before),
        hops: run.hops,
    };
    run.coins = before;
    now.insert(at, rest);
}
