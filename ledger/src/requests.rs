//! What callers ask about money that takes two persons.

use crate::commands::requests::{Ask, DecideRequest, LimitAlone, Undecided};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::requests::{self, AloneLimit, MoneyRequest, MoneyWish, RequestDecision};
use protocol::{AmountMinor, Currency, Status, Timestamp};

impl Ledger {
    /// Says how much of a currency one person moves alone in one order; `None`: however much.
    pub async fn limit_alone(
        &self,
        currency: Currency,
        most: Option<AmountMinor>,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Status> {
        self.submit(LimitAlone {
            currency,
            most,
            by: by.to_owned(),
            now,
        })
        .await
    }

    /// The currencies of which one person does not move everything alone.
    pub async fn limits_alone(&self) -> Result<Vec<AloneLimit>, Error> {
        requests::limits(&mut *self.reader().await?, None).await
    }

    /// Keeps a load or redemption until a second person decides it, for
    /// [`REQUEST_LIFE_S`](crate::bounds::REQUEST_LIFE_S). [`Status::Full`] while
    /// [`REQUESTS_MOST`](crate::bounds::REQUESTS_MOST) wait.
    pub async fn ask_for_money(
        &self,
        wish: MoneyWish,
        now: Timestamp,
    ) -> Result<MoneyRequest, Status> {
        self.submit(Ask { wish, now }).await
    }

    /// A second person decides. Confirmed, the money moves in the same step; what the books refuse
    /// then goes on waiting.
    pub async fn decide_request(
        &self,
        number: u64,
        decision: RequestDecision,
    ) -> Result<Result<MoneyRequest, Undecided>, Status> {
        self.submit(DecideRequest { number, decision }).await
    }

    /// One request.
    pub async fn money_request(&self, number: u64) -> Result<Option<MoneyRequest>, Error> {
        requests::by_number(&mut *self.reader().await?, number).await
    }

    /// How many requests wait for a second person.
    pub async fn requests_waiting(&self, now: Timestamp) -> Result<u64, Error> {
        requests::waiting(&mut *self.reader().await?, now).await
    }
}
