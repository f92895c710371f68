//! The side below: connects to the gateway above, as its own code.

use super::exchange::{Carrier, Exchange};
use super::frame::Frame;
use crate::house::Failure;
use crate::upstream::State;
use crate::upstream::wire::Credentials;
use device_sdk::links::mqtt::{self, Mqtt};
use futures_util::future::join_all;
use protocol::Code;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Between two looks at what is to leave.
const LOOK: Duration = Duration::from_millis(100);
/// Between two words that we are there.
const HELLO_MS: u64 = 20_000;
/// Between two attempts to connect.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// For a PUBACK; what is lost leaves again by itself.
const SENT_WITHIN: Duration = Duration::from_secs(5);
/// After this a new client begins, with the certificate as it is then.
const ONE_CLIENT: Duration = Duration::from_secs(86_400);
/// Between two looks at leases, floats and time.
const SWEEP_MS: u64 = 5_000;

/// Carries for good; dropped when the house closes.
pub async fn carry(exchange: Exchange, centre: Code, credentials: Credentials, state: &State) {
    loop {
        match connection(&exchange, &centre, &credentials, state).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the link to the gateway above"),
        }
        state.lost();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One client with its certificate, through any number of connections.
async fn connection(
    exchange: &Exchange,
    centre: &Code,
    credentials: &Credentials,
    state: &State,
) -> Result<(), Failure> {
    let [up, down] = ["up", "down"].map(|way| format!("oc/1/{}/link/{way}", exchange.me));
    let broker = &credentials.settings.broker;
    let settings = mqtt::Settings {
        session: "link",
        filters: vec![down],
        timing: mqtt::Timing {
            longest_wait: LONGEST_WAIT,
            ..mqtt::Timing::default()
        },
        ..mqtt::Settings::new(&broker.host, broker.port, exchange.me, credentials.tls()?)
    };
    let (mqtt, mut deliveries) = Mqtt::start(settings);
    let begun = Instant::now();
    let now_ms = || u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut carrier = Carrier::new();
    let (mut hello_ms, mut sweep_ms, mut online) = (0, 0, false);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while begun.elapsed() < ONE_CLIENT {
        let mut frames = tokio::select! {
            delivery = deliveries.next() => {
                let delivery = delivery.ok_or("the link's task ended")?;
                let taken = exchange.take(centre, &mut carrier, &delivery.payload, now_ms()).await;
                delivery.done();
                taken.unwrap_or_else(|error| {
                    tracing::warn!(%error, "a frame from the gateway above");
                    Vec::new()
                })
            }
            _ = looks.tick() => Vec::new(),
        };
        let is_online = mqtt.state() == mqtt::State::Ready;
        if is_online != online {
            online = is_online;
            match online {
                true => state.connected(),
                false => state.lost(),
            }
            carrier.begin_anew();
            hello_ms = 0;
        }
        if now_ms() >= sweep_ms {
            sweep_ms = now_ms() + SWEEP_MS;
            if let Err(status) = exchange.ledger.sweep((exchange.clock)()).await {
                tracing::warn!(%status, "leases and floats are not looked after");
            }
        }
        if !online {
            continue;
        }
        if now_ms() >= hello_ms {
            hello_ms = now_ms() + HELLO_MS;
            frames.push(Frame::Hello.write());
        }
        frames.extend(exchange.upward(centre, &mut carrier, now_ms()).await?);
        send(&mqtt, &up, &frames, state).await;
    }
    Ok(())
}

/// In order, all at once.
async fn send(mqtt: &Mqtt, topic: &str, frames: &[Vec<u8>], state: &State) {
    let sent = join_all(frames.iter().map(|frame| mqtt.publish(topic, frame, false)));
    if let Ok(sent) = timeout(SENT_WITHIN, sent).await {
        for _ in sent.iter().filter(|sent| sent.is_ok()) {
            State::count(&state.acknowledged);
        }
    }
}
