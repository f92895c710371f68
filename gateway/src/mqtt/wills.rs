//! Last words: published when a connection ends badly, at once or, as MQTT 5 lets a client wish,
//! when it has not come back after a while.

use super::live::ClientId;
use crate::tree::{Caller, Manner, Topic, Tree};
use bytes::Bytes;
use protocol::{Code, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long a will may take to be published.
const PUBLISH_MS: u64 = 1_000;

/// What is to be published when a session ends badly.
#[derive(Debug)]
pub(super) struct Will {
    pub(super) topic: Topic,
    pub(super) payload: Bytes,
    pub(super) how: Manner,
    pub(super) delay_s: u32,
    /// After how long nobody wants it any more, from when it is published.
    pub(super) expiry_s: Option<u32>,
}

/// Wills that wait for their time, at most one for each client id.
#[derive(Debug, Default)]
pub(super) struct Wills {
    waiting: Mutex<HashMap<ClientId, AbortHandle>>,
}

impl Wills {
    /// The client is back: what it would have left is not published.
    pub(super) fn withdraw(&self, id: &ClientId) {
        if let Some(waiting) = self.waiting().remove(id) {
            waiting.abort();
        }
    }

    /// Nobody speaks for this code any more.
    pub(super) fn withdraw_all_of(&self, code: Code) {
        self.waiting().retain(|id, waiting| {
            let other = id.code() != code;
            if !other {
                waiting.abort();
            }
            other
        });
    }

    /// Publishes a will when `delay` has passed.
    pub(super) async fn leave(
        self: &Arc<Self>,
        tree: &Arc<Tree>,
        (id, caller): (&ClientId, Caller),
        will: Will,
        delay: Duration,
        clock: fn() -> Timestamp,
    ) {
        if delay.is_zero() {
            publish(tree, &caller, will, clock()).await;
            return;
        }
        let (wills, tree, of) = (Arc::clone(self), Arc::clone(tree), id.clone());
        // Held until it is registered, so that it does not end before.
        let mut waiting = self.waiting();
        let task = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            wills.waiting().remove(&of);
            publish(&tree, &caller, will, clock()).await;
        });
        if let Some(older) = waiting.insert(id.clone(), task.abort_handle()) {
            older.abort();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<ClientId, AbortHandle>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn publish(tree: &Tree, caller: &Caller, will: Will, now: Timestamp) {
    let mut how = will.how;
    how.expires = will.expiry_s.map(|seconds| now.plus_s(seconds));
    let left = tree.publish(caller, &will.topic, will.payload, how);
    match timeout(Duration::from_millis(PUBLISH_MS), left).await {
        Ok(Ok(_)) => {}
        Ok(Err(refusal)) => {
            tracing::info!(code = %caller.code, %refusal, "a will was not published");
        }
        Err(_) => tracing::warn!(code = %caller.code, "a will was not published in time"),
    }
}
