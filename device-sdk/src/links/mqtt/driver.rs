//! The task behind an [`super::Mqtt`].
//!
//! Every connection gets a fresh rumqttc event loop: a used one may drop requests, or lock up on a
//! packet number of a session that is gone. The event loop runs in a task of its own, because its
//! `poll` must not be cancelled half-way.

use super::{Delivery, Done, Order, PACKET_MAX_BYTES, PublishError, Settings, State};
use super::{UNACKNOWLEDGED_MAX, UNREAD_MAX};
use crate::links::BackOff;
use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Outgoing, Packet,
    QoS, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// How many messages are under way at once.
const WINDOW: usize = 64;
/// Packet numbers go round after this many; more than ever wait, so that none meets itself.
const PACKET_NUMBERS: u16 = 4096;
/// Requests the event loop may be behind: the window, every acknowledgement, and a few more.
const REQUESTS_MAX: usize = WINDOW + UNREAD_MAX + 8;
/// Events the driver may be behind.
const EVENTS_MAX: usize = 64;
/// For the farewell.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Driver {
    settings: Settings,
    orders: mpsc::Receiver<Order>,
    unread: mpsc::Sender<Delivery>,
    state: watch::Sender<State>,
    done: (mpsc::UnboundedSender<Done>, mpsc::UnboundedReceiver<Done>),
    /// Everything not acknowledged, in the order it was given.
    waiting: BTreeMap<u64, Waiting>,
    next_key: u64,
    connection: u64,
}

struct Waiting {
    topic: String,
    payload: Bytes,
    retain: bool,
    /// How many connections ended because of it, as far as one can tell.
    attempts: u32,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

/// Why a connection ended.
enum Ended {
    /// Nobody wants it any more.
    Unwanted,
    /// It broke.
    Lost(String),
}

/// One connection.
struct Line {
    client: AsyncClient,
    online: bool,
    /// Next message to publish.
    cursor: u64,
    /// Handed to the event loop, packet number not known yet.
    handed: VecDeque<u64>,
    /// Under way, by packet number, with the time until which the PUBACK must come.
    flying: HashMap<u16, (u64, Instant)>,
    /// To be acknowledged.
    done: VecDeque<Done>,
}

impl Driver {
    pub(super) fn new(
        settings: Settings,
        orders: mpsc::Receiver<Order>,
        unread: mpsc::Sender<Delivery>,
        state: watch::Sender<State>,
    ) -> Self {
        Self {
            settings,
            orders,
            unread,
            state,
            done: mpsc::unbounded_channel(),
            waiting: BTreeMap::new(),
            next_key: 0,
            connection: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let timing = self.settings.timing;
        let mut waits = BackOff::new(timing.first_wait, timing.longest_wait);
        loop {
            let reason = match self.connect().await {
                Ended::Unwanted => return,
                Ended::Lost(reason) => reason,
            };
            if *self.state.borrow() == State::Ready {
                waits = BackOff::new(timing.first_wait, timing.longest_wait);
            }
            self.state.send_replace(State::Away { reason });
            let again = Instant::now() + waits.wait();
            loop {
                tokio::select! {
                    () = sleep_until(again) => break,
                    order = self.orders.recv() => match order {
                        Some(order) => self.queue(order),
                        None => return,
                    },
                }
            }
        }
    }

    fn queue(&mut self, order: Order) {
        if self.waiting.len() >= UNACKNOWLEDGED_MAX {
            // Whoever asked may have gone away in the meantime.
            let _ = order.answer.send(Err(PublishError::Full));
            return;
        }
        let waiting = Waiting {
            topic: order.topic,
            payload: order.payload,
            retain: order.retain,
            attempts: 0,
            answer: order.answer,
        };
        self.waiting.insert(self.next_key, waiting);
        self.next_key += 1;
    }

    /// One connection from beginning to end.
    async fn connect(&mut self) -> Ended {
        self.connection += 1;
        // Nobody waits for these any more, or nobody will ever take them.
        self.waiting
            .retain(|_, waiting| !waiting.answer.is_closed());
        let attempts = self.settings.timing.attempts;
        for (_, refused) in self.waiting.extract_if(.., |_, w| w.attempts >= attempts) {
            let _ = refused.answer.send(Err(PublishError::Refused));
        }
        let (client, events) = AsyncClient::new(self.options(), REQUESTS_MAX);
        let (events, _guard) = pump(events, self.settings.timing.connect_timeout);
        let mut line = Line {
            client,
            online: false,
            cursor: 0,
            handed: VecDeque::new(),
            flying: HashMap::new(),
            done: VecDeque::new(),
        };
        let ended = self.converse(&mut line, events).await;
        if let Ended::Lost(_) = ended {
            self.blame(&line);
        }
        ended
    }

    /// A gateway refuses by silence or by hanging up. Silence is about the message it is silent on;
    /// since it answers in order, hanging up is about the oldest one.
    fn blame(&mut self, line: &Line) {
        let now = Instant::now();
        let flying = || line.flying.values();
        let overdue = flying()
            .filter(|(_, until)| *until <= now)
            .map(|(key, _)| *key);
        let mut blamed: Vec<u64> = overdue.collect();
        if blamed.is_empty() {
            blamed.extend(flying().map(|(key, _)| *key).min());
        }
        for key in blamed {
            if let Some(waiting) = self.waiting.get_mut(&key) {
                waiting.attempts += 1;
            }
        }
    }

    fn options(&self) -> MqttOptions {
        let settings = &self.settings;
        let mut options = MqttOptions::new(settings.client_id(), &settings.host, settings.port);
        options
            .set_keep_alive(settings.timing.keep_alive)
            .set_clean_session(true)
            .set_manual_acks(true)
            .set_inflight(PACKET_NUMBERS)
            .set_max_packet_size(PACKET_MAX_BYTES, PACKET_MAX_BYTES)
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                settings.tls.clone(),
            )));
        options
    }

    async fn converse(
        &mut self,
        line: &mut Line,
        mut events: mpsc::Receiver<Result<Event, ConnectionError>>,
    ) -> Ended {
        loop {
            self.push(line);
            let overdue = line.flying.values().map(|(_, until)| *until).min();
            let overdue = async {
                match overdue {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.recv() => match event {
                    Some(Ok(event)) => {
                        if let Err(reason) = self.hear(line, event) {
                            return Ended::Lost(reason);
                        }
                    }
                    Some(Err(error)) => return Ended::Lost(error.to_string()),
                    None => return Ended::Lost("the connection ended".to_owned()),
                },
                order = self.orders.recv() => match order {
                    Some(order) => self.queue(order),
                    None => {
                        farewell(&line.client, &mut events).await;
                        return Ended::Unwanted;
                    }
                },
                Some(done) = self.done.1.recv() => {
                    if done.connection == self.connection {
                        line.done.push_back(done);
                    }
                }
                () = overdue => return Ended::Lost("a PUBACK did not come".to_owned()),
            }
        }
    }

    fn hear(&mut self, line: &mut Line, event: Event) -> Result<(), String> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.subscribe(line),
            Event::Incoming(Packet::SubAck(answer)) => {
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) {
                    return Err("the gateway refuses a subscription".to_owned());
                }
                self.state.send_replace(State::Ready);
                Ok(())
            }
            Event::Incoming(Packet::Publish(publish)) => {
                let delivery = Delivery {
                    topic: publish.topic.clone(),
                    payload: publish.payload.clone(),
                    publish,
                    connection: self.connection,
                    done: self.done.0.clone(),
                };
                match self.unread.try_send(delivery) {
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        Err("the receiver does not keep up".to_owned())
                    }
                    // Without a receiver everything stays with the gateway.
                    Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
                }
            }
            Event::Outgoing(Outgoing::Publish(number)) => {
                if let Some(key) = line.handed.pop_front() {
                    let until = Instant::now() + self.settings.timing.ack_timeout;
                    line.flying.insert(number, (key, until));
                }
                Ok(())
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                let key = line.flying.remove(&ack.pkid).map(|(key, _)| key);
                if let Some(waiting) = key.and_then(|key| self.waiting.remove(&key)) {
                    // Whoever asked may have gone away.
                    let _ = waiting.answer.send(Ok(()));
                }
                Ok(())
            }
            Event::Incoming(_) | Event::Outgoing(_) => Ok(()),
        }
    }

    fn subscribe(&mut self, line: &mut Line) -> Result<(), String> {
        line.online = true;
        if self.settings.filters.is_empty() {
            self.state.send_replace(State::Ready);
            return Ok(());
        }
        let filters = self.settings.filters.iter();
        let filters = filters.map(|path| SubscribeFilter::new(path.clone(), QoS::AtLeastOnce));
        line.client
            .try_subscribe_many(filters)
            .map_err(|_| "no such topic filter".to_owned())
    }

    /// Hands over as much as the window permits. What does not fit now follows after the next
    /// event.
    fn push(&mut self, line: &mut Line) {
        if !line.online {
            return;
        }
        while let Some(done) = line.done.front() {
            if line.client.try_ack(&done.publish).is_err() {
                return;
            }
            line.done.pop_front();
        }
        while line.handed.len() + line.flying.len() < WINDOW {
            let Some((key, waiting)) = self.waiting.range(line.cursor..).next() else {
                return;
            };
            let published = line.client.try_publish(
                &waiting.topic,
                QoS::AtLeastOnce,
                waiting.retain,
                waiting.payload.clone(),
            );
            if published.is_err() {
                return;
            }
            line.handed.push_back(*key);
            line.cursor = *key + 1;
        }
    }
}

/// Stops a task when dropped.
struct Guard(AbortHandle);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls an event loop until its first error.
fn pump(
    mut events: EventLoop,
    connect_timeout: Duration,
) -> (mpsc::Receiver<Result<Event, ConnectionError>>, Guard) {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(connect_timeout.as_secs().max(1));
    events.set_network_options(network);
    let (told, heard) = mpsc::channel(EVENTS_MAX);
    let task = tokio::spawn(async move {
        loop {
            let event = events.poll().await;
            let last = event.is_err();
            if told.send(event).await.is_err() || last {
                return;
            }
        }
    });
    (heard, Guard(task.abort_handle()))
}

/// Says good-bye, so that the gateway need not wait for us.
async fn farewell(
    client: &AsyncClient,
    events: &mut mpsc::Receiver<Result<Event, ConnectionError>>,
) {
    if client.try_disconnect().is_err() {
        return;
    }
    let said = async {
        while let Some(event) = events.recv().await {
            if matches!(event, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {
                return;
            }
        }
    };
    // Too late is no harm: the gateway notices by itself.
    let _ = timeout(FAREWELL_TIMEOUT, said).await;
}
