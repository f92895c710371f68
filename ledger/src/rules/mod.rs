//! What is decided, without any I/O: small states in, a decision or a refusal out.
//!
//! The order is the same everywhere: idempotency first, then fraud, then refusals, then postings.

pub mod coverage;
pub mod grant;
pub mod life;
pub mod links;
pub mod said;
pub mod settle;
pub mod waterfall;
