//! Runs simulated worlds: many seeds, or one with its whole log.
//!
//! ```text
//! world --seeds 1000 [--first-seed 1] [--jobs 2] [--long] [--only NAME]
//! world --seed 17 [--long] [--only NAME]
//! ```

use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use tests::world::union;
use tests::world::{Bias, Outcome, Progress, Seeds, Size, Summary, attack_names, replay};

/// Simulated worlds that try to break the wallet protocol.
#[derive(Parser)]
struct Arguments {
    /// Run so many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Run this one seed and print its whole log.
    #[arg(long)]
    seed: Option<u64>,
    /// So many worlds at one time; as many as there are processors if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Worlds of 50 to 500 things instead of a few.
    #[arg(long)]
    long: bool,
    /// With this adversary and no other.
    #[arg(long)]
    only: Option<String>,
    /// Worlds of several gateways and a centre.
    #[arg(long)]
    union: bool,
}

static STOP: AtomicBool = AtomicBool::new(false);
/// Seconds since the start when progress was last said.
static SAID_S: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.union {
        return several_gateways(&arguments);
    }
    let only = arguments.only.as_ref().map(|wanted| {
        let known = attack_names().find(|name| name == wanted);
        known.unwrap_or_else(|| {
            let all: Vec<_> = attack_names().collect();
            eprintln!(
                "no adversary named {wanted:?}; there are: {}",
                all.join(", ")
            );
            std::process::exit(2);
        })
    });
    let bias = Bias {
        size: if arguments.long {
            Size::Long
        } else {
            Size::Short
        },
        only,
        ..Bias::default()
    };
    if let Some(seed) = arguments.seed {
        let outcome = replay(seed, bias, true);
        println!("{:#?}", outcome.tally);
        return report(&[outcome], &arguments);
    }
    stop_on_interrupt();
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let seeds = Seeds {
        first: arguments.first_seed,
        count: arguments.seeds,
        jobs,
        bias,
    };
    let started = Instant::now();
    let summary = seeds.run(&STOP, &|progress| say(progress, started));
    conclude(&summary, started);
    report(&summary.failures, &arguments)
}

/// Worlds of several gateways.
fn several_gateways(arguments: &Arguments) -> ExitCode {
    let wanted = arguments.only.as_deref();
    let bias = union::Bias {
        only: union::attack_names().find(|name| Some(*name) == wanted),
    };
    let summary = match arguments.seed {
        Some(seed) => union::Summary {
            seeds: 1,
            failures: vec![union::replay(seed, bias, true)],
            ..Default::default()
        },
        None => {
            let seeds = (arguments.first_seed, arguments.seeds);
            let jobs = arguments
                .jobs
                .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            union::run_many(seeds, jobs, bias, &|| true)
        }
    };
    println!("{} seeds, {:#?}", summary.seeds, summary.tally);
    let mut code = ExitCode::SUCCESS;
    for outcome in &summary.failures {
        if let Some(broken) = &outcome.broken {
            code = ExitCode::FAILURE;
            println!("union seed {}: {broken:?}", outcome.seed);
        }
    }
    code
}

/// One line per second.
fn say(progress: Progress, started: Instant) {
    let now_s = started.elapsed().as_secs();
    if SAID_S.swap(now_s, Ordering::Relaxed) != now_s {
        let Progress { seeds, of, steps } = progress;
        eprintln!("{now_s:>6} s  {seeds} of {of} seeds, {steps} steps");
    }
}

fn conclude(summary: &Summary, started: Instant) {
    let tally = &summary.tally;
    for (name, attack) in &tally.attacks {
        let (tried, stopped) = (attack.tried, attack.stopped);
        println!("adversary {name}: {tried} tries, {stopped} stopped");
    }
    let refusals: Vec<_> = (tally.refusals.iter())
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    println!("refusals: {}", refusals.join(", "));
    println!(
        "{} seeds, {} steps, {} payments ({} streams, {} covered, {} waited), {} handed in ({} again, {} worlds in two orders), {} messages lost, \
         {} power cuts, {} lost journals, {} recoveries, {} given up, {} released early, {} taken and {} refused for areas, {} decisions, {} told to neighbours, {} forks found between things, {} gateway falls, {} frauds found, {} failures, {:.1} seconds",
        summary.seeds,
        tally.steps,
        tally.payments,
        tally.streams,
        tally.covered,
        tally.waited,
        tally.handed_in,
        tally.again,
        tally.orders,
        tally.lost,
        tally.power_cuts,
        tally.lost_journals,
        tally.recoveries,
        tally.given_up,
        tally.released,
        tally.in_areas,
        tally.outside,
        tally.decisions,
        tally.told,
        tally.found_between,
        tally.gateway_falls,
        tally.frauds,
        summary.failures.len(),
        started.elapsed().as_secs_f64()
    );
}

fn report(failures: &[Outcome], arguments: &Arguments) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for outcome in failures {
        let Some(broken) = &outcome.broken else {
            continue;
        };
        code = ExitCode::FAILURE;
        if arguments.seed.is_none() {
            println!("\nthe last of what happened in seed {}:", outcome.seed);
            outcome.log.lines().for_each(|line| println!("{line}"));
        }
        let mut flags = String::new();
        if arguments.long {
            flags.push_str(" --long");
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
    code
}

/// The first interrupt ends the run with its summary.
fn stop_on_interrupt() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime
            && runtime.block_on(tokio::signal::ctrl_c()).is_ok()
        {
            eprintln!("ending with the worlds that run now");
            STOP.store(true, Ordering::Relaxed);
        }
    });
}
