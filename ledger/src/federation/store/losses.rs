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
    /// Up to which height of its journal it has the word.
    pub height: u64,
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Keeps what a lost home's purse took along without it.
pub(crate) async fn keep_released(
    connection: &mut Connection,
    given: &Given<'_>,
    (currency, amount): (&Currency, AmountMinor),
    bytes: &[u8],
) -> Result<()> {
    sqlx::query(
        "INSERT INTO released (code, lease, home, currency, amount, bytes, height)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(given.code.as_bytes().as_slice())
    .bind(column(given.lease))
    .bind(given.home.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(amount.as_i64())
    .bind(bytes)
    .bind(column(given.height))
    .execute(connection)
    .await?;
    Ok(())
}

/// Up to which height a lost home has the word on a code's payments; `None` when it was not lost.
pub(crate) async fn released_at(
    connection: &mut Connection,
    code: &Code,
    lost: &Code,
) -> Result<Option<u64>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT height FROM released WHERE code = $1 AND home = $2 ORDER BY lease DESC LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .bind(lost.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(height,)| height.unsigned_abs()))
}

/// The home that a code lost last.
pub(crate) async fn lost_home(connection: &mut Connection, code: &Code) -> Result<Option<Code>> {
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT home FROM released WHERE code = $1 ORDER BY lease DESC LIMIT 1")
            .bind(code.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    let key = Row {
        table: "released",
        key: code,
    };
    row.map(|(home,)| Ok(key.code(&home)?)).transpose()
}

/// Keeps how much a lost home wrote off.
pub(crate) async fn returned(
    connection: &mut Connection,
    lost: &Code,
    (code, lease): (&Code, u64),
    currency: &Currency,
    amount: AmountMinor,
) -> Result<()> {
    sqlx::query(
        "UPDATE released SET returned = min($5, amount - absorbed)
         WHERE code = $1 AND lease = $2 AND home = $3 AND currency = $4",
    )
    .bind(code.as_bytes().as_slice())
    .bind(column(lease))
    .bind(lost.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .bind(amount.as_i64())
    .execute(connection)
    .await?;
    Ok(())
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
        "SELECT lease, amount - absorbed - returned FROM released
         WHERE code = $1 AND home = $2 AND currency = $3 AND amount > absorbed + returned
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

/// Whether this home wrote the purse off before.
pub(crate) async fn is_written_off(
    connection: &mut Connection,
    (code, lease): (&Code, u64),
    currency: &Currency,
) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM written_off WHERE code = $1 AND lease = $2 AND currency = $3",
    )
    .bind(code.as_bytes().as_slice())
    .bind(column(lease))
    .bind(currency.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Keeps what it wrote off of it, less what it undid, and up to which height it has the word.
pub(crate) async fn write_off(
    connection: &mut Connection,
    given: &Given<'_>,
    currency: &Currency,
    (amount, undone): (AmountMinor, AmountMinor),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO written_off (code, lease, currency, amount, height)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(given.code.as_bytes().as_slice())
    .bind(column(given.lease))
    .bind(currency.as_bytes().as_slice())
    .bind(amount.as_i64().saturating_sub(undone.as_i64()))
    .bind(column(given.height))
    .execute(connection)
    .await?;
    Ok(())
}

/// Up to which height this home has the word on a code that went on without it; `None` when it
/// never did.
pub(crate) async fn given_up_at(connection: &mut Connection, code: &Code) -> Result<Option<u64>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT height FROM written_off WHERE code = $1 ORDER BY lease DESC LIMIT 1",
    )
    .bind(code.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(height,)| height.unsigned_abs()))
}

/// What payments moved after a height: their identifiers, and by how much a purse gained or lost.
async fn moved(
    connection: &mut Connection,
    (code, currency): (&Code, &Currency),
    height: u64,
    side: &'static str,
) -> Result<Vec<(Digest, i64)>> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(side)
        .bind(column(height))
        .bind(currency.as_bytes().as_slice())
        .bind(code.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    let row = Row {
        table: "posting of",
        key: code,
    };
    rows.into_iter()
        .map(|(payment, change)| Ok((row.digest(&payment)?, change)))
        .collect()
}

/// Payments of a purse after a height, with what each took from it.
pub(crate) async fn paid_after(
    connection: &mut Connection,
    purse: (&Code, &Currency),
    height: u64,
) -> Result<Vec<(Digest, i64)>> {
    let side = "SELECT payment.id, -sum(posting.change) FROM entry
           JOIN posting ON posting.height = entry.height
           JOIN account ON account.account = posting.account AND account.currency = entry.currency
           JOIN payment ON payment.id = entry.subject
         WHERE entry.height > $1 AND entry.currency = $2 AND account.owner = $3
           AND payment.payer = $3
         GROUP BY payment.id ORDER BY payment.number";
    moved(connection, purse, height, side).await
}

/// Payments to a purse after a height, with what each brought into it here.
pub(crate) async fn received_after(
    connection: &mut Connection,
    purse: (&Code, &Currency),
    height: u64,
) -> Result<Vec<(Digest, i64)>> {
    let side = "SELECT payment.id, sum(posting.change) FROM entry
           JOIN posting ON posting.height = entry.height
           JOIN account ON account.account = posting.account AND account.currency = entry.currency
           JOIN payment ON payment.id = entry.subject
         WHERE entry.height > $1 AND entry.currency = $2 AND account.owner = $3
           AND payment.payee = $3 AND payment.payer <> $3
         GROUP BY payment.id ORDER BY payment.number";
    moved(connection, purse, height, side).await
}

/// A payment that the next home settles instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandedOver {
    pub payment: Digest,
    pub payer: Code,
    /// The lease that was given up.
    pub lease: u64,
    pub currency: Currency,
    pub payee: Code,
    /// What these books paid for it.
    pub amount: AmountMinor,
    /// Of it, what the next home has paid as well.
    pub settled: AmountMinor,
}

/// Hands a payment over.
pub(crate) async fn hand_over(connection: &mut Connection, it: &HandedOver) -> Result<()> {
    sqlx::query(
        "INSERT INTO handed_over (payment, payer, lease, currency, payee, amount, settled)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (payment)
         DO UPDATE SET amount = excluded.amount, settled = excluded.settled",
    )
    .bind(it.payment.as_bytes().as_slice())
    .bind(it.payer.as_bytes().as_slice())
    .bind(column(it.lease))
    .bind(it.currency.as_bytes().as_slice())
    .bind(it.payee.as_bytes().as_slice())
    .bind(it.amount.as_i64())
    .bind(it.settled.as_i64())
    .execute(connection)
    .await?;
    Ok(())
}

/// The payment, if it was handed over.
pub(crate) async fn handed_over(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<HandedOver>> {
    type Columns = (Vec<u8>, i64, Vec<u8>, Vec<u8>, i64, i64);
    let row: Option<Columns> = sqlx::query_as(
        "SELECT payer, lease, currency, payee, amount, settled FROM handed_over
         WHERE payment = $1",
    )
    .bind(payment.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some((payer, lease, currency, payee, amount, settled)) = row else {
        return Ok(None);
    };
    let row = Row {
        table: "handed_over",
        key: payment,
    };
    Ok(Some(HandedOver {
        payment: *payment,
        payer: row.code(&payer)?,
        lease: row.count(lease)?,
        currency: row.currency(&currency)?,
        payee: row.code(&payee)?,
        amount: row.amount(amount)?,
        settled: row.amount(settled)?,
    }))
}

/// Payments that the next home has not settled in full and has spoken its last word on before, the
/// longest ago first.
pub(crate) async fn unsettled(
    connection: &mut Connection,
    before: Timestamp,
    most: u32,
) -> Result<Vec<Digest>> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT DISTINCT handed_over.payment FROM handed_over
         JOIN relay ON relay.payment = handed_over.payment
         WHERE handed_over.settled < handed_over.amount AND relay.final = 1 AND relay.at < $1
         ORDER BY relay.at LIMIT $2",
    )
    .bind(i64::from(before.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id,)| {
            let row = Row {
                table: "handed_over",
                key: &id,
            };
            Ok(row.digest(&id)?)
        })
        .collect()
}

/// What these books paid to a purse and handed over since.
pub(crate) async fn handed_over_to(
    connection: &mut Connection,
    (payee, currency): (&Code, &Currency),
) -> Result<Vec<(Digest, i64)>> {
    let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT payment, amount FROM handed_over WHERE payee = $1 AND currency = $2",
    )
    .bind(payee.as_bytes().as_slice())
    .bind(currency.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    let row = Row {
        table: "handed_over to",
        key: payee,
    };
    rows.into_iter()
        .map(|(payment, amount)| Ok((row.digest(&payment)?, amount)))
        .collect()
}

/// The next home has paid `more` of it: nothing of that has gone on ahead any longer.
pub(crate) async fn settled_too(
    connection: &mut Connection,
    it: &HandedOver,
    more: AmountMinor,
) -> Result<()> {
    sqlx::query(
        "UPDATE written_off SET amount = amount + $4
         WHERE code = $1 AND lease = $2 AND currency = $3",
    )
    .bind(it.payer.as_bytes().as_slice())
    .bind(column(it.lease))
    .bind(it.currency.as_bytes().as_slice())
    .bind(more.as_i64())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE handed_over SET settled = settled + $2 WHERE payment = $1")
        .bind(it.payment.as_bytes().as_slice())
        .bind(more.as_i64())
        .execute(connection)
        .await?;
    Ok(())
}

/// Remembers that the lost home has the word on a payment.
pub(crate) async fn settled_there(connection: &mut Connection, payment: &Digest) -> Result<()> {
    sqlx::query("INSERT INTO settled_there (payment) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(payment.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it has.
pub(crate) async fn is_settled_there(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM settled_there WHERE payment = $1")
        .bind(payment.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// From now on this home settles under the allowances that a lost one gave the code.
pub(crate) async fn take_over(connection: &mut Connection, code: &Code, lost: &Code) -> Result<()> {
    sqlx::query("INSERT INTO taken_over (code, home) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(code.as_bytes().as_slice())
        .bind(lost.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether it does.
pub(crate) async fn has_taken_over(
    connection: &mut Connection,
    code: &Code,
    lost: &Code,
) -> Result<bool> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM taken_over WHERE code = $1 AND home = $2")
            .bind(code.as_bytes().as_slice())
            .bind(lost.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Keeps the list of items in which a payment came with its covers: those that others settle are
/// nowhere else in these books.
pub(crate) async fn keep_items(
    connection: &mut Connection,
    payment: &Digest,
    (items, beneath): (&[u8], &Digest),
) -> Result<()> {
    sqlx::query(
        "INSERT INTO came_covered (payment, beneath, items) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(payment.as_bytes().as_slice())
    .bind(beneath.as_bytes().as_slice())
    .bind(items)
    .execute(connection)
    .await?;
    Ok(())
}

/// The list, and the hash over everything that covers the payment.
pub(crate) async fn items(
    connection: &mut Connection,
    payment: &Digest,
) -> Result<Option<(Vec<u8>, Digest)>> {
    let row: Option<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT items, beneath FROM came_covered WHERE payment = $1")
            .bind(payment.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
    let key = Row {
        table: "came_covered",
        key: payment,
    };
    row.map(|(items, beneath)| Ok((items, key.digest(&beneath)?)))
        .transpose()
}
