//! Has letters carried, one for each destination at a time, so that who hangs keeps nobody else
//! waiting.

use super::letter::{self, Mail, Sender, shown_address};
use super::reach::Reach;
use crate::desk::Pending;
use crate::door::oidc::NoAnswer;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ledger::alerts::{Address, Alerts, Destination, DestinationId, Letter, LetterState};
use protocol::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Between two looks at what waits, when nobody wakes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long whatever is on its way is waited for when the house is taken down.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// The way out of the house; every answer is bounded in size and time.
pub trait Courier: Send + Sync + 'static {
    /// Where webhooks may lead.
    fn reach(&self) -> Reach;

    /// Brings a call there, and the status of the answer back. A redirect is an answer.
    fn call(&self, request: Request<Vec<u8>>) -> Pending<Result<StatusCode, NoAnswer>>;

    /// Whether there is a relay for mail.
    fn has_mail(&self) -> bool;

    /// Hands a mail to the relay; done when it has taken it.
    fn mail(&self, mail: Mail) -> Pending<Result<(), NoAnswer>>;
}

/// What waits, and who carries it.
pub struct Post {
    alerts: Alerts,
    courier: Arc<dyn Courier>,
    sender: Sender,
    wake: Notify,
}

impl Post {
    /// For the letters of this store.
    pub fn new(alerts: Alerts, courier: Arc<dyn Courier>, sender: Sender) -> Self {
        Self {
            alerts,
            courier,
            sender,
            wake: Notify::new(),
        }
    }

    /// The way out.
    pub fn courier(&self) -> &dyn Courier {
        &*self.courier
    }

    /// There is something new.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Carries until `stopped` resolves. What is on its way then and not answered goes out again at
    /// the next start, under the same identifier.
    pub async fn keep(
        &self,
        clock: impl Fn() -> Timestamp + Send + Sync,
        stopped: impl Future<Output = ()>,
    ) {
        let mut stopped = std::pin::pin!(stopped);
        let mut under_way = FuturesUnordered::new();
        let mut busy = HashSet::new();
        loop {
            for (letter, destination) in self.due(clock()).await {
                if busy.insert(destination.id) {
                    under_way.push(self.carry(letter, destination, &clock));
                }
            }
            tokio::select! {
                () = &mut stopped => break,
                Some(done) = under_way.next() => { busy.remove(&done); }
                () = self.wake.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
        let last = async { while under_way.next().await.is_some() {} };
        if timeout(LAST_ANSWERS_WITHIN, last).await.is_err() {
            tracing::info!("letters without an answer go out again at the next start");
        }
    }

    async fn due(&self, now: Timestamp) -> Vec<(Letter, Destination)> {
        let due = self.alerts.due(now).await;
        due.unwrap_or_else(|error| {
            tracing::error!(%error, "letters of alerts cannot be read");
            Vec::new()
        })
    }

    /// Carries one letter and keeps what came of it.
    async fn carry(
        &self,
        letter: Letter,
        destination: Destination,
        clock: &(impl Fn() -> Timestamp + Send + Sync),
    ) -> DestinationId {
        let taken = self.hand_over(&letter, &destination, clock()).await;
        // A crash here: it was taken, is not marked, and goes out again under the same identifier.
        let kept = match taken {
            Ok(()) => self.alerts.delivered(&letter, clock()).await,
            Err(problem) => self.untaken(&letter, &destination, &problem, clock()).await,
        };
        if let Err(error) = kept {
            tracing::error!(%error, letter = %letter.id, "what came of a letter cannot be kept");
            // A store that fails is no reason to call a receiver without pause.
            sleep(LOOK_EVERY).await;
        }
        destination.id
    }

    async fn untaken(
        &self,
        letter: &Letter,
        destination: &Destination,
        problem: &str,
        now: Timestamp,
    ) -> Result<(), ledger::Error> {
        let state = self.alerts.failed(letter, problem, now).await?;
        let (id, to) = (letter.id, destination.name.as_str());
        match state {
            LetterState::GivenUp => tracing::error!(%id, to, problem, "a letter was given up"),
            _ => tracing::warn!(%id, to, problem, "a letter was not taken"),
        }
        Ok(())
    }

    async fn hand_over(
        &self,
        letter: &Letter,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<(), String> {
        match &destination.address {
            Address::Webhook(url, secret) => {
                // Addresses of webhooks are as good as passwords, and errors may name them.
                let shown =
                    |why: NoAnswer| why.0.replace(url, &shown_address(&destination.address));
                let call = letter::call(letter, &self.sender, (url, secret), now);
                let call = call.ok_or("the call cannot be written")?;
                let status = self.courier.call(call).await.map_err(shown)?;
                match status.is_success() {
                    true => Ok(()),
                    false => Err(format!("answered {status}")),
                }
            }
            Address::Mail(to) => {
                let mail = letter::mail(letter, &self.sender, to);
                self.courier.mail(mail).await.map_err(|why| why.0)
            }
        }
    }
}
