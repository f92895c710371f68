//! Prints what else random cells are called, a line each, for a check by other people's programs:
//! `cargo run -p admin --example places -- SEED COUNT`.

use admin::place::Names;
use protocol::code::grid::{Cell, LATITUDE_MAX, LONGITUDE_MAX, Level, Point};
use std::io::{self, BufWriter, Write};

/// Numbers that look random, from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn within(&mut self, most: i32) -> Option<i32> {
        let span = 2 * u64::from(most.unsigned_abs());
        i32::try_from(i64::try_from(self.below(span)).ok()? - i64::from(most)).ok()
    }
}

fn main() -> io::Result<()> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok());
    let (seed, count): (u64, u64) = match (numbers.next(), numbers.next()) {
        (Some(seed), Some(count)) => (seed, count),
        _ => return Err(io::Error::other("places SEED COUNT")),
    };
    let mut chance = Chance(seed);
    let mut out = BufWriter::new(io::stdout().lock());
    for _ in 0..count {
        let point = chance
            .within(LATITUDE_MAX)
            .zip(chance.within(LONGITUDE_MAX));
        let point = point.and_then(|(latitude, longitude)| Point::from_units(latitude, longitude));
        let level = u8::try_from(1 + chance.below(10)).ok().and_then(Level::new);
        let Some((point, level)) = point.zip(level) else {
            continue;
        };
        let cell = Cell::around(point, level);
        let (corner, names) = (cell.corner(), Names::of(cell));
        let h3 = names.h3.unwrap_or_default();
        let number = level.number();
        let (latitude, longitude) = (corner.latitude(), corner.longitude());
        writeln!(
            out,
            "{number} {latitude} {longitude} {} {h3} {}",
            names.plus_code, names.geo
        )?;
    }
    out.flush()
}
