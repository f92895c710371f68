//! The one task that writes.

use super::{Leaving, Standing};
use protocol::Status;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};

/// Changes in one transaction.
const BATCH_MAX: usize = 512;

/// What is asked of the writer.
pub(super) enum Queued {
    /// Something is to leave, and who waits for it to be durable.
    Put(Leaving, Option<oneshot::Sender<Result<(), Status>>>),
    /// These were acknowledged.
    Gone(Vec<u64>),
    /// All up to this one were acknowledged.
    GoneUpTo(u64),
    /// To stop, once all before it is durable.
    Stop(oneshot::Sender<()>),
}

pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    pub(super) most_bytes: u64,
    pub(super) standing: Arc<Mutex<Standing>>,
    pub(super) bell: Arc<Notify>,
}

impl Writer {
    /// Writes until it is told to stop or nobody can ask any more.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Queued>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let before = *self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            let written = self.write(before, &batch).await;
            let answer = match written {
                Ok(standing) => {
                    *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
                    Ok(())
                }
                Err(error) => {
                    tracing::error!(%error, "what is to leave is not written down");
                    Err(Status::Storage)
                }
            };
            // A crash from here on: all is durable, and who heard nothing says it again.
            for queued in batch.drain(..) {
                match queued {
                    Queued::Put(_, caller) => {
                        let _ = caller.map(|caller| caller.send(answer));
                    }
                    Queued::Gone(_) | Queued::GoneUpTo(_) => {}
                    Queued::Stop(caller) => {
                        queue.close();
                        let _ = caller.send(());
                    }
                }
            }
            self.bell.notify_one();
        }
    }

    /// All of a batch or nothing of it. A crash before the commit: nothing of it happened, and nobody
    /// was answered.
    async fn write(&self, mut standing: Standing, batch: &[Queued]) -> sqlx::Result<Standing> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let dropped = standing.dropped;
        for queued in batch {
            match queued {
                Queued::Put(leaving, _) => self.put(&mut tx, &mut standing, leaving).await?,
                Queued::Gone(numbers) => {
                    for number in numbers {
                        forget(&mut tx, &mut standing, Which::One(*number)).await?;
                    }
                }
                Queued::GoneUpTo(number) => {
                    forget(&mut tx, &mut standing, Which::UpTo(*number)).await?;
                }
                Queued::Stop(_) => {}
            }
        }
        if standing.dropped != dropped {
            sqlx::query("UPDATE standing SET dropped = $1")
                .bind(number(standing.dropped))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(standing)
    }

    /// Makes room by dropping the oldest, then writes. What never has room is dropped itself.
    async fn put(
        &self,
        tx: &mut SqliteConnection,
        standing: &mut Standing,
        leaving: &Leaving,
    ) -> sqlx::Result<()> {
        let size = (leaving.topic.len() + leaving.payload.len()) as u64;
        if size > self.most_bytes {
            standing.dropped += 1;
            return Ok(());
        }
        while standing.bytes + size > self.most_bytes {
            if forget(tx, standing, Which::Oldest).await? == 0 {
                break;
            }
            standing.dropped += 1;
        }
        sqlx::query("INSERT INTO leaving (topic, payload, qos, retain) VALUES ($1, $2, $3, $4)")
            .bind(&leaving.topic)
            .bind(&leaving.payload)
            .bind(leaving.qos)
            .bind(leaving.retain)
            .execute(tx)
            .await?;
        standing.waiting += 1;
        standing.bytes += size;
        Ok(())
    }
}

/// Which rows are taken out.
enum Which {
    One(u64),
    UpTo(u64),
    Oldest,
}

/// Takes rows out; gives how many there were.
async fn forget(
    tx: &mut SqliteConnection,
    standing: &mut Standing,
    which: Which,
) -> sqlx::Result<usize> {
    let (text, bound) = match which {
        Which::One(number) => (
            "DELETE FROM leaving WHERE number = $1 RETURNING length(topic) + length(payload)",
            number,
        ),
        Which::UpTo(number) => (
            "DELETE FROM leaving WHERE number <= $1 RETURNING length(topic) + length(payload)",
            number,
        ),
        Which::Oldest => (
            "DELETE FROM leaving WHERE number = (SELECT min(number) FROM leaving WHERE number > $1)
             RETURNING length(topic) + length(payload)",
            0,
        ),
    };
    let rows = sqlx::query_as(text).bind(number(bound)).fetch_all(tx);
    let sizes: Vec<(i64,)> = rows.await?;
    for (size,) in &sizes {
        standing.waiting = standing.waiting.saturating_sub(1);
        standing.bytes = standing.bytes.saturating_sub(size.unsigned_abs());
    }
    Ok(sizes.len())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
