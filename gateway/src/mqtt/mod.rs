//! The MQTT door: TLS, sessions, and the codec between them.
//!
//! A connection is at most these, each with its bound:
//!
//! ```text
//! TCP --listener--> TLS task (deadline, half-open cap) --identity--> code
//!     --CONNECT--> client id, will, takeover, registry check --> session
//! session: frames -> packet::read -> rights and tree -> PUBACK
//!          replies, retained, inbox, watched events -> window -> frames
//! ```
//!
//! Nothing a client sends reaches another library before it was read here: the codec is our own,
//! and the fan-out sees only topics of the tree. A PUBACK leaves only after [`Tree::publish`] has
//! returned, thus after the durable record where money is concerned.
//!
//! What MQTT 3.1.1 cannot say: it has no negative PUBACK, so a refused publication closes the
//! connection, except a refused wallet message, whose answer in the inbox says why.

mod connect;
mod counters;
mod kept;
mod listener;
mod live;
mod packet;
mod reader;
mod session;
mod shares;
mod subscription;
#[cfg(test)]
mod tests;
mod tls;
mod websocket;
mod wills;
mod writer;

pub use counters::{Counters, Reason};
pub use kept::{Kept, SESSION_LIFE_MOST_S};
pub use listener::{Identity, Wire};
pub use session::End;
pub use tls::server_config;

use crate::tree::Tree;
use futures_util::future::BoxFuture;
use listener::Crowd;
use live::Live;
use protocol::Code;
use std::{fmt, sync::Arc, time::Duration};
use wills::Wills;

/// Asks the registry whether a code may be connected now.
pub type Check = Arc<dyn Fn(Code) -> BoxFuture<'static, bool> + Send + Sync>;

/// Bounds of the door; what is not here is bounded by a constant where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at the same time.
    pub sessions: usize,
    /// Sessions at the same time from one address.
    pub sessions_per_address: usize,
    /// Sessions of one code at the same time.
    pub sessions_per_code: usize,
    /// Connections that have not finished CONNECT; above this the oldest of them is closed.
    pub half_open: usize,
    /// Connections from one address that have not finished CONNECT, likewise.
    pub half_open_per_address: usize,
    /// From TCP accept to the end of CONNECT.
    pub open_deadline_ms: u64,
    /// Bytes of a packet.
    pub packet_bytes: usize,
    /// Packets a session may send per second, and at once after a pause.
    pub packets_per_s: u32,
    /// How long a client may refuse to read before it is disconnected.
    pub write_stall_ms: u64,
    /// The longest keep-alive; clients that ask for none get it.
    pub keep_alive_most_s: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            sessions_per_address: 4_096,
            sessions_per_code: 8,
            half_open: 512,
            half_open_per_address: 384,
            open_deadline_ms: 10_000,
            packet_bytes: 116 * 1024,
            packets_per_s: 20_000,
            write_stall_ms: 30_000,
            keep_alive_most_s: 3_600,
        }
    }
}

/// The door and all its sessions.
pub struct MqttDoor {
    tree: Arc<Tree>,
    check: Check,
    limits: Limits,
    live: Arc<Live>,
    kept: Arc<Kept>,
    wills: Arc<Wills>,
    crowd: Arc<Crowd>,
    counters: Arc<Counters>,
}

/// How many packets a session would read from these bytes before it needs more or refuses one: the
/// codec without a session, for fuzzers.
#[doc(hidden)]
pub fn packets_in(bytes: &[u8], most_bytes: usize) -> usize {
    let mut rest = bytes::BytesMut::from(bytes);
    let (mut version, mut count) = (None, 0);
    while let Ok(Some(frame)) = reader::take_frame(&mut rest, most_bytes) {
        match version {
            None => match connect::read_connect(frame) {
                Ok(connect) => version = Some(connect.version),
                Err(_) => break,
            },
            Some(version) if packet::read(frame, version).is_err() => break,
            Some(_) => {}
        }
        count += 1;
    }
    count
}

impl MqttDoor {
    /// A door to `tree`; `check` is asked on every connection, and sessions are kept in `kept`.
    pub fn new(tree: Arc<Tree>, check: Check, limits: Limits, kept: Arc<Kept>) -> Arc<Self> {
        tree.kept_by(Arc::<Kept>::clone(&kept));
        Arc::new(Self {
            tree,
            check,
            limits,
            live: Arc::default(),
            kept,
            wills: Arc::default(),
            crowd: Arc::default(),
            counters: Arc::default(),
        })
    }

    /// What was counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// How long a code has been connected; `None` when it is not.
    pub fn connected_for(&self, code: &Code) -> Option<Duration> {
        self.live.open_for(code)
    }

    /// Ends the sessions of a code that was revoked, with all they are owed; its wills are not
    /// published.
    pub fn revoke(&self, code: Code) {
        self.live.stop_code(code, Reason::Revoked);
        self.wills.withdraw_all_of(code);
        let kept = Arc::clone(&self.kept);
        tokio::spawn(async move { kept.end_all_of(code).await });
    }
}

impl fmt::Debug for MqttDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttDoor")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
