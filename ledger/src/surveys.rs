//! What callers ask about where exactly places are.

use crate::commands::survey::RecordPlace;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::surveys::{self, RecordedPlace};
use protocol::{GridCode, Status, Timestamp};

impl Ledger {
    /// Stands for an owner's survey of its place, if the place is registered here for that owner.
    /// `owner_pass` is the owner's pass, followed by that of the station that gave it. The same
    /// survey again changes nothing.
    pub async fn record_place(
        &self,
        survey: Vec<u8>,
        owner_pass: Vec<u8>,
        now: Timestamp,
    ) -> Result<RecordedPlace, Status> {
        self.submit(RecordPlace {
            survey,
            owner_pass,
            now,
        })
        .await
    }

    /// The newest record of where exactly a place is.
    pub async fn place_record(&self, place: &GridCode) -> Result<Option<RecordedPlace>, Error> {
        surveys::newest(&mut *self.reader().await?, place).await
    }
}
