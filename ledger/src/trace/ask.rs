//! Questions about coins.

use super::answers::{
    Holder, Holding, Hop, LoadTrace, Note, PathTrace, Provenance, Serials, TraceCursor, Traced,
};
use super::fifo::{Account, AccountId, Arrived, Move, Name, Spot, Walk};
use super::index::{self, BACKWARDS, FORWARDS, read_account, select_account};
use super::{Stand, Tracing};
use crate::books;
use crate::bounds::PAGE_MOST;
use crate::error::{Damage, Error};
use crate::store::row::Row;
use crate::store::{Connection, Result};
use protocol::{Code, Currency};
use sqlx::pool::PoolConnection;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::{BTreeMap, BTreeSet};

/// Lookups after which a page ends, once it has a row.
pub const LOOKUPS_MOST: u32 = 8192;

pub(super) const OF_CODE: &str = select_account!(
    "FROM account WHERE account.id >= $2 AND entered <> gone AND account.id IN (
       SELECT id FROM account WHERE account = $1
       UNION SELECT part.id FROM account AS whole
         JOIN account AS part ON part.party = whole.id AND part.party <> part.id
         WHERE whole.account = $1)
     ORDER BY account.id LIMIT $3"
);

/// How many rows are wanted, and how many lookups they may cost.
pub(super) struct Budget {
    pub rows: usize,
    pub lookups: u32,
}

impl Budget {
    pub(super) fn new(most: u32) -> Self {
        Self {
            rows: most.clamp(1, PAGE_MOST) as usize,
            lookups: LOOKUPS_MOST,
        }
    }

    /// One more lookup, unless the page has a row and cost enough.
    fn spend(&mut self, has_row: bool) -> bool {
        self.lookups = self.lookups.saturating_sub(1);
        self.lookups > 0 || !has_row
    }
}

impl Tracing {
    /// Where the coins are now that this entry brought into these books: a load, or a credit from
    /// beyond them. None when it brought none.
    pub async fn forwards(
        &self,
        height: u64,
        after: Option<TraceCursor>,
        most: u32,
    ) -> Result<Traced<Option<LoadTrace>>> {
        let (stand, mut reader) = self.reader().await?;
        let mut index = sqlx::Connection::begin(&mut *reader).await?;
        let minted = index::minted(&mut index, height, PAGE_MOST).await?;
        let Some(first) = minted.first().copied() else {
            return Ok(stand.says(None, None));
        };
        let starts = starts_of(&minted, after);
        let (rows, next) = gather(&mut index, &starts, FORWARDS, Budget::new(most)).await?;
        let ids = rows.iter().map(|(_, row)| row.at.account);
        let names = names(&mut index, ids.chain([first.from.account])).await?;
        let notes = self.notes([height].into()).await?;
        let holding = |(source, row): &(AccountId, Arrived)| -> Result<Holding> {
            Ok(Holding {
                serials: Serials::from(row.first, row.coins, *source),
                holder: holder(&names, row.at.account)?,
            })
        };
        let serials =
            |part: &Move| Serials::from(part.from.position, part.coins.into(), part.from.account);
        let trace = LoadTrace {
            note: note(&notes, height)?,
            currency: name(&names, first.from.account)?.currency,
            source: holder(&names, first.from.account)?,
            serials: minted.iter().map(serials).collect(),
            holdings: rows.iter().map(holding).collect::<Result<_>>()?,
        };
        Ok(stand.says(Some(trace), next))
    }

    /// Which coins a purse holds, free and reserved, in the order in which it will pay them out,
    /// each with the load it comes from. What is in transit is in no purse.
    pub async fn backwards(
        &self,
        code: &Code,
        currency: Option<&Currency>,
        after: Option<TraceCursor>,
        most: u32,
    ) -> Result<Traced<Vec<Provenance>>> {
        let (stand, mut reader) = self.reader().await?;
        let mut index = sqlx::Connection::begin(&mut *reader).await?;
        let begin = after.map_or(0, |after| after.account);
        let accounts = of_code(&mut index, code, begin, PAGE_MOST).await?;
        let starts = accounts
            .iter()
            .filter(|(name, _)| currency.is_none_or(|only| name.currency == *only))
            .map(|(_, account)| queue_of(account, after))
            .collect::<Vec<_>>();
        let budget = Budget::new(most);
        let wanted = budget.rows;
        let (arrived, mut next) = gather(&mut index, &starts, BACKWARDS, budget).await?;
        if let Some((_, last)) = accounts
            .last()
            .filter(|_| accounts.len() == PAGE_MOST as usize)
        {
            // There may be more accounts than were looked at.
            let account = AccountId(last.id.0.saturating_add(1));
            let position = 0;
            next = next.or(Some(TraceCursor::at(Spot { account, position }, 0)));
        }
        let mut rows = Vec::with_capacity(wanted);
        'page: for (id, row) in arrived {
            for (part, mint) in by_load(&mut index, &row, wanted).await? {
                if rows.len() == wanted {
                    next = Some(TraceCursor::at(part_at(id, &part), 0));
                    break 'page;
                }
                rows.push((id, part, mint));
            }
        }
        let ids = rows.iter().flat_map(|(id, row, _)| [*id, row.at.account]);
        let names = names(&mut index, ids).await?;
        let heights = rows.iter().map(|(.., mint)| mint.height).collect();
        let notes = self.notes(heights).await?;
        let provenance = |(id, row, mint): &(AccountId, Arrived, Move)| -> Result<Provenance> {
            Ok(Provenance {
                currency: name(&names, *id)?.currency,
                serials: Serials::from(row.at.position, row.coins, row.at.account),
                holder: holder(&names, *id)?,
                source: holder(&names, row.at.account)?,
                load: note(&notes, mint.height)?,
            })
        };
        let answer = rows.iter().map(provenance).collect::<Result<_>>()?;
        Ok(stand.says(answer, next))
    }

    /// Every entry that moved these coins, from the source on. None when there are no such coins.
    pub async fn path(
        &self,
        serials: &Serials,
        after: Option<TraceCursor>,
        most: u32,
    ) -> Result<Traced<Option<PathTrace>>> {
        let (stand, mut reader) = self.reader().await?;
        let mut index = sqlx::Connection::begin(&mut *reader).await?;
        let source = AccountId(serials.source);
        let mut at = Spot {
            account: source.source(),
            position: serials.first,
        };
        let Some(begin) = index::next_move(&mut index, at)
            .await?
            .filter(|_| serials.first > 0 && serials.source > 0)
        else {
            return Ok(stand.says(None, None));
        };
        let mut coins = serials.coins();
        let mut next = Some(begin);
        if let Some(after) = after {
            (at, coins) = (after.spot(), coins.min(after.coins));
            next = index::next_move(&mut index, at).await?;
            if next.is_none() {
                // Every cursor that was given has something behind it.
                return Ok(stand.says(None, None));
            }
        }
        let mut moves = Vec::new();
        let rows = Budget::new(most).rows;
        while let Some(each) = next.filter(|_| moves.len() < rows) {
            let before = each.jump().before(at).unwrap_or(0);
            coins = coins.min(u128::from(each.coins).saturating_sub(before));
            at = each.to.plus(before);
            moves.push(each);
            next = index::next_move(&mut index, at).await?;
        }
        let ids = moves
            .iter()
            .flat_map(|each| [each.from.account, each.to.account]);
        let names = names(&mut index, ids.chain([source, at.account])).await?;
        let notes = self
            .notes(moves.iter().map(|each| each.height).collect())
            .await?;
        let hop = |each: &Move| -> Result<Hop> {
            Ok(Hop {
                note: note(&notes, each.height)?,
                from: holder(&names, each.from.account)?,
                to: holder(&names, each.to.account)?,
            })
        };
        let path = PathTrace {
            currency: name(&names, source)?.currency,
            serials: Serials::from(serials.first, coins, source),
            hops: moves.iter().map(hop).collect::<Result<_>>()?,
            holder: holder(&names, at.account)?,
        };
        let next = next.map(|_| TraceCursor::at(at, coins));
        Ok(stand.says(Some(path), next))
    }

    pub(super) async fn reader(&self) -> Result<(Stand, PoolConnection<Sqlite>)> {
        let stand = self.catch_up().await?;
        Ok((stand, self.shared.readers.acquire().await?))
    }

    /// What the journal says of these entries.
    pub(super) async fn notes(&self, heights: BTreeSet<u64>) -> Result<BTreeMap<u64, Note>> {
        let mut notes = BTreeMap::new();
        if heights.is_empty() {
            return Ok(notes);
        }
        let mut text = QueryBuilder::<Sqlite>::new(
            "SELECT height, at, kind, subject FROM entry WHERE height IN (",
        );
        let mut list = text.separated(", ");
        for height in heights {
            list.push_bind(height as i64);
        }
        text.push(")");
        let mut books = self.shared.books.acquire().await?;
        let query = text.build_query_as().persistent(false);
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = query.fetch_all(&mut *books).await?;
        for (height, at, kind, subject) in rows {
            let row = Row {
                table: "entry",
                key: &height,
            };
            let note = Note {
                height: row.count(height)?,
                at: row.time(at)?,
                kind: u8::try_from(kind).map_err(|_| row.damaged("no kind"))?,
                subject: row.digest(&subject)?,
            };
            notes.insert(note.height, note);
        }
        Ok(notes)
    }
}

impl Stand {
    pub(super) const fn says<T>(self, answer: T, next: Option<TraceCursor>) -> Traced<T> {
        Traced {
            answer,
            next,
            height: self.height,
            behind: self.behind,
        }
    }
}

/// Follows these rows of coins one after the other, until the page is full or costs too much: what
/// arrived, with the account where it started, and the coin to go on with.
pub(super) async fn gather(
    index: &mut Connection,
    starts: &[(Spot, u128)],
    lines: &'static str,
    mut budget: Budget,
) -> Result<(Vec<(AccountId, Arrived)>, Option<TraceCursor>)> {
    let mut rows: Vec<(AccountId, Arrived)> = Vec::new();
    for (start, coins) in starts {
        let mut walk = Walk::new(start.position, *coins, *start);
        let mut reached = *start;
        // Rows join within one start only.
        let mut last: Option<Arrived> = None;
        while let Some(spot) = walk.wants() {
            let found = rows.len().saturating_add(usize::from(last.is_some()));
            if found > budget.rows || !budget.spend(found > 0) {
                break;
            }
            let line = index::reaching(index, lines, spot).await?;
            let Some(row) = walk.found(line) else {
                continue;
            };
            if last.as_mut().is_some_and(|last| last.join(&row)) {
                continue;
            }
            rows.extend(last.replace(row).map(|done| (start.account, done)));
        }
        if rows.len() < budget.rows {
            rows.extend(last.take().map(|done| (start.account, done)));
        }
        if let Some((_, row)) = rows.last().filter(|(of, _)| *of == start.account) {
            let end = row.first.saturating_add(row.coins);
            reached.position = reached.position.max(end);
        }
        if reached != start.plus(*coins) {
            return Ok((rows, Some(TraceCursor::at(reached, 0))));
        }
    }
    Ok((rows, None))
}

/// What an entry brought in, from the cursor on.
fn starts_of(minted: &[Move], after: Option<TraceCursor>) -> Vec<(Spot, u128)> {
    let jumps = minted.iter().map(Move::jump);
    let Some(after) = after else {
        return jumps.map(|jump| (jump.from, jump.coins)).collect();
    };
    let mut jumps = jumps.skip_while(|jump| jump.before(after.spot()).is_none());
    let first = jumps.next().map(|jump| {
        let before = jump.before(after.spot()).unwrap_or(0);
        (after.spot(), jump.coins.saturating_sub(before))
    });
    first
        .into_iter()
        .chain(jumps.map(|jump| (jump.from, jump.coins)))
        .collect()
}

/// What stands in an account, from the cursor on.
fn queue_of(account: &Account, after: Option<TraceCursor>) -> (Spot, u128) {
    let front = account.left.saturating_add(1);
    let end = account.entered.saturating_add(1);
    let position = match after {
        Some(after) if after.account == account.id.0 => after.position.clamp(front, end),
        _ => front,
    };
    let at = Spot {
        account: account.id,
        position,
    };
    (at, end.saturating_sub(position))
}

const fn part_at(account: AccountId, part: &Arrived) -> Spot {
    Spot {
        account,
        position: part.first,
    }
}

/// A run of serials, cut where one load ends and the next begins; at most `most` parts and one.
async fn by_load(
    index: &mut Connection,
    row: &Arrived,
    most: usize,
) -> Result<Vec<(Arrived, Move)>> {
    let most = u32::try_from(most).unwrap_or(PAGE_MOST).saturating_add(1);
    let mut parts = Vec::new();
    let (mut first, mut at, mut coins) = (row.first, row.at, row.coins);
    for mint in index::mints(index, row.at, most).await? {
        let Some(before) = mint.jump().before(at).filter(|_| coins > 0) else {
            break;
        };
        let part = u128::from(mint.coins).saturating_sub(before).min(coins);
        let coins_here = Arrived {
            first,
            coins: part,
            at,
        };
        parts.push((coins_here, mint));
        (first, at) = (first.saturating_add(part), at.plus(part));
        coins = coins.saturating_sub(part);
    }
    Ok(parts)
}

async fn of_code(
    index: &mut Connection,
    code: &Code,
    from: i64,
    most: u32,
) -> Result<Vec<(Name, Account)>> {
    let rows = sqlx::query_as(OF_CODE)
        .bind(books::Account::PurseFree(*code).key())
        .bind(from)
        .bind(most)
        .fetch_all(index)
        .await?;
    rows.into_iter().map(read_account).collect()
}

pub(super) type Names = BTreeMap<i64, Name>;

/// The names of these accounts, or of the accounts whose sources these are.
pub(super) async fn names(
    index: &mut Connection,
    ids: impl Iterator<Item = AccountId>,
) -> Result<Names> {
    let ids: BTreeSet<i64> = ids.map(|id| id.account().0).collect();
    let mut found = BTreeMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let mut text = QueryBuilder::<Sqlite>::new(select_account!("FROM account WHERE id IN ("));
    let mut list = text.separated(", ");
    for id in ids {
        list.push_bind(id);
    }
    text.push(")");
    let query = text.build_query_as().persistent(false);
    for row in query.fetch_all(index).await? {
        let (name, account) = read_account(row)?;
        found.insert(account.id.0, name);
    }
    Ok(found)
}

pub(super) fn name(names: &Names, id: AccountId) -> Result<&Name> {
    let found = names.get(&id.account().0);
    found.ok_or_else(|| Damage::new("trace account", id.0, "missing").into())
}

pub(super) fn holder(names: &Names, id: AccountId) -> Result<Holder> {
    Ok(Holder::read(&name(names, id)?.key))
}

pub(super) fn note(notes: &BTreeMap<u64, Note>, height: u64) -> Result<Note> {
    let found = notes.get(&height).copied();
    found.ok_or_else(|| Error::from(Damage::new("entry", height, "missing")))
}
