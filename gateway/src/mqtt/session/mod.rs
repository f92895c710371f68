//! One connection from CONNECT to its end, over any byte stream.

mod incoming;
mod open;
mod outgoing;
mod pace;

use super::{
    MqttDoor,
    counters::Reason,
    packet::{Connect, Version},
    reader::take_frame,
    writer,
};
use crate::tree::{Caller, Door, Event, Manner, Topic, TopicError, Watch};
use bytes::{Bytes, BytesMut};
use incoming::Subscription;
use outgoing::{InboxFeed, Ready, Window};
use pace::Pace;
use protocol::Code;
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout},
};

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

/// What is to be published when the session ends badly.
struct Will {
    topic: Topic,
    payload: Bytes,
    how: Manner,
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
    subscriptions: Vec<Subscription>,
    watch: Option<Watch>,
    inbox: Option<InboxFeed>,
    inbox_topic: Arc<str>,
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
            Ok((mut session, mut presence, will)) => {
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
                self.leave_will(end, session.caller, will).await;
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

    async fn leave_will(&self, end: End, caller: Caller, will: Option<Will>) {
        let Some(will) = will else {
            return;
        };
        if matches!(end, End::Disconnected | End::Refused(Reason::Revoked)) {
            return;
        }
        let left = self
            .tree
            .publish(&caller, &will.topic, will.payload, will.how);
        match timeout(Duration::from_millis(GOODBYE_MS), left).await {
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) => {
                tracing::info!(code = %caller.code, %refusal, "a will was not published");
            }
            Err(_) => tracing::warn!(code = %caller.code, "a will was not published in time"),
        }
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
            subscriptions: Vec::new(),
            watch: None,
            inbox: None,
            inbox_topic: format!("oc/1/{code}/w/in").into(),
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

    fn greet(&mut self, connect: &Connect) {
        let most_s = self.door.limits.keep_alive_most_s;
        let assigned = self.caller.code.text();
        let opened = writer::Opened {
            packet_most: self.door.limits.packet_bytes,
            aliases_most: ALIASES_MAX,
            keep_alive_s: (connect.keep_alive_s == 0 || connect.keep_alive_s > most_s)
                .then_some(most_s),
            assigned: connect.client_id.is_empty().then(|| assigned.as_str()),
        };
        writer::connack(&mut self.out, self.version, &opened);
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
                Wake::Event(Some(event)) => self.offer(&event),
                // The fan-out is gone: the house is closing.
                Wake::Event(None) => self.watch = None,
                Wake::Bell => self.look_into_inbox(),
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
        let retry_at = self.inbox.as_ref().and_then(|inbox| inbox.retry_at);
        wake_at = retry_at.map_or(wake_at, |at| wake_at.min(at));

        let room = self.out.len() < OUT_HIGH_BYTES;
        let reading = room && !self.pace.is_resting();
        let taking = room && self.ready.is_empty() && self.window.has_room();
        if reading {
            self.unread.reserve(READ_BYTES);
        }
        let Self {
            unread,
            out,
            watch,
            inbox,
            ..
        } = self;
        tokio::select! {
            read = reader.read_buf(unread), if reading => Ok(Wake::Read(read?)),
            pushed = push(writer, out), if busy => pushed,
            event = next_event(watch), if taking => Ok(Wake::Event(event)),
            () = rung(inbox) => Ok(Wake::Bell),
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

async fn next_event(watch: &mut Option<Watch>) -> Option<Arc<Event>> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

async fn rung(inbox: &Option<InboxFeed>) {
    match inbox {
        Some(inbox) => inbox.bell.rung().await,
        None => std::future::pending().await,
    }
}

fn caller(code: Code) -> Caller {
    Caller {
        code,
        door: Door::Mqtt,
    }
}
