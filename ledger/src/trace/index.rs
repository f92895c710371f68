//! The lines of the index in a file of their own.

use super::fifo::{Account, AccountId, Jump, LEVELS, Move, Name, Paid, Spot};
use crate::books::JournalHead;
use crate::error::Damage;
use crate::store::row::Row;
use crate::store::{Connection, Pool, Result};
use protocol::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, QueryBuilder, Sqlite};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &str = include_str!("trace.sql");
/// Raised whenever the tables or what stands in them change: an index of another form is made anew.
const FORM: i64 = 2;
/// Connections that answer questions.
const READERS: u32 = 2;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows in one statement.
const ROWS_AT_ONCE: usize = 500;

/// How far the journal was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Followed {
    pub head: JournalHead,
    pub newest_move: u64,
    pub newest_account: i64,
}

/// Opens the file; an index of another form, and a file that is none, give way to a new one.
pub(super) async fn open(path: &Path) -> Result<(Connection, Pool)> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT);
    let writer = match writer(&options).await {
        Ok(Some(writer)) => writer,
        Err(error) if !is_no_index(&error) => return Err(error.into()),
        Ok(None) | Err(_) => {
            remove(path)?;
            writer(&options).await?.ok_or_else(|| {
                Damage::new(
                    "trace",
                    path.display(),
                    "does not take the form of an index",
                )
            })?
        }
    };
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options.read_only(true))
        .await?;
    Ok((writer, readers))
}

async fn writer(
    options: &SqliteConnectOptions,
) -> std::result::Result<Option<Connection>, sqlx::Error> {
    // NORMAL: a power cut may take back the newest steps, and they are followed again.
    let mut writer = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .connect()
        .await?;
    let (form,): (i64,) = sqlx::query_as("PRAGMA user_version")
        .fetch_one(&mut writer)
        .await?;
    if form == 0 {
        let begin = "BEGIN IMMEDIATE";
        let mut change = sqlx::Connection::begin_with(&mut writer, begin).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut *change).await?;
        let form = AssertSqlSafe(format!("PRAGMA user_version = {FORM}"));
        sqlx::raw_sql(form).execute(&mut *change).await?;
        change.commit().await?;
    } else if form != FORM {
        sqlx::Connection::close(writer).await?;
        return Ok(None);
    }
    Ok(Some(writer))
}

/// Whether SQLite finds no database in the file, or one that is torn.
fn is_no_index(error: &sqlx::Error) -> bool {
    const CORRUPT: &str = "11";
    const NOT_A_DATABASE: &str = "26";
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some(CORRUPT | NOT_A_DATABASE))
}

fn remove(path: &Path) -> Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(ending);
        match std::fs::remove_file(PathBuf::from(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(sqlx::Error::Io(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Forgets everything.
pub(super) async fn clear(index: &mut Connection) -> Result<()> {
    for table in ["move", "jump", "paid", "account", "followed"] {
        let drop = AssertSqlSafe(format!("DROP TABLE {table}"));
        sqlx::raw_sql(drop).execute(&mut *index).await?;
    }
    sqlx::raw_sql(SCHEMA).execute(index).await?;
    Ok(())
}

// ------------------------------------------------------------------------------------ columns

/// A count of coins as a column that sorts as it counts.
pub(super) fn column(count: u128) -> Vec<u8> {
    let bytes = count.to_be_bytes();
    let empty = count.leading_zeros() / 8;
    let digits = bytes.iter().skip(empty as usize).copied();
    let mut column = vec![16_u8.saturating_sub(empty as u8)];
    column.extend(digits);
    column
}

pub(super) fn count(column: &[u8]) -> Result<u128> {
    let read = || {
        let (len, digits) = column.split_first()?;
        let mut bytes = [0; 16];
        let empty = bytes.len().checked_sub(digits.len())?;
        bytes.get_mut(empty..)?.copy_from_slice(digits);
        (usize::from(*len) == digits.len()).then(|| u128::from_be_bytes(bytes))
    };
    Ok(read().ok_or_else(|| Damage::new("trace", format_args!("{column:?}"), "no count"))?)
}

fn id(id: i64) -> AccountId {
    AccountId(id)
}

type LineColumns = (i64, Vec<u8>, i64, Vec<u8>, i64);

fn line((giver, out_first, taker, in_first, coins): LineColumns) -> Result<Jump> {
    Ok(Jump {
        from: Spot {
            account: id(giver),
            position: count(&out_first)?,
        },
        to: Spot {
            account: id(taker),
            position: count(&in_first)?,
        },
        coins: coins.unsigned_abs().into(),
        hops: 1,
    })
}

type MoveColumns = (i64, i64, i64, Vec<u8>, i64, Vec<u8>, i64);

fn read_move(columns: MoveColumns) -> Result<Move> {
    let (number, height, giver, out_first, taker, in_first, coins) = columns;
    let Jump { from, to, .. } = line((giver, out_first, taker, in_first, coins))?;
    Ok(Move {
        number: number.unsigned_abs(),
        height: height.unsigned_abs(),
        from,
        to,
        coins: coins.unsigned_abs(),
    })
}

type AccountColumns = (
    i64,
    Vec<u8>,
    Vec<u8>,
    i64,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Option<i64>,
);

pub(super) fn read_account(columns: AccountColumns) -> Result<(Name, Account)> {
    let (number, key, currency, party, entered, gone, minted, payer) = columns;
    let row = Row {
        table: "trace account",
        key: &number,
    };
    let name = Name {
        currency: row.currency(&currency)?,
        key,
    };
    let account = Account {
        id: id(number),
        party: id(party),
        entered: count(&entered)?,
        left: count(&gone)?,
        minted: count(&minted)?,
        payer: payer.map(id),
    };
    Ok((name, account))
}

macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT account.id, account.account, account.currency, party, entered, gone, minted, payer ",
            $rest
        )
    };
}
pub(super) use select_account;

macro_rules! select_move {
    ($rest:literal) => {
        concat!(
            "SELECT number, height, giver, out_first, taker, in_first, coins FROM move ",
            $rest
        )
    };
}

// ------------------------------------------------------------------------------------ following

pub(super) async fn followed(index: &mut Connection) -> Result<Followed> {
    let (height, root, moves, accounts): (i64, Vec<u8>, i64, i64) =
        sqlx::query_as("SELECT height, root, moves, accounts FROM followed")
            .fetch_one(index)
            .await?;
    let row = Row {
        table: "followed",
        key: &height,
    };
    Ok(Followed {
        head: JournalHead {
            height: row.count(height)?,
            root: row.digest(&root)?,
        },
        newest_move: row.count(moves)?,
        newest_account: accounts,
    })
}

/// Those of these accounts that were used before.
pub(super) async fn accounts(
    index: &mut Connection,
    names: &[Name],
) -> Result<Vec<(Name, Account)>> {
    let mut found = Vec::with_capacity(names.len());
    for names in names.chunks(ROWS_AT_ONCE) {
        let mut text = QueryBuilder::<Sqlite>::new("WITH wanted (account, currency) AS (");
        text.push_values(names, |mut row, name| {
            row.push_bind(name.key.as_slice())
                .push_bind(name.currency.as_bytes().as_slice());
        });
        // CROSS: the list first, then the table's own index for each.
        text.push(") ");
        text.push(select_account!(
            "FROM wanted CROSS JOIN account USING (account, currency)"
        ));
        let rows: Vec<AccountColumns> = text
            .build_query_as()
            .persistent(names.len() == ROWS_AT_ONCE)
            .fetch_all(&mut *index)
            .await?;
        for row in rows {
            found.push(read_account(row)?);
        }
    }
    Ok(found)
}

/// Writes what a run of entries moved, and that the journal was followed so far.
pub(super) async fn write(
    index: &mut Connection,
    accounts: &[(&Name, &Account)],
    moves: &[Move],
    paid: &[(Timestamp, Paid)],
    followed: &Followed,
) -> Result<()> {
    for rows in accounts.chunks(ROWS_AT_ONCE) {
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO account (id, account, currency, party, entered, gone, minted, payer) ",
        );
        text.push_values(rows, |mut row, (name, account)| {
            row.push_bind(account.id.0)
                .push_bind(name.key.as_slice())
                .push_bind(name.currency.as_bytes().as_slice())
                .push_bind(account.party.0)
                .push_bind(column(account.entered))
                .push_bind(column(account.left))
                .push_bind(column(account.minted))
                .push_bind(account.payer.map(|payer| payer.0));
        });
        text.push(
            " ON CONFLICT (id) DO UPDATE SET entered = excluded.entered, gone = excluded.gone,
             minted = excluded.minted, payer = excluded.payer",
        );
        run(index, text, rows.len()).await?;
    }
    for rows in moves.chunks(ROWS_AT_ONCE) {
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO move (number, height, giver, out_first, taker, in_first, coins) ",
        );
        text.push_values(rows, |mut row, each| {
            row.push_bind(each.number as i64)
                .push_bind(each.height as i64)
                .push_bind(each.from.account.0)
                .push_bind(column(each.from.position))
                .push_bind(each.to.account.0)
                .push_bind(column(each.to.position))
                .push_bind(each.coins as i64);
        });
        run(index, text, rows.len()).await?;
    }
    for rows in paid.chunks(ROWS_AT_ONCE) {
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO paid (height, line, at, payer, payee, amount) ",
        );
        text.push_values(rows, |mut row, (at, paid)| {
            row.push_bind(paid.height as i64)
                .push_bind(i64::from(paid.line))
                .push_bind(i64::from(at.0))
                .push_bind(paid.payer.0)
                .push_bind(paid.payee.0)
                .push_bind(paid.amount as i64);
        });
        run(index, text, rows.len()).await?;
    }
    sqlx::query("UPDATE followed SET height = $1, root = $2, moves = $3, accounts = $4")
        .bind(followed.head.height as i64)
        .bind(followed.head.root.as_bytes().as_slice())
        .bind(followed.newest_move as i64)
        .bind(followed.newest_account)
        .execute(index)
        .await?;
    Ok(())
}

/// Writes what a full block comes to.
pub(super) async fn write_jumps(index: &mut Connection, level: u32, jumps: &[Jump]) -> Result<()> {
    for rows in jumps.chunks(ROWS_AT_ONCE) {
        let mut text = QueryBuilder::<Sqlite>::new(
            "INSERT INTO jump (level, giver, out_first, taker, in_first, coins) ",
        );
        text.push_values(rows, |mut row, jump| {
            row.push_bind(i64::from(level))
                .push_bind(jump.from.account.0)
                .push_bind(column(jump.from.position))
                .push_bind(jump.to.account.0)
                .push_bind(column(jump.to.position))
                .push_bind(jump.coins as i64);
        });
        run(index, text, rows.len()).await?;
    }
    Ok(())
}

async fn run(index: &mut Connection, mut text: QueryBuilder<Sqlite>, rows: usize) -> Result<()> {
    // Only the text for a full run comes again and again.
    let query = text.build().persistent(rows == ROWS_AT_ONCE);
    query.execute(index).await?;
    Ok(())
}

/// The moves of a block, in order.
pub(super) async fn moves(index: &mut Connection, first: u64, last: u64) -> Result<Vec<Move>> {
    let rows: Vec<MoveColumns> = sqlx::query_as(select_move!(
        "WHERE number BETWEEN $1 AND $2 ORDER BY number"
    ))
    .bind(first as i64)
    .bind(last as i64)
    .fetch_all(index)
    .await?;
    rows.into_iter().map(read_move).collect()
}

// ------------------------------------------------------------------------------------ looking up

const _: () = assert!(LEVELS == 3, "the texts below know every level");

macro_rules! reaching {
    ($columns:literal, $side:literal, $position:literal, $($level:literal)*) => {
        concat!(
            $(
                "SELECT * FROM (SELECT ", $columns, " FROM jump WHERE level = ", $level, " AND ",
                $side, " = $1 AND ", $position, " <= $2 ORDER BY ", $position, " DESC LIMIT 1)
                UNION ALL ",
            )*
            "SELECT * FROM (SELECT ", $columns, " FROM move WHERE ",
            $side, " = $1 AND ", $position, " <= $2 ORDER BY ", $position, " DESC LIMIT 1)"
        )
    };
}

/// Lines that lead on from a spot, the longest jump first.
pub(super) const FORWARDS: &str = reaching!(
    "giver, out_first, taker, in_first, coins",
    "giver",
    "out_first", 3 2 1);
/// Lines that lead to a spot, read from there.
pub(super) const BACKWARDS: &str = reaching!(
    "taker, in_first, giver, out_first, coins",
    "taker",
    "in_first", 3 2 1);
const NEXT_MOVE: &str =
    select_move!("WHERE giver = $1 AND out_first <= $2 ORDER BY out_first DESC LIMIT 1");
const MINTED: &str = select_move!("WHERE height = $1 AND giver < 0 ORDER BY number LIMIT $2");
const MINTS: &str = select_move!(
    "WHERE giver = $1 AND out_first >= (
       SELECT max(out_first) FROM move WHERE giver = $1 AND out_first <= $2)
     ORDER BY out_first LIMIT $3"
);

#[cfg(test)]
pub(super) const TEXTS: [&str; 5] = [FORWARDS, BACKWARDS, NEXT_MOVE, MINTED, MINTS];

/// The longest line from this spot on.
pub(super) async fn reaching(
    index: &mut Connection,
    text: &'static str,
    spot: Spot,
) -> Result<Option<Jump>> {
    let rows: Vec<LineColumns> = sqlx::query_as(text)
        .bind(spot.account.0)
        .bind(column(spot.position))
        .fetch_all(index)
        .await?;
    for row in rows {
        let line = line(row)?;
        if line.before(spot).is_some() {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

/// The very next move of the coin at this spot.
pub(super) async fn next_move(index: &mut Connection, spot: Spot) -> Result<Option<Move>> {
    let row: Option<MoveColumns> = sqlx::query_as(NEXT_MOVE)
        .bind(spot.account.0)
        .bind(column(spot.position))
        .fetch_optional(index)
        .await?;
    let next = row.map(read_move).transpose()?;
    Ok(next.filter(|next| next.jump().before(spot).is_some()))
}

/// What an entry took out of sources.
pub(super) async fn minted(index: &mut Connection, height: u64, most: u32) -> Result<Vec<Move>> {
    let rows: Vec<MoveColumns> = sqlx::query_as(MINTED)
        .bind(height as i64)
        .bind(most)
        .fetch_all(index)
        .await?;
    rows.into_iter().map(read_move).collect()
}

/// What came out of a source from this serial on.
pub(super) async fn mints(index: &mut Connection, from: Spot, most: u32) -> Result<Vec<Move>> {
    let rows: Vec<MoveColumns> = sqlx::query_as(MINTS)
        .bind(from.account.0)
        .bind(column(from.position))
        .bind(most)
        .fetch_all(index)
        .await?;
    rows.into_iter().map(read_move).collect()
}
