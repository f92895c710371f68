//! From the first byte to an open session.

use super::{CONNECT_MAX, End, MailFeed, Session, caller};
use crate::{
    mqtt::{
        MqttDoor, SESSION_LIFE_MOST_S,
        connect::{self, Connect, read_connect},
        counters::Reason,
        kept::{Entered, Wish},
        live::{ClientId, Presence},
        packet::{Qos, Version},
        reader::{Frame, take_frame},
        wills::Will,
        writer,
    },
    tree::{Caller, Extras, Manner, Topic},
};
use bytes::BytesMut;
use protocol::{Code, Status};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// For the registry's word on a code.
const CHECK_MS: u64 = 5_000;

/// A session that was opened.
pub(super) struct Opening<'d> {
    pub(super) session: Session<'d>,
    pub(super) presence: Presence,
    pub(super) will: Option<Will>,
}

impl MqttDoor {
    /// CONNECT, rights, takeover, registry. What is refused is answered in `out`.
    pub(super) async fn open<R: AsyncRead + Unpin + Send>(
        &self,
        reader: &mut R,
        out: &mut BytesMut,
        code: Code,
    ) -> Result<Opening<'_>, End> {
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
        let opened = self.enter(&connect, &presence, code, unread).await;
        let session = opened.inspect_err(|&reason| {
            writer::connack_refused(out, said, reason);
        })?;
        Ok(Opening {
            session,
            presence,
            will,
        })
    }

    /// The session that was kept for this client, or a new one.
    async fn enter(
        &self,
        connect: &Connect,
        presence: &Presence,
        code: Code,
        unread: BytesMut,
    ) -> Result<Session<'_>, Reason> {
        self.wills.withdraw(&presence.id);
        let mut session = Session::new(self, code, connect, presence.serial, unread);
        if self.kept.keeps() {
            session.life_s = connect.life_s.min(SESSION_LIFE_MOST_S);
        }
        let wish = Wish {
            clean: connect.clean,
            life_s: session.life_s,
            serial: presence.serial,
        };
        let entered = self.kept.enter(&presence.id, wish).await;
        let entered = entered.map_err(|status| match status {
            Status::Full => Reason::TooManySessions,
            _ => Reason::Unavailable,
        })?;
        let resumed = entered.as_ref().is_some_and(|entered| entered.resumed);
        session.greet(connect, resumed);
        if let Some(Entered {
            mailbox, received, ..
        }) = entered
        {
            let subscriptions = mailbox.subscriptions();
            session.received.extend(received);
            session.mail = Some(MailFeed::new(mailbox));
            if let Err(reason) = session.resume(subscriptions).await {
                session.leave().await;
                return Err(reason);
            }
        }
        Ok(session)
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
            Some(will) => Some(self.last_words(&caller, will)?),
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

    /// A will that may be left.
    fn last_words(&self, caller: &Caller, will: connect::Will) -> Result<Will, Reason> {
        let topic = Topic::parse(&will.topic).map_err(|_| Reason::WillForbidden)?;
        let may = self.tree.may_leave_will(caller, &topic);
        may.map_err(|_| Reason::WillForbidden)?;
        let how = Manner {
            retain: will.retain,
            assured: will.qos != Qos::AtMostOnce,
            once: will.qos == Qos::ExactlyOnce,
            extras: Extras(will.said.extras.freeze()),
            ..Manner::default()
        };
        Ok(Will {
            topic,
            payload: will.payload,
            how,
            delay_s: will.delay_s,
            expiry_s: will.said.expiry_s,
        })
    }
}
