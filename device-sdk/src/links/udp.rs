//! Two things on one local net, with no gateway: each message is one datagram.
//!
//! ```text
//! "OC1" | kind u8 (1 request, 2 answer) | exchange u32 | message        (big-endian)
//! ```
//!
//! The asking side sends its request again until an answer with the same exchange number comes, and
//! gives up after a bounded time. The answering side asks its handler every time: a purse gives the
//! same bytes for the same message, so there is nothing to remember here. It never answers what is
//! no request, and never with more than it takes to say what the handler said.

use super::BackOff;
use protocol::message::MESSAGE_MAX;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

const MAGIC: [u8; 3] = *b"OC1";
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const HEAD_BYTES: usize = 8;
/// The longest datagram: the longest message and its head.
pub const DATAGRAM_MAX_BYTES: usize = MESSAGE_MAX + HEAD_BYTES;

/// How patient the asking side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Wait before the first repetition; doubles each time.
    pub first_wait: Duration,
    /// The longest wait between two repetitions.
    pub longest_wait: Duration,
    /// When to give up.
    pub give_up_after: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(2),
            give_up_after: Duration::from_secs(10),
        }
    }
}

impl Timing {
    /// For a peer that answered a moment ago, about what may as well stay unsaid.
    pub const BRIEF: Self = Self {
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_millis(400),
        give_up_after: Duration::from_secs(1),
    };
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// The message is longer than any message.
    TooLong,
    /// Nobody answered in time. The other side may have taken the message all the same: ask again.
    NoAnswer,
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the message is too long for a datagram"),
            Self::NoAnswer => f.write_str("nobody answered"),
            Self::Io(error) => write!(f, "the socket failed: {error}"),
        }
    }
}

impl std::error::Error for AskError {}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The asking side: one question at a time.
#[derive(Debug)]
pub struct Asker {
    socket: Mutex<UdpSocket>,
    exchange: AtomicU32,
    timing: Timing,
}

impl Asker {
    /// Binds a socket that can reach peers of `local`'s family, such as `127.0.0.1:0`.
    /// `first_exchange` should differ between restarts: random, or the time.
    pub async fn bind(
        local: SocketAddr,
        first_exchange: u32,
        timing: Timing,
    ) -> Result<Self, AskError> {
        Ok(Self {
            socket: Mutex::new(UdpSocket::bind(local).await?),
            exchange: AtomicU32::new(first_exchange),
            timing,
        })
    }

    /// Sends `message` to `peer` until it answers; returns the answer.
    pub async fn ask(&self, peer: SocketAddr, message: &[u8]) -> Result<Vec<u8>, AskError> {
        if message.len() > MESSAGE_MAX {
            return Err(AskError::TooLong);
        }
        let socket = self.socket.lock().await;
        let exchange = self.exchange.fetch_add(1, Ordering::Relaxed);
        let datagram = datagram(REQUEST, exchange, message);
        let give_up = Instant::now() + self.timing.give_up_after;
        let mut waits = BackOff::new(self.timing.first_wait, self.timing.longest_wait);
        loop {
            // A peer whose port is closed makes sends fail now and then; it may come back.
            let sent = socket.send_to(&datagram, peer).await;
            if let Err(error) = sent
                && !passes(&error)
            {
                return Err(error.into());
            }
            let until = (Instant::now() + waits.wait()).min(give_up);
            if let Some(answer) = answer_from(&socket, peer, exchange, until).await? {
                return Ok(answer);
            }
            if Instant::now() >= give_up {
                return Err(AskError::NoAnswer);
            }
        }
    }

    /// Asks as often as `turn` has something to ask. It is given the peer's last answer, and at
    /// first an empty one.
    pub async fn converse(
        &self,
        peer: SocketAddr,
        mut turn: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), AskError> {
        let mut answer = Vec::new();
        while let Some(question) = turn(&answer) {
            answer = self.ask(peer, &question).await?;
        }
        Ok(())
    }
}

/// Waits for the answer to one exchange; everything else is dropped.
async fn answer_from(
    socket: &UdpSocket,
    peer: SocketAddr,
    exchange: u32,
    until: Instant,
) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = [0; DATAGRAM_MAX_BYTES];
    loop {
        match timeout_at(until, socket.recv_from(&mut buffer)).await {
            Err(_) => return Ok(None),
            Ok(Err(error)) if passes(&error) => {}
            Ok(Err(error)) => return Err(error),
            Ok(Ok((len, from))) => {
                let received = buffer.get(..len).unwrap_or_default();
                match parse(received) {
                    Some((ANSWER, number, message)) if from == peer && number == exchange => {
                        return Ok(Some(message.to_vec()));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The answering side.
#[derive(Debug)]
pub struct Answerer {
    socket: UdpSocket,
}

impl Answerer {
    /// Binds the address others send to.
    pub async fn bind(local: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind(local).await?,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers requests one after another, for as long as the future is polled. The handler gets
    /// the message and returns the answer, or nothing to stay silent. Returns only when the socket
    /// fails.
    pub async fn serve<R>(&self, mut handler: impl FnMut(Vec<u8>) -> R) -> io::Error
    where
        R: Future<Output = Option<Vec<u8>>>,
    {
        let mut buffer = [0; DATAGRAM_MAX_BYTES + 1];
        loop {
            let (len, from) = match self.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) if passes(&error) => continue,
                Err(error) => return error,
            };
            let received = buffer.get(..len).unwrap_or_default();
            let Some((REQUEST, exchange, message)) = parse(received) else {
                continue;
            };
            let Some(answer) = handler(message.to_vec()).await else {
                continue;
            };
            if answer.len() > MESSAGE_MAX {
                continue;
            }
            let sent = self
                .socket
                .send_to(&datagram(ANSWER, exchange, &answer), from)
                .await;
            if let Err(error) = sent
                && !passes(&error)
            {
                return error;
            }
        }
    }
}

/// Errors that are about one datagram and not about the socket.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::Interrupted
            | io::ErrorKind::WouldBlock
    )
}

fn datagram(kind: u8, exchange: u32, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + message.len());
    bytes.extend(MAGIC);
    bytes.push(kind);
    bytes.extend(exchange.to_be_bytes());
    bytes.extend(message);
    bytes
}

fn parse(datagram: &[u8]) -> Option<(u8, u32, &[u8])> {
    let rest = datagram.strip_prefix(&MAGIC)?;
    let (kind, rest) = rest.split_first()?;
    let (exchange, message) = rest.split_first_chunk()?;
    if message.len() > MESSAGE_MAX {
        return None;
    }
    Some((*kind, u32::from_be_bytes(*exchange), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn loopback() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    fn hasty() -> Timing {
        Timing {
            first_wait: Duration::from_millis(20),
            longest_wait: Duration::from_millis(40),
            give_up_after: Duration::from_millis(400),
        }
    }

    #[tokio::test]
    async fn a_question_is_asked_until_it_is_answered() {
        let answerer = Answerer::bind(loopback()).await.unwrap();
        let peer = answerer.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let server = tokio::spawn(async move {
            answerer
                .serve(|message| {
                    // The first two are lost on the way.
                    let lost = count.fetch_add(1, Ordering::Relaxed) < 2;
                    async move { (!lost).then(|| [&message[..], b"!"].concat()) }
                })
                .await
        });
        let asker = Asker::bind(loopback(), 7, hasty()).await.unwrap();
        assert_eq!(asker.ask(peer, b"pay").await.unwrap(), b"pay!");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        let long = vec![0; MESSAGE_MAX];
        assert_eq!(
            asker.ask(peer, &long[1..]).await.unwrap().len(),
            MESSAGE_MAX
        );
        server.abort();
    }

    #[tokio::test]
    async fn nobody_there_is_found_out_in_bounded_time() {
        let gone = Answerer::bind(loopback()).await.unwrap();
        let peer = gone.local_addr().unwrap();
        drop(gone);
        let asker = Asker::bind(loopback(), 7, hasty()).await.unwrap();
        let before = Instant::now();
        let silence = asker.ask(peer, b"pay").await;
        assert!(matches!(silence, Err(AskError::NoAnswer)), "{silence:?}");
        assert!(before.elapsed() < Duration::from_secs(5));
        let long = asker.ask(peer, &[0; MESSAGE_MAX + 1]).await;
        assert!(matches!(long, Err(AskError::TooLong)));
    }

    #[tokio::test]
    async fn only_the_peers_answer_to_this_question_counts() {
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        let stranger = UdpSocket::bind(loopback()).await.unwrap();
        let address = peer.local_addr().unwrap();
        let asker = Asker::bind(loopback(), 7, hasty()).await.unwrap();
        let asking = tokio::spawn(async move { asker.ask(address, b"pay").await });
        let mut buffer = [0; DATAGRAM_MAX_BYTES];
        let (len, from) = peer.recv_from(&mut buffer).await.unwrap();
        assert_eq!(parse(&buffer[..len]), Some((REQUEST, 7, &b"pay"[..])));
        let wrong = [
            datagram(ANSWER, 6, b"old"),
            datagram(REQUEST, 7, b"question"),
            b"noise".to_vec(),
        ];
        stranger
            .send_to(&datagram(ANSWER, 7, b"forged"), from)
            .await
            .unwrap();
        for datagram in wrong {
            peer.send_to(&datagram, from).await.unwrap();
        }
        peer.send_to(&datagram(ANSWER, 7, b"right"), from)
            .await
            .unwrap();
        assert_eq!(asking.await.unwrap().unwrap(), b"right");
    }

    #[tokio::test]
    async fn noise_is_not_answered() {
        let answerer = Answerer::bind(loopback()).await.unwrap();
        let peer = answerer.local_addr().unwrap();
        let server =
            tokio::spawn(async move { answerer.serve(|message| async { Some(message) }).await });
        let socket = UdpSocket::bind(loopback()).await.unwrap();
        let too_long = datagram(REQUEST, 1, &vec![0; MESSAGE_MAX + 1]);
        for noise in [
            b"".to_vec(),
            b"OC1\x01".to_vec(),
            datagram(ANSWER, 1, b"x"),
            too_long,
        ] {
            socket.send_to(&noise, peer).await.unwrap();
        }
        socket
            .send_to(&datagram(REQUEST, 9, b"real"), peer)
            .await
            .unwrap();
        let mut buffer = [0; DATAGRAM_MAX_BYTES];
        let (len, _) = socket.recv_from(&mut buffer).await.unwrap();
        assert_eq!(parse(&buffer[..len]), Some((ANSWER, 9, &b"real"[..])));
        server.abort();
    }
}
