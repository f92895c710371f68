//! The door for things with a certificate, 5684.

mod record;
mod sessions;
#[cfg(test)]
mod tests;
mod trust;

pub use sessions::{Bounds, Event, SessionId, Sessions};
pub use trust::{Credentials, CredentialsFault, Shown, ShownTo};

use super::counters::{Counters, Reason};
use super::endpoint::Seed;
use super::limits::{
    DATAGRAM_MAX_BYTES, DATAGRAMS_PER_TURN, IDLE, Limits, RECHECK_EVERY, STOP_WITHIN,
};
use super::resource::{Asker, Resources};
use super::service::{Service, Told};
use super::{Check, Listening, Order};
use protocol::Code;
use rustls_pki_types::UnixTime;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Verdicts of the registry that wait for the door; further ones wait in their own tasks.
const VERDICTS_WAITING: usize = 256;

/// Opens the door. `check` is asked whenever a session begins, and again for every open session
/// from time to time.
pub fn listen(
    socket: UdpSocket,
    sessions: Sessions,
    check: Check,
    resources: Arc<dyn Resources>,
    counters: Arc<Counters>,
    seed: Seed,
) -> io::Result<Listening> {
    let local = socket.local_addr()?;
    let (verdict, verdicts) = mpsc::channel(VERDICTS_WAITING);
    let shell = Shell {
        socket,
        sessions,
        service: Service::new(Limits::VERIFIED, resources, Arc::clone(&counters), seed),
        check,
        counters,
        verdict,
        rechecking: None,
        outgoing: Vec::new(),
    };
    Ok(Listening::new(local, |orders| shell.run(verdicts, orders)))
}

/// What the registry said.
type Verdict = (SessionId, bool);

struct Shell {
    socket: UdpSocket,
    sessions: Sessions,
    service: Service<SessionId>,
    check: Check,
    counters: Arc<Counters>,
    verdict: mpsc::Sender<Verdict>,
    rechecking: Option<JoinHandle<()>>,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
}

/// What woke the door.
enum Turn {
    Readable,
    Told(Option<Told<SessionId>>),
    Verdict(Option<Verdict>),
    Time,
    Recheck,
    Order(Option<Order>),
}

impl Shell {
    async fn run(
        mut self,
        mut verdicts: mpsc::Receiver<Verdict>,
        mut orders: mpsc::Receiver<Order>,
    ) {
        let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
        let mut recheck = tokio::time::interval(RECHECK_EVERY);
        recheck.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop_at = None;
        while stop_at.is_none_or(|at| self.service.endpoint().in_work() > 0 && Instant::now() < at)
        {
            let wake = self.wake();
            let wake = stop_at.map_or(wake, |at| wake.min(at));
            let turn = tokio::select! {
                _ = self.socket.readable(), if stop_at.is_none() => Turn::Readable,
                told = self.service.told() => Turn::Told(told),
                verdict = verdicts.recv() => Turn::Verdict(verdict),
                () = tokio::time::sleep_until(wake.into()) => Turn::Time,
                _ = recheck.tick() => Turn::Recheck,
                order = orders.recv(), if stop_at.is_none() => Turn::Order(order),
            };
            let (wall, now) = (UnixTime::now(), Instant::now());
            match turn {
                Turn::Readable => self.read(&mut buffer, wall, now),
                Turn::Told(told) => self.take(told, now),
                Turn::Verdict(Some((id, admitted))) => self.sessions.verdict(id, admitted, wall),
                Turn::Verdict(None) => {}
                Turn::Time => {
                    self.sessions.on_time(wall, now);
                    self.service.endpoint().on_time(now);
                }
                Turn::Recheck => self.recheck(),
                Turn::Order(Some(Order::Revoke(code))) => {
                    for (id, of) in self.sessions.open() {
                        if of == code {
                            self.sessions.close(id, wall);
                        }
                    }
                }
                Turn::Order(Some(Order::Show(shown))) => {
                    if let Err(error) = self.sessions.show(&shown) {
                        tracing::error!(%error, "the coaps door goes on with its old certificate");
                    }
                }
                Turn::Order(Some(Order::Stop) | None) => stop_at = Some(now + STOP_WITHIN),
            }
            self.work(wall, now).await;
        }
        let (wall, now) = (UnixTime::now(), Instant::now());
        for (id, _) in self.sessions.open() {
            self.sessions.close(id, wall);
        }
        self.work(wall, now).await;
    }

    fn wake(&mut self) -> Instant {
        let sessions = self.sessions.deadline();
        let endpoint = self.service.endpoint().deadline();
        let next = sessions.into_iter().chain(endpoint).min();
        next.unwrap_or_else(|| Instant::now() + IDLE)
    }

    fn read(&mut self, buffer: &mut [u8], wall: UnixTime, now: Instant) {
        for _ in 0..DATAGRAMS_PER_TURN {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => {
                    let datagram = buffer.get(..length).unwrap_or_default();
                    self.sessions.receive(from, datagram, wall, now);
                }
                // Also what earlier datagrams of ours met at closed ports.
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, told: Option<Told<SessionId>>, now: Instant) {
        let mut next = told;
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some(told) = next else { return };
            self.service.take(told, now);
            next = self.service.told_now();
        }
        if let Some(told) = next {
            self.service.take(told, now);
        }
    }

    /// Carries messages between sessions, endpoint and socket until all is said.
    async fn work(&mut self, wall: UnixTime, now: Instant) {
        loop {
            while let Some(event) = self.sessions.poll() {
                match event {
                    Event::Send { to, bytes } => self.outgoing.push((to, bytes)),
                    Event::Message { id, bytes } => {
                        self.service.endpoint().receive(id, &bytes, now);
                    }
                    Event::Gone(id) => self.service.endpoint().forget(id),
                    Event::Refused { at, code, reason } => self.refused(at, code, reason),
                    Event::Check { id, code } => {
                        self.counters.opened.fetch_add(1, Ordering::Relaxed);
                        let admitted = (self.check)(code);
                        let verdict = self.verdict.clone();
                        tokio::spawn(async move {
                            let _ = verdict.send((id, admitted.await)).await;
                        });
                    }
                }
            }
            let mut messages = Vec::new();
            let Self {
                service, sessions, ..
            } = self;
            service.work(
                |id| Asker {
                    caller: sessions.code(id),
                    at: sessions.address(id),
                    is_late: sessions.is_late(id),
                },
                |id, bytes| messages.push((id, bytes)),
            );
            if messages.is_empty() {
                break;
            }
            for (id, bytes) in messages {
                self.sessions.send(id, &bytes, wall);
            }
        }
        let open = u64::try_from(self.sessions.counts().1).unwrap_or(u64::MAX);
        self.counters.sessions.store(open, Ordering::Relaxed);
        for (to, bytes) in self.outgoing.drain(..) {
            // A datagram that cannot be sent is a datagram lost.
            let _ = self.socket.send_to(&bytes, to).await;
        }
    }

    fn refused(&self, at: SocketAddr, code: Option<Code>, reason: Reason) {
        self.counters.count(reason);
        let code = code.map(tracing::field::display);
        match reason {
            Reason::BadCertificate | Reason::NotAdmitted | Reason::SessionEvicted => {
                tracing::info!(%at, code, reason = reason.word(), "coaps session refused");
            }
            // What anybody may cause at any rate is counted, and said only to who looks closely.
            _ => tracing::debug!(%at, code, reason = reason.word(), "coaps session ended"),
        }
    }

    /// Asks about every open session, one after the other; who may not stay is told to go.
    fn recheck(&mut self) {
        if self.rechecking.as_ref().is_some_and(|it| !it.is_finished()) {
            return;
        }
        let open = self.sessions.open();
        if open.is_empty() {
            return;
        }
        let (check, verdict) = (Arc::clone(&self.check), self.verdict.clone());
        self.rechecking = Some(tokio::spawn(async move {
            for (id, code) in open {
                if !check(code).await && verdict.send((id, false)).await.is_err() {
                    return;
                }
            }
        }));
    }
}
