//! How far somebody's letters, journal or telemetry were sent and acknowledged: pure.

/// Without a word for so long, everything behind the last acknowledgement goes out once more.
pub const AGAIN_MS: u64 = 3_000;

/// One stream of numbered pieces to one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    sent: u64,
    acknowledged: u64,
    /// When it last went on.
    moved_ms: u64,
    window: u64,
}

impl Stream {
    /// Nothing was sent yet; at most so many pieces are on their way at once.
    pub const fn new(window: u64) -> Self {
        Self {
            sent: 0,
            acknowledged: 0,
            moved_ms: 0,
            window,
        }
    }

    /// The number after which to send now, and how many at most; none while the window is full.
    pub fn due(&mut self, now_ms: u64) -> Option<(u64, u32)> {
        let waits = self.sent > self.acknowledged;
        if waits && now_ms >= self.moved_ms.saturating_add(AGAIN_MS) {
            self.sent = self.acknowledged;
            self.moved_ms = now_ms;
        }
        let room = self.window.saturating_sub(self.sent - self.acknowledged);
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        (room > 0).then_some((self.sent, room))
    }

    /// All up to this number left.
    pub fn sent(&mut self, number: u64, now_ms: u64) {
        if self.sent == self.acknowledged {
            self.moved_ms = now_ms;
        }
        self.sent = self.sent.max(number);
    }

    /// The other side has all up to this number.
    pub fn acknowledged(&mut self, number: u64, now_ms: u64) {
        if number > self.acknowledged {
            self.moved_ms = now_ms;
        }
        self.acknowledged = self.acknowledged.max(number);
        self.sent = self.sent.max(self.acknowledged);
    }

    /// A new connection: what was on its way may be lost.
    pub const fn begin_anew(&mut self) {
        self.sent = self.acknowledged;
    }

    /// What the other side has.
    #[cfg(test)]
    const fn known(&self) -> u64 {
        self.acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_leave_within_the_window_and_again_when_no_word_comes() {
        let mut stream = Stream::new(4);
        assert_eq!(stream.due(0), Some((0, 4)));
        stream.sent(4, 0);
        assert_eq!(stream.due(1), None, "the window is full");
        stream.acknowledged(2, 10);
        assert_eq!(stream.due(10), Some((4, 2)));
        stream.sent(6, 10);
        assert_eq!(stream.due(AGAIN_MS), None, "it went on at 10");
        assert_eq!(stream.due(10 + AGAIN_MS), Some((2, 4)), "again from there");
        stream.sent(6, 10 + AGAIN_MS);
        stream.acknowledged(1, 20 + AGAIN_MS);
        assert_eq!(stream.known(), 2, "an old word takes nothing back");
        stream.begin_anew();
        assert_eq!(stream.due(20 + AGAIN_MS), Some((2, 4)));
        // The other side had it already, from a connection before.
        stream.acknowledged(9, 30 + AGAIN_MS);
        assert_eq!(stream.due(30 + AGAIN_MS), Some((9, 4)));
    }
}
