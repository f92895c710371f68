//! Following coins from where they stand to where no line leads on.

use super::{Jump, Spot};

/// Coins that walked as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Of which coin, counted along where the walk began, this is the place.
    pub first: u128,
    /// How many from there on.
    pub coins: u128,
    /// Where the first of them arrived.
    pub at: Spot,
}

impl Arrived {
    /// Takes the next ones in if they stand right behind in both rows.
    pub fn join(&mut self, next: &Self) -> bool {
        let joins = self.first.saturating_add(self.coins) == next.first
            && self.at.plus(self.coins) == next.at;
        if joins {
            self.coins = self.coins.saturating_add(next.coins);
        }
        joins
    }
}

/// A row of coins under way, the first coin first. Forwards, the lines are moves and jumps as they
/// are, and coins arrive where they stand now; backwards the lines are turned, and coins arrive in
/// the source they come from.
///
/// Ask [`Walk::wants`], look up a line that begins at or before that spot and reaches beyond it, and
/// tell [`Walk::found`]; until nothing is wanted.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The last one is the next.
    rows: Vec<Arrived>,
}

impl Walk {
    /// So many coins from this spot on; the first is called by this number.
    pub fn new(first: u128, coins: u128, at: Spot) -> Self {
        let row = Arrived { first, coins, at };
        Self {
            rows: Vec::from_iter((coins > 0).then_some(row)),
        }
    }

    /// Where a line has to be looked up.
    pub fn wants(&self) -> Option<Spot> {
        self.rows.last().map(|row| row.at)
    }

    /// The line there, or none: then the coins have arrived.
    pub fn found(&mut self, line: Option<Jump>) -> Option<Arrived> {
        let row = self.rows.pop()?;
        let Some((line, before)) = line.and_then(|line| Some((line, line.before(row.at)?))) else {
            return Some(row);
        };
        let together = line.coins.saturating_sub(before).min(row.coins);
        if together < row.coins {
            self.rows.push(Arrived {
                first: row.first.saturating_add(together),
                coins: row.coins.saturating_sub(together),
                at: row.at.plus(together),
            });
        }
        self.rows.push(Arrived {
            first: row.first,
            coins: together,
            at: line.to.plus(before),
        });
        None
    }
}
