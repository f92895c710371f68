//! Batches of requests.

use super::{Listing, Page};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::jobs::{JobColumns, JobRow, job_from, select_job};

pub(super) const JOBS: &str = select_job!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

impl Ledger {
    /// Batches, the newest first.
    pub async fn jobs(&self, page: &Page) -> Result<Listing<JobRow>, Error> {
        let rows: Vec<JobColumns> = sqlx::query_as(JOBS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, job_from)
    }
}
