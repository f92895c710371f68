//! What comes out of files in numbered order, each until it is acknowledged: the wallet inbox, and
//! what is kept for the session.

use super::{Ready, Session, window::Source};
use crate::{
    mqtt::{
        kept::Mailbox,
        packet::Qos,
        subscription::Delivery,
        writer::{self, Ack},
    },
    tree::{Bell, Event},
};
use bytes::Bytes;
use ledger::sessions::MessageRow;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Entries fetched at once.
const BATCH: u32 = 16;
/// Pause before a file is asked again after it failed.
const RETRY_MS: u64 = 1_000;

/// The wallet inbox as one session reads it. An entry leaves the books when the client has
/// acknowledged it and all before it; with QoS 0 the client looks without taking.
#[derive(Debug)]
pub(super) struct InboxFeed {
    pub(super) bell: Bell,
    /// At most 1: an entry may come twice, and says the same.
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

/// What is kept for the session, as its client gets it.
#[derive(Debug)]
pub(super) struct MailFeed {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) retry_at: Option<Instant>,
    /// Acknowledged, and not yet taken out of the file.
    pub(super) done: Vec<u64>,
    /// Fetched up to here.
    after: u64,
    /// There may be more behind it.
    more: bool,
    /// Up to here it may have been sent to an earlier connection.
    again: u64,
}

impl MailFeed {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self {
            again: mailbox.sent(),
            mailbox,
            retry_at: None,
            done: Vec::new(),
            after: 0,
            more: true,
        }
    }
}

impl Session<'_> {
    pub(super) fn look_into_inbox(&mut self) {
        if let Some(inbox) = &mut self.inbox {
            inbox.more = true;
        }
    }

    pub(super) fn look_into_mail(&mut self) {
        if let Some(mail) = &mut self.mail {
            mail.more = true;
        }
    }

    /// Whether the inbox may have more to send.
    pub(super) fn inbox_has_more(&self) -> bool {
        self.inbox.as_ref().is_some_and(|inbox| inbox.more)
    }

    pub(super) fn mail_has_more(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.more)
    }

    /// The client has it: it leaves where it came from.
    pub(super) fn settled(&mut self, source: Option<Source>) {
        match source {
            Some(Source::Inbox(number)) => {
                if let Some(inbox) = &mut self.inbox {
                    inbox.acknowledged(number);
                }
            }
            Some(Source::Kept(number)) => {
                if let Some(mail) = &mut self.mail {
                    mail.done.push(number);
                }
            }
            // What is not owed is of an older time.
            Some(Source::Passing) | None => {}
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

    pub(super) async fn acknowledge_mail(&mut self) {
        if let Some(mail) = &mut self.mail
            && !mail.done.is_empty()
        {
            let done = std::mem::take(&mut mail.done);
            self.door.kept.taken(&mail.mailbox, done).await;
        }
    }

    /// Fetches the next entries of the inbox; false when it has to wait.
    pub(super) async fn fetch_inbox(&mut self) -> bool {
        let Some(inbox) = &mut self.inbox else {
            return false;
        };
        let now = Instant::now();
        if inbox.retry_at.is_some_and(|at| at > now) {
            return false;
        }
        let most = match inbox.qos {
            Qos::AtMostOnce => BATCH,
            Qos::AtLeastOnce | Qos::ExactlyOnce => BATCH.min(self.window.room()),
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
                    if inbox.qos != Qos::AtMostOnce {
                        inbox.sent.push_back((number, false));
                    }
                    let topic = Arc::clone(&self.inbox_topic);
                    self.ready.push_back(Ready {
                        qos: inbox.qos,
                        source: Source::Inbox(number),
                        ..Ready::new(topic, payload)
                    });
                }
                true
            }
            Err(refusal) => {
                tracing::warn!(code = %self.caller.code, %refusal, "inbox not read");
                inbox.retry_at = Some(now + Duration::from_millis(RETRY_MS));
                false
            }
        }
    }

    /// Fetches what waits for the session next; false when it has to wait.
    pub(super) async fn fetch_mail(&mut self) -> bool {
        let most = BATCH.min(self.window.room());
        let Some(mail) = &mut self.mail else {
            return false;
        };
        let now = Instant::now();
        if most == 0 || mail.retry_at.is_some_and(|at| at > now) {
            return false;
        }
        let next = self.door.kept.next(&mail.mailbox, mail.after, most).await;
        match next {
            Ok(rows) => {
                mail.retry_at = None;
                mail.more = rows.len() as u64 >= u64::from(most);
                for row in rows {
                    self.take_mail(row);
                }
                true
            }
            Err(error) => {
                tracing::warn!(code = %self.caller.code, %error, "what is kept is not read");
                mail.retry_at = Some(now + Duration::from_millis(RETRY_MS));
                false
            }
        }
    }

    fn take_mail(&mut self, row: MessageRow) {
        let Some(mail) = &mut self.mail else {
            return;
        };
        mail.after = mail.after.max(row.number);
        let source = Source::Kept(row.number);
        if row.released {
            // The client has it and waits for this word, maybe for the second time.
            if let Some(id) = self.window.take(source, Qos::ExactlyOnce, true) {
                writer::ack(&mut self.out, Ack::Pubrel, id, None);
            }
            return;
        }
        let Some(event) = Event::unpack(Bytes::from(row.bytes)) else {
            tracing::error!(code = %self.caller.code, "what was kept does not read");
            mail.done.push(row.number);
            return;
        };
        let again = row.number <= mail.again;
        let Delivery { qos, retain } = Delivery::from_options(row.options);
        let ready = Ready {
            qos,
            retain,
            again,
            source,
            ..self.ready(&event)
        };
        self.ready.push_back(ready);
    }
}
