//! What things said lately, and what people told them, in a file of its own: telemetry, desired
//! twins, commands with their results, and who asks for a code. No money and no code depends on it.
//!
//! Everything here is bounded, and what is over a bound gives way to what is newer. Time is an
//! argument.

mod askers;
mod commands;
mod readings;
#[cfg(test)]
mod tests;

pub use askers::{
    ASKER_LIFE_S, ASKERS_MAX, ASKERS_PER_ADDRESS, Asker, AskerRow, DECIDED_MAX, Standing, Verdict,
};
pub use commands::{COMMAND_BYTES_MAX, COMMANDS_PER_CODE, CommandRow, DESIRED_MAX, Desired};
pub use readings::{
    Measured, NewReading, READINGS_LIFE_S, READINGS_MAX, READINGS_PER_CODE, ReadingRow,
    SERIES_PER_CODE, Series, Span, WORDS_BYTES_MAX,
};

use crate::error::{Damage, Error};
use crate::store::beside;
use crate::store::row::Row;
use sqlx::sqlite::SqlitePool;
use std::path::Path;

/// The diary. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Diary {
    pool: SqlitePool,
}

impl Diary {
    /// Opens the file and creates or migrates it where needed.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let texts = [("diary", include_str!("diary.sql"))];
        let pool = beside::open(path, texts).await?;
        Ok(Self { pool })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A damaged row of a table here.
fn row(table: &'static str) -> Row<'static> {
    Row { table, key: &"" }
}

/// Milliseconds since 1970.
fn time_ms(row: &Row<'_>, column: i64) -> Result<u64, Damage> {
    row.count(column)
}
