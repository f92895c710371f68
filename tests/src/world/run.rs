//! One seed, or many.

use super::chance::Chance;
use super::scenario::{Bias, Scenario};
use super::{Broken, Log, Tally, World};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What one seed came to.
#[derive(Debug)]
pub struct Outcome<T = Tally> {
    /// The seed.
    pub seed: u64,
    /// What was counted.
    pub tally: T,
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
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        world.fail(NO_PANIC, words(panic.as_ref()));
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

/// What a panic breaks.
pub(crate) const NO_PANIC: &str = "nothing from outside makes a process panic";

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().cloned();
    let said = owned.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    said.unwrap_or_default()
}

/// What is counted in one world and added up over many.
pub trait Sum: Default + Send {
    /// Adds another one to this.
    fn add(&mut self, other: &Self);

    /// Happenings.
    fn steps(&self) -> u64;
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
}

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Summary<T = Tally> {
    /// Seeds that ran to their end.
    pub seeds: u64,
    /// Sums over all of them.
    pub tally: T,
    /// The first failing ones, in the order they were found.
    pub failures: Vec<Outcome<T>>,
}

/// Failing seeds that are kept; then the run ends.
pub const FAILURES_MOST: usize = 20;

impl Seeds {
    /// Runs them all, or until `stop` is set or too many have failed. `tell` hears of every seed
    /// that ends, after it was added to the summary.
    pub fn run<T: Sum>(
        &self,
        one: &(dyn Fn(u64) -> Outcome<T> + Sync),
        stop: &AtomicBool,
        tell: &(dyn Fn(&Summary<T>, &Outcome<T>) + Sync),
    ) -> Summary<T> {
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Summary::default());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.count || stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let outcome = one(self.first.saturating_add(number));
                        if ended(&summary, outcome, tell) {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        summary.into_inner().unwrap()
    }
}

/// Adds a seed to the summary. True when too many have failed.
fn ended<T: Sum>(
    summary: &Mutex<Summary<T>>,
    outcome: Outcome<T>,
    tell: &(dyn Fn(&Summary<T>, &Outcome<T>) + Sync),
) -> bool {
    let mut summary = summary.lock().unwrap();
    summary.seeds += 1;
    summary.tally.add(&outcome.tally);
    tell(&summary, &outcome);
    if outcome.broken.is_some() {
        summary.failures.push(outcome);
    }
    summary.failures.len() >= FAILURES_MOST
}

/// The names of all adversaries.
pub fn attack_names() -> impl Iterator<Item = &'static str> {
    super::adversary::KINDS.iter().map(|kind| kind.name)
}
