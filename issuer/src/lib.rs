//! What OneCode signs: authorities, certificates, passes and revocation lists.
//!
//! Three authorities stand in a row, root, issuer and gateway, each with two keys: one for X.509
//! (P-256), one for passes (Ed25519). A thing brings a PKCS#10 request that proves both of its own
//! keys and gets one code with two credentials, a certificate and a pass:
//!
//! ```text
//! bytes --CheckedRequest::read--> CheckedRequest --draft_device(order)--> Draft --sign--> Issued
//! ```
//!
//! Issuing is a pure function: time, serial number and sequence number stand in the
//! [`IssueOrder`], signatures are deterministic, and the same order with the same request gives the
//! same bytes. So the caller makes the order durable first, and after a crash simply issues again.
//!
//! - [`open`] finds the authorities in a folder, or makes them there;
//! - [`identity`] tells the doors whose certificate they have been shown;
//! - [`label`] draws what is printed on things and at places;
//! - [`certs_only`] is the answer of EST;
//! - [`Grant`] makes a station, [`order`] tells it what to make, [`journal`] and [`replay`] are how
//!   it remembers, and [`manifest`] is what comes back.
#![forbid(unsafe_code)]

mod ask;
mod authorities;
mod authority;
mod bundle;
mod certificate;
pub mod cross;
mod durable;
mod error;
mod folder;
mod found;
mod identity;
pub mod journal;
mod key;
pub mod key_file;
pub mod label;
mod lint;
pub mod manifest;
mod names;
pub mod order;
mod problem;
mod profile;
mod rekey;
pub mod replay;
mod request;
mod restore;
mod revocation;
mod revocations;
pub mod rotate;
pub mod safe;
mod server;
mod signing;
mod station;
pub mod succeed;

pub use ask::{authority_request, request_of_pem, request_pem};
pub use authorities::{Authorities, GATEWAY_LIFE_S, ISSUER_LIFE_S, Plan, ROOT_LIFE_S};
pub use authority::{
    Authority, CLOCK_SKEW_S, Draft, IssueOrder, Issued, Role, SERVER_NAMES_MAX, ServerOrder,
};
pub use bundle::{CERTIFICATES_MAX, certs_only, pem};
pub use error::{IssueError, OrderFault, ProfileFault};
pub use folder::{load, open};
pub use found::found;
pub use identity::{CERTIFICATE_BYTES_MAX, gateway_identity, identity};
pub use key::{Key, Random, RandomFailed};
pub use names::{DNS_NAME_MAX, Names, RESOLVER_MAX, ServerName};
pub use problem::{FolderError, Problem};
pub use request::{
    Asks, CheckedRequest, KeyFault, REQUEST_ATTRIBUTES_MAX, REQUEST_BYTES_MAX, RequestError,
    Unreadable,
};
pub use restore::restore;
pub use revocation::{ListOrder, Revoked, RevokedList, serial};
pub use revocations::{GivenUp, ListFault, RevocationsOrder, Standing};
pub use server::{SERVER_LIFE_S, SERVER_RENEWAL_S, ServerIdentity};
pub use station::{GRANT_BYTES_MAX, Grant, GrantFault, Quota, STATION_NUMBER_FIRST, StationOrder};
