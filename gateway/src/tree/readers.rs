//! Who may read of somebody else's branch: what the tree asks of whoever keeps the grants.

use super::{Filter, Topic};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use ledger::grants::GrantId;
use protocol::{Code, Status};

/// That somebody may read a part of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Which grant.
    pub id: GrantId,
    /// What of the branch.
    pub filter: Filter,
    /// Who reads.
    pub reader: Code,
    /// Each read has a price.
    pub priced: bool,
}

/// Keeps the grants.
pub trait Readers: Send + Sync + 'static {
    /// What may be read of a branch, and by whom.
    fn given(&self, branch: Code) -> Vec<Given>;

    /// Takes one read that was paid; false when none is left. Durable on return.
    fn take<'g>(&'g self, given: &'g Given) -> BoxFuture<'g, Result<bool, Status>>;

    /// What a code may read of others, and how many reads are paid and taken: a JSON array.
    fn list(&self, reader: Code) -> BoxFuture<'_, Result<Bytes, Status>>;
}

/// How somebody may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entitled {
    /// As often as it likes.
    Freely,
    /// As often as it has paid for.
    ByTheRead,
}

/// Whether one of the grants gives all that a filter takes; a free one before one with a price.
pub(super) fn entitled(given: &[Given], reader: Code, filter: &Filter) -> Option<Entitled> {
    let covering = given
        .iter()
        .filter(|given| given.reader == reader && given.filter.covers(filter));
    let priced = covering.map(|given| given.priced).min()?;
    Some(match priced {
        false => Entitled::Freely,
        true => Entitled::ByTheRead,
    })
}

/// Those who read a topic for nothing.
pub(super) fn free_readers(given: &[Given], topic: &Topic) -> Vec<Code> {
    let free = given
        .iter()
        .filter(|given| !given.priced && given.filter.takes(topic));
    free.map(|given| given.reader).collect()
}
