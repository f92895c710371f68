//! CONNECT, in MQTT 3.1.1 and 5.

use super::{
    counters::Reason,
    packet::{Qos, Said, Version, qos_of},
    reader::{
        AUTHENTICATION_METHOD, CONNECT_PROPERTIES, Frame, MAXIMUM_PACKET_SIZE, Property,
        RECEIVE_MAXIMUM, Reader, SESSION_EXPIRY, WILL_DELAY, WILL_PROPERTIES,
    },
};
use bytes::Bytes;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) version: Version,
    /// What is kept of an earlier session is to be forgotten.
    pub(super) clean: bool,
    /// How long the session is to be kept after the connection; 0 for not at all, `u32::MAX` for
    /// ever.
    pub(super) life_s: u32,
    pub(super) keep_alive_s: u16,
    pub(super) client_id: String,
    pub(super) will: Option<Will>,
    /// Messages with QoS 1 and 2 the client takes before it has acknowledged any.
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
    pub(super) said: Said,
    /// How long after the connection it is published, unless the client is back before.
    pub(super) delay_s: u32,
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
    let clean = flags & 0x02 != 0;
    let keep_alive_s = from.two()?;
    let mut receive_most = u16::MAX;
    let mut packet_most = usize::MAX;
    // What MQTT 3.1.1 does not clean it keeps for ever.
    let mut life_s = match version {
        Version::V311 if !clean => u32::MAX,
        Version::V311 | Version::V5 => 0,
    };
    if version == Version::V5 {
        from.properties(CONNECT_PROPERTIES, |property, _| match property {
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
            Property::Number(SESSION_EXPIRY, seconds) => {
                life_s = seconds;
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
        clean,
        life_s,
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
    let (mut said, mut delay_s) = (Said::default(), 0);
    if version == Version::V5 {
        from.properties(WILL_PROPERTIES, |property, raw| match property {
            Property::Number(WILL_DELAY, seconds) => {
                delay_s = seconds;
                Ok(())
            }
            property => said.take(&property, raw),
        })?;
    }
    Ok(Some(Will {
        topic: from.text()?,
        payload: from.data()?,
        qos: qos_of(qos)?,
        retain,
        said,
        delay_s,
    }))
}
