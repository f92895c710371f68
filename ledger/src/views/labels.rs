//! What stands on labels, of things and of things without keys.

use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use crate::store::stations::place;
use crate::store::things::ThingState;
use protocol::code::{FINGERPRINT_BYTES, IssuedBy};
use protocol::{Code, Kind};

/// A code with the words beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRow {
    /// The code.
    pub code: Code,
    /// Which product; may be empty.
    pub product: String,
    /// Its batch, or what people call it; may be empty.
    pub batch: String,
    /// Whether it may be used.
    pub state: ThingState,
}

macro_rules! select_thing_label {
    ($rest:literal) => {
        concat!(
            "SELECT thing.code, thing.product, coalesce(batch, name), state FROM thing \
             LEFT JOIN made_thing ON made_thing.code = thing.code \
             LEFT JOIN work_order ON number = work_order ",
            $rest
        )
    };
}

macro_rules! select_item_label {
    ($rest:literal) => {
        concat!(
            "SELECT code, product, batch, state FROM item JOIN work_order ON number = work_order ",
            $rest
        )
    };
}

const THING: &str = select_thing_label!("WHERE thing.code = $1");
const ITEM: &str = select_item_label!("WHERE code = $1");
const THINGS_BETWEEN: &str =
    select_thing_label!("WHERE sequence BETWEEN $1 AND $2 ORDER BY sequence LIMIT $3");
const ITEMS_BETWEEN: &str =
    select_item_label!("WHERE code BETWEEN $1 AND $2 ORDER BY code LIMIT $3");
const THINGS_OF_BATCH: &str = "SELECT thing.code, thing.product, batch, state FROM work_order
     CROSS JOIN made_thing ON work_order = number CROSS JOIN thing ON thing.code = made_thing.code
     WHERE batch = $1 LIMIT $2";
const ITEMS_OF_BATCH: &str = "SELECT code, product, batch, state FROM work_order
     CROSS JOIN item ON work_order = number WHERE batch = $1 LIMIT $2";

/// Every text of this file, for the test of their plans.
#[cfg(test)]
pub(super) const TEXTS: [&str; 6] = [
    THING,
    ITEM,
    THINGS_BETWEEN,
    ITEMS_BETWEEN,
    THINGS_OF_BATCH,
    ITEMS_OF_BATCH,
];

type Columns = (Vec<u8>, String, String, i64);

fn read((code, product, batch, state): Columns) -> Result<LabelRow, Error> {
    let row = Row {
        table: "thing or item",
        key: &code,
    };
    Ok(LabelRow {
        code: row.code(&code)?,
        product,
        batch,
        state: ThingState::from_column(state).ok_or_else(|| row.damaged("no state"))?,
    })
}

impl Ledger {
    /// The label of one code.
    pub async fn label(&self, code: &Code) -> Result<Option<LabelRow>, Error> {
        for sql in [THING, ITEM] {
            let row: Option<Columns> = sqlx::query_as(sql)
                .bind(code.as_bytes().as_slice())
                .fetch_optional(&mut *self.reader().await?)
                .await?;
            if let Some(row) = row {
                return read(row).map(Some);
            }
        }
        Ok(None)
    }

    /// Labels of what a station numbered from `first` to `last`, in their order; `most` at most.
    pub async fn labels_between(
        &self,
        by: IssuedBy,
        (first, last): (u64, u64),
        most: u32,
    ) -> Result<Vec<LabelRow>, Error> {
        let mut found: Vec<Columns> = Vec::new();
        let ends = [first, last]
            .map(|number| Code::assemble(Kind::PassiveItem, by, number, &[0; FINGERPRINT_BYTES]));
        let [Ok(from), Ok(to)] = ends else {
            return Ok(Vec::new());
        };
        let own = [first, last].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        // This gateway's own things stand under their number alone.
        let numbers = match by.station {
            OWN_STATION => own,
            _ => [place(&from), place(&to)],
        };
        let rows: Vec<Columns> = sqlx::query_as(THINGS_BETWEEN)
            .bind(numbers[0])
            .bind(numbers[1])
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        found.extend(rows);
        let mut end = to.as_bytes().to_vec();
        end.truncate(end.len() - FINGERPRINT_BYTES);
        end.extend([0xff; FINGERPRINT_BYTES]);
        let rows: Vec<Columns> = sqlx::query_as(ITEMS_BETWEEN)
            .bind(from.as_bytes().as_slice())
            .bind(end)
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        found.extend(rows);
        sorted(found, most)
    }

    /// Labels of a batch, in the order of their numbers; `most` at most.
    pub async fn labels_of_batch(&self, batch: &str, most: u32) -> Result<Vec<LabelRow>, Error> {
        let mut found: Vec<Columns> = sqlx::query_as(THINGS_OF_BATCH)
            .bind(batch)
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let rows: Vec<Columns> = sqlx::query_as(ITEMS_OF_BATCH)
            .bind(batch)
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        found.extend(rows);
        sorted(found, most)
    }
}

/// The gateway that issues by itself.
const OWN_STATION: u16 = 1;

fn sorted(found: Vec<Columns>, most: u32) -> Result<Vec<LabelRow>, Error> {
    let mut rows = found.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| (row.code.issued_by().station, row.code.sequence()));
    rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(rows)
}
