//! Between a gateway and the one above it: letters, copies of the journal, and telemetry, each until
//! the other side has signed that it has it.
//!
//! ```text
//! ledger, outbox --Carrier--> Frame --oc/1/<gateway>/link/up-->  Exchange --> ledger, tree
//!       ^                                                            |
//!       +---- Exchange <--- oc/1/<gateway>/link/down --- signed Acknowledgement
//! ```
//!
//! A frame may be lost, repeated or late: the ledger takes a letter only when it is the next one, a
//! journal goes on where its copy ends, and telemetry has a cursor. So the link itself remembers
//! nothing that a crash could take. [`frame`] and [`carrier`] are pure; [`above`] drives the side
//! below, which connects, and [`below`] the side that is connected to.

pub mod above;
pub mod below;
mod carrier;
mod exchange;
mod frame;

pub use exchange::Exchange;
