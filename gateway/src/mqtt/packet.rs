//! What clients say, in MQTT 3.1.1 and 5.
//!
//! Pure: a [`Frame`] in, a [`Packet`] or the [`Reason`] for refusing it out. Rights are no concern
//! here, only whether the bytes are what the standard says.

use super::{
    counters::Reason,
    reader::{
        ACK_PROPERTIES, DISCONNECT_PROPERTIES, Frame, MESSAGE_EXPIRY, PAYLOAD_FORMAT,
        PUBLISH_PROPERTIES, Property, RESPONSE_TOPIC, Reader, SESSION_EXPIRY, SUBSCRIBE_PROPERTIES,
        SUBSCRIPTION_ID, TOPIC_ALIAS, UNSUBSCRIBE_PROPERTIES,
    },
};
use bytes::{Bytes, BytesMut};

/// Which MQTT a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

/// How surely a message is delivered, in the words of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::enum_variant_names, reason = "what MQTT calls them")]
pub(super) enum Qos {
    AtMostOnce = 0,
    AtLeastOnce = 1,
    ExactlyOnce = 2,
}

/// What MQTT 5 says beside a payload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// For the readers, one property behind the other as the client wrote them.
    pub(super) extras: BytesMut,
    /// After how long nobody wants the message any more.
    pub(super) expiry_s: Option<u32>,
}

impl Said {
    /// Takes a property in: what is for the readers word by word, `raw`.
    pub(super) fn take(&mut self, property: &Property, raw: &[u8]) -> Result<(), Reason> {
        match property {
            Property::Number(MESSAGE_EXPIRY, seconds) => self.expiry_s = Some(*seconds),
            Property::Number(PAYLOAD_FORMAT, 2..) => return Err(Reason::ProtocolError),
            // Where an answer is to go is a topic, not a filter.
            Property::Other(RESPONSE_TOPIC)
                if raw.iter().skip(3).any(|b| matches!(b, b'+' | b'#')) =>
            {
                return Err(Reason::ProtocolError);
            }
            Property::Number(PAYLOAD_FORMAT, _) | Property::Other(_) => {
                self.extras.extend_from_slice(raw);
            }
            Property::Number(..) => {}
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publish {
    pub(super) qos: Qos,
    /// `None` for QoS 0.
    pub(super) id: Option<u16>,
    pub(super) retain: bool,
    /// Empty when an alias stands for it.
    pub(super) topic: String,
    pub(super) alias: Option<u16>,
    pub(super) said: Said,
    pub(super) payload: Bytes,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) filter: String,
    pub(super) qos: Qos,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) retained: WantRetained,
}

/// Whether a subscriber wants what is retained already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WantRetained {
    Always,
    IfNew,
    Never,
}

/// A packet of an established session.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Publish(Publish),
    Puback(u16),
    /// `true`: the client does not take the message.
    Pubrec(u16, bool),
    Pubrel(u16),
    Pubcomp(u16),
    Subscribe {
        id: u16,
        /// Comes with what is delivered because of this.
        identifier: Option<u32>,
        wishes: Vec<Wish>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Pingreq,
    Disconnect {
        /// The will is to be published all the same.
        will: bool,
        /// How long the session is to be kept now.
        life_s: Option<u32>,
    },
}

/// Reads a packet of an established session.
pub(super) fn read(frame: Frame, version: Version) -> Result<Packet, Reason> {
    let (kind, flags) = (frame.first >> 4, frame.first & 0x0f);
    let mut from = Reader::new(frame.body);
    let wanted_flags = match kind {
        3 => flags,
        6 | 8 | 10 => 2,
        _ => 0,
    };
    if flags != wanted_flags {
        return Err(Reason::Malformed);
    }
    match kind {
        3 => read_publish(flags, &mut from, version).map(Packet::Publish),
        4 => Ok(Packet::Puback(read_ack(&mut from, version)?.0)),
        5 => read_ack(&mut from, version).map(|(id, code)| Packet::Pubrec(id, code >= 0x80)),
        6 => Ok(Packet::Pubrel(read_ack(&mut from, version)?.0)),
        7 => Ok(Packet::Pubcomp(read_ack(&mut from, version)?.0)),
        8 => read_subscribe(&mut from, version),
        10 => read_unsubscribe(&mut from, version),
        12 => from.end().map(|()| Packet::Pingreq),
        14 => read_disconnect(&mut from, version),
        // A second CONNECT, what is for servers to send, or AUTH, which was not agreed on.
        1 | 2 | 9 | 11 | 13 | 15 => Err(Reason::ProtocolError),
        _ => Err(Reason::Malformed),
    }
}

fn read_publish(flags: u8, from: &mut Reader, version: Version) -> Result<Publish, Reason> {
    let qos = qos_of(flags >> 1 & 3)?;
    if qos == Qos::AtMostOnce && flags & 8 != 0 {
        return Err(Reason::Malformed);
    }
    let topic = from.text()?;
    let id = match qos {
        Qos::AtMostOnce => None,
        Qos::AtLeastOnce | Qos::ExactlyOnce => Some(from.packet_id()?),
    };
    let (mut alias, mut said) = (None, Said::default());
    if version == Version::V5 {
        from.properties(PUBLISH_PROPERTIES, |property, raw| match property {
            // Only servers send these.
            Property::Number(SUBSCRIPTION_ID, _) => Err(Reason::ProtocolError),
            Property::Number(TOPIC_ALIAS, number) => {
                alias = u16::try_from(number).ok();
                Ok(())
            }
            property => said.take(&property, raw),
        })?;
    }
    if topic.is_empty() && alias.is_none() {
        return Err(Reason::ProtocolError);
    }
    Ok(Publish {
        qos,
        id,
        retain: flags & 1 != 0,
        topic,
        alias,
        said,
        payload: from.rest(),
    })
}

/// PUBACK, PUBREC, PUBREL and PUBCOMP look alike: what they speak of, and how it went.
fn read_ack(from: &mut Reader, version: Version) -> Result<(u16, u8), Reason> {
    let id = from.packet_id()?;
    let code = read_reason(from, version, |from| {
        from.properties(ACK_PROPERTIES, |_, _| Ok(()))
    })?;
    Ok((id, code))
}

fn read_disconnect(from: &mut Reader, version: Version) -> Result<Packet, Reason> {
    let mut life_s = None;
    let code = read_reason(from, version, |from| {
        from.properties(DISCONNECT_PROPERTIES, |property, _| {
            if let Property::Number(SESSION_EXPIRY, seconds) = property {
                life_s = Some(seconds);
            }
            Ok(())
        })
    })?;
    let will = code != 0;
    Ok(Packet::Disconnect { will, life_s })
}

/// The optional reason code and properties at the end of a packet of MQTT 5.
fn read_reason(
    from: &mut Reader,
    version: Version,
    properties: impl FnOnce(&mut Reader) -> Result<(), Reason>,
) -> Result<u8, Reason> {
    let mut reason = 0;
    if version == Version::V5 && !from.is_empty() {
        reason = from.byte()?;
        if !from.is_empty() {
            properties(from)?;
        }
    }
    from.end()?;
    Ok(reason)
}

fn read_subscribe(from: &mut Reader, version: Version) -> Result<Packet, Reason> {
    let id = from.packet_id()?;
    let mut identifier = None;
    if version == Version::V5 {
        from.properties(SUBSCRIBE_PROPERTIES, |property, _| match property {
            Property::Number(SUBSCRIPTION_ID, 0) => Err(Reason::ProtocolError),
            Property::Number(SUBSCRIPTION_ID, number) => {
                identifier = Some(number);
                Ok(())
            }
            _ => Ok(()),
        })?;
    }
    let mut wishes = Vec::new();
    while !from.is_empty() {
        let filter = from.text()?;
        let options = from.byte()?;
        let most = if version == Version::V5 { 0x3f } else { 0x03 };
        if options > most || options & 3 == 3 {
            return Err(Reason::Malformed);
        }
        wishes.push(Wish {
            filter,
            qos: qos_of(options & 3)?,
            no_local: options & 4 != 0,
            retain_as_published: options & 8 != 0,
            retained: match options >> 4 {
                0 => WantRetained::Always,
                1 => WantRetained::IfNew,
                2 => WantRetained::Never,
                _ => return Err(Reason::Malformed),
            },
        });
    }
    if wishes.is_empty() {
        return Err(Reason::ProtocolError);
    }
    Ok(Packet::Subscribe {
        id,
        identifier,
        wishes,
    })
}

fn read_unsubscribe(from: &mut Reader, version: Version) -> Result<Packet, Reason> {
    let id = from.packet_id()?;
    if version == Version::V5 {
        from.properties(UNSUBSCRIBE_PROPERTIES, |_, _| Ok(()))?;
    }
    let mut filters = Vec::new();
    while !from.is_empty() {
        filters.push(from.text()?);
    }
    if filters.is_empty() {
        return Err(Reason::ProtocolError);
    }
    Ok(Packet::Unsubscribe { id, filters })
}

pub(super) fn qos_of(number: u8) -> Result<Qos, Reason> {
    match number {
        0 => Ok(Qos::AtMostOnce),
        1 => Ok(Qos::AtLeastOnce),
        2 => Ok(Qos::ExactlyOnce),
        _ => Err(Reason::Malformed),
    }
}
