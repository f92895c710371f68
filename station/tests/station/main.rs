//! The station as a library: a whole factory in memory, with one journal on the disk.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod handover;
mod items;
mod kills;
mod quota;
mod workshop;
