//! The ledger as its callers see it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "../support/mod.rs"]
mod support;

mod aliases;
mod back;
mod brought;
mod chain;
mod claims;
mod classes;
mod conserve;
mod covers;
mod damage;
mod fraud;
mod grant;
mod inbox;
mod keys;
mod life;
mod lives;
mod manifests;
mod promises;
mod refunds;
mod refusals;
mod registry;
mod renewals;
mod requests;
mod restored;
mod settle;
mod stream;
mod surveys;
mod trace;
mod treasury;
mod views;
mod withdrawn;
mod witness;
