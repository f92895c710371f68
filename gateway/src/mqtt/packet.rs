//! What clients say, in MQTT 3.1.1 and 5.
//!
//! Pure: a [`Frame`] in, a [`Packet`] or the [`Reason`] for refusing it out. Rights are no concern
//! here, only whether the bytes are what the standard says.

use super::{
    counters::Reason,
    reader::{
        ACK_PROPERTIES, AUTHENTICATION_METHOD, CONNECT_PROPERTIES, DISCONNECT_PROPERTIES, Frame,
        MAXIMUM_PACKET_SIZE, PUBLISH_PROPERTIES, Property, RECEIVE_MAXIMUM, Reader,
        SUBSCRIBE_PROPERTIES, SUBSCRIPTION_ID, TOPIC_ALIAS, UNSUBSCRIBE_PROPERTIES,
        WILL_PROPERTIES,
    },
};
use bytes::Bytes;

/// Which MQTT a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

/// How surely a message is delivered. QoS 2 is refused where it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Qos {
    AtMostOnce = 0,
    AtLeastOnce = 1,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) version: Version,
    pub(super) clean: bool,
    pub(super) keep_alive_s: u16,
    pub(super) client_id: String,
    pub(super) will: Option<Will>,
    /// Messages with QoS 1 the client takes before it has acknowledged any.
    pub(super) receive_most: u16,
    /// Bytes of the largest packet the client takes.
    pub(super) packet_most: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Will {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: Qos,
    pub(super) retain: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publish {
    /// `None` for QoS 0.
    pub(super) id: Option<u16>,
    pub(super) retain: bool,
    /// Empty when an alias stands for it.
    pub(super) topic: String,
    pub(super) alias: Option<u16>,
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
    Subscribe {
        id: u16,
        wishes: Vec<Wish>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Pingreq,
    /// `true`: the will is to be published all the same.
    Disconnect(bool),
}

/// Reads the first packet of a connection.
pub(super) fn read_connect(frame: Frame) -> Result<Connect, Reason> {
    if frame.first != 0x10 {
        return Err(Reason::NotConnect);
    }
    let mut from = Reader::new(frame.body);
    if from.data()?.as_ref() != b"MQTT" {
        return Err(Reason::Version);
    }
    let version = match from.byte()? {
        4 => Version::V311,
        5 => Version::V5,
        _ => return Err(Reason::Version),
    };
    let flags = from.byte()?;
    let keep_alive_s = from.two()?;
    let mut receive_most = u16::MAX;
    let mut packet_most = usize::MAX;
    if version == Version::V5 {
        from.properties(CONNECT_PROPERTIES, |property| match property {
            Property::Number(RECEIVE_MAXIMUM | MAXIMUM_PACKET_SIZE, 0) => {
                Err(Reason::ProtocolError)
            }
            Property::Number(RECEIVE_MAXIMUM, most) => {
                receive_most = u16::try_from(most).unwrap_or(u16::MAX);
                Ok(())
            }
            Property::Number(MAXIMUM_PACKET_SIZE, most) => {
                packet_most = usize::try_from(most).unwrap_or(usize::MAX);
                Ok(())
            }
            Property::Other(AUTHENTICATION_METHOD) => Err(Reason::AuthMethod),
            _ => Ok(()),
        })?;
    }
    let client_id = from.text()?;
    let will = read_will(&mut from, version, flags)?;
    let (name, password) = (flags & 0x80 != 0, flags & 0x40 != 0);
    if flags & 1 != 0 || (password && !name && version == Version::V311) {
        return Err(Reason::Malformed);
    }
    // Read to check the form only: the certificate says who it is.
    if name {
        from.text()?;
    }
    if password {
        from.data()?;
    }
    from.end()?;
    Ok(Connect {
        version,
        clean: flags & 0x02 != 0,
        keep_alive_s,
        client_id,
        will,
        receive_most,
        packet_most,
    })
}

fn read_will(from: &mut Reader, version: Version, flags: u8) -> Result<Option<Will>, Reason> {
    let (qos, retain) = (flags >> 3 & 3, flags & 0x20 != 0);
    if flags & 0x04 == 0 {
        let nothing = qos == 0 && !retain;
        return if nothing {
            Ok(None)
        } else {
            Err(Reason::Malformed)
        };
    }
    if version == Version::V5 {
        from.properties(WILL_PROPERTIES, |_| Ok(()))?;
    }
    Ok(Some(Will {
        topic: from.text()?,
        payload: from.data()?,
        qos: qos_of(qos)?,
        retain,
    }))
}

/// Reads a packet of an established session.
pub(super) fn read(frame: Frame, version: Version) -> Result<Packet, Reason> {
    let (kind, flags) = (frame.first >> 4, frame.first & 0x0f);
    let mut from = Reader::new(frame.body);
    let wanted_flags = match kind {
        3 => flags,
        8 | 10 => 2,
        _ => 0,
    };
    if flags != wanted_flags {
        return Err(Reason::Malformed);
    }
    match kind {
        3 => read_publish(flags, &mut from, version).map(Packet::Publish),
        4 => read_puback(&mut from, version).map(Packet::Puback),
        8 => read_subscribe(&mut from, version),
        10 => read_unsubscribe(&mut from, version),
        12 => from.end().map(|()| Packet::Pingreq),
        14 => read_disconnect(&mut from, version).map(Packet::Disconnect),
        // QoS 2 was never granted and is refused in PUBLISH, so its other packets cannot come;
        // the rest is for servers to send, or AUTH, which was not agreed on.
        1 | 2 | 5..=7 | 9 | 11 | 13 | 15 => Err(Reason::ProtocolError),
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
        Qos::AtLeastOnce => Some(from.packet_id()?),
    };
    let mut alias = None;
    if version == Version::V5 {
        from.properties(PUBLISH_PROPERTIES, |property| match property {
            // Only servers send these.
            Property::Number(SUBSCRIPTION_ID, _) => Err(Reason::ProtocolError),
            Property::Number(TOPIC_ALIAS, number) => {
                alias = u16::try_from(number).ok();
                Ok(())
            }
            _ => Ok(()),
        })?;
    }
    if topic.is_empty() && alias.is_none() {
        return Err(Reason::ProtocolError);
    }
    Ok(Publish {
        id,
        retain: flags & 1 != 0,
        topic,
        alias,
        payload: from.rest(),
    })
}

fn read_puback(from: &mut Reader, version: Version) -> Result<u16, Reason> {
    let id = from.packet_id()?;
    read_reason(from, version, ACK_PROPERTIES)?;
    Ok(id)
}

fn read_disconnect(from: &mut Reader, version: Version) -> Result<bool, Reason> {
    let reason = read_reason(from, version, DISCONNECT_PROPERTIES)?;
    Ok(reason != 0)
}

/// The optional reason code and properties at the end of a packet of MQTT 5.
fn read_reason(from: &mut Reader, version: Version, allowed: &[u8]) -> Result<u8, Reason> {
    let mut reason = 0;
    if version == Version::V5 && !from.is_empty() {
        reason = from.byte()?;
        if !from.is_empty() {
            from.properties(allowed, |_| Ok(()))?;
        }
    }
    from.end()?;
    Ok(reason)
}

fn read_subscribe(from: &mut Reader, version: Version) -> Result<Packet, Reason> {
    let id = from.packet_id()?;
    if version == Version::V5 {
        from.properties(SUBSCRIBE_PROPERTIES, |property| match property {
            Property::Number(SUBSCRIPTION_ID, _) => Err(Reason::SubscriptionId),
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
            // QoS 2 may be asked for; QoS 1 is what is granted.
            qos: qos_of((options & 3).min(1))?,
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
    Ok(Packet::Subscribe { id, wishes })
}

fn read_unsubscribe(from: &mut Reader, version: Version) -> Result<Packet, Reason> {
    let id = from.packet_id()?;
    if version == Version::V5 {
        from.properties(UNSUBSCRIBE_PROPERTIES, |_| Ok(()))?;
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

fn qos_of(number: u8) -> Result<Qos, Reason> {
    match number {
        0 => Ok(Qos::AtMostOnce),
        1 => Ok(Qos::AtLeastOnce),
        2 => Err(Reason::QosNotSupported),
        _ => Err(Reason::Malformed),
    }
}
