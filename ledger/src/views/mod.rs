//! What people look at. Every list comes in pages, newest first, and goes on from a cursor, so that
//! a page costs the same however many rows there are.

mod batches;
mod books;
mod claims;
mod fraud;
mod jobs;
mod labels;
mod map;
mod payments;
#[cfg(test)]
mod plans;
mod purses;
mod refunds;
mod registry;
mod requests;
mod withdrawn;

pub use batches::{BatchCode, BatchPart, ManifestRow};
pub use books::{Conservation, Overview};
pub use claims::ClaimRow;
pub use fraud::{AccusationRow, FraudSummary};
pub use labels::LabelRow;
pub use map::Spot;
pub use payments::{PaymentDetail, PaymentQuery, PaymentRow};
pub use purses::{PurseRow, PurseView};
pub use registry::{Standing, ThingQuery, ThingRow};
pub use withdrawn::{CodeState, WithdrawnCertificate};

pub use crate::z_order::Window;

use crate::bounds::PAGE_MOST;
use std::fmt;
use std::str::FromStr;

/// Which page: at most `most` rows (and never more than [`PAGE_MOST`]) from a cursor on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the page before ended; none for the first.
    pub after: Option<Cursor>,
    /// How many rows.
    pub most: u32,
}

impl Page {
    /// The first rows.
    pub const fn first(most: u32) -> Self {
        Self { after: None, most }
    }

    /// One more than is shown, to know whether there is another page.
    fn rows(&self) -> u32 {
        self.most.clamp(1, PAGE_MOST).saturating_add(1)
    }

    /// Rows are numbered upwards and listed downwards.
    const fn below(&self) -> i64 {
        match self.after {
            Some(Cursor(number)) => number,
            None => i64::MAX,
        }
    }

    /// The same where they are listed upwards.
    const fn above(&self) -> i64 {
        match self.after {
            Some(Cursor(number)) => number,
            None => -1,
        }
    }

    fn listing<R, T>(
        &self,
        mut rows: Vec<R>,
        number: impl Fn(&R) -> i64,
        read: impl FnMut(R) -> Result<T, crate::Error>,
    ) -> Result<Listing<T>, crate::Error> {
        let most = self.most.clamp(1, PAGE_MOST) as usize;
        let more = rows.len() > most;
        rows.truncate(most);
        let next = match rows.last() {
            Some(last) if more => Some(Cursor(number(last))),
            _ => None,
        };
        let rows = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listing { rows, next })
    }
}

/// Where a page ended. It prints and parses, so that it can stand in a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(i64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}
