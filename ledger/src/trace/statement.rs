//! What one party was paid and paid in a period, with what it had before and after.

use super::Tracing;
use super::answers::{Holder, TraceCursor};
use super::chain::{Link, Period};
use crate::books::Account;
use crate::bounds::{PAGE_MOST, STATEMENT_ENTRIES_MOST};
use crate::store::{Connection, Result};
use protocol::{Code, Currency, Timestamp};

/// Steps that are followed at most, so that a statement is of all the journal.
const STEPS_MOST: u32 = 256;

/// Whose statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementOf {
    /// A purse: what it was paid less what it paid.
    Purse(Code),
    /// The books: what was loaded less what was redeemed.
    Books,
}

impl StatementOf {
    const fn account(&self) -> Account {
        match self {
            Self::Purse(code) => Account::PurseFree(*code),
            Self::Books => Account::Issuer,
        }
    }

    fn is(&self, holder: &Holder) -> bool {
        match self {
            Self::Purse(code) => holder.code() == Some(*code),
            Self::Books => *holder == Holder::Issuer,
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementEntry {
    /// What happened.
    pub link: Link,
    /// What it changed, in the smallest unit.
    pub change_minor: i128,
    /// What there was after it.
    pub balance_minor: i128,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// In which currency.
    pub currency: Currency,
    /// Of which time.
    pub period: Period,
    /// Before its first entry.
    pub opening_minor: i128,
    /// After its last one.
    pub closing_minor: i128,
    /// The oldest first.
    pub entries: Vec<StatementEntry>,
    /// The newest journal entry that it knows.
    pub height: u64,
}

/// Why there is no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStatement {
    /// More than [`STATEMENT_ENTRIES_MOST`] entries.
    TooLong,
    /// The index of coins is far behind the journal; later it is not.
    Behind,
}

/// Sums in halves: all that a purse ever paid may be more than a column holds.
const BEFORE: [&str; 2] = [
    "SELECT coalesce(sum(amount >> 32), 0), coalesce(sum(amount & 4294967295), 0)
     FROM paid WHERE payee = $1 AND at < $2",
    "SELECT coalesce(sum(amount >> 32), 0), coalesce(sum(amount & 4294967295), 0)
     FROM paid WHERE payer = $1 AND at < $2",
];

impl Tracing {
    /// The statement of a party in one currency.
    pub async fn statement(
        &self,
        of: StatementOf,
        currency: Currency,
        period: Period,
    ) -> Result<std::result::Result<Statement, NoStatement>> {
        let mut stand = self.follow().await?;
        for _ in 0..STEPS_MOST {
            if stand.behind == 0 {
                break;
            }
            stand = self.follow().await?;
        }
        if stand.behind > 0 {
            return Ok(Err(NoStatement::Behind));
        }
        let mut statement = Statement {
            currency,
            period,
            opening_minor: 0,
            closing_minor: 0,
            entries: Vec::new(),
            height: 0,
        };
        // One snapshot of the index: what is written meanwhile is in none of it.
        let (stand, mut reader) = self.reader().await?;
        statement.height = stand.height;
        let mut index = sqlx::Connection::begin(&mut *reader).await?;
        let Some(party) = party(&mut index, &of.account(), &currency).await? else {
            return Ok(Ok(statement));
        };
        let [got, gave] = BEFORE;
        let got = before(&mut index, got, party, period.from).await?;
        let gave = before(&mut index, gave, party, period.from).await?;
        let mut links = Vec::new();
        let mut after: Option<TraceCursor> = None;
        loop {
            let page = self
                .links(&mut index, &[party], period, after, PAGE_MOST)
                .await?;
            links.extend(page.0);
            after = page.1;
            if links.len() > STATEMENT_ENTRIES_MOST {
                return Ok(Err(NoStatement::TooLong));
            }
            if after.is_none() {
                break;
            }
        }
        // The issuer's own account falls as money comes into circulation.
        let sign = match of {
            StatementOf::Purse(_) => 1,
            StatementOf::Books => -1,
        };
        statement.opening_minor = sign * (got - gave);
        let mut balance = statement.opening_minor;
        for link in links.into_iter().rev() {
            let amount = i128::from(link.amount.get());
            let (got, gave) = (of.is(&link.payee), of.is(&link.payer));
            let change = sign * amount * (i128::from(got) - i128::from(gave));
            balance += change;
            statement.entries.push(StatementEntry {
                link,
                change_minor: change,
                balance_minor: balance,
            });
        }
        statement.closing_minor = balance;
        Ok(Ok(statement))
    }
}

async fn party(
    index: &mut Connection,
    account: &Account,
    currency: &Currency,
) -> Result<Option<i64>> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT party FROM account WHERE account = $1 AND currency = $2")
            .bind(account.key())
            .bind(currency.as_bytes().as_slice())
            .fetch_optional(index)
            .await?;
    Ok(row.map(|(party,)| party))
}

async fn before(
    index: &mut Connection,
    side: &'static str,
    party: i64,
    from: Timestamp,
) -> Result<i128> {
    let (high, low): (i64, i64) = sqlx::query_as(side)
        .bind(party)
        .bind(i64::from(from.0))
        .fetch_one(index)
        .await?;
    Ok((i128::from(high) << 32) + i128::from(low))
}
