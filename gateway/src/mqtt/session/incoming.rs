//! What a client sends, and what becomes of it.

use super::{
    ALIASES_MAX, End, Session,
    outgoing::{InboxFeed, Ready},
};
use crate::{
    mqtt::{
        counters::Reason,
        packet::{Packet, Publish, Qos, Version, WantRetained, Wish, read},
        reader::Frame,
        writer,
    },
    tree::{Event, Filter, Leaf, Manner, Refusal, Topic, TopicError},
};
use bytes::Bytes;
use protocol::Status;
use std::sync::atomic::Ordering;

/// Subscriptions of one session.
const SUBSCRIPTIONS_MAX: usize = 32;
/// UNSUBACK of MQTT 5 for what was never subscribed.
const NO_SUBSCRIPTION: u8 = 0x11;
/// SUBACK of MQTT 3.1.1 for whatever is refused.
const SUBSCRIBE_FAILED: u8 = 0x80;

/// A filter that was granted.
#[derive(Debug)]
pub(super) struct Subscription {
    filter: Filter,
    qos: Qos,
    no_local: bool,
    retain_as_published: bool,
}

impl Session<'_> {
    /// One packet.
    pub(super) async fn take(&mut self, frame: Frame) -> Result<(), End> {
        match read(frame, self.version)? {
            Packet::Publish(publish) => self.publish(publish).await,
            Packet::Puback(id) => {
                self.settled(id);
                Ok(())
            }
            Packet::Subscribe { id, wishes } => self.subscribe(id, wishes).await,
            Packet::Unsubscribe { id, filters } => {
                self.unsubscribe(id, &filters);
                Ok(())
            }
            Packet::Pingreq => {
                writer::pingresp(&mut self.out);
                Ok(())
            }
            Packet::Disconnect(false) => Err(End::Disconnected),
            Packet::Disconnect(true) => Err(End::DisconnectedWithWill),
        }
    }

    async fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let topic = match self.topic_of(&publish)? {
            Ok(topic) => topic,
            Err(error) => return self.refuse_publish(publish.id, error.into(), false),
        };
        let how = Manner {
            retain: publish.retain,
            assured: publish.id.is_some(),
            origin: self.serial,
            ..Manner::default()
        };
        let tree = &self.door.tree;
        let published = tree
            .publish(&self.caller, &topic, publish.payload, how)
            .await;
        match published {
            Ok(published) => {
                self.door.counters.published.fetch_add(1, Ordering::Relaxed);
                // Durable now: only from here on may the client forget it.
                if let Some(id) = publish.id {
                    writer::puback(&mut self.out, id, None);
                }
                published.reply.map_or(Ok(()), |reply| self.reply(reply))
            }
            Err(refusal) => {
                let own = topic.code == self.caller.code;
                let wallet = own && matches!(topic.leaf, Leaf::Outbox(_));
                self.refuse_publish(publish.id, refusal, wallet)
            }
        }
    }

    /// The topic, by name or alias; an alias may stand for what is no topic, and is refused as such.
    fn topic_of(&mut self, publish: &Publish) -> Result<Result<Topic, TopicError>, Reason> {
        let Some(alias) = publish.alias else {
            return Ok(Topic::parse(&publish.topic));
        };
        if alias == 0 || alias > ALIASES_MAX {
            return Err(Reason::TopicAlias);
        }
        if publish.topic.is_empty() {
            return self.aliases.get(&alias).cloned().ok_or(Reason::TopicAlias);
        }
        let topic = Topic::parse(&publish.topic);
        self.aliases.insert(alias, topic.clone());
        Ok(topic)
    }

    /// Says no. MQTT 5 has a code for it; MQTT 3.1.1 has none, and a PUBACK would be a lie, so the
    /// connection is closed. A wallet message is answered in the inbox on both.
    fn refuse_publish(
        &mut self,
        id: Option<u16>,
        refusal: Refusal,
        wallet: bool,
    ) -> Result<(), End> {
        let reason = match refusal {
            Refusal::Forbidden | Refusal::Topic(TopicError::NoSuchPlace | TopicError::NotACode) => {
                Reason::PublishForbidden
            }
            Refusal::Topic(_) => Reason::TopicInvalid,
            Refusal::TooLarge if wallet => Reason::WalletMalformed,
            Refusal::TooLarge => Reason::PayloadTooLarge,
            Refusal::Full => Reason::Full,
            Refusal::NotKept => Reason::Unavailable,
            Refusal::Wallet(declined) if declined.status == Status::Malformed => {
                Reason::WalletMalformed
            }
            Refusal::Wallet(_) => Reason::WalletRefused,
        };
        if self.version == Version::V311 && !wallet {
            return Err(reason.into());
        }
        self.note(reason);
        if let Some(id) = id {
            let code = match (self.version, refusal.status()) {
                (Version::V311, _) => None,
                (Version::V5, _) if reason != Reason::WalletRefused => Some(reason.code()),
                // Not now: to be sent again.
                (Version::V5, Status::Full) => Some(Reason::Full.code()),
                (Version::V5, Status::Busy | Status::Storage) => Some(reason.code()),
                // The wallet has decided; its answer is the message.
                (Version::V5, _) => None,
            };
            writer::puback(&mut self.out, id, code);
        }
        if wallet {
            self.reply(refusal.message())
        } else {
            Ok(())
        }
    }

    async fn subscribe(&mut self, id: u16, wishes: Vec<Wish>) -> Result<(), End> {
        let mut codes = Vec::with_capacity(wishes.len());
        let mut retained = Vec::new();
        for wish in wishes {
            match self.grant(&wish, &mut retained).await {
                Ok(qos) => codes.push(qos as u8),
                Err(reason) => {
                    self.note(reason);
                    codes.push(match self.version {
                        Version::V5 => reason.code(),
                        Version::V311 => SUBSCRIBE_FAILED,
                    });
                }
            }
        }
        writer::suback(&mut self.out, self.version, id, &codes);
        retained
            .into_iter()
            .try_for_each(|ready| self.enqueue(ready))
    }

    async fn grant(&mut self, wish: &Wish, retained: &mut Vec<Ready>) -> Result<Qos, Reason> {
        let tree = &self.door.tree;
        let filter = Filter::parse(&wish.filter).map_err(|_| Reason::SubscribeForbidden)?;
        let may = tree.may_subscribe(&self.caller, &filter);
        may.map_err(|_| Reason::SubscribeForbidden)?;
        let known = self.subscriptions.iter().position(|s| s.filter == filter);
        if known.is_none() && self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(Reason::Full);
        }
        // Watching starts before the retained payloads are read: nothing falls between.
        if filter.takes_more_than_inbox() && self.watch.is_none() {
            let watch = tree.watch(&self.caller, filter.code).await;
            self.watch = Some(watch.map_err(|_| Reason::Full)?);
        }
        if filter.takes_inbox() {
            if self.inbox.is_none() {
                tree.synchronise(&self.caller).await;
            }
            let bell = || tree.inbox_bell(&self.caller);
            let inbox = self.inbox.get_or_insert_with(|| InboxFeed::new(bell()));
            inbox.qos = inbox.qos.max(wish.qos);
        }
        let wanted = match wish.retained {
            WantRetained::Always => true,
            WantRetained::IfNew => known.is_none(),
            WantRetained::Never => false,
        };
        if wanted {
            let kept = tree.retained(&self.caller, &filter).unwrap_or_default();
            retained.extend(kept.into_iter().map(|event| Ready {
                topic: event.topic.to_string().into(),
                payload: event.payload.clone(),
                qos: if event.assured {
                    wish.qos
                } else {
                    Qos::AtMostOnce
                },
                retain: true,
                entry: None,
            }));
        }
        let subscription = Subscription {
            filter,
            qos: wish.qos,
            no_local: wish.no_local,
            retain_as_published: wish.retain_as_published,
        };
        match known.and_then(|at| self.subscriptions.get_mut(at)) {
            Some(there) => *there = subscription,
            None => self.subscriptions.push(subscription),
        }
        Ok(wish.qos)
    }

    fn unsubscribe(&mut self, id: u16, filters: &[String]) {
        let codes: Vec<u8> = filters
            .iter()
            .map(|text| {
                let before = self.subscriptions.len();
                self.subscriptions.retain(|s| s.filter.to_string() != *text);
                if self.subscriptions.len() < before {
                    0
                } else {
                    NO_SUBSCRIPTION
                }
            })
            .collect();
        let all = &self.subscriptions;
        if !all.iter().any(|s| s.filter.takes_more_than_inbox()) {
            self.watch = None;
        }
        let to_inbox = all.iter().filter(|s| s.filter.takes_inbox());
        match (to_inbox.map(|s| s.qos).max(), &mut self.inbox) {
            (Some(qos), Some(inbox)) => inbox.qos = qos,
            _ => self.inbox = None,
        }
        writer::unsuback(&mut self.out, self.version, id, &codes);
    }

    /// An event of the watched branch: for the client if a subscription takes it, and once even if
    /// several do.
    pub(super) fn offer(&mut self, event: &Event) {
        if let Some(watch) = &self.watch {
            let missed = watch.take_missed();
            self.door.counters.count_many(Reason::Missed, missed);
        }
        let echo = event.origin == self.serial;
        let taking = self.subscriptions.iter();
        let mut taking = taking.filter(|s| !(echo && s.no_local) && s.filter.takes(&event.topic));
        let Some(first) = taking.next() else {
            return;
        };
        let (mut qos, mut as_published) = (first.qos, first.retain_as_published);
        for other in taking {
            qos = qos.max(other.qos);
            as_published |= other.retain_as_published;
        }
        let sent = if event.assured { qos } else { Qos::AtMostOnce };
        self.ready.push_back(Ready {
            topic: event.topic.to_string().into(),
            payload: Bytes::clone(&event.payload),
            qos: sent,
            retain: event.retain && as_published,
            entry: None,
        });
    }
}
