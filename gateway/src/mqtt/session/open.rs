//! From the first byte to an open session.

use super::{CONNECT_MAX, End, Session, Will, caller};
use crate::{
    mqtt::{
        MqttDoor,
        counters::Reason,
        live::{ClientId, Presence},
        packet::{Connect, Qos, Version, read_connect},
        reader::{Frame, take_frame},
        writer,
    },
    tree::{Manner, Topic},
};
use bytes::BytesMut;
use protocol::Code;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// For the registry's word on a code.
const CHECK_MS: u64 = 5_000;

impl MqttDoor {
    /// CONNECT, rights, takeover, registry. What is refused is answered in `out`.
    pub(super) async fn open<R: AsyncRead + Unpin + Send>(
        &self,
        reader: &mut R,
        out: &mut BytesMut,
        code: Code,
    ) -> Result<(Session<'_>, Presence, Option<Will>), End> {
        let mut unread = BytesMut::new();
        let deadline = Duration::from_millis(self.limits.open_deadline_ms);
        let frame = timeout(deadline, async {
            loop {
                if let Some(frame) = take_frame(&mut unread, CONNECT_MAX)? {
                    return Ok(frame);
                }
                if reader.read_buf(&mut unread).await? == 0 {
                    return Err(End::Closed(io::ErrorKind::UnexpectedEof));
                }
            }
        });
        let frame = frame.await.map_err(|_| Reason::HandshakeTimeout)??;
        let said = match frame.body.get(..7) {
            Some([0, 4, b'M', b'Q', b'T', b'T', 5]) => Version::V5,
            _ => Version::V311,
        };
        let admitted = self.admit(frame, code).await;
        let (connect, presence, will) = admitted.inspect_err(|&reason| {
            if !matches!(reason, Reason::NotConnect | Reason::Malformed) {
                writer::connack_refused(out, said, reason);
            }
        })?;
        let mut session = Session::new(self, code, &connect, presence.serial, unread);
        session.greet(&connect);
        Ok((session, presence, will))
    }

    async fn admit(
        &self,
        frame: Frame,
        code: Code,
    ) -> Result<(Connect, Presence, Option<Will>), Reason> {
        let mut connect = read_connect(frame)?;
        // A client that wants a session kept has to name it.
        let nameless = connect.client_id.is_empty() && !connect.clean;
        let id = ClientId::read(code, &connect.client_id).ok_or(Reason::ClientId)?;
        if nameless && connect.version == Version::V311 {
            return Err(Reason::ClientId);
        }
        let caller = caller(code);
        let mut will = match connect.will.take() {
            None => None,
            Some(will) => {
                let topic = Topic::parse(&will.topic).map_err(|_| Reason::WillForbidden)?;
                let may = self.tree.may_leave_will(&caller, &topic);
                may.map_err(|_| Reason::WillForbidden)?;
                let how = Manner {
                    retain: will.retain,
                    assured: will.qos == Qos::AtLeastOnce,
                    ..Manner::default()
                };
                Some(Will {
                    topic,
                    payload: will.payload,
                    how,
                })
            }
        };
        let presence = self.live.enter(id, self.limits.sessions_per_code).await?;
        // Asked after the session can be stopped: no revocation falls between the two.
        let known = timeout(Duration::from_millis(CHECK_MS), (self.check)(code)).await;
        match known {
            Ok(true) => {}
            Ok(false) => return Err(Reason::UnknownCode),
            Err(_) => return Err(Reason::Unavailable),
        }
        if let Some(will) = &mut will {
            will.how.origin = presence.serial;
        }
        Ok((connect, presence, will))
    }
}
