//! The OneCode purse and its links, from microcontrollers to Linux.
//!
//! # How a purse is driven
//!
//! A [`purse::Purse`] is a state machine. It has no clock, no randomness and no sockets: the caller
//! says what time it is, brings a [`protocol::Signer`] for the wallet key and a [`Journal`] for what
//! must outlive a power cut, and carries bytes to and fro.
//!
//! ```text
//!             consider(invoice)   ◀──────────── Invoice  <-  invoice(order)
//!             pay(order), pay_invoice(offer)
//!   payer                         -> Evidence ───────────▶ accept(evidence)             payee
//!             receive(receipt)    ◀──────────── Receipt  <-  (stored, then answered)
//!
//!             pay_stream(order)   -> Evidence ───────────▶ accept(evidence)
//!             receive(unit)       ◀──────────── Unit 0   <-  ready
//!             release(units)      -> Unit n   ───────────▶ take_unit(unit)   (again and again)
//!             receive(receipt)    ◀──────────── Receipt  <-  close_stream()
//!
//!             hand_in()   -> Evidence or claim ──────────▶
//!             renewal()   -> Renewal           ──────────▶  a gateway, whenever one is reached
//!             receive()  <- Statement, Grant   ◀──────────
//! ```
//!
//! 1. Open the purse on its journal; it is then exactly where it was, wherever the power was cut.
//! 2. Tell it once which gateways to trust ([`purse::Purse::trust_gateway`]), and what its owner
//!    approves in advance ([`purse::Purse::set_rules`]).
//! 3. Send what the calls write into the buffer, over any link, as often as needed: every repetition
//!    is the same message and changes nothing on the other side.
//! 4. Whatever comes in goes to `accept` (Evidence), `consider` (Invoice) or `receive` (everything
//!    else, units too). An `Err` is the status to answer and has changed nothing, except that after
//!    `Busy` something waits for its signature: call again. A payee that refuses a payment for good
//!    says so with `decline`, in writing.
//! 5. After [`Status::Storage`](protocol::Status::Storage) drop the purse and open it again: only
//!    the journal knows what was written.
//!
//! Bytes are written into the caller's buffer only after what they promise is durable. Every buffer
//! given as `out` has at least [`purse::OUT_MAX`] bytes.
//!
//! The purse needs neither `std` nor `alloc`; how many payments it holds is fixed by its type. With
//! the feature `std` come a journal in a file, an identity in a folder, enrolment and links.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
pub mod coap;
#[cfg(feature = "std")]
mod durable;
#[cfg(feature = "std")]
pub mod enrol;
#[cfg(feature = "std")]
pub mod identity_file;
pub mod journal;
#[cfg(feature = "std")]
pub mod journal_file;
pub mod links;
pub mod purse;
#[cfg(test)]
#[cfg(feature = "std")]
mod test_house;
#[cfg(feature = "std")]
pub mod tls;

pub use journal::{Journal, JournalFailed, RECORD_MAX, RecordId};
