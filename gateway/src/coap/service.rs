//! Joins an endpoint with its resources: requests become tasks, their answers come back.

use super::counters::Counters;
use super::endpoint::{Endpoint, ObservationId, Output, RequestId, Seed};
use super::limits::{ANSWER_WITHIN, Limits, RESULTS_WAITING};
use super::request::{Request, Response};
use super::resource::{Answer, Asker, Resources};
use coap_lite::ResponseType;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// What a task has to say to the endpoint.
pub(super) enum Told<K> {
    Answer(RequestId<K>, Answer, Option<Box<Watched>>),
    Change(ObservationId<K>, Response),
    NoMoreChanges(ObservationId<K>),
}

/// Who observes what, to look at it again.
#[derive(Clone)]
pub(super) struct Watched {
    asker: Asker,
    request: Request,
}

struct Watching {
    task: AbortHandle,
    watched: Box<Watched>,
}

pub(super) struct Service<K> {
    endpoint: Endpoint<K>,
    resources: Arc<dyn Resources>,
    counters: Arc<Counters>,
    tell: mpsc::Sender<Told<K>>,
    told: mpsc::Receiver<Told<K>>,
    watching: HashMap<ObservationId<K>, Watching>,
}

impl<K: Copy + Ord + Hash + Send + 'static> Service<K> {
    pub(super) fn new(
        limits: Limits,
        resources: Arc<dyn Resources>,
        counters: Arc<Counters>,
        seed: Seed,
    ) -> Self {
        let (tell, told) = mpsc::channel(RESULTS_WAITING);
        Self {
            endpoint: Endpoint::new(limits, seed, Instant::now()),
            resources,
            counters,
            tell,
            told,
            watching: HashMap::new(),
        }
    }

    pub(super) fn endpoint(&mut self) -> &mut Endpoint<K> {
        &mut self.endpoint
    }

    /// Waits for the next thing told by a task. Cancel safe.
    pub(super) async fn told(&mut self) -> Option<Told<K>> {
        self.told.recv().await
    }

    /// The next thing told, if one waits.
    pub(super) fn told_now(&mut self) -> Option<Told<K>> {
        self.told.try_recv().ok()
    }

    pub(super) fn take(&mut self, told: Told<K>, now: Instant) {
        match told {
            Told::Answer(id, Answer { response, changes }, watched) => {
                let watch = changes.is_some() && watched.is_some();
                let observation = self.endpoint.respond(id, &response, watch, now);
                if let (Some(id), Some(changes), Some(watched)) = (observation, changes, watched) {
                    self.watch(id, changes, watched);
                }
            }
            Told::Change(id, response) => self.endpoint.notify(id, response, now),
            Told::NoMoreChanges(id) => {
                // The observer has to learn that it is told no more.
                let gone = Response::bare(ResponseType::ServiceUnavailable);
                self.endpoint.notify(id, gone, now);
            }
        }
    }

    /// Starts the work that was asked for and gives the datagrams to send.
    pub(super) fn work(&mut self, asker: impl Fn(K) -> Asker, mut send: impl FnMut(K, Vec<u8>)) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { to, bytes } => {
                    self.counters.sent(&bytes);
                    send(to, bytes);
                }
                Output::Request { id, from, request } => self.start(id, asker(from), request),
                Output::Refresh(id) => self.refresh(id),
                Output::Ended(id) => {
                    if let Some(watching) = self.watching.remove(&id) {
                        watching.task.abort();
                    }
                }
            }
        }
    }

    fn start(&self, id: RequestId<K>, asker: Asker, request: Request) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let tell = self.tell.clone();
        let resources = Arc::clone(&self.resources);
        let watched = request.observe.then(|| {
            let request = request.clone();
            Box::new(Watched { asker, request })
        });
        tokio::spawn(async move {
            let answer = ask(&*resources, asker, request).await;
            let _ = tell.send(Told::Answer(id, answer, watched)).await;
        });
    }

    /// Nothing has changed for long; the state is told all the same.
    fn refresh(&self, id: ObservationId<K>) {
        let Some(Watching { watched, .. }) = self.watching.get(&id) else {
            return;
        };
        let Watched { asker, request } = Watched::clone(watched);
        let (tell, resources) = (self.tell.clone(), Arc::clone(&self.resources));
        tokio::spawn(async move {
            let mut state = ask(&*resources, asker, request).await.response;
            state.reliable = true;
            let _ = tell.send(Told::Change(id, state)).await;
        });
    }

    fn watch(
        &mut self,
        id: ObservationId<K>,
        mut changes: BoxStream<'static, Response>,
        watched: Box<Watched>,
    ) {
        let tell = self.tell.clone();
        let task = tokio::spawn(async move {
            while let Some(response) = changes.next().await {
                if tell.send(Told::Change(id, response)).await.is_err() {
                    return;
                }
            }
            let _ = tell.send(Told::NoMoreChanges(id)).await;
        });
        let task = task.abort_handle();
        self.watching.insert(id, Watching { task, watched });
    }
}

impl<K> Drop for Service<K> {
    fn drop(&mut self) {
        for watching in self.watching.values() {
            watching.task.abort();
        }
    }
}

/// An answer in any case, and in time.
async fn ask(resources: &dyn Resources, asker: Asker, request: Request) -> Answer {
    let answer = async { resources.answer(asker, request).await };
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let code = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(Ok(answer)) => return answer,
        Ok(Err(_)) => ResponseType::InternalServerError,
        Err(_) => ResponseType::ServiceUnavailable,
    };
    Response::bare(code).into()
}
