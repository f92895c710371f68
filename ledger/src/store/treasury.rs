//! Loads and redemptions.

use super::row::Row;
use super::{Connection, Result};
use crate::books::JournalHead;
use protocol::{AmountMinor, Code, Currency, Timestamp};

/// What the treasurer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOrder {
    /// Whose purse.
    pub code: Code,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
    /// The caller's idempotency key: the same key is the same order.
    pub key: String,
    /// Who orders it.
    pub by: String,
}

/// Which way the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Into the purse.
    Load,
    /// Out of the purse.
    Redeem,
}

/// An order that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its number.
    pub number: u64,
    /// The order.
    pub order: LoadOrder,
    /// Which way.
    pub way: Way,
    /// When.
    pub at: Timestamp,
    /// The journal after it.
    pub head: JournalHead,
}

pub(crate) type LoadedColumns = (
    i64,
    String,
    bool,
    Vec<u8>,
    Vec<u8>,
    i64,
    String,
    i64,
    i64,
    Vec<u8>,
);

macro_rules! select_loaded {
    ($rest:literal) => {
        concat!(
            "SELECT number, key, redeem, code, currency, amount, made_by, at, height, root \
             FROM treasury ",
            $rest
        )
    };
}
pub(crate) use select_loaded;

pub(crate) fn loaded_from(columns: LoadedColumns) -> Result<Loaded> {
    let (number, key, redeem, code, currency, amount, by, at, height, root) = columns;
    let row = Row {
        table: "treasury",
        key: &number,
    };
    Ok(Loaded {
        number: row.count(number)?,
        order: LoadOrder {
            code: row.code(&code)?,
            currency: row.currency(&currency)?,
            amount: row.amount(amount)?,
            key,
            by,
        },
        way: if redeem { Way::Redeem } else { Way::Load },
        at: row.time(at)?,
        head: JournalHead {
            height: row.count(height)?,
            root: row.digest(&root)?,
        },
    })
}

/// The order with this key, if it was carried out.
pub(crate) async fn by_key(connection: &mut Connection, key: &str) -> Result<Option<Loaded>> {
    let columns: Option<LoadedColumns> = sqlx::query_as(select_loaded!("WHERE key = $1"))
        .bind(key)
        .fetch_optional(connection)
        .await?;
    columns.map(loaded_from).transpose()
}

/// Keeps an order that was carried out.
pub(crate) async fn insert(
    connection: &mut Connection,
    order: &LoadOrder,
    way: Way,
    now: Timestamp,
    head: &JournalHead,
) -> Result<u64> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO treasury (key, redeem, code, currency, amount, made_by, at, height, root)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING number",
    )
    .bind(order.key.as_str())
    .bind(i64::from(way == Way::Redeem))
    .bind(order.code.as_bytes().as_slice())
    .bind(order.currency.as_bytes().as_slice())
    .bind(order.amount.as_i64())
    .bind(order.by.as_str())
    .bind(i64::from(now.0))
    .bind(head.height as i64)
    .bind(head.root.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}
