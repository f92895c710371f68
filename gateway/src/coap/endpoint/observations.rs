//! Who is told of changes, and by which tokens and message ids.

use super::asked::Asked;
use crate::coap::limits::{CONFIRM_EVERY, NOTICE_IDS, REFRESH_AFTER};
use crate::coap::request::Response;
use std::collections::VecDeque;
use std::time::Instant;

/// Sequence numbers of notifications are below this (RFC 7641).
const SEQUENCE_END: u32 = 1 << 24;

#[derive(Debug)]
pub(super) struct Observation {
    pub(super) number: u64,
    /// The registration; notifications are answers to it.
    pub(super) asked: Asked,
    sequence: u32,
    unconfirmed: u32,
    message_ids: VecDeque<u16>,
    /// Sent confirmable and not yet acknowledged.
    pub(super) outstanding: Option<u16>,
    /// What to tell once it is; the newest state replaces older ones.
    pub(super) waiting: Option<Response>,
    /// When to look at the resource although it has not changed.
    pub(super) refresh_at: Instant,
}

impl Observation {
    pub(super) fn new(number: u64, asked: Asked, now: Instant) -> Self {
        // A change is told even to who knew that state before.
        let etags = Vec::new();
        Self {
            number,
            asked: Asked { etags, ..asked },
            sequence: 1,
            unconfirmed: 0,
            message_ids: VecDeque::new(),
            outstanding: None,
            waiting: None,
            refresh_at: now + REFRESH_AFTER,
        }
    }

    /// The number the registration itself is answered with.
    pub(super) const fn first_sequence() -> u32 {
        1
    }

    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = (self.sequence + 1) % SEQUENCE_END;
        self.sequence
    }

    /// Whether this notification has to be confirmable.
    pub(super) fn confirm(&mut self, reliable: bool) -> bool {
        self.unconfirmed += 1;
        let confirm = reliable || self.unconfirmed >= CONFIRM_EVERY;
        if confirm {
            self.unconfirmed = 0;
        }
        confirm
    }

    pub(super) fn sent(&mut self, message_id: u16, now: Instant) {
        self.refresh_at = now + REFRESH_AFTER;
        if self.message_ids.len() >= NOTICE_IDS {
            self.message_ids.pop_front();
        }
        self.message_ids.push_back(message_id);
    }

    pub(super) fn sent_as(&self, message_id: u16) -> bool {
        self.message_ids.contains(&message_id)
    }
}
