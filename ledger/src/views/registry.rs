//! Things and places.

use super::{Listing, Page};
use crate::bounds::PAGE_MOST;
use crate::error::Error;
use crate::handle::Ledger;
use crate::store::places::{GridColumns, GridRow, grid_from};
use crate::store::things::{
    StateChange, Thing, ThingColumns, ThingState, select_thing, state_changes, thing_from,
};
use protocol::{Code, Kind};

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

impl Ledger {
    /// Things, the newest first.
    pub async fn things(
        &self,
        query: &ThingQuery,
        page: &Page,
    ) -> Result<Listing<ThingRow>, Error> {
        let text = query.text.trim();
        let code = text.parse::<Code>().ok();
        let name = text.to_lowercase();
        let name = (code.is_none() && !name.is_empty()).then_some(name);
        // A text per question, so that each walks its own index.
        let sql = match (&code, &name) {
            (Some(_), _) => select_thing!(
                "WHERE code = $5 AND sequence < $1 AND ($3 IS NULL OR kind = $3)
                 AND ($4 IS NULL OR state = $4) LIMIT $2"
            ),
            // A range over the index on names; the last character there is comes after all others.
            (None, Some(_)) => select_thing!(
                "WHERE name_key >= $6 AND name_key < $6 || '\u{10ffff}' AND sequence < $1
                 AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR state = $4)
                 ORDER BY sequence DESC LIMIT $2"
            ),
            (None, None) => select_thing!(
                "WHERE sequence < $1 AND ($3 IS NULL OR kind = $3)
                 AND ($4 IS NULL OR state = $4) ORDER BY sequence DESC LIMIT $2"
            ),
        };
        let rows: Vec<ThingColumns> = sqlx::query_as(sql)
            .bind(page.below())
            .bind(page.rows())
            .bind(query.kind.map(|kind| kind as i64))
            .bind(query.state.map(ThingState::column))
            .bind(code.as_ref().map(|code| code.as_bytes().as_slice()))
            .bind(name)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        page.listing(rows, |row| row.0, thing_from)
    }

    /// What happened to a thing's state, the newest first.
    pub async fn state_changes(&self, code: &Code) -> Result<Vec<StateChange>, Error> {
        state_changes(&mut *self.reader().await?, code, PAGE_MOST).await
    }

    /// Places, the newest first.
    pub async fn grids(&self, page: &Page) -> Result<Listing<GridRow>, Error> {
        let rows: Vec<GridColumns> = sqlx::query_as(
            "SELECT number, code, name, owner, made_by, issued FROM grid
             WHERE number < $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(page.below())
        .bind(page.rows())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        page.listing(rows, |row| row.0, grid_from)
    }
}
