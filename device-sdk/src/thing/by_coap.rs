//! The two tasks of a thing on CoAP.

use super::{Done, Happening, Told, Waiting};
use crate::coap::inbox::read_page;
use crate::coap::wire::{JSON, OCTETS};
use crate::coap::{Answer, AnswerCode, Client, Error, Request};
use crate::links::BackOff;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The first wait after a failure, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));
/// Commands that are remembered as told; a gateway keeps fewer.
const COMMANDS_MAX: usize = 1_024;

fn waits() -> BackOff {
    BackOff::new(WAITS.0, WAITS.1)
}

/// Sends what waits, one after the other.
pub(super) async fn send(client: Client, waiting: Arc<Waiting>) {
    let mut failing = waits();
    loop {
        let Ok(entries) = waiting.oldest().await else {
            sleep(failing.wait()).await;
            continue;
        };
        for entry in entries {
            let path = format!("oc/1/me/{}", entry.topic);
            // What cannot be text is passed on as it is.
            let format = match std::str::from_utf8(&entry.payload) {
                Ok(_) => JSON,
                Err(_) => OCTETS,
            };
            let request = || match entry.keep {
                true => Request::put(&path, format, entry.payload.clone()),
                false => Request::post(&path, format, entry.payload.clone()),
            };
            while !is_over(&client.request(request()).await, &waiting) {
                sleep(failing.wait()).await;
            }
            failing = waits();
            // Persisted at the gateway; a crash before this line says it once more.
            if waiting.kept().taken_below(entry.number + 1).is_err() {
                sleep(failing.wait()).await;
            }
        }
    }
}

/// Whether an entry was taken, or never will be.
fn is_over(answer: &Result<Answer, Error>, waiting: &Waiting) -> bool {
    const TOO_MANY: AnswerCode = AnswerCode(0x9d);
    let refused = match answer {
        Ok(answer) if answer.code.is_success() => return true,
        Ok(answer) => answer.code.0 >> 5 == 4 && answer.code != TOO_MANY,
        Err(_) => false,
    };
    if refused {
        waiting.refused.fetch_add(1, Ordering::Relaxed);
    }
    refused
}

/// Looks for commands, the desired twin and wallet messages.
pub(super) async fn look(client: Client, every: Duration, tell: mpsc::Sender<Told>) {
    let (taken, mut acknowledged) = mpsc::unbounded_channel();
    let mut looking = Looking {
        client,
        tell,
        taken,
        commands: BTreeSet::new(),
        desired: None,
        inbox_told: 0,
        inbox_done: 0,
    };
    let mut failing = waits();
    while !looking.tell.is_closed() {
        while let Ok(number) = acknowledged.try_recv() {
            looking.inbox_done = looking.inbox_done.max(number);
        }
        match looking.turn().await {
            Ok(()) => {
                failing = waits();
                sleep(every).await;
            }
            Err(_) => sleep(failing.wait()).await,
        }
    }
}

struct Looking {
    client: Client,
    tell: mpsc::Sender<Told>,
    taken: mpsc::UnboundedSender<u64>,
    /// Told and not answered yet: they stand in the list until their results.
    commands: BTreeSet<u64>,
    desired: Option<Vec<u8>>,
    inbox_told: u64,
    inbox_done: u64,
}

impl Looking {
    async fn turn(&mut self) -> Result<(), Error> {
        let listed = self.client.request(Request::get("oc/1/me/c")).await?;
        let listed = read_page(&listed.payload).unwrap_or_default();
        self.commands
            .retain(|known| listed.iter().any(|(number, _)| number == known));
        for (number, payload) in listed {
            if self.commands.len() < COMMANDS_MAX && self.commands.insert(number) {
                let id = number.to_string();
                self.say(Happening::Command { id, payload }, Done::Nothing)
                    .await;
            }
        }
        let desired = self
            .client
            .request(Request::get("oc/1/me/twin/desired"))
            .await?;
        let desired = match desired.code.is_success() {
            true => desired.payload,
            false => Vec::new(),
        };
        // A twin of which nothing was ever wanted is no news.
        if self
            .desired
            .as_ref()
            .map_or(!desired.is_empty(), |known| *known != desired)
        {
            self.desired = Some(desired.clone());
            self.say(Happening::Desired(desired), Done::Nothing).await;
        }
        self.inbox().await
    }

    /// What was done is acknowledged by asking for what comes after it.
    async fn inbox(&mut self) -> Result<(), Error> {
        let after = format!("after={}", self.inbox_done);
        let page = self
            .client
            .request(Request::get("oc/1/me/w/in").query(&after))
            .await?;
        for (number, message) in read_page(&page.payload).unwrap_or_default() {
            if number > self.inbox_told {
                self.inbox_told = number;
                let done = Done::Inbox(number, self.taken.clone());
                self.say(Happening::Wallet(message), done).await;
            }
        }
        Ok(())
    }

    async fn say(&self, happening: Happening, done: Done) {
        // Nobody listens any more: the loop ends with its next turn.
        let _ = self.tell.send(Told { happening, done }).await;
    }
}
