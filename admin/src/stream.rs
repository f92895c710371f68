//! Pages that stay up to date: server-sent events under the session of whoever opened the page.
//!
//! A stream says what is news until its session has ended, its visitor may no longer see the page,
//! or the house stops; the last event says so, and the script of the page asks no more. The newest
//! news take the place of those that were not read: nothing queues up.

use crate::door::Visitor;
use crate::language::say;
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ledger::people::{Roles, SecretHash};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Streams that are open at once.
pub const STREAMS_MAX: usize = 256;
/// Streams of one session; a browser has no more than six connections to one host.
pub const STREAMS_PER_SESSION: usize = 4;
/// How often it is looked whether the session still stands.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// After such a silence a comment is sent, so that nothing between here and there hangs up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// All open streams.
#[derive(Debug)]
pub struct Streams {
    open: Mutex<HashMap<SecretHash, usize>>,
    stopped: watch::Sender<bool>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            stopped: watch::Sender::new(false),
        }
    }
}

impl Streams {
    /// Ends all of them, and every later one at once.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    fn take(self: &Arc<Self>, session: SecretHash) -> Result<Place, Refusal> {
        let mut open = self.open();
        let all: usize = open.values().sum();
        // Whoever is refused leaves no line behind.
        let own = open.get(&session).copied().unwrap_or_default();
        if all >= STREAMS_MAX || own >= STREAMS_PER_SESSION {
            return Err(Refusal::Busy(say(
                "As many pages are kept up to date as can be. Close one that you do not look at.",
            )));
        }
        open.insert(session, own + 1);
        Ok(Place {
            streams: Arc::clone(self),
            session,
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SecretHash, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the streams there may be; given back when dropped.
struct Place {
    streams: Arc<Streams>,
    session: SecretHash,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(own) = open.get_mut(&self.session) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.session);
            }
        }
    }
}

/// Where news come from.
pub trait News: Send + 'static {
    /// The next thing to say, once there is one; `None` when there will be none. Cancel safe.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

/// Somebody who listens.
struct Listener {
    portal: Shared,
    session: SecretHash,
    may: Roles,
    had: Roles,
    stopped: watch::Receiver<bool>,
    looks: Interval,
    _place: Place,
}

impl Listener {
    /// Resolves when the stream is over, with the word for it.
    async fn over(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.stopped.wait_for(|stopped| *stopped) => return "stopped",
                _ = self.looks.tick() => {}
            }
            let now = (self.portal.clock)();
            let people = &self.portal.people;
            match people.still_signed_in(self.session, now).await {
                Ok(Some(person)) if person.roles.meets(self.may) && person.roles == self.had => {}
                Ok(Some(_)) => return "roles",
                Ok(None) => return "session",
                Err(error) => {
                    tracing::error!(%error, "portal stream");
                    return "stopped";
                }
            }
        }
    }
}

/// Answers with a stream of `news`, for whoever has one of these roles.
pub fn answer(
    portal: &Shared,
    visitor: &Visitor,
    may: Roles,
    news: impl News,
) -> Result<Response, Refusal> {
    let session = visitor.session.ok_or(Refusal::SignIn)?;
    let mut looks = interval(CHECK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listener = Listener {
        session,
        may,
        had: visitor.roles(),
        stopped: portal.streams.stopped.subscribe(),
        looks,
        _place: portal.streams.take(session)?,
        portal: Arc::clone(portal),
    };
    let events = stream::unfold(Some((listener, news)), async |state| {
        let (mut listener, mut news) = state?;
        let over = tokio::select! {
            biased;
            word = listener.over() => word,
            event = news.next() => match event {
                Some(event) => return Some((Ok::<_, Infallible>(event), Some((listener, news)))),
                None => "stopped",
            }
        };
        Some((Ok(Event::default().event("over").data(over)), None))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let mut set = |name: HeaderName, value| {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    // A proxy that gathers answers would hold the news back.
    set(HeaderName::from_static("x-accel-buffering"), "no");
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_for_a_session_and_in_all_and_given_back() {
        let streams = Arc::<Streams>::default();
        let own: Vec<_> = (0..STREAMS_PER_SESSION)
            .map(|_| streams.take([0; 32]).unwrap())
            .collect();
        assert!(matches!(streams.take([0; 32]), Err(Refusal::Busy(_))));
        let mut others = Vec::new();
        for session in 1..=u8::MAX {
            while let Ok(place) = streams.take([session; 32]) {
                others.push(place);
            }
        }
        assert_eq!(own.len() + others.len(), STREAMS_MAX);
        drop(own);
        assert!(streams.take([0; 32]).is_ok());
        drop(others);
        assert!(streams.open().is_empty());
    }
}
