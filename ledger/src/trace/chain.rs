//! The value chain: who paid whom, how much, where and when.

use super::Tracing;
use super::answers::{Holder, Note, TraceCursor, Traced};
use super::ask::{Budget, holder, name, names, note};
use super::fifo::AccountId;
use crate::books::Account;
use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::{AmountMinor, Code, Currency, GridCode, Timestamp};
use sqlx::{QueryBuilder, Sqlite};

/// Currencies of one purse that one answer looks at.
const CURRENCIES_MOST: u32 = 64;

/// From a time on, and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// From here on.
    pub from: Timestamp,
    /// And before this.
    pub until: Timestamp,
}

impl Period {
    /// All of time.
    pub const ALWAYS: Self = Self {
        from: Timestamp(0),
        until: Timestamp(u32::MAX),
    };
}

/// Money that went from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The entry that did it; its subject is the payment.
    pub note: Note,
    /// Who paid.
    pub payer: Holder,
    /// Who was paid.
    pub payee: Holder,
    /// In which currency.
    pub currency: Currency,
    /// How much.
    pub amount: AmountMinor,
    /// Where: the newest place that the payee owned then, else the payer.
    pub place: Option<GridCode>,
}

struct Columns {
    height: i64,
    line: i64,
    at: i64,
    payer: i64,
    payee: i64,
    amount: i64,
}

macro_rules! select_paid {
    ($side:literal) => {
        concat!(
            "SELECT height, line, at, payer, payee, amount FROM paid WHERE ",
            $side,
            " = $1 AND at >= $2 AND (at, height, line) < ($3, $4, $5)
             ORDER BY at DESC, height DESC, line DESC LIMIT $6"
        )
    };
}

pub(super) const GAVE: &str = select_paid!("payer");
pub(super) const GOT: &str = select_paid!("payee");
/// For each party on the list.
pub(super) const PLACE: &str = "SELECT (SELECT code FROM grid WHERE owner = wanted.owner
    AND issued <= wanted.at ORDER BY number DESC LIMIT 1) FROM wanted ORDER BY row";

impl Tracing {
    /// Whom a purse paid and by whom it was paid, loads and redemptions included, the newest first.
    /// Money in transit is paid when it arrives.
    pub async fn chain(
        &self,
        code: &Code,
        period: Period,
        after: Option<TraceCursor>,
        most: u32,
    ) -> Result<Traced<Vec<Link>>> {
        let (stand, mut reader) = self.reader().await?;
        let mut index = sqlx::Connection::begin(&mut *reader).await?;
        let parties = parties(&mut index, code).await?;
        let (links, next) = self
            .links(&mut index, &parties, period, after, most)
            .await?;
        Ok(stand.says(links, next))
    }

    /// A page of what these parties paid and were paid, the newest first.
    pub(super) async fn links(
        &self,
        index: &mut Connection,
        parties: &[i64],
        period: Period,
        after: Option<TraceCursor>,
        most: u32,
    ) -> Result<(Vec<Link>, Option<TraceCursor>)> {
        let rows = Budget::new(most).rows;
        let mut paid = Vec::new();
        for party in parties {
            for side in [GAVE, GOT] {
                paid.extend(read(index, side, *party, period, after, rows).await?);
            }
        }
        paid.sort_unstable_by_key(|row| std::cmp::Reverse((row.at, row.height, row.line)));
        let more = paid.len() > rows;
        paid.truncate(rows);
        let next = paid.last().filter(|_| more).map(|last| TraceCursor {
            account: last.at,
            position: last.height.unsigned_abs().into(),
            coins: last.line.unsigned_abs().into(),
        });
        let ids = paid.iter().flat_map(|row| [row.payer, row.payee]);
        let names = names(index, ids.map(AccountId)).await?;
        let heights = paid.iter().map(|row| row.height.unsigned_abs());
        let notes = self.notes(heights.collect()).await?;
        let mut links = Vec::with_capacity(paid.len());
        for row in paid {
            let (payer, payee) = (AccountId(row.payer), AccountId(row.payee));
            let note = note(&notes, row.height.unsigned_abs())?;
            let (from, to) = (holder(&names, payer)?, holder(&names, payee)?);
            let read = Row {
                table: "paid",
                key: &row.height,
            };
            links.push(Link {
                note,
                currency: name(&names, payee)?.currency,
                amount: read.amount(row.amount)?,
                place: None,
                payer: from,
                payee: to,
            });
        }
        let mut books = self.shared.books.acquire().await?;
        put_places(&mut books, &mut links).await?;
        Ok((links, next))
    }
}

/// The purse in each of its currencies.
async fn parties(index: &mut Connection, code: &Code) -> Result<Vec<i64>> {
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT id FROM account WHERE account = $1 LIMIT $2")
        .bind(Account::PurseFree(*code).key())
        .bind(CURRENCIES_MOST)
        .fetch_all(index)
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

async fn read(
    index: &mut Connection,
    side: &'static str,
    party: i64,
    period: Period,
    after: Option<TraceCursor>,
    rows: usize,
) -> Result<Vec<Columns>> {
    let below = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    let end = i64::from(period.until.0);
    // Nothing is written at height 0: before the first entry of that second.
    let (at, height, line) = match after {
        Some(after) if after.account < end => {
            (after.account, below(after.position), below(after.coins))
        }
        _ => (end, 0, 0),
    };
    let found: Vec<(i64, i64, i64, i64, i64, i64)> = sqlx::query_as(side)
        .bind(party)
        .bind(i64::from(period.from.0))
        .bind(at)
        .bind(height)
        .bind(line)
        .bind(i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(index)
        .await?;
    let columns = |(height, line, at, payer, payee, amount)| Columns {
        height,
        line,
        at,
        payer,
        payee,
        amount,
    };
    Ok(found.into_iter().map(columns).collect())
}

/// The newest place that the payee of each owned at its time, else the payer.
async fn put_places(books: &mut Connection, links: &mut [Link]) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let mut text = QueryBuilder::<Sqlite>::new("WITH wanted (row, owner, at) AS (");
    let sides = links.iter().flat_map(|link| {
        let sides = [&link.payee, &link.payer].map(Holder::code);
        sides.map(|code| (code, link.note.at))
    });
    text.push_values((0i64..).zip(sides), |mut row, (number, (code, at))| {
        row.push_bind(number)
            .push_bind(code.map(|code| code.as_bytes().to_vec()))
            .push_bind(i64::from(at.0));
    });
    text.push(") ").push(PLACE);
    let query = text.build_query_as().persistent(false);
    let places: Vec<(Option<Vec<u8>>,)> = query.fetch_all(books).await?;
    for (link, sides) in links.iter_mut().zip(places.chunks(2)) {
        let row = Row {
            table: "grid",
            key: &link.note.height,
        };
        let place = sides.iter().find_map(|(place,)| place.as_deref());
        link.place = place.map(|place| row.grid(place)).transpose()?;
    }
    Ok(())
}
