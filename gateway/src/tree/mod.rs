//! One tree behind all doors: rights, retained payloads, fan-out, and the way to the wallet.
//!
//! An MQTT topic and a CoAP path are the same name, a [`Topic`]. A door authenticates a caller,
//! parses a topic and asks the [`Tree`]; whatever a door may not do, the tree refuses with the same
//! [`Refusal`], which the door spells in its own protocol.
//!
//! ```text
//! door --publish--> rights --> w/out: WalletDesk (durable) --> reply
//!                          \-> other: retained, Fanout --> watches
//! ```
//!
//! When [`Tree::publish`] of a wallet message returns, what it changed is durable: only then may a
//! door acknowledge. What waits for a thing in its wallet inbox is never handed to the fan-out: the
//! doors read it from the [`Inbox`] and remove it when the thing has acknowledged it.

mod bells;
mod desk;
pub mod fanout;
mod filter;
mod keeper;
mod readers;
mod retained;
mod rights;
#[cfg(test)]
pub(crate) mod tests;
mod topic;

pub use bells::Bell;
pub use desk::{Declined, Inbox, WALLET_MESSAGE_MAX, WalletDesk};
pub use fanout::{Chosen, Event, Fanout, Watch};
pub use filter::Filter;
pub use keeper::{Forwarder, Keeper, Keeping, Links, Received};
pub use readers::{Entitled, Given, Readers};
pub use retained::{RETAINED_BRANCH_BYTES_MAX, RETAINED_BYTES_MAX, RETAINED_TOPICS_MAX};
pub use topic::{Leaf, NAME_LEVELS_MAX, NAME_MAX, Name, Peer, TOPIC_MAX, Topic, TopicError};

use bells::Bells;
use bytes::Bytes;
use device_sdk::lists::Part;
use protocol::{Code, Status, Timestamp};
use retained::Retained;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Bytes of the largest payload that is no wallet message.
pub const PAYLOAD_MAX: usize = 100 * 1024;

/// Stands for the session of whoever is above; sessions count from 1.
const FROM_ABOVE: u64 = u64::MAX;

/// By which door somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// MQTT over mutual TLS.
    Mqtt,
    /// CoAP without encryption: signed wallet objects and discovery only.
    Coap,
    /// CoAP over DTLS with a client certificate.
    Coaps,
    /// HTTP.
    Http,
}

impl Door {
    /// What people call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mqtt => "MQTT",
            Self::Coap | Self::Coaps => "CoAP",
            Self::Http => "HTTP",
        }
    }
}

/// Somebody whose code was proved at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Who.
    pub code: Code,
    /// Where.
    pub door: Door,
}

/// How something is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Keep it as the newest payload of its topic.
    pub retain: bool,
    /// Subscribers may have it with QoS 1.
    pub assured: bool,
    /// And with QoS 2.
    pub once: bool,
    /// Which session publishes, so that it need not hear itself; 0 for none.
    pub origin: u64,
    /// With QoS 2, what keeps it from being published twice.
    pub received: Option<Received>,
    /// What MQTT 5 says beside the payload.
    pub extras: Extras,
    /// From when on nobody wants it any more.
    pub expires: Option<Timestamp>,
}

/// What MQTT 5 says beside a payload (format, content type, response topic, correlation data, user
/// properties), encoded as the publisher sent it. Other doors pass it by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras(pub Bytes);

/// Bytes of the largest [`Extras`].
pub const EXTRAS_MAX: usize = 8 * 1024;

/// A publication was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The wallet's direct answer, a whole wallet message for the caller.
    pub reply: Option<Bytes>,
}

/// Why the tree did not do it. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The topic or filter is none.
    Topic(TopicError),
    /// Not with this code.
    Forbidden,
    /// Each read has a price, and none is left that was paid.
    Unpaid,
    /// The payload is larger than [`PAYLOAD_MAX`] or, for a wallet message, [`WALLET_MESSAGE_MAX`];
    /// or what is said beside it than [`EXTRAS_MAX`].
    TooLarge,
    /// No room: for another retained payload, or another watch.
    Full,
    /// It could not be made durable; to be sent again.
    NotKept,
    /// The wallet refused.
    Wallet(Declined),
}

/// Revoked codes, for whoever asks: signed, and the same in every branch.
#[derive(Clone, Debug, Default)]
struct PostedLists {
    whole: Bytes,
    changes: Bytes,
}

/// The tree.
pub struct Tree {
    fanout: Arc<dyn Fanout>,
    desk: Arc<dyn WalletDesk>,
    inbox: Arc<dyn Inbox>,
    retained: Retained,
    lists: RwLock<PostedLists>,
    bells: Arc<Bells>,
    ringer: AbortHandle,
    tap: OnceLock<Tap>,
    keeper: OnceLock<Arc<dyn Keeper>>,
    forwarder: OnceLock<Arc<dyn Forwarder>>,
    links: OnceLock<Arc<dyn Links>>,
    readers: OnceLock<Arc<dyn Readers>>,
    clock: fn() -> Timestamp,
}

/// Where everything that is published goes besides, as far as it is taken away.
#[derive(Debug)]
struct Tap {
    events: mpsc::Sender<Arc<Event>>,
    missed: AtomicU64,
}

impl Tree {
    /// Joins the parts. Needs a running tokio runtime.
    pub fn new(
        fanout: Arc<dyn Fanout>,
        desk: Arc<dyn WalletDesk>,
        inbox: Arc<dyn Inbox>,
        clock: fn() -> Timestamp,
    ) -> Arc<Self> {
        let bells = Arc::<Bells>::default();
        let changed = inbox.changed();
        let ringing = Arc::clone(&bells);
        let ringer = tokio::spawn(async move { ringing.ring_on(changed).await }).abort_handle();
        Arc::new(Self {
            fanout,
            desk,
            inbox,
            retained: Retained::default(),
            lists: RwLock::default(),
            bells,
            ringer,
            tap: OnceLock::new(),
            keeper: OnceLock::new(),
            forwarder: OnceLock::new(),
            links: OnceLock::new(),
            readers: OnceLock::new(),
            clock,
        })
    }

    /// From now on `keeper` keeps what is retained and owed, once and for good.
    pub fn kept_by(&self, keeper: Arc<dyn Keeper>) {
        let _ = self.keeper.set(keeper);
    }

    /// From now on `forwarder` hands events on to whoever is above, once and for good.
    pub fn forwarded_by(&self, forwarder: Arc<dyn Forwarder>) {
        let _ = self.forwarder.set(forwarder);
    }

    /// From now on `links` takes what gateways below bring, once and for good.
    pub fn linked_by(&self, links: Arc<dyn Links>) {
        let _ = self.links.set(links);
    }

    /// From now on `readers` says who may read of others' branches, once and for good. Until then
    /// nobody may.
    pub fn read_by(&self, readers: Arc<dyn Readers>) {
        let _ = self.readers.set(readers);
    }

    /// What a topic retained before this tree began; nobody hears it anew.
    pub fn restore(&self, event: &Event) -> Result<(), Refusal> {
        self.retained.keep(event).map_err(|_| Refusal::Full)
    }

    /// From now on everything that is published is handed to `events`, too, once and for good. What
    /// finds no room there is missed: no thing waits for it.
    pub fn tap(&self, events: mpsc::Sender<Arc<Event>>) {
        let missed = AtomicU64::new(0);
        let _ = self.tap.set(Tap { events, missed });
    }

    /// How many events were not handed to the tap.
    pub fn tap_missed(&self) -> u64 {
        let tap = self.tap.get();
        tap.map_or(0, |tap| tap.missed.load(Ordering::Relaxed))
    }

    /// Publishes. A wallet message goes to the desk, and what it changed is durable on return;
    /// everything else is retained where asked for and handed to whoever watches the branch.
    pub async fn publish(
        &self,
        caller: &Caller,
        topic: &Topic,
        payload: Bytes,
        how: Manner,
    ) -> Result<Published, Refusal> {
        if !rights::may_publish(caller.code, topic) {
            return Err(Refusal::Forbidden);
        }
        if let Leaf::Outbox(peer) = topic.leaf {
            let reply = self.wallet(Some(*caller), peer, payload).await?;
            return Ok(Published { reply });
        }
        if topic.leaf == Leaf::LinkUp {
            self.frame(caller.code, payload).await?;
            return Ok(Published::default());
        }
        self.spread(topic, payload, how, Some(caller.door)).await?;
        Ok(Published::default())
    }

    /// Hands a frame to whoever keeps the links, and tells the gateway what answers it.
    async fn frame(&self, from: Code, frame: Bytes) -> Result<(), Refusal> {
        let links = self.links.get().ok_or(Refusal::Forbidden)?;
        let answers = links.take(from, frame).await;
        for answer in answers.map_err(|_| Refusal::NotKept)? {
            self.tell_gateway(from, answer).await?;
        }
        Ok(())
    }

    /// The house itself tells a gateway below something; when it is away it does not hear it.
    pub async fn tell_gateway(&self, code: Code, frame: Bytes) -> Result<(), Refusal> {
        let leaf = Leaf::LinkDown;
        self.spread(&Topic { code, leaf }, frame, assured(), None)
            .await
    }

    /// Hands a wallet message to the desk. `caller` is `None` on doors that authenticate nobody.
    pub async fn wallet(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: Bytes,
    ) -> Result<Option<Bytes>, Refusal> {
        if message.len() > WALLET_MESSAGE_MAX {
            return Err(Refusal::TooLarge);
        }
        let handled = self.desk.handle(caller, peer, message).await;
        handled
            .map(|reply| reply.map(Bytes::from))
            .map_err(Refusal::Wallet)
    }

    /// Whether `topic` may be left as a last will; [`Tree::publish`] checks again when it comes
    /// to that.
    pub fn may_leave_will(&self, caller: &Caller, topic: &Topic) -> Result<(), Refusal> {
        permit(rights::may_leave_will(caller.code, topic))
    }

    /// Whether a filter may be subscribed to, and how. Of somebody else's branch one grant has to
    /// give all that the filter takes.
    pub fn may_subscribe(&self, caller: &Caller, filter: &Filter) -> Result<Entitled, Refusal> {
        if rights::may_read(caller.code, filter.code) {
            return Ok(Entitled::Freely);
        }
        let given = self.given(filter.code);
        readers::entitled(&given, caller.code, filter).ok_or(Refusal::Forbidden)
    }

    /// Lets the caller have something of a topic. Where a read has a price, one that was paid is
    /// taken, and stays taken on return.
    pub async fn admit(&self, caller: &Caller, topic: &Topic) -> Result<(), Refusal> {
        if rights::may_read(caller.code, topic.code) {
            return Ok(());
        }
        let mut given = self.given(topic.code);
        given.retain(|given| given.reader == caller.code && given.filter.takes(topic));
        if given.iter().any(|given| !given.priced) {
            return Ok(());
        }
        let mut refusal = Refusal::Forbidden;
        if let Some(readers) = self.readers.get() {
            for given in &given {
                if readers.take(given).await.map_err(|_| Refusal::NotKept)? {
                    return Ok(());
                }
                refusal = Refusal::Unpaid;
            }
        }
        Err(refusal)
    }

    fn given(&self, branch: Code) -> Vec<Given> {
        let readers = self.readers.get();
        readers.map_or_else(Vec::new, |readers| readers.given(branch))
    }

    /// What is retained and a filter takes, as far as the caller may have it: see [`Tree::admit`].
    pub async fn retained(
        &self,
        caller: &Caller,
        filter: &Filter,
    ) -> Result<Vec<Arc<Event>>, Refusal> {
        self.may_subscribe(caller, filter)?;
        let mut kept = self.look_all(filter);
        if *filter == Filter::exactly(&grants_of(caller.code)) {
            kept.extend(self.grants(caller.code).await);
        }
        let mut admitted = Vec::with_capacity(kept.len());
        let mut refused = None;
        for event in kept {
            match self.admit(caller, &event.topic).await {
                Ok(()) => admitted.push(event),
                Err(refusal) => refused = Some(refusal),
            }
        }
        match refused {
            Some(refusal) if admitted.is_empty() => Err(refusal),
            _ => Ok(admitted),
        }
    }

    /// The house itself looks at what is retained and a filter takes.
    pub fn look_all(&self, filter: &Filter) -> Vec<Arc<Event>> {
        let mut kept = self.retained.matching(filter, (self.clock)());
        // Long, and the same for all: only for who names them, never by a wildcard.
        for part in Part::BOTH {
            let (code, leaf) = (filter.code, Leaf::List(part));
            let topic = Topic { code, leaf };
            if *filter == Filter::exactly(&topic) {
                let list = self.list(part).map(|list| Event {
                    assured: true,
                    ..Event::new(topic, list)
                });
                kept.extend(list.map(Arc::new));
            }
        }
        kept
    }

    /// What a code may read of others, as it stands now.
    async fn grants(&self, reader: Code) -> Option<Arc<Event>> {
        let list = self.readers.get()?.list(reader).await.ok()?;
        Some(Arc::new(Event {
            assured: true,
            ..Event::new(grants_of(reader), list)
        }))
    }

    /// Tells a code what it may read of others, because that has changed.
    pub async fn tell_grants(&self, reader: Code) {
        if let Some(event) = self.grants(reader).await {
            let payload = event.payload.clone();
            // Who does not hear it reads it.
            let _ = self.spread(&event.topic, payload, assured(), None).await;
        }
    }

    fn list(&self, part: Part) -> Option<Bytes> {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let list = match part {
            Part::Whole => &lists.whole,
            Part::Changes => &lists.changes,
        };
        (!list.is_empty()).then(|| list.clone())
    }

    /// The house itself posts the newest list of revoked codes, whole and its changes. Who is
    /// connected hears of the newest codes in its inbox; the list is there for who asks.
    pub fn post_lists(&self, whole: Bytes, changes: Bytes) {
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        *lists = PostedLists { whole, changes };
    }

    /// Watches a branch from now on; the caller picks with [`Filter::takes`], and of somebody else's
    /// branch lets [`Tree::admit`] decide about each event. The wallet inbox is not in it, see
    /// [`Tree::inbox_bell`].
    pub async fn watch(&self, caller: &Caller, branch: Code) -> Result<Watch, Refusal> {
        let may = rights::may_read(caller.code, branch);
        let reads = |given: &Given| given.reader == caller.code;
        permit(may || self.given(branch).iter().any(reads))?;
        self.watch_branch(branch).await
    }

    /// The caller begins to read its wallet inbox: what the gateway has to tell it is put there.
    pub async fn synchronise(&self, caller: &Caller) {
        self.desk.synchronise(*caller).await;
    }

    /// At most `most` entries of the caller's wallet inbox with numbers above `after`.
    pub async fn inbox_next(
        &self,
        caller: &Caller,
        after: u64,
        most: u32,
    ) -> Result<Vec<(u64, Bytes)>, Refusal> {
        let entries = self.inbox.next(caller.code, after, most).await;
        entries.map_err(|status| Refusal::Wallet(status.into()))
    }

    /// Removes the entries of the caller's wallet inbox up to and including `up_to`.
    pub async fn inbox_acknowledge(&self, caller: &Caller, up_to: u64) -> Result<(), Refusal> {
        let done = self.inbox.acknowledge(caller.code, up_to).await;
        done.map_err(|status| Refusal::Wallet(status.into()))
    }

    /// Rings whenever the caller's wallet inbox has grown.
    pub fn inbox_bell(&self, caller: &Caller) -> Bell {
        self.bells.hang(caller.code)
    }

    /// The house itself tells a thing what it shall become.
    pub async fn set_desired(&self, code: Code, payload: Bytes) -> Result<(), Refusal> {
        let leaf = Leaf::Desired;
        self.spread(&Topic { code, leaf }, payload, assured(), None)
            .await
    }

    /// What a thing was told to become before this tree began; nobody hears it anew.
    pub fn restore_desired(&self, code: Code, payload: &Bytes) -> Result<(), Refusal> {
        let leaf = Leaf::Desired;
        self.restore(&Event {
            assured: true,
            ..Event::new(Topic { code, leaf }, payload.clone())
        })
    }

    /// The house itself commands a thing; who is away does not hear it.
    pub async fn command(&self, code: Code, id: Name, payload: Bytes) -> Result<(), Refusal> {
        let leaf = Leaf::Command(id);
        self.spread(&Topic { code, leaf }, payload, assured(), None)
            .await
    }

    /// The house itself looks at a retained payload.
    pub fn look(&self, topic: &Topic) -> Option<Bytes> {
        let kept = self.retained.get(topic, (self.clock)());
        kept.map(|event| event.payload.clone())
    }

    /// The house itself watches a branch, as the portal does for people.
    pub async fn watch_branch(&self, branch: Code) -> Result<Watch, Refusal> {
        self.fanout.watch(branch).await.map_err(|_| Refusal::Full)
    }

    /// Whoever is above says it; it is not handed back there.
    pub async fn bring(&self, topic: &Topic, payload: Bytes, how: Manner) -> Result<(), Refusal> {
        let origin = FROM_ABOVE;
        let how = Manner { origin, ..how };
        self.spread(topic, payload, how, None).await
    }

    async fn spread(
        &self,
        topic: &Topic,
        payload: Bytes,
        how: Manner,
        door: Option<Door>,
    ) -> Result<(), Refusal> {
        if payload.len() > PAYLOAD_MAX || how.extras.0.len() > EXTRAS_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut event = Event {
            topic: topic.clone(),
            payload,
            retain: how.retain,
            assured: how.assured,
            once: how.once,
            origin: how.origin,
            door,
            extras: how.extras,
            expires: how.expires,
            chosen: Vec::new(),
        };
        let keeping = Keeping {
            retain: how.retain || topic.always_retained(),
            received: how.received,
            readers: readers::free_readers(&self.given(topic.code), topic),
        };
        if keeping.retain {
            self.restore(&event)?;
        }
        if let Some(keeper) = self.keeper.get() {
            let kept = keeper.keep(&mut event, keeping).await;
            kept.map_err(|_| Refusal::NotKept)?;
        }
        if let Some(forwarder) = self.forwarder.get()
            && event.origin != FROM_ABOVE
        {
            // A crash before this: the publisher was not acknowledged and says it again.
            let forwarded = forwarder.forward(&event).await;
            forwarded.map_err(|_| Refusal::NotKept)?;
        }
        let event = Arc::new(event);
        if let Some(tap) = self.tap.get()
            && tap.events.try_send(Arc::clone(&event)).is_err()
        {
            tap.missed.fetch_add(1, Ordering::Relaxed);
        }
        self.fanout.publish(event).await;
        Ok(())
    }
}

/// Where a code finds what it may read of others.
fn grants_of(code: Code) -> Topic {
    let leaf = Leaf::Grants;
    Topic { code, leaf }
}

/// How the house itself speaks to a thing.
fn assured() -> Manner {
    Manner {
        assured: true,
        ..Manner::default()
    }
}

fn permit(may: bool) -> Result<(), Refusal> {
    if may { Ok(()) } else { Err(Refusal::Forbidden) }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.ringer.abort();
    }
}

impl Refusal {
    /// The wallet status that says the same, for doors that answer with wallet messages.
    pub fn status(&self) -> Status {
        match self {
            Self::Topic(_) | Self::TooLarge => Status::Malformed,
            Self::Forbidden | Self::Unpaid => Status::NotPermitted,
            Self::Full => Status::Full,
            Self::NotKept => Status::Storage,
            Self::Wallet(declined) => declined.status,
        }
    }

    /// The refusal as a wallet message.
    pub fn message(&self) -> Bytes {
        match self {
            Self::Wallet(declined) => declined.message(),
            other => Declined::from(other.status()).message(),
        }
    }
}

impl From<TopicError> for Refusal {
    fn from(error: TopicError) -> Self {
        Self::Topic(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Forbidden => f.write_str("not permitted with this code"),
            Self::Unpaid => f.write_str("not paid: oc/1/<own code>/g says what a read costs"),
            Self::TooLarge => f.write_str("the payload is too large"),
            Self::Full => f.write_str("no room"),
            Self::NotKept => f.write_str("not made durable; to be sent again"),
            Self::Wallet(declined) => declined.status.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").finish_non_exhaustive()
    }
}
