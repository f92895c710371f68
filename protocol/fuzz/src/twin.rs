//! Fuzzing without a fuzzer: seeds as they are, then damaged ones for a second.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long damaged seeds are tried.
const DAMAGE_FOR: Duration = Duration::from_secs(1);
/// Edits of one seed.
const EDITS_MAX: usize = 6;

/// Numbers that look random and repeat with the seed.
struct Dice(u64);

impl Dice {
    /// `ONECODE_SEED` plays a run again.
    fn new() -> Self {
        let fresh = std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_nanos() as u64;
        let seed =
            std::env::var("ONECODE_SEED").map_or(fresh, |text| text.parse().expect("a number"));
        eprintln!("ONECODE_SEED={seed}");
        Self(seed | 1)
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Says which bytes it was when a target panics.
struct Witness<'b>(&'b [u8]);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut digits = String::new();
            for byte in self.0 {
                let _ = write!(digits, "{byte:02x}");
            }
            eprintln!("the bytes were {digits}");
        }
    }
}

/// Runs a target on every seed of a folder, then on damaged ones.
pub fn run(seeds: &Path, target: fn(&[u8])) {
    let entries = std::fs::read_dir(seeds).unwrap_or_else(|e| panic!("{}: {e}", seeds.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort(); // so that a run can be played again
    let seeds: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect();
    assert!(!seeds.is_empty(), "a target without seeds tries nothing");
    let meet = |bytes: &[u8]| {
        let witness = Witness(bytes);
        target(witness.0);
    };
    seeds.iter().for_each(|seed| meet(seed));
    let mut dice = Dice::new();
    let end = Instant::now() + DAMAGE_FOR;
    let mut runs = 0_u64;
    while Instant::now() < end {
        let mut bytes = seeds[dice.roll(seeds.len())].clone();
        for _ in 0..=dice.roll(EDITS_MAX) {
            damage(&mut dice, &mut bytes, &seeds);
        }
        meet(&bytes);
        runs += 1;
    }
    eprintln!("{} seeds, {runs} damaged ones", seeds.len());
}

fn damage(dice: &mut Dice, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = dice.roll(bytes.len() + 1);
    match (dice.roll(7), bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << dice.roll(8),
        (1, Some(byte)) => *byte = dice.roll(256) as u8,
        (2, Some(byte)) => *byte = [0, 0xff, 0x7f, 0x80][dice.roll(4)],
        (3, Some(_)) => drop(bytes.remove(at)),
        (4, _) => bytes.insert(at, dice.roll(256) as u8),
        (5, _) => {
            // The rest of another seed.
            let other = &seeds[dice.roll(seeds.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.roll(other.len() + 1)..]);
        }
        _ => bytes.truncate(at),
    }
}
