//! What callers ask about owners, and tell about authorities.

use crate::commands::authorities::LogAuthorities;
use crate::commands::transfer::HandOver;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::transfers::HandedOver;
use crate::store::{lives, transfers};
use protocol::chain::Act;
use protocol::{Code, Status, Timestamp};

/// Whose a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Its owner, if one was named.
    pub owner: Option<Code>,
    /// How often an owner was named; the next transfer carries one more.
    pub owners: u32,
}

impl Ledger {
    /// A thing goes from its owner to the one who takes it, by a transfer and an acceptance that
    /// the two signed. The same transfer again changes nothing.
    pub async fn hand_over(
        &self,
        transfer: Vec<u8>,
        acceptance: Vec<u8>,
        now: Timestamp,
    ) -> Result<HandedOver, Status> {
        self.submit(HandOver {
            transfer,
            acceptance,
            now,
        })
        .await
    }

    /// Writes into the code chain what happened to authorities, each act once. Returns how many
    /// were new.
    pub async fn log_authorities(&self, acts: Vec<Act>) -> Result<u32, Status> {
        self.submit(LogAuthorities { acts }).await
    }

    /// Whose a thing is, and how often that was said.
    pub async fn ownership(&self, code: &Code) -> Result<Ownership, Error> {
        let mut reader = self.reader().await?;
        Ok(Ownership {
            owner: lives::owner_of(&mut reader, code).await?,
            owners: transfers::owners(&mut reader, code).await?,
        })
    }
}
