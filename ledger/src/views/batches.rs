//! What stations were told to make, what came of it, and in which manifests.

use crate::bounds::PAGE_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use crate::store::stations::{OrderColumns, OrderRow, order_from, select_order};
use crate::store::things::ThingState;
use protocol::{Code, Reference, Timestamp};

const ORDER: &str = select_order!("WHERE id = $1");
const ORDERS_OF_STATION: &str = select_order!("WHERE station = $1 ORDER BY number DESC LIMIT $2");
const ORDER_OF_THING: &str =
    select_order!("JOIN made_thing ON work_order = number WHERE code = $1");
const ORDER_OF_ITEM: &str = select_order!("JOIN item ON work_order = number WHERE code = $1");
// The sub-select keeps an order's number out of what callers see.
const THINGS: &str = "SELECT thing.code, thing.issued, thing.state FROM made_thing
     CROSS JOIN thing ON thing.code = made_thing.code
     WHERE work_order = (SELECT number FROM work_order WHERE id = $1) AND made_thing.code > $2
     ORDER BY made_thing.code LIMIT $3";
const ITEMS: &str = "SELECT code, issued, state FROM item
     WHERE work_order = (SELECT number FROM work_order WHERE id = $1) AND code > $2
     ORDER BY code LIMIT $3";
const MANIFESTS: &str = "SELECT station, number, bytes, made_by, at FROM manifest
     WHERE at <= $1 ORDER BY at DESC LIMIT $2";
const MANIFEST: &str = "SELECT station, number, bytes, made_by, at FROM manifest
     WHERE station = $1 AND number = $2";
const SCRAPPED: &str = "SELECT sequence, reason FROM scrapped WHERE station = $1
     ORDER BY sequence DESC LIMIT $2";

/// Every text of this file, for the test of their plans.
#[cfg(test)]
pub(super) const TEXTS: [&str; 9] = [
    ORDER,
    ORDERS_OF_STATION,
    ORDER_OF_THING,
    ORDER_OF_ITEM,
    THINGS,
    ITEMS,
    MANIFESTS,
    MANIFEST,
    SCRAPPED,
];

/// One code of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCode {
    /// Its name.
    pub code: Code,
    /// When its number was taken.
    pub issued: Timestamp,
    /// How it stands.
    pub state: ThingState,
}

/// A part of a batch, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchPart {
    /// At most as many as were asked for.
    pub codes: Vec<BatchCode>,
    /// The last of them, if there are more: the next part comes after it.
    pub next: Option<Code>,
}

/// A manifest that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// Whose.
    pub station: Code,
    /// Which.
    pub number: u32,
    /// Signed.
    pub bytes: Vec<u8>,
    /// Who brought it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

type ManifestColumns = (Vec<u8>, u32, Vec<u8>, String, i64);

fn manifest_from(columns: ManifestColumns) -> Result<ManifestRow, Error> {
    let (station, number, bytes, by, at) = columns;
    let row = Row {
        table: "manifest",
        key: &number,
    };
    Ok(ManifestRow {
        station: row.code(&station)?,
        number,
        bytes,
        by,
        at: row.time(at)?,
    })
}

impl Ledger {
    /// The order with this identifier.
    pub async fn order(&self, id: &Reference) -> Result<Option<OrderRow>, Error> {
        self.one_order(ORDER, id.as_bytes()).await
    }

    /// The newest orders to a station, the newest first.
    pub async fn orders_of(&self, station: &Code) -> Result<Vec<OrderRow>, Error> {
        let rows: Vec<OrderColumns> = sqlx::query_as(ORDERS_OF_STATION)
            .bind(station.as_bytes().as_slice())
            .bind(PAGE_MOST)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.into_iter().map(order_from).collect()
    }

    /// Which order a code was made for, if a station made it.
    pub async fn order_of(&self, code: &Code) -> Result<Option<OrderRow>, Error> {
        match self.one_order(ORDER_OF_THING, code.as_bytes()).await? {
            Some(order) => Ok(Some(order)),
            None => self.one_order(ORDER_OF_ITEM, code.as_bytes()).await,
        }
    }

    async fn one_order(&self, text: &'static str, key: &[u8]) -> Result<Option<OrderRow>, Error> {
        let row: Option<OrderColumns> = sqlx::query_as(text)
            .bind(key)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(order_from).transpose()
    }

    /// What was made for an order, by number, from the code after `after` on; at most `most` and
    /// never more than [`PAGE_MOST`].
    pub async fn batch(
        &self,
        order: &Reference,
        with_keys: bool,
        after: Option<&Code>,
        most: u32,
    ) -> Result<BatchPart, Error> {
        let most = most.clamp(1, PAGE_MOST);
        let after = after.map_or(&[][..], |code| code.as_bytes().as_slice());
        let rows: Vec<(Vec<u8>, i64, i64)> = sqlx::query_as(if with_keys { THINGS } else { ITEMS })
            .bind(order.as_bytes().as_slice())
            .bind(after)
            .bind(most.saturating_add(1))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let more = rows.len() > most as usize;
        let read = |(code, issued, state): (Vec<u8>, i64, i64)| {
            let row = Row {
                table: "work_order",
                key: &code,
            };
            Ok::<_, Error>(BatchCode {
                code: row.code(&code)?,
                issued: row.time(issued)?,
                state: ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
            })
        };
        let rows = rows.into_iter().take(most as usize).map(read);
        let codes = rows.collect::<Result<Vec<_>, _>>()?;
        let next = codes.last().filter(|_| more).map(|last| last.code);
        Ok(BatchPart { codes, next })
    }

    /// The newest manifests, the newest first.
    pub async fn manifests(&self) -> Result<Vec<ManifestRow>, Error> {
        let rows: Vec<ManifestColumns> = sqlx::query_as(MANIFESTS)
            .bind(i64::MAX)
            .bind(PAGE_MOST)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.into_iter().map(manifest_from).collect()
    }

    /// One manifest that was taken.
    pub async fn brought(&self, station: &Code, number: u32) -> Result<Option<ManifestRow>, Error> {
        let row: Option<ManifestColumns> = sqlx::query_as(MANIFEST)
            .bind(station.as_bytes().as_slice())
            .bind(number)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(manifest_from).transpose()
    }

    /// The highest numbers that a station gave up, and why.
    pub async fn scrapped(&self, station: &Code) -> Result<Vec<(u64, String)>, Error> {
        let rows: Vec<(i64, String)> = sqlx::query_as(SCRAPPED)
            .bind(station.as_bytes().as_slice())
            .bind(PAGE_MOST)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let read = |(number, reason): (i64, String)| {
            let row = Row {
                table: "scrapped",
                key: &number,
            };
            Ok((row.count(number)?, reason))
        };
        rows.into_iter().map(read).collect()
    }
}
