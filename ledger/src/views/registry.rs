//! Things and places.

use super::{Listing, Page};
use crate::bounds::PAGE_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::areas::area_of;
use crate::store::life::{self, Binding, LifeStep};
use crate::store::lives::{owner_of, recovered_to};
use crate::store::places::{GridColumns, GridRow, grid_from};
use crate::store::row::Row;
use crate::store::things::{Thing, ThingColumns, ThingState, select_thing, thing_from};
use protocol::{Code, GridCode, Kind, Reference};
use sqlx::{QueryBuilder, Sqlite};
use std::collections::{BTreeMap, BTreeSet};

/// Which things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThingQuery {
    /// The beginning of a name in any case, or a whole code; empty for all.
    pub text: String,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only in this state.
    pub state: Option<ThingState>,
}

/// A thing as lists show it.
pub type ThingRow = Thing;

/// Things whose names begin alike, in the order of names from where the page before ended; the last
/// character there is comes after all others.
macro_rules! named {
    ($rest:literal) => {
        select_thing!(
            "WHERE (name_key, sequence) >
               (max(coalesce((SELECT name_key FROM thing WHERE sequence = $1), $6), $6), $1)
             AND name_key < $6 || '\u{10ffff}' ",
            $rest,
            " ORDER BY name_key, sequence LIMIT $2"
        )
    };
}

/// A text per question, so that each walks along its own index and passes over nothing that it does
/// not show.
const fn question(code: bool, name: bool, kind: bool, state: bool) -> &'static str {
    match (code, name, kind, state) {
        (true, ..) => select_thing!(
            "WHERE code = $5 AND sequence < $1 AND ($3 IS NULL OR kind = $3)
             AND ($4 IS NULL OR state = $4) LIMIT $2"
        ),
        (_, true, false, false) => named!(""),
        (_, true, true, false) => named!("AND kind = $3"),
        (_, true, false, true) => named!("AND state = $4"),
        (_, true, true, true) => named!("AND kind = $3 AND state = $4"),
        (_, _, false, false) => {
            select_thing!("WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2")
        }
        (_, _, true, false) => {
            select_thing!("WHERE kind = $3 AND sequence < $1 ORDER BY sequence DESC LIMIT $2")
        }
        (_, _, false, true) => {
            select_thing!("WHERE state = $4 AND sequence < $1 ORDER BY sequence DESC LIMIT $2")
        }
        (_, _, true, true) => select_thing!(
            "WHERE kind = $3 AND state = $4 AND sequence < $1 ORDER BY sequence DESC LIMIT $2"
        ),
    }
}

const GRIDS: &str = "SELECT number, code, name, owner, made_by, issued FROM grid
     WHERE number < $1 ORDER BY number DESC LIMIT $2";

const NAMES: &str = "SELECT code, name FROM thing WHERE code IN (";
/// Both ends of every payment on a page.
const NAMES_MOST: usize = 2 * PAGE_MOST as usize;

/// Every text of this file, for the test of their plans.
#[cfg(test)]
pub(super) fn texts() -> Vec<&'static str> {
    let mut texts = vec![
        GRIDS,
        life::STEPS,
        life::PLACES,
        life::THINGS,
        crate::store::surveys::NEWEST,
        crate::store::aliases::BY_NAME,
        crate::store::aliases::OF_CODE,
    ];
    for bits in 0..16u8 {
        let [code, name, kind, state] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        texts.push(question(code, name, kind, state));
    }
    texts
}

/// What people have said about a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Where its next allowances are good; `None` for anywhere.
    pub area: Option<Reference>,
    /// Whose it is.
    pub owner: Option<Code>,
    /// The code that takes over from it.
    pub successor: Option<Code>,
}

impl Ledger {
    /// What people have said about a thing.
    pub async fn standing(&self, code: &Code) -> Result<Standing, Error> {
        let reader = &mut *self.reader().await?;
        Ok(Standing {
            area: area_of(reader, code).await?,
            owner: owner_of(reader, code).await?,
            successor: recovered_to(reader, code).await?,
        })
    }

    /// Things, the newest first; those that a name was asked for in the order of their names.
    pub async fn things(
        &self,
        query: &ThingQuery,
        page: &Page,
    ) -> Result<Listing<ThingRow>, Error> {
        let text = query.text.trim();
        let code = text.parse::<Code>().ok();
        let name = text.to_lowercase();
        let name = (code.is_none() && !name.is_empty()).then_some(name);
        let from = match name.is_some() {
            true => page.above(),
            false => page.below(),
        };
        let rows: Vec<ThingColumns> = sqlx::query_as(question(
            code.is_some(),
            name.is_some(),
            query.kind.is_some(),
            query.state.is_some(),
        ))
        .bind(from)
        .bind(page.rows())
        .bind(query.kind.map(|kind| kind as i64))
        .bind(query.state.map(ThingState::column))
        .bind(code.as_ref().map(|code| code.as_bytes().as_slice()))
        .bind(name)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        page.listing(rows, |row| row.0, thing_from)
    }

    /// Names of things by their codes, as far as they are registered; of [`NAMES_MOST`] codes at
    /// most.
    pub async fn names(&self, codes: &BTreeSet<Code>) -> Result<BTreeMap<Code, String>, Error> {
        let mut text = QueryBuilder::<Sqlite>::new(NAMES);
        let mut listed = text.separated(", ");
        for code in codes.iter().take(NAMES_MOST) {
            listed.push_bind(code.as_bytes().as_slice());
        }
        listed.push_unseparated(")");
        let rows: Vec<(Vec<u8>, String)> = text
            .build_query_as()
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let read = |(code, name): (Vec<u8>, String)| {
            let row = Row {
                table: "thing",
                key: &name,
            };
            Ok((row.code(&code)?, name))
        };
        rows.into_iter().map(read).collect()
    }

    /// What happened to a code, the newest first.
    pub async fn life(&self, code: &Code) -> Result<Vec<LifeStep>, Error> {
        life::steps(&mut *self.reader().await?, code, PAGE_MOST).await
    }

    /// Where a thing stands and stood, the newest place first.
    pub async fn places_of(&self, code: &Code) -> Result<Vec<Binding>, Error> {
        life::places(&mut *self.reader().await?, code, PAGE_MOST).await
    }

    /// What stands and stood at a place, the newest first.
    pub async fn things_at(&self, place: &GridCode) -> Result<Vec<Binding>, Error> {
        life::things_at(&mut *self.reader().await?, place, PAGE_MOST).await
    }

    /// Places, the newest first.
    pub async fn grids(&self, page: &Page) -> Result<Listing<GridRow>, Error> {
        let rows: Vec<GridColumns> = sqlx::query_as(GRIDS)
            .bind(page.below())
            .bind(page.rows())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, grid_from)
    }
}
