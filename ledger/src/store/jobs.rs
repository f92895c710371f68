//! Batches of requests that are worked off one by one.

use super::row::Row;
use super::{Connection, Result};
use protocol::{Code, Digest, Kind, Timestamp};

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLine {
    /// From 1 on.
    pub line: u32,
    /// What it names.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// What sort of product it is.
    pub product: String,
    /// PKCS#10, DER.
    pub request: Vec<u8>,
    /// What came of it: a code, or why there is none.
    pub outcome: Option<std::result::Result<Code, String>>,
}

/// A batch that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// SHA-256 of what it was read from: the same again is the same batch.
    pub key: Digest,
    /// What people call it.
    pub title: String,
    /// Who wants it.
    pub by: String,
    /// Its requests.
    pub lines: Vec<JobLine>,
}

/// How a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is worked off.
    Running,
    /// Somebody stopped it; it can go on.
    Stopped,
    /// Every line has an outcome.
    Done,
}

impl JobState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Running, Self::Stopped, Self::Done];

    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    const fn column(self) -> i64 {
        match self {
            Self::Running => 0,
            Self::Stopped => 1,
            Self::Done => 2,
        }
    }
}

/// A batch as lists have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Its number.
    pub number: u64,
    /// What people call it.
    pub title: String,
    /// Who wanted it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// How many requests.
    pub lines: u32,
    /// How many have a code.
    pub issued: u32,
    /// How many have a problem.
    pub failed: u32,
    /// How it stands.
    pub state: JobState,
}

pub(crate) type JobColumns = (i64, String, String, i64, i64, i64, i64, i64);

macro_rules! select_job {
    ($rest:literal) => {
        concat!(
            "SELECT number, title, made_by, at, lines, issued, failed, state FROM batch ",
            $rest
        )
    };
}
pub(crate) use select_job;

pub(crate) fn job_from(columns: JobColumns) -> Result<JobRow> {
    let (number, title, by, at, lines, issued, failed, state) = columns;
    let row = Row {
        table: "batch",
        key: &number,
    };
    let state = JobState::ALL
        .into_iter()
        .find(|known| known.column() == state);
    Ok(JobRow {
        number: row.count(number)?,
        title,
        by,
        at: row.time(at)?,
        lines: row.units(lines)?,
        issued: row.units(issued)?,
        failed: row.units(failed)?,
        state: state.ok_or_else(|| row.damaged("no state"))?,
    })
}

pub(crate) type LineColumns = (
    i64,
    i64,
    String,
    String,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<String>,
);

macro_rules! select_line {
    ($rest:literal) => {
        concat!(
            "SELECT line, kind, name, product, request, code, problem FROM batch_line ",
            $rest
        )
    };
}

pub(crate) fn line_from(columns: LineColumns) -> Result<JobLine> {
    let (line, kind, name, product, request, code, problem) = columns;
    let row = Row {
        table: "batch_line",
        key: &line,
    };
    let code = code.map(|code| row.code(&code)).transpose()?;
    Ok(JobLine {
        line: row.units(line)?,
        kind: row.kind(kind)?,
        name,
        product,
        request,
        outcome: match (code, problem) {
            (Some(code), _) => Some(Ok(code)),
            (None, Some(problem)) => Some(Err(problem)),
            (None, None) => None,
        },
    })
}

/// The batch with this key.
pub(crate) async fn by_key(connection: &mut Connection, key: &Digest) -> Result<Option<JobRow>> {
    let columns: Option<JobColumns> = sqlx::query_as(select_job!("WHERE key = $1"))
        .bind(key.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    columns.map(job_from).transpose()
}

/// The batch with this number.
pub(crate) async fn by_number(connection: &mut Connection, number: u64) -> Result<Option<JobRow>> {
    let columns: Option<JobColumns> = sqlx::query_as(select_job!("WHERE number = $1"))
        .bind(column(number))
        .fetch_optional(connection)
        .await?;
    columns.map(job_from).transpose()
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}

/// How many batches are not done.
pub(crate) async fn unfinished(connection: &mut Connection) -> Result<u64> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM batch WHERE state <> 2")
        .fetch_one(connection)
        .await?;
    Ok(count.unsigned_abs())
}

/// Keeps a batch.
pub(crate) async fn insert(
    connection: &mut Connection,
    job: &NewJob,
    now: Timestamp,
) -> Result<u64> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO batch (key, title, made_by, at, lines, state)
         VALUES ($1, $2, $3, $4, $5, 0) RETURNING number",
    )
    .bind(job.key.as_bytes().as_slice())
    .bind(job.title.as_str())
    .bind(job.by.as_str())
    .bind(i64::from(now.0))
    .bind(job.lines.len() as i64)
    .fetch_one(&mut *connection)
    .await?;
    for line in &job.lines {
        sqlx::query(
            "INSERT INTO batch_line (batch, line, kind, name, product, request)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(number)
        .bind(i64::from(line.line))
        .bind(line.kind as i64)
        .bind(line.name.as_str())
        .bind(line.product.as_str())
        .bind(line.request.as_slice())
        .execute(&mut *connection)
        .await?;
        sqlx::query("INSERT INTO batch_open (batch, line) VALUES ($1, $2)")
            .bind(number)
            .bind(i64::from(line.line))
            .execute(&mut *connection)
            .await?;
    }
    Ok(number.unsigned_abs())
}

/// Keeps what came of one line, unless it has an outcome; whether it had none.
pub(crate) async fn end_line(
    connection: &mut Connection,
    number: u64,
    line: u32,
    outcome: &std::result::Result<Code, String>,
) -> Result<bool> {
    let open = sqlx::query("DELETE FROM batch_open WHERE batch = $1 AND line = $2")
        .bind(column(number))
        .bind(i64::from(line))
        .execute(&mut *connection)
        .await?;
    if open.rows_affected() == 0 {
        return Ok(false);
    }
    let code = outcome.as_ref().ok().map(|code| code.as_bytes().as_slice());
    sqlx::query("UPDATE batch_line SET code = $3, problem = $4 WHERE batch = $1 AND line = $2")
        .bind(column(number))
        .bind(i64::from(line))
        .bind(code)
        .bind(outcome.as_ref().err().map(String::as_str))
        .execute(connection)
        .await?;
    Ok(true)
}

/// Counts lines that ended, and ends the batch with the last of them.
pub(crate) async fn count(
    connection: &mut Connection,
    number: u64,
    issued: u32,
    failed: u32,
) -> Result<()> {
    sqlx::query(
        "UPDATE batch SET issued = issued + $2, failed = failed + $3,
           state = CASE WHEN issued + failed + $2 + $3 = lines THEN 2 ELSE state END
         WHERE number = $1",
    )
    .bind(column(number))
    .bind(i64::from(issued))
    .bind(i64::from(failed))
    .execute(connection)
    .await?;
    Ok(())
}

/// Stops a batch, or lets it go on.
pub(crate) async fn set_state(
    connection: &mut Connection,
    number: u64,
    state: JobState,
) -> Result<()> {
    sqlx::query("UPDATE batch SET state = $2 WHERE number = $1 AND state <> 2")
        .bind(column(number))
        .bind(state.column())
        .execute(connection)
        .await?;
    Ok(())
}

/// The oldest batch that is running.
pub(crate) async fn running(connection: &mut Connection) -> Result<Option<JobRow>> {
    let columns: Option<JobColumns> =
        sqlx::query_as(select_job!("WHERE state = 0 ORDER BY number LIMIT 1"))
            .fetch_optional(connection)
            .await?;
    columns.map(job_from).transpose()
}

/// The first lines without an outcome.
pub(crate) async fn open_lines(
    connection: &mut Connection,
    number: u64,
    most: u32,
) -> Result<Vec<JobLine>> {
    let rows: Vec<LineColumns> = sqlx::query_as(select_line!(
        "JOIN batch_open USING (batch, line) WHERE batch_open.batch = $1
         ORDER BY batch_open.line LIMIT $2"
    ))
    .bind(column(number))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(line_from).collect()
}

/// Lines after one.
pub(crate) async fn lines(
    connection: &mut Connection,
    number: u64,
    after: u32,
    most: u32,
) -> Result<Vec<JobLine>> {
    let rows: Vec<LineColumns> = sqlx::query_as(select_line!(
        "WHERE batch = $1 AND line > $2 ORDER BY line LIMIT $3"
    ))
    .bind(column(number))
    .bind(i64::from(after))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(line_from).collect()
}
