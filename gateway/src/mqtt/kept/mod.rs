//! Sessions that outlive their connections and the process: subscriptions, what they are owed, and
//! what of QoS 2 is on its way; and what topics retain.
//!
//! ```text
//! Tree::publish -> Kept::keep -> who is owed it (Mailbox) -> one Change (Sessions) -> PUBACK
//! session       <- bell       <- Sessions::next           <- its client acknowledges -> Taken
//! ```
//!
//! A message of QoS 1 or 2 for a kept session goes through the file even while its client is
//! connected: only so is nothing lost when the process ends between PUBACK and delivery.

mod mailbox;

pub(super) use mailbox::Mailbox;
use mailbox::Slot;

use super::{
    live::ClientId,
    shares::Shares,
    subscription::{Delivery, Share, Subscription},
};
use crate::tree::{Event, Keeper, Keeping, Leaf, Tree};
use futures_util::future::BoxFuture;
use ledger::sessions::{Change, MessageRow, Posting, SessionRow, Sessions};
use protocol::{Code, Status, Timestamp};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a session is kept at most, in seconds: a week.
pub const SESSION_LIFE_MOST_S: u32 = 7 * 86_400;
/// Sessions that are kept in all.
const KEPT_MAX: usize = 20_000;
/// Sessions of one code that are kept.
const KEPT_PER_CODE: usize = 8;

/// Between two looks for sessions whose time has passed.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// All sessions that are kept, and who shares subscriptions with whom.
#[derive(Debug)]
pub struct Kept {
    store: Option<Sessions>,
    pub(super) shares: Shares,
    state: Mutex<State>,
    /// Held from the number of a message until the file has it in its queue: a session that has
    /// fetched up to a number does not look below it again.
    order: tokio::sync::Mutex<()>,
    /// What time it is for this door.
    pub(super) clock: fn() -> Timestamp,
}

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<ClientId, Arc<Mailbox>>,
    /// Who listens to a branch.
    listening: HashMap<Code, Vec<Arc<Mailbox>>>,
    /// The highest number of a session.
    newest: i64,
}

impl Kept {
    /// Keeps nothing: every session ends with its connection.
    pub fn nothing(clock: fn() -> Timestamp) -> Arc<Self> {
        Arc::new(Self {
            store: None,
            shares: Shares::default(),
            state: Mutex::default(),
            order: tokio::sync::Mutex::default(),
            clock,
        })
    }

    /// The sessions of a file, as they were left; what topics retained goes into the tree.
    pub async fn open(
        tree: &Tree,
        store: Sessions,
        clock: fn() -> Timestamp,
    ) -> Result<Arc<Self>, ledger::Error> {
        for bytes in store.retained().await? {
            let restored = Event::unpack(bytes.into()).map(|event| tree.restore(&event));
            if !matches!(restored, Some(Ok(()))) {
                tracing::warn!("something retained does not read, or has no room");
            }
        }
        let rows = store.all().await?;
        let kept = Self {
            store: Some(store),
            shares: Shares::default(),
            state: Mutex::default(),
            order: tokio::sync::Mutex::default(),
            clock,
        };
        for row in rows {
            kept.restore(&row);
        }
        Ok(Arc::new(kept))
    }

    fn restore(&self, row: &SessionRow) {
        let id = ClientId::of(row.code, &row.suffix);
        let subscriptions = row.subscriptions.iter().filter_map(Subscription::from_row);
        let mut subscriptions: Vec<_> = subscriptions.collect();
        // Whoever was connected when the process ended has been away since it began.
        let away = row.away.unwrap_or((self.clock)());
        let mailbox = Mailbox::new(row.number, id.clone(), row.life_s);
        let seat = mailbox.seat();
        for subscription in &mut subscriptions {
            if let Some(share) = &mut subscription.share {
                let joined = self
                    .shares
                    .join(&share.group, &subscription.filter, seat, false);
                share.id = joined.unwrap_or(0);
            }
        }
        let mailbox = Arc::new(mailbox.restored(subscriptions.clone(), &row.waiting, away));
        let mut state = self.state();
        state.newest = state.newest.max(row.number);
        state.by_id.insert(id, Arc::clone(&mailbox));
        state.listen(&mailbox, &[], &subscriptions);
    }

    /// What time it is for this door.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Whether sessions can be kept at all.
    pub(super) fn keeps(&self) -> bool {
        self.store.is_some()
    }

    /// Somebody connects under this id: the session that was kept, unless it is to be a new one, or
    /// one that begins. With it, whether it was kept, and what its client has not released. `None`
    /// when none was kept and none is to be.
    pub(super) async fn enter(&self, id: &ClientId, wish: Wish) -> Result<Option<Entered>, Status> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let mut known = self.state().by_id.get(id).cloned();
        if let Some(old) = known.take_if(|old| wish.clean || old.is_over((self.clock)())) {
            self.end(&old).await?;
        }
        if let Some(mailbox) = known {
            mailbox.come(wish.serial, wish.life_s);
            let presence = Change::Presence {
                session: mailbox.number,
                life_s: wish.life_s,
                away: None,
            };
            store.write(presence).await?;
            self.attend(&mailbox, true);
            let received = store.received(mailbox.number).await?;
            return Ok(Some(Entered {
                mailbox,
                resumed: true,
                received,
            }));
        }
        if wish.life_s == 0 {
            return Ok(None);
        }
        let mailbox = self.begin(id, wish.life_s).ok_or(Status::Full)?;
        mailbox.come(wish.serial, wish.life_s);
        let begin = Change::Begin {
            session: mailbox.number,
            code: id.code(),
            suffix: id.suffix().into(),
            life_s: wish.life_s,
        };
        if let Err(status) = store.write(begin).await {
            self.forget(&mailbox);
            return Err(status);
        }
        Ok(Some(Entered {
            mailbox,
            resumed: false,
            received: Vec::new(),
        }))
    }

    fn begin(&self, id: &ClientId, life_s: u32) -> Option<Arc<Mailbox>> {
        let mut state = self.state();
        let same = state.by_id.keys().filter(|other| other.code() == id.code());
        if state.by_id.len() >= KEPT_MAX || same.count() >= KEPT_PER_CODE {
            return None;
        }
        state.newest += 1;
        let mailbox = Arc::new(Mailbox::new(state.newest, id.clone(), life_s));
        state.by_id.insert(id.clone(), Arc::clone(&mailbox));
        Some(mailbox)
    }

    /// The connection has ended; the session is kept for as long as it was agreed.
    pub(super) async fn leave(&self, mailbox: &Arc<Mailbox>, life_s: u32) {
        let now = (self.clock)();
        mailbox.go(life_s, now);
        if life_s == 0 {
            // If this fails it is over at the next start.
            let _ = self.end(mailbox).await;
            return;
        }
        self.attend(mailbox, false);
        self.write_soon(Change::Presence {
            session: mailbox.number,
            life_s,
            away: Some(now),
        })
        .await;
    }

    /// Ends sessions when their time has passed, until `stopped` resolves.
    pub async fn keep_tidy(&self, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(TIDY_EVERY) => self.tidy().await,
            }
        }
    }

    /// Ends every session whose time has passed.
    pub(super) async fn tidy(&self) {
        let now = (self.clock)();
        let over: Vec<_> = {
            let state = self.state();
            let over = state.by_id.values().filter(|mailbox| mailbox.is_over(now));
            over.cloned().collect()
        };
        for mailbox in over {
            let _ = self.end(&mailbox).await;
        }
    }

    /// Ends all sessions of a code, whose life is over.
    pub(super) async fn end_all_of(&self, code: Code) {
        let of_code: Vec<_> = {
            let state = self.state();
            let of_code = state.by_id.iter().filter(|(id, _)| id.code() == code);
            of_code.map(|(_, mailbox)| Arc::clone(mailbox)).collect()
        };
        for mailbox in of_code {
            let _ = self.end(&mailbox).await;
        }
    }

    async fn end(&self, mailbox: &Arc<Mailbox>) -> Result<(), Status> {
        self.forget(mailbox);
        match &self.store {
            Some(store) => store.write(Change::End(mailbox.number)).await,
            None => Ok(()),
        }
    }

    fn forget(&self, mailbox: &Arc<Mailbox>) {
        let before = mailbox.subscriptions();
        for subscription in &before {
            if let Some(share) = &subscription.share {
                let branch = subscription.filter.code;
                self.shares.leave(branch, share.id, mailbox.seat());
            }
        }
        let mut state = self.state();
        let same = |there: &Arc<Mailbox>| there.number == mailbox.number;
        if state.by_id.get(&mailbox.id).is_some_and(same) {
            state.by_id.remove(&mailbox.id);
        }
        state.listen(mailbox, &before, &[]);
    }

    /// Those who share with it learn whether it is connected, unless it has ended meanwhile.
    fn attend(&self, mailbox: &Mailbox, present: bool) {
        let state = self.state();
        let there = state.by_id.get(&mailbox.id);
        if there.is_none_or(|there| there.number != mailbox.number) {
            return;
        }
        for subscription in mailbox.subscriptions() {
            if let Some(Share { group, .. }) = &subscription.share {
                let filter = &subscription.filter;
                self.shares.join(group, filter, mailbox.seat(), present);
            }
        }
    }

    /// The session listens to these now, because of `change`; durable on return.
    pub(super) async fn listen(
        &self,
        mailbox: &Arc<Mailbox>,
        subscriptions: &[Subscription],
        change: Change,
    ) -> Result<(), Status> {
        if let Some(store) = &self.store {
            store.write(change).await?;
        }
        let mut state = self.state();
        state.listen(mailbox, &mailbox.subscriptions(), subscriptions);
        mailbox.set_subscriptions(subscriptions);
        Ok(())
    }

    /// Something retained that a session is owed because it begins to listen; durable on return.
    pub(super) async fn owe_one(
        &self,
        mailbox: &Mailbox,
        event: &Event,
        how: Delivery,
    ) -> Result<(), Status> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let order = self.order.lock().await;
        let Slot {
            number,
            options,
            gone,
        } = mailbox.room_for(how, event.payload.len() + event.extras.0.len());
        let posting = Posting {
            bytes: event.pack().into(),
            to: vec![(mailbox.number, number, options)],
            ..Posting::default()
        };
        let posted = store.hand_over(Change::Post(posting)).await?;
        drop(order);
        posted.durable().await?;
        if !gone.is_empty() {
            self.write_soon(Change::Taken(mailbox.number, gone)).await;
        }
        mailbox.bell.notify_one();
        Ok(())
    }

    /// What waits for a session behind a number.
    pub(super) async fn next(
        &self,
        mailbox: &Mailbox,
        after: u64,
        most: u32,
    ) -> Result<Vec<MessageRow>, ledger::Error> {
        match &self.store {
            Some(store) => store.next(mailbox.number, after, most).await,
            None => Ok(Vec::new()),
        }
    }

    /// The client has these. A crash before it is written down: they come again, which is what QoS 1
    /// allows; those of QoS 2 are marked as released by then and do not.
    pub(super) async fn taken(&self, mailbox: &Mailbox, numbers: Vec<u64>) {
        mailbox.taken(&numbers);
        self.write_soon(Change::Taken(mailbox.number, numbers))
            .await;
    }

    /// The client has this message of QoS 2. Durable on return, and only then may it be told to
    /// forget the packet identifier: sent again afterwards, the message would be a new one to it.
    pub(super) async fn released(&self, mailbox: &Mailbox, number: u64) -> Result<(), Status> {
        self.write(Change::Released(mailbox.number, number)).await
    }

    /// The client has released a packet identifier. Durable on return: only then may it use the
    /// identifier for something else.
    pub(super) async fn completed(&self, mailbox: &Mailbox, id: u16) -> Result<(), Status> {
        self.write(Change::Completed(mailbox.number, id)).await
    }

    async fn write(&self, change: Change) -> Result<(), Status> {
        match &self.store {
            Some(store) => store.write(change).await,
            None => Ok(()),
        }
    }

    async fn write_soon(&self, change: Change) {
        if let Some(store) = &self.store {
            store.write_soon(change).await;
        }
    }

    /// Whether any kept session listens to the branch of an event.
    fn is_heard(&self, event: &Event) -> bool {
        self.state().listening.contains_key(&event.topic.code)
    }

    /// Finds room for an event with everybody who is owed it.
    fn owe(&self, event: &Event, bytes: usize, readers: &[Code]) -> Owed {
        let mut owed = Owed::default();
        let state = self.state();
        let listening = state.listening.get(&event.topic.code);
        let branch = event.topic.code;
        let may = |code: Code| code == branch || readers.contains(&code);
        let listening = listening.into_iter().flatten();
        for mailbox in listening.filter(|mailbox| may(mailbox.id.code())) {
            if let Some(slot) = mailbox.slot(event, bytes) {
                owed.to.push((mailbox.number, slot.number, slot.options));
                if !slot.gone.is_empty() {
                    owed.gone.push(Change::Taken(mailbox.number, slot.gone));
                }
                owed.bells.push(Arc::clone(mailbox));
            }
        }
        owed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client wants of its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// A new one.
    pub(super) clean: bool,
    /// How long it is to be kept after the connection, in seconds.
    pub(super) life_s: u32,
    /// The number of the connection.
    pub(super) serial: u64,
}

/// A session that is kept, entered.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) mailbox: Arc<Mailbox>,
    /// It was there before.
    pub(super) resumed: bool,
    /// Packet identifiers its client has not released.
    pub(super) received: Vec<u16>,
}

#[derive(Default)]
struct Owed {
    to: Vec<(i64, u64, u8)>,
    gone: Vec<Change>,
    bells: Vec<Arc<Mailbox>>,
}

impl State {
    /// It listens to other things than before.
    fn listen(&mut self, mailbox: &Arc<Mailbox>, before: &[Subscription], after: &[Subscription]) {
        let same = |there: &Arc<Mailbox>| there.number == mailbox.number;
        for subscription in before {
            let code = subscription.filter.code;
            if let Some(there) = self.listening.get_mut(&code) {
                there.retain(|one| !same(one));
                if there.is_empty() {
                    self.listening.remove(&code);
                }
            }
        }
        for subscription in after {
            let there = self.listening.entry(subscription.filter.code).or_default();
            if !there.iter().any(same) {
                there.push(Arc::clone(mailbox));
            }
        }
    }
}

impl Keeper for Kept {
    fn keep<'e>(&'e self, event: &'e mut Event, how: Keeping) -> BoxFuture<'e, Result<(), Status>> {
        event.chosen = self.shares.choose(event);
        Box::pin(async move {
            let Some(store) = &self.store else {
                return Ok(());
            };
            // What a thing shall become stands in the diary, with who said so.
            let retain = how.retain && event.topic.leaf != Leaf::Desired;
            let received = how.received.map(|received| (received.session, received.id));
            if !retain && received.is_none() && !self.is_heard(event) {
                return Ok(());
            }
            let order = self.order.lock().await;
            let owed = self.owe(
                event,
                event.payload.len() + event.extras.0.len(),
                &how.readers,
            );
            if owed.to.is_empty() && !retain && received.is_none() {
                return Ok(());
            }
            let topic = retain.then(|| event.topic.to_string());
            let empty = event.payload.is_empty();
            let posting = Change::Post(Posting {
                bytes: event.pack().into(),
                clear: topic.clone().filter(|_| empty),
                retain: topic.filter(|_| !empty),
                to: owed.to,
                received,
            });
            let posted = store.hand_over(posting).await?;
            drop(order);
            if event.assured {
                posted.durable().await?;
            }
            for mailbox in owed.bells {
                mailbox.bell.notify_one();
            }
            for gone in owed.gone {
                store.write_soon(gone).await;
            }
            Ok(())
        })
    }
}
