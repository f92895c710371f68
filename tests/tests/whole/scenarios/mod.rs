//! The running gateway with real purses, and what it refuses.

mod apart;
mod bad_input;
mod owners;
mod pair;
mod spent_on;
mod stream;
