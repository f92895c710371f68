//! One seed of a world of several gateways.

use super::super::Log;
use super::super::chance::Chance;
use super::super::run::{self, NO_PANIC, words};
use super::{Sabotage, Tally, Union};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is not left to the seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bias {
    /// Only this adversary.
    pub only: Option<&'static str>,
    /// Somebody who is broken on purpose.
    pub sabotage: Option<Sabotage>,
}

/// What one seed came to.
pub type Outcome = run::Outcome<Tally>;

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
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        world.fail(NO_PANIC, words(panic.as_ref()));
    }
    Outcome {
        seed,
        tally: std::mem::take(&mut world.tally),
        broken: world.broken.take(),
        log: std::mem::replace(&mut world.log, Log::new(false, false)),
    }
}

/// The names of all adversaries.
pub fn attack_names() -> impl Iterator<Item = &'static str> {
    super::adversary::KINDS.iter().map(|kind| kind.name)
}
