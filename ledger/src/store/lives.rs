//! Lives of keys, lost things, and owners.

use super::row::Row;
use super::{Connection, Result};
use protocol::keys::Algorithm;
use protocol::{AssuranceClass, Code, Currency, KeyEpoch, PublicKey, Timestamp};

/// Which key takes the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Whose.
    pub code: Code,
    /// What it signs with from now on.
    pub wallet_key: PublicKey,
    /// How well that key is kept.
    pub class: AssuranceClass,
    /// Whole signed pass that names it.
    pub pass: Vec<u8>,
    /// Who orders it.
    pub by: String,
}

/// Keys that a code has given up, the newest first; at most `most`.
pub(crate) async fn keys_before(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<PublicKey>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT algorithm, key FROM wallet_key WHERE code = $1 ORDER BY key_epoch DESC LIMIT $2",
    )
    .bind(code.as_bytes().as_slice())
    .bind(most)
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "wallet_key of",
        key: code,
    };
    rows.into_iter()
        .map(|(algorithm, key)| Ok(row.public_key(algorithm, &key)?))
        .collect()
}

/// Keeps the key that a code gives up, and writes the new one with the life that it begins.
pub(crate) async fn replace_key(
    connection: &mut Connection,
    new: &NewKey,
    (last, next): (KeyEpoch, KeyEpoch),
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO wallet_key (code, key_epoch, algorithm, key, pass, made_by, at)
         SELECT code, $2, wallet_algorithm, wallet_key, pass, $3, $4 FROM thing WHERE code = $1",
    )
    .bind(new.code.as_bytes().as_slice())
    .bind(i64::from(last.0))
    .bind(new.by.as_str())
    .bind(i64::from(now.0))
    .execute(&mut *connection)
    .await?;
    let algorithm: Algorithm = new.wallet_key.algorithm();
    sqlx::query(
        "UPDATE thing SET wallet_algorithm = $2, wallet_key = $3, class = $4, pass = $5,
           key_epoch = $6, forked = 0 WHERE code = $1",
    )
    .bind(new.code.as_bytes().as_slice())
    .bind(i64::from(algorithm.cose()))
    .bind(new.wallet_key.as_bytes())
    .bind(new.class as i64)
    .bind(new.pass.as_slice())
    .bind(i64::from(next.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whose new code takes over from a lost one.
pub(crate) async fn recovered_to(connection: &mut Connection, old: &Code) -> Result<Option<Code>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT new FROM recovery WHERE old = $1")
        .bind(old.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "recovery",
        key: old,
    };
    Ok(row.map(|(new,)| key.code(&new)).transpose()?)
}

/// Keeps that a lost thing's money goes to another code.
pub(crate) async fn insert_recovery(
    connection: &mut Connection,
    (old, new): (&Code, &Code),
    by: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO recovery (old, new, made_by, at) VALUES ($1, $2, $3, $4)")
        .bind(old.as_bytes().as_slice())
        .bind(new.as_bytes().as_slice())
        .bind(by)
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Lost things that hold something free, or whose reserve expired at `last` or before; there are
/// few lost things.
pub(crate) async fn recoveries_due(
    connection: &mut Connection,
    last: Timestamp,
    most: u32,
) -> Result<Vec<(Code, Code)>> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT old, new FROM recovery
         WHERE EXISTS (SELECT 1 FROM account
             WHERE account.owner = old AND account.kind = 1 AND account.balance > 0)
           OR EXISTS (SELECT 1 FROM stretch WHERE stretch.code = old AND stretch.expires <= $1)
           OR (EXISTS (SELECT 1 FROM account
               WHERE account.owner = old AND account.kind = 4 AND account.balance > 0)
             AND NOT EXISTS (SELECT 1 FROM stretch WHERE stretch.code = old))
         LIMIT $2",
    )
    .bind(i64::from(last.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(old, new)| {
            let row = Row {
                table: "recovery",
                key: &old,
            };
            Ok((row.code(&old)?, row.code(&new)?))
        })
        .collect()
}

/// The currencies in which a code has an account of its own.
pub(crate) async fn currencies_of(
    connection: &mut Connection,
    code: &Code,
) -> Result<Vec<Currency>> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT DISTINCT currency FROM account WHERE owner = $1 ORDER BY currency")
            .bind(code.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
    let row = Row {
        table: "account of",
        key: code,
    };
    rows.into_iter()
        .map(|(currency,)| Ok(row.currency(&currency)?))
        .collect()
}

/// Whether anything is still reserved for a code.
pub(crate) async fn is_reserved(connection: &mut Connection, code: &Code) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM stretch WHERE code = $1 LIMIT 1")
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Who owns a thing, as far as anybody has said.
pub(crate) async fn owner_of(connection: &mut Connection, code: &Code) -> Result<Option<Code>> {
    let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as("SELECT owner FROM thing WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "thing",
        key: code,
    };
    let owner = row.and_then(|(owner,)| owner);
    Ok(owner.map(|owner| key.code(&owner)).transpose()?)
}

/// Writes who owns a thing.
pub(crate) async fn set_owner(
    connection: &mut Connection,
    code: &Code,
    owner: &Code,
) -> Result<()> {
    sqlx::query("UPDATE thing SET owner = $2 WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .bind(owner.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the issuer knows this owner.
pub(crate) async fn is_enrolled(connection: &mut Connection, owner: &Code) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM owner WHERE code = $1")
        .bind(owner.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Keeps an owner whom the issuer knows.
pub(crate) async fn enrol(
    connection: &mut Connection,
    owner: &Code,
    (name, by): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO owner (code, name, made_by, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code) DO UPDATE SET name = excluded.name",
    )
    .bind(owner.as_bytes().as_slice())
    .bind(name)
    .bind(by)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}
