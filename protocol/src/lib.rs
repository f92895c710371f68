//! What OneCode says: codes, passes, grid codes, payments and evidence.
//!
//! Everything in this crate is a pure function of its arguments. There is no I/O, no clock, no
//! randomness and no allocation: bytes come in, a value or a [`Status`] comes out, and encoders
//! write into buffers the caller brings. The normative text is `docs/protocol.md`.
//!
//! A signed object goes through three types, so that an unchecked one cannot be mistaken for a
//! checked one:
//!
//! ```text
//! bytes --cose::open--> Sealed<T> --verify(key)--> Verified<T> --rules::*--> Status
//! ```
//!
//! A receipt on its way from payee to payer:
//!
//! ```
//! use protocol::cose::{SIGNED_MAX, open, seal};
//! use protocol::keys::SoftwareKey;
//! use protocol::objects::{Payment, Receipt};
//! use protocol::{Code, Digest, Network, Signer, Status, Timestamp};
//!
//! let network = Network::new("test").ok_or("name")?;
//! let key = SoftwareKey::ed25519(&[7; 32]);
//! let receipt = Receipt {
//!     payee: "2000-0080-2000-0001-DGQK-QDBC-G3P7-ECY7-7E".parse::<Code>()?,
//!     payment: Digest([0x5a; 32]),
//!     time: Timestamp(1_795_305_600),
//!     declined: None,
//!     units: None,
//! };
//! let mut out = [0; SIGNED_MAX];
//! let (len, id) = seal(&receipt, &network, &key, &mut out).map_err(|_| "no signature")?;
//!
//! let sealed = open::<Receipt>(&out[..len], &network)?;
//! let verified = sealed.verify(&key.public_key())?;
//! assert_eq!((verified.get(), verified.id()), (&receipt, id));
//! // Taken for another object it is none.
//! assert_eq!(open::<Payment>(&out[..len], &network).err(), Some(Status::Malformed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`code`]: names of things and of places, with their text forms;
//! - [`objects`]: what is signed, one file each, all of the same shape;
//! - [`message`]: how objects travel together;
//! - [`chain`]: the log of every act on a code, and proofs out of it;
//! - [`provision`]: what a station and a thing say over a serial line;
//! - [`rules`]: who may do what, as pure functions with a closed list of outcomes.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod chain;
pub mod code;
pub mod cose;
pub mod covers;
pub mod enrol;
mod field;
pub mod keys;
pub mod message;
pub mod objects;
pub mod provision;
pub mod revocations;
pub mod rules;
pub mod status;
pub mod stream;
pub mod units;

pub use code::{Code, Kind, grid::GridCode};
pub use cose::{Network, Sealed, Verified};
pub use keys::{Algorithm, PublicKey, Signature, Signer};
pub use status::{Fault, Status};
pub use units::{
    AmountMinor, AssuranceClass, Currency, Digest, KeyEpoch, Odometer, Reference, Sequence,
    Timestamp,
};
