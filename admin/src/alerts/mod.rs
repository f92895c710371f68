//! Alerts by webhook and mail: what is true of the house becomes letters, and letters are carried
//! until they are taken.
//!
//! - [`Watchman`] looks, and has the store write what has to be told: the lines of
//!   [`crate::attention`], and what rules say of things (`facts`);
//! - [`Post`] has what waits carried, one letter for each destination at a time;
//! - [`Courier`] is the way out of the house, which whoever runs the portal brings: nothing here
//!   opens a connection. Where a webhook may lead is [`Reach`], and both the form and the courier
//!   ask it.

mod facts;
mod letter;
mod post;
mod reach;
mod watchman;

pub use letter::{Mail, Sender, secret_text, shown_address};
pub use post::{Courier, Post};
pub use reach::{Reach, ReachError};
pub use watchman::Watchman;
