//! From the outbox to the broker, in order, each message until it is acknowledged.
//!
//! A session lasts as long as this process and the broker both remember it; within it QoS 2 doubles
//! nothing, however often the connection breaks. It begins by having the broker forget the one
//! before: packet identifiers count anew, and an old one would swallow a new message.

use super::flight::{Departures, Flight, Follows, Happened, WINDOW};
use super::state::State;
use super::wire::{Credentials, Waits, client, reach};
use crate::house::Failure;
use ledger::outbox::{Leaving, Outbox};
use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, QoS, Request};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// The session's name at the broker.
const SUFFIX: &str = "out";
/// Events the driver may be behind.
const EVENTS_MAX: usize = 64;

/// Carries for good; dropped when the house closes.
pub(super) async fn carry(credentials: &Credentials, outbox: &Outbox, state: &State) {
    let mut waits = Waits::new();
    loop {
        if let Err(error) = session(credentials, outbox, state, &mut waits).await {
            let broker = &credentials.settings.broker;
            tracing::warn!(%broker, %error, "the broker above is not reached; trying again");
        }
        state.lost();
        waits.wait().await;
    }
}

/// Until the broker has forgotten the session.
async fn session(
    credentials: &Credentials,
    outbox: &Outbox,
    state: &State,
    waits: &mut Waits,
) -> Result<(), Failure> {
    reach(credentials, SUFFIX).await?;
    *waits = Waits::new();
    let (client, events) = client(credentials.options(SUFFIX, false)?, WINDOW);
    let (mut told, _guard) = pump(events, credentials.clone());
    let mut flight = Flight::default();
    loop {
        hand_over(&mut flight, &client, outbox).await?;
        tokio::select! {
            happened = told.recv() => {
                let happened = happened.ok_or("the connection's task ended")?;
                match happened {
                    Happened::Connected { .. } => state.connected(),
                    Happened::Lost => state.lost(),
                    Happened::Sent(_) | Happened::Acknowledged(_) => {}
                }
                match flight.happened(happened) {
                    Follows::Nothing => {}
                    Follows::Gone(number) => {
                        State::count(&state.acknowledged);
                        outbox.gone(vec![number]).await;
                    }
                    Follows::BeginAnew => return Ok(()),
                    Follows::Stuck(number, times) => tracing::warn!(
                        number,
                        times,
                        "the connection to the broker above breaks whenever this message leaves"
                    ),
                }
            }
            () = outbox.rung() => {}
        }
    }
}

async fn hand_over(
    flight: &mut Flight,
    client: &AsyncClient,
    outbox: &Outbox,
) -> Result<(), Failure> {
    let room = flight.room();
    if room == 0 {
        return Ok(());
    }
    let most = u32::try_from(room).unwrap_or(u32::MAX);
    for (number, leaving) in outbox.next(flight.cursor(), most).await? {
        let Leaving {
            topic,
            payload,
            qos,
            retain,
        } = leaving;
        let qos = match qos {
            2 => QoS::ExactlyOnce,
            _ => QoS::AtLeastOnce,
        };
        // The channel has as much room as the window.
        client.try_publish(topic, qos, retain, payload)?;
        flight.hand_over(number);
    }
    Ok(())
}

/// Stops a task when dropped.
struct Guard(AbortHandle);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Polls the event loop in a task of its own, because `poll` must not be cancelled half-way, and
/// tells what happens. After an error the same loop connects again: it holds what is on its way.
fn pump(mut events: EventLoop, credentials: Credentials) -> (mpsc::Receiver<Happened>, Guard) {
    let (told, heard) = mpsc::channel(EVENTS_MAX);
    let task = tokio::spawn(async move {
        let mut waits = Waits::new();
        let mut departures = Departures::default();
        loop {
            let happened = match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    waits = Waits::new();
                    Happened::Connected {
                        remembers: ack.session_present,
                    }
                }
                Ok(Event::Outgoing(Outgoing::Publish(id))) => Happened::Sent(id),
                Ok(Event::Incoming(Packet::PubAck(ack))) => Happened::Acknowledged(ack.pkid),
                Ok(Event::Incoming(Packet::PubComp(done))) => Happened::Acknowledged(done.pkid),
                Ok(_) => continue,
                Err(error) => {
                    tracing::info!(%error, "the connection to the broker above broke");
                    again(&mut events, &departures, &credentials);
                    Happened::Lost
                }
            };
            match happened {
                Happened::Sent(id) => departures.left(id),
                Happened::Acknowledged(id) => departures.done(id),
                Happened::Connected { .. } | Happened::Lost => {}
            }
            let lost = happened == Happened::Lost;
            if told.send(happened).await.is_err() {
                return;
            }
            if lost {
                waits.wait().await;
            }
        }
    });
    (heard, Guard(task.abort_handle()))
}

/// What goes out once more says so and keeps its order, and a certificate that was renewed meanwhile
/// is shown. What the broker has and is only to release goes first.
fn again(events: &mut EventLoop, departures: &Departures, credentials: &Credentials) {
    let pending = events.pending.make_contiguous();
    pending.sort_by_key(|request| match request {
        Request::PubRel(release) => (0, departures.place(release.pkid)),
        Request::Publish(publish) => (1, departures.place(publish.pkid)),
        _ => (2, 0),
    });
    for request in pending {
        if let Request::Publish(publish) = request {
            publish.dup = publish.pkid != 0;
        }
    }
    match credentials.options(SUFFIX, false) {
        Ok(options) => events.mqtt_options = options,
        Err(error) => tracing::error!(%error, "no certificate to show above"),
    }
}
