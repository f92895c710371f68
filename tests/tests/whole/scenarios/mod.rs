//! The running gateway with real purses, and what it refuses.

mod apart;
mod bad_input;
mod made;
mod owners;
mod pair;
mod revoked;
mod spent_on;
mod station;
mod stream;
mod token;
mod witness;
