//! From the tree into the outbox: an event that a rule takes is durable there before its publisher
//! is acknowledged.

use super::Rules;
use crate::tree::{Event, Forwarder};
use futures_util::future::BoxFuture;
use ledger::outbox::{Leaving, Outbox};
use protocol::Status;

/// What the tree hands events to.
#[derive(Clone, Debug)]
pub struct Forward {
    /// What goes where.
    pub rules: Rules,
    /// Where it waits.
    pub outbox: Outbox,
}

impl Forwarder for Forward {
    fn forward<'e>(&'e self, event: &'e Event) -> BoxFuture<'e, Result<(), Status>> {
        Box::pin(async move {
            let Some(outward) = self.rules.outward(&event.topic.to_string()) else {
                return Ok(());
            };
            let leaving = Leaving {
                topic: outward.topic,
                payload: event.payload.to_vec(),
                qos: outward.qos,
                retain: event.retain || event.topic.always_retained(),
            };
            match event.assured {
                true => self.outbox.put(leaving).await,
                false => {
                    self.outbox.put_soon(leaving).await;
                    Ok(())
                }
            }
        })
    }
}
