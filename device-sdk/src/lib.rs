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
//! 4. Whatever comes in goes to `accept` (Evidence, Covered), `consider` (Invoice) or `receive` (everything
//!    else, units too). An `Err` is the status to answer and has changed nothing, except that after
//!    `Busy` something waits for its signature: call again. A payee that refuses a payment for good
//!    says so with `decline`, in writing.
//! 5. What was just received may be spent before it is settled, if the payment names the payee's
//!    allowance: invoices of a purse say which, others tell it ([`purse::Purse::covers_for`],
//!    [`purse::Purse::pay_spendable`]). `pay` attaches such payments by itself when the limit is
//!    reached; [`purse::Purse::pay_back`] gives change. [`purse::Totals::spendable_here`] says how
//!    far that goes.
//! 6. Gateways also say what time it is, whom not to take from and how far whose allowances count
//!    (Beacon, Filter, Warrant, Area, Watermark): anybody may pass that on, and it goes to `receive`.
//!    A thing without a clock counts seconds since it was switched on and passes everywhere what
//!    [`purse::Purse::time`] makes of them ([`purse::Clock`]).
//! 7. With the payments a gateway is shown what [`purse::Purse::notices`] gives: voids, closings,
//!    proofs. Neighbours tell each other [`purse::Purse::seen`].
//! 8. A purse whose journal may be lost or an old copy is opened with
//!    [`purse::Purse::open_in_doubt`]; after [`purse::Event::Behind`] it is in doubt by itself.
//!    Either way the next `renewal` asks for a new life of its key.
//! 9. After [`Status::Storage`](protocol::Status::Storage) drop the purse and open it again: only
//!    the journal knows what was written.
//!
//! Bytes are written into the caller's buffer only after what they promise is durable. Every buffer
//! given as `out` has at least [`purse::OUT_MAX`] bytes.
//!
//! The purse needs neither `std` nor `alloc`; how many payments it holds is fixed by its type.
//! [`journal_flash`] keeps its journal on any NOR flash with an `embedded-storage` driver, and
//! [`coap_small`] reaches a gateway over any pipe of datagrams. With the feature `std` come a journal
//! in a file, an identity in a folder, enrolment and links.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
pub mod coap;
pub mod coap_small;
#[cfg(feature = "std")]
mod durable;
#[cfg(feature = "std")]
pub mod enrol;
#[cfg(feature = "std")]
pub mod identity_file;
pub mod journal;
#[cfg(feature = "std")]
pub mod journal_file;
pub mod journal_flash;
pub mod links;
#[cfg(feature = "std")]
pub mod lists;
#[cfg(feature = "std")]
pub mod provision;
pub mod purse;
#[cfg(feature = "std")]
pub mod renewed_file;
#[cfg(test)]
#[cfg(feature = "std")]
mod test_house;
#[cfg(test)]
mod test_nor;
#[cfg(feature = "std")]
pub mod thing;
#[cfg(feature = "std")]
pub mod tls;

pub use journal::{Journal, JournalFailed, RECORD_MAX, RecordId};
