//! The code chain: every act on a code is a leaf of a Merkle log before it is answered.
//!
//! ```text
//! command --append--> chain_leaf, in the transaction of the act
//!                        |
//!                     publish: tiles -> (durable) -> checkpoint signed and kept -> checkpoint file
//!                        |
//! ledger.chain/  tile/0/000 .. tile/entries/000 .. checkpoint      static files (C2SP tlog-tiles)
//! ```
//!
//! The books decide what stands in the log; the files beside them are made from the books and say
//! the same. When the books are opened, the two are compared leaf by leaf: [`Mismatch`] says what
//! differs, and nothing is opened then, because one of them was changed or is older than the other.
//! Signing another history would be a fork, and that cannot be taken back.

mod backfill;
mod check;
mod edge;
mod files;
mod handle;
mod publish;
mod ranges;
#[cfg(test)]
mod tests;
mod tile;
mod tree;
mod witness;

pub use check::Mismatch;
pub use handle::Proved;
pub use publish::PublishError;
pub use tile::{TileKind, TilePath};
pub use witness::{Cosigned, KnownLog};

pub(crate) use backfill::begin;
pub(crate) use publish::Publisher;

use crate::crash::{CrashPoint, here};
use crate::store::issuing::NewThing;
use crate::store::places::GridRow;
use crate::store::{self, Connection};
use protocol::chain::{Act, ActKind};
use protocol::{Code, Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Where the tiles of these books stand: `ledger.db` has the folder `ledger.chain`.
pub fn folder_beside(books: &Path) -> PathBuf {
    books.with_extension("chain")
}

/// Writes an act into the log, inside the transaction of the act itself; gives its index.
pub(crate) async fn append(connection: &mut Connection, act: &Act) -> store::Result<u64> {
    let index = store::chain::append(connection, act).await?;
    here(CrashPoint::ActLogged);
    Ok(index)
}

/// Writes many acts of one kind into the log, inside the transaction of the acts themselves.
pub(crate) async fn append_all(connection: &mut Connection, acts: &[Act]) -> store::Result<()> {
    store::chain::append_all(connection, acts).await?;
    here(CrashPoint::ActLogged);
    Ok(())
}

/// A code that has come into the world, with its credentials.
pub(crate) fn issued(thing: &NewThing, now: Timestamp) -> Act {
    credentials(thing.code, &thing.pass, &thing.certificate, now)
}

/// The same for one that is registered already.
fn credentials(code: Code, pass: &[u8], certificate: &[u8], now: Timestamp) -> Act {
    Act {
        signed: Some(sha256(pass)),
        certificate: Some(sha256(certificate)),
        ..Act::new(ActKind::Issued, code, now)
    }
}

/// A place that was named, with whose it is.
pub(crate) fn grid_act(grid: &GridRow) -> Act {
    Act {
        other: Some(grid.owner.into()),
        ..Act::new(ActKind::Issued, grid.code, grid.issued)
    }
}

/// SHA-256, as leaves name what is signed elsewhere.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
