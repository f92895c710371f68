//! Whether the index is what the books say.

use super::Tracing;
use super::fifo::{AccountId, Name};
use super::follow::{Stand, step};
use super::index::{count, read_account, select_account};
use crate::bounds::SCAN_STEP;
use crate::error::Damage;
use crate::store::journal::Hex;
use crate::store::{Connection, Result};
use sqlx::{QueryBuilder, Sqlite};

const ACCOUNTS: &str = select_account!("FROM account WHERE id > $1 ORDER BY id LIMIT $2");
/// Lines by where they take from, with what the account says has gone in all.
const OUT: &str = "SELECT giver, out_first, coins,
    CASE WHEN giver < 0 THEN minted ELSE gone END
  FROM move JOIN account ON account.id = abs(giver)
  WHERE (giver, out_first) > ($1, $2) ORDER BY giver, out_first LIMIT $3";
/// Lines by where they lead to, with what the account says has come in all.
const IN: &str = "SELECT taker, in_first, coins, entered
  FROM move JOIN account ON account.id = taker
  WHERE (taker, in_first) > ($1, $2) ORDER BY taker, in_first LIMIT $3";

impl Tracing {
    /// Follows the journal to its end and checks everything: that the coins of every account are its
    /// balance, and that each coin that ever was in an account came in once and went out once, in
    /// line.
    pub async fn check(&self) -> Result<Stand> {
        let mut writer = self.shared.writer.lock().await;
        let mut books = self.shared.books.acquire().await?;
        // One snapshot, so that what is written meanwhile does not look like damage.
        let mut books = sqlx::Connection::begin(&mut *books).await?;
        let mut stand = step(&mut writer, &mut books).await?;
        while stand.behind > 0 {
            stand = step(&mut writer, &mut books).await?;
        }
        balances(&mut writer, &mut books).await?;
        let out = in_line(&mut writer, OUT).await?;
        let into = in_line(&mut writer, IN).await?;
        let moving: (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM move),
               (SELECT count(*) FROM account WHERE gone <> x'00')
                 + (SELECT count(*) FROM account WHERE minted <> x'00'),
               (SELECT count(*) FROM account WHERE entered <> x'00')",
        )
        .fetch_one(&mut *writer)
        .await?;
        match moving == (out.lines, out.accounts, into.accounts) && into.lines == out.lines {
            true => Ok(stand),
            false => Err(Damage::new("trace move", out.lines, "lines are missing").into()),
        }
    }
}

/// Every account against the books, both ways.
async fn balances(index: &mut Connection, books: &mut Connection) -> Result<()> {
    let (mut after, mut known) = (0i64, 0i64);
    loop {
        let rows = sqlx::query_as(ACCOUNTS)
            .bind(after)
            .bind(SCAN_STEP)
            .fetch_all(&mut *index)
            .await?;
        let Some(accounts) = not_empty(rows) else {
            break;
        };
        let accounts = accounts.into_iter().map(read_account);
        let accounts = accounts.collect::<Result<Vec<_>>>()?;
        let names: Vec<&Name> = accounts.iter().map(|(name, _)| name).collect();
        let held = held(books, &names).await?;
        for ((name, account), balance) in accounts.iter().zip(held) {
            let coins = i128::try_from(account.holds()).ok();
            let owed = i128::try_from(account.minted).ok();
            let sum = coins.zip(owed).map(|(coins, owed)| coins - owed);
            if sum != Some(balance.into()) {
                let account = Hex(&name.key);
                return Err(Damage::new("account", account, "is not the sum of its coins").into());
            }
            known = known.saturating_add(i64::from(balance != 0));
            after = after.max(account.id.0);
        }
    }
    let (all,): (i64,) = sqlx::query_as("SELECT count(*) FROM account WHERE balance <> 0")
        .fetch_one(books)
        .await?;
    match all == known {
        true => Ok(()),
        false => Err(Damage::new("account", all, "some have a balance and no coins").into()),
    }
}

fn not_empty<T>(rows: Vec<T>) -> Option<Vec<T>> {
    (!rows.is_empty()).then_some(rows)
}

/// The balances of these accounts in the books, in this order; nothing where there is none.
async fn held(books: &mut Connection, names: &[&Name]) -> Result<Vec<i64>> {
    let mut text = QueryBuilder::<Sqlite>::new("WITH wanted (number, account, currency) AS (");
    text.push_values((0i64..).zip(names), |mut row, (number, name)| {
        row.push_bind(number)
            .push_bind(name.key.as_slice())
            .push_bind(name.currency.as_bytes().as_slice());
    });
    text.push(
        ") SELECT coalesce(balance, 0) FROM wanted LEFT JOIN account USING (account, currency)
         ORDER BY number",
    );
    let query = text.build_query_as().persistent(false);
    let rows: Vec<(i64,)> = query.fetch_all(books).await?;
    Ok(rows.into_iter().map(|(balance,)| balance).collect())
}

#[derive(Default)]
struct Seen {
    lines: i64,
    accounts: i64,
}

/// Whether the lines of every account follow each other without a gap, from its first coin to its
/// last.
async fn in_line(index: &mut Connection, text: &'static str) -> Result<Seen> {
    let mut seen = Seen::default();
    let (mut account, mut position) = (i64::MIN, Vec::new());
    let (mut reached, mut all) = (0u128, 0u128);
    loop {
        let rows: Vec<(i64, Vec<u8>, i64, Vec<u8>)> = sqlx::query_as(text)
            .bind(account)
            .bind(position.as_slice())
            .bind(SCAN_STEP)
            .fetch_all(&mut *index)
            .await?;
        let whole = rows.is_empty();
        for (id, first, coins, in_all) in rows {
            if id != account {
                ends(account, reached, all)?;
                seen.accounts = seen.accounts.saturating_add(1);
                (reached, all) = (0, count(&in_all)?);
            }
            if count(&first)? != reached.saturating_add(1) {
                return Err(gap(id).into());
            }
            reached = reached.saturating_add(coins.unsigned_abs().into());
            seen.lines = seen.lines.saturating_add(1);
            (account, position) = (id, first);
        }
        if whole {
            ends(account, reached, all)?;
            return Ok(seen);
        }
    }
}

fn ends(account: i64, reached: u128, all: u128) -> std::result::Result<(), Damage> {
    match reached == all {
        true => Ok(()),
        false => Err(gap(account)),
    }
}

fn gap(account: i64) -> Damage {
    Damage::new(
        "trace account",
        AccountId(account).0,
        "coins are not in line",
    )
}
