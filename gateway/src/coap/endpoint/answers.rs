//! Which requests were seen and what they were answered, so that a repeated one changes nothing.

use crate::coap::limits::{ANSWERS_PER_PEER, EXCHANGE_LIFETIME};
use std::collections::VecDeque;
use std::time::Instant;

/// The answers given to one peer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    message_id: u16,
    token: Vec<u8>,
    at: Instant,
    /// `None` while the request is in work.
    answer: Option<Vec<u8>>,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    Never,
    InWork,
    Answered(&'a [u8]),
}

impl Answers {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A message id that returns with another token is a new request: its sender has restarted.
    pub(super) fn seen(&mut self, message_id: u16, token: &[u8], now: Instant) -> Seen<'_> {
        while self.entries.front().is_some_and(|entry| {
            entry.answer.is_some() && now.duration_since(entry.at) > EXCHANGE_LIFETIME
        }) {
            self.drop_first();
        }
        match self
            .entries
            .iter()
            .rev()
            .find(|entry| entry.message_id == message_id)
        {
            Some(entry) if entry.token == token => match &entry.answer {
                Some(answer) => Seen::Answered(answer),
                None => Seen::InWork,
            },
            _ => Seen::Never,
        }
    }

    pub(super) fn begin(&mut self, message_id: u16, token: &[u8], now: Instant) {
        if self.entries.len() >= ANSWERS_PER_PEER {
            // Those in work are few (WORKING_PER_PEER) and must stay.
            if let Some(at) = self.entries.iter().position(|entry| entry.answer.is_some()) {
                self.drop_at(at);
            }
        }
        self.entries.push_back(Entry {
            message_id,
            token: token.to_vec(),
            at: now,
            answer: None,
        });
    }

    pub(super) fn finish(&mut self, message_id: u16, token: &[u8], answer: &[u8]) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| {
            entry.message_id == message_id && entry.token == token && entry.answer.is_none()
        }) {
            entry.answer = Some(answer.to_vec());
            self.bytes += answer.len();
        }
    }

    /// Forgets what is answered.
    pub(super) fn clear(&mut self) {
        self.entries.retain(|entry| entry.answer.is_none());
        self.bytes = 0;
    }

    fn drop_first(&mut self) {
        self.drop_at(0);
    }

    fn drop_at(&mut self, at: usize) {
        if let Some(answer) = self.entries.remove(at).and_then(|entry| entry.answer) {
            self.bytes = self.bytes.saturating_sub(answer.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn entries_and_bytes_are_bounded_and_requests_in_work_stay() {
        let now = Instant::now();
        let mut answers = Answers::default();
        answers.begin(9999, b"w", now);
        for id in 0..1000u16 {
            answers.begin(id, b"t", now);
            answers.finish(id, b"t", &[1; 10]);
        }
        assert_eq!(answers.entries.len(), ANSWERS_PER_PEER);
        assert_eq!(answers.bytes(), (ANSWERS_PER_PEER - 1) * 10);
        assert_eq!(answers.seen(9999, b"w", now), Seen::InWork);
        assert_eq!(answers.seen(999, b"t", now), Seen::Answered(&[1; 10]));
        assert_eq!(answers.seen(999, b"u", now), Seen::Never);
        assert_eq!(answers.seen(0, b"t", now), Seen::Never);
    }

    #[test]
    fn answers_end_with_the_exchange_lifetime() {
        let now = Instant::now();
        let mut answers = Answers::default();
        answers.begin(1, b"t", now);
        answers.finish(1, b"t", b"answer");
        let late = now + EXCHANGE_LIFETIME + Duration::from_secs(1);
        assert_eq!(answers.seen(1, b"t", late), Seen::Never);
        assert_eq!(answers.bytes(), 0);
    }
}
