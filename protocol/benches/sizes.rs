//! `cargo bench -p protocol --bench sizes`: what everything takes on the wire.
//!
//! The largest spelling there is of each object and message, beside what was promised of it. The
//! bounds are asserted by `nothing_is_larger_than_promised`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    reason = "shared with the tests, where they stand"
)]

#[path = "../tests/wire/cast.rs"]
mod cast;
#[path = "../tests/wire/largest.rs"]
mod largest;
#[path = "../tests/wire/society.rs"]
mod society;

fn main() {
    for lines in [largest::paying(), largest::beside()] {
        println!("{:<34}{:>9}{:>9}{:>7}", "", "largest", "promised", "share");
        for line in lines {
            let share = 100 * line.largest / line.promised;
            let (name, largest, promised) = (line.name, line.largest, line.promised);
            println!("{name:<34}{largest:>9}{promised:>9}{share:>6}%");
        }
        println!();
    }
    let (worst, common) = largest::payments_in_one_evidence();
    println!("one evidence holds {common} payments in a chain, {worst} of the largest");
}
