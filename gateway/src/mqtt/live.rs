//! Which sessions are open, so that one client id is never open twice.

use super::counters::Reason;
use protocol::Code;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// How long a new session waits for the one it takes over from.
const TAKEOVER_MS: u64 = 5_000;
/// Characters of a suffix at most.
const SUFFIX_MAX: usize = 16;

/// Under which name a session is open: rights follow the code, sessions the whole id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientId {
    code: Code,
    suffix: Box<str>,
}

impl ClientId {
    /// The id that was read before.
    pub(super) fn of(code: Code, suffix: &str) -> Self {
        Self {
            code,
            suffix: suffix.into(),
        }
    }

    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Empty, the code, or the code with `.` and a suffix; `None` for anything else.
    pub(super) fn read(code: Code, text: &str) -> Option<Self> {
        let id = |suffix| Self::of(code, suffix);
        if text.is_empty() {
            return Some(id(""));
        }
        let suffix = text.strip_prefix(code.text().as_str())?;
        if suffix.is_empty() {
            return Some(id(""));
        }
        let suffix = suffix.strip_prefix('.')?;
        let fits = (1..=SUFFIX_MAX).contains(&suffix.len())
            && suffix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| id(suffix))
    }
}

/// All open sessions.
#[derive(Debug, Default)]
pub(super) struct Live {
    sessions: Mutex<HashMap<ClientId, Entry>>,
    serial: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    stop: Option<oneshot::Sender<Reason>>,
    opened: Instant,
    /// Closed when the session has ended.
    ended: watch::Receiver<()>,
}

/// One session's place among the open ones; dropping it says that the session has ended.
#[derive(Debug)]
pub(super) struct Presence {
    live: Arc<Live>,
    /// Under which name.
    pub(super) id: ClientId,
    /// Unique among all sessions, never 0.
    pub(super) serial: u64,
    /// Says when and why to stop.
    pub(super) stop: oneshot::Receiver<Reason>,
    _ended: watch::Sender<()>,
}

impl Live {
    /// Takes the place of `id`: an older session is stopped and waited for.
    pub(super) async fn enter(
        self: &Arc<Self>,
        id: ClientId,
        most_per_code: usize,
    ) -> Result<Presence, Reason> {
        let (mut presence, old) = self.register(id, most_per_code)?;
        let Some(mut old) = old else {
            return Ok(presence);
        };
        let ended = tokio::time::timeout(Duration::from_millis(TAKEOVER_MS), async {
            while old.changed().await.is_ok() {}
        });
        // Waited for even if this one is to stop as well: whoever comes next waits for this one.
        let ended = ended.await;
        match (ended, presence.stop.try_recv()) {
            (Ok(()), Err(_)) => Ok(presence),
            (_, Ok(reason)) => Err(reason),
            (Err(_), Err(_)) => Err(Reason::Unavailable),
        }
    }

    fn register(
        self: &Arc<Self>,
        id: ClientId,
        most_per_code: usize,
    ) -> Result<(Presence, Option<watch::Receiver<()>>), Reason> {
        let mut sessions = self.sessions();
        if !sessions.contains_key(&id) {
            let same = sessions.keys().filter(|other| other.code == id.code);
            if same.count() >= most_per_code {
                return Err(Reason::TooManySessions);
            }
        }
        let (stop, stopped) = oneshot::channel();
        let (ending, ended) = watch::channel(());
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = Entry {
            serial,
            stop: Some(stop),
            opened: Instant::now(),
            ended,
        };
        let old = sessions.insert(id.clone(), entry).map(|mut old| {
            old.stop(Reason::TakenOver);
            old.ended
        });
        let presence = Presence {
            live: Arc::clone(self),
            id,
            serial,
            stop: stopped,
            _ended: ending,
        };
        Ok((presence, old))
    }

    /// How long the oldest session of a code has been open.
    pub(super) fn open_for(&self, code: &Code) -> Option<Duration> {
        let sessions = self.sessions();
        let of_code = sessions.iter().filter(|(id, _)| id.code == *code);
        of_code.map(|(_, entry)| entry.opened.elapsed()).max()
    }

    /// Stops every session of a code.
    pub(super) fn stop_code(&self, code: Code, reason: Reason) {
        let mut sessions = self.sessions();
        let of_code = sessions.iter_mut().filter(|(id, _)| id.code == code);
        of_code.for_each(|(_, entry)| entry.stop(reason));
    }

    /// Stops every session.
    pub(super) fn stop_all(&self, reason: Reason) {
        self.sessions()
            .values_mut()
            .for_each(|entry| entry.stop(reason));
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<ClientId, Entry>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn stop(&mut self, reason: Reason) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(reason);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut sessions = self.live.sessions();
        let mine = |entry: &Entry| entry.serial == self.serial;
        if sessions.get(&self.id).is_some_and(mine) {
            sessions.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::code;
    use futures_util::FutureExt;
    use std::pin::pin;

    fn id() -> ClientId {
        ClientId::read(code("A"), "").unwrap()
    }

    #[tokio::test]
    async fn a_newcomer_waits_until_the_older_session_has_ended() {
        let live = Arc::<Live>::default();
        let mut old = live.enter(id(), 1).await.unwrap();
        let mut entering = pin!(live.enter(id(), 1));
        assert!(entering.as_mut().now_or_never().is_none());
        assert_eq!((&mut old.stop).await, Ok(Reason::TakenOver));
        assert!(
            entering.as_mut().now_or_never().is_none(),
            "told, but not gone yet"
        );
        drop(old);
        let new = entering.await.unwrap();
        assert_eq!(live.sessions().len(), 1);
        drop(new);
        assert!(live.sessions().is_empty());
    }

    #[tokio::test]
    async fn of_many_newcomers_the_last_one_stays() {
        let live = Arc::<Live>::default();
        let first = live.enter(id(), 1).await.unwrap();
        let mut second = pin!(live.enter(id(), 1));
        assert!(second.as_mut().now_or_never().is_none());
        let mut third = pin!(live.enter(id(), 1));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.await.map(|_| ()), Err(Reason::TakenOver));
        assert!(third.await.is_ok());
    }
}
