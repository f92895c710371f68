//! What a client is sent: in order, within its window, and the inbox until it is acknowledged.

use super::{End, OUT_HIGH_BYTES, Session};
use crate::{
    mqtt::{counters::Reason, packet::Qos, writer::Outgoing},
    tree::Bell,
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Messages with QoS 1 a client may owe acknowledgements for.
const WINDOW_MAX: usize = 32;
/// Replies and retained messages that wait for the window; a client that lets more pile up does
/// not acknowledge.
const READY_MAX: usize = 256;
/// Inbox entries fetched at once.
const INBOX_BATCH: u32 = 16;
/// Pause before the inbox is asked again after its storage failed.
const INBOX_RETRY_MS: u64 = 1_000;

/// A message that waits for room.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) topic: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// The number of the inbox entry it is.
    pub(super) entry: Option<u64>,
}

/// Which packet identifiers are in use, and for what.
#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    newest: u16,
    owed: VecDeque<(u16, Option<u64>)>,
}

impl Window {
    pub(super) fn new(receive_most: u16) -> Self {
        Self {
            most: usize::from(receive_most).min(WINDOW_MAX),
            newest: 0,
            owed: VecDeque::new(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.owed.len() < self.most
    }

    fn room(&self) -> u32 {
        u32::try_from(self.most - self.owed.len()).unwrap_or(u32::MAX)
    }

    /// An identifier that is free: at most [`WINDOW_MAX`] are not.
    fn take(&mut self, entry: Option<u64>) -> u16 {
        loop {
            self.newest = self.newest.checked_add(1).unwrap_or(1);
            if self.owed.iter().all(|(id, _)| *id != self.newest) {
                self.owed.push_back((self.newest, entry));
                return self.newest;
            }
        }
    }

    /// What the identifier stood for; `None` when it was not owed.
    fn settle(&mut self, id: u16) -> Option<Option<u64>> {
        let at = self.owed.iter().position(|(owed, _)| *owed == id)?;
        self.owed.remove(at).map(|(_, entry)| entry)
    }
}

/// The wallet inbox as one session reads it. An entry leaves the books when the client has
/// acknowledged it and all before it; with QoS 0 the client looks without taking.
#[derive(Debug)]
pub(super) struct InboxFeed {
    pub(super) bell: Bell,
    pub(super) qos: Qos,
    pub(super) retry_at: Option<Instant>,
    /// Sent up to here.
    after: u64,
    /// There may be more behind it.
    more: bool,
    /// Sent and not removed, in order; true when acknowledged.
    sent: VecDeque<(u64, bool)>,
}

impl InboxFeed {
    pub(super) fn new(bell: Bell) -> Self {
        Self {
            bell,
            qos: Qos::AtMostOnce,
            retry_at: None,
            after: 0,
            more: true,
            sent: VecDeque::new(),
        }
    }

    fn acknowledged(&mut self, number: u64) {
        if let Some((_, done)) = self.sent.iter_mut().find(|(sent, _)| *sent == number) {
            *done = true;
        }
    }

    /// The highest number up to which everything is acknowledged, if that is news.
    fn removable(&mut self) -> Option<u64> {
        let mut up_to = None;
        while let Some((number, true)) = self.sent.front() {
            up_to = Some(*number);
            self.sent.pop_front();
        }
        up_to
    }
}

impl Session<'_> {
    /// The wallet's direct answer, to where wallet messages come.
    pub(super) fn reply(&mut self, reply: Bytes) -> Result<(), End> {
        let Some(inbox) = &self.inbox else {
            self.note(Reason::ReplyUnheard);
            return Ok(());
        };
        let ready = Ready {
            topic: Arc::clone(&self.inbox_topic),
            payload: reply,
            qos: inbox.qos,
            retain: false,
            entry: None,
        };
        self.enqueue(ready)
    }

    pub(super) fn enqueue(&mut self, ready: Ready) -> Result<(), End> {
        if self.ready.len() >= READY_MAX {
            return Err(Reason::SlowReader.into());
        }
        self.ready.push_back(ready);
        Ok(())
    }

    pub(super) fn look_into_inbox(&mut self) {
        if let Some(inbox) = &mut self.inbox {
            inbox.more = true;
        }
    }

    /// The client has a message with QoS 1. An identifier that is not owed is of an older time.
    pub(super) fn settled(&mut self, id: u16) {
        if let (Some(Some(number)), Some(inbox)) = (self.window.settle(id), &mut self.inbox) {
            inbox.acknowledged(number);
        }
    }

    /// Removes from the books what the client has acknowledged. If that fails the entries come
    /// again with the next session, which is harmless.
    pub(super) async fn acknowledge_inbox(&mut self) {
        let Some(up_to) = self.inbox.as_mut().and_then(InboxFeed::removable) else {
            return;
        };
        let tree = &self.door.tree;
        if let Err(refusal) = tree.inbox_acknowledge(&self.caller, up_to).await {
            tracing::warn!(code = %self.caller.code, %refusal, "inbox entries stay");
        }
    }

    /// Writes what is ready, then what waits in the inbox, then what was watched.
    pub(super) async fn deliver(&mut self) -> Result<(), End> {
        while self.out.len() < OUT_HIGH_BYTES {
            if let Some(ready) = self.ready.front() {
                if ready.qos == Qos::AtLeastOnce && !self.window.has_room() {
                    return Ok(());
                }
                if let Some(ready) = self.ready.pop_front() {
                    self.send(&ready);
                }
            } else if self.inbox.as_ref().is_some_and(|inbox| inbox.more) {
                if !self.fetch_inbox().await {
                    return Ok(());
                }
            } else if let Some(event) = self.watch.as_mut().and_then(|watch| watch.try_next()) {
                self.offer(&event);
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Fetches the next entries of the inbox; false when it has to wait.
    async fn fetch_inbox(&mut self) -> bool {
        let Some(inbox) = &mut self.inbox else {
            return false;
        };
        let now = Instant::now();
        if inbox.retry_at.is_some_and(|at| at > now) {
            return false;
        }
        let most = match inbox.qos {
            Qos::AtMostOnce => INBOX_BATCH,
            Qos::AtLeastOnce => INBOX_BATCH.min(self.window.room()),
        };
        if most == 0 {
            return false;
        }
        let tree = &self.door.tree;
        match tree.inbox_next(&self.caller, inbox.after, most).await {
            Ok(entries) => {
                inbox.retry_at = None;
                inbox.more = entries.len() as u64 >= u64::from(most);
                for (number, payload) in entries {
                    inbox.after = inbox.after.max(number);
                    if inbox.qos == Qos::AtLeastOnce {
                        inbox.sent.push_back((number, false));
                    }
                    self.ready.push_back(Ready {
                        topic: Arc::clone(&self.inbox_topic),
                        payload,
                        qos: inbox.qos,
                        retain: false,
                        entry: Some(number),
                    });
                }
                true
            }
            Err(refusal) => {
                tracing::warn!(code = %self.caller.code, %refusal, "inbox not read");
                inbox.retry_at = Some(now + Duration::from_millis(INBOX_RETRY_MS));
                false
            }
        }
    }

    fn send(&mut self, ready: &Ready) {
        let mut outgoing = Outgoing {
            topic: &ready.topic,
            payload: &ready.payload,
            id: None,
            retain: ready.retain,
        };
        if outgoing.most_bytes() > self.packet_most {
            self.note(Reason::TooLarge);
            return;
        }
        if ready.qos == Qos::AtLeastOnce {
            outgoing.id = Some(self.window.take(ready.entry));
        }
        outgoing.write(&mut self.out, self.version);
        self.door.counters.delivered.fetch_add(1, Ordering::Relaxed);
    }
}
