//! Runs simulated worlds: many seeds, or one with its whole log.
//!
//! ```text
//! world --seeds 1000 [--first-seed 1] [--minutes 60] [--jobs 2] [--long | --union] [--only NAME]
//! world --seed 17 [--long | --union] [--only NAME]
//! ```
//!
//! A seed that fails is printed at once, and how far the run has come every ten seconds: a run that
//! is cut short has said what it found.

use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::world::{
    Bias, FAILURES_MOST, Outcome, Seeds, Size, Sum, Summary, Tally, attack_names, replay, run_one,
    union,
};

/// Simulated worlds that try to break the wallet protocol.
#[derive(Parser)]
struct Arguments {
    /// Run so many seeds; 1,000, or as many as there is time for.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// No new seed begins after so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Run this one seed and print its whole log.
    #[arg(long, conflicts_with_all = ["seeds", "minutes"])]
    seed: Option<u64>,
    /// So many worlds at one time; as many as there are processors if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Worlds of 50 to 500 things instead of a few.
    #[arg(long, conflicts_with = "union")]
    long: bool,
    /// With this adversary and no other.
    #[arg(long)]
    only: Option<String>,
    /// Worlds of several gateways and a centre.
    #[arg(long)]
    union: bool,
}

/// Between two lines of progress.
const SAY_EVERY: Duration = Duration::from_secs(10);
const SEEDS_USUAL: u64 = 1_000;

static STOP: AtomicBool = AtomicBool::new(false);
/// Seeds that ended, steps in them, and failures, for whoever says how far it is.
static SEEDS: AtomicU64 = AtomicU64::new(0);
static STEPS: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.union {
        let only = adversary(&arguments, union::attack_names());
        let bias = union::Bias {
            only,
            ..Default::default()
        };
        let one = |seed| union::run_one(seed, bias);
        return all(&arguments, &one, &|seed| union::replay(seed, bias, true));
    }
    let bias = Bias {
        size: if arguments.long {
            Size::Long
        } else {
            Size::Short
        },
        only: adversary(&arguments, attack_names()),
        ..Bias::default()
    };
    let one = |seed| run_one(seed, bias);
    all(&arguments, &one, &|seed| replay(seed, bias, true))
}

/// The adversary that was asked for, if one was.
fn adversary(
    arguments: &Arguments,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let wanted = arguments.only.as_ref()?;
    let all: Vec<_> = known.collect();
    let found = all.iter().find(|name| *name == wanted).copied();
    Some(found.unwrap_or_else(|| {
        let all = all.join(", ");
        eprintln!("no adversary named {wanted:?}; there are: {all}");
        std::process::exit(2);
    }))
}

/// One seed with its whole log, or many.
fn all<T: Sum + Words>(
    arguments: &Arguments,
    one: &(dyn Fn(u64) -> Outcome<T> + Sync),
    whole: &dyn Fn(u64) -> Outcome<T>,
) -> ExitCode {
    if let Some(seed) = arguments.seed {
        let outcome = whole(seed);
        println!("{}", outcome.tally.words());
        breach(arguments, &outcome);
        return exit_code(outcome.broken.is_some());
    }
    stop_on_signals();
    let started = Instant::now();
    watch(arguments, started);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let seeds = Seeds {
        first: arguments.first_seed,
        count: count(arguments),
        jobs: arguments.jobs.unwrap_or_else(cores),
    };
    let summary = seeds.run(one, &STOP, &|summary, outcome| {
        SEEDS.store(summary.seeds, Ordering::Relaxed);
        STEPS.store(summary.tally.steps(), Ordering::Relaxed);
        if outcome.broken.is_some() {
            FAILED.fetch_add(1, Ordering::Relaxed);
            let seed = outcome.seed;
            println!("\nthe last of what happened in seed {seed}:");
            outcome.log.lines().for_each(|line| println!("{line}"));
            breach(arguments, outcome);
        }
    });
    conclude(&summary, started);
    exit_code(!summary.failures.is_empty())
}

fn count(arguments: &Arguments) -> u64 {
    let usual = match arguments.minutes {
        Some(_) => u64::MAX,
        None => SEEDS_USUAL,
    };
    arguments.seeds.unwrap_or(usual)
}

fn exit_code(failed: bool) -> ExitCode {
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// What does not hold, and how to see it again.
fn breach<T>(arguments: &Arguments, outcome: &Outcome<T>) {
    let Some(broken) = &outcome.broken else {
        return;
    };
    let mut flags = String::new();
    for (flag, given) in [("--long", arguments.long), ("--union", arguments.union)] {
        if given {
            flags.push_str(&format!(" {flag}"));
        }
    }
    if let Some(only) = &arguments.only {
        flags.push_str(&format!(" --only {only:?}"));
    }
    println!(
        "seed {}, step {}: BROKEN \"{}\": {}\nreplay: cargo run --release -p tests --bin world \
         -- --seed {}{flags}",
        outcome.seed, broken.step, broken.invariant, broken.what, outcome.seed
    );
}

/// Says how far the run has come, and ends it when its time is up.
fn watch(arguments: &Arguments, started: Instant) {
    let limit = arguments.minutes.map(|m| Duration::from_secs(60 * m));
    let first = arguments.first_seed;
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(SAY_EVERY);
            let gone = started.elapsed();
            let [seeds, steps, failed] =
                [&SEEDS, &STEPS, &FAILED].map(|n| n.load(Ordering::Relaxed));
            eprintln!(
                "{:>6} s  {seeds} seeds from {first}, {steps} steps, {failed} failed",
                gone.as_secs()
            );
            if limit.is_some_and(|limit| gone >= limit) {
                STOP.store(true, Ordering::Relaxed);
            }
        }
    });
}

fn conclude<T: Sum + Words>(summary: &Summary<T>, started: Instant) {
    let failures = summary.failures.len();
    println!("{}", summary.tally.words());
    println!(
        "{} seeds, {} steps, {failures} failures, {:.1} seconds",
        summary.seeds,
        summary.tally.steps(),
        started.elapsed().as_secs_f64()
    );
    if failures >= FAILURES_MOST {
        println!("ended early: that many failures are enough to begin with");
    }
}

/// What was counted, to be read.
trait Words {
    fn words(&self) -> String;
}

fn listed<'a>(counts: impl IntoIterator<Item = (&'a &'static str, &'a u64)>) -> String {
    let counts = counts.into_iter();
    let counts: Vec<_> = counts
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    counts.join(", ")
}

impl Words for union::Tally {
    fn words(&self) -> String {
        let refusals = listed(&self.refusals);
        format!("refusals: {refusals}\n{}", listed(&self.counts))
    }
}

impl Words for Tally {
    fn words(&self) -> String {
        let mut words = String::new();
        for (name, attack) in &self.attacks {
            let (tried, stopped) = (attack.tried, attack.stopped);
            words.push_str(&format!(
                "adversary {name}: {tried} tries, {stopped} stopped\n"
            ));
        }
        let counts = [
            ("payments", self.payments),
            ("streams", self.streams),
            ("covered", self.covered),
            ("waited", self.waited),
            ("handed in", self.handed_in),
            ("handed in again", self.again),
            ("worlds in two orders", self.orders),
            ("messages lost", self.lost),
            ("power cuts", self.power_cuts),
            ("lost journals", self.lost_journals),
            ("recoveries", self.recoveries),
            ("given up", self.given_up),
            ("released early", self.released),
            ("taken in areas", self.in_areas),
            ("refused for areas", self.outside),
            ("decisions", self.decisions),
            ("told to neighbours", self.told),
            ("forks found between things", self.found_between),
            ("gateway falls", self.gateway_falls),
            ("frauds found", self.frauds),
        ];
        let counts = listed(counts.iter().map(|(word, count)| (word, count)));
        let refusals = listed(&self.refusals);
        format!("{words}refusals: {refusals}\n{counts}")
    }
}

/// The first interrupt, or a wish that it end, ends the run with its summary.
fn stop_on_signals() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime
            && runtime.block_on(asked_to_end()).is_ok()
        {
            eprintln!("ending with the worlds that run now");
            STOP.store(true, Ordering::Relaxed);
        }
    });
}

#[cfg(unix)]
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
