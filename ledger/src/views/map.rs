//! Places in a part of a map, those that lie close together as one.

use crate::store::places::{GridColumns, grid_from};
use crate::z_order::Window;
use crate::{Error, GridRow, Ledger};

/// Spots of one run of the curve.
const RUN_SPOTS_MOST: i64 = 512;

/// The newest place of each clump in a run, and how many there are; more of a clump than its corner
/// when `least` and `most` differ.
pub(super) const SPOTS: &str = "
    SELECT clump.places, clump.least = clump.most,
           grid.number, grid.code, grid.name, grid.owner, grid.made_by, grid.issued
    FROM (SELECT count(*) AS places, min(z) AS least, max(z) AS most, max(number) AS newest
          FROM grid WHERE z BETWEEN $1 AND $2 GROUP BY z >> $3 LIMIT $4) AS clump
    JOIN grid ON grid.number = clump.newest";

/// One or more places close together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// How many.
    pub places: u64,
    /// Whether all of them have one corner, so that no closer look tells them apart.
    pub is_one_corner: bool,
    /// The newest.
    pub newest: GridRow,
}

type SpotColumns = (i64, bool, i64, Vec<u8>, String, Vec<u8>, String, i64);

impl Ledger {
    /// What stands in a window, a few hundred spots at most however many places there are. Clumps at
    /// the edge of the window may count neighbours beyond it.
    pub async fn map(&self, window: Window) -> Result<Vec<Spot>, Error> {
        let reader = &mut *self.reader().await?;
        let mut spots = Vec::new();
        for (first, last) in window.runs() {
            let rows: Vec<SpotColumns> = sqlx::query_as(SPOTS)
                .bind(first)
                .bind(last)
                .bind(window.clump_shift())
                .bind(RUN_SPOTS_MOST)
                .fetch_all(&mut *reader)
                .await?;
            for (places, is_one_corner, number, code, name, owner, by, issued) in rows {
                let columns: GridColumns = (number, code, name, owner, by, issued);
                spots.push(Spot {
                    places: u64::try_from(places).unwrap_or_default(),
                    is_one_corner,
                    newest: grid_from(columns)?,
                });
            }
        }
        Ok(spots)
    }
}
