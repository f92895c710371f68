use crate::chain::Mismatch;
use protocol::Status;
use std::fmt;

/// The store failed. Nothing was recorded by the call that reports it.
#[derive(Debug)]
pub enum Error {
    /// The database said no.
    Database(sqlx::Error),
    /// A row says what no row of ours says.
    Damaged(Damage),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the ledger's database failed: {error}"),
            Self::Damaged(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        tracing::error!(%error, "ledger");
        Self::Storage
    }
}

/// A row that was changed behind the ledger's back, or by a failing disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// In which table.
    pub table: &'static str,
    /// Which row.
    pub row: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Damage {
    pub(crate) fn new(table: &'static str, row: impl fmt::Display, what: &'static str) -> Self {
        Self {
            table,
            row: row.to_string(),
            what,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.table, self.row, self.what)
    }
}

/// Why the books were not opened.
#[derive(Debug)]
pub enum OpenError {
    /// The database could not be opened or migrated.
    Database(sqlx::Error),
    /// The journal does not hold: the first row that is wrong.
    Damaged(Damage),
    /// These are the books of another gateway or network, or of a later epoch of this gateway.
    Foreign,
    /// The passes of the gateway do not fit a fraud proof.
    Passes,
    /// Books and tiles of the code chain differ.
    Chain(Mismatch),
    /// The centre's pass does not let it be one.
    Centre,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the ledger does not open: {error}"),
            Self::Damaged(damage) => write!(f, "the ledger's journal does not hold: {damage}"),
            Self::Foreign => f.write_str(
                "these are the books of another gateway or network, or of a later gateway epoch",
            ),
            Self::Chain(mismatch) => write!(
                f,
                "the code chain: {mismatch}; restore books and tiles together, of the newest backup"
            ),
            Self::Centre => f.write_str("the pass of the centre does not let it issue money here"),
            Self::Passes => f.write_str("a pass of the gateway is too long for a fraud proof"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<Mismatch> for OpenError {
    fn from(mismatch: Mismatch) -> Self {
        Self::Chain(mismatch)
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => Self::Database(error),
            Error::Damaged(damage) => Self::Damaged(damage),
        }
    }
}
