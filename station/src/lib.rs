//! The station: makes codes in a factory, with no network, no web server and no database.
//!
//! ```text
//! init       makes its keys and a request              -> the issuer admits it: grant
//! install    grant                                     -> its quota of numbers, kinds and time
//! run        work order; things on the bench           -> codes, labels, journal
//! manifest   the journal since the last one, signed    -> `onecode station import`
//! ```
//!
//! - [`panel`] makes things with keys of their own, [`items`] things without;
//! - [`journal`] remembers each step before the next; what it comes to is
//!   [`issuer::replay::Replay`], which the gateway goes through again;
//! - [`world`] is what stands around: things, printers, scanners, the clock;
//! - [`folder`] finds its keys, in files or in a [`token`];
//! - [`handover`] closes a piece of the journal and writes the manifest.
#![forbid(unsafe_code)]

pub mod command;
pub mod dry;
pub mod events;
pub mod find;
pub mod folder;
pub mod handover;
pub mod hook;
pub mod items;
pub mod journal;
pub mod panel;
pub mod prints;
pub mod serial;
pub mod token;
pub mod world;
