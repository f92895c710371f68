//! The one task that writes.

use super::Change;
use protocol::Status;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

/// Changes in one transaction.
const BATCH_MAX: usize = 512;

/// What is asked of the writer.
pub(super) enum Queued {
    /// A change, and who waits for it to be durable.
    Change(Change, Option<oneshot::Sender<Result<(), Status>>>),
    /// To stop, once all before it is durable.
    Stop(oneshot::Sender<()>),
}

/// Writes until it is told to stop or nobody can ask any more.
pub(super) async fn run(pool: SqlitePool, mut queue: mpsc::Receiver<Queued>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let written = write(&pool, &batch).await;
        if let Err(error) = &written {
            tracing::error!(%error, "what sessions are owed is not written down");
        }
        // A crash from here on: all is durable, and who heard nothing asks again.
        let answer = written.map_err(|_| Status::Storage);
        for queued in batch.drain(..) {
            match queued {
                Queued::Change(_, Some(caller)) => {
                    let _ = caller.send(answer);
                }
                Queued::Change(_, None) => {}
                Queued::Stop(caller) => {
                    queue.close();
                    let _ = caller.send(());
                }
            }
        }
    }
}

/// All of a batch or nothing of it. A crash before the commit: nothing of it happened, and nobody
/// was answered.
async fn write(pool: &SqlitePool, batch: &[Queued]) -> sqlx::Result<()> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for queued in batch {
        if let Queued::Change(change, _) = queued {
            change.write(&mut tx).await?;
        }
    }
    tx.commit().await
}
