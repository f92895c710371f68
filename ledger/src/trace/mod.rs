//! Where money is and where it came from, coin by coin, and who paid whom.
//!
//! Every load has a range of serials, numbered on and on per currency in the order of loads. Ranges
//! move first-in-first-out through every transfer of every journal entry: [`fifo`] says how, and is a
//! pure function of the journal. What is redeemed stays with the issuer, as out. What comes from
//! beyond these books, such as the credits of another gateway, has serials of its own.
//!
//! An index of the moves stands in a file of its own beside the books, because it may be lost: it is
//! made again from the journal and is the same again, row by row. So nothing of it is in a backup,
//! no migration ever has to carry it over, and no payment waits for it: the books have one writer,
//! and it does not know that this exists. [`Tracing::follow`] takes the next entries in steps of a
//! bound, each in a transaction of the index; a question first takes a few steps itself and says up
//! to which entry its answer goes.
//!
//! ```text
//! books: entry -------- read --> follow --> fifo --> index: account, move, jump, paid
//! question --> ask --> Walk <-- lookups -- index          (a page, and where it goes on)
//! ```
//!
//! Answers come in pages. A page has at most [`PAGE_MOST`](crate::bounds::PAGE_MOST) rows and costs
//! at most [`LOOKUPS_MOST`] lookups beyond its first row; it ends early rather than be late.

mod answers;
mod ask;
mod chain;
mod check;
pub mod fifo;
mod follow;
mod index;
mod statement;
#[cfg(test)]
mod tests;

pub use answers::{
    Holder, Holding, Hop, LoadTrace, Note, PathTrace, Provenance, Serials, TraceCursor, Traced,
};
pub use ask::LOOKUPS_MOST;
pub use chain::{Link, Period};
pub use follow::{STEP_ENTRIES, Stand};
pub use statement::{NoStatement, Statement, StatementEntry, StatementOf};

use crate::error::Error;
use crate::handle::Ledger;
use crate::store::{Connection, Pool};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Steps that a question takes at most before it is answered.
const STEPS_ASKED: u32 = 2;

/// The index of all coins. Clones share one file.
#[derive(Clone)]
pub struct Tracing {
    shared: Arc<Shared>,
}

struct Shared {
    books: Pool,
    writer: Mutex<Connection>,
    readers: Pool,
}

impl std::fmt::Debug for Tracing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracing").finish_non_exhaustive()
    }
}

/// Where the index of these books stands: `ledger.db` has `ledger.trace.db`.
pub fn file_beside(books: &Path) -> PathBuf {
    books.with_extension("trace.db")
}

impl Ledger {
    /// The index of all coins, opened or made at the first call.
    pub async fn tracing(&self) -> Result<Tracing, Error> {
        let (path, books, cell) = self.beside();
        let open = || Tracing::open(file_beside(path), books.clone());
        Ok(cell.get_or_try_init(open).await?.clone())
    }
}

impl Tracing {
    async fn open(path: PathBuf, books: Pool) -> Result<Self, Error> {
        let (writer, readers) = index::open(&path).await?;
        let writer = Mutex::new(writer);
        Ok(Self {
            shared: Arc::new(Shared {
                books,
                writer,
                readers,
            }),
        })
    }

    /// Takes in the next entries of the journal, at most [`STEP_ENTRIES`].
    pub async fn follow(&self) -> Result<Stand, Error> {
        let mut writer = self.shared.writer.lock().await;
        let mut books = self.shared.books.acquire().await?;
        follow::step(&mut writer, &mut books).await
    }

    /// Forgets everything; the next steps begin at the first entry.
    pub async fn forget(&self) -> Result<(), Error> {
        let mut writer = self.shared.writer.lock().await;
        let mut change = sqlx::Connection::begin_with(&mut *writer, "BEGIN IMMEDIATE").await?;
        index::clear(&mut change).await?;
        change.commit().await?;
        Ok(())
    }

    /// A few steps, so that an answer is of now unless the index is far behind.
    async fn catch_up(&self) -> Result<Stand, Error> {
        let mut stand = self.follow().await?;
        for _ in 1..STEPS_ASKED {
            if stand.behind == 0 {
                break;
            }
            stand = self.follow().await?;
        }
        Ok(stand)
    }

    pub(crate) async fn close(&self) {
        self.shared.readers.close().await;
    }
}
