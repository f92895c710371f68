//! Keeps the index of coins behind the journal, while nobody waits for it.

use ledger::{Error, Ledger};
use std::time::Duration;
use tokio::time::sleep;

/// When the index is up to date, the next look.
const IDLE: Duration = Duration::from_secs(2);
/// Between two steps, so that payments have the disk to themselves for a while.
const BREATH: Duration = Duration::from_millis(50);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Follows the journal, step by step, until `stopped` resolves. A failure here harms no payment: it
/// is told to the log, and questions about coins fail as long as it lasts.
pub async fn follow(ledger: Ledger, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let pause = match step(&ledger).await {
            Ok(0) => IDLE,
            Ok(_) => BREATH,
            Err(error) => {
                tracing::error!(%error, "the index of coins does not follow the journal");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = &mut stopped => return,
            () = sleep(pause) => {}
        }
    }
}

/// One step; gives how many entries are still ahead.
async fn step(ledger: &Ledger) -> Result<u64, Error> {
    Ok(ledger.tracing().await?.follow().await?.behind)
}
