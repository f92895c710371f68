//! What payers asked back.

use super::{Listing, Page};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::refunds::{self, RefundColumns, RefundRow, refund_from, select_refund};
use crate::store::row::Row;
use protocol::Digest;

pub(super) const REFUNDS_WAITING: &str = "SELECT count(*) FROM refund WHERE decided IS NULL";
pub(super) const REFUNDS: &str = select_refund!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

impl Ledger {
    /// The request about a payment.
    pub async fn refund_of(&self, payment: &Digest) -> Result<Option<RefundRow>, Error> {
        refunds::of_payment(&mut *self.reader().await?, payment).await
    }

    /// How many requests nobody has answered.
    pub async fn waiting_refunds(&self) -> Result<u64, Error> {
        let (count,): (i64,) = sqlx::query_as(REFUNDS_WAITING)
            .fetch_one(&mut *self.reader().await?)
            .await?;
        let row = Row {
            table: "refund",
            key: &"count",
        };
        Ok(row.count(count)?)
    }

    /// Requests for money back, the newest first.
    pub async fn refunds(&self, page: &Page) -> Result<Listing<RefundRow>, Error> {
        let rows: Vec<RefundColumns> = sqlx::query_as(REFUNDS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, refund_from)
    }
}
