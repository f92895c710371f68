//! Whether the books are what was written: the chain of entries, their postings, the balances, and
//! the signed objects behind them.

use super::row::Row;
use super::{Connection, Result};
use crate::books::{Account, JournalHead};
use crate::bounds::SCAN_STEP;
use crate::error::{Damage, Error};
use crate::store::journal::{self, Hex};
use protocol::objects::Payment;
use protocol::{AmountMinor, Network, Status, cose};

type EntryColumns = (i64, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>, Vec<u8>);
type PostingColumns = (i64, Vec<u8>, Vec<u8>, i64);

/// Checks the chain from just after `from` to the end; gives the head.
pub(crate) async fn chain(connection: &mut Connection, from: u64) -> Result<JournalHead> {
    let mut head = root_at(connection, from).await?;
    loop {
        let entries: Vec<EntryColumns> = sqlx::query_as(
            "SELECT height, kind, subject, currency, at, bytes, root FROM entry
             WHERE height > $1 ORDER BY height LIMIT $2",
        )
        .bind(head.height as i64)
        .bind(SCAN_STEP)
        .fetch_all(&mut *connection)
        .await?;
        let Some((last, ..)) = entries.last() else {
            break;
        };
        let postings: Vec<PostingColumns> = sqlx::query_as(
            "SELECT height, currency, account, change FROM posting
             WHERE height > $1 AND height <= $2 ORDER BY height, line",
        )
        .bind(head.height as i64)
        .bind(last)
        .fetch_all(&mut *connection)
        .await?;
        for entry in &entries {
            head = follow(&head, entry, &postings)?;
        }
    }
    let stray: Option<(i64,)> =
        sqlx::query_as("SELECT height FROM posting WHERE height > $1 LIMIT 1")
            .bind(head.height as i64)
            .fetch_optional(connection)
            .await?;
    match stray {
        Some((height,)) => Err(Damage::new("posting", height, "belongs to no entry").into()),
        None => Ok(head),
    }
}

async fn root_at(connection: &mut Connection, height: u64) -> Result<JournalHead> {
    if height == 0 {
        return Ok(JournalHead::default());
    }
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT root FROM entry WHERE height = $1")
        .bind(height as i64)
        .fetch_optional(connection)
        .await?;
    let (root,) = row.ok_or_else(|| Damage::new("entry", height, "missing"))?;
    let row = Row {
        table: "entry",
        key: &height,
    };
    Ok(JournalHead {
        height,
        root: row.digest(&root)?,
    })
}

fn follow(
    before: &JournalHead,
    entry: &EntryColumns,
    postings: &[PostingColumns],
) -> Result<JournalHead> {
    let (height, _, _, currency, _, bytes, root) = entry;
    let next = before.height.saturating_add(1);
    if *height != next as i64 {
        return Err(Damage::new("entry", next, "missing").into());
    }
    let lines = postings.iter().filter(|(of, ..)| of == height);
    if lines.clone().any(|(_, of, ..)| of != currency) {
        return Err(Damage::new("posting", height, "in another currency than its entry").into());
    }
    if lines.clone().map(|line| i128::from(line.3)).sum::<i128>() != 0 {
        return Err(Damage::new("posting", height, "does not sum to zero").into());
    }
    if canonical(entry, lines) != *bytes {
        return Err(Damage::new("entry", height, "differs from its canonical bytes").into());
    }
    let head = before.after(bytes);
    if head.root.as_bytes().as_slice() != root.as_slice() {
        return Err(Damage::new("entry", height, "does not hash to its root").into());
    }
    Ok(head)
}

/// As [`crate::books::Entry::canonical`], from columns.
fn canonical<'a>(
    entry: &EntryColumns,
    lines: impl Iterator<Item = &'a PostingColumns> + Clone,
) -> Vec<u8> {
    let (height, kind, subject, currency, at, ..) = entry;
    let mut bytes = Vec::with_capacity(160);
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&(*at as u32).to_be_bytes());
    bytes.push(*kind as u8);
    bytes.extend_from_slice(subject);
    bytes.extend_from_slice(currency);
    bytes.push(lines.clone().count() as u8);
    for (_, _, account, change) in lines {
        bytes.push(account.len() as u8);
        bytes.extend_from_slice(account);
        bytes.extend_from_slice(&change.to_be_bytes());
    }
    bytes
}

/// Whether every currency sums to zero over all accounts.
pub(crate) async fn sums(connection: &mut Connection) -> Result<()> {
    let wrong: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT currency FROM account GROUP BY currency HAVING sum(balance) <> 0 LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    match wrong {
        Some((currency,)) => Err(Damage::new(
            "account",
            Hex(&currency),
            "balances of this currency do not sum to zero",
        )
        .into()),
        None => Ok(()),
    }
}

/// Whether every balance is the sum of its postings.
pub(crate) async fn balances(connection: &mut Connection) -> Result<()> {
    let wrong: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT account FROM (
           SELECT currency, account, balance AS held, 0 AS posted FROM account
           UNION ALL
           SELECT currency, account, 0, change FROM posting)
         GROUP BY currency, account HAVING sum(held) <> sum(posted) LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    match wrong {
        Some((account,)) => {
            Err(Damage::new("account", Hex(&account), "is not the sum of its postings").into())
        }
        None => Ok(()),
    }
}

/// Whether what is counted along is what counting would give.
pub(crate) async fn counters(connection: &mut Connection) -> Result<()> {
    let wrong: Option<(String,)> = sqlx::query_as(
        "SELECT what FROM (
           SELECT what, number FROM tally
           UNION ALL SELECT 'things', -count(*) FROM thing
           UNION ALL SELECT 'things_stopped', -count(*) FROM thing WHERE state <> 0
           UNION ALL SELECT 'grids', -count(*) FROM grid
           UNION ALL SELECT 'in_transit', -count(*) FROM account WHERE kind = 3
           UNION ALL SELECT 'inbox_entries', -count(*) FROM inbox)
         GROUP BY what HAVING sum(number) <> 0 LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((what,)) = wrong {
        return Err(Damage::new("tally", what, "is not the count").into());
    }
    let wrong: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT currency FROM (
           SELECT currency, kind, balance FROM account_total
           UNION ALL SELECT currency, kind, -balance FROM account
           UNION ALL SELECT currency, -1, amount FROM treasury_total
           UNION ALL
           SELECT currency, -1, CASE redeem WHEN 0 THEN -amount ELSE amount END FROM treasury)
         GROUP BY currency, kind HAVING sum(balance) <> 0 LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    match wrong {
        Some((currency,)) => {
            Err(Damage::new("account_total", Hex(&currency), "is not the sum").into())
        }
        None => Ok(()),
    }
}

/// Whether every payment still is the object its identifier names, and says what its columns say.
pub(crate) async fn payments(connection: &mut Connection, network: &Network) -> Result<u64> {
    type Columns = (
        i64,
        Vec<u8>,
        Vec<u8>,
        i64,
        i64,
        Vec<u8>,
        i64,
        i64,
        Option<i64>,
        i64,
    );
    let (mut after, mut count) = (0i64, 0u64);
    loop {
        let rows: Vec<Columns> = sqlx::query_as(
            "SELECT number, id, payer, amount, odometer, bytes, outcome, waiting, units,
               funded FROM payment
             WHERE number > $1 ORDER BY number LIMIT $2",
        )
        .bind(after)
        .bind(SCAN_STEP)
        .fetch_all(&mut *connection)
        .await?;
        if rows.is_empty() {
            return Ok(count);
        }
        for (number, id, payer, amount, odometer, bytes, outcome, waiting, units, funded) in rows {
            let damaged = |what| Error::from(Damage::new("payment", number, what));
            let sealed =
                cose::open::<Payment>(&bytes, network).map_err(|_| damaged("holds no payment"))?;
            let payment = sealed.peek();
            if sealed.id().as_bytes().as_slice() != id.as_slice() {
                return Err(damaged("differs from its identifier"));
            }
            if payment.payer.as_bytes().as_slice() != payer.as_slice()
                || payment.amount.as_i64() != amount
                || payment.odometer.as_i64() != odometer
            {
                return Err(damaged("columns differ from the signed payment"));
            }
            let units = units.and_then(|units| u32::try_from(units).ok());
            let paid = match (payment.stream, units) {
                (None, None) => AmountMinor::ZERO,
                (Some(stream), Some(units)) => stream
                    .cost(units)
                    .ok_or_else(|| damaged("beyond its units"))?,
                _ => return Err(damaged("units differ from the signed payment")),
            };
            // What has not reached the payee waits, and under its own account.
            let waits = match outcome == Status::InTransit as i64 {
                true => funded.saturating_sub(paid.as_i64()).max(0),
                false => 0,
            };
            let account = Account::InTransit(sealed.id());
            let held = journal::raw_balance(connection, &payment.currency, &account).await?;
            if waiting != waits || held.unwrap_or(0) != waits {
                return Err(damaged("does not wait with what it should"));
            }
            after = number;
            count = count.saturating_add(1);
        }
    }
}
