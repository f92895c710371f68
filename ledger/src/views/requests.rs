//! Requests for money that takes two persons.

use super::{Listing, Page};
use crate::bounds::REQUESTS_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::requests::{MoneyRequest, RequestColumns, request_from, select_request};
use protocol::Timestamp;

pub(super) const REQUESTS: &str =
    select_request!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

/// All requests live equally long: the first to lapse is the oldest.
pub(super) const WAITING: &str =
    select_request!("WHERE verdict IS NULL AND expires > $1 ORDER BY expires, number LIMIT $2");

impl Ledger {
    /// What waits for a second person, the oldest first.
    pub async fn waiting_requests(&self, now: Timestamp) -> Result<Vec<MoneyRequest>, Error> {
        let rows: Vec<RequestColumns> = sqlx::query_as(WAITING)
            .bind(i64::from(now.0))
            .bind(i64::try_from(REQUESTS_MOST).unwrap_or(i64::MAX))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.into_iter().map(request_from).collect()
    }

    /// Requests, the newest first.
    pub async fn money_requests(&self, page: &Page) -> Result<Listing<MoneyRequest>, Error> {
        let rows: Vec<RequestColumns> = sqlx::query_as(REQUESTS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, request_from)
    }
}
