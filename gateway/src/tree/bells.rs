//! Wakes those who wait for a wallet inbox to grow, and nobody else.

use protocol::Code;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, broadcast};

/// Who waits for which inbox.
#[derive(Debug, Default)]
pub(super) struct Bells {
    waiting: Mutex<HashMap<Code, Vec<Arc<Notify>>>>,
}

/// Rings when the inbox of one code has grown.
#[derive(Debug)]
pub struct Bell {
    code: Code,
    notify: Arc<Notify>,
    bells: Arc<Bells>,
}

impl Bell {
    /// Waits until the inbox has grown since this was last awaited. Cancel safe.
    pub async fn rung(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut waiting = self.bells.waiting();
        if let Some(here) = waiting.get_mut(&self.code) {
            here.retain(|other| !Arc::ptr_eq(other, &self.notify));
            if here.is_empty() {
                waiting.remove(&self.code);
            }
        }
    }
}

impl Bells {
    pub(super) fn hang(self: &Arc<Self>, code: Code) -> Bell {
        let notify = Arc::new(Notify::new());
        self.waiting()
            .entry(code)
            .or_default()
            .push(Arc::clone(&notify));
        Bell {
            code,
            notify,
            bells: Arc::clone(self),
        }
    }

    /// Passes on what the inbox says, until it is gone.
    pub(super) async fn ring_on(&self, mut changed: broadcast::Receiver<Code>) {
        loop {
            match changed.recv().await {
                Ok(code) => {
                    let waiting = self.waiting();
                    waiting
                        .get(&code)
                        .into_iter()
                        .flatten()
                        .for_each(|bell| bell.notify_one());
                }
                // Which codes were missed is unknown: everybody looks.
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    let waiting = self.waiting();
                    waiting
                        .values()
                        .flatten()
                        .for_each(|bell| bell.notify_one());
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Code, Vec<Arc<Notify>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
