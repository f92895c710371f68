//! Every bound of the CoAP doors, in one place.

use std::time::Duration;

/// Longest message taken; larger bodies come in blocks.
pub const MESSAGE_MAX_BYTES: usize = 1400;
/// An answer is kept this long for duplicates of its request (EXCHANGE_LIFETIME, RFC 7252).
pub const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);
/// Answers kept per peer; the oldest makes room.
pub const ANSWERS_PER_PEER: usize = 64;
/// Requests of one peer that may be in work at once; more get 4.29.
pub const WORKING_PER_PEER: usize = 16;
/// Requests in work at once, all peers together; more get 5.03.
pub const WORKING_MAX: usize = 2048;
/// A request that takes longer than this is acknowledged first and answered separately.
pub const ACK_AFTER: Duration = Duration::from_millis(1000);
/// First wait for an acknowledgement (ACK_TIMEOUT); doubles with every repetition.
pub const ACK_TIMEOUT: Duration = Duration::from_millis(2000);
/// Repetitions of an unacknowledged message (MAX_RETRANSMIT).
pub const RETRANSMIT_MAX: u8 = 4;
/// Bodies that one peer may have half sent, and large answers it may have half fetched.
pub const BODIES_PER_PEER: usize = 4;
/// A half sent or half fetched body is forgotten when this long nothing came for it.
pub const BODY_IDLE: Duration = Duration::from_secs(60);
/// Observations per peer; beyond it a GET is answered without one.
pub const OBSERVATIONS_PER_PEER: usize = 16;
/// Observations of all peers together, likewise.
pub const OBSERVATIONS_MAX: usize = 16 * 1024;
/// What an observer was told may be taken for fresh so long, in seconds (Max-Age).
pub const OBSERVED_FRESH_S: u32 = 600;
/// An observer that nothing was told for so long is told the state again, to be acknowledged: before
/// what it holds is stale, and before a session that says nothing ends.
pub const REFRESH_AFTER: Duration = Duration::from_secs(540);
/// Notifications are unconfirmable, but at least every so many-th asks for an acknowledgement.
pub const CONFIRM_EVERY: u32 = 8;
/// Message ids of past notifications by which a reset is still understood.
pub const NOTICE_IDS: usize = 8;
/// Segments of a path.
pub const PATH_SEGMENTS: usize = 16;
/// Answers to an unverified source stay within this multiple of what it sent.
pub const AMPLIFICATION: usize = 3;
/// An Echo value is taken for one to two of these.
pub const ECHO_WINDOW: Duration = Duration::from_secs(120);
/// An address that has brought an Echo value back is not asked again for so long.
pub const PROVEN_FOR: Duration = EXCHANGE_LIFETIME;
/// Whoever asked too much is told to wait so long, in seconds (Max-Age).
pub const WAIT_S: u32 = 1;
/// An answer that takes longer than this is given up with 5.03.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Answers and changes that wait for the task that owns the socket; further ones wait in their own.
pub const RESULTS_WAITING: usize = 1024;
/// Bytes of a page of the inbox, which always has at least one entry if there is one.
pub const INBOX_PAGE_BYTES: usize = 1000;
/// Entries looked at for one page of the inbox.
pub const INBOX_PAGE_ENTRIES: u32 = 64;
/// Bytes of a list of commands, which always has at least one if there is one.
pub const COMMANDS_PAGE_BYTES: usize = 16 * 1024;
/// Registrations in the resource directory; further ones get 5.03.
pub const REGISTRATIONS_MAX: usize = 1024;
/// And of one code.
pub const REGISTRATIONS_PER_CODE: usize = 4;
/// How long a registration lives that does not say, in seconds (RFC 9176, 5).
pub const REGISTRATION_LIFE_S: u32 = 90_000;
/// The longest it may, in seconds: 30 days.
pub const REGISTRATION_LIFE_MAX_S: u32 = 30 * 86_400;
/// A door that is told to stop waits this long for answers that are being worked on.
pub const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Longest datagram read.
pub const DATAGRAM_MAX_BYTES: usize = 2048;
/// Without anything to do, a door looks around this often.
pub const IDLE: Duration = Duration::from_secs(3600);
/// Handshakes under way at once; the oldest makes room.
pub const HANDSHAKES_MAX: usize = 1024;
/// Longest handshake.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// DTLS sessions at once; the one silent for longest makes room.
pub const SESSIONS_MAX: usize = 8192;
/// A session that says nothing for so long ends.
pub const SESSION_IDLE: Duration = Duration::from_secs(15 * 60);
/// Messages that wait for the registry to say whether their sender may come in.
pub const HELD_MESSAGES: usize = 8;
/// Every open session's code is looked up again this often.
pub const RECHECK_EVERY: Duration = Duration::from_secs(10);
/// Datagrams read in a row before answers go out.
pub const DATAGRAMS_PER_TURN: usize = 64;

/// Bounds that differ between the doors.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Peers remembered; the one silent for longest makes room.
    pub peers: usize,
    /// Longest body, in blocks or not.
    pub body_bytes: usize,
    /// Bytes held for all peers together: half sent bodies, half fetched answers, kept answers.
    pub held_bytes: usize,
    /// Requests a peer may send in a second; more get 4.29.
    pub requests_per_s: u32,
    /// And at once, after a pause.
    pub burst: u32,
    /// Requests in a second from all addresses together that have proved nothing.
    pub strangers_per_s: u32,
    /// Whether the source address of a datagram is proven.
    pub verified: bool,
}

impl Limits {
    /// For peers behind DTLS.
    pub const VERIFIED: Self = Self {
        peers: 8192,
        body_bytes: 256 * 1024,
        held_bytes: 32 * 1024 * 1024,
        requests_per_s: 1_000,
        burst: 4_000,
        strangers_per_s: 0,
        verified: true,
    };
    /// For plain UDP, where anybody may write any source address.
    pub const UNVERIFIED: Self = Self {
        peers: 4096,
        body_bytes: protocol::message::MESSAGE_MAX,
        held_bytes: 4 * 1024 * 1024,
        requests_per_s: 50,
        burst: 200,
        strangers_per_s: 1_000,
        verified: false,
    };
}
