//! Walks exhaustively through models that are too large for every run of the tests.
//!
//! `cargo run --release -p tests --bin model` walks through all of them; a number takes one.

use std::process::ExitCode;
use std::time::Instant;

use tests::model::{LARGE, Model};

fn main() -> ExitCode {
    let wanted: Option<usize> = std::env::args().nth(1).and_then(|arg| arg.parse().ok());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sound = true;
    for (number, (name, size)) in (1..).zip(LARGE) {
        if wanted.is_some_and(|wanted| wanted != number) {
            continue;
        }
        let started = Instant::now();
        let walk = Model::new(size).walk(threads);
        let seconds = started.elapsed().as_secs();
        print!("{number} {name}, {seconds} s: {walk}");
        sound &= walk.broken.is_empty() && walk.unreached.is_empty();
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
