//! Declared currencies.

use super::row::Row;
use super::{Connection, Result};
use protocol::Currency;

/// A declared currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyRow {
    /// Issuer and letters.
    pub currency: Currency,
    /// Digits behind the point.
    pub exponent: u8,
    /// What people call it.
    pub name: String,
}

/// All currencies, or the one asked for.
pub(crate) async fn currencies(
    connection: &mut Connection,
    only: Option<&Currency>,
) -> Result<Vec<CurrencyRow>> {
    let rows: Vec<(Vec<u8>, i64, String)> = sqlx::query_as(
        "SELECT currency, exponent, name FROM currency
         WHERE $1 IS NULL OR currency = $1 ORDER BY currency LIMIT 1000",
    )
    .bind(only.map(|currency| currency.as_bytes().as_slice()))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(currency, exponent, name)| {
            let row = Row {
                table: "currency",
                key: &name,
            };
            let (currency, exponent) = (row.currency(&currency)?, row.exponent(exponent)?);
            Ok(CurrencyRow {
                currency,
                exponent,
                name,
            })
        })
        .collect()
}

/// Writes a currency.
pub(crate) async fn insert_currency(
    connection: &mut Connection,
    currency: &CurrencyRow,
) -> Result<()> {
    sqlx::query("INSERT INTO currency (currency, exponent, name) VALUES ($1, $2, $3)")
        .bind(currency.currency.as_bytes().as_slice())
        .bind(i64::from(currency.exponent))
        .bind(currency.name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
