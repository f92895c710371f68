//! What people told things: what they shall become, and commands with their results.

use super::{Diary, row};
use crate::crash::{CrashPoint, here};
use crate::error::Error;
use protocol::{Code, Timestamp};

/// Commands of one thing that are remembered.
pub const COMMANDS_PER_CODE: u32 = 100;
/// Bytes of a command, and of a result that is kept.
pub const COMMAND_BYTES_MAX: usize = 4096;
/// Things that may have a desired twin.
pub const DESIRED_MAX: u32 = 100_000;

/// What a thing shall become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Which thing.
    pub code: Code,
    /// In its own words.
    pub payload: Vec<u8>,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its number, which is its id on the wire.
    pub number: i64,
    /// In the thing's own words.
    pub payload: String,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it went out; none while it has not.
    pub sent: Option<Timestamp>,
    /// When the thing answered, and what.
    pub result: Option<(Timestamp, String)>,
}

type Columns = (
    i64,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

fn command(
    (number, payload, by, at, sent, answered, result): Columns,
) -> Result<CommandRow, Error> {
    let row = row("command");
    let answered = answered.map(|at| row.time(at)).transpose()?;
    Ok(CommandRow {
        number,
        payload,
        by,
        at: row.time(at)?,
        sent: sent.map(|at| row.time(at)).transpose()?,
        result: answered.zip(result),
    })
}

impl Diary {
    /// Keeps what a thing shall become, in place of what stood there; an empty payload takes it
    /// away. False when there is no room for another thing. A crash after this: the tree reads it
    /// from here when it begins.
    pub async fn set_desired(&self, desired: &Desired) -> Result<bool, Error> {
        let code = desired.code.as_bytes().as_slice();
        if desired.payload.is_empty() {
            sqlx::query("DELETE FROM desired WHERE code = $1")
                .bind(code)
                .execute(&self.pool)
                .await?;
            here(CrashPoint::DesiredKept);
            return Ok(true);
        }
        let kept = sqlx::query(
            "INSERT INTO desired (code, payload, made_by, at) SELECT $1, $2, $3, $4
             WHERE (SELECT count(*) FROM desired) < $5
               OR EXISTS (SELECT 1 FROM desired WHERE code = $1)
             ON CONFLICT (code) DO UPDATE SET payload = excluded.payload,
               made_by = excluded.made_by, at = excluded.at",
        )
        .bind(code)
        .bind(desired.payload.as_slice())
        .bind(desired.by.as_str())
        .bind(desired.at.0)
        .bind(DESIRED_MAX)
        .execute(&self.pool)
        .await?;
        here(CrashPoint::DesiredKept);
        Ok(kept.rows_affected() > 0)
    }

    /// What a thing shall become.
    pub async fn desired(&self, code: &Code) -> Result<Option<Desired>, Error> {
        let found: Option<(Vec<u8>, String, i64)> =
            sqlx::query_as("SELECT payload, made_by, at FROM desired WHERE code = $1")
                .bind(code.as_bytes().as_slice())
                .fetch_optional(&self.pool)
                .await?;
        let desired = |(payload, by, at)| {
            Ok(Desired {
                code: *code,
                payload,
                by,
                at: row("desired").time(at)?,
            })
        };
        found.map(desired).transpose()
    }

    /// What all things shall become, for a tree that begins.
    pub async fn all_desired(&self) -> Result<Vec<(Code, Vec<u8>)>, Error> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            sqlx::query_as("SELECT code, payload FROM desired LIMIT $1")
                .bind(DESIRED_MAX)
                .fetch_all(&self.pool)
                .await?;
        let row = row("desired");
        let desired = |(code, payload): (Vec<u8>, _)| Ok((row.code(&code)?, payload));
        rows.into_iter().map(desired).collect()
    }

    /// Keeps a command before it goes out; gives its number. The oldest of the thing give way. A
    /// crash after this leaves a command of which it is known that it may not have gone out.
    pub async fn begin_command(
        &self,
        code: &Code,
        payload: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<i64, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let (number,): (i64,) = sqlx::query_as(
            "INSERT INTO command (code, payload, made_by, at) VALUES ($1, $2, $3, $4)
             RETURNING number",
        )
        .bind(code.as_bytes().as_slice())
        .bind(payload)
        .bind(by)
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        here(CrashPoint::CommandNumbered);
        sqlx::query(
            "DELETE FROM command WHERE number IN (SELECT number FROM command WHERE code = $1
               ORDER BY number DESC LIMIT -1 OFFSET $2)",
        )
        .bind(code.as_bytes().as_slice())
        .bind(COMMANDS_PER_CODE)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        here(CrashPoint::CommandKept);
        Ok(number)
    }

    /// The command has gone out. A crash after this: it is known that it went out, and a thing that
    /// polls for what it has not answered gets it once more, under its number.
    pub async fn command_sent(&self, number: i64, now: Timestamp) -> Result<(), Error> {
        sqlx::query("UPDATE command SET sent = $1 WHERE number = $2")
            .bind(now.0)
            .bind(number)
            .execute(&self.pool)
            .await?;
        here(CrashPoint::CommandMarked);
        Ok(())
    }

    /// What the thing answered, the first time; false when nothing was asked under that number. A
    /// crash after this: the thing was not told that it was heard, answers again, and that changes
    /// nothing.
    pub async fn command_answered(
        &self,
        code: &Code,
        number: i64,
        result: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let answered = sqlx::query(
            "UPDATE command SET answered = $1, result = $2
             WHERE number = $3 AND code = $4 AND answered IS NULL",
        )
        .bind(now.0)
        .bind(result)
        .bind(number)
        .bind(code.as_bytes().as_slice())
        .execute(&self.pool)
        .await?;
        here(CrashPoint::CommandAnswered);
        Ok(answered.rows_affected() > 0)
    }

    /// Commands of a thing, the newest first.
    pub async fn commands(&self, code: &Code, most: u32) -> Result<Vec<CommandRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, payload, made_by, at, sent, answered, result FROM command
             WHERE code = $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(code.as_bytes().as_slice())
        .bind(most.min(COMMANDS_PER_CODE))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(command).collect()
    }
}
