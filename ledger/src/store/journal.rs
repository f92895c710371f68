//! Entries, postings, balances.

use super::row::Row;
use super::{Connection, Result};
use crate::books::{Account, Entry, JournalHead, Posting};
use crate::crash::{CrashPoint, here};
use crate::error::Damage;
use protocol::{AmountMinor, Code, Currency};

/// Where the journal stands.
pub(crate) async fn head(connection: &mut Connection) -> Result<JournalHead> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT height, root FROM entry WHERE height = (SELECT max(height) FROM entry)",
    )
    .fetch_optional(connection)
    .await?;
    let Some((height, root)) = row else {
        return Ok(JournalHead::default());
    };
    let row = Row {
        table: "entry",
        key: &height,
    };
    Ok(JournalHead {
        height: row.count(height)?,
        root: row.digest(&root)?,
    })
}

/// Appends an entry and moves the balances.
pub(crate) async fn append(
    connection: &mut Connection,
    before: &JournalHead,
    entry: &Entry,
) -> Result<JournalHead> {
    let height = before.height.saturating_add(1);
    let bytes = entry.canonical(height);
    let head = before.after(&bytes);
    sqlx::query(
        "INSERT INTO entry (height, kind, subject, currency, at, bytes, root)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(height as i64)
    .bind(entry.kind as i64)
    .bind(entry.subject.as_bytes().as_slice())
    .bind(entry.currency.as_bytes().as_slice())
    .bind(i64::from(entry.at.0))
    .bind(bytes)
    .bind(head.root.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    here(CrashPoint::EntryWritten);
    for (line, posting) in (0i64..).zip(entry.postings()) {
        sqlx::query(
            "INSERT INTO posting (height, line, currency, account, change)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(height as i64)
        .bind(line)
        .bind(entry.currency.as_bytes().as_slice())
        .bind(posting.account.key())
        .bind(posting.change)
        .execute(&mut *connection)
        .await?;
        change(connection, &entry.currency, &posting).await?;
    }
    here(CrashPoint::EntryPosted);
    Ok(head)
}

async fn change(connection: &mut Connection, currency: &Currency, posting: &Posting) -> Result<()> {
    let (key, owner) = (posting.account.key(), posting.account.owner());
    // A debit needs an account that is there; the table's check holds it above zero.
    let sql = if posting.change < 0 {
        "UPDATE account SET balance = balance + $4 WHERE currency = $1 AND account = $2 AND kind = $3"
    } else {
        "INSERT INTO account (currency, account, kind, balance, owner) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (currency, account) DO UPDATE SET balance = account.balance + excluded.balance"
    };
    let changed = sqlx::query(sql)
        .bind(currency.as_bytes().as_slice())
        .bind(key.as_slice())
        .bind(i64::from(posting.account.kind()))
        .bind(posting.change)
        .bind(owner.as_ref().map(|code| code.as_bytes().as_slice()))
        .execute(&mut *connection)
        .await?;
    if changed.rows_affected() != 1 {
        return Err(Damage::new("account", Hex(&key), "missing").into());
    }
    if posting.change < 0 && matches!(posting.account, Account::InTransit(_)) {
        // What has gone out of transit never comes back; its account would stay at zero for ever.
        sqlx::query("DELETE FROM account WHERE currency = $1 AND account = $2 AND balance = 0")
            .bind(currency.as_bytes().as_slice())
            .bind(key)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The balance of an account that does not go below zero; nothing when it was never used.
pub(crate) async fn balance(
    connection: &mut Connection,
    currency: &Currency,
    account: &Account,
) -> Result<AmountMinor> {
    let balance = raw_balance(connection, currency, account).await?;
    let row = Row {
        table: "account",
        key: account,
    };
    Ok(row.amount(balance.unwrap_or(0))?)
}

/// What a purse holds in a currency, free and reserved.
pub(crate) async fn held(
    connection: &mut Connection,
    currency: &Currency,
    code: &Code,
) -> Result<AmountMinor> {
    let (held,): (i64,) = sqlx::query_as(
        "SELECT coalesce(sum(balance), 0) FROM account
         WHERE owner = $1 AND currency = $2 AND kind IN (1, 2)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    let row = Row {
        table: "account of",
        key: code,
    };
    Ok(row.amount(held)?)
}

/// The balance of any account, as it stands in the books.
pub(crate) async fn raw_balance(
    connection: &mut Connection,
    currency: &Currency,
    account: &Account,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT balance FROM account WHERE currency = $1 AND account = $2")
            .bind(currency.as_bytes().as_slice())
            .bind(account.key())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(balance,)| balance))
}

pub(crate) struct Hex<'a>(pub &'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Opens an account with nothing in it, so that the first debit finds it.
pub(crate) async fn open_account(
    connection: &mut Connection,
    currency: &Currency,
    account: &Account,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO account (currency, account, kind, balance) VALUES ($1, $2, $3, 0)
         ON CONFLICT DO NOTHING",
    )
    .bind(currency.as_bytes().as_slice())
    .bind(account.key())
    .bind(i64::from(account.kind()))
    .execute(connection)
    .await?;
    Ok(())
}
