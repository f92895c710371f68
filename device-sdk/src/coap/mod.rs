//! A CoAP client for a OneCode gateway, over UDP or over DTLS with the thing's own certificate.
//!
//! A [`Client`] connects when it is first used, and again when the gateway was away: every request
//! of the OneCode tree may be repeated without changing anything, so a request that finds its old
//! connection dead is tried once more on a new one. Bodies of any size go in blocks.
//!
//! ```no_run
//! # async fn read(settings: device_sdk::coap::Settings) -> Result<(), Box<dyn std::error::Error>> {
//! use device_sdk::coap::{Client, Request};
//!
//! let client = Client::new(settings)?;
//! let answer = client.request(Request::get("oc/1/me/w/in").query("after=0")).await?;
//! println!("{} {} bytes", answer.code, answer.payload.len());
//! # Ok(())
//! # }
//! ```

mod exchange;
pub mod inbox;
mod link;
mod secure;
#[cfg(test)]
mod tests;
mod transfer;
pub mod wire;

pub use crate::coap_small::{AnswerCode, Method, block};
pub use exchange::Timing;
pub use secure::Identity;
pub use transfer::BODY_MAX_BYTES;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType};
use link::{Link, Started};
use secure::Checked;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

/// 4.01 Unauthorized.
const UNAUTHORIZED: u8 = 0x81;

/// Where the gateway is and how to speak to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address.
    pub gateway: SocketAddr,
    /// For `coaps`; without it everything goes in the clear.
    pub identity: Option<Identity>,
    /// How patient to be.
    pub timing: Timing,
}

/// What is wrong with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsFault {
    /// The thing's certificate cannot be read.
    Certificate,
    /// The private key is no P-256 key in PKCS#8.
    PrivateKey,
    /// The root's certificate cannot be read.
    Root,
    /// Neither a DNS name nor an address.
    ServerName,
    /// A waiting time of zero, or of years.
    Timing,
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nobody answers there.
    Unreachable,
    /// The gateway ended the connection, or does not take our certificate.
    Refused,
    /// Whoever answers there is not the gateway.
    NotTrusted,
    /// The answer breaks the rules of CoAP, or changes while it is fetched.
    Protocol,
    /// The answer is longer than [`BODY_MAX_BYTES`].
    TooLarge,
    /// Too many requests are under way on this client.
    Busy,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Path segments.
    pub path: Vec<String>,
    /// Query items.
    pub query: Vec<String>,
    /// Content-Format of the payload.
    pub content_format: Option<u16>,
    /// Content-Format that the answer is to have; whatever it has when absent.
    pub accept: Option<u16>,
    /// Body of any length.
    pub payload: Vec<u8>,
}

/// An answer with its whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Outcome.
    pub code: AnswerCode,
    /// Content-Format of the payload.
    pub content_format: Option<u16>,
    /// Body.
    pub payload: Vec<u8>,
}

/// A client. Clones share one connection.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    identity: Option<Checked>,
    link: Mutex<Option<Link>>,
}

/// Changes of a resource, as they are told. Ends with an error when the gateway is gone; observe
/// again then.
pub struct Observation {
    client: Client,
    link: Link,
    request: Request,
    token: u32,
    notices: mpsc::Receiver<Packet>,
    /// The state at the beginning.
    pub first: Answer,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsFault> {
        let handshake = settings.timing.handshake_timeout;
        let identity = settings.identity.clone();
        let identity = identity
            .map(|identity| Checked::new(identity, handshake))
            .transpose()?;
        let link = Mutex::new(None);
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                identity,
                link,
            }),
        })
    }

    /// Connects if there is no connection, and says whether that went well.
    pub async fn connect(&self) -> Result<(), Error> {
        self.link().await.map(|_| ())
    }

    /// Asks and waits for the whole answer. Refusals are answers, too.
    pub async fn request(&self, request: Request) -> Result<Answer, Error> {
        transfer::request(self, &request).await
    }

    /// Reads a resource and wants to be told of changes.
    pub async fn observe(&self, request: Request) -> Result<Observation, Error> {
        let (link, started) = self.start(&request).await?;
        let Started {
            first,
            token,
            notices,
        } = started;
        let first = transfer::complete(self, &request, first).await?;
        Ok(Observation {
            client: self.clone(),
            link,
            request,
            token,
            notices,
            first,
        })
    }

    /// Says good-bye, so that the gateway need not wait for us.
    pub async fn close(&self) {
        if let Some(link) = self.shared.link.lock().await.take() {
            link.close().await;
        }
    }

    async fn start(&self, request: &Request) -> Result<(Link, Started), Error> {
        let (link, fresh) = self.link().await?;
        match link.observe(request.head()).await {
            Err(Error::Unreachable | Error::Refused) if !fresh => {
                let link = self.relink(&link).await?;
                let started = link.observe(request.head()).await?;
                Ok((link, started))
            }
            started => Ok((link, started?)),
        }
    }

    /// A gateway that wants to know whether we are where we say is shown it, once.
    async fn exchange(&self, packet: Packet) -> Result<Packet, Error> {
        let answer = self.exchange_once(packet.clone()).await?;
        let doubted = u8::from(answer.header.code) == UNAUTHORIZED;
        match answer.get_first_option(wire::ECHO) {
            Some(echo) if doubted => {
                let mut packet = packet;
                packet.add_option(wire::ECHO, echo.clone());
                self.exchange_once(packet).await
            }
            _ => Ok(answer),
        }
    }

    async fn exchange_once(&self, packet: Packet) -> Result<Packet, Error> {
        let (link, fresh) = self.link().await?;
        match link.exchange(packet.clone()).await {
            Err(Error::Unreachable | Error::Refused) if !fresh => {
                self.relink(&link).await?.exchange(packet).await
            }
            answer => answer,
        }
    }

    /// The connection, and whether it was just made.
    async fn link(&self) -> Result<(Link, bool), Error> {
        let mut current = self.shared.link.lock().await;
        if let Some(link) = current.as_ref().filter(|link| !link.is_closed()) {
            return Ok((link.clone(), false));
        }
        *current = None;
        let link = self.open().await?;
        *current = Some(link.clone());
        Ok((link, true))
    }

    /// A connection that is not `dead`; several who noticed at once share the new one.
    async fn relink(&self, dead: &Link) -> Result<Link, Error> {
        let mut current = self.shared.link.lock().await;
        if let Some(link) = current
            .as_ref()
            .filter(|link| !link.is_closed() && !link.is(dead))
        {
            return Ok(link.clone());
        }
        *current = None;
        let link = self.open().await?;
        *current = Some(link.clone());
        Ok(link)
    }

    async fn open(&self) -> Result<Link, Error> {
        let Shared {
            settings, identity, ..
        } = &*self.shared;
        Link::open(settings, identity.as_ref(), link::seed()).await
    }
}

impl Observation {
    /// The next change. Cancel safe, except that a change in several blocks may be missed.
    pub async fn next(&mut self) -> Result<Answer, Error> {
        let notice = self.notices.recv().await.ok_or(Error::Unreachable)?;
        transfer::complete(&self.client, &self.request, notice).await
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.link.forget(self.token);
    }
}

impl Request {
    /// A request without a body for a path whose segments are separated by `/`.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.split('/').map(str::to_owned).collect(),
            query: Vec::new(),
            content_format: None,
            accept: None,
            payload: Vec::new(),
        }
    }

    /// Reads `path`.
    pub fn get(path: &str) -> Self {
        Self::new(Method::Get, path)
    }

    /// Publishes to `path`.
    pub fn post(path: &str, content_format: u16, payload: Vec<u8>) -> Self {
        Self {
            content_format: Some(content_format),
            payload,
            ..Self::new(Method::Post, path)
        }
    }

    /// Publishes to `path` and retains.
    pub fn put(path: &str, content_format: u16, payload: Vec<u8>) -> Self {
        Self {
            content_format: Some(content_format),
            payload,
            ..Self::new(Method::Put, path)
        }
    }

    /// With one more query item, such as `after=7`.
    pub fn query(mut self, item: &str) -> Self {
        self.query.push(item.to_owned());
        self
    }

    /// The same with its answer in this Content-Format.
    pub fn accepting(self, format: u16) -> Self {
        let accept = Some(format);
        Self { accept, ..self }
    }

    /// The message without its body.
    fn head(&self) -> Packet {
        let method = match self.method {
            Method::Get => RequestType::Get,
            Method::Post => RequestType::Post,
            Method::Put => RequestType::Put,
            Method::Delete => RequestType::Delete,
        };
        let code = MessageClass::Request(method);
        let mut packet = wire::bare(MessageType::Confirmable, code, 0);
        for segment in &self.path {
            packet.add_option(CoapOption::UriPath, segment.as_bytes().to_vec());
        }
        for item in &self.query {
            packet.add_option(CoapOption::UriQuery, item.as_bytes().to_vec());
        }
        if let Some(format) = self.content_format {
            packet.add_option(CoapOption::ContentFormat, wire::uint(u32::from(format)));
        }
        if let Some(format) = self.accept {
            packet.add_option(CoapOption::Accept, wire::uint(u32::from(format)));
        }
        packet
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the gateway does not answer",
            Self::Refused => "the gateway ended the connection",
            Self::NotTrusted => "whoever answers there is not the gateway",
            Self::Protocol => "the answer breaks the rules of CoAP",
            Self::TooLarge => "the answer is too large",
            Self::Busy => "too many requests are under way",
        })
    }
}

impl std::error::Error for Error {}

impl fmt::Display for SettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "the certificate cannot be read",
            Self::PrivateKey => "the private key is no P-256 key in PKCS#8",
            Self::Root => "the root's certificate cannot be read",
            Self::ServerName => "the server name is neither a DNS name nor an address",
            Self::Timing => "a waiting time is zero or endless",
        })
    }
}

impl std::error::Error for SettingsFault {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
