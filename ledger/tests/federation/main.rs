//! Two gateways and a centre, each with its own books, and the post between them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

mod crash;
#[path = "../deaths/mod.rs"]
mod deaths;
mod floats;
mod homes;
mod house;
mod lifted;
mod lost;
mod post;
mod relays;
mod settle;
