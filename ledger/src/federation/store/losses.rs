//! What is known of homes that were lost, at the centre, at the next home, and there.

use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::{AmountMinor, Code, Currency, Digest, Timestamp};

/// A lease that was given up without its home.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    pub code: &'a Code,
    pub lease: u64,
    /// The lost one.
    pub home: &'a Code,
    /// Up to which height its journal was known.
    pub height: u64,
    pub at: Timestamp,
}

/// How a lost home's account of a purse stands at the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Awaited = 0,
    /// The lost home was gone for too long.
    NoLonger = 1,
    Given = 2,
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

// -------------------------------------------------------------------------------- at the centre

/// Keeps what a lost home's purse took along without it.
pub(crate) async fn keep_released(
    connection: &mut Connection,
    given: &Given<'_>,
    (currency, amount): (&Currency, AmountMinor),
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO released (code, lease, home, currency, amount, bytes, height, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(given.code.as_bytes().as_slice())
    .bind(column(given.lease))
    .bind(given.home.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(amount.as_i64())
    .bind(bytes)
    .bind(column(given.height))
    .bind(i64::from(given.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What the centre knows of a lease that a lost home had on a code: up to which height of its
/// journal, and whether it has given account of the rest; `None` when that home was never lost.
pub(crate) async fn released(
    connection: &mut Connection,
    code: &Code,
    lost: &Code,
) -> Result<Option<(u64, Account)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT height, min(account) FROM released WHERE code = $1 AND home = $2
         GROUP BY lease ORDER BY lease DESC LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(lost.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(height, account)| (height.unsigned_abs(), account_from(account))))
}

const fn account_from(column: i64) -> Account {
    match column {
        0 => Account::Awaited,
        1 => Account::NoLonger,
        _ => Account::Given,
    }
}

/// Whether the account of some lost home of this code is awaited.
pub(crate) async fn is_awaited(connection: &mut Connection, code: &Code) -> Result<bool> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM released WHERE code = $1 AND account = 0 LIMIT 1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Purses whose lost home has been awaited since before `before`, with that home: they owe it
/// nothing.
pub(crate) async fn awaited_since(
    connection: &mut Connection,
    before: Timestamp,
    most: u32,
) -> Result<Vec<(Debt, Code)>> {
    type Columns = (Vec<u8>, i64, Vec<u8>, Vec<u8>);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT code, lease, max(currency), home FROM released WHERE account = 0 AND at < $1
         GROUP BY code, lease LIMIT $2",
    )
    .bind(i64::from(before.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(code, lease, currency, home)| {
            let row = Row {
                table: "released",
                key: &code,
            };
            let debt = Debt {
                code: row.code(&code)?,
                lease: row.count(lease)?,
                currency: row.currency(&currency)?,
                amount: AmountMinor::ZERO,
            };
            Ok((debt, row.code(&home)?))
        })
        .collect()
}

/// Nobody waits for a lost home any more.
pub(crate) async fn await_no_longer(
    connection: &mut Connection,
    code: &Code,
    lost: &Code,
) -> Result<()> {
    sqlx::query("UPDATE released SET account = 1 WHERE code = $1 AND home = $2 AND account = 0")
        .bind(code.as_bytes().as_slice())
        .bind(lost.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The lost home has given account in a currency; gives how it stood before, and how much of what
/// went on without it the lost home has not sent.
pub(crate) async fn account_given(
    connection: &mut Connection,
    lost: &Code,
    (code, lease): (&Code, u64),
    currency: &Currency,
) -> Result<Option<(Account, AmountMinor)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT account, amount - absorbed FROM released
         WHERE code = $1 AND lease = $2 AND home = $3 AND currency = $4",
    )
    .bind(code.as_bytes().as_slice())
    .bind(column(lease))
    .bind(lost.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((account, missing)) = row else {
        return Ok(None);
    };
    sqlx::query("UPDATE released SET account = 2 WHERE code = $1 AND lease = $2 AND currency = $3")
        .bind(code.as_bytes().as_slice())
        .bind(column(lease))
        .bind(currency.as_bytes().as_slice())
        .execute(connection)
        .await?;
    let row = Row {
        table: "released",
        key: code,
    };
    Ok(Some((account_from(account), row.amount(missing)?)))
}

/// Takes up to `amount` of what a lost home sends after all for what has gone on without it; gives
/// how much that was.
pub(crate) async fn absorb(
    connection: &mut Connection,
    lost: &Code,
    code: &Code,
    currency: &Currency,
    amount: AmountMinor,
) -> Result<AmountMinor> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT lease, amount - absorbed FROM released
         WHERE code = $1 AND home = $2 AND currency = $3 AND account < 2 AND amount > absorbed
         ORDER BY lease LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(lost.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((lease, left)) = row else {
        return Ok(AmountMinor::ZERO);
    };
    let row = Row {
        table: "released",
        key: code,
    };
    let taken = row.amount(left)?.min(amount);
    sqlx::query(
        "UPDATE released SET absorbed = absorbed + $4
         WHERE code = $1 AND lease = $2 AND currency = $3",
    )
    .bind(code.as_bytes().as_slice())
    .bind(lease)
    .bind(currency.as_bytes().as_slice())
    .bind(taken.as_i64())
    .execute(connection)
    .await?;
    Ok(taken)
}

// ----------------------------------------------------------------------------- at the lost home

/// Keeps that this home has given account of a lease; `false` when it had before.
pub(crate) async fn give_up(
    connection: &mut Connection,
    (code, lease): (&Code, u64),
    currency: &Currency,
    at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO given_up (code, lease, currency, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(code.as_bytes().as_slice())
    .bind(column(lease))
    .bind(currency.as_bytes().as_slice())
    .bind(i64::from(at.0))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Until when this home gave allowances for a code before it went on without it; `None` when it
/// never did.
pub(crate) async fn given_up_at(
    connection: &mut Connection,
    code: &Code,
) -> Result<Option<Timestamp>> {
    let (at,): (Option<i64>,) = sqlx::query_as("SELECT max(at) FROM given_up WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_one(connection)
        .await?;
    let row = Row {
        table: "given_up",
        key: code,
    };
    at.map(|at| Ok(row.time(at)?)).transpose()
}

/// Payments of a purse about which these books wrote something after a height.
pub(crate) async fn recorded_after(
    connection: &mut Connection,
    (code, currency): (&Code, &Currency),
    height: u64,
) -> Result<Vec<Digest>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT DISTINCT payment.id FROM entry JOIN payment ON payment.id = entry.subject
         WHERE entry.height > $1 AND payment.payer = $2 AND payment.currency = $3",
    )
    .bind(column(height))
    .bind(code.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "payment of",
        key: code,
    };
    rows.into_iter().map(|(id,)| Ok(row.digest(&id)?)).collect()
}

// ----------------------------------------------------------------------------- at the next home

/// The code's home before was lost, and its account is awaited.
pub(crate) async fn take_over(connection: &mut Connection, code: &Code, lost: &Code) -> Result<()> {
    sqlx::query(
        "INSERT INTO taken_over (code, home) VALUES ($1, $2)
         ON CONFLICT (code) DO UPDATE SET home = excluded.home",
    )
    .bind(code.as_bytes().as_slice())
    .bind(lost.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// The account has come, or is not awaited any more.
pub(crate) async fn has_come(connection: &mut Connection, code: &Code) -> Result<()> {
    sqlx::query("DELETE FROM taken_over WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// The lost home of a code whose account is awaited.
pub(crate) async fn awaited(connection: &mut Connection, code: &Code) -> Result<Option<Code>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT home FROM taken_over WHERE code = $1")
        .bind(code.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "taken_over",
        key: code,
    };
    row.map(|(home,)| Ok(key.code(&home)?)).transpose()
}

/// Money that is put aside for a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside {
    pub payment: Digest,
    pub code: Code,
    pub currency: Currency,
    pub amount: AmountMinor,
}

/// Keeps what is put aside for a payment.
pub(crate) async fn put_aside(connection: &mut Connection, it: &Aside) -> Result<()> {
    sqlx::query("INSERT INTO put_aside (payment, code, currency, amount) VALUES ($1, $2, $3, $4)")
        .bind(it.payment.as_bytes().as_slice())
        .bind(it.code.as_bytes().as_slice())
        .bind(it.currency.as_bytes().as_slice())
        .bind(it.amount.as_i64())
        .execute(connection)
        .await?;
    Ok(())
}

type AsideColumns = (Vec<u8>, Vec<u8>, Vec<u8>, i64);

fn aside_from((payment, code, currency, amount): AsideColumns) -> Result<Aside> {
    let row = Row {
        table: "put_aside",
        key: &payment,
    };
    Ok(Aside {
        payment: row.digest(&payment)?,
        code: row.code(&code)?,
        currency: row.currency(&currency)?,
        amount: row.amount(amount)?,
    })
}

/// What is put aside for a payment.
pub(crate) async fn aside(connection: &mut Connection, payment: &Digest) -> Result<Option<Aside>> {
    let row: Option<AsideColumns> =
        sqlx::query_as("SELECT payment, code, currency, amount FROM put_aside WHERE payment = $1")
            .bind(payment.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    row.map(aside_from).transpose()
}

/// Everything that is put aside of a purse.
pub(crate) async fn asides(connection: &mut Connection, code: &Code) -> Result<Vec<Aside>> {
    let rows: Vec<AsideColumns> = sqlx::query_as(
        "SELECT payment, code, currency, amount FROM put_aside WHERE code = $1 ORDER BY payment",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(aside_from).collect()
}

/// Nothing is put aside for it any more.
pub(crate) async fn forget_aside(connection: &mut Connection, payment: &Digest) -> Result<()> {
    sqlx::query("DELETE FROM put_aside WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Remembers that the lost home has the word on a payment.
pub(crate) async fn keep_theirs(connection: &mut Connection, payment: &Digest) -> Result<()> {
    sqlx::query("INSERT INTO theirs (payment) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(payment.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it has.
pub(crate) async fn is_theirs(connection: &mut Connection, payment: &Digest) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM theirs WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// What a purse owes to its lost home, of one lease and in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debt {
    /// Whose purse.
    pub code: Code,
    /// The lease that was given up.
    pub lease: u64,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
}

/// Adds to what a purse owes.
pub(crate) async fn owe(connection: &mut Connection, debt: &Debt) -> Result<()> {
    sqlx::query(
        "INSERT INTO debt (code, lease, currency, amount) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code, lease, currency) DO UPDATE SET amount = amount + excluded.amount",
    )
    .bind(debt.code.as_bytes().as_slice())
    .bind(column(debt.lease))
    .bind(debt.currency.as_bytes().as_slice())
    .bind(debt.amount.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

/// What purses owe still; of one purse, or of those that hold something free.
pub(crate) async fn debts(
    connection: &mut Connection,
    code: Option<&Code>,
    most: u32,
) -> Result<Vec<Debt>> {
    let rows: Vec<(Vec<u8>, i64, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT code, lease, debt.currency, amount - paid FROM debt
         WHERE paid < amount AND (code = $1 OR ($1 IS NULL AND EXISTS (SELECT 1 FROM account
           WHERE account.owner = debt.code AND account.currency = debt.currency
             AND account.kind = 1 AND account.balance > 0)))
         ORDER BY code, lease, debt.currency LIMIT $2",
    )
    .bind(code.map(|code| code.as_bytes().as_slice()))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(code, lease, currency, amount)| {
            let row = Row {
                table: "debt",
                key: &code,
            };
            Ok(Debt {
                code: row.code(&code)?,
                lease: row.count(lease)?,
                currency: row.currency(&currency)?,
                amount: row.amount(amount)?,
            })
        })
        .collect()
}

/// So much of a debt is paid.
pub(crate) async fn pay(connection: &mut Connection, debt: &Debt, paid: AmountMinor) -> Result<()> {
    let sql = "UPDATE debt SET paid = paid + $4
         WHERE code = $1 AND lease = $2 AND currency = $3";
    change(connection, debt, paid, sql).await
}

/// What is left of a debt is owed at another home from now on.
pub(crate) async fn owe_elsewhere(connection: &mut Connection, debt: &Debt) -> Result<()> {
    let sql = "UPDATE debt SET amount = amount - $4
         WHERE code = $1 AND lease = $2 AND currency = $3";
    change(connection, debt, debt.amount, sql).await
}

async fn change(
    connection: &mut Connection,
    debt: &Debt,
    by: AmountMinor,
    sql: &'static str,
) -> Result<()> {
    sqlx::query(sql)
        .bind(debt.code.as_bytes().as_slice())
        .bind(column(debt.lease))
        .bind(debt.currency.as_bytes().as_slice())
        .bind(by.as_i64())
        .execute(connection)
        .await?;
    Ok(())
}

// ------------------------------------------------------------------------------------ everywhere

/// Who settles a payment that a lost home has passed on.
pub(crate) async fn arbiter(connection: &mut Connection, payment: &Digest) -> Result<Option<Code>> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT gateway FROM arbiter WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let key = Row {
        table: "arbiter",
        key: payment,
    };
    row.map(|(gateway,)| Ok(key.code(&gateway)?)).transpose()
}

/// Keeps who does.
pub(crate) async fn set_arbiter(
    connection: &mut Connection,
    payment: &Digest,
    gateway: &Code,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO arbiter (payment, gateway) VALUES ($1, $2)
         ON CONFLICT (payment) DO UPDATE SET gateway = excluded.gateway",
    )
    .bind(payment.as_bytes().as_slice())
    .bind(gateway.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps a letter about a payment that cannot be settled before `until`, and not in full.
pub(crate) async fn keep_passed(
    connection: &mut Connection,
    payment: &Digest,
    letter: &[u8],
    until: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO passed_on (payment, until, letter) VALUES ($1, $2, $3)")
        .bind(payment.as_bytes().as_slice())
        .bind(i64::from(until.0))
        .bind(letter)
        .execute(connection)
        .await?;
    Ok(())
}

/// The letters that are kept, oldest first.
pub(crate) async fn passed(connection: &mut Connection, most: u32) -> Result<Vec<Vec<u8>>> {
    let rows: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT letter FROM passed_on ORDER BY number LIMIT $1")
            .bind(most)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(letter,)| letter).collect())
}

/// Until when a payment that was passed on waits for what is missing; `None` when it does not.
pub(crate) async fn waits_until(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<Timestamp>> {
    let (until,): (Option<i64>,) =
        sqlx::query_as("SELECT min(until) FROM passed_on WHERE payment = $1")
            .bind(payment.as_bytes().as_slice())
            .fetch_one(connection)
            .await?;
    let row = Row {
        table: "passed_on",
        key: payment,
    };
    until.map(|until| Ok(row.time(until)?)).transpose()
}

/// A payment does not wait any more.
pub(crate) async fn forget_passed(connection: &mut Connection, payment: &Digest) -> Result<()> {
    sqlx::query("DELETE FROM passed_on WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
