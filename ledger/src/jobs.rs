//! What callers ask of batches.

use crate::commands::jobs::{BeginJob, EndLines, SetJob};
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::jobs::{self, JobLine, JobRow, JobState, NewJob};
use protocol::{Code, Status, Timestamp};

impl Ledger {
    /// Keeps a batch; the same file again is the same batch. [`Status::Full`] while
    /// [`JOBS_MOST`](crate::bounds::JOBS_MOST) are not done.
    pub async fn begin_job(&self, job: NewJob, now: Timestamp) -> Result<JobRow, Status> {
        self.submit(BeginJob { job, now }).await
    }

    /// What came of some of its lines. A line keeps its first outcome.
    pub async fn end_job_lines(
        &self,
        number: u64,
        outcomes: Vec<(u32, Result<Code, String>)>,
    ) -> Result<JobRow, Status> {
        self.submit(EndLines { number, outcomes }).await
    }

    /// Stops a batch or lets it go on; one that is done stays so. None where there is no such batch.
    pub async fn stop_job(&self, number: u64, stop: bool) -> Result<Option<JobRow>, Status> {
        let state = match stop {
            true => JobState::Stopped,
            false => JobState::Running,
        };
        self.submit(SetJob { number, state }).await
    }

    /// The oldest batch that is running.
    pub async fn running_job(&self) -> Result<Option<JobRow>, Error> {
        jobs::running(&mut *self.reader().await?).await
    }

    /// One batch.
    pub async fn job(&self, number: u64) -> Result<Option<JobRow>, Error> {
        jobs::by_number(&mut *self.reader().await?, number).await
    }

    /// Its first lines without an outcome.
    pub async fn open_job_lines(&self, number: u64, most: u32) -> Result<Vec<JobLine>, Error> {
        jobs::open_lines(&mut *self.reader().await?, number, most).await
    }

    /// Its lines after one.
    pub async fn job_lines(
        &self,
        number: u64,
        after: u32,
        most: u32,
    ) -> Result<Vec<JobLine>, Error> {
        jobs::lines(&mut *self.reader().await?, number, after, most).await
    }
}
