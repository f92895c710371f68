//! The whole at a glance.

use crate::books::JournalHead;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::row::Row;
use crate::store::{Connection, journal};
use protocol::Currency;

/// Whether money is conserved in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conservation {
    /// Which currency.
    pub currency: Currency,
    /// All loads minus all redemptions, from the treasurer's orders.
    pub issued_minus_redeemed: i64,
    /// All accounts that are not the issuer's, from their balances.
    pub accounts_sum: i64,
    /// Of these: purses, free and reserved.
    pub purses: i64,
    /// Of these: payments that wait for their payee.
    pub in_transit: i64,
    /// Of these: deposits, bond and guarantees.
    pub funds: i64,
    /// Of these: everything else.
    pub others: i64,
    /// Whether orders, balances and the issuer's account agree.
    pub holds: bool,
}

/// Counts for the first page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Registered things.
    pub things: u64,
    /// Of these, frozen or revoked.
    pub things_stopped: u64,
    /// Registered places.
    pub grids: u64,
    /// Payments of any outcome.
    pub payments: u64,
    /// Payments waiting for their payee.
    pub in_transit: u64,
    /// Fraud cases.
    pub fraud_cases: u64,
    /// Messages that wait in inboxes.
    pub inbox_entries: u64,
    /// Where the journal stands.
    pub journal: JournalHead,
    /// Per currency.
    pub conservation: Vec<Conservation>,
}

pub(super) const COUNTS: &str = "
    SELECT (SELECT number FROM tally WHERE what = 'things'),
      (SELECT number FROM tally WHERE what = 'things_stopped'),
      (SELECT number FROM tally WHERE what = 'grids'),
      (SELECT coalesce(max(number), 0) FROM payment),
      (SELECT number FROM tally WHERE what = 'in_transit'),
      (SELECT coalesce(max(number), 0) FROM fraud),
      (SELECT number FROM tally WHERE what = 'inbox_entries')";

// One row per kind of account and currency.
pub(super) const SUMS: &str = "
    SELECT currency,
      coalesce((SELECT amount FROM treasury_total
        WHERE treasury_total.currency = account_total.currency), 0),
      -coalesce(sum(CASE WHEN kind = 0 THEN balance END), 0),
      coalesce(sum(CASE WHEN kind <> 0 THEN balance END), 0),
      coalesce(sum(CASE WHEN kind IN (1, 2) THEN balance END), 0),
      coalesce(sum(CASE WHEN kind = 3 THEN balance END), 0),
      coalesce(sum(CASE WHEN kind IN (4, 5, 6) THEN balance END), 0)
    FROM account_total GROUP BY currency ORDER BY currency";

impl Ledger {
    /// Counts, journal and conservation, all of one moment.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let mut reader = self.reader().await?;
        let mut snapshot = sqlx::Connection::begin(&mut *reader).await?;
        let (things, stopped, grids, payments, transit, fraud, inbox): (
            i64,
            i64,
            i64,
            i64,
            i64,
            i64,
            i64,
        ) = sqlx::query_as(COUNTS).fetch_one(&mut *snapshot).await?;
        Ok(Overview {
            things: things.unsigned_abs(),
            things_stopped: stopped.unsigned_abs(),
            grids: grids.unsigned_abs(),
            payments: payments.unsigned_abs(),
            in_transit: transit.unsigned_abs(),
            fraud_cases: fraud.unsigned_abs(),
            inbox_entries: inbox.unsigned_abs(),
            journal: journal::head(&mut snapshot).await?,
            conservation: conservation(&mut snapshot).await?,
        })
    }

    /// Whether money is conserved, per currency.
    pub async fn conservation(&self) -> Result<Vec<Conservation>, Error> {
        conservation(&mut *self.reader().await?).await
    }
}

/// One statement, so one moment.
async fn conservation(connection: &mut Connection) -> Result<Vec<Conservation>, Error> {
    type Columns = (Vec<u8>, i64, i64, i64, i64, i64, i64);
    let rows: Vec<Columns> = sqlx::query_as(SUMS).fetch_all(connection).await?;
    rows.into_iter()
        .map(
            |(currency, orders, issuer, accounts_sum, purses, in_transit, funds)| {
                let row = Row {
                    table: "account",
                    key: &currency,
                };
                Ok(Conservation {
                    currency: row.currency(&currency)?,
                    issued_minus_redeemed: orders,
                    accounts_sum,
                    purses,
                    in_transit,
                    funds,
                    others: accounts_sum - purses - in_transit - funds,
                    holds: orders == issuer && issuer == accounts_sum,
                })
            },
        )
        .collect()
}
