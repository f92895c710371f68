//! The fan-out on rumqttd's router.
//!
//! A router runs on a thread of its own, matches filters quadratically, remembers every topic and
//! client id it ever saw, and dies of some inputs, silently and for everyone. So nothing of what
//! clients write reaches its matching: a watched branch gets a numbered [`Slots`] entry, the router
//! knows only the topics `0` to `SLOTS - 1`, and the event travels as payload. Slots are given back,
//! links get the names of ended links, and a dead router is replaced while the watches stay.

use super::packed::{pack, unpack};
use super::{Event, Fanout, Feed, TooManyWatched, Watch};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use protocol::Code;
use rumqttd::{
    Notification, Router, RouterConfig,
    local::{LinkBuilder, LinkError, LinkRx, LinkTx},
    protocol::{Disconnect, DisconnectReasonCode, Packet, Publish},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Routers, each on its own thread; started when first needed.
const SHARDS: usize = 4;
/// Branches one router serves at a time.
const SLOTS: usize = 2048;
/// Watches one router serves at a time.
const LINKS: usize = 4096;
/// Events that wait for one router; publishers wait when it is this far behind.
const WAITING_MAX: usize = 1024;
/// Events handed to a router with one wake-up.
const BATCH_MAX: usize = 128;
/// Bytes a router keeps per branch for watchers that are behind, in segments of a half.
const LOG_BYTES: usize = 256 * 1024;
/// Pause before a watch returns to a router that has died.
const RETURN_MS: u64 = 50;

/// Watches of branches, on routers of rumqttd.
#[derive(Debug)]
pub struct RouterFanout {
    shards: [Arc<Shard>; SHARDS],
}

struct Shard {
    number: usize,
    state: Mutex<State>,
    restarts: AtomicU64,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// How many routers this shard has had.
    generation: u64,
    slots: Slots,
    links: Numbers,
}

/// A router that lives, or died unnoticed.
#[derive(Clone)]
struct Running {
    generation: u64,
    connect: Connect,
    posts: mpsc::Sender<Post>,
}

/// The router's own channel has a type without a public name: only a closure can hold it.
type Connect = Arc<dyn Fn(&str) -> Result<(LinkTx, LinkRx), Dead> + Send + Sync>;

/// The router is gone, and whatever was in it.
#[derive(Debug)]
struct Dead;

impl From<LinkError> for Dead {
    fn from(_: LinkError) -> Self {
        Self
    }
}

struct Post {
    slot: usize,
    event: Bytes,
}

/// Which branch has which number, and how many watch it.
#[derive(Default)]
struct Slots {
    taken: HashMap<Code, (usize, usize)>,
    numbers: Numbers,
}

/// Small numbers, given out and taken back.
#[derive(Default)]
struct Numbers {
    back: Vec<usize>,
    fresh: usize,
}

impl Numbers {
    fn take(&mut self, end: usize) -> Option<usize> {
        if let Some(number) = self.back.pop() {
            return Some(number);
        }
        (self.fresh < end).then(|| {
            self.fresh += 1;
            self.fresh - 1
        })
    }
}

impl Slots {
    fn enter(&mut self, code: Code) -> Option<usize> {
        if let Some((slot, watchers)) = self.taken.get_mut(&code) {
            *watchers += 1;
            return Some(*slot);
        }
        let slot = self.numbers.take(SLOTS)?;
        self.taken.insert(code, (slot, 1));
        Some(slot)
    }

    fn leave(&mut self, code: Code) {
        if let Some((slot, watchers)) = self.taken.get_mut(&code) {
            *watchers -= 1;
            if *watchers == 0 {
                self.numbers.back.push(*slot);
                self.taken.remove(&code);
            }
        }
    }
}

impl RouterFanout {
    /// Starts nothing yet: a router starts with the first watch it has to serve.
    pub fn new() -> Self {
        Self {
            shards: std::array::from_fn(|number| Arc::new(Shard::new(number))),
        }
    }

    /// How many routers had to be replaced.
    pub fn restarts(&self) -> u64 {
        let restarts = self.shards.iter().map(|shard| &shard.restarts);
        restarts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn shard(&self, code: Code) -> Option<&Arc<Shard>> {
        let [.., last] = code.as_bytes();
        self.shards.get(usize::from(*last) % SHARDS)
    }
}

impl Default for RouterFanout {
    fn default() -> Self {
        Self::new()
    }
}

impl Fanout for RouterFanout {
    fn publish(&self, event: Arc<Event>) -> BoxFuture<'_, ()> {
        let Some(shard) = self.shard(event.topic.code) else {
            return Box::pin(std::future::ready(()));
        };
        let (slot, running) = {
            let mut state = shard.state();
            // Nobody watches: nothing to do, and the router learns of no topic.
            let Some((slot, _)) = state.slots.taken.get(&event.topic.code).copied() else {
                return Box::pin(std::future::ready(()));
            };
            (slot, shard.running(&mut state))
        };
        let post = Post {
            slot,
            event: pack(&event),
        };
        Box::pin(async move {
            if running.posts.send(post).await.is_err() {
                shard.replace(running.generation);
            }
        })
    }

    fn watch(&self, code: Code) -> BoxFuture<'_, Result<Watch, TooManyWatched>> {
        Box::pin(async move {
            let shard = self.shard(code).ok_or(TooManyWatched)?;
            let seat = Seat::take(shard, code).ok_or(TooManyWatched)?;
            let (feed, watch) = Watch::new();
            let (ready, listening) = oneshot::channel();
            tokio::spawn(serve(seat, feed, ready));
            // Only when the router has the subscription is nothing missed any more.
            listening.await.map_err(|_| TooManyWatched)?;
            Ok(watch)
        })
    }
}

impl Shard {
    fn new(number: usize) -> Self {
        Self {
            number,
            state: Mutex::default(),
            restarts: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, state: &mut State) -> Running {
        if let Some(running) = &state.running {
            return running.clone();
        }
        state.generation += 1;
        let connect = start_router(self.number);
        let (posts, incoming) = mpsc::channel(WAITING_MAX);
        let running = Running {
            generation: state.generation,
            connect: Arc::clone(&connect),
            posts,
        };
        // Its link blocks when the router is behind: a thread, not a task.
        let thread = std::thread::Builder::new().name(format!("posts-{}", self.number));
        if let Err(error) = thread.spawn(move || post_all(&connect, incoming)) {
            tracing::error!(%error, "no thread for the fan-out");
        }
        state.running = Some(running.clone());
        running
    }

    /// Forgets a router that was seen dead; the next use starts another.
    fn replace(&self, dead: u64) {
        let mut state = self.state();
        if state.running.as_ref().is_some_and(|r| r.generation == dead) {
            state.running = None;
            self.restarts.fetch_add(1, Ordering::Relaxed);
            tracing::error!(shard = self.number, "the router died and is replaced");
        }
    }
}

fn start_router(number: usize) -> Connect {
    let config = RouterConfig {
        max_connections: LINKS + 1,
        max_outgoing_packet_count: 200,
        max_segment_size: LOG_BYTES / 2,
        max_segment_count: 2,
        ..RouterConfig::default()
    };
    let router = Router::new(number, config).spawn();
    Arc::new(move |name| {
        let link = LinkBuilder::new(name, router.clone()).clean_session(true);
        let (tx, rx, _) = link.build()?;
        Ok((tx, rx))
    })
}

/// Hands events to the router in batches until the fan-out is gone or the router dead.
fn post_all(connect: &Connect, mut posts: mpsc::Receiver<Post>) {
    let Ok((tx, _rx)) = connect("posts") else {
        return;
    };
    let mut link = Link(tx);
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while posts.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        let last = batch.pop();
        link.0.buffer().extend(batch.drain(..).map(Post::packet));
        let sent = last.and_then(|post| link.0.send(post.packet()).now_or_never());
        if matches!(sent, Some(Err(_))) {
            return;
        }
    }
}

impl Post {
    fn packet(self) -> Packet {
        let topic = Bytes::from(self.slot.to_string());
        Packet::Publish(Publish::new(topic, self.event, false), None)
    }
}

/// A link that says goodbye: the router does not notice when one is merely dropped.
struct Link(LinkTx);

impl Drop for Link {
    fn drop(&mut self) {
        let reason_code = DisconnectReasonCode::NormalDisconnection;
        let goodbye = Packet::Disconnect(Disconnect { reason_code }, None);
        // Sends on the first poll; at most it waits for the router to take a wake-up.
        let _ = self.0.send(goodbye).now_or_never();
    }
}

/// The right to one watch: a slot and the name of a link, given back when dropped.
struct Seat {
    shard: Arc<Shard>,
    code: Code,
    slot: usize,
    link: usize,
}

impl Seat {
    fn take(shard: &Arc<Shard>, code: Code) -> Option<Self> {
        let mut state = shard.state();
        let link = state.links.take(LINKS)?;
        let Some(slot) = state.slots.enter(code) else {
            state.links.back.push(link);
            return None;
        };
        drop(state);
        let shard = Arc::clone(shard);
        Some(Self {
            shard,
            code,
            slot,
            link,
        })
    }

    /// A link that is subscribed to the slot; blocks until the router has taken it.
    fn connect(&self, running: &Running) -> Result<(Link, LinkRx), Dead> {
        let (tx, mut rx) = (running.connect)(&format!("watch{}", self.link))?;
        let mut link = Link(tx);
        link.0.subscribe(self.slot.to_string())?;
        while !matches!(rx.recv()?, Some(Notification::DeviceAck(_))) {}
        Ok((link, rx))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.shard.state();
        state.slots.leave(self.code);
        state.links.back.push(self.link);
    }
}

/// Serves one watch until nobody holds it, through as many routers as it takes.
async fn serve(seat: Seat, feed: Feed, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    let seat = Arc::new(seat);
    while !feed.events.is_closed() {
        let running = seat.shard.running(&mut seat.shard.state());
        let generation = running.generation;
        let connecting = Arc::clone(&seat);
        let connected = tokio::task::spawn_blocking(move || connecting.connect(&running)).await;
        let Ok(connected) = connected else {
            return;
        };
        if let Ok((link, rx)) = connected {
            ready.take().map(|ready| ready.send(()));
            let ended = forward(&seat, &feed, rx).await;
            // Said before the seat is given back: the link's name is free only then.
            drop(link);
            if ended.is_ok() {
                return;
            }
        }
        seat.shard.replace(generation);
        tokio::time::sleep(Duration::from_millis(RETURN_MS)).await;
    }
}

/// Passes events on until nobody holds the watch; an error means that the router is dead.
async fn forward(seat: &Seat, feed: &Feed, mut rx: LinkRx) -> Result<(), Dead> {
    loop {
        let notification = tokio::select! {
            notification = rx.next() => notification?,
            () = feed.events.closed() => return Ok(()),
        };
        match notification {
            Some(Notification::Forward(forward)) => {
                // A slot's log may still hold events of the branch that had it before.
                let event = unpack(forward.publish.payload);
                if let Some(event) = event.filter(|event| event.topic.code == seat.code) {
                    feed.give(Arc::new(event));
                }
            }
            Some(Notification::Unschedule) => rx.wake().await?,
            _ => {}
        }
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::{code, topic};

    fn event(text: &str, payload: &'static [u8]) -> Arc<Event> {
        Arc::new(Event::new(topic(text), Bytes::from_static(payload)))
    }

    async fn next(watch: &mut Watch) -> Arc<Event> {
        let next = tokio::time::timeout(Duration::from_secs(20), watch.next());
        next.await.expect("in time").expect("an event")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_watcher_of_a_branch_gets_its_events_and_no_others() {
        let fanout = RouterFanout::new();
        let mut first = fanout.watch(code("A")).await.unwrap();
        let mut second = fanout.watch(code("A")).await.unwrap();
        let mut other = fanout.watch(code("B")).await.unwrap();
        let sent = event("oc/1/A/t/x", b"1");
        fanout.publish(Arc::clone(&sent)).await;
        assert_eq!(next(&mut first).await, sent);
        assert_eq!(next(&mut second).await, sent);
        let theirs = event("oc/1/B/t/x", b"2");
        fanout.publish(Arc::clone(&theirs)).await;
        assert_eq!(next(&mut other).await, theirs);
        assert!(first.try_next().is_none());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn slots_and_links_are_given_back() {
        let fanout = RouterFanout::new();
        let shard = fanout.shard(code("A")).unwrap();
        for _ in 0..3 {
            let watch = fanout.watch(code("A")).await.unwrap();
            assert_eq!(shard.state().slots.taken.len(), 1);
            drop(watch);
            while !shard.state().slots.taken.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let state = shard.state();
        assert_eq!((state.slots.numbers.fresh, state.links.fresh), (1, 1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dead_router_is_replaced_and_the_watches_stay() {
        let fanout = RouterFanout::new();
        let mut watch = fanout.watch(code("A")).await.unwrap();
        let shard = fanout.shard(code("A")).unwrap();
        // rumqttd slices a topic at its first byte, which is no character here.
        let killer = (shard.state().running.as_ref().unwrap().connect)("killer");
        let (mut tx, _rx) = killer.unwrap();
        tx.publish("é/x", "die").unwrap();
        for _ in 0..400 {
            fanout.publish(event("oc/1/A/t/x", b"again")).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            if fanout.restarts() > 0 && watch.try_next().is_some() {
                return;
            }
        }
        panic!("the watch never came back");
    }
}
