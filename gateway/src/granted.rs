//! Who may read of others' branches, from the file of grants, and whether a read is paid, from the
//! books.

use crate::tree::{Filter, Given, Readers, Tree};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::grants::{Grant, GrantId, GrantRow, Grants};
use ledger::{Error, Ledger};
use protocol::{Code, Status, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;

/// Grants of which it is remembered how much was paid; the books know it of all.
const REMEMBERED_MAX: usize = 10_000;

/// The grants of this house.
pub struct Granted {
    grants: Grants,
    ledger: Ledger,
    paid: Mutex<HashMap<GrantId, Paid>>,
    clock: fn() -> Timestamp,
}

/// What the books said last of one grant.
#[derive(Clone, Copy, Debug, Default)]
struct Paid {
    /// Reads that the money that came pays for.
    reads: u64,
    /// When.
    looked: Timestamp,
    /// None was left then, and the reader was told so.
    told: bool,
}

impl Granted {
    /// Joins the two.
    pub fn new(grants: Grants, ledger: Ledger, clock: fn() -> Timestamp) -> Self {
        Self {
            grants,
            ledger,
            paid: Mutex::default(),
            clock,
        }
    }

    /// Takes a read from what is known to be paid; looks into the books when that is used up, once a
    /// second at most, and tells the reader when there is nothing there either.
    async fn take_one(&self, grant: &Grant) -> Result<bool, Error> {
        let known = self.remembered(&grant.id);
        if self.grants.take(&grant.id, known.reads).await? {
            return Ok(true);
        }
        let now = (self.clock)();
        if known.looked == now {
            return Ok(false);
        }
        let reads = self.ledger.reads_paid(grant).await?.unwrap_or(0);
        let taken = reads > known.reads && self.grants.take(&grant.id, reads).await?;
        let paid = Paid {
            reads,
            looked: now,
            told: !taken,
        };
        self.remember(grant.id, paid);
        if !taken && !known.told {
            self.grants.tell(grant.reader);
        }
        Ok(taken)
    }

    fn remembered(&self, id: &GrantId) -> Paid {
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        paid.get(id).copied().unwrap_or_default()
    }

    fn remember(&self, id: GrantId, what: Paid) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= REMEMBERED_MAX {
            paid.clear();
        }
        paid.insert(id, what);
    }

    async fn listed(&self, reader: Code) -> Result<Bytes, Error> {
        let mut list = Vec::new();
        for GrantRow { grant, taken, .. } in self.grants.got(&reader).await? {
            let mut entry = json!({
                "grant": grant.id.to_string(),
                "topic": topics(&grant),
            });
            if let (Some(price), Some(entry)) = (grant.price, entry.as_object_mut()) {
                let (issuer, name) = (price.currency.issuer(), price.currency.name());
                entry.insert("currency".into(), format!("{issuer}.{name}").into());
                entry.insert("price_minor".into(), price.each.get().into());
                let paid = self.ledger.reads_paid(&grant).await?;
                entry.insert("reads_paid".into(), paid.into());
                entry.insert("reads_taken".into(), taken.into());
            }
            list.push(entry);
        }
        Ok(serde_json::Value::from(list).to_string().into())
    }
}

/// The topics of a grant, as one filter.
fn topics(grant: &Grant) -> String {
    format!("oc/1/{}/{}", grant.giver, grant.branch)
}

impl Readers for Granted {
    fn given(&self, branch: Code) -> Vec<Given> {
        let given = self.grants.given_by(branch);
        let given = given.iter().filter_map(|grant| {
            Some(Given {
                id: grant.id,
                filter: Filter::parse(&topics(grant)).ok()?,
                reader: grant.reader,
                priced: grant.price.is_some(),
            })
        });
        given.collect()
    }

    fn take<'g>(&'g self, given: &'g Given) -> BoxFuture<'g, Result<bool, Status>> {
        Box::pin(async move {
            let grants = self.grants.given(given.filter.code, given.reader);
            let Some(grant) = grants.iter().find(|grant| grant.id == given.id) else {
                return Ok(false);
            };
            self.take_one(grant).await.map_err(|error| {
                tracing::error!(%error, grant = %grant.id, "a paid read is not written down");
                Status::Storage
            })
        })
    }

    fn list(&self, reader: Code) -> BoxFuture<'_, Result<Bytes, Status>> {
        Box::pin(async move {
            self.listed(reader).await.map_err(|error| {
                tracing::error!(%error, %reader, "the grants of a thing cannot be read");
                Status::Storage
            })
        })
    }
}

/// Tells readers when what they may read has changed, until `stopped` resolves.
pub async fn tell(tree: Arc<Tree>, grants: Grants, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let mut changed = grants.changed();
    loop {
        tokio::select! {
            () = &mut stopped => return,
            reader = changed.recv() => match reader {
                Ok(reader) => tree.tell_grants(reader).await,
                // Who was not told reads it.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
