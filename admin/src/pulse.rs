//! What the overview shows: looked at every other second by one task for all who watch, with a few
//! hours of it in memory for the charts.

use crate::desk::{DoorLoad, LiveHouse};
use ledger::views::Overview;
use ledger::{Error, Ledger, LogStanding};
use protocol::{Currency, Timestamp};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Minutes that are remembered: three hours. They are gone with the process.
pub const MINUTES_KEPT: usize = 180;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The house at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// Counts and sums of the books.
    pub counts: Overview,
    /// The payment whose deadline comes first: that, and when it was handed in.
    pub due: Option<(Timestamp, Timestamp)>,
    /// The code chain.
    pub log: LogStanding,
    /// What each door has done so far.
    pub doors: Vec<DoorLoad>,
}

/// What happened in one minute, and how things stood at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Since 1970.
    pub number: u32,
    /// Payments that were handed in.
    pub payments: u64,
    /// Of each door: how many were connected, and how many messages came in.
    pub doors: Vec<DoorLoad>,
    /// Money that waits, per currency, in its smallest unit.
    pub in_transit: Vec<(Currency, i64)>,
}

/// The minutes, and what was counted until the newest look.
#[derive(Debug, Default)]
struct History {
    minutes: VecDeque<Minute>,
    payments: u64,
    messages: Vec<u64>,
}

impl History {
    fn take(&mut self, reading: &Reading) {
        let number = reading.at.0 / 60;
        let mut newest = self.minutes.back().map(|minute| minute.number);
        if newest.is_none_or(|newest| number < newest) {
            // The first look, or the clock was set back: what came before cannot be told apart.
            newest = None;
            self.minutes.clear();
            self.payments = reading.counts.payments;
            self.messages = reading.doors.iter().map(|door| door.messages).collect();
        }
        let first = newest.map_or(number, |newest| newest.saturating_add(1));
        let kept = u32::try_from(MINUTES_KEPT).unwrap_or(u32::MAX);
        for number in first.max(number.saturating_sub(kept))..=number {
            // Nobody looked meanwhile: it stood as it did before.
            let before = self.minutes.back().cloned().unwrap_or_default();
            let quiet = |door: DoorLoad| DoorLoad {
                messages: 0,
                ..door
            };
            self.minutes.push_back(Minute {
                number,
                payments: 0,
                doors: before.doors.into_iter().map(quiet).collect(),
                in_transit: before.in_transit,
            });
        }
        while self.minutes.len() > MINUTES_KEPT {
            self.minutes.pop_front();
        }
        let Some(minute) = self.minutes.back_mut() else {
            return;
        };
        let payments = reading.counts.payments;
        minute.payments += payments.saturating_sub(self.payments);
        self.payments = payments;
        self.messages.resize(reading.doors.len(), 0);
        let counted: Vec<u64> = minute.doors.iter().map(|door| door.messages).collect();
        minute.doors = reading.doors.clone();
        let doors = minute.doors.iter_mut().zip(&mut self.messages);
        for (at, (door, before)) in doors.enumerate() {
            let total = door.messages;
            let already = counted.get(at).copied().unwrap_or(0);
            door.messages = already + total.saturating_sub(*before);
            *before = total;
        }
        let waits = reading.counts.conservation.iter();
        minute.in_transit = waits.map(|row| (row.currency, row.in_transit)).collect();
    }
}

/// What is looked at, and who hears of it.
pub struct Pulse {
    ledger: Ledger,
    live: Arc<dyn LiveHouse>,
    history: Mutex<History>,
    looks: watch::Sender<u64>,
}

impl Pulse {
    /// Of these books and this house.
    pub fn new(ledger: Ledger, live: Arc<dyn LiveHouse>) -> Self {
        Self {
            ledger,
            live,
            history: Mutex::default(),
            looks: watch::Sender::new(0),
        }
    }

    /// Looks now.
    pub async fn look(&self, now: Timestamp) -> Result<Reading, Error> {
        let reading = Reading {
            at: now,
            counts: self.ledger.overview().await?,
            due: self.ledger.next_due().await?,
            log: self.ledger.log_standing().await?,
            doors: self.live.doors(),
        };
        self.history().take(&reading);
        Ok(reading)
    }

    /// Looks until `stopped` resolves, and tells all who watch.
    pub async fn keep(
        &self,
        clock: impl Fn() -> Timestamp + Send,
        stopped: impl Future<Output = ()>,
    ) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            match self.look(clock()).await {
                Ok(_) => self.looks.send_modify(|looks| *looks += 1),
                Err(error) => tracing::error!(%error, "the overview cannot be read"),
            }
            tokio::select! {
                () = &mut stopped => return,
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Changes with every look.
    pub(crate) fn looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }

    /// What is remembered, the oldest first.
    pub(crate) fn minutes(&self) -> Vec<Minute> {
        self.history().minutes.iter().cloned().collect()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::books::JournalHead;

    fn reading(at: u32, payments: u64, online: u64, messages: u64) -> Reading {
        Reading {
            at: Timestamp(at),
            counts: Overview {
                things: 0,
                things_stopped: 0,
                grids: 0,
                payments,
                in_transit: 0,
                fraud_cases: 0,
                inbox_entries: 0,
                journal: JournalHead::default(),
                conservation: Vec::new(),
            },
            due: None,
            log: LogStanding::default(),
            doors: vec![DoorLoad {
                door: "MQTT",
                online,
                messages,
            }],
        }
    }

    fn told(history: &History) -> Vec<(u32, u64, u64, u64)> {
        let told = |minute: &Minute| {
            let door = minute.doors[0];
            (minute.number, minute.payments, door.online, door.messages)
        };
        history.minutes.iter().map(told).collect()
    }

    #[test]
    fn a_minute_holds_what_came_in_during_it_and_what_stood_at_its_end() {
        let mut history = History::default();
        for (at, payments, online, messages) in [
            (600, 40, 3, 1_000), // what was there before the first look counts for no minute
            (630, 42, 5, 1_010),
            (659, 43, 4, 1_011),
            (661, 44, 4, 1_020),
            (780, 44, 2, 1_021), // minute 12 passed with nobody looking
        ] {
            history.take(&reading(at, payments, online, messages));
        }
        let expected = [(10, 3, 4, 11), (11, 1, 4, 9), (12, 0, 4, 0), (13, 0, 2, 1)];
        assert_eq!(told(&history), expected);
        history.take(&reading(60, 50, 1, 2_000));
        assert_eq!(told(&history), [(1, 0, 1, 0)], "the clock was set back");
    }

    #[test]
    fn only_so_many_minutes_are_remembered() {
        let mut history = History::default();
        history.take(&reading(60, 0, 0, 0));
        history.take(&reading(u32::MAX, 9, 1, 0));
        assert_eq!(history.minutes.len(), MINUTES_KEPT);
        let newest = history.minutes.back().unwrap();
        assert_eq!((newest.number, newest.payments), (u32::MAX / 60, 9));
        let oldest = history.minutes.front().unwrap();
        assert_eq!(newest.number - oldest.number + 1, MINUTES_KEPT as u32);
    }
}
