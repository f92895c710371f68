//! Copies of other gateways' journals, and the watermarks over them.

use crate::books::JournalHead;
use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::{Code, Currency, Digest, KeyEpoch, Timestamp};

/// How far a journal is copied.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copy {
    pub epoch: KeyEpoch,
    pub head: JournalHead,
    /// Letters its gateway had written when it showed that height.
    pub letters: u64,
    /// Every credit up to this height has come in.
    pub settled: u64,
    /// The newest watermark.
    pub marked: u64,
    pub marked_at: Timestamp,
    /// The letter that carries it.
    pub mark_letter: u64,
}

/// The copy of a gateway's journal.
pub(crate) async fn copy(connection: &mut Connection, gateway: &Code) -> Result<Copy> {
    type Columns = (i64, i64, Vec<u8>, i64, i64, i64, i64, i64);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT epoch, height, root, letters, settled, marked, marked_at, mark_letter FROM copy
         WHERE gateway = $1",
    )
    .bind(gateway.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((epoch, height, root, letters, settled, marked, at, letter)) = row else {
        return Ok(Copy::default());
    };
    let row = Row {
        table: "copy",
        key: gateway,
    };
    Ok(Copy {
        epoch: row.key_epoch(epoch)?,
        head: JournalHead {
            height: row.count(height)?,
            root: row.digest(&root)?,
        },
        letters: row.count(letters)?,
        settled: row.count(settled)?,
        marked: row.count(marked)?,
        marked_at: row.time(at)?,
        mark_letter: row.count(letter)?,
    })
}

/// Keeps [`copy`].
pub(crate) async fn set_copy(
    connection: &mut Connection,
    gateway: &Code,
    copy: &Copy,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO copy (gateway, epoch, height, root, letters, settled, marked, marked_at,
           mark_letter) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (gateway) DO UPDATE SET epoch = excluded.epoch, height = excluded.height,
           root = excluded.root, letters = excluded.letters, settled = excluded.settled,
           marked = excluded.marked, marked_at = excluded.marked_at,
           mark_letter = excluded.mark_letter",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(i64::from(copy.epoch.0))
    .bind(copy.head.height as i64)
    .bind(copy.head.root.as_bytes().as_slice())
    .bind(copy.letters as i64)
    .bind(copy.settled as i64)
    .bind(copy.marked as i64)
    .bind(i64::from(copy.marked_at.0))
    .bind(copy.mark_letter as i64)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps one copied entry.
pub(crate) async fn keep_entry(
    connection: &mut Connection,
    gateway: &Code,
    head: &JournalHead,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO copied_entry (gateway, height, bytes, root, subject)
         VALUES ($1, $2, $3, $4, substr($3, 14, 32))",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(head.height as i64)
    .bind(bytes)
    .bind(head.root.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the copy shows something about a payment, up to a height.
pub(crate) async fn is_recorded(
    connection: &mut Connection,
    gateway: &Code,
    payment: &Digest,
    height: u64,
) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM copied_entry WHERE gateway = $1 AND subject = $2 AND height <= $3 LIMIT 1",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(payment.as_bytes().as_slice())
    .bind(i64::try_from(height).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// The head at a copied height.
pub(crate) async fn head_at(
    connection: &mut Connection,
    gateway: &Code,
    height: u64,
) -> Result<Option<JournalHead>> {
    if height == 0 {
        return Ok(Some(JournalHead::default()));
    }
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT root FROM copied_entry WHERE gateway = $1 AND height = $2")
            .bind(gateway.as_bytes().as_slice())
            .bind(i64::try_from(height).unwrap_or(i64::MAX))
            .fetch_optional(connection)
            .await?;
    let key = Row {
        table: "copied_entry",
        key: &height,
    };
    row.map(|(root,)| {
        Ok(JournalHead {
            height,
            root: key.digest(&root)?,
        })
    })
    .transpose()
}

/// Takes out the newest copied entry, if it lies above `height`.
pub(crate) async fn take_above(
    connection: &mut Connection,
    gateway: &Code,
    height: u64,
) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "DELETE FROM copied_entry WHERE gateway = $1 AND height > $2 AND height =
           (SELECT max(height) FROM copied_entry WHERE gateway = $1) RETURNING bytes",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(i64::try_from(height).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Moves a balance in the copy.
pub(crate) async fn change(
    connection: &mut Connection,
    gateway: &Code,
    currency: &Currency,
    account: &[u8],
    change: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO copied_account (gateway, currency, account, balance) VALUES ($1, $2, $3, $4)
         ON CONFLICT (gateway, currency, account)
         DO UPDATE SET balance = copied_account.balance + excluded.balance",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(account)
    .bind(change)
    .execute(connection)
    .await?;
    Ok(())
}

/// Accounts in the copy whose name begins like this: currency, name, balance.
pub(crate) async fn accounts(
    connection: &mut Connection,
    gateway: &Code,
    prefix: &[u8],
) -> Result<Vec<(Currency, Vec<u8>, i64)>> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT currency, account, balance FROM copied_account
         WHERE gateway = $1 AND substr(account, 1, $3) = $2 ORDER BY currency, account",
    )
    .bind(gateway.as_bytes().as_slice())
    .bind(prefix)
    .bind(prefix.len() as i64)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "copied_account of",
        key: gateway,
    };
    rows.into_iter()
        .map(|(currency, account, balance)| Ok((row.currency(&currency)?, account, balance)))
        .collect()
}

/// The newest watermark for an epoch of this gateway.
pub(crate) async fn watermark(
    connection: &mut Connection,
    epoch: KeyEpoch,
) -> Result<Option<(u64, Vec<u8>)>> {
    let row: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT height, bytes FROM watermark WHERE gateway_epoch = $1")
            .bind(i64::from(epoch.0))
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(height, bytes)| (height.unsigned_abs(), bytes)))
}

/// Keeps a watermark that is not lower than the one before.
pub(crate) async fn set_watermark(
    connection: &mut Connection,
    epoch: KeyEpoch,
    height: u64,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO watermark (gateway_epoch, height, bytes) VALUES ($1, $2, $3)
         ON CONFLICT (gateway_epoch) DO UPDATE SET height = excluded.height, bytes = excluded.bytes
         WHERE excluded.height >= watermark.height",
    )
    .bind(i64::from(epoch.0))
    .bind(i64::try_from(height).unwrap_or(i64::MAX))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// Canonical bytes of entries of our own journal after a height.
pub(crate) async fn own_entries(
    connection: &mut Connection,
    after: u64,
    most: u32,
) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT bytes FROM entry WHERE height > $1 ORDER BY height LIMIT $2")
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(most)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(bytes,)| bytes).collect())
}
