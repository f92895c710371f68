//! What a client is sent: in order, within its window, and what is kept until it is acknowledged.

use super::{
    End, OUT_HIGH_BYTES, Session,
    window::{Source, Window},
};
use crate::{
    mqtt::{counters::Reason, packet::Qos, subscription::delivery, writer::Outgoing},
    tree::Event,
};
use bytes::Bytes;
use protocol::Timestamp;
use std::sync::{Arc, atomic::Ordering};

/// Replies and retained messages that wait for the window; a client that lets more pile up does
/// not acknowledge.
const READY_MAX: usize = 256;

/// A message that waits for room.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) topic: Arc<str>,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    /// It may have been sent before.
    pub(super) again: bool,
    /// What MQTT 5 says beside the payload.
    pub(super) extras: Bytes,
    pub(super) expires: Option<Timestamp>,
    /// Of the subscriptions because of which it is sent.
    pub(super) identifiers: Vec<u32>,
    pub(super) source: Source,
}

impl Ready {
    pub(super) fn new(topic: Arc<str>, payload: Bytes) -> Self {
        Self {
            topic,
            payload,
            qos: Qos::AtMostOnce,
            retain: false,
            again: false,
            extras: Bytes::new(),
            expires: None,
            identifiers: Vec::new(),
            source: Source::Passing,
        }
    }
}

impl Session<'_> {
    /// An event as this client gets it; how is still to be said.
    pub(super) fn ready(&self, event: &Event) -> Ready {
        let who = self.listener();
        let taking = self.subscriptions.iter().filter(|s| s.takes(event, who));
        Ready {
            extras: event.extras.0.clone(),
            expires: event.expires,
            identifiers: taking.filter_map(|s| s.identifier).collect(),
            ..Ready::new(event.topic.to_string().into(), event.payload.clone())
        }
    }

    /// The wallet's direct answer, to where wallet messages come.
    pub(super) fn reply(&mut self, reply: Bytes) -> Result<(), End> {
        let Some(inbox) = &self.inbox else {
            self.note(Reason::ReplyUnheard);
            return Ok(());
        };
        let ready = Ready {
            qos: inbox.qos,
            ..Ready::new(Arc::clone(&self.inbox_topic), reply)
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

    /// An event of a watched branch: for the client if a subscription takes it and it may have it.
    pub(super) async fn offer(&mut self, event: &Event) {
        let missed = self.watches.take_missed();
        self.door.counters.count_many(Reason::Missed, missed);
        let Some(how) = delivery(&self.subscriptions, event, self.listener()) else {
            return;
        };
        // What is assured comes out of the file where there is one.
        if self.mail.is_some() && how.qos != Qos::AtMostOnce {
            return;
        }
        let admitted = self.door.tree.admit(&self.caller, &event.topic).await;
        if admitted.is_err() {
            return;
        }
        let ready = Ready {
            qos: how.qos,
            retain: how.retain,
            ..self.ready(event)
        };
        self.ready.push_back(ready);
    }

    /// Writes what is ready, then what is kept, then what waits in the inbox, then what was watched.
    pub(super) async fn deliver(&mut self) -> Result<(), End> {
        while self.out.len() < OUT_HIGH_BYTES {
            if let Some(ready) = self.ready.pop_front() {
                if !self.send(&ready) {
                    self.ready.push_front(ready);
                    return Ok(());
                }
            } else if self.mail_has_more() {
                if !self.fetch_mail().await {
                    return Ok(());
                }
            } else if self.inbox_has_more() {
                if !self.fetch_inbox().await {
                    return Ok(());
                }
            } else if let Some(event) = self.watches.try_next() {
                self.offer(&event).await;
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes a message, or drops what the client cannot take or nobody wants any more; false when
    /// it has to wait for the window.
    fn send(&mut self, ready: &Ready) -> bool {
        let now = self.door.kept.now();
        let expiry_s = ready.expires.map(|at| at.0.saturating_sub(now.0));
        let mut outgoing = Outgoing {
            topic: &ready.topic,
            payload: &ready.payload,
            qos: ready.qos,
            id: 0,
            retain: ready.retain,
            again: ready.again,
            extras: &ready.extras,
            expiry_s,
            identifiers: &ready.identifiers,
        };
        let large = outgoing.most_bytes() > self.packet_most;
        if large || expiry_s == Some(0) {
            if large {
                self.note(Reason::TooLarge);
            }
            if let Source::Kept(_) = ready.source {
                self.settled(Some(ready.source));
            }
            return true;
        }
        if ready.qos != Qos::AtMostOnce {
            let free = self.window.has_room();
            let id = free.then(|| Window::take(&mut self.window, ready.source, ready.qos, false));
            let Some(id) = id.flatten() else {
                return false;
            };
            outgoing.id = id;
        }
        outgoing.write(&mut self.out, self.version);
        self.door.counters.delivered.fetch_add(1, Ordering::Relaxed);
        true
    }
}
