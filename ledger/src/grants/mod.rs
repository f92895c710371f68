//! Who may read what of somebody else's branch of the tree, free or at a price per read, in a file
//! beside the books.
//!
//! ```text
//! people --make / end--> file --> index in memory --current--> doors, for each event
//! doors  --take--> file: one more read, as long as the money that came pays for it
//! ```
//!
//! What was paid stands in the books ([`crate::Ledger::paid_under`]): payments and streams from the
//! reader to the giver whose references begin with the grant's identifier. Here stands only how many
//! reads were taken. A read is taken before it is given: a crash between the two costs the reader
//! that one read, and nobody ever gets one that was not paid. Time and randomness are arguments.

mod branch;
mod id;
mod paid;
#[cfg(test)]
mod tests;

pub use branch::{BRANCH_BYTES_MAX, may_be_granted};
pub use id::GrantId;

use crate::error::Error;
use crate::store::beside;
use crate::store::row::Row;
use protocol::{AmountMinor, Code, Currency, Timestamp};
use sqlx::sqlite::SqlitePool;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, broadcast};

/// Grants of a house that have not ended.
pub const GRANTS_MAX: usize = 100_000;
/// Grants that have not ended, of one giver or for one reader.
pub const GRANTS_PER_CODE_MAX: usize = 64;
/// Grants of one code that are shown, the newest first.
pub const SHOWN_MAX: u32 = 200;
/// Readers whose news wait for the slowest listener.
const NEWS_WAITING_MAX: usize = 256;

/// The file of grants. Clones share what is in memory.
#[derive(Clone, Debug)]
pub struct Grants {
    pool: SqlitePool,
    current: Arc<RwLock<Current>>,
    /// Held while the file and what is in memory change together.
    changing: Arc<Mutex<()>>,
    news: broadcast::Sender<Code>,
}

/// A price per read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// In which currency.
    pub currency: Currency,
    /// How much for each read, at least 1.
    pub each: AmountMinor,
}

/// That one code may read something of another one's branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub id: GrantId,
    /// Whose branch it is.
    pub giver: Code,
    /// Who may read.
    pub reader: Code,
    /// What: a pattern below the giver's branch, such as `t/#`.
    pub branch: String,
    /// For how much; free without one.
    pub price: Option<Price>,
    /// Who made it.
    pub by: String,
    /// When.
    pub made: Timestamp,
}

/// A grant with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The grant.
    pub grant: Grant,
    /// Since when it counts no more.
    pub ended: Option<Timestamp>,
    /// Reads that were paid and given.
    pub taken: u64,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unmade {
    /// There are as many as are kept, of the house or of one of the two codes.
    Full,
    /// The same may be read by the same code already.
    Exists,
    /// The store failed.
    Store(Error),
}

impl<E: Into<Error>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Grants that have not ended, as doors look them up.
#[derive(Debug, Default)]
struct Current {
    by_giver: HashMap<Code, Vec<Arc<Grant>>>,
    per_reader: HashMap<Code, usize>,
    len: usize,
}

impl Current {
    fn has_room(&self, grant: &Grant) -> bool {
        let given = self.by_giver.get(&grant.giver).map_or(0, Vec::len);
        let got = self.per_reader.get(&grant.reader).copied().unwrap_or(0);
        self.len < GRANTS_MAX && given < GRANTS_PER_CODE_MAX && got < GRANTS_PER_CODE_MAX
    }

    fn add(&mut self, grant: Grant) {
        *self.per_reader.entry(grant.reader).or_default() += 1;
        self.len += 1;
        let given = self.by_giver.entry(grant.giver).or_default();
        given.push(Arc::new(grant));
    }

    fn remove(&mut self, giver: Code, id: &GrantId) {
        let Some(given) = self.by_giver.get_mut(&giver) else {
            return;
        };
        let Some(at) = given.iter().position(|grant| grant.id == *id) else {
            return;
        };
        let gone = given.remove(at);
        if given.is_empty() {
            self.by_giver.remove(&giver);
        }
        self.len -= 1;
        if let Some(got) = self.per_reader.get_mut(&gone.reader) {
            *got -= 1;
            if *got == 0 {
                self.per_reader.remove(&gone.reader);
            }
        }
    }
}

macro_rules! select_grant {
    ($rest:literal) => {
        concat!(
            "SELECT id, giver, reader, branch, currency, price, made_by, made, ended, taken
             FROM reading_grant ",
            $rest
        )
    };
}
impl Grants {
    /// Opens the file and creates or migrates it where needed.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let texts = [("grants", include_str!("grants.sql"))];
        let pool = beside::open(path, texts).await?;
        let rows: Vec<Columns> = sqlx::query_as(select_grant!("WHERE ended IS NULL"))
            .fetch_all(&pool)
            .await?;
        let mut current = Current::default();
        for columns in rows {
            current.add(read(columns)?.grant);
        }
        Ok(Self {
            pool,
            current: Arc::new(RwLock::new(current)),
            changing: Arc::default(),
            news: broadcast::channel(NEWS_WAITING_MAX).0,
        })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Makes a grant; durable on return, and only then do the doors know it. A crash before: it was
    /// never there.
    pub async fn make(&self, grant: Grant) -> Result<(), Unmade> {
        let _changing = self.changing.lock().await;
        if !self.current(|current| current.has_room(&grant)) {
            return Err(Unmade::Full);
        }
        let made = sqlx::query(
            "INSERT INTO reading_grant (id, giver, reader, branch, currency, price, made_by, made)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(grant.id.column())
        .bind(grant.giver.as_bytes().as_slice())
        .bind(grant.reader.as_bytes().as_slice())
        .bind(&grant.branch)
        .bind(grant.price.map(|price| price.currency.as_bytes().to_vec()))
        .bind(grant.price.map(|price| price.each.as_i64()))
        .bind(&grant.by)
        .bind(i64::from(grant.made.0))
        .execute(&self.pool)
        .await?;
        if made.rows_affected() == 0 {
            return Err(Unmade::Exists);
        }
        let reader = grant.reader;
        self.change(|current| current.add(grant));
        self.tell(reader);
        Ok(())
    }

    /// Ends a grant of this giver, for good; durable on return. Whether it was there and had not
    /// ended. A crash before: it still counts, and is ended again.
    pub async fn end(&self, giver: Code, id: &GrantId, now: Timestamp) -> Result<bool, Error> {
        let _changing = self.changing.lock().await;
        let ended: Option<(Vec<u8>,)> = sqlx::query_as(
            "UPDATE reading_grant SET ended = $3 WHERE id = $1 AND giver = $2 AND ended IS NULL
             RETURNING reader",
        )
        .bind(id.column())
        .bind(giver.as_bytes().as_slice())
        .bind(i64::from(now.0))
        .fetch_optional(&self.pool)
        .await?;
        let Some((reader,)) = ended else {
            return Ok(false);
        };
        self.change(|current| current.remove(giver, id));
        self.tell(row(id).code(&reader)?);
        Ok(true)
    }

    /// Takes one read, if fewer than `paid` were taken and the grant has not ended; durable on
    /// return. A crash after it and before the read is given costs the reader that read.
    pub async fn take(&self, id: &GrantId, paid: u64) -> Result<bool, Error> {
        let _changing = self.changing.lock().await;
        let taken = sqlx::query(
            "UPDATE reading_grant SET taken = taken + 1
             WHERE id = $1 AND taken < $2 AND ended IS NULL",
        )
        .bind(id.column())
        .bind(i64::try_from(paid).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// What `reader` may read of the branch of `giver`, oldest first.
    pub fn given(&self, giver: Code, reader: Code) -> Vec<Arc<Grant>> {
        self.by(giver, |grant| grant.reader == reader)
    }

    /// What may be read of the branch of `giver`, oldest first.
    pub fn given_by(&self, giver: Code) -> Vec<Arc<Grant>> {
        self.by(giver, |_| true)
    }

    fn by(&self, giver: Code, which: impl Fn(&Grant) -> bool) -> Vec<Arc<Grant>> {
        self.current(|current| {
            let given = current.by_giver.get(&giver).into_iter().flatten();
            given.filter(|grant| which(grant)).cloned().collect()
        })
    }

    /// The newest grants that a code has given or got, ended ones among them.
    pub async fn about(&self, code: &Code) -> Result<Vec<GrantRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(select_grant!(
            "WHERE giver = $1 OR reader = $1 ORDER BY made DESC, id LIMIT $2"
        ))
        .bind(code.as_bytes().as_slice())
        .bind(SHOWN_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// The grants of a reader that have not ended, oldest first.
    pub async fn got(&self, reader: &Code) -> Result<Vec<GrantRow>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(select_grant!(
            "WHERE reader = $1 AND ended IS NULL ORDER BY made, id"
        ))
        .bind(reader.as_bytes().as_slice())
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// Readers for whom something has changed.
    pub fn changed(&self) -> broadcast::Receiver<Code> {
        self.news.subscribe()
    }

    /// Something has changed for a reader.
    pub fn tell(&self, reader: Code) {
        // Nobody listens: nobody is to be told.
        let _ = self.news.send(reader);
    }

    fn current<T>(&self, look: impl FnOnce(&Current) -> T) -> T {
        look(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Current)) {
        change(&mut self.current.write().unwrap_or_else(PoisonError::into_inner));
    }
}

type Columns = (
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    String,
    Option<Vec<u8>>,
    Option<i64>,
    String,
    i64,
    Option<i64>,
    i64,
);

fn read(columns: Columns) -> Result<GrantRow, Error> {
    let (id, giver, reader, branch, currency, price, by, made, ended, taken) = columns;
    let row = row(&id);
    let currency = currency.map(|bytes| row.currency(&bytes)).transpose()?;
    let each = price.map(|minor| row.amount(minor)).transpose()?;
    let price = currency.zip(each);
    Ok(GrantRow {
        grant: Grant {
            id: GrantId(
                id.as_slice()
                    .try_into()
                    .map_err(|_| row.damaged("no identifier"))?,
            ),
            giver: row.code(&giver)?,
            reader: row.code(&reader)?,
            branch,
            price: price.map(|(currency, each)| Price { currency, each }),
            by,
            made: row.time(made)?,
        },
        ended: ended.map(|at| row.time(at)).transpose()?,
        taken: row.count(taken)?,
    })
}

fn row(id: &(dyn std::fmt::Debug + Sync)) -> Row<'_> {
    let table = "reading_grant";
    Row { table, key: id }
}
