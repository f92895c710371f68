//! One seed, or many.

use super::chance::Chance;
use super::scenario::{Bias, Scenario};
use super::{Broken, Log, Tally, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    let mut chance = Chance::new(seed);
    let scenario = Scenario::draw(&mut chance, bias);
    let mut world = World::new(scenario, log, chance);
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
    let World {
        tally, broken, log, ..
    } = world;
    Outcome {
        seed,
        tally,
        broken,
        log,
    }
}

/// Which seeds to run.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// So many worlds at one time, each on a thread of its own.
    pub jobs: usize,
    /// What is not left to the seeds.
    pub bias: Bias,
}

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that ran to their end.
    pub seeds: u64,
    /// Sums over all of them.
    pub tally: Tally,
    /// The first failing ones, in the order they were found.
    pub failures: Vec<Outcome>,
}

/// How far a run of many seeds has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seeds that ran.
    pub seeds: u64,
    /// Of so many.
    pub of: u64,
    /// Steps so far.
    pub steps: u64,
}

/// Failing seeds that are kept; then the run ends.
const FAILURES_MOST: usize = 5;

impl Seeds {
    /// Runs them all, or until `stop` is set or too many have failed. `tell` hears of every seed
    /// that ends.
    pub fn run(&self, stop: &AtomicBool, tell: &(dyn Fn(Progress) + Sync)) -> Summary {
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Summary::default());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| self.work(&next, stop, &summary, tell));
            }
        });
        summary.into_inner().unwrap()
    }

    fn work(
        &self,
        next: &AtomicU64,
        stop: &AtomicBool,
        summary: &Mutex<Summary>,
        tell: &(dyn Fn(Progress) + Sync),
    ) {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count || stop.load(Ordering::Relaxed) {
                return;
            }
            let outcome = run_one(self.first.saturating_add(number), self.bias);
            let mut summary = summary.lock().unwrap();
            summary.seeds += 1;
            summary.tally.add(&outcome.tally);
            if outcome.broken.is_some() {
                summary.failures.push(outcome);
            }
            let full = summary.failures.len() >= FAILURES_MOST;
            tell(Progress {
                seeds: summary.seeds,
                of: self.count,
                steps: summary.tally.steps,
            });
            if full {
                return stop.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// The names of all adversaries.
pub fn attack_names() -> impl Iterator<Item = &'static str> {
    super::adversary::KINDS.iter().map(|kind| kind.name)
}
