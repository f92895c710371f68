//! What the house does by itself, from time to time, and by nobody's order.

use super::now;
use ledger::Ledger;
use std::time::Duration;

/// How often the books are looked after.
const PERIOD: Duration = Duration::from_secs(60);
/// Overdue payments in one turn; the next turn follows at once while there are as many.
const RETURN_AT_ONCE: u32 = ledger::bounds::RETURN_MOST;

/// Does what is due among gateways, and gives overdue money back, every minute, until `stopped`
/// resolves.
pub async fn upkeep(ledger: Ledger, stopped: impl Future<Output = ()>) {
    let mut turns = tokio::time::interval(PERIOD);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopped = std::pin::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = turns.tick() => {}
        }
        if let Err(status) = ledger.sweep(now()).await {
            tracing::error!(%status, "leases, floats and watermarks could not be looked after");
        }
        match ledger.return_overdue(now(), RETURN_AT_ONCE).await {
            Ok(returned) if returned.0 >= RETURN_AT_ONCE => turns.reset_immediately(),
            Ok(returned) if returned.0 > 0 => {
                tracing::info!(payments = returned.0, "overdue money went back");
            }
            Ok(_) => {}
            Err(status) => tracing::error!(%status, "overdue money could not go back"),
        }
    }
}
