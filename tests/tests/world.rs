//! The simulated world: seeds that must run clean, adversaries that must get their try and be
//! stopped, checks that must find a broken gateway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is test code"
)]

use std::sync::atomic::AtomicBool;
use tests::world::{Bias, Sabotage, Seeds, Size, Sum, Summary, attack_names, replay, run_one};

/// The seeds of this file begin here, wherever a long run has been.
const FIRST_SEED: u64 = 1;

fn run(first: u64, count: u64, bias: Bias) -> Summary {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let seeds = Seeds { first, count, jobs };
    let one = |seed| run_one(seed, bias);
    seeds.run(&one, &AtomicBool::new(false), &|_, _| {})
}

fn assert_clean(summary: &Summary) {
    for failure in &summary.failures {
        failure.log.lines().for_each(|line| println!("{line}"));
        println!("seed {}: {:?}", failure.seed, failure.broken);
    }
    assert_eq!(summary.failures.len(), 0);
}

#[test]
fn short_worlds_keep_every_invariant() {
    let mut all: Summary = Summary::default();
    // The same ones on every machine; the program runs as many others as there is time for.
    for round in 0..3 {
        let summary = run(FIRST_SEED + round * 25, 25, Bias::default());
        assert_clean(&summary);
        all.seeds += summary.seeds;
        all.tally.add(&summary.tally);
    }
    println!("{} seeds: {:?}", all.seeds, all.tally);
    let tally = &all.tally;
    assert!(all.seeds >= 75);
    // A world in which nothing goes wrong proves nothing.
    assert!(tally.payments > 500, "{tally:?}");
    assert!(tally.streams > 50, "{tally:?}");
    assert!(tally.power_cuts > 200, "{tally:?}");
    assert!(tally.lost_journals > 10, "{tally:?}");
    assert!(tally.recoveries > 2, "{tally:?}");
    assert!(tally.decisions > 10, "{tally:?}");
    assert!(tally.told > 50, "{tally:?}");
    assert!(tally.given_up > 10, "{tally:?}");
    assert!(tally.in_areas > 10, "{tally:?}");
    assert!(tally.outside > 10, "{tally:?}");
    assert!(tally.released > 0, "{tally:?}");
    assert!(tally.gateway_falls > 10, "{tally:?}");
    assert!(tally.lost > 500, "{tally:?}");
    assert!(tally.again > 100, "{tally:?}");
    assert!(tally.frauds > 10, "{tally:?}");
}

#[test]
fn one_seed_gives_one_log_byte_for_byte() {
    for seed in [3, 11] {
        let first = replay(seed, Bias::default(), false);
        let second = run_one(seed, Bias::default());
        let lines = |outcome: &tests::world::Outcome| {
            outcome.log.lines().map(String::from).collect::<Vec<_>>()
        };
        // The digest covers every line, also those of which the second kept none.
        assert_eq!(first.log.digest(), second.log.digest());
        assert!(lines(&first).ends_with(&lines(&second)));
        assert!(lines(&first).len() > 50);
    }
}

#[test]
fn every_adversary_gets_its_try_and_is_stopped() {
    for name in attack_names() {
        let bias = Bias {
            only: Some(name),
            ..Bias::default()
        };
        let mut tried = 0;
        let mut stopped = 0;
        // Links and wealth differ: not every seed gives it the chance.
        for round in 0..12 {
            let summary = run(5_000 + round * 2, 2, bias);
            assert_clean(&summary);
            let attack = summary.tally.attacks.get(name).copied().unwrap_or_default();
            tried += attack.tried;
            stopped += attack.stopped;
            if stopped >= 3 {
                break;
            }
        }
        assert!(tried > 0, "{name} never got to try anything");
        assert!(stopped > 0, "{name} was never stopped in {tried} tries");
    }
}

#[test]
fn a_broken_gateway_is_found_within_a_few_seeds() {
    for sabotage in Sabotage::ALL {
        let bias = Bias {
            sabotage: Some(sabotage),
            ..Bias::default()
        };
        let found = (1..=12).find_map(|seed| run_one(seed, bias).broken);
        let broken = found.unwrap_or_else(|| panic!("{sabotage:?} was not found"));
        println!(
            "{sabotage:?}: {} after {} steps",
            broken.invariant, broken.step
        );
    }
}

#[test]
fn a_large_world_keeps_every_invariant() {
    let bias = Bias {
        size: Size::Long,
        steps_most: Some(2_500),
        ..Bias::default()
    };
    // As far as a few seconds go: long runs are for the program.
    let summary = run(FIRST_SEED, 1, bias);
    assert_clean(&summary);
    assert!(summary.tally.steps > 1_000);
}
