//! Telemetry: the newest values of every thing, and its history within bounds.

use super::{Diary, row, time_ms};
use crate::crash::{CrashPoint, here};
use crate::error::Error;
use protocol::{Code, Timestamp};
use sqlx::{Sqlite, Transaction};
use std::collections::BTreeSet;

/// Readings of one thing; the oldest give way.
pub const READINGS_PER_CODE: u32 = 20_000;
/// Readings of all things; the oldest give way.
pub const READINGS_MAX: u32 = 2_000_000;
/// No reading stays longer.
pub const READINGS_LIFE_S: u32 = 30 * 86_400;
/// Names of values that one thing may use; values of others are not kept.
pub const SERIES_PER_CODE: u32 = 64;
/// Bytes of a value that is no number.
pub const WORDS_BYTES_MAX: usize = 256;
/// Old readings that are taken out at once.
const TIDY_STEP: i64 = 2_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// A number; finite.
    Number(f64),
    /// Anything else, as text of at most [`WORDS_BYTES_MAX`].
    Words(String),
}

/// A value that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReading {
    /// Whose.
    pub code: Code,
    /// What it is the value of.
    pub name: String,
    /// When, as the thing says: milliseconds since 1970.
    pub at_ms: u64,
    /// The value.
    pub value: Measured,
    /// Its unit; empty where none was named.
    pub unit: String,
}

/// The newest value of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is the value of.
    pub name: String,
    /// Its unit; empty where none was named.
    pub unit: String,
    /// When: milliseconds since 1970.
    pub at_ms: u64,
    /// The value.
    pub value: Measured,
}

/// A value of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingRow {
    /// Counts up as they come in.
    pub number: i64,
    /// The value.
    pub series: Series,
}

/// The numbers within a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// How many steps after the first.
    pub step: u32,
    /// The smallest.
    pub least: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub most: f64,
}

type Columns = (i64, String, String, i64, Option<f64>, Option<String>);

fn read((number, name, unit, at_ms, value, words): Columns) -> Result<ReadingRow, Error> {
    let value = match value {
        Some(number) => Measured::Number(number),
        None => Measured::Words(words.unwrap_or_default()),
    };
    Ok(ReadingRow {
        number,
        series: Series {
            name,
            unit,
            at_ms: time_ms(&row("reading"), at_ms)?,
            value,
        },
    })
}

impl Diary {
    /// When something that a thing measured last came in, as far as any of it is kept.
    pub async fn last_heard(&self, code: &Code) -> Result<Option<Timestamp>, Error> {
        let last: Option<(i64,)> = sqlx::query_as(
            "SELECT heard FROM reading WHERE code = $1 ORDER BY number DESC LIMIT 1",
        )
        .bind(code.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let row = row("reading");
        Ok(last.map(|(at,)| row.time(at)).transpose()?)
    }

    /// Keeps values that came in, all or none; gives how many were kept. A thing with as many names
    /// as it may have gets no new ones. A crash before the commit loses what came in within it, all of
    /// it: telemetry is no promise.
    pub async fn add_readings(
        &self,
        readings: &[NewReading],
        now: Timestamp,
    ) -> Result<usize, Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut codes = BTreeSet::new();
        let mut kept = 0;
        for reading in readings {
            if !newest(&mut tx, reading).await? {
                continue;
            }
            let (number, words) = columns(&reading.value);
            sqlx::query(
                "INSERT INTO reading (code, name, at_ms, heard, value, words, unit)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(reading.code.as_bytes().as_slice())
            .bind(reading.name.as_str())
            .bind(i64::try_from(reading.at_ms).unwrap_or(i64::MAX))
            .bind(now.0)
            .bind(number)
            .bind(words)
            .bind(reading.unit.as_str())
            .execute(&mut *tx)
            .await?;
            codes.insert(reading.code);
            kept += 1;
        }
        here(CrashPoint::ReadingsWritten);
        for code in codes {
            trim(&mut tx, &code).await?;
        }
        // Numbers count up without a gap at the end: whatever is so far behind is one too many.
        sqlx::query("DELETE FROM reading WHERE number <= (SELECT max(number) FROM reading) - $1")
            .bind(READINGS_MAX)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Takes out what is too old, a part at a time; gives whether there may be more.
    pub async fn tidy_readings(&self, now: Timestamp) -> Result<bool, Error> {
        let gone = sqlx::query(
            "DELETE FROM reading WHERE number IN (SELECT number FROM (SELECT number, heard
               FROM reading ORDER BY number LIMIT $1) WHERE heard < $2)",
        )
        .bind(TIDY_STEP)
        .bind(now.minus_s(READINGS_LIFE_S).0)
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(gone == TIDY_STEP.unsigned_abs())
    }

    /// Every name that a thing has used, with its newest value.
    pub async fn series(&self, code: &Code) -> Result<Vec<Series>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT 0, name, unit, at_ms, value, words FROM series WHERE code = $1 ORDER BY name
             LIMIT $2",
        )
        .bind(code.as_bytes().as_slice())
        .bind(SERIES_PER_CODE)
        .fetch_all(&self.pool)
        .await?;
        let series = |columns| read(columns).map(|row| row.series);
        rows.into_iter().map(series).collect()
    }

    /// How many readings of a thing there are.
    pub async fn readings_kept(&self, code: &Code) -> Result<u64, Error> {
        let kept: Option<(i64,)> = sqlx::query_as("SELECT readings FROM kept WHERE code = $1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row("kept").count(kept.map_or(0, |(kept,)| kept))?)
    }

    /// The numbers of one name from `from_ms` on, in steps; steps without any are left out.
    pub async fn spans(
        &self,
        code: &Code,
        name: &str,
        from_ms: u64,
        step_ms: u64,
        steps: u32,
    ) -> Result<Vec<Span>, Error> {
        let from = i64::try_from(from_ms).unwrap_or(i64::MAX);
        let step = i64::try_from(step_ms.max(1)).unwrap_or(i64::MAX);
        let rows: Vec<(i64, f64, f64, f64)> = sqlx::query_as(
            "SELECT (at_ms - $3) / $4 AS step, min(value), avg(value), max(value) FROM reading
             WHERE code = $1 AND name = $2 AND at_ms >= $3 AND at_ms < $5 AND value IS NOT NULL
             GROUP BY step ORDER BY step",
        )
        .bind(code.as_bytes().as_slice())
        .bind(name)
        .bind(from)
        .bind(step)
        .bind(from.saturating_add(step.saturating_mul(steps.into())))
        .fetch_all(&self.pool)
        .await?;
        let span = |(step, least, mean, most)| {
            let step = row("reading").units(step)?;
            Ok(Span {
                step,
                least,
                mean,
                most,
            })
        };
        rows.into_iter().map(span).collect()
    }

    /// The newest readings of a thing with numbers below `before`, of one name or of all.
    pub async fn readings(
        &self,
        code: &Code,
        name: Option<&str>,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<ReadingRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, name, unit, at_ms, value, words FROM reading
             WHERE code = $1 AND number < $2 AND ($3 IS NULL OR name = $3)
             ORDER BY number DESC LIMIT $4",
        )
        .bind(code.as_bytes().as_slice())
        .bind(before.unwrap_or(i64::MAX))
        .bind(name)
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(read).collect()
    }
}

fn columns(value: &Measured) -> (Option<f64>, Option<&str>) {
    match value {
        Measured::Number(number) => (Some(*number), None),
        Measured::Words(words) => (None, Some(words)),
    }
}

/// Keeps the newest value of a name; false when the thing may not use another name.
async fn newest(
    tx: &mut Transaction<'_, Sqlite>,
    reading: &NewReading,
) -> Result<bool, sqlx::Error> {
    let (number, words) = columns(&reading.value);
    let kept = sqlx::query(
        "INSERT INTO series (code, name, unit, at_ms, value, words)
         SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM series WHERE code = $1) < $7
           OR EXISTS (SELECT 1 FROM series WHERE code = $1 AND name = $2)
         ON CONFLICT (code, name) DO UPDATE SET unit = excluded.unit,
           at_ms = max(at_ms, excluded.at_ms),
           value = CASE WHEN excluded.at_ms >= at_ms THEN excluded.value ELSE value END,
           words = CASE WHEN excluded.at_ms >= at_ms THEN excluded.words ELSE words END",
    )
    .bind(reading.code.as_bytes().as_slice())
    .bind(reading.name.as_str())
    .bind(reading.unit.as_str())
    .bind(i64::try_from(reading.at_ms).unwrap_or(i64::MAX))
    .bind(number)
    .bind(words)
    .bind(SERIES_PER_CODE)
    .execute(&mut **tx)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// The oldest of a thing give way.
async fn trim(tx: &mut Transaction<'_, Sqlite>, code: &Code) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM reading WHERE number IN (SELECT number FROM reading WHERE code = $1
           ORDER BY number LIMIT max(0, (SELECT readings FROM kept WHERE code = $1) - $2))",
    )
    .bind(code.as_bytes().as_slice())
    .bind(READINGS_PER_CODE)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
