//! What one person asked for and a second one decides, and from which amount on.

use super::row::Row;
use super::treasury::{LoadOrder, Way};
use super::{Connection, Result};
use protocol::{AmountMinor, Currency, Timestamp};

/// A load or redemption that one person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyWish {
    /// The order as it will be carried out.
    pub order: LoadOrder,
    /// Which way.
    pub way: Way,
    /// Who answers for it: the person, or who made the token it came by.
    pub person: String,
}

/// What a second person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The money moves.
    Confirmed,
    /// It does not.
    Refused,
}

/// Who decided, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDecision {
    /// How.
    pub verdict: Verdict,
    /// As the audit trail names them.
    pub by: String,
    /// Who answers for it.
    pub person: String,
    /// When.
    pub at: Timestamp,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// For a second person.
    Waiting,
    /// Nobody decided in time; nothing was moved.
    Expired,
    /// The money moved.
    Confirmed,
    /// It did not.
    Refused,
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Expired, Self::Confirmed, Self::Refused];

    /// One word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Expired => "expired",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

/// A request, decided or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyRequest {
    /// Its number.
    pub number: u64,
    /// What was asked for.
    pub wish: MoneyWish,
    /// When.
    pub at: Timestamp,
    /// From when on nobody decides it any more.
    pub expires: Timestamp,
    /// What a second person said.
    pub decision: Option<RequestDecision>,
}

impl MoneyRequest {
    /// How it stands at this time.
    pub fn state(&self, now: Timestamp) -> RequestState {
        match self.decision.as_ref().map(|decision| decision.verdict) {
            Some(Verdict::Confirmed) => RequestState::Confirmed,
            Some(Verdict::Refused) => RequestState::Refused,
            None if self.expires > now => RequestState::Waiting,
            None => RequestState::Expired,
        }
    }
}

/// How much of a currency one person moves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AloneLimit {
    /// Which currency.
    pub currency: Currency,
    /// In one order; what is above it takes two.
    pub most: AmountMinor,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

pub(crate) type RequestColumns = (
    i64,
    String,
    bool,
    Vec<u8>,
    Vec<u8>,
    i64,
    String,
    String,
    i64,
    i64,
    Option<bool>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

macro_rules! select_request {
    ($rest:literal) => {
        concat!(
            "SELECT number, key, redeem, code, currency, amount, made_by, person, at, expires, \
             verdict, decided_by, second, decided FROM money_request ",
            $rest
        )
    };
}
pub(crate) use select_request;

pub(crate) fn request_from(columns: RequestColumns) -> Result<MoneyRequest> {
    let (number, key, redeem, code, currency, amount, made_by, person, at, expires, ..) = &columns;
    let row = Row {
        table: "money_request",
        key: number,
    };
    let order = LoadOrder {
        code: row.code(code)?,
        currency: row.currency(currency)?,
        amount: row.amount(*amount)?,
        key: key.clone(),
        by: made_by.clone(),
    };
    let decision = match (columns.10, &columns.11, &columns.12, columns.13) {
        (None, ..) => None,
        (Some(confirmed), Some(by), Some(second), Some(decided)) => Some(RequestDecision {
            verdict: match confirmed {
                true => Verdict::Confirmed,
                false => Verdict::Refused,
            },
            by: by.clone(),
            person: second.clone(),
            at: row.time(decided)?,
        }),
        _ => return Err(row.damaged("half a decision").into()),
    };
    Ok(MoneyRequest {
        number: row.count(*number)?,
        wish: MoneyWish {
            order,
            way: if *redeem { Way::Redeem } else { Way::Load },
            person: person.clone(),
        },
        at: row.time(*at)?,
        expires: row.time(*expires)?,
        decision,
    })
}

/// The request with this key.
pub(crate) async fn by_key(connection: &mut Connection, key: &str) -> Result<Option<MoneyRequest>> {
    let columns: Option<RequestColumns> = sqlx::query_as(select_request!("WHERE key = $1"))
        .bind(key)
        .fetch_optional(connection)
        .await?;
    columns.map(request_from).transpose()
}

/// The request with this number.
pub(crate) async fn by_number(
    connection: &mut Connection,
    number: u64,
) -> Result<Option<MoneyRequest>> {
    let columns: Option<RequestColumns> = sqlx::query_as(select_request!("WHERE number = $1"))
        .bind(i64::try_from(number).unwrap_or(-1))
        .fetch_optional(connection)
        .await?;
    columns.map(request_from).transpose()
}

/// How many wait.
pub(crate) async fn waiting(connection: &mut Connection, now: Timestamp) -> Result<u64> {
    let (count,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM money_request WHERE verdict IS NULL AND expires > $1")
            .bind(i64::from(now.0))
            .fetch_one(connection)
            .await?;
    Ok(count.unsigned_abs())
}

/// Keeps a request.
pub(crate) async fn insert(
    connection: &mut Connection,
    wish: &MoneyWish,
    now: Timestamp,
    expires: Timestamp,
) -> Result<u64> {
    let order = &wish.order;
    let (number,): (i64,) = sqlx::query_as(
        "INSERT INTO money_request
           (key, redeem, code, currency, amount, made_by, person, at, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING number",
    )
    .bind(order.key.as_str())
    .bind(i64::from(wish.way == Way::Redeem))
    .bind(order.code.as_bytes().as_slice())
    .bind(order.currency.as_bytes().as_slice())
    .bind(order.amount.as_i64())
    .bind(order.by.as_str())
    .bind(wish.person.as_str())
    .bind(i64::from(now.0))
    .bind(i64::from(expires.0))
    .fetch_one(connection)
    .await?;
    Ok(number.unsigned_abs())
}

/// Keeps what a second person said.
pub(crate) async fn decide(
    connection: &mut Connection,
    number: u64,
    decision: &RequestDecision,
) -> Result<()> {
    sqlx::query(
        "UPDATE money_request SET verdict = $2, decided_by = $3, second = $4, decided = $5
         WHERE number = $1",
    )
    .bind(i64::try_from(number).unwrap_or(-1))
    .bind(i64::from(decision.verdict == Verdict::Confirmed))
    .bind(decision.by.as_str())
    .bind(decision.person.as_str())
    .bind(i64::from(decision.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// What one person moves alone: of one currency, or of all that have a limit.
pub(crate) async fn limits(
    connection: &mut Connection,
    only: Option<&Currency>,
) -> Result<Vec<AloneLimit>> {
    let rows: Vec<(Vec<u8>, i64, String, i64)> = sqlx::query_as(
        "SELECT currency, most, made_by, at FROM alone
         WHERE $1 IS NULL OR currency = $1 ORDER BY currency LIMIT 1000",
    )
    .bind(only.map(|currency| currency.as_bytes().as_slice()))
    .fetch_all(connection)
    .await?;
    let limit = |(currency, most, by, at): (Vec<u8>, i64, String, i64)| {
        let row = Row {
            table: "alone",
            key: &currency,
        };
        Ok(AloneLimit {
            most: row.amount(most)?,
            at: row.time(at)?,
            currency: row.currency(&currency)?,
            by,
        })
    };
    rows.into_iter().map(limit).collect()
}

/// Sets a limit.
pub(crate) async fn set_limit(connection: &mut Connection, limit: &AloneLimit) -> Result<()> {
    sqlx::query(
        "INSERT INTO alone (currency, most, made_by, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (currency) DO UPDATE SET most = $2, made_by = $3, at = $4",
    )
    .bind(limit.currency.as_bytes().as_slice())
    .bind(limit.most.as_i64())
    .bind(limit.by.as_str())
    .bind(i64::from(limit.at.0))
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a limit away.
pub(crate) async fn unset_limit(connection: &mut Connection, currency: &Currency) -> Result<()> {
    sqlx::query("DELETE FROM alone WHERE currency = $1")
        .bind(currency.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
