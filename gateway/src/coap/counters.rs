//! What the CoAP doors have counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($name:ident $word:literal $sentence:literal;)*) => {
        /// Why somebody did not get or keep a session.
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
        }
    };
}

reasons! {
    BadCertificate "bad_certificate" "The certificate is not signed for here, has ended, or names no code.";
    HandshakeFailed "handshake_failed" "The handshake broke the rules, or no certificate was shown.";
    HandshakeTimeout "handshake_timeout" "The handshake took too long.";
    HandshakeEvicted "handshake_evicted" "Too many handshakes were under way; the oldest of them was given up.";
    NotAdmitted "not_admitted" "The code is not registered here, or revoked.";
    SessionEvicted "session_evicted" "The door had as many sessions as it may have; the one silent for longest was ended.";
    Idle "idle" "Nothing was heard for longer than a session may be silent.";
    Broken "broken" "A session broke the rules and was ended.";
}

/// The numbers of one or both doors.
#[derive(Debug)]
pub struct Counters {
    reasons: Vec<AtomicU64>,
    answers: Vec<AtomicU64>,
    /// Sessions that are open now.
    pub sessions: AtomicU64,
    /// Sessions that were ever opened.
    pub opened: AtomicU64,
    /// Requests that reached a resource.
    pub requests: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            reasons: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            answers: (0..=u8::MAX).map(|_| AtomicU64::new(0)).collect(),
            sessions: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }
}

impl Counters {
    /// One more for this reason.
    pub fn count(&self, reason: Reason) {
        let known = Reason::ALL.iter().zip(&self.reasons);
        for (_, count) in known.filter(|(known, _)| **known == reason) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every reason with its count.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> {
        let known = Reason::ALL.iter().zip(&self.reasons);
        known.map(|(reason, count)| (*reason, count.load(Ordering::Relaxed)))
    }

    /// One more answer or notification in this message.
    pub(super) fn sent(&self, message: &[u8]) {
        let count = message
            .get(1)
            .filter(|code| **code >> 5 >= 2)
            .and_then(|code| self.answers.get(usize::from(*code)));
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers and notifications sent, repeated ones too, by code such as `4.03`; only codes that
    /// were used.
    pub fn answers(&self) -> impl Iterator<Item = (String, u64)> {
        let used = self.answers.iter().enumerate();
        used.map(|(code, count)| (code, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .map(|(code, count)| (format!("{}.{:02}", code >> 5, code & 0x1f), count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_their_code() {
        let counters = Counters::default();
        counters.sent(&[0x60, 0x83, 0, 1]);
        counters.sent(&[0x60, 0x83, 0, 2]);
        counters.sent(&[0x60, 0x45, 0, 3]);
        counters.sent(&[0x60, 0x00, 0, 4]);
        counters.sent(&[]);
        let answers: Vec<_> = counters.answers().collect();
        assert_eq!(answers, [("2.05".into(), 1), ("4.03".into(), 2)]);
    }
}
