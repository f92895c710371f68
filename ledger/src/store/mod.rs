//! The only place with SQL. Texts use `$n` placeholders, which SQLite and PostgreSQL both read.
//!
//! Functions take the connection they work on: the writer's inside its transaction, or a reader's.

pub(crate) mod accusations;
pub(crate) mod aliases;
pub(crate) mod allowances;
pub(crate) mod areas;
pub(crate) mod beside;
pub(crate) mod chain;
pub(crate) mod coverage;
pub(crate) mod covers;
pub(crate) mod currencies;
pub(crate) mod decisions;
pub(crate) mod handovers;
pub(crate) mod house;
pub(crate) mod inbox;
pub(crate) mod issuing;
pub(crate) mod jobs;
pub(crate) mod journal;
pub(crate) mod life;
pub(crate) mod lives;
#[cfg(test)]
mod migrated;
pub(crate) mod notes;
pub(crate) mod payments;
pub(crate) mod places;
pub(crate) mod promises;
pub(crate) mod refunds;
pub(crate) mod renewals;
pub(crate) mod requests;
pub(crate) mod row;
pub(crate) mod stations;
pub(crate) mod surveys;
pub(crate) mod things;
pub(crate) mod transfers;
pub(crate) mod treasury;
pub(crate) mod verify;

use crate::bounds::READERS;
use crate::error::OpenError;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlStr, SqliteConnection, SqlitePool};
use std::path::Path;
use std::time::Duration;

pub(crate) type Connection = SqliteConnection;
pub(crate) type Pool = SqlitePool;
pub(crate) type Result<T> = std::result::Result<T, crate::error::Error>;

/// How long to wait for another process that holds the file, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection; more than there are texts.
const STATEMENTS: usize = 400;

/// Opens the file, creates and migrates it, and gives the one writing connection and the readers.
pub(crate) async fn open(path: &Path) -> std::result::Result<(Connection, Pool), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS);
    // FULL: a commit is on the disk before it returns; what was answered survives a power cut.
    let mut writer = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    Migrator::with_migrations(migrations())
        .run(&mut writer)
        .await
        .map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options.read_only(true))
        .await?;
    Ok((writer, readers))
}

/// Every form the file ever had, each as the step from the one before.
fn migrations() -> Vec<Migration> {
    let steps = [
        (
            "books",
            include_str!("../../migrations/sqlite/0001_books.sql"),
        ),
        (
            "streams",
            include_str!("../../migrations/sqlite/0002_streams.sql"),
        ),
        (
            "trace",
            include_str!("../../migrations/sqlite/0003_trace.sql"),
        ),
        (
            "covers",
            include_str!("../../migrations/sqlite/0004_covers.sql"),
        ),
        (
            "federation",
            include_str!("../../migrations/sqlite/0005_federation.sql"),
        ),
        (
            "life",
            include_str!("../../migrations/sqlite/0006_life.sql"),
        ),
        (
            "losses",
            include_str!("../../migrations/sqlite/0007_losses.sql"),
        ),
        (
            "chain",
            include_str!("../../migrations/sqlite/0009_chain.sql"),
        ),
        (
            "stations",
            include_str!("../../migrations/sqlite/0010_stations.sql"),
        ),
        (
            "aliases",
            include_str!("../../migrations/sqlite/0011_aliases.sql"),
        ),
        (
            "requests",
            include_str!("../../migrations/sqlite/0012_requests.sql"),
        ),
        (
            "batches",
            include_str!("../../migrations/sqlite/0013_batches.sql"),
        ),
        (
            "refunds",
            include_str!("../../migrations/sqlite/0014_refunds.sql"),
        ),
        (
            "handovers",
            include_str!("../../migrations/sqlite/0015_handovers.sql"),
        ),
        (
            "renewals",
            include_str!("../../migrations/sqlite/0016_renewals.sql"),
        ),
        (
            "references",
            include_str!("../../migrations/sqlite/0017_references.sql"),
        ),
    ];
    (1..)
        .zip(steps)
        .map(|(version, (name, sql))| {
            let sql = SqlStr::from_static(sql);
            Migration::new(version, name.into(), MigrationType::Simple, sql, false)
        })
        .collect()
}
