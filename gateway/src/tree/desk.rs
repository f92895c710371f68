//! What the tree asks of the wallet: somebody who handles messages, and a durable inbox.

use super::{Caller, Peer};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use protocol::{
    Code, Reference, Status,
    message::{MESSAGE_MAX, Message},
};
use tokio::sync::broadcast;

/// Handles what is published to `oc/1/<me>/w/out/<peer>`.
pub trait WalletDesk: Send + Sync + 'static {
    /// Takes one message. When this returns `Ok`, what it changed is durable. The answer, if any,
    /// is a whole message for the caller. `caller` is `None` where nobody was authenticated: then
    /// only the signatures inside the message count.
    fn handle(
        &self,
        caller: Option<Caller>,
        peer: Peer,
        message: Bytes,
    ) -> BoxFuture<'static, Result<Option<Vec<u8>>, Declined>>;

    /// Somebody looks into its inbox for the first time after a while: what is news to it waits
    /// there when this returns.
    fn synchronise(&self, caller: Caller) -> BoxFuture<'static, ()> {
        let _ = caller;
        Box::pin(std::future::ready(()))
    }
}

/// Wallet messages that wait for a code, numbered per code from 1.
pub trait Inbox: Send + Sync + 'static {
    /// At most `most` entries with numbers above `after`, in order.
    fn next(
        &self,
        code: Code,
        after: u64,
        most: u32,
    ) -> BoxFuture<'static, Result<Vec<(u64, Bytes)>, Status>>;

    /// Removes the entries with numbers up to and including `up_to`.
    fn acknowledge(&self, code: Code, up_to: u64) -> BoxFuture<'static, Result<(), Status>>;

    /// Says whose inbox has grown.
    fn changed(&self) -> broadcast::Receiver<Code>;
}

/// A wallet message was refused and changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declined {
    /// Why.
    pub status: Status,
    /// Which object, where it could be read.
    pub about: Option<Reference>,
}

impl Declined {
    /// The refusal as a wallet message, the same on every door.
    pub fn message(&self) -> Bytes {
        let mut out = [0; 32];
        let refusal = Message::refusal(self.status, self.about);
        let length = refusal.write(&mut out).unwrap_or(0);
        Bytes::copy_from_slice(out.get(..length).unwrap_or_default())
    }
}

impl From<Status> for Declined {
    fn from(status: Status) -> Self {
        Self {
            status,
            about: None,
        }
    }
}

/// Bytes of the largest wallet message.
pub const WALLET_MESSAGE_MAX: usize = MESSAGE_MAX;
