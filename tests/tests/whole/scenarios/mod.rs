//! The running gateway with real purses, and what it refuses.

mod alerts;
mod apart;
mod asked;
mod authorities;
mod bad_input;
mod besieged;
mod flooded;
mod given;
mod kept;
mod keyed;
mod made;
mod next_key;
mod owners;
mod pair;
mod pending;
mod reenrolled;
mod restored;
mod revoked;
mod rotation;
mod server;
mod spent_on;
mod station;
mod stream;
mod surveyed;
mod token;
mod witness;
