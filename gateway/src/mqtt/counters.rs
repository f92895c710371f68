//! Everything the door refuses or gives up has its reason and its count.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($name:ident $word:literal $code:literal $sentence:literal;)*) => {
        /// Why something was refused, dropped or ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $sentence] $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// One word for logs and metrics.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What happened, for people.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// The reason code of MQTT 5 for it.
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

reasons! {
    // before there is a session
    TooManyConnections "too_many_connections" 0x97 "The door has as many sessions as it may have.";
    TooManyFromAddress "too_many_from_address" 0x97 "One address has as many sessions as it may have.";
    HalfOpenEvicted "half_open_evicted" 0x97 "Too many connections had not said who they are; the oldest of them was closed.";
    HandshakeFailed "handshake_failed" 0x87 "TLS failed: no certificate, one not signed for here, or one revoked.";
    HandshakeTimeout "handshake_timeout" 0x97 "TLS or CONNECT took too long.";
    NoIdentity "no_identity" 0x87 "The certificate names no code.";
    NotWebSocket "not_websocket" 0x82 "No WebSocket handshake for the subprotocol mqtt at /mqtt.";
    // CONNECT
    NotConnect "not_connect" 0x82 "The first packet is not a CONNECT.";
    Version "version" 0x84 "Neither MQTT 3.1.1 nor 5.";
    ClientId "client_id" 0x85 "The client id is not empty, the code, or the code with a suffix.";
    UnknownCode "unknown_code" 0x87 "The code is not registered here, or frozen or revoked.";
    AuthMethod "auth_method" 0x8c "The certificate is the only way to authenticate.";
    WillForbidden "will_forbidden" 0x87 "The will is on a topic that is not the caller's.";
    TooManySessions "too_many_sessions" 0x97 "The code has as many sessions as it may have.";
    Unavailable "unavailable" 0x88 "The session before this one did not end in time, the registry did not answer, or the disk failed.";
    // packets
    Malformed "malformed" 0x81 "A packet is not as MQTT says.";
    ProtocolError "protocol_error" 0x82 "A packet does not belong here.";
    TooLarge "too_large" 0x95 "A packet is larger than the door takes.";
    TopicAlias "topic_alias" 0x94 "A topic alias is out of range or was never set.";
    ReceiveMaximum "receive_maximum" 0x93 "More publications with QoS 2 are unreleased than the door takes.";
    // rights and limits
    PublishForbidden "publish_forbidden" 0x87 "A publication on a topic that is not the caller's.";
    TopicInvalid "topic_invalid" 0x90 "A publication on something that is no topic.";
    SubscribeForbidden "subscribe_forbidden" 0x87 "A subscription to what is not the caller's.";
    PayloadTooLarge "payload_too_large" 0x95 "A payload is larger than the tree takes.";
    SharedForbidden "shared_forbidden" 0x9e "A wallet inbox is not shared.";
    Full "full" 0x97 "No room for another retained payload, subscription or watch.";
    WalletMalformed "wallet_malformed" 0x99 "A wallet message is not one.";
    WalletRefused "wallet_refused" 0x83 "The wallet refused a message; the answer says why.";
    ReplyUnheard "reply_unheard" 0x83 "An answer of the wallet found no subscription to the inbox.";
    Throttled "throttled" 0x96 "A session sent faster than it may and was made to wait.";
    Missed "missed" 0x97 "An event was dropped because its reader was too slow.";
    // ends
    KeepAlive "keep_alive" 0x8d "Nothing was heard for longer than the keep-alive allows.";
    SlowReader "slow_reader" 0x97 "The client stopped reading what was sent to it.";
    TakenOver "taken_over" 0x8e "A newer session has the same client id.";
    Revoked "revoked" 0x98 "The code was frozen or revoked while connected.";
    ShuttingDown "shutting_down" 0x8b "The gateway is going down.";
}

/// What the door has counted since it started.
#[derive(Debug)]
pub struct Counters {
    reasons: Vec<AtomicU64>,
    /// Sessions that are open now.
    pub sessions: AtomicU64,
    /// Sessions that were ever opened.
    pub opened: AtomicU64,
    /// Publications taken.
    pub published: AtomicU64,
    /// Publications sent to clients.
    pub delivered: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            reasons: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            sessions: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            published: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// How often this happened.
    pub fn of(&self, reason: Reason) -> u64 {
        let count = self.reasons.get(reason as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Every reason with its count.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().map(|reason| (*reason, self.of(*reason)))
    }

    pub(super) fn count(&self, reason: Reason) {
        self.count_many(reason, 1);
    }

    pub(super) fn count_many(&self, reason: Reason, times: u64) {
        if let Some(count) = self.reasons.get(reason as usize) {
            count.fetch_add(times, Ordering::Relaxed);
        }
    }
}
