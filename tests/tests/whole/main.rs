//! Everything that looks at the project as a whole, in one binary.
//!
//! - `house`: the rules of the tree itself: arrows between rooms, sizes, names, documents;
//! - `scenarios`: the running gateway with real devices, and what it refuses;
//! - `foreign`: programs by others that speak our protocols;
//! - `interop`: the protocol written a second time;
//! - `python`: the package for Python, from its wheel;
//! - `metal`: emulated boards at the running gateway;
//! - `upstream`: gateways under brokers by others, the link cut at random.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is test code"
)]

mod foreign;
mod house;
mod interop;
mod metal;
mod python;
mod scenarios;
mod upstream;
