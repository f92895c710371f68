//! What changes the books: each command reads what decides, asks the rules, and writes.

pub(crate) mod accuse;
pub(crate) mod alias;
pub(crate) mod areas;
pub(crate) mod authorities;
pub(crate) mod claims;
pub(crate) mod credit;
pub(crate) mod hand_in;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod life;
pub(crate) mod lives;
mod note;
pub(crate) mod overdue;
pub(crate) mod promise;
pub(crate) mod refund;
pub(crate) mod registry;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod renewals;
pub(crate) mod requests;
pub(crate) mod stations;
pub(crate) mod survey;
pub(crate) mod transfer;
pub(crate) mod treasury;
mod word;

use crate::bounds::{KEY_BYTES_MOST, NAME_BYTES_MOST};
use crate::store::things::ThingState;
use crate::store::{self, Connection};
use crate::writer::Failure;
use protocol::{AssuranceClass, Code, Currency, KeyEpoch, Status};

/// What is told about a wallet request once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// A whole wallet message for the caller: a statement or a grant.
    pub message: Vec<u8>,
    /// Whose inbox grew.
    pub told: Vec<Code>,
    /// The fraud case this request opened.
    pub fraud: Option<FraudId>,
}

/// Number of a fraud case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FraudId(pub i64);

/// Text that people read: bounded, and nothing that does not print.
pub(crate) fn printable(text: &str) -> Result<(), Status> {
    if text.len() > NAME_BYTES_MOST || text.chars().any(char::is_control) {
        return Err(Status::Malformed);
    }
    Ok(())
}

/// An idempotency key: short, not empty.
pub(crate) fn key(text: &str) -> Result<(), Status> {
    if text.is_empty() || text.len() > KEY_BYTES_MOST || text.chars().any(char::is_control) {
        return Err(Status::Malformed);
    }
    Ok(())
}

/// The holder of a purse.
async fn holder(
    connection: &mut Connection,
    code: &Code,
) -> Result<(ThingState, KeyEpoch, AssuranceClass), Failure> {
    Ok(store::things::holder(connection, code)
        .await?
        .ok_or(Status::UnknownCode)?)
}

/// Refuses a currency that nobody declared.
async fn declared(
    connection: &mut Connection,
    currency: &Currency,
    otherwise: Status,
) -> Result<(), Failure> {
    if store::currencies::currencies(connection, Some(currency))
        .await?
        .is_empty()
    {
        return Err(otherwise.into());
    }
    Ok(())
}
