//! What a door needs behind its tree when nothing is paid.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gateway::tree::{Caller, Declined, Inbox, Peer, WalletDesk};
use protocol::{Code, Status};
use std::sync::Arc;
use tokio::sync::broadcast;

/// A wallet and an inbox that nobody asks.
pub struct Nobody(broadcast::Sender<Code>);

impl Nobody {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(broadcast::channel(1).0))
    }
}

impl WalletDesk for Nobody {
    fn handle(
        &self,
        _: Option<Caller>,
        _: Peer,
        _: Bytes,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, Declined>> {
        Box::pin(async { Err(Status::NotForYou.into()) })
    }
}

impl Inbox for Nobody {
    fn next(
        &self,
        _: Code,
        _: u64,
        _: u32,
    ) -> BoxFuture<'static, Result<Vec<(u64, Bytes)>, Status>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn acknowledge(&self, _: Code, _: u64) -> BoxFuture<'static, Result<(), Status>> {
        Box::pin(async { Ok(()) })
    }

    fn changed(&self) -> broadcast::Receiver<Code> {
        self.0.subscribe()
    }
}
