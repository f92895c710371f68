//! Purses, and the treasurer's orders.

use super::{Listing, Page};
use crate::error::Damage;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use crate::store::treasury::{Loaded, LoadedColumns, loaded_from, select_loaded};
use protocol::objects::Allowance;
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Odometer, Timestamp, cose};

/// What one code holds in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurseRow {
    /// Whose.
    pub code: Code,
    /// What people call it.
    pub name: String,
    /// In which currency.
    pub currency: Currency,
    /// Can be withdrawn or put behind an allowance.
    pub free: AmountMinor,
    /// Stands behind allowances.
    pub reserved: AmountMinor,
}

/// A purse with what its newest allowance leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurseView {
    /// As in lists.
    pub row: PurseRow,
    /// Which life of its key is current.
    pub key_epoch: KeyEpoch,
    /// Everything it has paid in this life, as far as it was handed in.
    pub odometer: Odometer,
    /// How far it may run.
    pub limit: Odometer,
    /// What it could still spend, if it has not already: the loss per cut-off payee if it forked.
    pub exposed: AmountMinor,
    /// Payees that may be cut off from each other where its allowance is good: the places of its
    /// area, or every other thing.
    pub payees: u64,
    /// What could be lost by it until then: the two multiplied; `None` beyond all amounts.
    pub exposure: Option<AmountMinor>,
    /// Until when.
    pub expires: Timestamp,
    /// Money on its way to this code.
    pub incoming: AmountMinor,
}

macro_rules! select_purse {
    ($condition:literal) => {
        concat!(
            "SELECT holder.sequence, holder.code, coalesce(thing.name, ''), account.currency,
               sum(CASE account.kind WHEN 1 THEN account.balance ELSE 0 END),
               sum(CASE account.kind WHEN 2 THEN account.balance ELSE 0 END)
             FROM holder LEFT JOIN thing ON thing.sequence = holder.sequence
               JOIN account ON account.owner = holder.code ",
            $condition,
            " GROUP BY holder.sequence, account.currency
             ORDER BY holder.sequence DESC, account.currency"
        )
    };
}

const HOLDERS: &str =
    "SELECT sequence FROM holder WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2";
const PURSES: &str = select_purse!("WHERE holder.sequence BETWEEN $1 AND $2");
const PURSE: &str = select_purse!("WHERE holder.code = $1");
const LOADS: &str = select_loaded!("WHERE number < $1 ORDER BY number DESC LIMIT $2");

type Columns = (i64, Vec<u8>, String, Vec<u8>, i64, i64);
type Detail = (i64, i64, Option<Vec<u8>>, i64, i64);

fn purse_from(
    (sequence, code, name, currency, free, reserved): Columns,
) -> Result<PurseRow, Error> {
    let row = Row {
        table: "purse of thing",
        key: &sequence,
    };
    Ok(PurseRow {
        code: row.code(&code)?,
        name,
        currency: row.currency(&currency)?,
        free: row.amount(free)?,
        reserved: row.amount(reserved)?,
    })
}

impl Ledger {
    /// The purses of things, the newest thing first. A page counts things; each gives a row per
    /// currency it has ever held.
    pub async fn purses(&self, page: &Page) -> Result<Listing<PurseRow>, Error> {
        let mut reader = self.reader().await?;
        let holders: Vec<(i64,)> = sqlx::query_as(HOLDERS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *reader)
            .await?;
        let holders = page.listing(holders, |row| row.0, |row| Ok(row.0))?;
        let (Some(newest), Some(oldest)) = (holders.rows.first(), holders.rows.last()) else {
            return Ok(Listing {
                rows: Vec::new(),
                next: None,
            });
        };
        let rows: Vec<Columns> = sqlx::query_as(PURSES)
            .bind(oldest)
            .bind(newest)
            .fetch_all(&mut *reader)
            .await?;
        Ok(Listing {
            rows: rows.into_iter().map(purse_from).collect::<Result<_, _>>()?,
            next: holders.next,
        })
    }

    /// Everything one code holds, a view per currency.
    pub async fn purse(&self, code: &Code) -> Result<Vec<PurseView>, Error> {
        let mut reader = self.reader().await?;
        let columns: Vec<Columns> = sqlx::query_as(PURSE)
            .bind(code.as_bytes().as_slice())
            .fetch_all(&mut *reader)
            .await?;
        let mut views = Vec::with_capacity(columns.len());
        for columns in columns {
            let row = purse_from(columns)?;
            let (key_epoch, odometer, allowance, credits, incoming): Detail =
                sqlx::query_as(PURSE_DETAIL)
                    .bind(code.as_bytes().as_slice())
                    .bind(row.currency.as_bytes().as_slice())
                    .fetch_one(&mut *reader)
                    .await?;
            let key = Row {
                table: "purse of",
                key: code,
            };
            let odometer = key.odometer(odometer)?;
            let allowance = allowance.map(|bytes| self.allowance(&bytes)).transpose()?;
            let credits = key.amount(credits)?;
            let limit = allowance.and_then(|allowance| allowance.limit.advance(credits));
            let limit = limit.unwrap_or_default();
            let exposed = limit.since(odometer).unwrap_or_default();
            let area = allowance.and_then(|allowance| allowance.area);
            let (payees,): (i64,) = sqlx::query_as(PAYEES)
                .bind(area.map(|area| area.as_bytes().to_vec()))
                .fetch_one(&mut *reader)
                .await?;
            let payees = key.count(payees.max(0))?;
            let exposure = exposed.get().checked_mul(payees).and_then(AmountMinor::new);
            views.push(PurseView {
                row,
                key_epoch: key.key_epoch(key_epoch)?,
                odometer,
                limit,
                exposed,
                payees,
                exposure,
                expires: allowance
                    .map(|allowance| allowance.expires)
                    .unwrap_or_default(),
                incoming: key.amount(incoming)?,
            });
        }
        Ok(views)
    }

    /// What one code holds in one currency, behind allowances or not.
    pub async fn held(&self, code: &Code, currency: &Currency) -> Result<AmountMinor, Error> {
        let (held,): (i64,) = sqlx::query_as(HELD)
            .bind(code.as_bytes().as_slice())
            .bind(currency.as_bytes().as_slice())
            .fetch_one(&mut *self.reader().await?)
            .await?;
        let row = Row {
            table: "purse of",
            key: code,
        };
        Ok(row.amount(held)?)
    }

    fn allowance(&self, bytes: &[u8]) -> Result<Allowance, Error> {
        let sealed = cose::open::<Allowance>(bytes, self.network());
        let damaged = |_| Damage::new("allowance", bytes.len(), "is no allowance");
        Ok(*sealed.map_err(damaged)?.peek())
    }

    /// Loads and redemptions, the newest first.
    pub async fn loads(&self, page: &Page) -> Result<Listing<Loaded>, Error> {
        let rows: Vec<LoadedColumns> = sqlx::query_as(LOADS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, loaded_from)
    }
}

/// Every text of this file, for the test of their plans.
#[cfg(test)]
pub(super) const TEXTS: [&str; 7] = [HOLDERS, PURSES, PURSE, LOADS, PURSE_DETAIL, PAYEES, HELD];

const HELD: &str = "SELECT coalesce(sum(balance), 0) FROM account
     WHERE owner = $1 AND currency = $2 AND kind IN (1, 2)";

const PAYEES: &str = "SELECT CASE WHEN $1 IS NULL
     THEN (SELECT number FROM tally WHERE what = 'things')
       - (SELECT number FROM tally WHERE what = 'things_stopped') - 1
     ELSE coalesce((SELECT places FROM area WHERE reference = $1), 0) END";

const PURSE_DETAIL: &str = "
    SELECT coalesce(thing.key_epoch, guest.key_epoch),
      coalesce((SELECT odometer FROM payment WHERE payer = holder.code
         AND payment.key_epoch = coalesce(thing.key_epoch, guest.key_epoch) AND currency = $2 AND lost = 0
         ORDER BY sequence DESC LIMIT 1), 0),
      (SELECT bytes FROM allowance WHERE allowance.code = holder.code
         AND allowance.key_epoch = coalesce(thing.key_epoch, guest.key_epoch) AND currency = $2
         ORDER BY number DESC LIMIT 1),
      coalesce((SELECT credits FROM allowance WHERE allowance.code = holder.code
         AND allowance.key_epoch = coalesce(thing.key_epoch, guest.key_epoch) AND currency = $2
         ORDER BY number DESC LIMIT 1), 0),
      coalesce((SELECT sum(waiting) FROM payment WHERE payee = holder.code
         AND currency = $2 AND waiting > 0), 0)
    FROM holder LEFT JOIN thing ON thing.code = holder.code
      LEFT JOIN guest ON guest.code = holder.code WHERE holder.code = $1";
