//! Looks at the house again and again, and has the store write what has to be told.

use super::facts::Look;
use super::post::Post;
use crate::attention::Rooms;
use crate::desk::{IssuingDesk, LiveHouse};
use crate::portal::{Portal, Random};
use crate::pulse::Pulse;
use ledger::alerts::Alerts;
use ledger::diary::Diary;
use ledger::{Error, Ledger};
use protocol::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks: what is over sooner may never be told.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Who looks.
pub struct Watchman {
    ledger: Ledger,
    diary: Diary,
    desk: Arc<dyn IssuingDesk>,
    live: Arc<dyn LiveHouse>,
    pulse: Arc<Pulse>,
    alerts: Alerts,
    post: Arc<Post>,
    random: Arc<Random>,
}

impl Watchman {
    /// Over the house of this portal.
    pub fn of(portal: &Portal) -> Self {
        Self {
            ledger: portal.ledger.clone(),
            diary: portal.diary.clone(),
            desk: Arc::clone(&portal.desk),
            live: Arc::clone(&portal.live),
            pulse: Arc::clone(&portal.pulse),
            alerts: portal.alerts.clone(),
            post: Arc::clone(&portal.post),
            random: Arc::clone(&portal.random),
        }
    }

    /// Looks once; gives how many letters were written. Where nobody made a rule it looks at
    /// nothing.
    pub async fn look(&self, now: Timestamp) -> Result<usize, Error> {
        let rules = self.alerts.rules().await?;
        if rules.is_empty() {
            return Ok(0);
        }
        let rooms = Rooms {
            ledger: &self.ledger,
            diary: &self.diary,
            desk: &*self.desk,
            live: &*self.live,
            alerts: &self.alerts,
        };
        let reading = self.pulse.look(now).await?;
        let look = Look::at(&reading, &rooms).await?;
        let mut written = 0;
        for rule in &rules {
            let facts = look.facts(rule, &rooms).await?;
            written += self.alerts.take(rule, &facts, &*self.random, now).await?;
        }
        if written > 0 {
            self.post.wake();
        }
        Ok(written)
    }

    /// Looks until `stopped` resolves. What cannot be read is told to the log, and looked at again.
    pub async fn keep(
        &self,
        clock: impl Fn() -> Timestamp + Send,
        stopped: impl Future<Output = ()>,
    ) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            if let Err(error) = self.look(clock()).await {
                tracing::error!(%error, "rules of alerts cannot be looked at");
            }
            tokio::select! {
                () = &mut stopped => return,
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }
}
