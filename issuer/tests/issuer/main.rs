//! What the issuer signs, held against other people's verifiers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod cross;
mod folders;
mod forgery;
mod issuing;
mod labels;
mod openssl;
mod requests;
mod revocations;
mod rotation;
mod rustls;
mod vectors;
mod workshop;
mod zbar;
