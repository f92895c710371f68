//! Through a gateway over MQTT 3.1.1 and TLS.
//!
//! [`Mqtt::start`] keeps one connection and makes it again, with growing waits, for as long as a
//! handle exists. What is published stays in memory until the gateway's PUBACK, which comes only
//! after its own record is durable, and is published again on every new connection; what must
//! outlive this process stands in the purse's journal anyway. What comes in is acknowledged only
//! when the receiver says that it is done with it.

mod driver;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use driver::Driver;
use protocol::Code;
use rustls::ClientConfig;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How many messages may wait for their PUBACK.
pub const UNACKNOWLEDGED_MAX: usize = 256;
/// How many messages may wait for the receiver; beyond that the connection is given up, and the
/// gateway delivers again on the next one.
pub const UNREAD_MAX: usize = 256;
/// The largest MQTT packet either way.
pub const PACKET_MAX_BYTES: usize = 256 * 1024;

/// Where the gateway is and who we are.
#[derive(Clone)]
pub struct Settings {
    /// DNS name or address, as it stands in the gateway's certificate.
    pub host: String,
    /// Port, usually 8883.
    pub port: u16,
    /// Own code.
    pub me: Code,
    /// Tells the sessions of one code apart: a gateway ends the older of two with the same name.
    /// Empty for the only one; otherwise at most 16 of `A-Za-z0-9_-`.
    pub session: &'static str,
    /// See [`crate::tls::client_config`].
    pub tls: Arc<ClientConfig>,
    /// Topic filters to subscribe to at QoS 1 on every connection.
    pub filters: Vec<String>,
    /// How patient to be.
    pub timing: Timing,
}

impl Settings {
    /// The usual: the own inbox, and patience for a local net.
    pub fn new(host: &str, port: u16, me: Code, tls: Arc<ClientConfig>) -> Self {
        Self {
            host: host.to_owned(),
            port,
            me,
            session: "",
            tls,
            filters: vec![inbox_topic(&me)],
            timing: Timing::default(),
        }
    }

    /// What the gateway knows this session by.
    fn client_id(&self) -> String {
        match self.session {
            "" => self.me.to_string(),
            session => format!("{}.{session}", self.me),
        }
    }
}

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For the connection with its handshakes.
    pub connect_timeout: Duration,
    /// Between two signs of life.
    pub keep_alive: Duration,
    /// For a PUBACK, before the connection is made anew.
    pub ack_timeout: Duration,
    /// How many connections may end over a message before it is given back as refused.
    pub attempts: u32,
    /// Before the first attempt to reconnect; doubles each time.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub longest_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
            ack_timeout: Duration::from_secs(15),
            attempts: 8,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(10),
        }
    }
}

/// To whom a wallet message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The gateway itself.
    Gateway,
    /// Another thing, through the gateway.
    Code(Code),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("gateway"),
            Self::Code(code) => code.fmt(f),
        }
    }
}

/// Where wallet messages for `code` arrive.
pub fn inbox_topic(code: &Code) -> String {
    format!("oc/1/{code}/w/in")
}

/// Where `code` puts wallet messages for `peer`.
pub fn outbox_topic(code: &Code, peer: Peer) -> String {
    format!("oc/1/{code}/w/out/{peer}")
}

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// On the way.
    Connecting,
    /// Connected and subscribed.
    Ready,
    /// Not connected; it is tried again.
    Away {
        /// What went wrong.
        reason: String,
    },
}

/// Why a message did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// Too many messages wait already.
    Full,
    /// The gateway did not acknowledge it on any of several connections: it refuses it.
    Refused,
    /// The connection was shut down.
    Closed,
    /// No topic to publish to: empty, or with a wildcard.
    Topic,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many messages wait for the gateway",
            Self::Refused => "the gateway does not acknowledge the message",
            Self::Closed => "the connection was shut down",
            Self::Topic => "no topic to publish to",
        })
    }
}

impl std::error::Error for PublishError {}

/// A handle to publish with. When the last one is dropped, the connection ends.
#[derive(Clone, Debug)]
pub struct Mqtt {
    me: Code,
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<State>,
}

/// A message that was ordered to be published. Dropped, nobody waits for it any more.
#[derive(Debug)]
pub struct Ordered(oneshot::Receiver<Result<(), PublishError>>);

impl Ordered {
    /// Waits for the PUBACK, through as many connections as it takes.
    pub async fn acknowledged(self) -> Result<(), PublishError> {
        self.0.await.unwrap_or(Err(PublishError::Closed))
    }
}

/// What the receiver gets.
#[derive(Debug)]
pub struct Deliveries {
    queue: mpsc::Receiver<Delivery>,
}

/// One message. It comes again on the next connection unless [`Delivery::done`] is called.
#[derive(Debug)]
pub struct Delivery {
    /// Where it was published.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    publish: rumqttc::Publish,
    connection: u64,
    done: mpsc::UnboundedSender<Done>,
}

#[derive(Debug)]
struct Order {
    topic: String,
    payload: Bytes,
    retain: bool,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

/// Its number is bounded by [`UNREAD_MAX`]: each belongs to one delivery.
#[derive(Debug)]
struct Done {
    publish: rumqttc::Publish,
    connection: u64,
}

impl Mqtt {
    /// Starts to connect, on the current tokio runtime.
    pub fn start(settings: Settings) -> (Self, Deliveries) {
        let (orders, taken) = mpsc::channel(UNACKNOWLEDGED_MAX);
        let (unread, queue) = mpsc::channel(UNREAD_MAX);
        let (told, state) = watch::channel(State::Connecting);
        let me = settings.me;
        tokio::spawn(Driver::new(settings, taken, unread, told).run());
        (Self { me, orders, state }, Deliveries { queue })
    }

    /// Publishes a wallet message at QoS 1 and waits for the PUBACK, through as many connections as
    /// it takes.
    pub async fn send(&self, peer: Peer, message: &[u8]) -> Result<(), PublishError> {
        let topic = outbox_topic(&self.me, peer);
        self.publish(&topic, message, false).await
    }

    /// The same for any topic.
    pub async fn publish(
        &self,
        topic: &str,
        payload: &[u8],
        retain: bool,
    ) -> Result<(), PublishError> {
        self.order(topic, payload, retain)?.acknowledged().await
    }

    /// The same without waiting: what is ordered first is published first.
    pub fn order(
        &self,
        topic: &str,
        payload: &[u8],
        retain: bool,
    ) -> Result<Ordered, PublishError> {
        if !rumqttc::valid_topic(topic) || topic.is_empty() {
            return Err(PublishError::Topic);
        }
        let (answer, acknowledged) = oneshot::channel();
        let order = Order {
            topic: topic.to_owned(),
            payload: Bytes::copy_from_slice(payload),
            retain,
            answer,
        };
        self.orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PublishError::Full,
            mpsc::error::TrySendError::Closed(_) => PublishError::Closed,
        })?;
        Ok(Ordered(acknowledged))
    }

    /// How the connection stands now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits until the connection is made and everything is subscribed.
    pub async fn ready(&self) -> Result<(), PublishError> {
        let mut state = self.state.clone();
        match state.wait_for(|state| *state == State::Ready).await {
            Ok(_) => Ok(()),
            Err(_) => Err(PublishError::Closed),
        }
    }
}

impl Deliveries {
    /// The next message; `None` after the connection was shut down.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.queue.recv().await
    }
}

impl Delivery {
    /// Whatever it meant is durable, or it meant nothing: the gateway may forget it.
    pub fn done(self) {
        // Of a connection that is gone, the gateway delivers again.
        let _ = self.done.send(Done {
            publish: self.publish,
            connection: self.connection,
        });
    }
}
