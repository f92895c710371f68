//! Loads and redemptions.

use super::row::Row;
use super::{Connection, Result};
use crate::books::{Account, JournalHead};
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

/// Money that stands behind forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fund {
    /// The holder's own, against its own forks.
    Deposit(Code),
    /// The operator's, against forks of the purses it lets in.
    Bond,
    /// The issuer's, up to what allowances say.
    Guarantee,
}

impl Fund {
    /// Its account.
    pub const fn account(&self) -> Account {
        match self {
            Self::Deposit(code) => Account::Deposit(*code),
            Self::Bond => Account::Bond,
            Self::Guarantee => Account::Guarantee,
        }
    }
}

/// What the treasurer wants of a fund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundOrder {
    /// Which one.
    pub fund: Fund,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
    /// The caller's idempotency key, among those of all orders.
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
    /// The order; for the bond and the guarantees its code is the gateway's.
    pub order: LoadOrder,
    /// Into or out of this fund and no purse.
    pub fund: Option<Fund>,
    /// Which way.
    pub way: Way,
    /// Who confirmed it, where it took two persons.
    pub second: Option<String>,
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
    i64,
    Option<String>,
);

macro_rules! select_loaded {
    ($rest:literal) => {
        concat!(
            "SELECT number, key, redeem, code, currency, amount, made_by, at, height, root, fund, \
             second FROM treasury ",
            $rest
        )
    };
}
pub(crate) use select_loaded;

pub(crate) fn loaded_from(columns: LoadedColumns) -> Result<Loaded> {
    let (number, key, redeem, code, currency, amount, by, at, height, root, fund, second) = columns;
    let row = Row {
        table: "treasury",
        key: &number,
    };
    let code = row.code(&code)?;
    Ok(Loaded {
        number: row.count(number)?,
        fund: fund_from(&row, fund, code)?,
        order: LoadOrder {
            code,
            currency: row.currency(&currency)?,
            amount: row.amount(amount)?,
            key,
            by,
        },
        way: if redeem { Way::Redeem } else { Way::Load },
        second,
        at: row.time(at)?,
        head: JournalHead {
            height: row.count(height)?,
            root: row.digest(&root)?,
        },
    })
}

/// The column is the kind of the fund's account; 0 for a purse.
fn fund_from(row: &Row<'_>, column: i64, code: Code) -> Result<Option<Fund>> {
    if column == 0 {
        return Ok(None);
    }
    let funds = [Fund::Deposit(code), Fund::Bond, Fund::Guarantee];
    let fund = funds
        .into_iter()
        .find(|fund| i64::from(fund.account().kind()) == column);
    Ok(Some(fund.ok_or_else(|| row.damaged("no fund"))?))
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
    (order, fund): (&LoadOrder, Option<Fund>),
    (way, second): (Way, Option<&str>),
    now: Timestamp,
    head: &JournalHead,
) -> Result<u64> {
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO treasury (key, redeem, code, currency, amount, made_by, at, height, root, fund, second)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING number",
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
    .bind(fund.map_or(0, |fund| i64::from(fund.account().kind())))
    .bind(second)
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}
