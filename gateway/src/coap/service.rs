//! Joins an endpoint with its resources: requests become tasks, their answers come back.

use super::counters::Counters;
use super::endpoint::{Endpoint, ObservationId, Output, RequestId};
use super::limits::{ANSWER_WITHIN, Limits, RESULTS_WAITING};
use super::request::{Request, Response};
use super::resource::{Answer, Resources};
use coap_lite::ResponseType;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use protocol::Code;
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
    Answer(RequestId<K>, Answer),
    Change(ObservationId<K>, Response),
    NoMoreChanges(ObservationId<K>),
}

pub(super) struct Service<K> {
    endpoint: Endpoint<K>,
    resources: Arc<dyn Resources>,
    counters: Arc<Counters>,
    tell: mpsc::Sender<Told<K>>,
    told: mpsc::Receiver<Told<K>>,
    watching: HashMap<ObservationId<K>, AbortHandle>,
}

impl<K: Copy + Ord + Hash + Send + 'static> Service<K> {
    pub(super) fn new(
        limits: Limits,
        resources: Arc<dyn Resources>,
        counters: Arc<Counters>,
        seed: u64,
    ) -> Self {
        let (tell, told) = mpsc::channel(RESULTS_WAITING);
        Self {
            endpoint: Endpoint::new(limits, seed),
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
            Told::Answer(id, Answer { response, changes }) => {
                let watch = changes.is_some();
                let observation = self.endpoint.respond(id, &response, watch, now);
                if let (Some(observation), Some(changes)) = (observation, changes) {
                    self.watch(observation, changes);
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
    pub(super) fn work(
        &mut self,
        caller: impl Fn(K) -> Option<Code>,
        mut send: impl FnMut(K, Vec<u8>),
    ) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Send { to, bytes } => {
                    self.counters.sent(&bytes);
                    send(to, bytes);
                }
                Output::Request { id, from, request } => self.start(id, caller(from), request),
                Output::Ended(id) => {
                    if let Some(task) = self.watching.remove(&id) {
                        task.abort();
                    }
                }
            }
        }
    }

    fn start(&self, id: RequestId<K>, caller: Option<Code>, request: Request) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let tell = self.tell.clone();
        let resources = Arc::clone(&self.resources);
        tokio::spawn(async move {
            let answer = async { resources.answer(caller, request).await };
            let answer = AssertUnwindSafe(answer).catch_unwind();
            let code = match tokio::time::timeout(ANSWER_WITHIN, answer).await {
                Ok(Ok(answer)) => {
                    let _ = tell.send(Told::Answer(id, answer)).await;
                    return;
                }
                Ok(Err(_)) => ResponseType::InternalServerError,
                Err(_) => ResponseType::ServiceUnavailable,
            };
            let answer = Response::bare(code).into();
            let _ = tell.send(Told::Answer(id, answer)).await;
        });
    }

    fn watch(&mut self, id: ObservationId<K>, mut changes: BoxStream<'static, Response>) {
        let tell = self.tell.clone();
        let task = tokio::spawn(async move {
            while let Some(response) = changes.next().await {
                if tell.send(Told::Change(id, response)).await.is_err() {
                    return;
                }
            }
            let _ = tell.send(Told::NoMoreChanges(id)).await;
        });
        self.watching.insert(id, task.abort_handle());
    }
}

impl<K> Drop for Service<K> {
    fn drop(&mut self) {
        for task in self.watching.values() {
            task.abort();
        }
    }
}
