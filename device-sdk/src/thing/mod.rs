//! A thing on Linux: one handle for a machine's program, over MQTT or CoAP.
//!
//! [`Thing::say`] puts telemetry, events, twin and results into a folder ([`kept`]) and returns when
//! they are durable; a task sends them in their order whenever the gateway can be reached, and goes
//! on after crashes and restarts. [`Happenings`] are what people tell the thing: commands, what it
//! shall become, wallet messages. Connections are made again by themselves, after growing waits with
//! jitter.
//!
//! ```no_run
//! # async fn run(identity: device_sdk::identity_file::Identity) -> Result<(), Box<dyn std::error::Error>> {
//! use device_sdk::thing::{Happening, Settings, Thing};
//!
//! let settings = Settings::mqtt("meter".as_ref(), "gateway.example", 8883);
//! let (thing, mut happenings) = Thing::start(&settings, &identity)?;
//! thing.say("t/room", b"{\"temperature\":21.5}")?;
//! while let Some(told) = happenings.next().await {
//!     if let Happening::Command { id, payload } = &told.happening {
//!         println!("told to {}", String::from_utf8_lossy(payload));
//!         thing.say(&format!("r/{id}"), b"done")?;
//!     }
//!     told.done();
//! }
//! # Ok(())
//! # }
//! ```

mod by_coap;
mod by_mqtt;
pub mod kept;
pub mod reenrol;
#[cfg(test)]
mod tests;
pub mod till;

use crate::coap;
use crate::identity_file::{Identity, IdentityError};
use crate::links::mqtt::{self, Delivery, Mqtt, Peer, inbox_topic};
use kept::{Bounds, Entry, KeepError, Kept};
use protocol::Code;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Happenings that may wait for the program; further ones wait at the gateway.
const HAPPENINGS_WAITING: usize = 64;
/// Entries that are sent before the folder is told that they were taken.
const BATCH_MOST: usize = 32;

/// Which way to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// MQTT over mutual TLS.
    Mqtt,
    /// CoAP over DTLS; commands and messages are looked for every so often.
    Coap {
        /// Between two looks.
        look_every: Duration,
    },
}

/// Where the gateway is, and what is kept while it cannot be reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of what waits, which this handle has to itself.
    pub folder: PathBuf,
    /// Name or address, as it stands in the gateway's certificate.
    pub host: String,
    /// Port of the door.
    pub port: u16,
    /// Which door.
    pub door: Door,
    /// How much is kept.
    pub bounds: Bounds,
    /// Tells the sessions of one code apart, see [`mqtt::Settings::session`].
    pub session: &'static str,
}

impl Settings {
    /// Over MQTT, with what waits in `waiting` in the thing's folder.
    pub fn mqtt(folder: &Path, host: &str, port: u16) -> Self {
        Self {
            folder: folder.join("waiting"),
            host: host.to_owned(),
            port,
            door: Door::Mqtt,
            bounds: Bounds::default(),
            session: "",
        }
    }

    /// Over CoAP, looking every five seconds.
    pub fn coap(folder: &Path, host: &str, port: u16) -> Self {
        let look_every = Duration::from_secs(5);
        Self {
            door: Door::Coap { look_every },
            ..Self::mqtt(folder, host, port)
        }
    }
}

/// Why there is no handle.
#[derive(Debug)]
pub enum StartError {
    /// The folder of what waits.
    Keep(KeepError),
    /// Keys or certificates.
    Identity(IdentityError),
    /// The same, for DTLS.
    Settings(coap::SettingsFault),
    /// The host's name leads nowhere.
    Host(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(error) => error.fmt(f),
            Self::Identity(error) => error.fmt(f),
            Self::Settings(fault) => fault.fmt(f),
            Self::Host(host) => write!(f, "{host} has no address"),
        }
    }
}

impl std::error::Error for StartError {}

/// What people tell the thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Do something, and publish to `r/<id>` what came of it. One that is not done comes again.
    Command {
        /// By which its result is called.
        id: String,
        /// What to do.
        payload: Vec<u8>,
    },
    /// What the thing shall become; empty when nothing is wanted any more.
    Desired(Vec<u8>),
    /// For the purse.
    Wallet(Vec<u8>),
}

/// A happening that the gateway keeps until [`Told::done`].
#[derive(Debug)]
pub struct Told {
    /// What.
    pub happening: Happening,
    done: Done,
}

#[derive(Debug)]
enum Done {
    Mqtt(Delivery),
    /// A wallet message of this number.
    Inbox(u64, mpsc::UnboundedSender<u64>),
    /// What CoAP keeps by itself: a command until its result, a twin for good.
    Nothing,
}

impl Told {
    /// Whatever it meant is durable, or has been done.
    pub fn done(self) {
        match self.done {
            Done::Mqtt(delivery) => delivery.done(),
            Done::Inbox(number, taken) => {
                // Whoever looked for it has ended: it comes again.
                let _ = taken.send(number);
            }
            Done::Nothing => {}
        }
    }
}

/// What people tell the thing, in the order in which it comes.
#[derive(Debug)]
pub struct Happenings(mpsc::Receiver<Told>);

impl Happenings {
    /// The next; `None` after the handle is gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Told> {
        self.0.recv().await
    }
}

/// A handle; clones share one connection and one folder. When the last one is dropped, the tasks
/// end.
#[derive(Clone)]
pub struct Thing {
    me: Code,
    line: Line,
    waiting: Arc<Waiting>,
    _tasks: Arc<Tasks>,
}

#[derive(Clone)]
enum Line {
    Mqtt(Mqtt),
    Coap(coap::Client),
}

/// What waits, and who is told when more does.
struct Waiting {
    kept: Mutex<Kept>,
    more: Notify,
    /// Entries that the gateway did not want.
    refused: std::sync::atomic::AtomicU64,
}

struct Tasks(Vec<tokio::task::AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl Waiting {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something, and gives the oldest.
    async fn oldest(&self) -> std::io::Result<Vec<Entry>> {
        loop {
            let more = self.more.notified();
            let entries = self.kept().oldest(BATCH_MOST)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            more.await;
        }
    }
}

impl Thing {
    /// Starts on the current tokio runtime. Nothing is waited for: what is said is kept until the
    /// gateway is reached.
    pub fn start(
        settings: &Settings,
        identity: &Identity,
    ) -> Result<(Self, Happenings), StartError> {
        let kept = Kept::open(&settings.folder, settings.bounds).map_err(StartError::Keep)?;
        let waiting = Arc::new(Waiting {
            kept: Mutex::new(kept),
            more: Notify::new(),
            refused: Default::default(),
        });
        let me = identity.credentials.code;
        let (tell, told) = mpsc::channel(HAPPENINGS_WAITING);
        let (line, tasks) = match settings.door {
            Door::Mqtt => {
                let tls = identity.tls().map_err(StartError::Identity)?;
                let mut door = mqtt::Settings::new(&settings.host, settings.port, me, tls);
                door.session = settings.session;
                let commands = format!("oc/1/{me}/c/+");
                let desired = format!("oc/1/{me}/twin/desired");
                door.filters = vec![inbox_topic(&me), commands, desired];
                let (mqtt, deliveries) = Mqtt::start(door);
                let sending = by_mqtt::send(mqtt.clone(), me, Arc::clone(&waiting));
                let hearing = by_mqtt::hear(deliveries, me, tell);
                let tasks = [tokio::spawn(sending), tokio::spawn(hearing)];
                (Line::Mqtt(mqtt), tasks)
            }
            Door::Coap { look_every } => {
                let client = client(settings, identity)?;
                let sending = by_coap::send(client.clone(), Arc::clone(&waiting));
                let hearing = by_coap::look(client.clone(), look_every, tell);
                let tasks = [tokio::spawn(sending), tokio::spawn(hearing)];
                (Line::Coap(client), tasks)
            }
        };
        let tasks = tasks.iter().map(|task| task.abort_handle()).collect();
        let thing = Self {
            me,
            line,
            waiting,
            _tasks: Arc::new(Tasks(tasks)),
        };
        Ok((thing, Happenings(told)))
    }

    /// Says something under the own code, such as `t/room`; durable when it returns its number.
    pub fn say(&self, topic: &str, payload: &[u8]) -> Result<u64, KeepError> {
        self.push(topic, false, payload)
    }

    /// The same, as the newest value of its topic: `s`, `twin/reported`.
    pub fn state(&self, topic: &str, payload: &[u8]) -> Result<u64, KeepError> {
        self.push(topic, true, payload)
    }

    fn push(&self, topic: &str, keep: bool, payload: &[u8]) -> Result<u64, KeepError> {
        if !rumqttc::valid_topic(topic) {
            return Err(KeepError::Unfit);
        }
        let number = self.waiting.kept().push(topic, keep, payload)?;
        self.waiting.more.notify_one();
        Ok(number)
    }

    /// Hands a wallet message to the gateway or to another thing. Over CoAP the answer comes at once,
    /// over MQTT as a happening. What must outlive this process stands in the purse's journal.
    pub async fn hand(&self, peer: Peer, message: &[u8]) -> Result<Option<Vec<u8>>, HandError> {
        match &self.line {
            Line::Mqtt(mqtt) => {
                let sent = mqtt.send(peer, message).await;
                sent.map(|()| None).map_err(HandError::Mqtt)
            }
            Line::Coap(client) => {
                let path = format!("oc/1/me/w/out/{peer}");
                let request = coap::Request::post(&path, coap::wire::CBOR, message.to_vec());
                let answer = client.request(request).await.map_err(HandError::Coap)?;
                Ok(Some(answer.payload).filter(|payload| !payload.is_empty()))
            }
        }
    }

    /// Its code.
    pub const fn me(&self) -> Code {
        self.me
    }

    /// How many entries wait for the gateway.
    pub fn waiting(&self) -> u64 {
        self.waiting.kept().waiting()
    }

    /// How many were dropped for want of room, in the life of the folder.
    pub fn dropped(&self) -> u64 {
        self.waiting.kept().dropped()
    }

    /// How many the gateway refused, since this handle was made.
    pub fn refused(&self) -> u64 {
        let refused = &self.waiting.refused;
        refused.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl fmt::Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thing")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

fn client(settings: &Settings, identity: &Identity) -> Result<coap::Client, StartError> {
    let host = (settings.host.as_str(), settings.port);
    let address: Option<SocketAddr> = host.to_socket_addrs().ok().and_then(|mut all| all.next());
    let gateway = address.ok_or_else(|| StartError::Host(settings.host.clone()))?;
    let settings = coap::Settings {
        gateway,
        identity: Some(
            identity
                .dtls(&settings.host)
                .map_err(StartError::Identity)?,
        ),
        timing: coap::Timing::NEARBY,
    };
    coap::Client::new(settings).map_err(StartError::Settings)
}

/// Why a wallet message was not handed over.
#[derive(Debug)]
pub enum HandError {
    /// Over MQTT.
    Mqtt(mqtt::PublishError),
    /// Over CoAP.
    Coap(coap::Error),
}

impl fmt::Display for HandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mqtt(error) => error.fmt(f),
            Self::Coap(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HandError {}
