//! From the broker into the tree: acknowledged when the tree has it, so it may come twice and is
//! never lost. The broker keeps what comes while nobody is here.

use super::rules::Rules;
use super::state::State;
use super::wire::{Credentials, Waits, client};
use crate::house::Failure;
use crate::tree::{Manner, Refusal, Tree};
use rumqttc::{Event, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode};

/// The session's name at the broker.
const SUFFIX: &str = "in";
/// Acknowledgements and subscriptions on their way.
const REQUESTS_MAX: usize = 64;

/// Carries for good; dropped when the house closes.
pub(super) async fn carry(credentials: &Credentials, rules: &Rules, tree: &Tree, state: &State) {
    if rules.filters().is_empty() {
        return std::future::pending().await;
    }
    let mut waits = Waits::new();
    loop {
        let mut connected = false;
        if let Err(error) = connection(credentials, rules, (tree, state), &mut connected).await {
            let broker = &credentials.settings.broker;
            tracing::warn!(%broker, %error, "nothing comes from the broker above; trying again");
        }
        if connected {
            waits = Waits::new();
        }
        waits.wait().await;
    }
}

async fn connection(
    credentials: &Credentials,
    rules: &Rules,
    (tree, state): (&Tree, &State),
    connected: &mut bool,
) -> Result<(), Failure> {
    let (client, mut events) = client(credentials.options(SUFFIX, false)?, REQUESTS_MAX);
    loop {
        match events.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                *connected = true;
                let filters = rules.filters().into_iter();
                let filters = filters.map(|path| SubscribeFilter::new(path, QoS::AtLeastOnce));
                client.try_subscribe_many(filters)?;
            }
            Event::Incoming(Packet::SubAck(answer))
                if answer.return_codes.contains(&SubscribeReasonCode::Failure) =>
            {
                return Err("the broker refuses a subscription of upstream.rules".into());
            }
            Event::Incoming(Packet::Publish(publish)) => {
                bring(rules, (tree, state), &publish).await?;
                // A crash before this: the broker sends it again.
                client.try_ack(&publish)?;
            }
            _ => {}
        }
    }
}

/// Puts it where it belongs. What has no place is counted and not asked for again; what could not be
/// made durable is.
async fn bring(
    rules: &Rules,
    (tree, state): (&Tree, &State),
    publish: &Publish,
) -> Result<(), Failure> {
    let topic = match rules.inward(&publish.topic) {
        Ok((topic, _)) => topic,
        Err(why) => {
            State::count(&state.misplaced);
            tracing::info!(topic = publish.topic, %why, "nothing here for what came from above");
            return Ok(());
        }
    };
    let how = Manner {
        retain: publish.retain,
        assured: true,
        ..Manner::default()
    };
    match tree.bring(&topic, publish.payload.clone(), how).await {
        Ok(()) => State::count(&state.brought),
        Err(Refusal::NotKept) => return Err(Refusal::NotKept.into()),
        Err(refusal) => {
            State::count(&state.misplaced);
            tracing::info!(%topic, %refusal, "refused what came from above");
        }
    }
    Ok(())
}
