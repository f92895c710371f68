//! One seed, or many.

use super::super::chance::Chance;
use super::super::{Broken, Log};
use super::{Tally, Union};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is not left to the seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bias {
    /// Only this adversary.
    pub only: Option<&'static str>,
}

/// What one seed came to.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was counted.
    pub tally: Tally,
    /// The invariant that does not hold, if there is one.
    pub broken: Option<Broken>,
    /// What happened.
    pub log: Log,
}

/// Runs one seed. Only the newest lines of its log are kept.
pub fn run_one(seed: u64, bias: Bias) -> Outcome {
    run(seed, bias, Log::new(false, false))
}

/// Runs one seed and keeps its whole log, which is printed as it grows when `echo` says so.
pub fn replay(seed: u64, bias: Bias, echo: bool) -> Outcome {
    run(seed, bias, Log::new(true, echo))
}

fn run(seed: u64, bias: Bias, log: Log) -> Outcome {
    let mut world = Union::new(bias, log, Chance::new(seed));
    let intro = format!("seed {seed}: {:?}", world.scenario);
    world.note(intro);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(panic) = ran {
        let said = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.fail(
            "nothing from outside makes a process panic",
            said.unwrap_or_default(),
        );
    }
    Outcome {
        seed,
        tally: std::mem::take(&mut world.tally),
        broken: world.broken.take(),
        log: std::mem::replace(&mut world.log, Log::new(false, false)),
    }
}

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that ran to their end.
    pub seeds: u64,
    /// Sums over all of them.
    pub tally: Tally,
    /// Those that failed.
    pub failures: Vec<Outcome>,
}

/// Failing seeds after which no new one begins.
const FAILURES_MOST: usize = 5;

/// Runs seeds from `first`, so many, as long as `go_on` says so; `jobs` of them at one time.
pub fn run_many(
    (first, count): (u64, u64),
    jobs: usize,
    bias: Bias,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Summary {
    let next = AtomicU64::new(0);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let full = summary.lock().unwrap().failures.len() >= FAILURES_MOST;
                    if number >= count || full || !go_on() {
                        return;
                    }
                    let outcome = run_one(first.saturating_add(number), bias);
                    let mut summary = summary.lock().unwrap();
                    summary.seeds += 1;
                    summary.tally.add(&outcome.tally);
                    if outcome.broken.is_some() {
                        summary.failures.push(outcome);
                    }
                }
            });
        }
    });
    summary.into_inner().unwrap()
}

/// The names of all adversaries.
pub fn attack_names() -> impl Iterator<Item = &'static str> {
    super::adversary::KINDS.iter().map(|kind| kind.name)
}
