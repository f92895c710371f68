//! What a client sends, and what becomes of it.

use super::{ALIASES_MAX, End, RECEIVE_MAX, Session, window::Source};
use crate::{
    mqtt::{
        SESSION_LIFE_MOST_S,
        counters::Reason,
        packet::{Packet, Publish, Qos, Version, read},
        reader::Frame,
        writer::{self, Ack},
    },
    tree::{Extras, Leaf, Manner, Received, Refusal, Topic, TopicError},
};
use protocol::Status;
use std::sync::atomic::Ordering;

/// Of MQTT 5: a packet identifier that stands for nothing.
const ID_NOT_FOUND: u8 = 0x92;

impl Session<'_> {
    /// One packet.
    pub(super) async fn take(&mut self, frame: Frame) -> Result<(), End> {
        match read(frame, self.version)? {
            Packet::Publish(publish) => self.publish(publish).await,
            Packet::Puback(id) => {
                let source = self.window.puback(id);
                self.settled(source);
                Ok(())
            }
            Packet::Pubrec(id, false) => self.pubrec(id).await,
            Packet::Pubrec(id, true) => {
                let source = self.window.refused(id);
                self.settled(source);
                Ok(())
            }
            Packet::Pubcomp(id) => {
                let source = self.window.pubcomp(id);
                self.settled(source);
                Ok(())
            }
            Packet::Pubrel(id) => self.pubrel(id).await,
            Packet::Subscribe {
                id,
                identifier,
                wishes,
            } => self.subscribe(id, identifier, wishes).await,
            Packet::Unsubscribe { id, filters } => self.unsubscribe(id, &filters).await,
            Packet::Pingreq => {
                writer::pingresp(&mut self.out);
                Ok(())
            }
            Packet::Disconnect { will, life_s } => Err(self.goodbye(will, life_s)),
        }
    }

    fn goodbye(&mut self, will: bool, life_s: Option<u32>) -> End {
        match life_s {
            // A session that was to end with its connection is not kept now.
            Some(1..) if self.life_s == 0 => return Reason::ProtocolError.into(),
            Some(life_s) => self.life_s = life_s.min(SESSION_LIFE_MOST_S),
            None => {}
        }
        match will {
            true => End::DisconnectedWithWill,
            false => End::Disconnected,
        }
    }

    async fn publish(&mut self, publish: Publish) -> Result<(), End> {
        let topic = match self.topic_of(&publish)? {
            Ok(topic) => topic,
            Err(error) => return self.refuse_publish(&publish, error.into(), false),
        };
        let once = publish.qos == Qos::ExactlyOnce;
        if let Some(id) = publish.id.filter(|_| once) {
            if self.received.contains(&id) {
                // It is here already; the client has not heard so.
                writer::ack(&mut self.out, Ack::Pubrec, id, None);
                return Ok(());
            }
            if self.received.len() >= usize::from(RECEIVE_MAX) {
                return Err(Reason::ReceiveMaximum.into());
            }
        }
        let how = self.manner(&publish);
        let tree = &self.door.tree;
        let payload = publish.payload.clone();
        match tree.publish(&self.caller, &topic, payload, how).await {
            Ok(published) => {
                self.door.counters.published.fetch_add(1, Ordering::Relaxed);
                // Durable now: only from here on may the client forget it.
                if let Some(id) = publish.id {
                    let ack = if once { Ack::Pubrec } else { Ack::Puback };
                    writer::ack(&mut self.out, ack, id, None);
                }
                self.received.extend(publish.id.filter(|_| once));
                published.reply.map_or(Ok(()), |reply| self.reply(reply))
            }
            Err(refusal) => {
                let own = topic.code == self.caller.code;
                let wallet = own && matches!(topic.leaf, Leaf::Outbox(_));
                self.refuse_publish(&publish, refusal, wallet)
            }
        }
    }

    fn manner(&self, publish: &Publish) -> Manner {
        let once = publish.qos == Qos::ExactlyOnce;
        let marked = publish.id.filter(|_| once).zip(self.mailbox());
        let expires = |seconds| self.door.kept.now().plus_s(seconds);
        Manner {
            retain: publish.retain,
            assured: publish.id.is_some(),
            once,
            origin: self.serial,
            received: marked.map(|(id, mailbox)| Received {
                session: mailbox.number,
                id,
            }),
            extras: Extras(publish.said.extras.clone().freeze()),
            expires: publish.said.expiry_s.map(expires),
        }
    }

    /// The client has a message of QoS 2: from now on it is only to forget it.
    async fn pubrec(&mut self, id: u16) -> Result<(), End> {
        let source = self.window.pubrec(id);
        if let (Some(Source::Kept(number)), Some(mailbox)) = (source, self.mailbox()) {
            let released = self.door.kept.released(mailbox, number).await;
            released.map_err(|_| Reason::Unavailable)?;
        }
        let unknown = source.is_none() && self.version == Version::V5;
        let code = unknown.then_some(ID_NOT_FOUND);
        writer::ack(&mut self.out, Ack::Pubrel, id, code);
        Ok(())
    }

    /// The client will not send this publication of QoS 2 again.
    async fn pubrel(&mut self, id: u16) -> Result<(), End> {
        let known = self.received.remove(&id);
        if let Some(mailbox) = self.mailbox().filter(|_| known) {
            let completed = self.door.kept.completed(mailbox, id).await;
            completed.map_err(|_| Reason::Unavailable)?;
        }
        let unknown = !known && self.version == Version::V5;
        let code = unknown.then_some(ID_NOT_FOUND);
        writer::ack(&mut self.out, Ack::Pubcomp, id, code);
        Ok(())
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
        publish: &Publish,
        refusal: Refusal,
        wallet: bool,
    ) -> Result<(), End> {
        let reason = match refusal {
            Refusal::Forbidden
            | Refusal::Unpaid
            | Refusal::Topic(TopicError::NoSuchPlace | TopicError::NotACode) => {
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
        if let Some(id) = publish.id {
            let code = match (self.version, refusal.status()) {
                (Version::V311, _) => None,
                (Version::V5, _) if reason != Reason::WalletRefused => Some(reason.code()),
                // Not now: to be sent again.
                (Version::V5, Status::Full) => Some(Reason::Full.code()),
                (Version::V5, Status::Busy | Status::Storage) => Some(reason.code()),
                // The wallet has decided; its answer is the message.
                (Version::V5, _) => None,
            };
            let ack = match publish.qos {
                Qos::ExactlyOnce => Ack::Pubrec,
                Qos::AtMostOnce | Qos::AtLeastOnce => Ack::Puback,
            };
            if ack == Ack::Pubrec && code.is_none() {
                // Said and done as far as the client is concerned; its PUBREL is to come.
                self.received.insert(id);
            }
            writer::ack(&mut self.out, ack, id, code);
        }
        if wallet {
            self.reply(refusal.message())
        } else {
            Ok(())
        }
    }
}
