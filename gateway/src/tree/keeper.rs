//! What the tree asks of whoever keeps events for those who are away.

use super::Event;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::{Code, Status};

/// Keeps what topics retain and what sessions are owed while their clients are away.
pub trait Keeper: Send + Sync + 'static {
    /// Sees every event before those who listen now. It says in the event who of each sharing group
    /// gets it. When this returns, what is to be kept of an assured event is durable; of another one
    /// it will be soon.
    fn keep<'e>(&'e self, event: &'e mut Event, how: Keeping) -> BoxFuture<'e, Result<(), Status>>;
}

/// What is to be kept beside what sessions are owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// It is the newest of its topic, or clears it when it has no payload.
    pub retain: bool,
    /// The publisher's session must not publish it again.
    pub received: Option<Received>,
    /// Other codes than its own whose sessions may be owed it.
    pub readers: Vec<Code>,
}

/// A publication with QoS 2 that its publisher has not released yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Received {
    /// The number of the publisher's session.
    pub session: i64,
    /// The packet identifier.
    pub id: u16,
}

/// Takes what gateways below bring.
pub trait Links: Send + Sync + 'static {
    /// A frame of a gateway; gives the frames that answer it. What it changed is durable on return.
    fn take(&self, from: Code, frame: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, Status>>;
}

/// Hands events on to whoever is above this gateway.
pub trait Forwarder: Send + Sync + 'static {
    /// Sees every event that did not come from above. When this returns, what is to leave of an
    /// assured event is durable.
    fn forward<'e>(&'e self, event: &'e Event) -> BoxFuture<'e, Result<(), Status>>;
}
