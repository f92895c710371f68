//! Batches of requests: kept whole, then worked off by whoever issues codes. Issuing itself is safe
//! to repeat, so a line that was issued and not marked gets the same code again.

use super::printable;
use crate::bounds::{JOB_LINES_MOST, JOBS_MOST, NAME_BYTES_MOST};
use crate::crash::{CrashPoint, here};
use crate::store::jobs::{self, JobRow, JobState, NewJob};
use crate::writer::{Command, Desk, Failure};
use protocol::{Code, Status, Timestamp};

pub(crate) struct BeginJob {
    pub job: NewJob,
    pub now: Timestamp,
}

impl Command for BeginJob {
    type Answer = JobRow;

    async fn execute(&self, desk: &mut Desk) -> Result<JobRow, Failure> {
        let job = &self.job;
        printable(&job.title)?;
        printable(&job.by)?;
        let connection = &mut desk.connection;
        if let Some(known) = jobs::by_key(connection, &job.key).await? {
            return Ok(known);
        }
        if job.lines.is_empty() || job.lines.len() > JOB_LINES_MOST {
            return Err(Status::Malformed.into());
        }
        for line in &job.lines {
            printable(&line.name)?;
            printable(&line.product)?;
        }
        if jobs::unfinished(connection).await? >= JOBS_MOST {
            return Err(Status::Full.into());
        }
        let number = jobs::insert(connection, job, self.now).await?;
        // A crash before the commit: no batch. After it: the same file is this batch, and it is
        // worked off from its first line.
        here(CrashPoint::JobKept);
        let kept = jobs::by_number(connection, number).await?;
        Ok(kept.ok_or(Status::Storage)?)
    }
}

pub(crate) struct EndLines {
    pub number: u64,
    pub outcomes: Vec<(u32, Result<Code, String>)>,
}

impl Command for EndLines {
    type Answer = JobRow;

    async fn execute(&self, desk: &mut Desk) -> Result<JobRow, Failure> {
        let connection = &mut desk.connection;
        let (mut issued, mut failed) = (0, 0);
        for (line, outcome) in &self.outcomes {
            let outcome = outcome.clone().map_err(shortened);
            if jobs::end_line(connection, self.number, *line, &outcome).await? {
                match outcome {
                    Ok(_) => issued += 1,
                    Err(_) => failed += 1,
                }
            }
        }
        // A crash here: the lines are open, and are issued again to the same codes.
        here(CrashPoint::JobLinesEnded);
        jobs::count(connection, self.number, issued, failed).await?;
        let row = jobs::by_number(connection, self.number).await?;
        Ok(row.ok_or(Status::Malformed)?)
    }
}

fn shortened(problem: String) -> String {
    let mut end = problem.len().min(NAME_BYTES_MOST);
    while !problem.is_char_boundary(end) {
        end -= 1;
    }
    problem.get(..end).unwrap_or_default().to_owned()
}

pub(crate) struct SetJob {
    pub number: u64,
    pub state: JobState,
}

impl Command for SetJob {
    type Answer = Option<JobRow>;

    async fn execute(&self, desk: &mut Desk) -> Result<Option<JobRow>, Failure> {
        let connection = &mut desk.connection;
        jobs::set_state(connection, self.number, self.state).await?;
        Ok(jobs::by_number(connection, self.number).await?)
    }
}
