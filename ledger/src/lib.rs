//! What OneCode remembers: the registry of codes, purses, and settlement.
//!
//! ```text
//! caller --Command--> queue --writer: BEGIN, savepoint per command, COMMIT--> answers
//!                                   |
//!              store reads -> rules decide -> books and store write
//! caller <------------------------- readers: views, inbox, registry
//! ```
//!
//! - [`rules`]: pure decisions over small states;
//! - [`books`]: accounts, postings, and the hash chain of journal entries;
//! - [`chain`]: the Merkle log of every act on a code, as static files beside the books;
//! - [`views`]: what people look at, page by page;
//! - [`trace`]: every coin forwards and backwards, and who paid whom, from the journal alone;
//! - [`federation`]: several gateways and a centre;
//! - [`people`]: the accounts of the portal, in a file of their own;
//! - [`diary`]: what things said lately and what people told them, in a file of its own;
//! - [`outbox`]: what waits for whoever is above this gateway, in a file of its own;
//! - [`alerts`]: who is told when something needs attention, and the letters, in a file of its own;
//! - [`grants`]: who may read what of another's branch, and how many reads were paid, in a file of
//!   its own.
//!
//! Everything that is answered is durable before, everything that is signed here is signed inside
//! the transaction that causes it and stored, and a repeated request gets the stored bytes.

mod accusation;
pub mod alerts;
mod aliases;
mod bearings;
pub mod books;
pub mod bounds;
pub mod chain;
mod commands;
mod crash;
pub mod diary;
mod error;
mod evidence;
pub mod federation;
pub mod grants;
mod handle;
mod jobs;
pub mod outbox;
mod own_keys;
pub mod people;
mod refunds;
mod registry;
mod requests;
mod restored;
pub mod rules;
pub mod sessions;
mod standing;
mod stations;
mod store;
mod surveys;
pub mod trace;
mod transfers;
pub mod views;
mod writer;
mod z_order;

pub use accusation::Accusation;
pub use bearings::{Bearings, ClassTerms, Classes, Policy};
pub use commands::areas::AreaOf;
pub use commands::overdue::ReturnedCount;
pub use commands::requests::Undecided;
pub use commands::stations::{BroughtManifest, BroughtThing, StationGrant, Taken};
pub use commands::{Answer, FraudId};
#[cfg(feature = "crash-points")]
pub use crash::CRASH_VARIABLE;
pub use crash::CrashPoint;
pub use error::{Damage, Error, OpenError};
pub use evidence::{CoveredEvidence, Evidence, Owned, Released};
pub use handle::Ledger;
pub use own_keys::{FormerKey, FormerKeys};
pub use standing::{LogStanding, WitnessStanding};
pub use stations::StationRequest;
pub use store::areas::AreaRow;
pub use store::chain::LoggedAct;
pub use store::currencies::CurrencyRow;
pub use store::decisions::{ClaimOrder, Decided};
pub use store::inbox::InboxEntry;
pub use store::issuing::{IssueRequest, NewThing, Reservation};
pub use store::jobs::{JobLine, JobRow, JobState, NewJob};
pub use store::life::{Binding, LifeStep};
pub use store::lives::NewKey;
pub use store::places::GridRow;
pub use store::refunds::{RefundDecision, RefundRow};
pub use store::renewals::NewCredentials;
pub use store::requests::{
    AloneLimit, MoneyRequest, MoneyWish, RequestDecision, RequestState, Verdict,
};
pub use store::stations::{Dismissal, ItemRow, OrderRow, StationRow};
pub use store::surveys::RecordedPlace;
pub use store::things::{Thing, ThingState};
pub use store::transfers::HandedOver;
pub use store::treasury::{Fund, FundOrder, LoadOrder, Loaded, Way};
pub use transfers::Ownership;
