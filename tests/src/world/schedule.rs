//! What happens next: a queue in virtual time. Nothing here reads a clock.

use protocol::Timestamp;
use std::cell::Cell;
use std::collections::BTreeMap;

/// When every world begins.
pub(crate) const BEGIN: Timestamp = Timestamp(1_800_000_000);

thread_local! {
    static TOLD: Cell<u32> = const { Cell::new(BEGIN.0) };
}

/// What a gateway's desk reads instead of the machine's clock: the time of the world that runs on
/// this thread.
pub(crate) fn told() -> Timestamp {
    Timestamp(TOLD.get())
}

/// Happenings in the order of their time; at one time, in the order they were planned.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    now_ms: u64,
    planned: u64,
    queue: BTreeMap<(u64, u64), T>,
}

impl<T> Schedule<T> {
    pub(crate) fn new() -> Self {
        TOLD.set(BEGIN.0);
        Self {
            now_ms: 0,
            planned: 0,
            queue: BTreeMap::new(),
        }
    }

    /// Milliseconds since the world began.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn now(&self) -> Timestamp {
        at(self.now_ms)
    }

    pub(crate) fn plan(&mut self, in_ms: u64, what: T) {
        self.planned += 1;
        self.queue
            .insert((self.now_ms.saturating_add(in_ms), self.planned), what);
    }

    /// The next happening, when it comes no later than `until_ms`; time goes on to it.
    pub(crate) fn next(&mut self, until_ms: u64) -> Option<T> {
        let ((at_ms, _), _) = self.queue.first_key_value()?;
        if *at_ms > until_ms {
            return None;
        }
        let ((at_ms, _), what) = self.queue.pop_first()?;
        self.advance(at_ms);
        Some(what)
    }

    /// Nothing happens until then.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        self.now_ms = self.now_ms.max(to_ms);
        TOLD.set(self.now().0);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }
}

/// Seconds of the calendar at so many milliseconds.
pub(crate) fn at(ms: u64) -> Timestamp {
    BEGIN.plus_s(u32::try_from(ms / 1_000).unwrap_or(u32::MAX))
}
