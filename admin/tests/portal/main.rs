//! The portal as browsers and programs meet it, over books in a folder that goes away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../house/mod.rs"]
mod house;

mod acts;
mod alerts;
mod aliases;
mod api;
mod areas;
mod batches;
mod browser;
mod counters;
mod document;
mod fates;
mod forgery;
mod hostile;
mod items;
mod language;
mod live;
mod map;
mod messages;
mod money;
mod pages;
mod pending;
mod provider;
mod public;
mod readers;
mod requests;
mod roles;
mod second_step;
mod secrets;
mod sign_in;
mod statements;
mod stations;
mod trace;
