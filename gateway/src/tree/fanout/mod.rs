//! From one publication to everybody who watches its branch.
//!
//! [`Fanout`] has two implementations: [`RouterFanout`] on rumqttd's router, and [`MemoryFanout`],
//! a map of channels without threads or clocks, for tests that must repeat exactly.

mod memory;
mod packed;
mod router;

pub use memory::MemoryFanout;
pub use router::RouterFanout;

use super::{Door, Extras, Topic};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::{Code, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Events that wait for one watcher; a slower watcher misses the newest ones, and is told how many.
pub const WATCH_WAITING_MAX: usize = 128;

/// Something that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub topic: Topic,
    /// What, byte for byte.
    pub payload: Bytes,
    /// Published with the retain flag.
    pub retain: bool,
    /// Published with QoS 1 or 2.
    pub assured: bool,
    /// Published with QoS 2.
    pub once: bool,
    /// Which session published it; 0 for none.
    pub origin: u64,
    /// By which door it came in; none when the house itself says it.
    pub door: Option<Door>,
    /// What MQTT 5 says beside the payload.
    pub extras: Extras,
    /// From when on nobody wants it any more.
    pub expires: Option<Timestamp>,
    /// Which member of each group that shares a subscription gets it.
    pub chosen: Vec<Chosen>,
}

/// One member of a group that shares a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The shared subscription.
    pub share: u64,
    /// The member.
    pub seat: u64,
}

impl Event {
    /// Something the house itself says, once and to whoever listens.
    pub fn new(topic: Topic, payload: Bytes) -> Self {
        Self {
            topic,
            payload,
            retain: false,
            assured: false,
            once: false,
            origin: 0,
            door: None,
            extras: Extras::default(),
            expires: None,
            chosen: Vec::new(),
        }
    }

    /// Whether somebody may still want it.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|at| now < at)
    }

    /// The event as bytes, for who keeps it.
    pub fn pack(&self) -> Bytes {
        packed::pack(self)
    }

    /// The event that was kept; `None` for bytes that are none.
    pub fn unpack(bytes: Bytes) -> Option<Self> {
        packed::unpack(bytes)
    }
}

/// Distributes events to those who watch a branch. Nothing here is durable.
pub trait Fanout: Send + Sync + 'static {
    /// Hands an event over; waits only while the fan-out itself is behind, never for a watcher.
    fn publish(&self, event: Arc<Event>) -> BoxFuture<'_, ()>;

    /// Watches one branch from now on. Dropping the watch ends it.
    fn watch(&self, code: Code) -> BoxFuture<'_, Result<Watch, TooManyWatched>>;
}

/// No room for another watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyWatched;

/// Events of one branch, as they come.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// The other end of a [`Watch`].
#[derive(Clone, Debug)]
pub(super) struct Feed {
    events: mpsc::Sender<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

impl Watch {
    pub(super) fn new() -> (Feed, Self) {
        let (feed, events) = mpsc::channel(WATCH_WAITING_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        let feed = Feed {
            events: feed,
            missed: Arc::clone(&missed),
        };
        (feed, Self { events, missed })
    }

    /// The next event; `None` when the fan-out is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        self.events.recv().await
    }

    /// The same as [`Watch::next`], for who watches several.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Event>>> {
        self.events.poll_recv(context)
    }

    /// The next event, if one waits.
    pub fn try_next(&mut self) -> Option<Arc<Event>> {
        self.events.try_recv().ok()
    }

    /// How many events were dropped because this watcher was too slow, since last asked.
    pub fn take_missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }
}

impl Feed {
    /// Gives the event, or counts it as missed; false when nobody watches any more.
    fn give(&self, event: Arc<Event>) -> bool {
        match self.events.try_send(event) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}
