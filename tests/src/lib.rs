//! Whole-system scenarios of OneCode: what they share.
//!
//! [`house::House`] is a running gateway, [`thing::Thing`] a device with a code, [`by_hand`] makes
//! what no purse would, [`cut`] is a link that breaks, [`pair`] is two things that pay each other, [`factory`] is a station beside the gateway, [`program`] runs other programs.
//! The scenarios themselves are `tests/whole`.
//! [`world`] is a simulation of everything in one process.
//! [`model`] is a small world that is walked through exhaustively.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is test code; a broken assumption has to stop the test"
)]

pub mod by_hand;
pub mod cut;
pub mod factory;
pub mod house;
pub mod model;
pub mod pair;
pub mod program;
pub mod thing;
pub mod world;
