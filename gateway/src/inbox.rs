//! The tree's inbox on the ledger's durable one.

use crate::tree::Inbox;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::Ledger;
use protocol::{Code, Status};
use tokio::sync::broadcast;

/// Inboxes as the doors see them.
pub struct LedgerInbox(pub Ledger);

impl Inbox for LedgerInbox {
    fn next(
        &self,
        code: Code,
        after: u64,
        most: u32,
    ) -> BoxFuture<'static, Result<Vec<(u64, Bytes)>, Status>> {
        let ledger = self.0.clone();
        Box::pin(async move {
            let entries = ledger
                .inbox(&code, after, most)
                .await
                .map_err(|_| Status::Storage)?;
            Ok(entries
                .into_iter()
                .map(|entry| (entry.number, Bytes::from(entry.bytes)))
                .collect())
        })
    }

    fn acknowledge(&self, code: Code, up_to: u64) -> BoxFuture<'static, Result<(), Status>> {
        let ledger = self.0.clone();
        Box::pin(async move {
            ledger
                .acknowledge(&code, up_to)
                .await
                .map_err(|_| Status::Storage)
        })
    }

    fn changed(&self) -> broadcast::Receiver<Code> {
        self.0.inbox_changed()
    }
}
