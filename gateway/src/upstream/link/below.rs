//! The side above: takes what gateways below bring, and tells them what waits for them here.

use super::exchange::{Carrier, Exchange};
use crate::house::Failure;
use crate::tree::{Links, Tree};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::{Code, Status};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two looks at what is to leave.
const LOOK: Duration = Duration::from_millis(100);
/// A gateway that was not heard for so long is told nothing until it comes again.
const AWAY_AFTER_MS: u64 = 60_000;
/// Between two looks at leases, copies and watermarks.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// All gateways below. There are as many as were admitted.
pub struct Below {
    exchange: Exchange,
    begun: Instant,
    peers: Mutex<HashMap<Code, Peer>>,
}

struct Peer {
    carrier: Carrier,
    heard_ms: u64,
}

impl Below {
    /// Nobody was heard yet.
    pub fn new(exchange: Exchange) -> Arc<Self> {
        Arc::new(Self {
            exchange,
            begun: Instant::now(),
            peers: Mutex::default(),
        })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn taken(&self, from: Code, frame: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
        let now_ms = self.now_ms();
        // Frames of one gateway come one after another; the others wait for a moment.
        let mut peers = self.peers.lock().await;
        let peer = peers.entry(from).or_insert(Peer {
            carrier: Carrier::new(),
            heard_ms: now_ms,
        });
        if now_ms > peer.heard_ms + AWAY_AFTER_MS {
            peer.carrier.begin_anew();
        }
        peer.heard_ms = now_ms;
        self.exchange
            .take(&from, &mut peer.carrier, frame, now_ms)
            .await
    }

    /// Tells gateways what waits for them until `stopped` resolves.
    pub async fn keep(self: Arc<Self>, tree: Arc<Tree>, stopped: impl Future<Output = ()>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept = Instant::now();
        loop {
            tokio::select! {
                () = &mut stopped => return,
                _ = looks.tick() => {}
            }
            if let Err(error) = self.tell(&tree).await {
                tracing::error!(%error, "what waits for gateways below");
            }
            let heard = !self.peers.lock().await.is_empty();
            if heard && swept.elapsed() >= SWEEP_EVERY {
                swept = Instant::now();
                if let Err(status) = self.exchange.ledger.sweep((self.exchange.clock)()).await {
                    tracing::warn!(%status, "leases and watermarks are not looked after");
                }
            }
        }
    }

    async fn tell(&self, tree: &Tree) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let mut peers = self.peers.lock().await;
        for (code, peer) in peers.iter_mut() {
            if now_ms > peer.heard_ms + AWAY_AFTER_MS {
                continue;
            }
            let letters = &mut peer.carrier.letters;
            for frame in self.exchange.letters(code, letters, now_ms).await? {
                tree.tell_gateway(*code, frame.into()).await?;
            }
        }
        Ok(())
    }
}

impl Links for Below {
    fn take(&self, from: Code, frame: Bytes) -> BoxFuture<'_, Result<Vec<Bytes>, Status>> {
        Box::pin(async move {
            match self.taken(from, &frame).await {
                Ok(answers) => Ok(answers.into_iter().map(Bytes::from).collect()),
                Err(error) => {
                    tracing::warn!(%from, %error, "a frame from a gateway below");
                    Err(Status::Malformed)
                }
            }
        })
    }
}
