//! What MQTT sessions are owed while their clients are away, and what topics retain: a file beside
//! the books. No money depends on it.
//!
//! One task writes: it takes what has queued up, runs it in one transaction, and answers after the
//! commit. What was answered survives a crash; what was not answered happened or did not, and
//! whoever asked asks again. Time is an argument.

mod change;
#[cfg(test)]
mod tests;
mod writer;

pub use change::{Change, Posting, SubscriptionRow};

use crate::error::Error;
use crate::store::beside;
use crate::store::row::Row;
use protocol::{Code, Status, Timestamp};
use sqlx::sqlite::SqlitePool;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use writer::Queued;

/// Changes that wait for the writer; who has more waits.
const QUEUE_MAX: usize = 4_096;
/// Sessions that are read at the start.
const SESSIONS_MAX: u32 = 100_000;
/// Retained payloads that are read at the start.
const RETAINED_MAX: u32 = 1_000_000;

/// The file. Clones share its writer.
#[derive(Clone, Debug)]
pub struct Sessions {
    pool: SqlitePool,
    queue: mpsc::Sender<Queued>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// A session as it was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its number in this file.
    pub number: i64,
    /// Whose it is.
    pub code: Code,
    /// What the client id has behind the code.
    pub suffix: String,
    /// How long it is kept after its connection has ended, in seconds.
    pub life_s: u32,
    /// Since when nobody is connected; none when the file was left while somebody was.
    pub away: Option<Timestamp>,
    /// What it listens to.
    pub subscriptions: Vec<SubscriptionRow>,
    /// Numbers and sizes in bytes of the messages that wait for it, in order.
    pub waiting: Vec<(u64, usize)>,
}

/// A message that waits for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its number in the session.
    pub number: u64,
    /// How the session gets it, in the words of who kept it.
    pub options: u8,
    /// The client has it and only has to forget it.
    pub released: bool,
    /// In the words of who kept it.
    pub bytes: Vec<u8>,
}

/// A change that has its place in the queue.
#[derive(Debug)]
pub struct HandedOver(oneshot::Receiver<Result<(), Status>>);

impl HandedOver {
    /// Waits until it is durable.
    pub async fn durable(self) -> Result<(), Status> {
        self.0.await.unwrap_or(Err(Status::Storage))
    }
}

impl Sessions {
    /// Opens the file and creates or migrates it where needed. Needs a running tokio runtime.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let texts = [("sessions", include_str!("sessions.sql"))];
        let pool = beside::open(path, texts).await?;
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        let writer = tokio::spawn(writer::run(pool.clone(), queued));
        Ok(Self {
            pool,
            queue,
            writer: Arc::new(Mutex::new(Some(writer))),
        })
    }

    /// Writes down what is queued and closes the file; nothing can be changed afterwards.
    pub async fn close(&self) {
        let (stop, stopped) = oneshot::channel();
        if self.queue.send(Queued::Stop(stop)).await.is_ok() {
            let _ = stopped.await;
        }
        if let Some(writer) = self.writer.lock().await.take() {
            let _ = writer.await;
        }
        self.pool.close().await;
    }

    /// Makes a change; it is durable on return.
    pub async fn write(&self, change: Change) -> Result<(), Status> {
        self.hand_over(change).await?.durable().await
    }

    /// Hands a change to the writer, behind those before it; what comes of it is still to be awaited.
    pub async fn hand_over(&self, change: Change) -> Result<HandedOver, Status> {
        let (tell, told) = oneshot::channel();
        let queued = Queued::Change(change, Some(tell));
        self.queue.send(queued).await.map_err(|_| Status::Storage)?;
        Ok(HandedOver(told))
    }

    /// Makes a change soon: after those before it, and before those after it. For what does no harm
    /// when a crash takes it back.
    pub async fn write_soon(&self, change: Change) {
        let _ = self.queue.send(Queued::Change(change, None)).await;
    }

    /// All sessions, for a door that opens.
    pub async fn all(&self) -> Result<Vec<SessionRow>, Error> {
        type Columns = (i64, Vec<u8>, String, i64, Option<i64>);
        let rows: Vec<Columns> =
            sqlx::query_as("SELECT number, code, suffix, life_s, away FROM session LIMIT $1")
                .bind(SESSIONS_MAX)
                .fetch_all(&self.pool)
                .await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for (number, code, suffix, life_s, away) in rows {
            let row = Row {
                table: "session",
                key: &number,
            };
            sessions.push(SessionRow {
                number,
                code: row.code(&code)?,
                suffix,
                life_s: row.units(life_s)?,
                away: away.map(|at| row.time(at)).transpose()?,
                subscriptions: self.subscriptions(number).await?,
                waiting: self.waiting(number).await?,
            });
        }
        Ok(sessions)
    }

    async fn subscriptions(&self, session: i64) -> Result<Vec<SubscriptionRow>, Error> {
        let rows: Vec<(String, String, u8, u32)> = sqlx::query_as(
            "SELECT share, filter, options, identifier FROM subscription WHERE session = $1",
        )
        .bind(session)
        .fetch_all(&self.pool)
        .await?;
        let row = |(share, filter, options, identifier)| SubscriptionRow {
            share,
            filter,
            options,
            identifier,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    async fn waiting(&self, session: i64) -> Result<Vec<(u64, usize)>, Error> {
        let rows: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT number, length(bytes) FROM message WHERE session = $1 ORDER BY number",
        )
        .bind(session)
        .fetch_all(&self.pool)
        .await?;
        let row = message_of(&session);
        let sizes = rows.into_iter().map(|(number, bytes)| {
            let bytes = usize::try_from(row.count(bytes)?).unwrap_or(usize::MAX);
            Ok((row.count(number)?, bytes))
        });
        sizes.collect()
    }

    /// Packet identifiers that the client of a session has not released.
    pub async fn received(&self, session: i64) -> Result<Vec<u16>, Status> {
        let rows: sqlx::Result<Vec<(u16,)>> =
            sqlx::query_as("SELECT id FROM received WHERE session = $1")
                .bind(session)
                .fetch_all(&self.pool)
                .await;
        let rows = rows.map_err(|error| {
            tracing::error!(%error, session, "what was received is not read");
            Status::Storage
        })?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// At most `most` messages of a session with numbers above `after`, in order.
    pub async fn next(
        &self,
        session: i64,
        after: u64,
        most: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        let rows: Vec<(i64, u8, bool, Vec<u8>)> = sqlx::query_as(
            "SELECT number, options, released, bytes FROM message
             WHERE session = $1 AND number > $2 ORDER BY number LIMIT $3",
        )
        .bind(session)
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        let row = message_of(&session);
        let message = |(number, options, released, bytes)| {
            Ok(MessageRow {
                number: row.count(number)?,
                options,
                released,
                bytes,
            })
        };
        rows.into_iter().map(message).collect()
    }

    /// What every topic retains, for a tree that begins.
    pub async fn retained(&self) -> Result<Vec<Vec<u8>>, Error> {
        let rows: Vec<(Vec<u8>,)> =
            sqlx::query_as("SELECT bytes FROM retained ORDER BY topic LIMIT $1")
                .bind(RETAINED_MAX)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.into_iter().map(|(bytes,)| bytes).collect())
    }
}

/// A damaged message of this session.
fn message_of(session: &i64) -> Row<'_> {
    Row {
        table: "message",
        key: session,
    }
}
