//! One connection from CONNECT to its end, over any byte stream.

mod feeds;
mod incoming;
mod listening;
mod open;
mod outgoing;
mod pace;
mod watches;
mod window;

use super::{
    MqttDoor,
    connect::Connect,
    counters::Reason,
    kept::Mailbox,
    packet::Version,
    reader::take_frame,
    subscription::{Listener, Subscription},
    writer,
};
use crate::tree::{Caller, Door, Event, Topic, TopicError};
use bytes::BytesMut;
use feeds::{InboxFeed, MailFeed};
use open::Opening;
use outgoing::Ready;
use pace::Pace;
use protocol::Code;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};
use watches::Watches;
use window::Window;

/// Bytes of a CONNECT: a will is in it, but nobody is known yet.
const CONNECT_MAX: usize = 16 * 1024;
/// Room made for each read.
const READ_BYTES: usize = 4 * 1024;
/// Bytes that wait to be written before nothing more is read or fetched.
const OUT_HIGH_BYTES: usize = 64 * 1024;
/// Buffers larger than this are not kept while nothing happens.
const BUFFER_KEPT_BYTES: usize = 16 * 1024;
/// Topic aliases a client may set.
const ALIASES_MAX: u16 = 32;
/// Publications with QoS 2 a client may leave unreleased, and with QoS 1 unanswered.
const RECEIVE_MAX: u16 = 1_024;
/// For the last words of a session: DISCONNECT, will, TLS close.
const GOODBYE_MS: u64 = 1_000;
/// Refusals of one session that are logged; all are counted.
const LOGGED_MAX: u32 = 16;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said goodbye.
    Disconnected,
    /// The client said goodbye and wants its will published.
    DisconnectedWithWill,
    /// The connection was closed or broke.
    Closed(io::ErrorKind),
    /// The door ended it.
    Refused(Reason),
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Closed(error.kind())
    }
}

/// An established session.
struct Session<'d> {
    door: &'d MqttDoor,
    caller: Caller,
    version: Version,
    serial: u64,
    /// What was read and not yet understood.
    unread: BytesMut,
    /// What is to be written.
    out: BytesMut,
    unflushed: bool,
    aliases: HashMap<u16, Result<Topic, TopicError>>,
    /// Publications with QoS 2 that the client has not released.
    received: HashSet<u16>,
    subscriptions: Vec<Subscription>,
    watches: Watches,
    inbox: Option<InboxFeed>,
    inbox_topic: Arc<str>,
    /// What is kept for it, when it is.
    mail: Option<MailFeed>,
    /// How long it is kept after the connection, in seconds.
    life_s: u32,
    ready: VecDeque<Ready>,
    window: Window,
    packet_most: usize,
    heard: Instant,
    idle_most: Duration,
    wrote: Instant,
    pace: Pace,
    logged: u32,
}

/// Why a session woke up.
enum Wake {
    Read(usize),
    Wrote,
    Flushed,
    Event(Option<Arc<Event>>),
    Bell,
    Mail,
    Timer,
}

impl MqttDoor {
    /// Runs one connection whose code is proved. `opened` is called when CONNECT was taken.
    pub async fn session<S>(&self, io: S, code: Code, opened: impl FnOnce() + Send) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let (mut reader, mut writer) = tokio::io::split(io);
        let mut out = BytesMut::new();
        let end = match self.open(&mut reader, &mut out, code).await {
            Ok(Opening {
                mut session,
                mut presence,
                will,
            }) => {
                opened();
                self.counters.sessions.fetch_add(1, Ordering::Relaxed);
                self.counters.opened.fetch_add(1, Ordering::Relaxed);
                let end = tokio::select! {
                    biased;
                    reason = &mut presence.stop => reason.unwrap_or(Reason::TakenOver).into(),
                    end = session.run(&mut reader, &mut writer) => end,
                };
                self.counters.sessions.fetch_sub(1, Ordering::Relaxed);
                if let End::Refused(reason) = end {
                    writer::disconnect(&mut session.out, session.version, reason);
                }
                out = std::mem::take(&mut session.out);
                session.leave().await;
                let delay_s = will
                    .as_ref()
                    .map_or(0, |will| will.delay_s.min(session.life_s));
                let caller = session.caller;
                if let Some(will) = will
                    && !matches!(end, End::Disconnected | End::Refused(Reason::Revoked))
                {
                    let delay = Duration::from_secs(delay_s.into());
                    let of = (&presence.id, caller);
                    let clock = self.kept.clock;
                    self.wills.leave(&self.tree, of, will, delay, clock).await;
                }
                end
                // Here the presence ends: whoever takes over goes on.
            }
            Err(end) => end,
        };
        if let End::Refused(reason) = end {
            self.counters.count(reason);
            tracing::info!(%code, reason = reason.word(), "mqtt session ended");
        }
        let goodbye = async {
            writer.write_all_buf(&mut out).await?;
            writer.shutdown().await
        };
        let _ = timeout(Duration::from_millis(GOODBYE_MS), goodbye).await;
        end
    }
}

impl<'d> Session<'d> {
    fn new(
        door: &'d MqttDoor,
        code: Code,
        connect: &Connect,
        serial: u64,
        unread: BytesMut,
    ) -> Self {
        let most_s = door.limits.keep_alive_most_s;
        let keep_alive_s = match connect.keep_alive_s {
            0 => most_s,
            asked_s => asked_s.min(most_s),
        };
        let now = Instant::now();
        Self {
            door,
            caller: caller(code),
            version: connect.version,
            serial,
            unread,
            out: BytesMut::new(),
            unflushed: false,
            aliases: HashMap::new(),
            received: HashSet::new(),
            subscriptions: Vec::new(),
            watches: Watches::default(),
            inbox: None,
            inbox_topic: format!("oc/1/{code}/w/in").into(),
            mail: None,
            life_s: 0,
            ready: VecDeque::new(),
            window: Window::new(connect.receive_most),
            packet_most: connect.packet_most,
            heard: now,
            // One and a half times, as the standard says.
            idle_most: Duration::from_millis(u64::from(keep_alive_s) * 1_500),
            wrote: now,
            pace: Pace::new(door.limits.packets_per_s, now),
            logged: 0,
        }
    }

    fn greet(&mut self, connect: &Connect, resumed: bool) {
        let most_s = self.door.limits.keep_alive_most_s;
        let assigned = self.caller.code.text();
        let opened = writer::Opened {
            resumed,
            life_s: (self.life_s != connect.life_s).then_some(self.life_s),
            receive_most: RECEIVE_MAX,
            packet_most: self.door.limits.packet_bytes,
            aliases_most: ALIASES_MAX,
            keep_alive_s: (connect.keep_alive_s == 0 || connect.keep_alive_s > most_s)
                .then_some(most_s),
            assigned: connect.client_id.is_empty().then(|| assigned.as_str()),
        };
        writer::connack(&mut self.out, self.version, &opened);
    }

    /// Its number among all connections, and among those who share.
    fn listener(&self) -> Listener {
        let mailbox = self.mailbox();
        Listener {
            serial: self.serial,
            seat: mailbox.map_or(self.serial, |mailbox| mailbox.seat()),
        }
    }

    fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        self.mail.as_ref().map(|mail| &mail.mailbox)
    }

    /// The connection is over.
    async fn leave(&mut self) {
        let kept = &self.door.kept;
        if let Some(mail) = &mut self.mail {
            let done = std::mem::take(&mut mail.done);
            if !done.is_empty() {
                kept.taken(&mail.mailbox, done).await;
            }
            kept.leave(&mail.mailbox, self.life_s).await;
            return;
        }
        for subscription in &self.subscriptions {
            if let Some(share) = &subscription.share {
                let branch = subscription.filter.code;
                kept.shares.leave(branch, share.id, self.serial);
            }
        }
    }

    async fn run<R, W>(&mut self, reader: &mut R, writer: &mut W) -> End
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        loop {
            if let Err(end) = self.work().await {
                return end;
            }
            let wake = match self.wait(reader, writer).await {
                Ok(wake) => wake,
                Err(end) => return end,
            };
            let now = Instant::now();
            match wake {
                Wake::Read(0) => return End::Closed(io::ErrorKind::UnexpectedEof),
                Wake::Read(_) => self.heard = now,
                Wake::Wrote => {
                    self.wrote = now;
                    self.unflushed = true;
                }
                Wake::Flushed => {
                    self.wrote = now;
                    self.unflushed = false;
                }
                Wake::Event(Some(event)) => self.offer(&event).await,
                // The fan-out is gone: the house is closing.
                Wake::Event(None) => self.watches = Watches::default(),
                Wake::Bell => self.look_into_inbox(),
                Wake::Mail => self.look_into_mail(),
                Wake::Timer => {}
            }
        }
    }

    /// Understands what was read, then fetches what is to be written, until there is nothing to do
    /// or the client has to read first.
    async fn work(&mut self) -> Result<(), End> {
        let most = self.door.limits.packet_bytes;
        while self.out.len() < OUT_HIGH_BYTES && !self.pace.is_resting() {
            let Some(frame) = take_frame(&mut self.unread, most)? else {
                break;
            };
            if self.pace.spend() {
                self.door.counters.count(Reason::Throttled);
            }
            self.take(frame).await?;
        }
        self.acknowledge_inbox().await;
        self.acknowledge_mail().await;
        self.deliver().await?;
        if self.unread.is_empty() && self.unread.capacity() > BUFFER_KEPT_BYTES {
            self.unread = BytesMut::new();
        }
        if self.out.is_empty() && self.out.capacity() > BUFFER_KEPT_BYTES {
            self.out = BytesMut::new();
        }
        Ok(())
    }

    async fn wait<R, W>(&mut self, reader: &mut R, writer: &mut W) -> Result<Wake, End>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        let now = Instant::now();
        let busy = !self.out.is_empty() || self.unflushed;
        if !busy {
            self.wrote = now;
        }
        let stall = Duration::from_millis(self.door.limits.write_stall_ms);
        let mut wake_at = self.heard + self.idle_most;
        if wake_at <= now {
            return Err(Reason::KeepAlive.into());
        }
        if busy {
            if self.wrote + stall <= now {
                return Err(Reason::SlowReader.into());
            }
            wake_at = wake_at.min(self.wrote + stall);
        }
        wake_at = self.pace.resume_at().map_or(wake_at, |at| wake_at.min(at));
        let inbox_again = self.inbox.as_ref().and_then(|inbox| inbox.retry_at);
        let mail_again = self.mail.as_ref().and_then(|mail| mail.retry_at);
        for at in [inbox_again, mail_again].into_iter().flatten() {
            wake_at = wake_at.min(at);
        }

        let room = self.out.len() < OUT_HIGH_BYTES;
        let reading = room && !self.pace.is_resting();
        let taking = room && self.ready.is_empty() && self.window.has_room();
        if reading {
            self.unread.reserve(READ_BYTES);
        }
        let Self {
            unread,
            out,
            watches,
            inbox,
            mail,
            ..
        } = self;
        tokio::select! {
            read = reader.read_buf(unread), if reading => Ok(Wake::Read(read?)),
            pushed = push(writer, out), if busy => pushed,
            event = watches.next(), if taking => Ok(Wake::Event(event)),
            () = rung(inbox) => Ok(Wake::Bell),
            () = mail_came(mail) => Ok(Wake::Mail),
            () = tokio::time::sleep_until(wake_at) => Ok(Wake::Timer),
        }
    }

    /// Counts a refusal that does not end the session.
    fn note(&mut self, reason: Reason) {
        self.door.counters.count(reason);
        if self.logged < LOGGED_MAX {
            self.logged += 1;
            let code = self.caller.code;
            tracing::info!(%code, reason = reason.word(), "mqtt refused");
        }
    }
}

/// Writes some of `out`, or flushes when all of it is written. Cancel safe.
async fn push<W: AsyncWrite + Unpin + Send>(
    writer: &mut W,
    out: &mut BytesMut,
) -> Result<Wake, End> {
    if out.is_empty() {
        writer.flush().await?;
        return Ok(Wake::Flushed);
    }
    match writer.write_buf(out).await? {
        0 => Err(End::Closed(io::ErrorKind::WriteZero)),
        _ => Ok(Wake::Wrote),
    }
}

async fn rung(inbox: &Option<InboxFeed>) {
    match inbox {
        Some(inbox) => inbox.bell.rung().await,
        None => std::future::pending().await,
    }
}

async fn mail_came(mail: &Option<MailFeed>) {
    match mail {
        Some(mail) => mail.mailbox.bell.notified().await,
        None => std::future::pending().await,
    }
}

fn caller(code: Code) -> Caller {
    Caller {
        code,
        door: Door::Mqtt,
    }
}
