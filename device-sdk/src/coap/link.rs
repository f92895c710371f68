//! One connection to the gateway: a socket, a task that owns it, and orders for that task.

use super::exchange::{Exchanges, Failure, Output, Token};
use super::secure::{Checked, Drained, Secure};
use super::{Error, Settings};
use coap_lite::Packet;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

/// Orders that wait for the task.
const ORDERS_MAX: usize = 64;
/// Notifications that wait for one observer; a slower one misses the newest.
const NOTICES_MAX: usize = 64;
/// Longest datagram read.
const DATAGRAM_MAX: usize = 2048;
/// Without anything to do, the task looks around this often.
const IDLE: Duration = Duration::from_secs(3600);

type Reply = oneshot::Sender<Result<Packet, Error>>;

enum Order {
    Exchange(Packet, Reply),
    Observe(Packet, oneshot::Sender<Result<Started, Error>>),
    Forget(Token),
    Close,
}

/// An observation has begun.
pub(super) struct Started {
    pub(super) first: Packet,
    pub(super) token: Token,
    pub(super) notices: mpsc::Receiver<Packet>,
}

/// The way to the task. The connection lasts until it fails or all of these are dropped.
#[derive(Clone)]
pub(super) struct Link {
    orders: mpsc::Sender<Order>,
}

impl Link {
    /// Connects; with an identity, the handshake is over when this returns.
    pub(super) async fn open(
        settings: &Settings,
        identity: Option<&Checked>,
        seed: u64,
    ) -> Result<Self, Error> {
        let local: SocketAddr = match settings.gateway {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await.map_err(unreachable)?;
        let to = settings.gateway;
        socket.connect(to).await.map_err(unreachable)?;
        let secure = match identity {
            None => None,
            Some(identity) => {
                let limit = settings.timing.handshake_timeout;
                let handshake = handshake(&socket, identity.clone());
                let secure = tokio::time::timeout(limit, handshake).await;
                Some(secure.map_err(|_| Error::Unreachable)??)
            }
        };
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let task = Task {
            socket,
            secure,
            exchanges: Exchanges::new(settings.timing, seed, Instant::now()),
            replies: HashMap::new(),
            starting: HashMap::new(),
            observers: HashMap::new(),
        };
        tokio::spawn(task.run(inbox));
        Ok(Self { orders })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.orders.is_closed()
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.orders.same_channel(&other.orders)
    }

    pub(super) async fn exchange(&self, packet: Packet) -> Result<Packet, Error> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Exchange(packet, reply);
        let sent = self.orders.send(order).await;
        sent.map_err(|_| Error::Unreachable)?;
        answer.await.unwrap_or(Err(Error::Unreachable))
    }

    pub(super) async fn observe(&self, packet: Packet) -> Result<Started, Error> {
        let (reply, started) = oneshot::channel();
        let order = Order::Observe(packet, reply);
        let sent = self.orders.send(order).await;
        sent.map_err(|_| Error::Unreachable)?;
        started.await.unwrap_or(Err(Error::Unreachable))
    }

    /// Without waiting: an observer that is gone is also noticed by its closed channel.
    pub(super) fn forget(&self, token: Token) {
        let _ = self.orders.try_send(Order::Forget(token));
    }

    pub(super) async fn close(&self) {
        let _ = self.orders.send(Order::Close).await;
        self.orders.closed().await;
    }
}

fn unreachable(_: io::Error) -> Error {
    Error::Unreachable
}

async fn handshake(socket: &UdpSocket, identity: Checked) -> Result<Secure, Error> {
    let mut secure = Secure::new(identity, Instant::now())?;
    let mut buffer = [0; DATAGRAM_MAX];
    let mut drained = secure.on_time(Instant::now())?;
    loop {
        for datagram in &drained.datagrams {
            socket.send(datagram).await.map_err(unreachable)?;
        }
        if drained.closed {
            return Err(Error::Refused);
        }
        if secure.is_open() {
            return Ok(secure);
        }
        drained = tokio::select! {
            received = socket.recv(&mut buffer) => {
                let length = received.map_err(unreachable)?;
                secure.receive(buffer.get(..length).unwrap_or_default(), Instant::now())?
            }
            () = tokio::time::sleep_until(secure.wake().into()) => secure.on_time(Instant::now())?,
        };
    }
}

struct Task {
    socket: UdpSocket,
    secure: Option<Secure>,
    exchanges: Exchanges,
    replies: HashMap<Token, Reply>,
    starting: HashMap<Token, oneshot::Sender<Result<Started, Error>>>,
    observers: HashMap<Token, mpsc::Sender<Packet>>,
}

impl Task {
    /// Until the connection fails, or nobody wants it any more. What still waits then learns it by
    /// its closed channel.
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut buffer = [0; DATAGRAM_MAX];
        let mut closing = false;
        while !closing {
            let wake = self.wake();
            let done = tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Close) | None => {
                        closing = true;
                        Ok(())
                    }
                    Some(order) => {
                        self.take(order);
                        Ok(())
                    }
                },
                received = self.socket.recv(&mut buffer) => match received {
                    Ok(length) => {
                        let datagram = buffer.get(..length).unwrap_or_default();
                        self.receive(datagram).await
                    }
                    Err(error) => Err(unreachable(error)),
                },
                () = tokio::time::sleep_until(wake.into()) => self.on_time().await,
            };
            let done = match done {
                Ok(()) => self.work().await,
                failed => failed,
            };
            if let Err(error) = done {
                orders.close();
                return self.fail(error);
            }
        }
        orders.close();
        if let Some(Ok(drained)) = self.secure.as_mut().map(Secure::close) {
            for datagram in drained.datagrams {
                let _ = self.socket.send(&datagram).await;
            }
        }
    }

    fn wake(&self) -> Instant {
        let now = Instant::now();
        let secure = self.secure.as_ref().map(Secure::wake);
        let exchanges = self.exchanges.deadline();
        [secure, exchanges]
            .into_iter()
            .flatten()
            .fold(now + IDLE, Instant::min)
    }

    fn take(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Exchange(packet, reply) => match self.exchanges.begin(packet, false, now) {
                Some(token) => {
                    self.replies.insert(token, reply);
                }
                None => drop(reply.send(Err(Error::Busy))),
            },
            Order::Observe(packet, reply) => match self.exchanges.begin(packet, true, now) {
                Some(token) => {
                    self.starting.insert(token, reply);
                }
                None => drop(reply.send(Err(Error::Busy))),
            },
            Order::Forget(token) => {
                self.exchanges.forget(token);
                self.observers.remove(&token);
            }
            Order::Close => {}
        }
    }

    async fn receive(&mut self, datagram: &[u8]) -> Result<(), Error> {
        let now = Instant::now();
        match &mut self.secure {
            None => self.exchanges.receive(datagram, now),
            Some(secure) => {
                let drained = secure.receive(datagram, now)?;
                self.carry(drained).await?;
            }
        }
        Ok(())
    }

    async fn on_time(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if let Some(secure) = &mut self.secure {
            let drained = secure.on_time(now)?;
            self.carry(drained).await?;
        }
        self.exchanges.on_time(now);
        Ok(())
    }

    async fn carry(&mut self, drained: Drained) -> Result<(), Error> {
        for datagram in drained.datagrams {
            self.socket.send(&datagram).await.map_err(unreachable)?;
        }
        for message in drained.messages {
            self.exchanges.receive(&message, Instant::now());
        }
        match drained.closed {
            true => Err(Error::Refused),
            false => Ok(()),
        }
    }

    /// Does what the exchanges want done.
    async fn work(&mut self) -> Result<(), Error> {
        while let Some(output) = self.exchanges.poll() {
            match output {
                Output::Send(bytes) => match &mut self.secure {
                    None => {
                        self.socket.send(&bytes).await.map_err(unreachable)?;
                    }
                    Some(secure) => {
                        let drained = secure.send(&bytes)?;
                        self.carry(drained).await?;
                    }
                },
                Output::Answer(token, result) => self.answer(token, result),
                Output::Notice(token, packet) => self.tell(token, packet),
                Output::Dead => return Err(Error::Unreachable),
            }
        }
        Ok(())
    }

    fn answer(&mut self, token: Token, result: Result<Packet, Failure>) {
        let result = result.map_err(|failure| match failure {
            Failure::Silent | Failure::NoAnswer => Error::Unreachable,
            Failure::Reset => Error::Protocol,
        });
        if let Some(reply) = self.replies.remove(&token) {
            let _ = reply.send(result);
            return;
        }
        let Some(reply) = self.starting.remove(&token) else {
            return;
        };
        let started = result.map(|first| {
            let (sender, notices) = mpsc::channel(NOTICES_MAX);
            self.observers.insert(token, sender);
            Started {
                first,
                token,
                notices,
            }
        });
        if reply.send(started).is_err() {
            self.take(Order::Forget(token));
        }
    }

    fn tell(&mut self, token: Token, packet: Packet) {
        let gone = match self.observers.get(&token) {
            Some(observer) => matches!(
                observer.try_send(packet),
                Err(mpsc::error::TrySendError::Closed(_))
            ),
            None => true,
        };
        if gone {
            self.take(Order::Forget(token));
        }
    }

    fn fail(&mut self, error: Error) {
        for (_, reply) in self.replies.drain() {
            let _ = reply.send(Err(error));
        }
        for (_, reply) in self.starting.drain() {
            let _ = reply.send(Err(error));
        }
    }
}

/// A seed for message ids and tokens, from the randomness the standard library keys its maps with.
pub(super) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now())
}
