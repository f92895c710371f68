//! What waits for whoever is above this gateway: telemetry in the order in which it was said, in a
//! file beside the books. No money stands here; letters about money wait in the books themselves.
//!
//! ```text
//! tree --put--> file --next--> link --> broker, or gateway above
//!                 ^                        |
//!                 +------- gone -----------+   its acknowledgement
//! ```
//!
//! The file has a bound. When it is full the oldest telemetry goes, is counted, and its numbers are
//! missing for good. One task writes, as for [`crate::sessions`]: what was answered survives a crash.

#[cfg(test)]
mod tests;
mod writer;

use crate::error::Error;
use crate::store::beside;
use crate::store::row::Row;
use protocol::{Code, Status, Timestamp};
use sqlx::sqlite::SqlitePool;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use writer::{Queued, Writer};

/// Changes that wait for the writer; who has more waits.
const QUEUE_MAX: usize = 4_096;
/// Messages given out at once.
pub const LEAVING_MOST: u32 = 256;

/// Something that is to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// As it is called above.
    pub topic: String,
    /// What, byte for byte.
    pub payload: Vec<u8>,
    /// 1 or 2.
    pub qos: u8,
    /// It is the newest of its topic.
    pub retain: bool,
}

/// How the file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the file was made: numbers of another one mean something else.
    pub epoch: Timestamp,
    /// Messages that wait.
    pub waiting: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that found no room, ever.
    pub dropped: u64,
}

/// The file. Clones share its writer.
#[derive(Clone, Debug)]
pub struct Outbox {
    pool: SqlitePool,
    queue: mpsc::Sender<Queued>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
    standing: Arc<Mutex<Standing>>,
    bell: Arc<Notify>,
}

impl Outbox {
    /// Opens the file, makes it at `now` where there is none, and lets it hold `most_bytes`. Needs a
    /// running tokio runtime.
    pub async fn open(path: &Path, most_bytes: u64, now: Timestamp) -> Result<Self, Error> {
        let texts = [("outbox", include_str!("outbox.sql"))];
        let pool = beside::open(path, texts).await?;
        sqlx::query("INSERT INTO standing VALUES (1, $1, 0) ON CONFLICT DO NOTHING")
            .bind(now.0)
            .execute(&pool)
            .await?;
        let standing = Arc::new(Mutex::new(read_standing(&pool).await?));
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        let bell = Arc::<Notify>::default();
        let writer = Writer {
            pool: pool.clone(),
            most_bytes,
            standing: Arc::clone(&standing),
            bell: Arc::clone(&bell),
        };
        let task = tokio::spawn(writer.run(queued));
        Ok(Self {
            pool,
            queue,
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
            standing,
            bell,
        })
    }

    /// How the file at this path stands, from outside of a running gateway. `None` where there is no
    /// such file.
    pub async fn look(path: &Path) -> Result<Option<Standing>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .read_only(true);
        let pool = SqlitePool::connect_with(options).await?;
        let standing = read_standing(&pool).await;
        pool.close().await;
        standing.map(Some)
    }

    /// Writes down what is queued and closes the file; nothing can be changed afterwards.
    pub async fn close(&self) {
        let (stop, stopped) = oneshot::channel();
        if self.queue.send(Queued::Stop(stop)).await.is_ok() {
            let _ = stopped.await;
        }
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
        self.pool.close().await;
    }

    /// Puts something into the file; it is durable on return.
    pub async fn put(&self, leaving: Leaving) -> Result<(), Status> {
        let (tell, told) = oneshot::channel();
        let queued = Queued::Put(leaving, Some(tell));
        self.queue.send(queued).await.map_err(|_| Status::Storage)?;
        told.await.unwrap_or(Err(Status::Storage))
    }

    /// Puts something into the file soon: for what nobody was promised.
    pub async fn put_soon(&self, leaving: Leaving) {
        let _ = self.queue.send(Queued::Put(leaving, None)).await;
    }

    /// At most `most` messages with numbers above `after`, in order.
    pub async fn next(&self, after: u64, most: u32) -> Result<Vec<(u64, Leaving)>, Error> {
        type Columns = (i64, String, Vec<u8>, u8, bool);
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, topic, payload, qos, retain FROM leaving
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(most.min(LEAVING_MOST))
        .fetch_all(&self.pool)
        .await?;
        let leaving = |(number, topic, payload, qos, retain)| {
            let row = Row {
                table: "leaving",
                key: &number,
            };
            let leaving = Leaving {
                topic,
                payload,
                qos,
                retain,
            };
            Ok((row.count(number)?, leaving))
        };
        rows.into_iter().map(leaving).collect()
    }

    /// These were acknowledged and are forgotten. A crash before that is durable: they leave again.
    pub async fn gone(&self, numbers: Vec<u64>) {
        let _ = self.queue.send(Queued::Gone(numbers)).await;
    }

    /// All up to this number were acknowledged and are forgotten.
    pub async fn gone_up_to(&self, number: u64) {
        let _ = self.queue.send(Queued::GoneUpTo(number)).await;
    }

    /// How the file stands.
    pub fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when something was put in since the last time.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// How far a gateway below has brought the telemetry of this file of its.
    pub async fn brought(&self, gateway: &Code, epoch: Timestamp) -> Result<u64, Error> {
        let known: Option<(i64,)> =
            sqlx::query_as("SELECT up_to FROM brought WHERE gateway = $1 AND epoch = $2")
                .bind(gateway.as_bytes().as_slice())
                .bind(epoch.0)
                .fetch_optional(&self.pool)
                .await?;
        let row = Row {
            table: "brought",
            key: gateway,
        };
        known.map_or(Ok(0), |(up_to,)| Ok(row.count(up_to)?))
    }

    /// A gateway below has brought so much; durable on return.
    pub async fn bring(&self, gateway: &Code, epoch: Timestamp, up_to: u64) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO brought VALUES ($1, $2, $3)
             ON CONFLICT (gateway) DO UPDATE SET epoch = excluded.epoch, up_to = excluded.up_to",
        )
        .bind(gateway.as_bytes().as_slice())
        .bind(epoch.0)
        .bind(i64::try_from(up_to).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

async fn read_standing(pool: &SqlitePool) -> Result<Standing, Error> {
    let (epoch, dropped, waiting, bytes): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT epoch, dropped, (SELECT count(*) FROM leaving),
                (SELECT coalesce(sum(length(topic) + length(payload)), 0) FROM leaving)
         FROM standing",
    )
    .fetch_one(pool)
    .await?;
    let row = Row {
        table: "standing",
        key: &1,
    };
    Ok(Standing {
        epoch: row.time(epoch)?,
        waiting: row.count(waiting)?,
        bytes: row.count(bytes)?,
        dropped: row.count(dropped)?,
    })
}
