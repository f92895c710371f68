//! The two tasks of a thing on MQTT.

use super::{Done, Happening, Told, Waiting};
use crate::links::mqtt::{Deliveries, Mqtt, PublishError};
use protocol::Code;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::time::{Duration, sleep};

/// Before the folder is tried again when it cannot be read.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Sends what waits. The connection behind `mqtt` is made again by itself, and publishes in the order
/// in which it was asked to.
pub(super) async fn send(mqtt: Mqtt, me: Code, waiting: Arc<Waiting>) {
    'turns: loop {
        let Ok(entries) = waiting.oldest().await else {
            sleep(AFTER_FAILURE).await;
            continue;
        };
        let next = entries.last().map_or(0, |last| last.number + 1);
        let ordered = entries.iter().map(|entry| {
            let topic = format!("oc/1/{me}/{}", entry.topic);
            mqtt.order(&topic, &entry.payload, entry.keep)
        });
        // All of them are under way before the first is waited for.
        for ordered in ordered.collect::<Vec<_>>() {
            let published = match ordered {
                Ok(ordered) => ordered.acknowledged().await,
                Err(error) => Err(error),
            };
            match published {
                Ok(()) => {}
                Err(PublishError::Refused | PublishError::Topic) => {
                    waiting.refused.fetch_add(1, Ordering::Relaxed);
                }
                // The connection was shut down: all of it stays in the folder.
                Err(PublishError::Closed) => return,
                // Too much else is on its way.
                Err(PublishError::Full) => {
                    sleep(AFTER_FAILURE).await;
                    continue 'turns;
                }
            }
        }
        // Persisted at the gateway; a crash before this line says it once more.
        if waiting.kept().taken_below(next).is_err() {
            sleep(AFTER_FAILURE).await;
        }
    }
}

/// Tells what comes.
pub(super) async fn hear(mut deliveries: Deliveries, me: Code, tell: mpsc::Sender<Told>) {
    let own = format!("oc/1/{me}/");
    while let Some(delivery) = deliveries.next().await {
        let below = delivery.topic.strip_prefix(&own).unwrap_or_default();
        let payload = delivery.payload.to_vec();
        let happening = match below.split_once('/') {
            Some(("c", id)) => Happening::Command {
                id: id.to_owned(),
                payload,
            },
            Some(("twin", "desired")) => Happening::Desired(payload),
            Some(("w", "in")) => Happening::Wallet(payload),
            // Nothing that was asked for.
            _ => continue,
        };
        let done = Done::Mqtt(delivery);
        if tell.send(Told { happening, done }).await.is_err() {
            return;
        }
    }
}
