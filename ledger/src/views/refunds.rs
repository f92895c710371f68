//! What payers asked back.

use super::{Listing, Page};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::refunds::{self, RefundColumns, RefundRow, refund_from, select_refund};
use protocol::Digest;

pub(super) const REFUNDS: &str = select_refund!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

impl Ledger {
    /// The request about a payment.
    pub async fn refund_of(&self, payment: &Digest) -> Result<Option<RefundRow>, Error> {
        refunds::of_payment(&mut *self.reader().await?, payment).await
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
