//! Who is told when something needs attention, and the letters about it, in a file of their own. No
//! money and no code depends on it.
//!
//! ```text
//! what is true now ──decide──> steps ──take──> letters that wait ──due──> whoever carries them
//!        (facts)     (pure)           (one tx)                    <──delivered / failed──
//! ```
//!
//! A letter is written in the transaction that marks its cause as told, and leaves only afterwards:
//! a crash between the two sends it later, under the same identifier. Time and randomness are
//! arguments.

mod decide;
mod destinations;
mod letters;
mod rules;
mod standing;
#[cfg(test)]
mod tests;

pub use decide::{Event, Fact, SUBJECTS_MAX, Standing, Step, decide};
pub use destinations::{Address, Destination, WEBHOOK_SECRET_BYTES};
pub use letters::{HISTORY_MAX, LETTER_LIFE_S, Letter, LetterState, PROBLEM_BYTES_MAX, TRIES_MAX};
pub use rules::{Kind, Rule};

use crate::error::Error;
use crate::store::beside;
use crate::store::row::Row;
use sqlx::sqlite::SqlitePool;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Destinations of one house.
pub const DESTINATIONS_MAX: u32 = 32;
/// Rules of one house.
pub const RULES_MAX: u32 = 100;
/// Things that one rule is about.
pub const CODES_PER_RULE_MAX: usize = 100;
/// Letters that wait for one destination; what comes then is written once there is room.
pub const QUEUE_MAX: u32 = 1_000;

/// The alerts store. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Alerts {
    pool: SqlitePool,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unkept {
    /// There are as many as are kept.
    Full,
    /// There is nothing of that identifier, or another thing.
    Unknown,
    /// Rules write to it.
    InUse,
    /// The store failed.
    Store(Error),
}

impl<E: Into<Error>> From<E> for Unkept {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl Alerts {
    /// Opens the file and creates or migrates it where needed.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let texts = [("alerts", include_str!("alerts.sql"))];
        let pool = beside::open(path, texts).await?;
        Ok(Self { pool })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Identifiers: 128 random bits, printed as 32 hexadecimal digits.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Draws a new one.
            pub fn draw(random: &(dyn Fn(&mut [u8]) + Send + Sync)) -> Self {
                let mut bytes = [0; 16];
                random(&mut bytes);
                Self(bytes)
            }

            fn column(&self) -> &[u8] {
                &self.0
            }

            fn from_column(row: &Row<'_>, column: &[u8]) -> Result<Self, Error> {
                let bytes = column.try_into();
                Ok(Self(bytes.map_err(|_| row.damaged("no identifier"))?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
                let number = u128::from_str_radix(text, 16).map_err(|_| ())?;
                fits.then(|| Self(number.to_be_bytes())).ok_or(())
            }
        }
    )*};
}

identifiers! {
    /// Which destination.
    DestinationId;
    /// Which rule.
    RuleId;
    /// Which letter: the same however often it is sent.
    LetterId;
}

/// A damaged row of a table here.
fn row(table: &'static str) -> Row<'static> {
    Row { table, key: &"" }
}
