//! Whose home is where, things from elsewhere, and moves.

use crate::federation::rules::Homed;
use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::objects::{ClosingBalance, Lease, Move, Pass};
use protocol::{AmountMinor, Code, Currency, KeyEpoch, Odometer, Timestamp};

/// The newest lease of a code that is known here, and its signed bytes (none while it is asked for).
pub(crate) async fn home(
    connection: &mut Connection,
    code: &Code,
) -> Result<Option<(Homed, Vec<u8>)>> {
    let row: Option<(Vec<u8>, i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT home, number, ends, bytes FROM home WHERE code = $1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    let Some((home, number, ends, bytes)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "home",
        key: code,
    };
    let homed = Homed {
        home: row.code(&home)?,
        number: row.count(number)?,
        ends: row.time(ends)?,
    };
    Ok(Some((homed, bytes)))
}

/// Keeps a lease.
pub(crate) async fn set_home(
    connection: &mut Connection,
    lease: &Lease,
    bytes: &[u8],
) -> Result<()> {
    put_home(connection, &lease.code, &homed(lease), Timestamp(0), bytes).await
}

/// What a lease says.
pub(crate) const fn homed(lease: &Lease) -> Homed {
    Homed {
        home: lease.home,
        number: lease.number,
        ends: lease.ends,
    }
}

/// Keeps where a home is or shall be.
pub(crate) async fn put_home(
    connection: &mut Connection,
    code: &Code,
    homed: &Homed,
    asked: Timestamp,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO home (code, home, number, ends, asked, bytes) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (code) DO UPDATE SET home = excluded.home, number = excluded.number,
           ends = excluded.ends, asked = excluded.asked, bytes = excluded.bytes",
    )
    .bind(code.as_bytes().as_slice())
    .bind(homed.home.as_bytes().as_slice())
    .bind(homed.number as i64)
    .bind(i64::from(homed.ends.0))
    .bind(i64::from(asked.0))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers when a lease was asked for.
pub(crate) async fn asked(connection: &mut Connection, code: &Code, now: Timestamp) -> Result<()> {
    sqlx::query("UPDATE home SET asked = $2 WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .bind(i64::from(now.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Codes at home here whose lease ends before `before` and was not asked for since `asked_before`.
pub(crate) async fn running_out(
    connection: &mut Connection,
    me: &Code,
    before: Timestamp,
    asked_before: Timestamp,
    most: u32,
) -> Result<Vec<(Code, u64)>> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT code, number FROM home WHERE home = $1 AND ends <= $2 AND asked <= $3
         ORDER BY ends LIMIT $4",
    )
    .bind(me.as_bytes().as_slice())
    .bind(i64::from(before.0))
    .bind(i64::from(asked_before.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(code, number)| {
            let row = Row {
                table: "home",
                key: &code,
            };
            Ok((row.code(&code)?, row.count(number)?))
        })
        .collect()
}

/// Things enrolled here of which the centre has not been told: code and pass.
pub(crate) async fn unannounced(
    connection: &mut Connection,
    most: u32,
) -> Result<Vec<(Code, Vec<u8>)>> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT code, pass FROM thing
         WHERE NOT EXISTS (SELECT 1 FROM home WHERE home.code = thing.code)
         ORDER BY sequence LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(code, pass)| {
            let row = Row {
                table: "thing",
                key: &code,
            };
            Ok((row.code(&code)?, pass))
        })
        .collect()
}

/// Whether this station enrolled the code.
pub(crate) async fn is_enrolled_here(connection: &mut Connection, code: &Code) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM thing WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Keeps a thing of another station. Its key epoch never falls.
pub(crate) async fn keep_guest(
    connection: &mut Connection,
    pass: &Pass,
    bytes: &[u8],
    now: Timestamp,
) -> Result<()> {
    let (code, key) = (pass.subject.0, pass.key.0);
    sqlx::query(
        "INSERT INTO guest (code, wallet_algorithm, wallet_key, class, key_epoch, pass, registered,
           state) VALUES ($1, $2, $3, $4, 1, $5, $6, 0)
         ON CONFLICT (code) DO UPDATE SET wallet_algorithm = excluded.wallet_algorithm,
           wallet_key = excluded.wallet_key, class = excluded.class, pass = excluded.pass",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(key.algorithm().cose()))
    .bind(key.as_bytes())
    .bind(pass.class as i64)
    .bind(bytes)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// The pass of a thing, whichever station enrolled it.
pub(crate) async fn pass_of(connection: &mut Connection, code: &Code) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as(
        "SELECT pass FROM thing WHERE code = $1 UNION ALL SELECT pass FROM guest WHERE code = $1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(pass,)| pass))
}

/// Raises the key epoch of a thing that comes or goes on here.
pub(crate) async fn raise_epoch(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
) -> Result<()> {
    for sql in [
        "UPDATE thing SET key_epoch = max(key_epoch, $2) WHERE code = $1",
        "UPDATE guest SET key_epoch = max(key_epoch, $2) WHERE code = $1",
    ] {
        sqlx::query(sql)
            .bind(code.as_bytes().as_slice())
            .bind(i64::from(epoch.0))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A move that was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Moving {
    pub code: Code,
    pub lease: u64,
    pub source: Code,
    pub goal: Code,
    /// The signed move.
    pub bytes: Vec<u8>,
    pub done: bool,
}

type MovingColumns = (Vec<u8>, i64, Vec<u8>, Vec<u8>, Vec<u8>, bool);

fn moving_from(columns: MovingColumns) -> Result<Moving> {
    let (code, lease, source, goal, bytes, done) = columns;
    let row = Row {
        table: "moving",
        key: &code,
    };
    Ok(Moving {
        code: row.code(&code)?,
        lease: row.count(lease)?,
        source: row.code(&source)?,
        goal: row.code(&goal)?,
        bytes,
        done,
    })
}

/// The move of a code that asks for this lease.
pub(crate) async fn moving(
    connection: &mut Connection,
    code: &Code,
    lease: u64,
) -> Result<Option<Moving>> {
    let columns: Option<MovingColumns> = sqlx::query_as(
        "SELECT code, lease, source, goal, bytes, done FROM moving
         WHERE code = $1 AND lease = $2",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::try_from(lease).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    columns.map(moving_from).transpose()
}

/// Moves whose old home has not answered, the oldest first.
pub(crate) async fn moving_open(connection: &mut Connection, most: u32) -> Result<Vec<Moving>> {
    let rows: Vec<MovingColumns> = sqlx::query_as(
        "SELECT code, lease, source, goal, bytes, done FROM moving
         WHERE done = 0 ORDER BY at, code LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(moving_from).collect()
}

/// Keeps the first move that asks for a lease.
pub(crate) async fn keep_moving(
    connection: &mut Connection,
    order: &Move,
    bytes: &[u8],
    pass: &[u8],
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO moving (code, lease, source, goal, bytes, pass, at, done)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT DO NOTHING",
    )
    .bind(order.code.as_bytes().as_slice())
    .bind(i64::try_from(order.lease).unwrap_or(i64::MAX))
    .bind(order.from.as_bytes().as_slice())
    .bind(order.to.as_bytes().as_slice())
    .bind(bytes)
    .bind(pass)
    .bind(i64::from(now.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// The purse has left, or come.
pub(crate) async fn moved(connection: &mut Connection, code: &Code, lease: u64) -> Result<()> {
    sqlx::query("UPDATE moving SET done = 1 WHERE code = $1 AND lease <= $2")
        .bind(code.as_bytes().as_slice())
        .bind(i64::try_from(lease).unwrap_or(i64::MAX))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a closing balance.
pub(crate) async fn keep_closing(
    connection: &mut Connection,
    closing: &ClosingBalance,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO closing_balance (code, lease, currency, bytes) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(closing.code.as_bytes().as_slice())
    .bind(i64::try_from(closing.lease).unwrap_or(i64::MAX))
    .bind(closing.currency.as_bytes().as_slice())
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// The closing balances that end a lease.
pub(crate) async fn closings(
    connection: &mut Connection,
    code: &Code,
    lease: u64,
) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT bytes FROM closing_balance WHERE code = $1 AND lease = $2 ORDER BY currency",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::try_from(lease).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(bytes,)| bytes).collect())
}

/// The currencies in which a purse ever had an account or paid.
pub(crate) async fn currencies_of(
    connection: &mut Connection,
    code: &Code,
) -> Result<Vec<Currency>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT currency FROM account WHERE owner = $1
         UNION SELECT currency FROM payment WHERE payer = $1
         UNION SELECT currency FROM arrived WHERE code = $1
         UNION SELECT currency FROM shown WHERE payer = $1 ORDER BY currency",
    )
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

/// Keeps the reading with which a purse came.
pub(crate) async fn arrive(connection: &mut Connection, closing: &ClosingBalance) -> Result<()> {
    sqlx::query(
        "INSERT INTO arrived (code, key_epoch, currency, odometer) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code, key_epoch, currency)
         DO UPDATE SET odometer = max(arrived.odometer, excluded.odometer)",
    )
    .bind(closing.code.as_bytes().as_slice())
    .bind(i64::from(closing.key_epoch.0))
    .bind(closing.currency.as_bytes().as_slice())
    .bind(closing.odometer.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

/// The highest reading of a purse that is known from elsewhere: with which it came, or which it was
/// seen to pay.
pub(crate) async fn odometer(
    connection: &mut Connection,
    code: &Code,
    epoch: KeyEpoch,
    currency: &Currency,
) -> Result<Odometer> {
    let (reading,): (i64,) = sqlx::query_as(
        "SELECT max(
           coalesce((SELECT odometer FROM arrived
             WHERE code = $1 AND key_epoch = $2 AND currency = $3), 0),
           coalesce((SELECT max(odometer) FROM shown
             WHERE payer = $1 AND key_epoch = $2 AND currency = $3), 0))",
    )
    .bind(code.as_bytes().as_slice())
    .bind(i64::from(epoch.0))
    .bind(currency.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    let row = Row {
        table: "arrived",
        key: code,
    };
    Ok(row.odometer(reading)?)
}

/// Purses at home elsewhere that still hold something here.
pub(crate) async fn left_behind(
    connection: &mut Connection,
    me: &Code,
    most: u32,
) -> Result<Vec<(Code, Currency)>> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT DISTINCT account.owner, account.currency FROM home
         JOIN account ON account.owner = home.code
         WHERE home.home <> $1 AND home.number > 0 AND account.kind IN (1, 2)
           AND account.balance > 0 LIMIT $2",
    )
    .bind(me.as_bytes().as_slice())
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(code, currency)| {
            let row = Row {
                table: "account",
                key: &code,
            };
            Ok((row.code(&code)?, row.currency(&currency)?))
        })
        .collect()
}

/// What stands behind a purse's allowances, and when the last of them expires.
pub(crate) async fn behind(
    connection: &mut Connection,
    code: &Code,
    currency: &Currency,
) -> Result<(AmountMinor, Timestamp)> {
    let (reserved, expires): (i64, i64) = sqlx::query_as(
        "SELECT coalesce((SELECT sum(balance) FROM account
             WHERE owner = $1 AND currency = $2 AND kind = 2), 0),
           coalesce((SELECT max(expires) FROM allowance WHERE code = $1 AND currency = $2), 0)",
    )
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    let row = Row {
        table: "account of",
        key: code,
    };
    Ok((row.amount(reserved)?, row.time(expires)?))
}

/// Accusations against a code, oldest first.
pub(crate) async fn accusations(
    connection: &mut Connection,
    code: &Code,
    most: u32,
) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT proof FROM accusation WHERE code = $1 ORDER BY number LIMIT $2")
            .bind(code.as_bytes().as_slice())
            .bind(most)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(bytes,)| bytes).collect())
}
