//! What the portal asks of the house around it.

use crate::language::{Say, below, heard};
use issuer::Role;
use issuer::safe::KeyPlace;
use protocol::{Code, Kind, PublicKey, Status, Timestamp};
use std::future::Future;
use std::pin::Pin;

/// An answer that takes a while.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Somebody wants a code for a thing whose request they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskOrder {
    /// PKCS#10, DER.
    pub request: Vec<u8>,
    /// What it names.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// What sort of product it is.
    pub product: String,
    /// Who asks, for the registry.
    pub by: String,
}

/// Why no code was issued. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskRefusal {
    /// Something is wrong with the request itself; the sentence says what.
    Request(String),
    /// The registry refused.
    Status(Status),
}

impl DeskRefusal {
    /// That `not` happened because `{reason}`, or what the registry says by itself.
    pub fn told(&self, not: Say) -> Say {
        match self {
            Self::Request(_) => not.put("reason", self.reason()),
            Self::Status(status) => below::status(*status),
        }
    }

    /// Why.
    pub fn reason(&self) -> Say {
        match self {
            Self::Request(sentence) => heard(sentence),
            Self::Status(status) => below::status(*status),
        }
    }
}

impl From<Status> for DeskRefusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// One of the authorities this house stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCard {
    /// Root, issuer or gateway; never a station.
    pub role: Role,
    /// Its code.
    pub code: Code,
    /// Verifies what it signs in passes, allowances and statements.
    pub pass_key: PublicKey,
    /// Its own pass; empty for the root, whom nobody vouches for.
    pub pass: Vec<u8>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Its certificate is good until then.
    pub not_after: Timestamp,
    /// Where its private keys lie.
    pub keys: KeyPlace,
    /// Of a gateway whose key has changed: until then the key before counts as well.
    pub former_key_ends: Option<Timestamp>,
    /// Its passes with keys that it gave up: labels that those signed are out there.
    pub former_passes: Vec<Vec<u8>>,
}

/// Issues codes by the one path that also serves things. The same request gets the same code.
pub trait IssuingDesk: Send + Sync + 'static {
    /// Issues a code, certificate and pass, and records the thing before it answers.
    fn issue(&self, order: DeskOrder, now: Timestamp) -> Pending<Result<Code, DeskRefusal>>;

    /// Gives a thing another wallet key and a pass for it. The request is signed by the transport
    /// key that the code was made for; the same wallet key again changes nothing.
    fn replace_wallet_key(
        &self,
        code: Code,
        request: Vec<u8>,
        by: String,
        now: Timestamp,
    ) -> Pending<Result<(), DeskRefusal>>;

    /// `trust.toml`, what things are given to trust this network; `None` when it cannot be written.
    fn trust_file(&self) -> Option<String>;

    /// The authorities, from the root down.
    fn authorities(&self) -> Vec<AuthorityCard>;
}

/// A thing that is there right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Which thing.
    pub code: Code,
    /// By which door: `MQTT`, `CoAP`, ...
    pub door: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// What a door has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorLoad {
    /// Which door: `MQTT`, `CoAP`, ...
    pub door: &'static str,
    /// Things that are connected by it.
    pub online: u64,
    /// Messages and requests that came in by it since the start.
    pub messages: u64,
}

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What may still be written on it.
    pub free_bytes: u64,
    /// All there is.
    pub all_bytes: u64,
}

/// What is happening in the house right now.
pub trait LiveHouse: Send + Sync + 'static {
    /// When this process began.
    fn started(&self) -> Timestamp;

    /// Every door, always in the same order.
    fn doors(&self) -> Vec<DoorLoad>;

    /// Until when the certificate is good that the doors show.
    fn certificate_ends(&self) -> Option<Timestamp>;

    /// Whether and how a thing is connected.
    fn connected(&self, code: &Code) -> Option<Connected>;

    /// When the lists of revoked codes that are handed out were made; none before the first.
    fn lists_made(&self) -> Option<Timestamp>;

    /// The disk that books and keys lie on; none where it is not known.
    fn disk(&self) -> Option<Disk>;

    /// The code was revoked: its connections end.
    fn disconnect(&self, code: &Code);
}
